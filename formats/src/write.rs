//! Writing users and rejected rows as text.

use serde_json::{Map, Value, json};
use soundstage_proto::FieldError;
use soundstage_proto::user::User;

use crate::csv::write_line;
use crate::row::{Rejected, Source};
use crate::{Format, field};

/// A writer of users, one after the other.
#[derive(Debug)]
pub struct Writer {
    format: Format,
    has_begun: bool,
}

impl Writer {
    /// Creates a writer for a file in this format.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            has_begun: false,
        }
    }

    /// Appends a user to `text`.
    pub fn user(&mut self, user: &User, text: &mut String) {
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        if is_first {
            self.begin(text);
        }
        let user_type = user.user_type().as_str_name();
        match self.format {
            Format::Json => {
                text.push_str(if is_first { "\n" } else { ",\n" });
                // The predecessor knows no other fields.
                let entry = json!({
                    field::ID: user.id,
                    field::NICKNAME: user.nickname,
                    field::MAIL_ADDRESS: user.mail_address,
                    field::USER_TYPE: user_type,
                });
                text.extend(["\"", &user.id.to_string(), "\": ", &entry.to_string()]);
            }
            Format::Ndjson => text.extend([&user_object(user).to_string(), "\n"]),
            Format::Csv => {
                let [id, created, updated, revision] = [
                    i64::from(user.id),
                    user.created_ms,
                    user.updated_ms,
                    user.revision,
                ]
                .map(|number| number.to_string());
                let values = [
                    &id,
                    &user.nickname,
                    &user.mail_address,
                    user_type,
                    &created,
                    &updated,
                    &revision,
                ];
                write_line(text, values);
            }
        }
    }

    /// Appends the end of the file to `text`.
    pub fn finish(&mut self, text: &mut String) {
        let is_empty = !std::mem::replace(&mut self.has_begun, true);
        if is_empty {
            self.begin(text);
        }
        if self.format == Format::Json {
            text.push_str(if is_empty { "}\n" } else { "\n}\n" });
        }
    }

    fn begin(&self, text: &mut String) {
        match self.format {
            Format::Json => text.push('{'),
            Format::Ndjson => {}
            Format::Csv => write_line(
                text,
                [
                    field::ID,
                    field::NICKNAME,
                    field::MAIL_ADDRESS,
                    field::USER_TYPE,
                    field::CREATED,
                    field::UPDATED,
                    field::REVISION,
                ],
            ),
        }
    }
}

/// Returns a user with all its fields as JSON.
pub fn user_object(user: &User) -> Value {
    json!({
        field::ID: user.id,
        field::NICKNAME: user.nickname,
        field::MAIL_ADDRESS: user.mail_address,
        field::USER_TYPE: user.user_type().as_str_name(),
        field::CREATED: user.created_ms,
        field::UPDATED: user.updated_ms,
        field::REVISION: user.revision,
    })
}

/// A writer of rejected rows in the format of their file, each with its errors, so that a person can correct and import
/// them.
#[derive(Debug)]
pub struct RejectedRows {
    format: Format,
    count: u32,
}

impl RejectedRows {
    /// Creates a writer for rows of a file in this format.
    pub fn new(format: Format) -> Self {
        Self { format, count: 0 }
    }

    /// Returns the number of written rows.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Appends a row to `text`.
    pub fn add(&mut self, row: &Rejected, text: &mut String) {
        let error = sentence(&row.errors);
        match &row.source {
            Source::Record { headings, values } => {
                // An error column from an earlier import is replaced.
                let is_kept = |column: &usize| headings[*column] != field::ERROR;
                let columns = || (0..headings.len()).filter(is_kept);
                if self.count == 0 {
                    let names = columns().map(|column| headings[column].as_str());
                    write_line(text, names.chain([field::ERROR]));
                }
                let values = columns()
                    .map(|column| values.get(column).map(String::as_str).unwrap_or_default());
                write_line(text, values.chain([error.as_str()]));
            }
            Source::Value(key, value) => {
                let value = with_error(value.clone(), error);
                if self.format == Format::Json {
                    text.push_str(if self.count == 0 { "{\n" } else { ",\n" });
                    let key = json!(key.as_deref().unwrap_or_default());
                    text.extend([&key.to_string(), ": ", &value.to_string()]);
                } else {
                    text.extend([&value.to_string(), "\n"]);
                }
            }
            Source::Text(line) => text.extend([line, "\n"]),
        }
        self.count += 1;
    }

    /// Appends the end of the file to `text`.
    pub fn finish(&self, text: &mut String) {
        if self.format == Format::Json && self.count > 0 {
            text.push_str("\n}\n");
        }
    }
}

/// Returns the errors of a row as one line of text.
pub fn sentence(errors: &[FieldError]) -> String {
    let sentences = errors.iter().map(ToString::to_string);
    sentences.collect::<Vec<_>>().join(" ")
}

