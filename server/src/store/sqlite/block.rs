//! Blocks: consecutive users of a stream, by ascending id.

use rusqlite::{Connection, Rows, params};
use soundstage_proto::UserType;
use soundstage_proto::encoded::{UserEncoder, UserFields, UserMessage};
use soundstage_proto::user::User;

use super::rows::integer;
use super::{page, search};
use crate::directory::{Block, Cursor, Filter, Key, Order, PageQuery};
use crate::limits::SEND_BUFFER;

/// The number of bytes at which a block ends, since a stream sends it as one frame.
const FULL: usize = SEND_BUFFER;

/// Reads a block of users that match a filter.
pub(super) fn read(
    connection: &Connection,
    filter: &Filter,
    after: u32,
    limit: u32,
) -> rusqlite::Result<Block> {
    if *filter == Filter::default() {
        let mut statement = connection.prepare_cached(
            "SELECT id, nickname, mail_address, user_type, created_ms, updated_ms, revision \
             FROM users WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?;
        let rows = statement.query(params![after, limit])?;
        return encode(rows, limit, UserMessage::User);
    }
    let (users, after) = users(connection, filter, after, limit)?;
    let mut block = UserEncoder::new(UserMessage::User);
    for user in &users {
        block.push(&user.into());
        if block.byte_len() >= FULL {
            // The next block reads the rest again, if there is one.
            let users = block.finish();
            return Ok(Block {
                users,
                after: Some(user.id),
            });
        }
    }
    let users = block.finish();
    Ok(Block { users, after })
}

/// Reads the users that match a filter: out of the next `limit` users after an id, or out of as many candidates of a
/// search. Returns them with the id after which the next users start, if users may follow.
pub(super) fn users(
    connection: &Connection,
    filter: &Filter,
    after: u32,
    limit: u32,
) -> rusqlite::Result<(Vec<User>, Option<u32>)> {
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
    Ok((users, last.filter(|_| examined == limit as usize)))
}

/// Reads the next `limit` users of one type after an id, from the index that holds whole rows.
pub(super) fn read_type(
    connection: &Connection,
    user_type: UserType,
    after: u32,
    limit: u32,
) -> rusqlite::Result<Block> {
    let mut statement = connection.prepare_cached(
        "SELECT id, nickname, mail_address, user_type, created_ms, updated_ms, revision \
         FROM users WHERE user_type = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
    )?;
    let rows = statement.query(params![i32::from(user_type), after, limit])?;
    encode(rows, limit, UserMessage::UserResponse)
}

/// Encodes rows with all columns, in the order of the table, straight from the columns.
fn encode(mut rows: Rows<'_>, limit: u32, message: UserMessage) -> rusqlite::Result<Block> {
    let mut users = UserEncoder::new(message);
    let (mut count, mut last) = (0, None);
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        users.push(&UserFields {
            id,
            nickname: row.get_ref(1)?.as_str()?,
            mail_address: row.get_ref(2)?.as_str()?,
            user_type: row.get(3)?,
            created_ms: integer(row, 4)?,
            updated_ms: integer(row, 5)?,
            revision: integer(row, 6)?,
        });
        count += 1;
        last = Some(id);
        if users.byte_len() >= FULL {
            break;
        }
    }
    let may_continue = count == limit || users.byte_len() >= FULL;
    Ok(Block {
        users: users.finish(),
        after: last.filter(|_| may_continue),
    })
}
