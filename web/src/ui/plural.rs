//! Texts with a number in them.

use crate::browser;
use crate::language::{Language, fill};

/// Returns the text for a number, with the number in place of `{0}`. `one` is the form for 1 in English; languages
/// without such a form, as Japanese, always use `other`.
pub(crate) fn plural(number: u32, one: &'static str, other: &'static str) -> String {
    let locales = js_sys::Array::of1(&Language::current().tag().into());
    let rules = js_sys::Intl::PluralRules::new(&locales, &js_sys::Object::new());
    let is_one = rules.select(number.into()) == "one";
    fill(
        if is_one { one } else { other },
        &[&browser::grouped(number)],
    )
}
