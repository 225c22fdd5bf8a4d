//! Writing users, and rows that were refused, as text.

use serde_json::{Map, Value, json};
use soundstage_proto::user::User;

use crate::csv::write_line;
use crate::import::Rejected;
use crate::read::{FieldError, Source};
use crate::{Format, field};

/// Writes users in a format, each as it comes.
#[derive(Debug)]
pub struct Writer {
    format: Format,
    is_begun: bool,
}

impl Writer {
    /// For a file in this format.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            is_begun: false,
        }
    }

    /// Adds a user to the text.
    pub fn user(&mut self, user: &User, text: &mut String) {
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        if is_first {
            self.begin(text);
        }
        let user_type = user.user_type().as_str_name();
        match self.format {
            Format::Json => {
                text.push_str(if is_first { "\n" } else { ",\n" });
                // What the predecessor wrote, and no more: it knows no other fields.
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

    /// Ends the file.
    pub fn finish(&mut self, text: &mut String) {
        let is_empty = !std::mem::replace(&mut self.is_begun, true);
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

/// A user with all its fields, as JSON.
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

/// Writes the rows that were refused, in the format that they came in, each with what is wrong with it: to be mended and
/// imported again.
#[derive(Debug)]
pub struct RefusedRows {
    format: Format,
    count: u32,
}

impl RefusedRows {
    /// For rows of a file in this format.
    pub fn new(format: Format) -> Self {
        Self { format, count: 0 }
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Adds a row to the text.
    pub fn add(&mut self, refused: &Rejected, text: &mut String) {
        let error = sentence(&refused.faults);
        match &refused.source {
            Source::Record { headings, values } => {
                let own = |column: &usize| headings[*column] != field::ERROR;
                let columns = || (0..headings.len()).filter(own);
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

    /// Ends the file.
    pub fn finish(&self, text: &mut String) {
        if self.format == Format::Json && self.count > 0 {
            text.push_str("\n}\n");
        }
    }
}

/// What is wrong with a row, in a line.
pub fn sentence(faults: &[FieldError]) -> String {
    let sentences = faults.iter().map(|fault| match fault.field.as_str() {
        "" => fault.description.clone(),
        field => format!("{field}: {}", fault.description),
    });
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

    fn written(format: Format, users: &[User]) -> String {
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
    fn what_is_written_is_read_again() {
        for format in [Format::Json, Format::Csv, Format::Ndjson] {
            let rows = read(format, &written(format, &users()));
            let read: Vec<_> = rows
                .into_iter()
                .map(|row| row.user.expect("valid"))
                .collect();
            assert_eq!(read, users(), "{format:?}");
        }
        assert_eq!(written(Format::Json, &[]), "{}\n");
        assert_eq!(read(Format::Csv, &written(Format::Csv, &[])).len(), 0);
    }

    #[test]
    fn refused_rows_are_read_again_with_the_same_faults() {
        let csv = "nickname,note,mail_address,user_type,error\n,\"x, y\",nowhere,BOSS,old\n";
        let ndjson = "{\"nickname\":\"\",\"user_type\":\"BOSS\"}\n[1]\n";
        let json = "{\"1\": {\"id\": 2}, \"2\": 7}";
        for (format, text) in [
            (Format::Csv, csv),
            (Format::Ndjson, ndjson),
            (Format::Json, json),
        ] {
            let refuse = |text: &str| {
                let mut refused = RefusedRows::new(format);
                let mut out = String::new();
                let mut faults = Vec::new();
                for row in read(format, text) {
                    let row = Rejected {
                        line: row.line,
                        source: row.source,
                        faults: row.user.expect_err("not valid"),
                    };
                    refused.add(&row, &mut out);
                    faults.push(sentence(&row.faults));
                }
                refused.finish(&mut out);
                (out, faults)
            };
            let (once, faults) = refuse(text);
            assert!(!faults.is_empty());
            assert!(once.contains("error"), "{once}");
            let (twice, again) = refuse(&once);
            if format == Format::Csv {
                assert_eq!((&twice, &again), (&once, &faults));
            } else {
                assert_eq!(faults[0], again[0]);
            }
        }
    }
}
