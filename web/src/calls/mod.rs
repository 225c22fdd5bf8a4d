//! The four kinds of call, live: make one, feed it, end it, and see each message as an arrow.

mod call_form;
mod copy_as;
mod diagram;
mod draft;
mod log;
mod message_form;
mod message_text;
mod number;
mod options;
mod panel;
mod session;
mod snippet;

use leptos::prelude::*;
use soundstage_proto::descriptor::CallKind;

use crate::browser;
use crate::language::t;

use panel::CallPanel;

/// The page of calls.
#[component]
pub(crate) fn CallsPage() -> impl IntoView {
    browser::set_title(t("Calls"));
    view! {
        <div class="calls-page">
            <div class="page-head">
                <h1>{t("Calls")}</h1>
                <p class="quiet">
                    {t("The same from your own page:")} " "
                    // A page of its own, not one of this program.
                    <a href="/examples/js/" rel="external">{t("the JavaScript example")}</a>
                </p>
            </div>
            <div class="call-panels">
                <CallPanel kind=CallKind::Unary />
                <CallPanel kind=CallKind::ServerStreaming />
                <CallPanel kind=CallKind::ClientStreaming />
                <CallPanel kind=CallKind::Bidirectional />
            </div>
        </div>
    }
}
