//! The snippet of a call, and the button that copies it.

use leptos::prelude::*;

use super::call_form::CallForm;
use super::session::Session;
use super::snippet::SnippetFormat;
use crate::browser;
use crate::language::t;

/// A snippet with the requests of the call; before the first request, with the message in the form.
#[component]
pub(super) fn CopyAs(form: CallForm, session: Session, id: &'static str) -> impl IntoView {
    let format = RwSignal::new(SnippetFormat::CommandLine);
    let copied = RwSignal::new(None::<bool>);
    let origin = browser::origin();
    let text = Memo::new(move |_| {
        let method = form.method.get();
        let (mut requests, count) = session.requests(method);
        let left_out = count - requests.len();
        if requests.is_empty() {
            requests.extend(form.draft.with(|draft| draft.encode(method.request)).ok());
        }
        let call = form.call()?;
        Some(format.get().write(&call, &requests, left_out, &origin))
    });
    let copy = move |_| {
        browser::spawn_abortable(async move {
            let text = text.get_untracked().unwrap_or_default();
            copied.try_set(Some(browser::copy(&text).await));
        });
    };
    let choose = move |chosen| {
        copied.set(None);
        format.set(chosen);
    };
    let outcome = move || match copied.get() {
        None => "",
        Some(true) => t("Copied."),
        Some(false) => t("The browser blocked the clipboard. Select the text and copy it."),
    };
    view! {
        <details class="copy-as">
            <summary>{t("Copy as")}</summary>
            <div class="copy-formats" role="group" aria-label=t("Copy as")>
                {SnippetFormat::ALL.map(|each| view! {
                    <button type="button" class="button quiet-button" aria-pressed=move || (format.get() == each).to_string()
                        on:click=move |_| choose(each)>{each.label()}</button>
                })}
                <button type="button" class="button quiet-button" on:click=copy>{t("Copy")}</button>
                <span class="quiet" role="status">{outcome}</span>
            </div>
            <pre tabindex="0" data-testid=format!("{id}-copy")>{text}</pre>
        </details>
    }
}
