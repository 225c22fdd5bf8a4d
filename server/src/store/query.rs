//! Pages of users, filtered and ordered.
//!
//! Each order has an index of its own, and another within each type of user, so that a page costs the same wherever it
//! is and however many users there are. A search has its candidates from the [index of grams](super::search): few are
//! read and sorted; with many, the order's own index is gone through, where the next match is never far.

use std::cmp::Ordering;

use rusqlite::types::Value;
use rusqlite::{Connection, params};
use soundstage_proto::user::User;

use super::search::Search;
use super::{find, to_user};

/// How many candidates of a search are read and sorted; of more, only this many are counted.
const COUNT_LIMIT: u32 = if cfg!(test) { 20 } else { 10_000 };

/// Which users.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// What stands in the nickname or the mail address, or is the id.
    pub search: Option<Search>,
    /// The types by their numbers on the wire; none stands for all.
    pub user_types: Vec<i32>,
}

/// What users are ordered by, and within that by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The id alone.
    Id,
    /// The nickname, A to Z and a to z alike.
    Nickname,
    /// The mail address, likewise.
    MailAddress,
    /// When it was added.
    Created,
    /// When it was last changed.
    Updated,
}

/// What a user has that an order goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// Nothing but the id.
    Id,
    /// A text.
    Text(String),
    /// Milliseconds since 1970.
    Time(i64),
}

/// A place between two users in an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The key of the user before it.
    pub key: Key,
    /// The id of the user before it.
    pub id: u32,
}

/// A page to read.
#[derive(Debug, Clone, PartialEq)]
pub struct PageQuery {
    /// Which users.
    pub filter: Filter,
    /// In which order.
    pub order: Order,
    /// From the last to the first.
    pub descending: bool,
    /// Where to begin; a position of the same order.
    pub after: Option<Cursor>,
    /// How many to pass over from there.
    pub skip: u32,
    /// How many at most.
    pub limit: u32,
}

/// A page as it was at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The users, in order.
    pub users: Vec<User>,
    /// How many the filter matches in all.
    pub total: u32,
    /// There are more, which were not counted.
    pub total_is_lower_bound: bool,
    /// The newest change that this page knows.
    pub sequence: i64,
}

impl Order {
    /// The position right after a user.
    pub fn position(self, user: &User) -> Cursor {
        let key = match self {
            Self::Id => Key::Id,
            Self::Nickname => Key::Text(user.nickname.clone()),
            Self::MailAddress => Key::Text(user.mail_address.clone()),
            Self::Created => Key::Time(user.created_ms),
            Self::Updated => Key::Time(user.updated_ms),
        };
        Cursor { key, id: user.id }
    }

    /// The column, as it stands in the indexes.
    const fn column(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Nickname => "nickname COLLATE NOCASE",
            Self::MailAddress => "mail_address COLLATE NOCASE",
            Self::Created => "created_ms",
            Self::Updated => "updated_ms",
        }
    }

    /// The indexes of this order: of all users, and of those of one type. The planner would sort instead, since
    /// another index holds whole rows.
    const fn indexes(self) -> (&'static str, &'static str) {
        match self {
            Self::Id => ("", "INDEXED BY users_by_type"),
            Self::Nickname => (
                "INDEXED BY users_by_nickname",
                "INDEXED BY users_by_type_and_nickname",
            ),
            Self::MailAddress => (
                "INDEXED BY users_by_mail_address",
                "INDEXED BY users_by_type_and_mail_address",
            ),
            Self::Created => (
                "INDEXED BY users_by_created",
                "INDEXED BY users_by_type_and_created",
            ),
            Self::Updated => (
                "INDEXED BY users_by_updated",
                "INDEXED BY users_by_type_and_updated",
            ),
        }
    }

    /// As the indexes compare.
    fn compare(self, one: &User, other: &User) -> Ordering {
        self.position(one).compare(&self.position(other))
    }
}

impl Cursor {
    fn compare(&self, other: &Self) -> Ordering {
        let folded = |text: &str| text.bytes().map(|byte| byte.to_ascii_lowercase()).collect();
        let keys = match (&self.key, &other.key) {
            (Key::Text(one), Key::Text(other)) => {
                let (one, other): (Vec<u8>, Vec<u8>) = (folded(one), folded(other));
                one.cmp(&other)
            }
            (Key::Time(one), Key::Time(other)) => one.cmp(other),
            _ => Ordering::Equal,
        };
        keys.then(self.id.cmp(&other.id))
    }
}

