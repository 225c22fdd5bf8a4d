//! Pages of users, filtered and ordered.
//!
//! Without a search, a page reads a range of the order's index. With a search, the candidates come from the [index of
//! grams](super::search): a few are read, checked and sorted; with more than the store's count limit, the order's own
//! index is scanned, where the next match is never far.

use std::cmp::Ordering;

use rusqlite::{Connection, params};
use soundstage_proto::user::User;

use super::{rows, search, statement};
use crate::directory::{Cursor, Filter, Order, Page, PageQuery, Search};

/// The smallest number of candidates that a page by id reads at once.
const CANDIDATE_BLOCK: u32 = 256;

/// Reads a page. Counts and sorts at most `count_limit` matches of a search.
pub(super) fn read(
    connection: &Connection,
    query: &PageQuery,
    count_limit: u32,
) -> rusqlite::Result<Page> {
    let sequence = rows::newest_revision(connection)?;
    let (users, total, total_is_lower_bound) = match &query.filter.search {
        None => {
            let users = scan(connection, query, |_| true)?;
            (users, count(connection, &query.filter)?, false)
        }
        Some(search) => read_matches(connection, query, search, count_limit)?,
    };
    Ok(Page {
        users,
        total,
        total_is_lower_bound,
        sequence,
    })
}

/// Reads a page of a search, the total, and whether the total is a lower bound.
fn read_matches(
    connection: &Connection,
    query: &PageQuery,
    search: &Search,
    count_limit: u32,
) -> rusqlite::Result<(Vec<User>, u32, bool)> {
    let range = search::Range::ascending(0, count_limit.saturating_add(1));
    let candidates = search::candidates(connection, search, &query.filter.user_types, &range)?;
    if candidates.len() > count_limit as usize {
        let users = match query.order {
            Order::Id => scan_candidates(connection, query, search)?,
            _ => scan(connection, query, |user| search.matches(user))?,
        };
        return Ok((users, count_limit, true));
    }
    let users = search::matches(connection, &query.filter, &candidates)?;
    let total = u32::try_from(users.len()).unwrap_or(u32::MAX);
    Ok((sort_and_cut(query, users), total, false))
}

/// Scans the index of the order for users that match.
pub(super) fn scan(
    connection: &Connection,
    query: &PageQuery,
    matches: impl Fn(&User) -> bool,
) -> rusqlite::Result<Vec<User>> {
    // Without a search every row matches, and SQLite skips rows without reading them.
    let (mut to_skip, limit, offset) = match query.filter.search {
        None => (0, i64::from(query.limit), query.skip),
        Some(_) => (query.skip, -1, 0),
    };
    let mut statement = connection.prepare_cached(&statement::select(query))?;
    let (key, id) = statement::bounds(query.after.as_ref());
    let mut rows = statement.query(params![key, id, limit, offset])?;
    let mut users = Vec::with_capacity(query.limit as usize);
    while users.len() < query.limit as usize
        && let Some(row) = rows.next()?
    {
        let user = rows::to_user(row)?;
        if !matches(&user) {
            continue;
        }
        if to_skip > 0 {
            to_skip -= 1;
        } else {
            users.push(user);
        }
    }
    Ok(users)
}

/// Scans the candidates of a search by id, the order of the index of grams.
fn scan_candidates(
    connection: &Connection,
    query: &PageQuery,
    search: &Search,
) -> rusqlite::Result<Vec<User>> {
    let mut range = search::Range {
        after: query.after.as_ref().map_or(0, |after| after.id),
        descending: query.descending,
        limit: query.limit.max(CANDIDATE_BLOCK),
    };
    let mut to_skip = query.skip;
    let mut users = Vec::with_capacity(query.limit as usize);
    loop {
        let block = search::candidates(connection, search, &query.filter.user_types, &range)?;
        let Some(last) = block.last() else {
            return Ok(users);
        };
        range.after = *last;
        for user in search::matches(connection, &query.filter, &block)? {
            if to_skip > 0 {
                to_skip -= 1;
            } else if users.len() < query.limit as usize {
                users.push(user);
            } else {
                return Ok(users);
            }
        }
    }
}

/// Sorts all matches and returns the page.
fn sort_and_cut(query: &PageQuery, users: Vec<User>) -> Vec<User> {
    let compare = |one: &Cursor, other: &Cursor| {
        let ascending = one.compare(other);
        if query.descending {
            ascending.reverse()
        } else {
            ascending
        }
    };
    let with_cursors = users
        .into_iter()
        .map(|user| (query.order.cursor(&user), user));
    let mut users: Vec<_> = with_cursors
        .filter(|(cursor, _)| {
            let after = query.after.as_ref();
            after.is_none_or(|after| compare(cursor, after) == Ordering::Greater)
        })
        .collect();
    users.sort_unstable_by(|(one, _), (other, _)| compare(one, other));
    let page = users.into_iter().skip(query.skip as usize);
    let page = page.take(query.limit as usize);
    page.map(|(_, user)| user).collect()
}

/// Counts the users that a filter without a search matches.
fn count(connection: &Connection, filter: &Filter) -> rusqlite::Result<u32> {
    let mut statement = connection.prepare_cached("SELECT user_type, total FROM type_counts")?;
    let mut rows = statement.query([])?;
    let mut total = 0;
    while let Some(row) = rows.next()? {
        let user_type: i32 = row.get(0)?;
        if filter.user_types.is_empty() || filter.user_types.contains(&user_type) {
            total += row.get::<_, u32>(1)?;
        }
    }
    Ok(total)
}
