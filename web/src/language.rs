//! Language of the page: English from the source, or Japanese from `web/ja/`.
//!
//! An English text is the key of its translation, so that the source reads like the page. Each part of the page has its own
//! file of texts, which is loaded with the part. `web/tests/translations.rs` compares the sources with the files.

use std::cell::{Cell, RefCell};

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::JsFuture;

use crate::browser;

/// Name of the reader's choice in the browser's storage.
const STORED: &str = "language";

/// Language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Language {
    #[default]
    English,
    Japanese,
}

/// Pairs of English and Japanese texts.
type Texts = &'static [(&'static str, &'static str)];

/// Part of the page that has its own file of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Everything outside *Stage* and *Calls*, and the texts that both share.
    Page,
    Stage,
    Calls,
}

thread_local! {
    static LOADED: RefCell<Vec<(Part, Texts)>> = const { RefCell::new(Vec::new()) };
    static CURRENT: Cell<Language> = const { Cell::new(Language::English) };
}

impl Language {
    /// Returns the language of the page.
    pub(crate) fn current() -> Self {
        CURRENT.get()
    }

    /// Returns the language that the reader has chosen in this browser, else the first of the reader's languages that the
    /// page supports.
    pub(crate) fn preferred() -> Self {
        let stored = browser::stored(STORED).and_then(|tag| Self::from_tag(&tag));
        let languages = || window().navigator().languages();
        stored
            .or_else(|| {
                languages()
                    .iter()
                    .find_map(|tag| Self::from_tag(&tag.as_string()?))
            })
            .unwrap_or_default()
    }

    fn from_tag(tag: &str) -> Option<Self> {
        match tag.split('-').next()? {
            "en" => Some(Self::English),
            "ja" => Some(Self::Japanese),
            _ => None,
        }
    }

    /// Returns the tag of the language in HTML and HTTP.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Japanese => "ja",
        }
    }

    /// Returns the other language.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::English => Self::Japanese,
            Self::Japanese => Self::English,
        }
    }

    /// Returns the name of the language in that language.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Japanese => "日本語",
        }
    }

    /// Sets the language of everything drawn from now on. Returns false, and changes nothing, if its texts cannot be loaded.
    pub(crate) async fn activate(self) -> bool {
        if self == Self::Japanese && !load(Part::Page).await {
            return false;
        }
        CURRENT.set(self);
        if let Some(root) = document().document_element() {
            // The name of the attribute is valid.
            let _ = root.set_attribute("lang", self.tag());
        }
        true
    }

    /// Remembers the language as the reader's choice in this browser.
    pub(crate) fn remember(self) {
        browser::store(STORED, self.tag());
    }
}

impl Part {
    /// Loads the texts of this part in the language of the page. Returns false if that fails.
    pub(crate) async fn load_texts(self) -> bool {
        Language::current() == Language::English || load(self).await
    }

    const fn file(self) -> &'static str {
        match self {
            Self::Page => "/ja/page.json",
            Self::Stage => "/ja/stage.json",
            Self::Calls => "/ja/calls.json",
        }
    }
}

/// Loads the texts of a part once. The page keeps its few hundred texts until it is closed.
async fn load(part: Part) -> bool {
    let is_loaded = || LOADED.with_borrow(|loaded| loaded.iter().any(|(each, _)| *each == part));
    if is_loaded() {
        return true;
    }
    let Some(texts) = fetch(part.file()).await else {
        return false;
    };
    // A concurrent load may have finished first.
    if !is_loaded() {
        LOADED.with_borrow_mut(|loaded| loaded.push((part, texts)));
    }
    true
}

async fn fetch(file: &str) -> Option<Texts> {
    let response = JsFuture::from(window().fetch_with_str(file)).await;
    let response: web_sys::Response = response.ok()?.dyn_into().ok()?;
    let object = JsFuture::from(response.json().ok()?).await.ok()?;
    let entries = js_sys::Object::entries(object.dyn_ref()?);
    let text = |value: wasm_bindgen::JsValue| Some(&*value.as_string()?.leak());
    let entry = |entry: wasm_bindgen::JsValue| {
        let entry = js_sys::Array::from(&entry);
        Some((text(entry.get(0))?, text(entry.get(1))?))
    };
    let texts: Vec<_> = entries.iter().filter_map(entry).collect();
    Some(texts.leak())
}

/// Returns a text in the language of the page. Pass a literal: the test of the translations searches for it.
pub(crate) fn t(english: &'static str) -> &'static str {
    translation(english).unwrap_or(english)
}

/// Marks a text for translation at the place that shows it.
pub(crate) const fn key(english: &'static str) -> &'static str {
    english
}

/// Returns a sentence of the server in the language of the page, or unchanged if it has no translation.
pub(crate) fn translated(english: &str) -> &str {
    translation(english).unwrap_or(english)
}

/// Searches all loaded texts. Most of the few hundred comparisons end at the length: one microsecond in total.
fn translation(english: &str) -> Option<&'static str> {
    if Language::current() == Language::English {
        return None;
    }
    LOADED.with_borrow(|loaded| {
        let mut texts = loaded.iter().flat_map(|(_, texts)| *texts);
        let (_, text) = texts.find(|(key, _)| *key == english)?;
        Some(*text)
    })
}

/// Returns a text in the language of the page with its placeholders `{0}`, `{1}` and so on replaced by the values.
pub(crate) fn fill(english: &'static str, values: &[&str]) -> String {
    let mut filled = String::new();
    let mut rest = t(english);
    while let Some((before, placeholder)) = rest.split_once('{') {
        filled.push_str(before);
        let (number, after) = placeholder.split_once('}').unwrap_or((placeholder, ""));
        let value = number
            .parse()
            .ok()
            .and_then(|number: usize| values.get(number));
        filled.push_str(value.copied().unwrap_or_default());
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_may_be_in_any_order() {
        assert_eq!(fill("{1} of {0}, {1}", &["two", "one"]), "one of two, one");
        assert_eq!(fill("nothing", &[]), "nothing");
    }

    #[test]
    fn the_first_part_of_a_tag_names_the_language() {
        assert_eq!(Language::from_tag("ja-JP"), Some(Language::Japanese));
        assert_eq!(Language::from_tag("en"), Some(Language::English));
        assert_eq!(Language::from_tag("jam"), None);
    }
}