impl PageQuery {
    pub(super) fn run(&self, connection: &Connection) -> rusqlite::Result<Page> {
        let sequence = connection
            .prepare_cached("SELECT newest FROM revisions")?
            .query_row([], |row| row.get(0))?;
        let (users, total) = match &self.filter.search {
            None => (
                self.ordered(connection, |_| true)?,
                count(connection, &self.filter)?,
            ),
            Some(search) => {
                let candidates =
                    candidates(connection, &self.filter, search, 0, false, COUNT_LIMIT + 1)?;
                if candidates.len() > COUNT_LIMIT as usize {
                    let users = match self.order {
                        Order::Id => self.by_id(connection, search)?,
                        _ => self.ordered(connection, |user| search.matches(user))?,
                    };
                    (users, COUNT_LIMIT + 1)
                } else {
                    let users = matching(connection, &self.filter, &candidates)?;
                    let total = u32::try_from(users.len()).unwrap_or(u32::MAX);
                    (self.cut(users), total)
                }
            }
        };
        let total_is_lower_bound = self.filter.search.is_some() && total > COUNT_LIMIT;
        Ok(Page {
            users,
            total: if total_is_lower_bound {
                COUNT_LIMIT
            } else {
                total
            },
            total_is_lower_bound,
            sequence,
        })
    }

    /// Goes through the index of the order.
    fn ordered(
        &self,
        connection: &Connection,
        matches: impl Fn(&User) -> bool,
    ) -> rusqlite::Result<Vec<User>> {
        // What the statement passes over itself, it does not read.
        let (to_pass, skip) = match self.filter.search {
            None => (0, self.skip),
            Some(_) => (self.skip, 0),
        };
        let limit = match self.filter.search {
            None => i64::from(self.limit),
            Some(_) => -1,
        };
        let mut statement = connection.prepare_cached(&self.sql())?;
        let (key, id) = match &self.after {
            None => (Value::Null, 0),
            Some(Cursor { key: Key::Id, id }) => (Value::Null, *id),
            Some(Cursor {
                key: Key::Text(text),
                id,
            }) => (text.clone().into(), *id),
            Some(Cursor {
                key: Key::Time(time),
                id,
            }) => ((*time).into(), *id),
        };
        let mut rows = statement.query(params![key, id, limit, skip])?;
        let mut passed = 0;
        let mut users = Vec::with_capacity(self.limit as usize);
        while users.len() < self.limit as usize
            && let Some(row) = rows.next()?
        {
            let user = to_user(row)?;
            if !matches(&user) {
                continue;
            }
            if passed < to_pass {
                passed += 1;
            } else {
                users.push(user);
            }
        }
        Ok(users)
    }

