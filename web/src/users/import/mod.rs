//! Importing users from a file that was chosen or dropped.

mod run;
mod state;

use std::path::Path;

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use leptos_router::components::A;
use soundstage_formats::{FieldError, Format, ReadError};
use soundstage_proto::user::ImportOptions;
use soundstage_proto::user::import_options::OnConflict;
use web_sys::File;

pub(crate) use self::state::{ImportStatus, Importing};

use self::state::{Account, End, State};
use super::export::media_type;
use super::{ChangeSignals, Links};
use crate::api::CallError;
use crate::browser;
use crate::language::{fill, t, translated};
use crate::ui::{Control, Field};

/// What to do about ids that are taken, with the names in the form.
const CONFLICTS: [(OnConflict, &str); 3] = [
    (OnConflict::Skip, "skip"),
    (OnConflict::Replace, "replace"),
    (OnConflict::Fail, "fail"),
];

/// The pane.
#[component]
pub(crate) fn ImportPane() -> impl IntoView {
    browser::set_title(t("Import users"));
    let addresses: Links = expect_context();
    let revised: ChangeSignals = expect_context();
    let pane: Importing = expect_context();
    // What has been seen of its end need not be shown again.
    on_cleanup(move || {
        let has_ended = |state: &State| matches!(state, State::Ended(_));
        if pane.state.try_with_untracked(has_ended) == Some(true) {
            pane.state.try_set(State::Choosing);
            pane.file.try_set(None);
        }
    });
    // A file that is dropped while another is imported waits until that has ended.
    Effect::new(move |_| {
        if pane.dropped.with(Option::is_some) && !pane.is_running() {
            pane.file.set(pane.dropped.write().take());
            pane.state.set(State::Choosing);
        }
    });
    let content = move || match pane.state.get() {
        State::Choosing => view! { <Choices pane revised /> }.into_any(),
        State::Running => view! { <Running pane /> }.into_any(),
        State::Ended(end) => view! { <Outcome pane end /> }.into_any(),
    };
    view! {
        <aside class="pane" aria-labelledby="pane-heading">
            <div class="pane-head">
                <h2 id="pane-heading">{t("Import users")}</h2>
                <A href=move || addresses.within("/users") attr:class="button quiet-button">{t("Close")}</A>
            </div>
            {content}
        </aside>
    }
}

/// The file and what to do with it.
#[component]
fn Choices(pane: Importing, revised: ChangeSignals) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let choose = move |_| {
        let files = input.get_untracked().and_then(|input| input.files());
        pane.file.set(files.and_then(|files| files.get(0)));
    };
    let format = move || pane.file.with(|file| format_of(file.as_ref()?));
    let about = move || {
        let file = pane.file.get()?;
        let size = browser::grouped((file.size() / 1000.0).ceil() as u32);
        Some(fill("{0}, {1} kB", &[&file.name(), &size]))
    };
    let wrong = move || {
        let is_unknown = pane.file.with(Option::is_some) && format().is_none();
        is_unknown.then(|| t("Choose a file whose name ends in .csv, .ndjson or .json."))
    };
    let begin = move |event: ev::SubmitEvent| {
        event.prevent_default();
        match (pane.file.get_untracked(), untrack(format)) {
            (Some(file), Some(format)) => pane.begin(file, format, revised),
            _ => {
                if let Some(input) = input.get_untracked() {
                    // It can take the focus; there is nothing else to do.
                    let _ = input.focus();
                }
            }
        }
    };
    view! {
        <form class="stacked-form" on:submit=begin>
            <label class="drop-zone">
                <span>{t("Drop a file here, or choose one")}</span>
                <input
                    type="file"
                    node_ref=input
                    accept=".csv,.ndjson,.jsonl,.json"
                    on:change=choose
                    aria-describedby="import-file"
                />
                <span id="import-file" class="field-hint">
                    {move || about().unwrap_or_else(|| t("CSV, NDJSON, or JSON as the predecessor kept it").into())}
                </span>
            </label>
            <p class="form-failure" role="alert">{wrong}</p>
            <Field
                id="import-conflict"
                label=t("A user whose id is taken")
                control=Control::Choice(vec![
                    ("skip", t("stays as it is")),
                    ("replace", t("is replaced")),
                    ("fail", t("ends the import")),
                ])
                value=pane.on_conflict.into()
                on_input=Callback::new(move |name| pane.on_conflict.set(name))
            />
            <label class="check">
                <input type="checkbox" bind:checked=pane.is_dry_run />
                {t("Only check, store nothing")}
            </label>
            <button type="submit" class="button primary" aria-disabled=move || format().is_none().to_string()>
                {move || if pane.is_dry_run.get() { t("Check") } else { t("Import") }}
            </button>
        </form>
    }
}

impl Importing {
    fn begin(self, file: File, format: Format, revised: ChangeSignals) {
        let account = self.account;
        account.reset();
        let name = self.on_conflict.get_untracked();
        let conflict = CONFLICTS.into_iter().find(|(_, other)| *other == name);
        let options = ImportOptions {
            on_conflict: conflict.map_or(OnConflict::Skip, |(what, _)| what).into(),
            dry_run: self.is_dry_run.get_untracked(),
            import_id: browser::random_id(),
        };
        self.state.set(State::Running);
        browser::spawn_abortable(async move {
            let end = run::run(file, format, options, account).await;
            // The table, if it is still the same, shows it at once.
            revised.note();
            self.state.set(State::Ended(end));
        });
    }
}

