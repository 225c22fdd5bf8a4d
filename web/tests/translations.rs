//! Every text of the page has its Japanese in `web/ja/`, in the file of the part that shows it, with the same places in it, and nothing else stands there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use soundstage_proto::descriptor::METHODS;
use soundstage_proto::user_types::STORABLE;

/// What a text stands in: `t`, `fill` and `key` of `web/src/language.rs`.
const MARKS: [&str; 3] = ["t(", "fill(", "key("];

/// What the sentences of the rules stand in, which the page shows too: those of `proto` and `files`.
const RULES: [&str; 7] = [
    "whole(",
    "Err(",
    "ok_or(",
    "_WANTED: &str =",
    "what: \"",
    "self.error(",
    "error(line, ",
];

fn source(path: &Path, texts: &mut String) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            source(&entry.expect("an entry").path(), texts);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        let text = fs::read_to_string(path).expect("a text");
        texts.push_str(text.split("#[cfg(test)]").next().unwrap_or_default());
    }
}

/// The literals that follow one of the marks.
fn marked(source: &str, marks: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for mark in marks {
        for (place, _) in source.match_indices(mark) {
            let before = source[..place].chars().next_back();
            if mark.starts_with(char::is_lowercase)
                && before.is_some_and(|before| before.is_alphanumeric() || before == '_')
            {
                continue;
            }
            let behind = source[place + mark.trim_end_matches('"').len()..].trim_start();
            // A text is the value of a literal as JSON reads it; both escape alike what occurs here.
            if behind.starts_with('"') {
                let mut values = serde_json::Deserializer::from_str(behind).into_iter::<String>();
                found.extend(values.next().and_then(Result::ok));
            }
        }
    }
    found
}

/// The places of a text, such as `{0}`.
fn places(text: &str) -> BTreeSet<&str> {
    let places = text.split('{').skip(1);
    places
        .filter_map(|place| place.split_once('}').map(|(name, _)| name))
        .collect()
}

/// The translations of a part of the page.
fn translations(part: &str) -> BTreeMap<String, String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("ja/{part}.json"));
    let file = fs::read_to_string(file).expect("the translations");
    serde_json::from_str(&file).expect("texts by texts")
}

/// The texts of some folders or files of the page.
fn texts_of(places: &[&str], marks: &[&str]) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    for place in places {
        source(&folder.join(place), &mut sources);
    }
    marked(&sources, marks)
}

#[test]
fn every_text_has_its_japanese() {
    let mut page = BTreeSet::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(folder).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_str().expect("text");
        if !["stage", "calls"].contains(&name) {
            page.extend(texts_of(&[&format!("src/{name}")], &MARKS));
        }
    }
    assert!(page.len() > 100, "the texts are not found");
    page.extend(texts_of(
        &["../proto/src/user_rules.rs", "../formats/src"],
        &RULES,
    ));
    page.extend(STORABLE.map(|user_type| user_type.label().to_owned()));
    let mut stage = texts_of(&["src/stage"], &MARKS);
    let mut calls = texts_of(&["src/calls"], &MARKS);
    calls.extend(METHODS.iter().map(|method| method.summary.to_owned()));
    // What more than one part shows is there from the beginning.
    page.extend(stage.intersection(&calls).cloned().collect::<Vec<_>>());
    stage.retain(|text| !page.contains(text));
    calls.retain(|text| !page.contains(text));

    for (part, wanted) in [("page", page), ("stage", stage), ("calls", calls)] {
        check(part, &wanted);
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = folder.join("style");
    let index = fs::read_to_string(folder.join("index.css")).expect("the style");
    for file in index.split('"').skip(1).step_by(2) {
        let style = fs::read_to_string(folder.join(file)).expect("an imported style");
        for content in style.split("content: \"").skip(1) {
            let is_word = content.starts_with(|first: char| first.is_alphabetic());
            assert!(!is_word, "a text in {file}: {content}");
        }
    }
}

/// The texts of a part, and only they, are translated, with the same places in them.
fn check(part: &str, wanted: &BTreeSet<String>) {
    let texts = translations(part);
    let missing: Vec<_> = wanted
        .iter()
        .filter(|text| !texts.contains_key(*text))
        .collect();
    assert!(
        missing.is_empty(),
        "without a translation in {part}.json: {missing:#?}"
    );
    let unused: Vec<_> = texts
        .keys()
        .filter(|text| !wanted.contains(*text))
        .collect();
    assert!(
        unused.is_empty(),
        "in {part}.json, and not shown there, or elsewhere too: {unused:#?}"
    );
    for (english, japanese) in &texts {
        assert_eq!(places(english), places(japanese), "{english}");
        assert!(!japanese.trim().is_empty(), "{english}");
    }
}