    /// The statement: one range of an index, or one for each type, which SQLite merges as it goes.
    fn sql(&self) -> String {
        let column = self.order.column();
        let (above, direction) = if self.descending {
            ("<", "DESC")
        } else {
            (">", "ASC")
        };
        let range = |index: &str, user_type: Option<i32>| {
            let of_type = user_type.map(|number| format!("user_type = {number}"));
            let bound = self.after.as_ref().map(|after| match after.key {
                Key::Id => format!("id {above} ?2"),
                // Not as a row value: with a collation, the index would not be used for it.
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
        let (of_all, of_type) = self.order.indexes();
        let ranges = match self.filter.user_types.as_slice() {
            [] => range(of_all, None),
            types => {
                let ranges: Vec<_> = types
                    .iter()
                    .map(|number| range(of_type, Some(*number)))
                    .collect();
                ranges.join(" UNION ALL ")
            }
        };
        format!("{ranges} ORDER BY {column} {direction}, id {direction} LIMIT ?3 OFFSET ?4")
    }

    /// Goes through the candidates of a search by id, which is how the index of grams has them.
    fn by_id(&self, connection: &Connection, search: &Search) -> rusqlite::Result<Vec<User>> {
        let mut after = self.after.as_ref().map_or(0, |after| after.id);
        let mut to_pass = self.skip as usize;
        let mut users = Vec::with_capacity(self.limit as usize);
        loop {
            let block = candidates(
                connection,
                &self.filter,
                search,
                after,
                self.descending,
                self.limit.max(256),
            )?;
            let Some(last) = block.last() else {
                return Ok(users);
            };
            after = *last;
            for user in matching(connection, &self.filter, &block)? {
                if to_pass > 0 {
                    to_pass -= 1;
                } else if users.len() < self.limit as usize {
                    users.push(user);
                } else {
                    return Ok(users);
                }
            }
        }
    }

    /// The page out of all that match.
    fn cut(&self, mut users: Vec<User>) -> Vec<User> {
        let direct = |ordering: Ordering| {
            if self.descending {
                ordering.reverse()
            } else {
                ordering
            }
        };
        if let Some(after) = &self.after {
            users.retain(|user| direct(self.order.position(user).compare(after)).is_gt());
        }
        users.sort_unstable_by(|one, other| direct(self.order.compare(one, other)));
        let page = users.into_iter().skip(self.skip as usize);
        page.take(self.limit as usize).collect()
    }
}

/// Some of the users that a filter matches, by ascending id.
#[derive(Debug)]
pub struct Block {
    /// The users; there may be none although there are more to come.
    pub users: Vec<User>,
    /// The id to go on after, if there are more.
    pub after: Option<u32>,
}

/// Looks at no more than `limit` users after an id, or candidates if there is something to search.
pub(super) fn block(
    connection: &Connection,
    filter: &Filter,
    after: u32,
    limit: u32,
) -> rusqlite::Result<Block> {
    let (users, looked_at, last) = if let Some(search) = &filter.search {
        let candidates = candidates(connection, filter, search, after, false, limit)?;
        let users = matching(connection, filter, &candidates)?;
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
        let users = query.ordered(connection, |_| true)?;
        let (count, last) = (users.len(), users.last().map(|user| user.id));
        (users, count, last)
    };
    Ok(Block {
        users,
        after: last.filter(|_| looked_at == limit as usize),
    })
}

/// The ids of at most `limit` users that may match, beyond `after` (0 for the start), by id.
fn candidates(
    connection: &Connection,
    filter: &Filter,
    search: &Search,
    after: u32,
    descending: bool,
    limit: u32,
) -> rusqlite::Result<Vec<u32>> {
    let after = match (after, descending) {
        (0, true) => i64::from(u32::MAX) + 1,
        (id, _) => i64::from(id),
    };
    let sql = if descending {
        "SELECT rowid FROM user_search WHERE user_search MATCH ?1 AND rowid < ?2 ORDER BY rowid DESC LIMIT ?3"
    } else {
        "SELECT rowid FROM user_search WHERE user_search MATCH ?1 AND rowid > ?2 ORDER BY rowid LIMIT ?3"
    };
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![search.expression(&filter.user_types), after, limit])?;
    let mut ids: Vec<u32> = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push(row.get(0)?);
    }
    // The one that is found by id stands among the others at its place, unless that is on a later page.
    if let Some(id) = search.id() {
        let is_beyond = if descending {
            i64::from(id) < after
        } else {
            i64::from(id) > after
        };
        let place = ids.partition_point(|other| if descending { *other > id } else { *other < id });
        let is_within = place < ids.len() || ids.len() < limit as usize;
        if is_beyond && is_within && ids.get(place) != Some(&id) {
            ids.insert(place, id);
            ids.truncate(limit as usize);
        }
    }
    Ok(ids)
}

/// Those of the candidates that a filter matches.
fn matching(
    connection: &Connection,
    filter: &Filter,
    candidates: &[u32],
) -> rusqlite::Result<Vec<User>> {
    let mut users = Vec::with_capacity(candidates.len());
    for id in candidates {
        users.extend(find(connection, *id)?.filter(|user| filter.matches(user)));
    }
    Ok(users)
}

impl Filter {
    fn matches(&self, user: &User) -> bool {
        let is_of_type = self.user_types.is_empty() || self.user_types.contains(&user.user_type);
        is_of_type
            && self
                .search
                .as_ref()
                .is_none_or(|search| search.matches(user))
    }
}

/// How many users a filter without a search matches.
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

#[cfg(test)]
mod tests {
    use rusqlite::TransactionBehavior;
    use soundstage_proto::user_rules::ValidUser;

    use super::super::changes::Changes;
    use super::super::schema;
    use super::super::seed::Seed;
    use super::*;

    const ORDERS: [Order; 5] = [
        Order::Id,
        Order::Nickname,
        Order::MailAddress,
        Order::Created,
        Order::Updated,
    ];

