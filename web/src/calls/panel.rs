//! The panel of a kind of call: form, buttons and diagram.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use soundstage_proto::descriptor::{CallKind, METHODS};

use super::call_form::{CallForm, MethodAndTransport, Options};
use super::copy_as::CopyAs;
use super::diagram::Diagram;
use super::message_form::MessageForm;
use super::session::{Phase, Session};
use crate::language::{fill, key, t};

/// The maximum number of requests that one click sends.
const MAX_TIMES: usize = 10_000;

/// Returns the id, the name and the description of a kind of call.
fn describe(kind: CallKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        CallKind::Unary => ("unary", key("Unary"), key("One request, one response.")),
        CallKind::ServerStreaming => (
            "server-streaming",
            key("Server streaming"),
            key("One request, a stream of responses."),
        ),
        CallKind::ClientStreaming => (
            "client-streaming",
            key("Client streaming"),
            key("A stream of requests, one response after the half-close."),
        ),
        CallKind::Bidirectional => (
            "bidirectional",
            key("Bidirectional"),
            key(
                "Requests and responses alternate. Over gRPC-Web, all requests go before the first response.",
            ),
        ),
    }
}

/// The panel for the methods of a kind.
#[component]
pub(super) fn CallPanel(kind: CallKind) -> impl IntoView {
    let (id, name, description) = describe(kind);
    let methods: Vec<_> = METHODS
        .iter()
        .filter(|method| method.kind == kind)
        .collect();
    // The API has methods of each kind.
    let first = methods[0];
    let takes_many = kind.takes_many();
    let form = CallForm::new(first);
    let session = Session::new();
    let times = RwSignal::new("1".to_owned());
    let times_error = RwSignal::new(None::<String>);

    let send = move |ev: SubmitEvent| {
        ev.prevent_default();
        let Some(call) = untrack(|| form.call()) else {
            return;
        };
        let Ok(times @ 1..=MAX_TIMES) = times.get_untracked().trim().parse() else {
            return times_error.set(Some(fill(
                "Enter a number from 1 to {0}.",
                &[&MAX_TIMES.to_string()],
            )));
        };
        times_error.set(None);
        if let Some(messages) = form.messages(times) {
            session.send(call, messages);
        }
    };
    let half_close = move |_| {
        if let Some(call) = untrack(|| form.call()) {
            session.half_close(call);
        }
    };
    let is_open = move || matches!(session.phase(), Phase::Sending | Phase::Waiting);
    let is_waiting = move || session.phase() == Phase::Waiting;
    let heading = format!("{id}-heading");
    view! {
        <section class="pane call-panel" aria-labelledby=heading.clone()>
            <div class="call-head">
                <h2 id=heading.clone()>{t(name)}</h2>
                <p class="quiet">{t(description)}</p>
            </div>
            <form class="call-form" novalidate on:submit=send>
                <MethodAndTransport form methods disabled=Signal::derive(is_open) id />
                {move || view! {
                    <MessageForm message=form.method.get().request draft=form.draft field_error=form.field_error id />
                }}
                <Options form id />
                <div class="call-buttons">
                    {takes_many.then(|| view! {
                        <label class="field inline times">
                            <span>{t("Times")}</span>
                            <input type="text" inputmode="numeric" size="5" bind:value=times
                                aria-invalid=move || times_error.get().is_some().to_string() />
                        </label>
                    })}
                    <button type="submit" class="button primary" disabled=is_waiting>
                        {if takes_many { t("Send") } else { t("Call") }}
                    </button>
                    {takes_many.then(|| view! {
                        <button type="button" class="button" disabled=is_waiting on:click=half_close>{t("Half-close")}</button>
                    })}
                    <button type="button" class="button" disabled=move || !is_open() on:click=move |_| session.cancel()>{t("Cancel")}</button>
                </div>
                <p class="field-error" role="status">{times_error}</p>
            </form>
            <p class="queued-requests" role="status">{move || queued(session.queued())}</p>
            <Diagram session label=fill("{0}: sequence diagram", &[t(name)]) />
            <CopyAs form session id />
        </section>
    }
}

/// Returns the note on requests that wait for the half-close.
fn queued(requests: usize) -> Option<String> {
    match requests {
        0 => None,
        1 => Some(t("1 request is queued: gRPC-Web sends all requests at the half-close.").into()),
        more => Some(fill(
            "{0} requests are queued: gRPC-Web sends all requests at the half-close.",
            &[&more.to_string()],
        )),
    }
}