#[component]
fn Running(pane: Importing) -> impl IntoView {
    let account = pane.account;
    let size = pane
        .file
        .with_untracked(|file| file.as_ref().map_or(0.0, |file| file.size()));
    let is_stopping = RwSignal::new(false);
    let stop = move |_| {
        account.is_stopped.set_value(true);
        is_stopping.set(true);
    };
    let state = move || {
        if account.is_waiting.get() {
            t("The connection is lost. It is tried again, and goes on where it was.")
        } else if is_stopping.get() {
            t("Stopping…")
        } else {
            t("Importing… It goes on wherever you go on this page.")
        }
    };
    view! {
        <div class="stacked-form">
            <p role="status">{state}</p>
            <progress max=size.to_string() prop:value=move || account.read.get().to_string() aria-label=t("Read so far")></progress>
            <Counts account />
            <button type="button" class="button" on:click=stop>{t("Stop")}</button>
            <RefusedList account />
        </div>
    }
}

#[component]
fn Outcome(pane: Importing, end: End) -> impl IntoView {
    let account = pane.account;
    let is_dry_run = pane.is_dry_run.get_untracked();
    let has_refused = account
        .progress
        .with_untracked(|progress| progress.refused > 0);
    let is_bad = !matches!(end, End::Whole | End::Stopped(_));
    let again = move |_| {
        pane.file.set(None);
        pane.state.set(State::Choosing);
    };
    let save = move |_| {
        let file = pane.file.get_untracked();
        let Some((name, format)) = file.and_then(|file| Some((file.name(), format_of(&file)?)))
        else {
            return;
        };
        let stem = name
            .rsplit_once('.')
            .map_or(name.as_str(), |(stem, _)| stem);
        let name = format!("{stem}.refused.{}", format.extension());
        account
            .refused_file
            .with_value(|parts| browser::save_file(&name, media_type(format), parts));
    };
    view! {
        <div class="stacked-form">
            <p class:form-failure=is_bad role="status">{sentence(&end, is_dry_run)}</p>
            <Counts account />
            <div class="actions">
                {has_refused.then(|| view! {
                    <button type="button" class="button primary" on:click=save>{t("Save refused rows")}</button>
                })}
                <button type="button" class="button" on:click=again>{t("Import another file")}</button>
            </div>
            <RefusedList account />
        </div>
    }
}

/// What happened, and what to do about it.
fn sentence(end: &End, is_dry_run: bool) -> String {
    let stored = |line: &u32| match line {
        0 => t("Nothing is stored.").to_owned(),
        _ if is_dry_run => t("Nothing is stored.").to_owned(),
        line => fill("Everything up to line {0} is stored.", &[&line.to_string()]),
    };
    let (what, line) = match end {
        End::Whole if is_dry_run => {
            return t("Checked. Nothing is stored; this is what an import would do.").into();
        }
        End::Whole => return t("Done.").into(),
        End::Stopped(line) => (t("Stopped.").to_owned(), line),
        End::Unreadable(line, error) => (unreadable(error), line),
        End::Failed(line, error) => (CallError::sentence(error), line),
    };
    format!("{what} {}", stored(line))
}

/// Where the file cannot be read further, and why.
fn unreadable(error: &ReadError) -> String {
    let place = error.line.to_string();
    let values = [place.as_str(), t(error.what), error.detail.as_str()];
    if error.detail.is_empty() {
        fill("The file cannot be read from line {0} on: {1}.", &values)
    } else {
        fill(
            "The file cannot be read from line {0} on: {1} ({2}).",
            &values,
        )
    }
}

/// How many rows, by what became of them.
#[component]
fn Counts(account: Account) -> impl IntoView {
    let count = move |name: &'static str,
                      number: fn(&soundstage_proto::user::ImportProgress) -> u32| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd>{move || browser::grouped(account.progress.with(number))}</dd>
            </div>
        }
    };
    view! {
        <dl class="readouts">
            {count(t("Added"), |progress| progress.added)}
            {count(t("Replaced"), |progress| progress.replaced)}
            {count(t("Skipped"), |progress| progress.skipped)}
            {count(t("Refused"), |progress| progress.refused)}
        </dl>
    }
}

/// The refused rows, as far as they are shown.
#[component]
fn RefusedList(account: Account) -> impl IntoView {
    let rows = move || {
        account.refused.with(|rows| {
            let row = |(line, sentence): &(u32, String)| {
                let line = fill("Line {0}", &[&line.to_string()]);
                view! { <li><strong>{line}</strong>" "{sentence.clone()}</li> }
            };
            rows.iter().map(row).collect_view()
        })
    };
    let more = move || {
        let shown = account.refused.with(Vec::len) as u32;
        let all = account.progress.with(|progress| progress.refused);
        (all > shown).then(|| fill("and {0} more", &[&browser::grouped(all - shown)]))
    };
    view! {
        <ul class="refused" aria-label=t("Refused rows")>{rows}</ul>
        <p class="quiet">{more}</p>
    }
}

/// What is wrong with a row, in a line.
fn faults(faults: &[FieldError]) -> String {
    let faults = faults.iter().map(|fault| {
        let description = translated(&fault.description);
        match fault.field.as_str() {
            "" => description.to_owned(),
            field => format!("{field}: {description}"),
        }
    });
    faults.collect::<Vec<_>>().join(" ")
}

fn format_of(file: &File) -> Option<Format> {
    Format::of(Path::new(&file.name()))
}
