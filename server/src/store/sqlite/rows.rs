//! Rows of the table of users, and the point reads that all parts of the store share.

use rusqlite::{Connection, OptionalExtension as _, Row};
use soundstage_proto::user::User;

/// Returns the user with this id, as the connection sees it.
pub(super) fn find(connection: &Connection, id: u32) -> rusqlite::Result<Option<User>> {
    connection
        .prepare_cached(
            "SELECT id, nickname, mail_address, user_type, created_ms, updated_ms, revision \
             FROM users WHERE id = ?1",
        )?
        .query_row([id], to_user)
        .optional()
}

/// Returns whether a user has this id.
pub(super) fn exists(connection: &Connection, id: u32) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM users WHERE id = ?1")?
        .exists([id])
}

/// Returns the newest revision that any user has or had.
pub(super) fn newest_revision(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT newest FROM revisions")?
        .query_row([], |row| row.get(0))
}

/// Converts a row with all columns, in the order of the table.
pub(super) fn to_user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: row.get(0)?,
        nickname: text(row, 1)?,
        mail_address: text(row, 2)?,
        user_type: row.get(3)?,
        created_ms: integer(row, 4)?,
        updated_ms: integer(row, 5)?,
        revision: integer(row, 6)?,
    })
}

/// Returns an integer column, without rusqlite's conversions from other types.
pub(super) fn integer(row: &Row<'_>, column: usize) -> rusqlite::Result<i64> {
    Ok(row.get_ref(column)?.as_i64()?)
}

/// Returns a text column, copied once.
pub(super) fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(row.get_ref(column)?.as_str()?.to_owned())
}
