//! Every text of the page has its Japanese in `web/ja.json`, with the same places in it, and nothing else stands there.

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

#[test]
fn every_text_has_its_japanese() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut page = String::new();
    source(&folder.join("src"), &mut page);
    let mut rules = String::new();
    source(&folder.join("../proto/src/user_rules.rs"), &mut rules);
    source(&folder.join("../files/src"), &mut rules);
    let mut wanted = marked(&page, &MARKS);
    assert!(wanted.len() > 100, "the texts are not found");
    wanted.extend(marked(&rules, &RULES));
    wanted.extend(STORABLE.map(|user_type| user_type.label().to_owned()));
    wanted.extend(METHODS.iter().map(|method| method.summary.to_owned()));

    let file = fs::read_to_string(folder.join("ja.json")).expect("the translations");
    let texts: BTreeMap<String, String> = serde_json::from_str(&file).expect("texts by texts");
    let missing: Vec<_> = wanted
        .iter()
        .filter(|text| !texts.contains_key(*text))
        .collect();
    assert!(missing.is_empty(), "without a translation: {missing:#?}");
    let unused: Vec<_> = texts
        .keys()
        .filter(|text| !wanted.contains(*text))
        .collect();
    assert!(
        unused.is_empty(),
        "translated, and nowhere shown: {unused:#?}"
    );
    for (english, japanese) in &texts {
        assert_eq!(places(english), places(japanese), "{english}");
        assert!(!japanese.trim().is_empty(), "{english}");
    }
    let style = fs::read_to_string(folder.join("style.css")).expect("the style");
    for content in style.split("content: \"").skip(1) {
        let is_word = content.starts_with(|first: char| first.is_alphabetic());
        assert!(
            !is_word,
            "a text in the style sheet: {}",
            content.lines().next().unwrap_or_default()
        );
    }
}
