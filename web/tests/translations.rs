//! Every text of the page has its Japanese in `web/ja/`, in the file of its part, with the same placeholders. The files have
//! no other texts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use soundstage_proto::descriptor::METHODS;
use soundstage_proto::user_types::STORABLE;

/// Beginnings of calls that take a text: `t`, `fill` and `key` of `web/src/language.rs`.
const MARKS: [&str; 3] = ["t(", "fill(", "key("];

/// Code before the sentences of `proto` and `formats`, which the page shows too.
const RULES: [&str; 7] = [
    "whole(",
    "Err(",
    "ok_or(",
    "_WANTED: &str =",
    "what: \"",
    "self.error(",
    "error(line, ",
];

/// Appends the Rust sources of a file or folder, without their tests.
fn read_sources(path: &Path, sources: &mut String) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            read_sources(&entry.expect("an entry").path(), sources);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        let text = fs::read_to_string(path).expect("a text");
        sources.push_str(text.split("#[cfg(test)]").next().unwrap_or_default());
    }
}

/// Returns the literals that follow one of the marks.
fn marked(source: &str, marks: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for mark in marks {
        for (offset, _) in source.match_indices(mark) {
            let before = source[..offset].chars().next_back();
            if mark.starts_with(char::is_lowercase)
                && before.is_some_and(|before| before.is_alphanumeric() || before == '_')
            {
                continue;
            }
            let after = source[offset + mark.trim_end_matches('"').len()..].trim_start();
            // JSON and Rust escape the characters of these literals alike.
            if after.starts_with('"') {
                let mut values = serde_json::Deserializer::from_str(after).into_iter::<String>();
                found.extend(values.next().and_then(Result::ok));
            }
        }
    }
    found
}

/// Returns the placeholders of a text, such as `0` for `{0}`.
fn placeholders(text: &str) -> BTreeSet<&str> {
    let parts = text.split('{').skip(1);
    parts
        .filter_map(|part| part.split_once('}').map(|(name, _)| name))
        .collect()
}

/// Returns the translations of a part of the page.
fn translations(part: &str) -> BTreeMap<String, String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("ja/{part}.json"));
    let file = fs::read_to_string(file).expect("the translations");
    serde_json::from_str(&file).expect("pairs of texts")
}

/// Returns the texts of some folders or files of the page.
fn texts_of(paths: &[&str], marks: &[&str]) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    for path in paths {
        read_sources(&folder.join(path), &mut sources);
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
    assert!(page.len() > 100, "the test does not find the texts");
    page.extend(texts_of(
        &["../proto/src/user_rules.rs", "../formats/src"],
        &RULES,
    ));
    page.extend(STORABLE.map(|user_type| user_type.label().to_owned()));
    let mut stage = texts_of(&["src/stage"], &MARKS);
    let mut calls = texts_of(&["src/calls"], &MARKS);
    calls.extend(METHODS.iter().map(|method| method.summary.to_owned()));
    // Texts that both parts share are loaded with the page.
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

/// Checks that exactly the wanted texts of a part have translations, with the same placeholders.
fn check(part: &str, wanted: &BTreeSet<String>) {
    let texts = translations(part);
    let missing: Vec<_> = wanted
        .iter()
        .filter(|text| !texts.contains_key(*text))
        .collect();
    assert!(missing.is_empty(), "missing in {part}.json: {missing:#?}");
    let unused: Vec<_> = texts
        .keys()
        .filter(|text| !wanted.contains(*text))
        .collect();
    assert!(
        unused.is_empty(),
        "unused in {part}.json, or shared with another part: {unused:#?}"
    );
    for (english, japanese) in &texts {
        assert_eq!(placeholders(english), placeholders(japanese), "{english}");
        assert!(!japanese.trim().is_empty(), "{english}");
    }
}
