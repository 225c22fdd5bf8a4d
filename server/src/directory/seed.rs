//! The users of a fresh directory.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use soundstage_formats::{Format, Reader, Row};
use soundstage_proto::FieldError;
use soundstage_proto::user_rules::ValidUser;

/// The users that a fresh directory starts with. A directory that exists keeps its users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Seed {
    /// The six users of the predecessor.
    #[default]
    FirstUsers,
    /// No users.
    Nobody,
    /// The users of a file in the predecessor's format: a JSON object that maps each id to a user.
    File(PathBuf),
}

/// The reason why a seed file cannot be used, with the line.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {detail}", path.display())]
pub struct SeedError {
    path: PathBuf,
    detail: String,
}

const FIRST_USERS: &[u8] = include_bytes!("first_users.json");

impl Seed {
    /// Reads the users.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, is not in the format, or has a row that breaks a rule.
    pub fn users(&self) -> Result<Vec<ValidUser>, SeedError> {
        match self {
            Self::Nobody => Ok(Vec::new()),
            Self::FirstUsers => parse(Path::new("first_users.json"), FIRST_USERS),
            Self::File(path) => {
                let bytes = std::fs::read(path).map_err(|error| SeedError {
                    path: path.clone(),
                    detail: error.to_string(),
                })?;
                parse(path, &bytes)
            }
        }
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<ValidUser>, SeedError> {
    let fail = |detail| SeedError {
        path: path.to_owned(),
        detail,
    };
    let mut rows = Vec::new();
    let mut reader = Reader::new(Format::Json);
    // An empty chunk marks the end of the file.
    for chunk in [bytes, &[]] {
        reader
            .push(chunk, &mut |row| rows.push(row))
            .map_err(|error| fail(error.to_string()))?;
    }
    let mut ids = HashSet::new();
    let users = rows.into_iter().map(|row| {
        let line = row.line;
        valid(row, &mut ids).map_err(|detail| fail(format!("line {line}: {detail}")))
    });
    users.collect()
}

/// Returns the user of a row, or what is wrong with it.
fn valid(row: Row, ids: &mut HashSet<u32>) -> Result<ValidUser, String> {
    let sentence = |errors: Vec<FieldError>| {
        let errors = errors.iter().map(ToString::to_string);
        errors.collect::<Vec<_>>().join(" ")
    };
    let user = row.user.map_err(sentence)?;
    if user.id == 0 {
        return Err("id: Enter a number from 1.".into());
    }
    if !ids.insert(user.id) {
        return Err(format!("id: {} is already used above.", user.id));
    }
    ValidUser::try_from(user).map_err(sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_users_are_six_and_valid() {
        let users = Seed::FirstUsers.users().expect("valid");
        let names: Vec<_> = users.iter().map(|user| user.nickname.as_str()).collect();
        assert_eq!(names, ["admin", "guest", "foo", "troll", "Zaru", "Saru"]);
    }

    fn entry(key: &str, id: u32, nickname: &str, user_type: &str) -> String {
        format!(
            r#""{key}": {{"id": {id}, "nickname": "{nickname}", "mail_address": "a@b.example", "user_type": "{user_type}"}}"#
        )
    }

    #[test]
    fn an_error_names_the_file_the_line_and_the_field() {
        let valid = entry("1", 1, "first", "GUEST");
        for (second, expected) in [
            (entry("7", 8, "foo", "NORMAL"), "line 2: id: "),
            (entry("0", 0, "foo", "NORMAL"), "line 2: id: "),
            (
                entry("7", 7, "", "NORMAL"),
                "line 2: nickname: Enter a nickname.",
            ),
            (
                entry("7", 7, "foo", "BOSS"),
                "line 2: user_type: Choose NORMAL",
            ),
            (
                entry("1", 1, "again", "GUEST"),
                "line 2: id: 1 is already used",
            ),
            ("\"7\": 7".into(), "line 2: "),
            ("\"7\": {".into(), "line 2: "),
        ] {
            let text = format!("{{{valid},\n{second}}}");
            let error = parse(Path::new("users.json"), text.as_bytes()).expect_err(&second);
            let expected = format!("users.json: {expected}");
            assert!(
                error.to_string().starts_with(&expected),
                "{error} instead of {expected}"
            );
        }
    }

    #[test]
    fn a_file_that_is_no_object_of_users_is_refused() {
        for text in ["", "[]", "{", "users"] {
            let error = parse(Path::new("users.json"), text.as_bytes()).expect_err(text);
            assert!(
                error.to_string().starts_with("users.json: line 1: "),
                "{error}"
            );
        }
    }
}
