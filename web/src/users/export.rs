//! Saving users as a file.

#![expect(
    clippy::unnecessary_wraps,
    reason = "loading can fail, around the marked function"
)]

use futures_util::StreamExt as _;
use futures_util::future::AbortHandle;
use leptos::prelude::*;
use soundstage_formats::{Format, Writer};
use soundstage_proto::user::User;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::selection::Selection;
use super::user_query::UserQuery;
use crate::language::{fill, t};
use crate::{api, browser};

/// Users that are put together before they go to the browser.
const USERS: u32 = 5000;

/// Which users to save.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// All that the table shows.
    Query(Memo<UserQuery>),
    Selected(Selection),
}

/// The formats, with what they are called.
const FORMATS: [(Format, &str, &str); 3] = [
    (Format::Csv, "csv", "CSV"),
    (Format::Ndjson, "ndjson", "NDJSON"),
    (Format::Json, "json", "JSON"),
];

/// Exports in the format that is chosen. While it goes on, a button stops it.
#[component]
pub(super) fn ExportChoice(source: Source) -> impl IntoView {
    let under_way = StoredValue::new(None::<AbortHandle>);
    let count = RwSignal::new(None::<u32>);
    let failure = RwSignal::new(None::<String>);
    let stop = move || {
        count.try_set(None);
        if let Some(handle) = under_way.try_update_value(Option::take).flatten() {
            handle.abort();
        }
    };
    let export = move |ev| {
        let name = event_target_value(&ev);
        let Some((format, ..)) = FORMATS.into_iter().find(|(_, other, _)| *other == name) else {
            return;
        };
        count.set(Some(0));
        failure.set(None);
        let task = browser::spawn_abortable(async move {
            let outcome = save(source, format, count).await;
            failure.try_set(outcome.err());
            count.try_set(None);
        });
        under_way.set_value(Some(task));
    };
    on_cleanup(stop);
    let control = move || match count.get() {
        None => view! {
            <select class="button" aria-label=t("Export") on:change=export>
                <option value="">{t("Export…")}</option>
                {FORMATS.map(|(_, value, name)| view! { <option value=value>{name}</option> })}
            </select>
        }
        .into_any(),
        Some(count) => view! {
            <button type="button" class="button" on:click=move |_| stop()>
                {fill("{0} — stop", &[&browser::grouped(count)])}
            </button>
        }
        .into_any(),
    };
    view! {
        {control}
        <p class="form-failure" role="alert">{move || failure.get()}</p>
    }
}

/// Saves the users, or says why not.
async fn save(source: Source, format: Format, count: RwSignal<Option<u32>>) -> Result<(), String> {
    let unsaved = |sentence: &str| fill("{0} Nothing was saved.", &[sentence]);
    let writer = user_writer(format).await;
    let mut writer: UserWriter =
        writer.map_err(|_| unsaved(t("A part of the page could not be loaded.")))?;
    let parts = js_sys::Array::new();
    match source {
        Source::Selected(selection) => {
            for user in selection.users() {
                parts.push(&writer(Some(&user)).into());
            }
        }
        Source::Query(view) => {
            let filter = view.with_untracked(UserQuery::filter);
            let failed = |error: api::CallError| unsaved(&error.sentence());
            let users = api::export_users(filter).await.map_err(failed)?;
            let mut users = std::pin::pin!(users);
            let mut text = String::new();
            let mut written = 0;
            while let Some(user) = users.next().await {
                text.push_str(&writer(Some(&user.map_err(failed)?)));
                written += 1;
                if written % USERS == 0 {
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

/// Writer of a file: returns the text of a user, or of the end for `None`.
type UserWriter = Box<dyn FnMut(Option<&User>) -> String>;

/// Creates the writer of a file of users.
#[wasm_split(files, fallible)]
fn user_writer(format: Format) -> Result<UserWriter, SplitLoaderError> {
    let mut writer = Writer::new(format);
    Ok(Box::new(move |user| {
        let mut text = String::new();
        match user {
            Some(user) => writer.user(user, &mut text),
            None => writer.finish(&mut text),
        }
        text
    }))
}

/// As registered with IANA; NDJSON is not, and commonly this.
pub(super) const fn media_type(format: Format) -> &'static str {
    match format {
        Format::Csv => "text/csv",
        Format::Ndjson => "application/x-ndjson",
        Format::Json => "application/json",
    }
}
