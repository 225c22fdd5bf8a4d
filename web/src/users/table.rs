//! The table of users. Only the rows in view are fetched and rendered.

use leptos::prelude::*;
use leptos_router::components::A;
use soundstage_proto::user::list_users_request::Order;

use super::changes::ChangeSignals;
use super::data::Table;
use super::keys::{Shortcuts, row_keys};
use super::links::{Links, SetQuery};
use super::menu::MenuButton;
use super::rows::{Row, Rows};
use super::selection::Selection;
use super::type_badge::TypeBadge;
use super::user_query::UserQuery;
use super::viewport::Viewport;
use crate::browser;
use crate::language::{fill, key, t};
use crate::ui::{Failure, Notice, plural};

/// The columns: the order by the column, if there is one, the heading, and the classes.
const COLUMNS: [(Option<Order>, &str, &str); 6] = [
    (Some(Order::Id), key("ID"), "number"),
    (Some(Order::Nickname), key("Nickname"), "name"),
    (Some(Order::MailAddress), key("Mail address"), "mail"),
    (None, key("Type"), "type"),
    (Some(Order::Created), key("Created"), "time created"),
    (Some(Order::Updated), key("Changed"), "time"),
];

/// The table of a query, with the number of users above.
#[component]
pub(super) fn UserTable(query: Memo<UserQuery>) -> impl IntoView {
    let table = Table::new(query);
    let changes: ChangeSignals = expect_context();
    let is_pointed_at = RwSignal::new(false);
    table.follow_changes(is_pointed_at, changes);
    let extent = Memo::new(move |_| table.rows.with(Rows::extent));
    let viewport = Viewport::new(extent, table.generation);
    let rendered = viewport.rendered;
    table.keep_fetching(Memo::new(move |_| {
        rendered.with(|rendered| rendered.rows.clone())
    }));
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
            <p role="status">{move || count(table.rows, query)}</p>
            {move || (is_pointed_at.get() && table.unseen.get() > 0).then(|| view! {
                <button type="button" class="button" on:click=move |_| table.refresh()>
                    {move || plural(table.unseen.get(), key("Show {0} change"), key("Show {0} changes"))}
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
            aria-label=t("Table of users")
            on:scroll=move |_| viewport.scrolled()
            on:keydown=row_keys(viewport, table.rows)
            on:pointerenter=move |_| is_pointed_at.set(true)
            on:pointerleave=move |_| is_pointed_at.set(false)
        >
            <table
                class="users-table"
                aria-rowcount=move || (extent.get() + 1).to_string()
            >
                <Headings query />
                <Spacer height=Signal::derive(move || rendered.with(|rendered| rendered.before)) />
                <tbody>
                    <For
                        each=move || rendered.with(|rendered| rendered.rows.clone())
                        key=move |number| (*number, table.generation.get_untracked())
                        let:number
                    >
                        <UserRow number rows=table.rows />
                    </For>
                </tbody>
                <Spacer height=Signal::derive(move || rendered.with(|rendered| rendered.after)) />
            </table>
        </div>
        {move || is_empty.get().then(|| view! {
            <Notice>
                {move || if query.with(UserQuery::is_filtered) {
                    t("No users match. Shorten the search, or choose other types.")
                } else {
                    t("There are no users yet. Add a user, or import a file.")
                }}
            </Notice>
        })}
    }
}

/// Returns the number of users, in words.
fn count(rows: RwSignal<Rows>, query: Memo<UserQuery>) -> String {
    rows.with(|rows| match rows.total() {
        None => t("Loading users…").to_owned(),
        Some(total) => {
            let is_filtered = query.with(UserQuery::is_filtered);
            let filled = |text| fill(text, &[&browser::grouped(total)]);
            match (is_filtered, rows.is_lower_bound()) {
                (_, true) => filled(key("More than {0} found")),
                (true, false) => filled(key("{0} found")),
                (false, false) => plural(total, key("{0} user"), key("{0} users")),
            }
        }
    })
}

#[component]
fn Headings(query: Memo<UserQuery>) -> impl IntoView {
    let SetQuery(set_query) = expect_context();
    let heading = move |(order, name, class): (Option<Order>, &'static str, &'static str)| {
        let Some(order) = order else {
            return view! { <th scope="col" class=class>{t(name)}</th> }.into_any();
        };
        let direction = move || {
            let query = query.get();
            match (query.order == order, query.descending) {
                (false, _) => None,
                (true, false) => Some("ascending"),
                (true, true) => Some("descending"),
            }
        };
        let order_by = move |_| set_query.run(query.get_untracked().order_by(order));
        view! {
            <th scope="col" class=class aria-sort=direction>
                <button type="button" on:click=order_by>{t(name)}</button>
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

/// The space of rows that are not rendered.
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
    let links: Links = expect_context();
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
                <td class="name"><A href=move || links.user(id)>{user.nickname}</A></td>
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
