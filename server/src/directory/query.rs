//! Reading many users: filters, orders, pages and blocks.

use std::cmp::Ordering;

use soundstage_proto::encoded::EncodedUsers;
use soundstage_proto::user::User;

use super::Search;

/// A condition on users.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// A text to find in the nickname or the mail address, or the id.
    pub search: Option<Search>,
    /// The types, as their numbers on the wire; an empty list means every type.
    pub user_types: Vec<i32>,
}

/// A sort key; users with equal keys are sorted by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The id alone.
    Id,
    /// The nickname, ignoring the case of the letters A to Z.
    Nickname,
    /// The mail address, ignoring the case of the letters A to Z.
    MailAddress,
    /// The time at which the user was added.
    Created,
    /// The time of the last change.
    Updated,
}

/// A user's value of a sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// No value besides the id.
    Id,
    /// A text.
    Text(String),
    /// Milliseconds since 1970.
    Time(i64),
}

/// A position in an order: right after the user with this key and id, whether or not that user still exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The user's sort key.
    pub key: Key,
    /// The user's id.
    pub id: u32,
}

/// A request for a page.
#[derive(Debug, Clone, PartialEq)]
pub struct PageQuery {
    /// The users to list.
    pub filter: Filter,
    /// The sort key.
    pub order: Order,
    /// Whether the highest key comes first.
    pub descending: bool,
    /// The start of the page, a cursor of the same order; `None` is the first user.
    pub after: Option<Cursor>,
    /// The number of users to skip from there.
    pub skip: u32,
    /// The largest number of users to return.
    pub limit: u32,
}

/// A page of users, as of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The users, in order.
    pub users: Vec<User>,
    /// The number of users that match the filter.
    pub total: u32,
    /// Whether more users match than `total`.
    pub total_is_lower_bound: bool,
    /// The sequence number of the newest change that the page includes.
    pub sequence: i64,
}

/// Consecutive users of a stream, by ascending id.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The users, encoded for the stream; may be empty although more follow.
    pub users: EncodedUsers,
    /// The id after which the next block starts, if users may follow.
    pub after: Option<u32>,
}

impl Filter {
    /// Returns whether a user matches.
    pub fn matches(&self, user: &User) -> bool {
        let has_type = self.user_types.is_empty() || self.user_types.contains(&user.user_type);
        let search = self.search.as_ref();
        has_type && search.is_none_or(|search| search.matches(user))
    }
}

impl Order {
    /// Returns the cursor right after a user.
    pub fn cursor(self, user: &User) -> Cursor {
        let key = match self {
            Self::Id => Key::Id,
            Self::Nickname => Key::Text(user.nickname.clone()),
            Self::MailAddress => Key::Text(user.mail_address.clone()),
            Self::Created => Key::Time(user.created_ms),
            Self::Updated => Key::Time(user.updated_ms),
        };
        Cursor { key, id: user.id }
    }
}

impl Cursor {
    /// Compares two cursors of the same order, ascending.
    pub fn compare(&self, other: &Self) -> Ordering {
        let keys = match (&self.key, &other.key) {
            (Key::Text(one), Key::Text(other)) => folded(one).cmp(folded(other)),
            (Key::Time(one), Key::Time(other)) => one.cmp(other),
            _ => Ordering::Equal,
        };
        keys.then(self.id.cmp(&other.id))
    }
}

/// Returns the bytes by which texts are sorted: the UTF-8 bytes, with A to Z in lower case.
fn folded(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().map(|byte| byte.to_ascii_lowercase())
}
