//! The form of a call: method, transport, message, deadline and metadata.

use leptos::prelude::*;
use prost::bytes::Bytes;
use soundstage_formats::FieldError;
use soundstage_proto::descriptor::MethodDescriptor;

use super::draft::Draft;
use super::message_form::example;
use super::options;
use crate::api::RawCall;
use crate::language::{t, translated};
use crate::ui::{Control, Field};

/// The state of the form.
#[derive(Clone, Copy)]
pub(super) struct CallForm {
    pub(super) method: RwSignal<&'static MethodDescriptor>,
    pub(super) draft: RwSignal<Draft>,
    pub(super) field_error: RwSignal<Option<FieldError>>,
    pub(super) over_websocket: RwSignal<bool>,
    pub(super) deadline: RwSignal<String>,
    pub(super) metadata: RwSignal<String>,
}

impl CallForm {
    /// Creates a form with the example request of a method.
    pub(super) fn new(method: &'static MethodDescriptor) -> Self {
        let form = Self {
            method: RwSignal::new(method),
            draft: RwSignal::new(example(method)),
            field_error: RwSignal::new(None),
            over_websocket: RwSignal::new(false),
            deadline: RwSignal::new(String::new()),
            metadata: RwSignal::new(String::new()),
        };
        form.over_websocket.set(method.kind.takes_many());
        form
    }

    /// Returns the call; `None` if the deadline or the metadata are invalid.
    pub(super) fn call(self) -> Option<RawCall> {
        Some(RawCall {
            method: self.method.get(),
            over_websocket: self.over_websocket.get(),
            deadline: self.deadline.with(|text| options::deadline(text)).ok()?,
            metadata: self.metadata.with(|text| options::metadata(text)).ok()?,
        })
    }

    /// Returns `times` messages; each increments the first field of the message before. `None`, with an error at the
    /// field, if a text is invalid.
    pub(super) fn messages(self, times: usize) -> Option<Vec<Bytes>> {
        let method = self.method.get_untracked();
        let request = method.request;
        let mut draft = self.draft.get_untracked();
        let mut messages = Vec::with_capacity(times);
        for _ in 0..times {
            match draft.encode(request) {
                Ok(message) => messages.push(message),
                Err(error) => {
                    self.field_error.set(Some(error));
                    return None;
                }
            }
            if method.kind.takes_many() {
                draft.increment_first_field(request);
            }
        }
        // The next click continues with the next id.
        self.draft.set(draft);
        Some(messages)
    }
}

/// The choice of method and transport, disabled during a call.
#[component]
pub(super) fn MethodAndTransport(
    form: CallForm,
    methods: Vec<&'static MethodDescriptor>,
    disabled: Signal<bool>,
    id: &'static str,
) -> impl IntoView {
    let choose_method = move |path: String| {
        if let Some(method) = MethodDescriptor::at(&path) {
            form.field_error.set(None);
            form.draft.set(example(method));
            form.method.set(method);
        }
    };
    let methods = methods.iter().map(|method| (method.path, method.name));
    let transport = move || {
        let over_websocket = form.over_websocket.get();
        String::from(if over_websocket {
            "websocket"
        } else {
            "grpc-web"
        })
    };
    view! {
        <div class="call-choices">
            <Field
                id=format!("{id}-method")
                label=t("Method")
                control=Control::Choice(methods.collect())
                value=Signal::derive(move || form.method.get().path.to_owned())
                on_input=Callback::new(choose_method)
                disabled
            />
            <Field
                id=format!("{id}-transport")
                label=t("Transport")
                control=Control::Choice(vec![("grpc-web", "gRPC-Web"), ("websocket", "WebSocket")])
                value=Signal::derive(transport)
                on_input=Callback::new(move |name: String| form.over_websocket.set(name == "websocket"))
                disabled
            />
        </div>
        <p class="quiet">{move || translated(form.method.get().summary)}</p>
    }
}

/// The deadline and the metadata. Errors show while the reader types.
#[component]
pub(super) fn Options(form: CallForm, id: &'static str) -> impl IntoView {
    let (deadline, metadata) = (form.deadline, form.metadata);
    let deadline_error =
        move || deadline.with(|text| options::deadline(text).err().map(str::to_owned));
    let metadata_error = move || metadata.with(|text| options::metadata(text).err());
    view! {
        <details class="call-options">
            <summary>{t("Deadline and metadata")}</summary>
            <Field
                id=format!("{id}-deadline")
                label=t("Deadline (ms)")
                placeholder=t("none")
                control=Control::NUMBER
                value=deadline.into()
                on_input=Callback::new(move |text| deadline.set(text))
                error=Signal::derive(deadline_error)
            />
            <Field
                id=format!("{id}-metadata")
                label=t("Metadata, one \"name: value\" per line")
                placeholder=t("name: value")
                control=Control::Lines
                value=metadata.into()
                on_input=Callback::new(move |text| metadata.set(text))
                error=Signal::derive(metadata_error)
            />
        </details>
    }
}
