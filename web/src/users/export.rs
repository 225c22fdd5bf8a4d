//! Exporting users to a file.

#![expect(
    clippy::unnecessary_wraps,
    reason = "loading can fail, around the marked function"
)]

use futures_util::future::{AbortHandle, LocalBoxFuture};
use futures_util::{FutureExt as _, StreamExt as _};
use leptos::prelude::*;
use soundstage_formats::{Format, Writer};
use soundstage_proto::user::User;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::selection::Selection;
use super::user_query::UserQuery;
use crate::language::{fill, t};
use crate::ui::MenuButton;
use crate::{api, browser};

/// Users per part of the file.
const PART: u32 = 5000;

/// The users to export.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// All users of the query, shown or not.
    Query(Memo<UserQuery>),
    Selected(Selection),
}

/// The formats, each with its value in the menu and its name.
const FORMATS: [(Format, &str, &str); 3] = [
    (Format::Csv, "csv", "CSV"),
    (Format::Ndjson, "ndjson", "NDJSON"),
    (Format::Json, "json", "JSON"),
];

/// The menu of formats, which starts the export; during the export, the button that stops it.
#[component]
pub(super) fn ExportChoice(source: Source) -> impl IntoView {
    let task = StoredValue::new(None::<AbortHandle>);
    let count = RwSignal::new(None::<u32>);
    let failure = RwSignal::new(None::<String>);
    let stop = move || {
        count.try_set(None);
        if let Some(handle) = task.try_update_value(Option::take).flatten() {
            handle.abort();
        }
    };
    let export = Callback::new(move |name: &'static str| {
        let Some((format, ..)) = FORMATS.into_iter().find(|(_, other, _)| *other == name) else {
            return;
        };
        count.set(Some(0));
        failure.set(None);
        let handle = browser::spawn_abortable(async move {
            let outcome = match saving(source, format, count).await {
                Ok(outcome) => outcome.await,
                Err(_) => Err(unsaved(t("Part of the page did not load."))),
            };
            failure.try_set(outcome.err());
            count.try_set(None);
        });
        task.set_value(Some(handle));
    });
    let id = match source {
        Source::Query(_) => "export-query",
        Source::Selected(_) => "export-selected",
    };
    on_cleanup(stop);
    let control = move || match count.get() {
        None => view! {
            <MenuButton
                id
                label=t("Export…")
                choices=FORMATS.map(|(_, value, name)| (value, name)).into()
                on_choose=export
            />
        }
        .into_any(),
        Some(count) => view! {
            <button type="button" class="button" on:click=move |_| stop()>
                {fill("Stop export ({0})", &[&browser::grouped(count)])}
            </button>
        }
        .into_any(),
    };
    view! {
        {control}
        <p class="form-failure" role="alert">{move || failure.get()}</p>
    }
}

fn unsaved(sentence: &str) -> String {
    fill("{0} No file was saved. Try again.", &[sentence])
}

/// Returns the task that saves users to a file, which is loaded as a part.
#[wasm_split(files, fallible)]
fn saving(
    source: Source,
    format: Format,
    count: RwSignal<Option<u32>>,
) -> Result<LocalBoxFuture<'static, Result<(), String>>, SplitLoaderError> {
    Ok(save(source, format, count).boxed_local())
}

/// Saves the users to a file. Returns an error as a sentence.
async fn save(source: Source, format: Format, count: RwSignal<Option<u32>>) -> Result<(), String> {
    let mut writer = user_writer(format);
    let parts = js_sys::Array::new();
    match source {
        Source::Selected(selection) => {
            for user in selection.users() {
                parts.push(&writer(Some(&user)).into());
            }
        }
        Source::Query(query) => {
            let filter = query.with_untracked(UserQuery::filter);
            let failed = |error: api::CallError| unsaved(&error.sentence());
            let users = api::export_users(filter).await.map_err(failed)?;
            let mut users = std::pin::pin!(users);
            let mut text = String::new();
            let mut written = 0;
            while let Some(user) = users.next().await {
                text.push_str(&writer(Some(&user.map_err(failed)?)));
                written += 1;
                if written % PART == 0 {
                    parts.push(&std::mem::take(&mut text).into());
                    count.try_set(Some(written));
                }
            }
            parts.push(&text.into());
        }
    }
    parts.push(&writer(None).into());
    let name = format!("users.{}", format.extension());
    browser::save_file(&name, media_type(format), &parts);
    Ok(())
}

/// Returns the writer of a file: it returns the text of a user, or of the end for `None`.
fn user_writer(format: Format) -> impl FnMut(Option<&User>) -> String {
    let mut writer = Writer::new(format);
    move |user| {
        let mut text = String::new();
        match user {
            Some(user) => writer.user(user, &mut text),
            None => writer.finish(&mut text),
        }
        text
    }
}

/// Returns the media type of a format. NDJSON has no type registered with IANA; this type is common.
pub(super) const fn media_type(format: Format) -> &'static str {
    match format {
        Format::Csv => "text/csv",
        Format::Ndjson => "application/x-ndjson",
        Format::Json => "application/json",
    }
}
