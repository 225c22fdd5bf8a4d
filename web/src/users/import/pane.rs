//! The pane that imports a file.

use std::path::Path;

use leptos::ev::SubmitEvent;
use leptos::html;
use leptos::prelude::*;
use soundstage_formats::Format;
use soundstage_proto::user::ImportProgress;
use web_sys::File;

use super::outcome::describe_end;
use super::service::Imports;
use super::state::{End, ImportState, Phase, RejectedRow};
use crate::browser;
use crate::language::{fill, t};
use crate::router::Link;
use crate::ui::{Control, Field};
use crate::users::export::media_type;
use crate::users::links::Links;

/// The form, the running import, or its result.
#[component]
pub(in crate::users) fn ImportPane() -> impl IntoView {
    browser::set_title(t("Import users"));
    let links: Links = expect_context();
    let imports: Imports = expect_context();
    // The reader has seen the result.
    on_cleanup(move || imports.dismiss());
    Effect::new(move |_| imports.take_dropped());
    let phase = Memo::new(move |_| imports.state.with(|state| state.phase().clone()));
    let content = move || match phase.get() {
        Phase::Choosing => view! { <ImportForm imports /> }.into_any(),
        Phase::Running => view! { <Running imports /> }.into_any(),
        Phase::Ended(end) => view! { <Outcome imports end /> }.into_any(),
    };
    view! {
        <aside class="pane" aria-labelledby="pane-heading">
            <div class="pane-head">
                <h2 id="pane-heading">{t("Import users")}</h2>
                <Link href=move || links.within("/users") class="button quiet-button">{t("Close")}</Link>
            </div>
            {content}
        </aside>
    }
}

/// The file and the options.
#[component]
fn ImportForm(imports: Imports) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let choose = move |_| {
        let files = input.get_untracked().and_then(|input| input.files());
        imports.file.set(files.and_then(|files| files.get(0)));
    };
    let format = move || imports.file.with(|file| format_of(file.as_ref()?));
    let about = move || {
        let file = imports.file.get()?;
        let kilobytes = browser::grouped((file.size() / 1000.0).ceil() as u32);
        Some(fill("{0}, {1} kB", &[&file.name(), &kilobytes]))
    };
    let wrong = move || {
        let is_unknown = imports.file.with(Option::is_some) && format().is_none();
        is_unknown.then(|| t("Choose a file whose name ends in .csv, .ndjson or .json."))
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        match (imports.file.get_untracked(), untrack(format)) {
            (Some(file), Some(format)) => imports.begin(file, format),
            _ => {
                if let Some(input) = input.get_untracked() {
                    // An input can take the focus.
                    let _ = input.focus();
                }
            }
        }
    };
    view! {
        <form class="stacked-form" on:submit=submit>
            <label class="drop-zone">
                <span>{t("Drop a file here, or choose a file")}</span>
                <input
                    type="file"
                    node_ref=input
                    accept=".csv,.ndjson,.jsonl,.json"
                    on:change=choose
                    aria-describedby="import-file"
                />
                <span id="import-file" class="field-hint">
                    {move || about().unwrap_or_else(|| t("CSV, NDJSON, or a JSON object of users by ID").into())}
                </span>
            </label>
            <p class="form-failure" role="alert">{wrong}</p>
            <Field
                id="import-conflict"
                label=t("If an ID already exists")
                control=Control::Choice(vec![
                    ("skip", t("Keep the existing user")),
                    ("replace", t("Replace the existing user")),
                    ("fail", t("Stop the import")),
                ])
                value=imports.on_conflict.into()
                on_input=Callback::new(move |name| imports.on_conflict.set(name))
            />
            <label class="check">
                <input type="checkbox" bind:checked=imports.is_dry_run />
                {t("Check the file without storing anything")}
            </label>
            <button type="submit" class="button primary" aria-disabled=move || format().is_none().to_string()>
                {move || if imports.is_dry_run.get() { t("Check") } else { t("Import") }}
            </button>
        </form>
    }
}

