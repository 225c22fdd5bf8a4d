//! The table of users. Only the rows in view are fetched and rendered.

use leptos::prelude::*;
use soundstage_proto::user::User;
use soundstage_proto::user::list_users_request::Order;

use super::changes::ChangeSignals;
use super::connection_notice::ConnectionNotice;
use super::data::Table;
use super::keys::{Shortcuts, row_keys};
use super::links::{Links, SetQuery};
use super::menu::UserMenuButton;
use super::rows::Rows;
use super::selection::Selection;
use super::type_badge::TypeBadge;
use super::user_query::UserQuery;
use super::viewport::Viewport;
use crate::browser;
use crate::language::{fill, key, t};
use crate::router::Link;
use crate::ui::{Failure, Notice, pixels, plural};

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
    let connection = table.follow_changes(is_pointed_at, changes);
    let extent = Memo::new(move |_| table.rows.with(Rows::extent));
    let viewport = Viewport::new(extent, table.shown);
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
    // The number stays while the rows of another query load.
    let number = Memo::new(move |before: Option<&String>| {
        let is_waiting = table.rows.with(Rows::is_waiting);
        let before = before.filter(|_| is_waiting).cloned();
        before.unwrap_or_else(|| count(table.rows, query))
    });
    let is_empty = Memo::new(move |_| table.rows.with(Rows::total) == Some(0));
    view! {
        {failure}
        <ConnectionNotice connection />
        <div class="table-head">
            <p role="status">{number}</p>
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
            on:keydown=row_keys(viewport, table)
            on:pointerenter=move |_| is_pointed_at.set(true)
            on:pointerleave=move |_| is_pointed_at.set(false)
        >
            <table
                class="users-table"
                role="grid"
                aria-label=t("Table of users")
                aria-multiselectable="true"
                aria-busy=move || table.rows.with(Rows::is_waiting).to_string()
                aria-rowcount=move || (extent.get() + 1).to_string()
            >
                <Headings query />
                <Spacer height=Signal::derive(move || rendered.with(|rendered| rendered.before)) />
                <tbody>
                    <For
                        each=move || rendered.with(|rendered| rendered.rows.clone())
                        key=|number| *number
                        let:number
                    >
                        <UserRow number table />
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
            <tr><td style:height=move || pixels(height.get())></td></tr>
        </tbody>
    }
}

#[component]
fn UserRow(number: u32, table: Table) -> impl IntoView {
    let selection: Selection = expect_context();
    let row = Memo::new(move |_| table.rows.with(|rows| rows.row(number)));
    let is_known = Memo::new(move |_| row.with(Option::is_some));
    let user = Memo::new(move |_| row.get().map(|row| row.user).unwrap_or_default());
    let is_deleted = move || row.with(|row| row.as_ref().is_some_and(|row| row.is_deleted));
    let is_selected = Memo::new(move |_| selection.contains(user.with(|user| user.id)));
    let cells = move || {
        if is_known.get() {
            view! { <Cells number table user is_selected /> }.into_any()
        } else {
            view! { <td class="waiting" colspan="8">"…"</td> }.into_any()
        }
    };
    view! {
        <tr
            aria-rowindex=(number + 2).to_string()
            aria-selected=move || is_selected.get().to_string()
            tabindex="-1"
            class:deleted=is_deleted
        >
            {cells}
        </tr>
    }
}

/// The cells of a row. They stay when the user changes, so that a focused control keeps the focus.
#[component]
fn Cells(number: u32, table: Table, user: Memo<User>, is_selected: Memo<bool>) -> impl IntoView {
    let links: Links = expect_context();
    let selection: Selection = expect_context();
    // One type of closure for all texts, which keeps the program small.
    let text = move |of: fn(&User) -> String| move || user.with(of);
    view! {
        <td class="select">
            <input
                type="checkbox"
                aria-label=text(|user| fill("Select {0}", &[&user.nickname]))
                prop:checked=is_selected
                on:click=move |ev| selection.toggle(table, number, ev.shift_key())
            />
        </td>
        <td class="number">{text(|user| user.id.to_string())}</td>
        <td class="name">
            <Link href=move || links.user(user.with(|user| user.id))>{text(|user| user.nickname.clone())}</Link>
        </td>
        <td class="mail">{text(|user| user.mail_address.clone())}</td>
        <td class="type">{move || view! { <TypeBadge user_type=user.with(User::user_type) /> }}</td>
        <td class="time created">{text(|user| browser::date_and_time(user.created_ms))}</td>
        <td class="time">{text(|user| browser::date_and_time(user.updated_ms))}</td>
        <td class="more"><UserMenuButton user /></td>
    }
}
