//! Blocks: consecutive users of a stream, by ascending id.

use rusqlite::{Connection, params};
use soundstage_proto::UserType;
use soundstage_proto::user::User;

use super::rows::{integer, text};
use super::{page, search};
use crate::directory::{Block, Cursor, Filter, Key, Order, PageQuery};

/// Examines the next `limit` users after an id, or the next `limit` candidates if the filter has a search, and returns
/// the users that match.
pub(super) fn read(
    connection: &Connection,
    filter: &Filter,
    after: u32,
    limit: u32,
) -> rusqlite::Result<Block> {
    let (users, examined, last) = if let Some(search) = &filter.search {
        let range = search::Range::ascending(after, limit);
        let candidates = search::candidates(connection, search, &filter.user_types, &range)?;
        let users = search::matches(connection, filter, &candidates)?;
        (users, candidates.len(), candidates.last().copied())
    } else {
        let query = PageQuery {
            filter: filter.clone(),
            order: Order::Id,
            descending: false,
            after: Some(Cursor {
                key: Key::Id,
                id: after,
            }),
            skip: 0,
            limit,
        };
        let users = page::scan(connection, &query, |_| true)?;
        let (count, last) = (users.len(), users.last().map(|user| user.id));
        (users, count, last)
    };
    Ok(Block {
        users,
        after: last.filter(|_| examined == limit as usize),
    })
}

/// Reads the next `limit` users of one type after an id, from the index that holds whole rows.
pub(super) fn read_type(
    connection: &Connection,
    user_type: UserType,
    after: u32,
    limit: u32,
) -> rusqlite::Result<Block> {
    let user_type = i32::from(user_type);
    let mut statement = connection.prepare_cached(
        "SELECT id, nickname, mail_address, created_ms, updated_ms, revision \
         FROM users WHERE user_type = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
    )?;
    let mut rows = statement.query(params![user_type, after, limit])?;
    let mut users = Vec::with_capacity(limit as usize);
    while let Some(row) = rows.next()? {
        users.push(User {
            id: row.get(0)?,
            nickname: text(row, 1)?,
            mail_address: text(row, 2)?,
            user_type,
            created_ms: integer(row, 3)?,
            updated_ms: integer(row, 4)?,
            revision: integer(row, 5)?,
        });
    }
    let last = users.last().filter(|_| users.len() == limit as usize);
    Ok(Block {
        after: last.map(|user| user.id),
        users,
    })
}