#[component]
fn Running(imports: Imports) -> impl IntoView {
    let state = imports.state;
    let size = imports
        .file
        .with_untracked(|file| file.as_ref().map_or(0.0, |file| file.size()));
    let sentence = move || {
        state.with(|state| {
            if state.is_waiting() {
                t("Connection lost. The import continues when the server is back.")
            } else if state.is_stopping() {
                t("Stopping…")
            } else {
                t("Importing… You can use other pages meanwhile.")
            }
        })
    };
    let bytes_read = move || state.with(ImportState::bytes_read).to_string();
    view! {
        <div class="stacked-form">
            <p role="status">{sentence}</p>
            <progress max=size.to_string() prop:value=bytes_read aria-label=t("Import progress")></progress>
            <Counts state />
            <button type="button" class="button" on:click=move |_| imports.stop()>{t("Stop")}</button>
            <RejectedRows state />
        </div>
    }
}

#[component]
fn Outcome(imports: Imports, end: End) -> impl IntoView {
    let state = imports.state;
    let has_rejected = state.with_untracked(|state| state.progress().refused > 0);
    let is_failure = matches!(end, End::Unreadable(..) | End::Failed(..));
    let sentence = describe_end(&end, imports.is_dry_run.get_untracked());
    view! {
        <div class="stacked-form">
            <p class:form-failure=is_failure role="status">{sentence}</p>
            <Counts state />
            <div class="actions">
                {has_rejected.then(|| view! {
                    <button type="button" class="button primary" on:click=move |_| save_rejected(imports)>
                        {t("Save rejected rows")}
                    </button>
                })}
                <button type="button" class="button" on:click=move |_| imports.dismiss()>{t("Import another file")}</button>
            </div>
            <RejectedRows state />
        </div>
    }
}

/// Saves the rejected rows of `users.csv` as `users.rejected.csv`.
fn save_rejected(imports: Imports) {
    let file = imports.file.get_untracked();
    let Some((name, format)) = file.and_then(|file| Some((file.name(), format_of(&file)?))) else {
        return;
    };
    let stem = name
        .rsplit_once('.')
        .map_or(name.as_str(), |(stem, _)| stem);
    let name = format!("{stem}.rejected.{}", format.extension());
    imports
        .rejected_file
        .with_value(|parts| browser::save_file(&name, media_type(format), parts));
}

/// The number of rows by outcome.
#[component]
fn Counts(state: RwSignal<ImportState>) -> impl IntoView {
    let count = move |name: &'static str, number: fn(&ImportProgress) -> u32| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd>{move || browser::grouped(state.with(|state| number(state.progress())))}</dd>
            </div>
        }
    };
    view! {
        <dl class="readouts">
            {count(t("Added"), |progress| progress.added)}
            {count(t("Replaced"), |progress| progress.replaced)}
            {count(t("Skipped"), |progress| progress.skipped)}
            {count(t("Rejected"), |progress| progress.refused)}
        </dl>
    }
}

/// The first rejected rows, and the number of others.
#[component]
fn RejectedRows(state: RwSignal<ImportState>) -> impl IntoView {
    let shown = Memo::new(move |_| state.with(|state| state.rejected().len()));
    let rows = move || {
        shown.track();
        let row = |RejectedRow { line, reason }: &RejectedRow| {
            let line = fill("Line {0}", &[&line.to_string()]);
            view! { <li><strong>{line}</strong>" "{reason.clone()}</li> }
        };
        state.with_untracked(|state| state.rejected().iter().map(row).collect_view())
    };
    let others = move || {
        let hidden = state.with(ImportState::rejected_hidden);
        (hidden > 0).then(|| fill("and {0} more", &[&browser::grouped(hidden)]))
    };
    view! {
        <ul class="rejected" aria-label=t("Rejected rows")>{rows}</ul>
        <p class="quiet">{others}</p>
    }
}

fn format_of(file: &File) -> Option<Format> {
    Format::of(Path::new(&file.name()))
}