    /// A database of users whose names are often equal but for their case, some changed and some removed again.
    fn directory(folder: &tempfile::TempDir) -> Connection {
        let path = folder.path().join("users.db");
        let mut connection = schema::open(&path, &Seed::Nobody).expect("a database");
        let names = [
            "ann",
            "Ann",
            "bob",
            "BOB",
            "田中",
            "田中太郎",
            "\u{c9}ric",
            "zoe_1",
        ];
        let behavior = TransactionBehavior::Immediate;
        let transaction = connection
            .transaction_with_behavior(behavior)
            .expect("begun");
        let mut changes = Changes::begin(&transaction).expect("begun");
        for number in 1..=160_u32 {
            changes.now_ms = i64::from(number / 7);
            let host = ["ann", "bob", "example"][number as usize % 3];
            let user = User {
                // In another order than they are added.
                id: number * 37 % 163,
                nickname: names[number as usize % names.len()].to_owned(),
                mail_address: format!("{}@{host}.example", number % 11),
                user_type: 1 + i32::from(number % 5 == 0) + i32::from(number % 20 == 0),
                ..User::default()
            };
            let user = ValidUser::try_from(user).expect("valid");
            changes.add(&user).expect("added");
        }
        for id in (1..=160).step_by(9) {
            changes.now_ms = i64::from(200 - id % 13);
            let update = super::super::Update {
                nickname: Some(format!("new {id}")),
                user_type: Some(4),
                ..Default::default()
            };
            changes.update(id, 0, update).expect("changed");
        }
        for id in (5..=160).step_by(11) {
            changes.delete(id, 0).expect("removed");
        }
        changes.finish().expect("counted");
        transaction.commit().expect("committed");
        connection
    }

    fn filters() -> Vec<Filter> {
        let searches = [
            "", "ann", "AN", "a", "bob.ex", "田中", "é", "new 1", "19", "nobody", "example",
        ];
        let types = [vec![], vec![1], vec![2, 4], vec![1, 2, 3]];
        let filters = searches.map(|search| {
            types.clone().map(|user_types| Filter {
                search: Search::new(search),
                user_types,
            })
        });
        filters.into_iter().flatten().collect()
    }

    /// What a filter matches, without any index.
    fn all_that_match(connection: &Connection, filter: &Filter) -> Vec<User> {
        let everyone = (1..=200).filter_map(|id| find(connection, id).expect("read"));
        everyone.filter(|user| filter.matches(user)).collect()
    }

    #[test]
    fn pages_in_every_order_and_filter_have_what_a_plain_sort_has() {
        let folder = tempfile::tempdir().expect("a folder");
        let connection = directory(&folder);
        let mut counted_in_part = 0;
        for filter in filters() {
            let mut expected = all_that_match(&connection, &filter);
            let orders = ORDERS.map(|order| [(order, false), (order, true)]);
            for (order, descending) in orders.into_iter().flatten() {
                expected.sort_by(|one, other| order.compare(one, other));
                if descending {
                    expected.reverse();
                }
                let mut query = PageQuery {
                    filter: filter.clone(),
                    order,
                    descending,
                    after: None,
                    skip: 0,
                    limit: 7,
                };
                for skip in [1, 30] {
                    query.skip = skip;
                    let page = query.run(&connection).expect("a page");
                    let rest = expected.get(skip as usize..).unwrap_or_default();
                    assert_eq!(page.users, rest[..rest.len().min(7)], "{query:?}");
                }
                query.skip = 0;
                let mut paged = Vec::new();
                loop {
                    let page = query.run(&connection).expect("a page");
                    if page.total_is_lower_bound {
                        counted_in_part += 1;
                        assert!(page.total == COUNT_LIMIT && expected.len() > COUNT_LIMIT as usize);
                    } else {
                        assert_eq!(page.total as usize, expected.len(), "{query:?}");
                    }
                    paged.extend_from_slice(&page.users);
                    let Some(last) = page.users.last() else { break };
                    query.after = Some(order.position(last));
                }
                assert_eq!(paged, expected, "{query:?}");
            }
        }
        assert!(counted_in_part > 0, "some searches match many");
    }

    #[test]
    fn blocks_have_every_match_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let connection = directory(&folder);
        for filter in filters() {
            let mut found = Vec::new();
            let mut after = Some(0);
            while let Some(from) = after {
                let block = super::block(&connection, &filter, from, 9).expect("a block");
                found.extend(block.users);
                after = block.after;
            }
            assert_eq!(found, all_that_match(&connection, &filter), "{filter:?}");
        }
    }
}
