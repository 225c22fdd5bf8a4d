//! The users that a fresh store starts with, and the file format they come in.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use soundstage_proto::user::User;
use soundstage_proto::user_rules::ValidUser;
use soundstage_proto::user_types;

/// What a fresh store starts with. A store that exists keeps what it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Seed {
    /// The six users of the predecessor.
    #[default]
    FirstUsers,
    /// Nobody.
    Nobody,
    /// The users of a file in the predecessor's format: a JSON object of users, keyed by the id as text.
    File(PathBuf),
}

/// A file of users that cannot be used, and where in it the fault is.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {detail}", path.display())]
pub struct SeedError {
    path: PathBuf,
    detail: String,
}

const FIRST_USERS: &str = include_str!("first_users.json");

impl Seed {
    pub(super) fn users(&self) -> Result<Vec<ValidUser>, SeedError> {
        match self {
            Self::Nobody => Ok(Vec::new()),
            Self::FirstUsers => parse(Path::new("first_users.json"), FIRST_USERS),
            Self::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| SeedError {
                    path: path.clone(),
                    detail: error.to_string(),
                })?;
                parse(path, &text)
            }
        }
    }
}

/// A user as the predecessor wrote it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    id: u32,
    nickname: String,
    mail_address: String,
    user_type: String,
}

/// The entries in the order of the file; a map would hide an id that stands there twice.
struct Entries(Vec<(String, Record)>);

fn parse(path: &Path, text: &str) -> Result<Vec<ValidUser>, SeedError> {
    let fault = |detail| SeedError {
        path: path.to_owned(),
        detail,
    };
    let Entries(mut entries) =
        serde_json::from_str(text).map_err(|error| fault(error.to_string()))?;
    let users = entries
        .iter()
        .map(|(key, record)| {
            to_user(key, record).map_err(|detail| fault(format!("user \"{key}\": {detail}")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    entries.sort_unstable_by_key(|(_, record)| record.id);
    match entries.windows(2).find(|pair| pair[0].1.id == pair[1].1.id) {
        Some(pair) => Err(fault(format!("user \"{}\" stands there twice", pair[0].0))),
        None => Ok(users),
    }
}

fn to_user(key: &str, record: &Record) -> Result<ValidUser, String> {
    if record.id == 0 || record.id.to_string() != key {
        return Err(format!("id {} must be the key, and at least 1", record.id));
    }
    // An unknown name becomes NONE, which the rules refuse with the names that there are.
    let user_type = user_types::parse(&record.user_type).unwrap_or_default();
    let user = User {
        id: record.id,
        nickname: record.nickname.clone(),
        mail_address: record.mail_address.clone(),
        user_type: user_type.into(),
        ..User::default()
    };
    ValidUser::try_from(user).map_err(|violations| {
        let sentences = violations.iter().map(ToString::to_string);
        sentences.collect::<Vec<_>>().join(" ")
    })
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;

        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of users, keyed by the id as text")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(EntriesVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        parse(Path::new("users.json"), text)
            .expect_err("refused")
            .to_string()
    }

    #[test]
    fn the_first_users_are_six_and_valid() {
        let users = Seed::FirstUsers.users().expect("valid");
        let names: Vec<_> = users.iter().map(|user| user.nickname.as_str()).collect();
        assert_eq!(names, ["admin", "guest", "foo", "troll", "Zaru", "Saru"]);
    }

    #[test]
    fn a_fault_is_told_with_the_file_and_the_place() {
        assert!(fault("{").starts_with("users.json: EOF"), "{}", fault("{"));
        assert!(fault("{").contains("line 1"));
        let user = |key: &str, id: u32, nickname: &str, user_type: &str| {
            format!(
                r#""{key}": {{"id": {id}, "nickname": "{nickname}", "mail_address": "a@b.example", "user_type": "{user_type}"}}"#
            )
        };
        let fault_of = |entries: &[String]| fault(&format!("{{{}}}", entries.join(",\n")));
        assert!(
            fault_of(&[user("7", 8, "foo", "NORMAL")]).contains("user \"7\": id 8 must be the key")
        );
        assert!(
            fault_of(&[user("7", 7, "", "NORMAL")])
                .contains("user \"7\": nickname: Enter a nickname.")
        );
        assert!(
            fault_of(&[user("7", 7, "foo", "BOSS")])
                .contains("user \"7\": user_type: Choose NORMAL")
        );
        assert!(
            fault_of(&[user("7", 7, "a", "GUEST"), user("7", 7, "b", "GUEST")])
                .contains("stands there twice")
        );
    }
}
