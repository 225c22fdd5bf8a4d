//! The page *Calls*: makes calls of the four kinds, and shows each message as an arrow of a sequence diagram.

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

/// The page *Calls*.
#[component]
pub(crate) fn CallsPage() -> impl IntoView {
    browser::set_title(t("Calls"));
    view! {
        <div class="calls-page">
            <div class="page-head">
                <h1>{t("Calls")}</h1>
                <p class="quiet">
                    {t("To call from your own page, see")} " "
                    <a href="/examples/js/">{t("the JavaScript example")}</a>
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

#[cfg(test)]
mod oracle;
