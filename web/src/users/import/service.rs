//! The import of the application, which continues when the reader leaves the page of users.

use leptos::ev;
use leptos::prelude::*;
use soundstage_formats::Format;
use soundstage_proto::user::ImportOptions;
use soundstage_proto::user::import_options::OnConflict;
use web_sys::File;

use super::run;
use super::state::ImportState;
use crate::browser;
use crate::users::changes::ChangeSignals;

/// The import, and the reader's choices for it.
#[derive(Clone, Copy)]
pub(in crate::users) struct Imports {
    pub(super) state: RwSignal<ImportState>,
    /// Parts of the file of rejected rows.
    pub(super) rejected_file: StoredValue<js_sys::Array, LocalStorage>,
    /// A file that was dropped on the page and that the pane has not taken yet.
    dropped: RwSignal<Option<File>, LocalStorage>,
    pub(super) file: RwSignal<Option<File>, LocalStorage>,
    /// The treatment of rows whose IDs exist, as a value of the form.
    pub(super) on_conflict: RwSignal<String>,
    pub(super) is_dry_run: RwSignal<bool>,
    changes: ChangeSignals,
}

impl Imports {
    /// Creates the service; called once, by the application. The browser asks before it leaves the page during an
    /// import.
    pub(in crate::users) fn new(changes: ChangeSignals) -> Self {
        let imports = Self {
            state: RwSignal::default(),
            rejected_file: StoredValue::new_local(js_sys::Array::new()),
            dropped: RwSignal::new_local(None),
            file: RwSignal::new_local(None),
            on_conflict: RwSignal::new("skip".into()),
            is_dry_run: RwSignal::new(false),
            changes,
        };
        let guard = window_event_listener(ev::beforeunload, move |event| {
            if imports.state.with_untracked(ImportState::is_running) {
                event.prevent_default();
            }
        });
        on_cleanup(move || guard.remove());
        imports
    }

    /// Keeps a dropped file until no import is running.
    pub(in crate::users) fn drop_file(self, file: File) {
        self.dropped.set(Some(file));
    }

    /// Chooses the dropped file, if there is one and no import is running; tracks both.
    pub(super) fn take_dropped(self) {
        let is_running = self.state.with(ImportState::is_running);
        if self.dropped.with(Option::is_some) && !is_running {
            self.dismiss();
            self.file.set(self.dropped.write().take());
        }
    }

    /// Starts to import a file in the background.
    pub(super) fn begin(self, file: File, format: Format) {
        if self.state.try_update(ImportState::begin) != Some(true) {
            return;
        }
        let rejected_file = js_sys::Array::new();
        self.rejected_file.set_value(rejected_file.clone());
        let options = ImportOptions {
            on_conflict: conflict_policy(&self.on_conflict.get_untracked()).into(),
            dry_run: self.is_dry_run.get_untracked(),
            import_id: browser::random_id(),
        };
        browser::spawn_abortable(async move {
            let end = run::run(file, format, options, self.state, rejected_file).await;
            self.state.update(|state| state.end(end));
            self.changes.notify();
        });
    }

    pub(super) fn stop(self) {
        self.state.update(ImportState::stop);
    }

    /// Dismisses the result of an import, and its file.
    pub(super) fn dismiss(self) {
        if self.state.try_update(ImportState::dismiss) == Some(true) {
            self.file.set(None);
        }
    }
}

/// Returns the policy for a value of the form.
fn conflict_policy(name: &str) -> OnConflict {
    match name {
        "replace" => OnConflict::Replace,
        "fail" => OnConflict::Fail,
        _ => OnConflict::Skip,
    }
}
