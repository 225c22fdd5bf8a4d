//! The language of the page: English as it stands in the source, or Japanese out of `web/ja/`.
//!
//! An English text is the key of its translation, so that the source reads as the page does. What only one part of the page
//! shows stands in a file of its own, which is loaded with that part. `web/tests/translations.rs` holds sources and files together.

use std::cell::{Cell, RefCell};

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::JsFuture;

use crate::browser;

/// The name of the choice in the browser's storage.
const STORED: &str = "language";

/// A language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Language {
    #[default]
    English,
    Japanese,
}

/// The Japanese for English texts.
type Texts = &'static [(&'static str, &'static str)];

/// What of the page has texts of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// What is there at once, and whatever is not one of the others.
    Page,
    Stage,
    Calls,
}

thread_local! {
    static LOADED: RefCell<Vec<(Part, Texts)>> = const { RefCell::new(Vec::new()) };
    static CURRENT: Cell<Language> = const { Cell::new(Language::English) };
}

impl Language {
    /// The one that the page is in.
    pub(crate) fn current() -> Self {
        CURRENT.get()
    }

    /// The one that was chosen here before; else the first of the reader's that the page has.
    pub(crate) fn preferred() -> Self {
        let stored = browser::stored(STORED).and_then(|tag| Self::of(&tag));
        let languages = || window().navigator().languages();
        stored
            .or_else(|| {
                languages()
                    .iter()
                    .find_map(|tag| Self::of(&tag.as_string()?))
            })
            .unwrap_or_default()
    }

    fn of(tag: &str) -> Option<Self> {
        match tag.split('-').next()? {
            "en" => Some(Self::English),
            "ja" => Some(Self::Japanese),
            _ => None,
        }
    }

    /// As HTML and HTTP name it.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Japanese => "ja",
        }
    }

    /// The one that the page is not in.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::English => Self::Japanese,
            Self::Japanese => Self::English,
        }
    }

    /// What it is called in itself.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Japanese => "日本語",
        }
    }

    /// Has everything that is drawn from now on be in this language. `false` if its texts could not be loaded: the page
    /// stays in the one it is in.
    pub(crate) async fn begin(self) -> bool {
        if self == Self::Japanese && !load(Part::Page).await {
            return false;
        }
        CURRENT.set(self);
        if let Some(root) = document().document_element() {
            // The element takes any attribute.
            let _ = root.set_attribute("lang", self.tag());
        }
        true
    }

    /// Remembers that somebody has chosen it.
    pub(crate) fn remember(self) {
        browser::store(STORED, self.tag());
    }
}

impl Part {
    /// Loads what it needs to be shown in the page's language; whether that is there now.
    pub(crate) async fn bring_texts(self) -> bool {
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

/// Loads the texts of a part once. They are kept for as long as the page is open: there are some hundreds.
async fn load(part: Part) -> bool {
    let is_loaded = || LOADED.with_borrow(|loaded| loaded.iter().any(|(each, _)| *each == part));
    if is_loaded() {
        return true;
    }
    let Some(texts) = fetch(part.file()).await else {
        return false;
    };
    // Somebody else may have been as quick.
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

/// A text of the page in its language. A literal, which the test of the translations looks for.
pub(crate) fn t(english: &'static str) -> &'static str {
    found(english).unwrap_or(english)
}

/// Marks a text that is translated where it is shown.
pub(crate) const fn key(english: &'static str) -> &'static str {
    english
}

/// A sentence that the server may have sent, in the page's language if it is known.
pub(crate) fn translated(english: &str) -> &str {
    found(english).unwrap_or(english)
}

/// Some hundred comparisons, most of which end at the length: a microsecond.
fn found(english: &str) -> Option<&'static str> {
    if Language::current() == Language::English {
        return None;
    }
    LOADED.with_borrow(|loaded| {
        let mut texts = loaded.iter().flat_map(|(_, texts)| *texts);
        let (_, text) = texts.find(|(key, _)| *key == english)?;
        Some(*text)
    })
}

/// A text with `{0}`, `{1}` and so on in it, and what stands there.
pub(crate) fn fill(english: &'static str, values: &[&str]) -> String {
    let mut filled = String::new();
    let mut rest = t(english);
    while let Some((before, place)) = rest.split_once('{') {
        filled.push_str(before);
        let (number, behind) = place.split_once('}').unwrap_or((place, ""));
        let value = number
            .parse()
            .ok()
            .and_then(|number: usize| values.get(number));
        filled.push_str(value.copied().unwrap_or_default());
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_in_any_order() {
        assert_eq!(fill("{1} of {0}, {1}", &["two", "one"]), "one of two, one");
        assert_eq!(fill("nothing", &[]), "nothing");
    }

    #[test]
    fn languages_are_known_by_the_first_part_of_their_tag() {
        assert_eq!(Language::of("ja-JP"), Some(Language::Japanese));
        assert_eq!(Language::of("en"), Some(Language::English));
        assert_eq!(Language::of("jam"), None);
    }
}
