//! Saving the users of a view as a file.

use futures_util::StreamExt as _;
use futures_util::future::AbortHandle;
use leptos::prelude::*;
use soundstage_proto::user::User;

use super::view::View;
use crate::{api, browser};

/// Lines that are put together before they go to the browser.
const LINES: u32 = 5000;

/// Exports what the table shows as CSV; pressed again, it stops.
#[component]
pub(super) fn ExportButton(view: Memo<View>) -> impl IntoView {
    let under_way = StoredValue::new(None::<AbortHandle>);
    let count = RwSignal::new(None::<u32>);
    let failure = RwSignal::new(None::<String>);
    let stop = move || {
        count.set(None);
        if let Some(handle) = under_way.try_update_value(Option::take).flatten() {
            handle.abort();
        }
    };
    let export = move |_| {
        if count.get_untracked().is_some() {
            return stop();
        }
        count.set(Some(0));
        failure.set(None);
        let view = view.get_untracked();
        under_way.set_value(Some(browser::spawn_abortable(async move {
            let outcome = save(&view, count).await;
            failure.try_set(
                outcome
                    .err()
                    .map(|error| error.sentence() + " Nothing was saved."),
            );
            count.try_set(None);
        })));
    };
    on_cleanup(move || {
        if let Some(handle) = under_way.try_update_value(Option::take).flatten() {
            handle.abort();
        }
    });
    let label = move || match count.get() {
        None => "Export".to_owned(),
        Some(count) => format!("{} — stop", browser::grouped(count)),
    };
    view! {
        <button type="button" class="button" on:click=export>{label}</button>
        <p class="form-failure" role="alert">{move || failure.get()}</p>
    }
}

async fn save(view: &View, count: RwSignal<Option<u32>>) -> Result<(), api::CallError> {
    let mut users = std::pin::pin!(api::export_users(view.filter()).await?);
    let parts = js_sys::Array::new();
    let mut text =
        String::from("id,nickname,mail_address,user_type,created_ms,updated_ms,revision\n");
    let mut written = 0;
    while let Some(user) = users.next().await {
        append(&user?, &mut text);
        written += 1;
        if written % LINES == 0 {
            parts.push(&std::mem::take(&mut text).into());
            count.try_set(Some(written));
        }
    }
    parts.push(&text.into());
    browser::save_file("users.csv", "text/csv", &parts);
    Ok(())
}

/// Adds the line of a user, as RFC 4180 has it; the command line reads and writes the same.
fn append(user: &User, text: &mut String) {
    let quote = |value: &str| {
        if value.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", value.replace('"', "\"\""))
        } else {
            value.to_owned()
        }
    };
    let fields = [
        user.id.to_string(),
        quote(&user.nickname),
        quote(&user.mail_address),
        user.user_type().as_str_name().to_owned(),
        user.created_ms.to_string(),
        user.updated_ms.to_string(),
        user.revision.to_string(),
    ];
    text.push_str(&fields.join(","));
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_and_quotes_are_quoted() {
        let mut text = String::new();
        let user = User {
            id: 7,
            nickname: "a \"b\", c".into(),
            mail_address: "a@b.example".into(),
            user_type: 3,
            ..User::default()
        };
        append(&user, &mut text);
        assert_eq!(text, "7,\"a \"\"b\"\", c\",a@b.example,GUEST,0,0,0\n");
    }
}
