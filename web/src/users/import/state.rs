//! An import as the whole page keeps it: wherever somebody goes meanwhile, it goes on.

use leptos::ev;
use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_location;
use soundstage_formats::ReadError;
use soundstage_proto::user::ImportProgress;
use web_sys::File;

use crate::api::CallError;
use crate::browser;
use crate::language::{fill, t};

/// Where the pane is.
const PANE: &str = "/users/import";

/// Where the import is.
#[derive(Clone)]
pub(in crate::users) enum State {
    Choosing,
    Running,
    Ended(End),
}

/// How far an import is, as the pane shows it.
#[derive(Clone, Copy)]
pub(in crate::users) struct Account {
    pub(in crate::users) progress: RwSignal<ImportProgress>,
    /// Bytes that have been read.
    pub(in crate::users) read: RwSignal<f64>,
    /// The first refused rows, by line.
    pub(in crate::users) refused: RwSignal<Vec<(u32, String)>>,
    /// Parts of the file of refused rows.
    pub(in crate::users) refused_file: StoredValue<js_sys::Array, LocalStorage>,
    /// The connection is lost, and tried again.
    pub(in crate::users) is_waiting: RwSignal<bool>,
    /// Somebody wants no more.
    pub(in crate::users) is_stopped: StoredValue<bool>,
}

impl Account {
    pub(in crate::users) fn new() -> Self {
        Self {
            progress: RwSignal::default(),
            read: RwSignal::new(0.0),
            refused: RwSignal::default(),
            refused_file: StoredValue::new_local(js_sys::Array::new()),
            is_waiting: RwSignal::new(false),
            is_stopped: StoredValue::new(false),
        }
    }

    /// For another import.
    pub(in crate::users) fn reset(self) {
        self.progress.set(ImportProgress::default());
        self.read.set(0.0);
        self.refused.set(Vec::new());
        self.refused_file.set_value(js_sys::Array::new());
        self.is_waiting.set(false);
        self.is_stopped.set_value(false);
    }
}

/// How an import ended.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::users) enum End {
    Whole,
    /// Everything up to this line is stored.
    Stopped(u32),
    Unreadable(u32, ReadError),
    Failed(u32, CallError),
}

/// What was chosen, and what becomes of it. In a context of the whole page.
#[derive(Clone, Copy)]
pub(crate) struct Importing {
    /// What was dropped on the page, until the pane takes it.
    pub(in crate::users) dropped: RwSignal<Option<File>, LocalStorage>,
    pub(in crate::users) file: RwSignal<Option<File>, LocalStorage>,
    pub(in crate::users) on_conflict: RwSignal<String>,
    pub(in crate::users) is_dry_run: RwSignal<bool>,
    pub(in crate::users) state: RwSignal<State>,
    pub(in crate::users) account: Account,
}

impl Importing {
    /// Nothing is imported yet. Before the browser leaves the page while something is, it asks.
    pub(crate) fn new() -> Self {
        let importing = Self {
            dropped: RwSignal::new_local(None),
            file: RwSignal::new_local(None),
            on_conflict: RwSignal::new("skip".into()),
            is_dry_run: RwSignal::new(false),
            state: RwSignal::new(State::Choosing),
            account: Account::new(),
        };
        let guard = window_event_listener(ev::beforeunload, move |event| {
            if untrack(|| importing.is_running()) {
                event.prevent_default();
            }
        });
        on_cleanup(move || guard.remove());
        importing
    }

    /// Tracks it.
    pub(in crate::users) fn is_running(self) -> bool {
        self.state.with(|state| matches!(state, State::Running))
    }
}

/// How far the import is, while its own pane is not open.
#[component]
pub(crate) fn ImportStatus() -> impl IntoView {
    let importing: Importing = expect_context();
    let path = use_location().pathname;
    let sentence = move || {
        let rows = importing
            .account
            .progress
            .with(|progress| progress.added + progress.replaced + progress.skipped);
        let rows = browser::grouped(rows);
        match importing.state.get() {
            State::Choosing => String::new(),
            State::Running if importing.account.is_waiting.get() => {
                t("The connection is lost. It is tried again, and goes on where it was.").into()
            }
            State::Running => fill("Importing… {0} rows are done.", &[&rows]),
            State::Ended(_) => t("The import has ended. See what became of it.").into(),
        }
    };
    let is_shown = Memo::new(move |_| {
        let is_idle = importing
            .state
            .with(|state| matches!(state, State::Choosing));
        !is_idle && path.get() != PANE
    });
    move || {
        is_shown.get().then(|| {
            view! {
                <p class="banner" role="status"><A href=PANE>{sentence}</A></p>
            }
        })
    }
}
