//! The index of grams, in SQLite's FTS5: each gram is a word, and so is the user's type.
//!
//! FTS5's own trigram tokenizer finds nothing for a search of fewer than three characters.

use rusqlite::{Connection, params};
use soundstage_proto::user::User;

use super::rows;
use crate::directory::{self, Filter, Search};

/// The number of pages of 4 KB that one call of [`merge_some`] writes: a few milliseconds, for which a change waits.
const MERGED_PAGES: i64 = 256;

/// A range of candidates, by id.
pub(super) struct Range {
    /// The id before the range; 0 is the start in either direction.
    pub(super) after: u32,
    pub(super) descending: bool,
    pub(super) limit: u32,
}

impl Range {
    pub(super) fn ascending(after: u32, limit: u32) -> Self {
        Self {
            after,
            descending: false,
            limit,
        }
    }
}

/// Adds a user to the index, which must not contain it.
pub(super) fn insert(connection: &Connection, user: &User) -> rusqlite::Result<()> {
    let mut words = type_word(user.user_type);
    directory::for_each_gram(user, |gram| {
        words.push(' ');
        push_word(&mut words, gram);
    });
    connection
        .prepare_cached("INSERT INTO user_search (rowid, grams) VALUES (?1, ?2)")?
        .execute(params![user.id, words])?;
    Ok(())
}

/// Removes a user from the index.
pub(super) fn remove(connection: &Connection, id: u32) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM user_search WHERE rowid = ?1")?
        .execute([id])?;
    Ok(())
}

/// Merges all segments of the index into one. Takes about 3 s for a million users.
pub(super) fn merge_all(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO user_search (user_search) VALUES ('optimize')",
        [],
    )?;
    Ok(())
}

/// Merges some segments of the index, if a level has at least 4. Returns whether the merge is to be continued.
pub(super) fn merge_some(connection: &Connection) -> rusqlite::Result<bool> {
    let before = connection.total_changes();
    connection
        .prepare_cached("INSERT INTO user_search (user_search, rank) VALUES ('merge', ?1)")?
        .execute([MERGED_PAGES])?;
    // A merge that has nothing to do changes at most one row ("The 'merge' Command" in the documentation of FTS5).
    Ok(connection.total_changes() - before >= 2)
}

/// Returns the ids of users in a range that have every gram of a search, and the id that the search names.
pub(super) fn candidates(
    connection: &Connection,
    search: &Search,
    user_types: &[i32],
    range: &Range,
) -> rusqlite::Result<Vec<u32>> {
    let after = match (range.after, range.descending) {
        (0, true) => i64::from(u32::MAX) + 1,
        (id, _) => i64::from(id),
    };
    let sql = if range.descending {
        "SELECT rowid FROM user_search WHERE user_search MATCH ?1 AND rowid < ?2 ORDER BY rowid DESC LIMIT ?3"
    } else {
        "SELECT rowid FROM user_search WHERE user_search MATCH ?1 AND rowid > ?2 ORDER BY rowid LIMIT ?3"
    };
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![match_query(search, user_types), after, range.limit])?;
    let mut ids: Vec<u32> = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push(row.get(0)?);
    }
    if let Some(id) = search.id() {
        insert_id(&mut ids, id, after, range);
    }
    Ok(ids)
}

/// Inserts the id that a search names among the other ids, in order, unless the id is outside the range.
fn insert_id(ids: &mut Vec<u32>, id: u32, after: i64, range: &Range) {
    let limit = range.limit as usize;
    let (is_after, index) = if range.descending {
        let index = ids.partition_point(|other| *other > id);
        (i64::from(id) < after, index)
    } else {
        let index = ids.partition_point(|other| *other < id);
        (i64::from(id) > after, index)
    };
    let is_before_end = index < ids.len() || ids.len() < limit;
    if is_after && is_before_end && ids.get(index) != Some(&id) {
        ids.insert(index, id);
        ids.truncate(limit);
    }
}

/// Reads candidates and returns the users that a filter matches.
pub(super) fn matches(
    connection: &Connection,
    filter: &Filter,
    candidates: &[u32],
) -> rusqlite::Result<Vec<User>> {
    let mut users = Vec::with_capacity(candidates.len());
    for id in candidates {
        users.extend(rows::find(connection, *id)?.filter(|user| filter.matches(user)));
    }
    Ok(users)
}

/// Returns the FTS5 query for the candidates among users of these types; an empty list means every type.
fn match_query(search: &Search, user_types: &[i32]) -> String {
    let mut query = String::new();
    search.for_each_gram(|gram| {
        if !query.is_empty() {
            query.push_str(" AND ");
        }
        push_word(&mut query, gram);
    });
    if user_types.is_empty() {
        return query;
    }
    let types: Vec<_> = user_types.iter().map(|number| type_word(*number)).collect();
    format!("{query} AND ({})", types.join(" OR "))
}

/// Returns the word of all users of a type. No gram contains the letter `t`.
fn type_word(number: i32) -> String {
    format!("t{number}")
}

/// Appends a gram as a word: in hexadecimal, since FTS5 would split it at any character but a letter or digit.
fn push_word(words: &mut String, gram: &str) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in gram.bytes() {
        words.push(DIGITS[usize::from(byte >> 4)].into());
        words.push(DIGITS[usize::from(byte & 15)].into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_every_gram_and_one_of_the_types() {
        let query = |text, types: &[i32]| match_query(&Search::new(text).expect("a search"), types);
        assert_eq!(query("A", &[]), "61");
        assert_eq!(query("abcde", &[]), "61626364 AND 62636465");
        assert_eq!(query("あ", &[]), "e38182");
        assert_eq!(query("a", &[2, 4]), "61 AND (t2 OR t4)");
    }
}
