//! The SQL of a page: one range of an index, or one for each type, which SQLite merges as it reads.
//!
//! Each order has two indexes, one of all users and one within each type, so that a page costs the same at either end
//! of the directory, however many users there are.

use rusqlite::types::Value;

use crate::directory::{Cursor, Key, Order, PageQuery};

/// Returns the statement for a page. Its parameters are the key and id of the cursor, the limit, and the offset.
pub(super) fn select(query: &PageQuery) -> String {
    let column = column(query.order);
    let (above, direction) = if query.descending {
        ("<", "DESC")
    } else {
        (">", "ASC")
    };
    let range = |index: &str, user_type: Option<i32>| {
        let of_type = user_type.map(|number| format!("user_type = {number}"));
        let bound = query.after.as_ref().map(|after| match after.key {
            Key::Id => format!("id {above} ?2"),
            // SQLite uses no index with a collation for a comparison of row values.
            _ => format!("{column} {above}= ?1 AND ({column} {above} ?1 OR id {above} ?2)"),
        });
        let conditions: Vec<_> = of_type.into_iter().chain(bound).collect();
        let condition = if conditions.is_empty() {
            String::new()
        } else {
            format!("WHERE {}", conditions.join(" AND "))
        };
        format!(
            "SELECT id, nickname, mail_address, user_type, created_ms, updated_ms, revision \
             FROM users {index} {condition}"
        )
    };
    let (of_all, of_type) = indexes(query.order);
    let ranges = match query.filter.user_types.as_slice() {
        [] => range(of_all, None),
        types => {
            let ranges = types.iter().map(|number| range(of_type, Some(*number)));
            ranges.collect::<Vec<_>>().join(" UNION ALL ")
        }
    };
    format!("{ranges} ORDER BY {column} {direction}, id {direction} LIMIT ?3 OFFSET ?4")
}

/// Returns the key and id that a cursor binds.
pub(super) fn bounds(after: Option<&Cursor>) -> (Value, u32) {
    let Some(Cursor { key, id }) = after else {
        return (Value::Null, 0);
    };
    let key = match key {
        Key::Id => Value::Null,
        Key::Text(text) => text.clone().into(),
        Key::Time(milliseconds) => (*milliseconds).into(),
    };
    (key, *id)
}

/// Returns the column of an order, as the indexes spell it.
const fn column(order: Order) -> &'static str {
    match order {
        Order::Id => "id",
        Order::Nickname => "nickname COLLATE NOCASE",
        Order::MailAddress => "mail_address COLLATE NOCASE",
        Order::Created => "created_ms",
        Order::Updated => "updated_ms",
    }
}

/// Returns the indexes of an order: of all users, and within a type. Without these hints the planner prefers the index
/// that holds whole rows, and sorts.
const fn indexes(order: Order) -> (&'static str, &'static str) {
    match order {
        Order::Id => ("", "INDEXED BY users_by_type"),
        Order::Nickname => (
            "INDEXED BY users_by_nickname",
            "INDEXED BY users_by_type_and_nickname",
        ),
        Order::MailAddress => (
            "INDEXED BY users_by_mail_address",
            "INDEXED BY users_by_type_and_mail_address",
        ),
        Order::Created => (
            "INDEXED BY users_by_created",
            "INDEXED BY users_by_type_and_created",
        ),
        Order::Updated => (
            "INDEXED BY users_by_updated",
            "INDEXED BY users_by_type_and_updated",
        ),
    }
}
