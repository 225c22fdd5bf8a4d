//! What the reader chooses and types for a call: the method, the transport, the message, the deadline, the metadata.

use leptos::prelude::*;
use prost::bytes::Bytes;
use soundstage_proto::descriptor::{CallKind, MethodDescriptor};

use super::form::example;
use super::message::{Draft, Refused};
use super::options;
use crate::api::RawCall;

/// What the reader has chosen and typed.
#[derive(Clone, Copy)]
pub(super) struct Choices {
    pub(super) method: RwSignal<&'static MethodDescriptor>,
    pub(super) draft: RwSignal<Draft>,
    pub(super) refused: RwSignal<Option<Refused>>,
    pub(super) over_websocket: RwSignal<bool>,
    pub(super) deadline: RwSignal<String>,
    pub(super) metadata: RwSignal<String>,
}

impl Choices {
    /// Those that a panel begins with.
    pub(super) fn of(method: &'static MethodDescriptor) -> Self {
        let choices = Self {
            method: RwSignal::new(method),
            draft: RwSignal::new(example(method)),
            refused: RwSignal::new(None),
            over_websocket: RwSignal::new(false),
            deadline: RwSignal::new(String::new()),
            metadata: RwSignal::new(String::new()),
        };
        choices.over_websocket.set(choices.takes_many());
        choices
    }

    /// The call, if deadline and metadata can be read.
    pub(super) fn call(self) -> Option<RawCall> {
        Some(RawCall {
            method: self.method.get(),
            over_websocket: self.over_websocket.get(),
            deadline: self.deadline.with(|text| options::deadline(text)).ok()?,
            metadata: self.metadata.with(|text| options::metadata(text)).ok()?,
        })
    }

    /// So many messages, the first field counted up from one to the next; or says what cannot be read.
    pub(super) fn messages(self, times: usize) -> Option<Vec<Bytes>> {
        let request = self.method.get_untracked().request;
        let mut draft = self.draft.get_untracked();
        let mut messages = Vec::with_capacity(times);
        for _ in 0..times {
            match draft.encode(request) {
                Ok(message) => messages.push(message),
                Err(refused) => {
                    self.refused.set(Some(refused));
                    return None;
                }
            }
            if self.takes_many() {
                draft.count_up(request);
            }
        }
        // The next click goes on from there.
        self.draft.set(draft);
        Some(messages)
    }

    pub(super) fn takes_many(self) -> bool {
        let kind = self.method.get_untracked().kind;
        matches!(kind, CallKind::ClientStreaming | CallKind::Bidirectional)
    }
}

/// Which method, and what carries the call; fixed while one is open.
#[component]
pub(super) fn MethodAndTransport(
    choices: Choices,
    methods: Vec<&'static MethodDescriptor>,
    #[prop(into)] disabled: Signal<bool>,
    id: &'static str,
) -> impl IntoView {
    let choose_method = move |ev| {
        if let Some(method) = MethodDescriptor::at(&event_target_value(&ev)) {
            choices.refused.set(None);
            choices.draft.set(example(method));
            choices.method.set(method);
        }
    };
    let choose_transport = move |ev| {
        let chosen = event_target_value(&ev);
        choices.over_websocket.set(chosen == "websocket");
    };
    view! {
        <div class="call-choices">
            <div class="field">
                <label for=format!("{id}-method")>"Method"</label>
                <select id=format!("{id}-method") disabled=disabled on:change=choose_method>
                    {methods.into_iter().map(|method| view! {
                        <option value=method.path>{method.name}</option>
                    }).collect_view()}
                </select>
            </div>
            <div class="field">
                <label for=format!("{id}-transport")>"Transport"</label>
                <select
                    id=format!("{id}-transport")
                    disabled=disabled
                    on:change=choose_transport
                    prop:value=move || if choices.over_websocket.get() { "websocket" } else { "grpc-web" }
                >
                    <option value="grpc-web">"gRPC-Web"</option>
                    <option value="websocket">"WebSocket"</option>
                </select>
            </div>
        </div>
        <p class="quiet">{move || choices.method.get().summary}</p>
    }
}

/// The deadline and the metadata; what is wrong with them stands at them while they are typed.
#[component]
pub(super) fn Options(choices: Choices, id: &'static str) -> impl IntoView {
    let (deadline, metadata) = (choices.deadline, choices.metadata);
    let deadline_error = Memo::new(move |_| deadline.with(|text| options::deadline(text).err()));
    let metadata_error = Memo::new(move |_| metadata.with(|text| options::metadata(text).err()));
    view! {
        <details class="call-options">
            <summary>"Deadline and metadata"</summary>
            <div class="field">
                <label for=format!("{id}-deadline")>"Deadline, ms"</label>
                <input id=format!("{id}-deadline") type="text" inputmode="numeric" autocomplete="off" placeholder="none"
                    bind:value=deadline
                    aria-invalid=move || deadline_error.get().is_some().to_string()
                    aria-describedby=format!("{id}-deadline-error") />
                <p id=format!("{id}-deadline-error") class="field-error" role="status">{deadline_error}</p>
            </div>
            <div class="field">
                <label for=format!("{id}-metadata")>"Metadata, a name and a value each line"</label>
                <textarea id=format!("{id}-metadata") rows="2" spellcheck="false" placeholder="name: value"
                    bind:value=metadata
                    aria-invalid=move || metadata_error.get().is_some().to_string()
                    aria-describedby=format!("{id}-metadata-error")></textarea>
                <p id=format!("{id}-metadata-error") class="field-error" role="status">{metadata_error}</p>
            </div>
        </details>
    }
}
