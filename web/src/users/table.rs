//! The table: as many rows as there are users, of which those in view are fetched and drawn.

use leptos::prelude::*;
use leptos_router::components::A;
use soundstage_proto::user::list_users_request::Order;

use super::data::Table;
use super::keys::{Shortcuts, row_keys};
use super::menu::MenuButton;
use super::rows::{Row, Rows};
use super::selection::Selection;
use super::user_query::UserQuery;
use super::viewport::Viewport;
use super::{ChangeSignals, Links, ShowView};
use crate::browser;
use crate::language::{fill, key, t};
use crate::ui::{Failure, Notice};

/// The columns, with what they are ordered by.
const COLUMNS: [(Option<Order>, &str, &str); 6] = [
    (Some(Order::Id), key("Id"), "number"),
    (Some(Order::Nickname), key("Nickname"), "name"),
    (Some(Order::MailAddress), key("Mail address"), "mail"),
    (None, key("Type"), "type"),
    (Some(Order::Created), key("Created"), "time created"),
    (Some(Order::Updated), key("Changed"), "time"),
];

/// The users of a view.
#[component]
pub(super) fn UserTable(view: Memo<UserQuery>) -> impl IntoView {
    let table = Table::new(view);
    let revised: ChangeSignals = expect_context();
    let is_pointed_at = RwSignal::new(false);
    table.follow_changes(is_pointed_at, revised);
    let extent = Memo::new(move |_| table.rows.with(Rows::extent));
    let viewport = Viewport::new(extent, table.generation);
    let drawn = viewport.drawn;
    table.keep_fetching(Memo::new(move |_| drawn.with(|drawn| drawn.rows.clone())));
    let failure = move || {
        let retry = Callback::new(move |()| table.refresh());
        table
            .failure
            .get()
            .map(|error| view! { <Failure error retry /> })
    };
    let is_empty = Memo::new(move |_| table.rows.with(Rows::total) == Some(0));
    view! {
        {failure}
        <div class="table-head">
            <p role="status">{move || count(table.rows, view)}</p>
            {move || (is_pointed_at.get() && table.unseen.get() > 0).then(|| view! {
                <button type="button" class="button" on:click=move |_| table.refresh()>
                    {move || fill("Show {0} changes", &[&table.unseen.get().to_string()])}
                </button>
            })}
            <Shortcuts />
        </div>
        <div
            class="table-view"
            class:is-empty=is_empty
            node_ref=viewport.container
            tabindex="0"
            role="region"
            aria-label=t("Users, scrolling")
            on:scroll=move |_| viewport.scrolled()
            on:keydown=row_keys(viewport, table.rows)
            on:pointerenter=move |_| is_pointed_at.set(true)
            on:pointerleave=move |_| is_pointed_at.set(false)
        >
            <table
                class="users-table"
                aria-rowcount=move || (extent.get() + 1).to_string()
            >
                <Headings view />
                <Spacer height=Signal::derive(move || drawn.with(|drawn| drawn.before)) />
                <tbody>
                    <For
                        each=move || drawn.with(|drawn| drawn.rows.clone())
                        key=move |number| (*number, table.generation.get_untracked())
                        let:number
                    >
                        <UserRow number rows=table.rows />
                    </For>
                </tbody>
                <Spacer height=Signal::derive(move || drawn.with(|drawn| drawn.after)) />
            </table>
        </div>
        {move || is_empty.get().then(|| view! {
            <Notice>
                {if view.with(UserQuery::is_filtered) {
                    t("Nobody is found. Search for less, or for other types.")
                } else {
                    t("There are no users yet. Add the first one, or import a file.")
                }}
            </Notice>
        })}
    }
}

/// How many users there are, in words.
fn count(rows: RwSignal<Rows>, view: Memo<UserQuery>) -> String {
    rows.with(|rows| match rows.total() {
        None => t("Loading users…").to_owned(),
        Some(total) => {
            let is_filtered = view.with(UserQuery::is_filtered);
            let sentence = match (total, is_filtered, rows.is_lower_bound()) {
                (_, _, true) => key("More than {0} found"),
                (_, true, false) => key("{0} found"),
                (1, false, false) => key("{0} user"),
                (_, false, false) => key("{0} users"),
            };
            fill(sentence, &[&browser::grouped(total)])
        }
    })
}

#[component]
fn Headings(view: Memo<UserQuery>) -> impl IntoView {
    let ShowView(show) = expect_context();
    let heading = move |(order, name, class): (Option<Order>, &'static str, &'static str)| {
        let Some(order) = order else {
            return view! { <th scope="col" class=class>{t(name)}</th> }.into_any();
        };
        let direction = move || {
            let view = view.get();
            match (view.order == order, view.descending) {
                (false, _) => None,
                (true, false) => Some("ascending"),
                (true, true) => Some("descending"),
            }
        };
        let turn = move |_| show.run(view.get_untracked().ordered_by(order));
        view! {
            <th scope="col" class=class aria-sort=direction>
                <button type="button" on:click=turn>{t(name)}</button>
            </th>
        }
        .into_any()
    };
    view! {
        <thead>
            <tr aria-rowindex="1">
                <th scope="col" class="select"><span class="visually-hidden">{t("Selected")}</span></th>
                {COLUMNS.map(heading).collect_view()}
                <th scope="col" class="more"><span class="visually-hidden">{t("Actions")}</span></th>
            </tr>
        </thead>
    }
}

/// The height of rows that are not drawn.
#[component]
fn Spacer(height: Signal<f64>) -> impl IntoView {
    view! {
        <tbody class="spacer" aria-hidden="true">
            <tr><td style:height=move || format!("{}px", height.get())></td></tr>
        </tbody>
    }
}

#[component]
fn UserRow(number: u32, rows: RwSignal<Rows>) -> impl IntoView {
    let addresses: Links = expect_context();
    let selection: Selection = expect_context();
    let row = Memo::new(move |_| rows.with(|rows| rows.row(number)));
    let cells = move || match row.get() {
        None => view! { <td class="waiting" colspan="8">"…"</td> }.into_any(),
        Some(Row { user, .. }) => {
            let user_type = user.user_type();
            let id = user.id;
            let name = fill("Select {0}", &[&user.nickname]);
            let menu = view! { <MenuButton user=user.clone() /> };
            view! {
                <td class="select">
                    <input
                        type="checkbox"
                        aria-label=name
                        prop:checked=move || selection.contains(id)
                        on:click=move |ev| selection.toggle(rows, number, ev.shift_key())
                    />
                </td>
                <td class="number">{id}</td>
                <td class="name"><A href=move || addresses.user(id)>{user.nickname}</A></td>
                <td class="mail">{user.mail_address}</td>
                <td class="type"><TypeBadge user_type /></td>
                <td class="time created">{browser::date_and_time(user.created_ms)}</td>
                <td class="time">{browser::date_and_time(user.updated_ms)}</td>
                <td class="more">{menu}</td>
            }
            .into_any()
        }
    };
    let is_deleted = move || row.with(|row| row.as_ref().is_some_and(|row| row.is_deleted));
    view! {
        <tr aria-rowindex=(number + 2).to_string() tabindex="-1" class:deleted=is_deleted>{cells}</tr>
    }
}

/// A user's type, as a word with a mark.
#[component]
pub(super) fn TypeBadge(user_type: soundstage_proto::UserType) -> impl IntoView {
    let class = format!("badge {}", user_type.as_str_name().to_ascii_lowercase());
    view! { <span class=class>{t(user_type.label())}</span> }
}