fn with_error(value: Value, error: String) -> Value {
    let mut fields = match value {
        Value::Object(fields) => fields,
        other => Map::from_iter([("value".to_owned(), other)]),
    };
    fields.insert(field::ERROR.into(), error.into());
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Reader, Row};

    fn users() -> Vec<User> {
        let user = |id, nickname: &str| User {
            id,
            nickname: nickname.into(),
            mail_address: "a@b.example".into(),
            user_type: 3,
            ..User::default()
        };
        vec![user(7, "a \"b\", c"), user(8, "猿\\")]
    }

    fn write(format: Format, users: &[User]) -> String {
        let mut text = String::new();
        let mut writer = Writer::new(format);
        for user in users {
            writer.user(user, &mut text);
        }
        writer.finish(&mut text);
        text
    }

    fn read(format: Format, text: &str) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut reader = Reader::new(format);
        for bytes in [text.as_bytes(), &[]] {
            reader
                .push(bytes, &mut |row| rows.push(row))
                .expect("readable");
        }
        rows
    }

    #[test]
    fn written_users_are_read_back() {
        for format in [Format::Json, Format::Csv, Format::Ndjson] {
            let rows = read(format, &write(format, &users()));
            let read: Vec<_> = rows
                .into_iter()
                .map(|row| row.user.expect("valid"))
                .collect();
            assert_eq!(read, users(), "{format:?}");
        }
        assert_eq!(write(Format::Json, &[]), "{}\n");
        assert_eq!(read(Format::Csv, &write(Format::Csv, &[])).len(), 0);
    }

    #[test]
    fn a_csv_cell_is_never_a_formula_and_is_read_back() {
        let texts = [
            "=1+1", "+1", "-1", "@SUM(A1)", "＝1", "＋1", "－1", "＠x", "'=1", "''=1", "'quoted'",
            "a=1", "=\"a\",b",
        ];
        let users: Vec<_> = texts
            .iter()
            .map(|text| User {
                nickname: (*text).into(),
                mail_address: "+a@b.example".into(),
                user_type: 1,
                ..User::default()
            })
            .collect();
        let csv = write(Format::Csv, &users);
        for line in csv.lines().skip(1) {
            for cell in line.split(',') {
                let cell = cell.trim_start_matches('"');
                assert!(
                    !cell.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']),
                    "{line}"
                );
            }
        }
        let rows = read(Format::Csv, &csv);
        let read: Vec<_> = rows
            .into_iter()
            .map(|row| row.user.expect("valid"))
            .collect();
        assert_eq!(read, users);
        assert!(csv.contains(",a=1,") && csv.contains(",'quoted',"), "{csv}");
    }

    #[test]
    fn a_rejected_csv_cell_is_never_a_formula() {
        let text = "nickname,mail_address,user_type,=note\n\t=1,x,BOSS,=cmd()\n'=1,y,BOSS,\r=2\n";
        let mut rejected = RejectedRows::new(Format::Csv);
        let mut out = String::new();
        for row in read(Format::Csv, text) {
            let errors = row.user.expect_err("not valid");
            let row = Rejected {
                line: row.line,
                source: row.source,
                errors,
            };
            rejected.add(&row, &mut out);
        }
        for cell in ["'=note", "'\t=1", "'=cmd()", "'=1", "'\r=2"] {
            assert!(out.contains(cell), "{cell:?} in {out:?}");
        }
        assert!(!out.contains("''"), "{out}");
    }

    #[test]
    fn rejected_rows_are_read_back_with_the_same_errors() {
        let csv = "nickname,note,mail_address,user_type,error\n,\"x, y\",nowhere,BOSS,old\n";
        let ndjson = "{\"nickname\":\"\",\"user_type\":\"BOSS\"}\n[1]\n";
        let json = "{\"1\": {\"id\": 2}, \"2\": 7}";
        for (format, text) in [
            (Format::Csv, csv),
            (Format::Ndjson, ndjson),
            (Format::Json, json),
        ] {
            let reject = |text: &str| {
                let mut rejected = RejectedRows::new(format);
                let mut out = String::new();
                let mut errors = Vec::new();
                for row in read(format, text) {
                    let row = Rejected {
                        line: row.line,
                        source: row.source,
                        errors: row.user.expect_err("not valid"),
                    };
                    rejected.add(&row, &mut out);
                    errors.push(sentence(&row.errors));
                }
                rejected.finish(&mut out);
                (out, errors)
            };
            let (once, errors) = reject(text);
            assert!(!errors.is_empty());
            assert!(once.contains("error"), "{once}");
            let (twice, again) = reject(&once);
            if format == Format::Csv {
                assert_eq!((&twice, &again), (&once, &errors));
            } else {
                assert_eq!(errors[0], again[0]);
            }
        }
    }
}
