//! Reading users, one after the other, however long the file is.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::Value;
use soundstage_proto::user::User;
use soundstage_proto::user_rules::ValidUser;
use soundstage_proto::user_types;

use super::{Format, field};

/// A row of a file.
#[derive(Debug)]
pub(crate) struct Row {
    /// Where it begins, counted from 1.
    pub(crate) line: u32,
    /// What stands there.
    pub(crate) source: Source,
    /// The user that it is, or what is wrong with it.
    pub(crate) user: Result<User, Vec<Fault>>,
}

/// A row as it stands in its file.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// The values of a CSV row, with the headings of the file.
    Record {
        headings: Arc<csv::StringRecord>,
        values: csv::StringRecord,
    },
    /// A value of JSON, with its key if it has one.
    Value(Option<String>, Value),
    /// A line that cannot be read at all.
    Text(String),
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The field, or nothing if it is the row as a whole.
    pub(crate) field: String,
    /// What to do about it.
    pub(crate) description: String,
}

/// A file to read.
pub(crate) struct Input<R> {
    reader: Counting<BufReader<R>>,
}

/// Why a file cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Malformed(String),
}

impl<R: Read> Input<R> {
    /// `on_bytes` is told how many bytes have been read in all.
    pub(crate) fn new(reader: R, on_bytes: impl Fn(u64) + 'static) -> Self {
        Self {
            reader: Counting {
                inner: BufReader::with_capacity(64 * 1024, reader),
                bytes: 0,
                lines: Rc::default(),
                on_bytes: Box::new(on_bytes),
            },
        }
    }

    /// Delivers each row, until the end or until nobody wants more.
    pub(crate) fn rows(
        self,
        format: Format,
        mut deliver: impl FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        match format {
            Format::Csv => self.csv(&mut deliver),
            Format::Ndjson => self.ndjson(&mut deliver),
            Format::Json => self.json(&mut deliver),
        }
    }

    fn csv(self, deliver: &mut dyn FnMut(Row) -> ControlFlow<()>) -> Result<(), ReadError> {
        let malformed = |error: csv::Error| match error.into_kind() {
            csv::ErrorKind::Io(error) => ReadError::Io(error),
            csv::ErrorKind::Utf8 { pos, err } => {
                let line = pos.map_or(0, |place| place.line());
                ReadError::Malformed(format!("line {line}: no UTF-8 ({err})"))
            }
            other => ReadError::Malformed(format!("{other:?}")),
        };
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            // With its own notion of a line end the reader counts lines of Windows' files one too low.
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(self.reader);
        let headings = Arc::new(without_returns(reader.headers().map_err(malformed)?));
        let column = |name: &str| {
            // Spreadsheets begin a file with a byte order mark.
            let is_it = |heading: &str| heading.trim_start_matches('\u{feff}').trim() == name;
            headings.iter().position(is_it)
        };
        let missing = |name: &str| {
            ReadError::Malformed(format!(
                "line 1: no column {name}; the first line names the columns id (optional), nickname, mail_address and user_type"
            ))
        };
        let id = column(field::ID);
        let [nickname, mail_address, user_type] =
            [field::NICKNAME, field::MAIL_ADDRESS, field::USER_TYPE]
                .map(|name| column(name).ok_or_else(|| missing(name)));
        let (nickname, mail_address, user_type) = (nickname?, mail_address?, user_type?);
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record).map_err(malformed)? {
            let values = without_returns(&record);
            let line = record.position().map_or(0, csv::Position::line);
            let text = |column: usize| values.get(column).unwrap_or_default();
            let id = id.map_or(Ok(0), |column| parse_id(text(column)));
            let user = user(id, text(nickname), text(mail_address), text(user_type));
            let row = Row {
                line: u32::try_from(line).unwrap_or(u32::MAX),
                source: Source::Record {
                    headings: headings.clone(),
                    values,
                },
                user,
            };
            if deliver(row).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn ndjson(mut self, deliver: &mut dyn FnMut(Row) -> ControlFlow<()>) -> Result<(), ReadError> {
        let mut bytes = Vec::new();
        for line in 1.. {
            bytes.clear();
            if self.reader.read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
            let Ok(text) = std::str::from_utf8(&bytes) else {
                return Err(ReadError::Malformed(format!("line {line}: no UTF-8")));
            };
            let text = text.trim_start_matches('\u{feff}').trim();
            if text.is_empty() {
                continue;
            }
            let row = match serde_json::from_str(text) {
                Ok(value) => value_row(line, None, value),
                Err(error) => Row {
                    line,
                    source: Source::Text(text.to_owned()),
                    user: Err(vec![whole(format!("Write one JSON object ({error})."))]),
                },
            };
            if deliver(row).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn json(self, deliver: &mut dyn FnMut(Row) -> ControlFlow<()>) -> Result<(), ReadError> {
        let lines = self.reader.lines.clone();
        let stopped = Cell::new(false);
        let mut deserializer = serde_json::Deserializer::from_reader(self.reader);
        let entries = Entries {
            lines: &lines,
            stopped: &stopped,
            deliver,
        };
        let outcome = deserializer
            .deserialize_map(entries)
            .and_then(|()| deserializer.end());
        match outcome {
            Err(_) if stopped.get() => Ok(()),
            Err(error) if error.is_io() => Err(ReadError::Io(error.into())),
            Err(error) => Err(ReadError::Malformed(format!(
                "{error}; the file is one object of users, keyed by the id as text"
            ))),
            Ok(()) => Ok(()),
        }
    }
}

/// The record without the carriage return that stands behind it in files of Windows.
fn without_returns(record: &csv::StringRecord) -> csv::StringRecord {
    let values = record.iter();
    values.map(|value| value.trim_end_matches('\r')).collect()
}

/// Delivers the entries of an object as they are parsed.
struct Entries<'a> {
    lines: &'a Cell<u32>,
    stopped: &'a Cell<bool>,
    deliver: &'a mut dyn FnMut(Row) -> ControlFlow<()>,
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object of users, keyed by the id as text")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            // The parser takes byte after byte, so this is where it is.
            let line = self.lines.get() + 1;
            let value = map.next_value_seed(AnyValue)?;
            if (self.deliver)(value_row(line, Some(key), value)).is_break() {
                self.stopped.set(true);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

struct AnyValue;

impl<'de> DeserializeSeed<'de> for AnyValue {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        serde::Deserialize::deserialize(deserializer)
    }
}

fn value_row(line: u32, key: Option<String>, value: Value) -> Row {
    let user = match &value {
        Value::Object(fields) => {
            let text = |name| fields.get(name).and_then(Value::as_str).unwrap_or_default();
            let id = match (fields.get(field::ID), &key) {
                (None | Some(Value::Null), None) => Ok(0),
                (None | Some(Value::Null), Some(key)) => parse_id(key),
                (Some(id), key) => {
                    let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
                    match (id, key) {
                        (Some(id), Some(key)) if id.to_string() != *key => {
                            Err("The id must be the key.".to_owned())
                        }
                        (Some(id), _) => Ok(id),
                        (None, _) => Err(ID_WANTED.to_owned()),
                    }
                }
            };
            user(
                id,
                text(field::NICKNAME),
                text(field::MAIL_ADDRESS),
                text(field::USER_TYPE),
            )
        }
        _ => Err(vec![whole("Write an object.".to_owned())]),
    };
    Row {
        line,
        source: Source::Value(key, value),
        user,
    }
}

const ID_WANTED: &str = "Enter a whole number from 1 to 4294967295, or none.";

fn parse_id(text: &str) -> Result<u32, String> {
    match text.trim() {
        "" => Ok(0),
        text => text.parse().map_err(|_| ID_WANTED.to_owned()),
    }
}

/// The user with these values, or every rule that it breaks.
fn user(
    id: Result<u32, String>,
    nickname: &str,
    mail_address: &str,
    user_type: &str,
) -> Result<User, Vec<Fault>> {
    let mut faults = Vec::new();
    let id = id.unwrap_or_else(|description| {
        faults.push(Fault {
            field: field::ID.into(),
            description,
        });
        0
    });
    let user = User {
        id,
        nickname: nickname.to_owned(),
        mail_address: mail_address.to_owned(),
        // A name that is unknown becomes NONE, which the rules refuse with the names that there are.
        user_type: user_types::parse(user_type.trim())
            .unwrap_or_default()
            .into(),
        ..User::default()
    };
    let checked = ValidUser::try_from(user.clone());
    faults.extend(checked.err().into_iter().flatten().map(|violation| Fault {
        field: violation.field.to_owned(),
        description: violation.description.to_owned(),
    }));
    if faults.is_empty() {
        Ok(user)
    } else {
        Err(faults)
    }
}

fn whole(description: String) -> Fault {
    Fault {
        field: String::new(),
        description,
    }
}

/// How often it is told how much has been read.
const REPORTED_BYTES: u64 = 64 * 1024;

/// Counts what has been read through it.
struct Counting<R> {
    inner: R,
    bytes: u64,
    lines: Rc<Cell<u32>>,
    on_bytes: Box<dyn Fn(u64)>,
}

impl<R> Counting<R> {
    fn count(&mut self, passed: usize, line_ends: usize) {
        let before = self.bytes;
        self.bytes += passed as u64;
        self.lines.set(self.lines.get() + line_ends as u32);
        // Not for each byte that the parser of JSON takes.
        if before / REPORTED_BYTES != self.bytes / REPORTED_BYTES {
            (self.on_bytes)(self.bytes);
        }
    }
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count(count, line_ends(&buffer[..count]));
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Counting<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // Lines are counted by the reader of lines itself.
        self.inner.consume(amount);
        self.count(amount, 0);
    }
}

fn line_ends(bytes: &[u8]) -> usize {
    bytes.iter().map(|byte| usize::from(*byte == b'\n')).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(format: Format, text: &str) -> (Vec<Row>, Result<(), ReadError>) {
        let mut rows = Vec::new();
        let outcome = Input::new(text.as_bytes(), |_| ()).rows(format, |row| {
            rows.push(row);
            ControlFlow::Continue(())
        });
        (rows, outcome)
    }

    /// Line, id and nickname of a row, or the fields that are wrong.
    fn summary(rows: &[Row]) -> Vec<String> {
        let summary = rows.iter().map(|row| match &row.user {
            Ok(user) => format!("{} {} {}", row.line, user.id, user.nickname),
            Err(faults) => {
                let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
                format!("{} wrong {}", row.line, fields.join(","))
            }
        });
        summary.collect()
    }

    #[test]
    fn csv_has_columns_in_any_order_and_rows_over_several_lines() {
        let text = "\u{feff}nickname,user_type,id,mail_address,note\r\n\
                    foo,NORMAL,7,foo@example.com,\r\n\
                    \"b,\"\"r\",guest,,bar@example.com,\"two\r\nlines\"\r\n\
                    ,BOSS,x,nowhere\r\n";
        let (rows, outcome) = rows(Format::Csv, text);
        outcome.expect("read");
        assert_eq!(
            summary(&rows),
            [
                "2 7 foo",
                "3 0 b,\"r",
                "5 wrong id,nickname,mail_address,user_type"
            ]
        );
    }

    #[test]
    fn csv_without_a_column_is_refused_by_its_name() {
        let (_, outcome) = rows(Format::Csv, "id,nickname,user_type\n1,a,NORMAL\n");
        let error = outcome.expect_err("refused").to_string();
        assert!(error.contains("mail_address"), "{error}");
    }

    #[test]
    fn ndjson_goes_on_after_a_line_that_is_none() {
        let text = "{\"id\":7,\"nickname\":\"foo\",\"mail_address\":\"a@b.example\",\"user_type\":\"NORMAL\"}\n\n\
                    {broken\n\
                    {\"nickname\":\"bar\",\"mail_address\":\"a@b.example\",\"user_type\":\"GUEST\",\"revision\":4}";
        let (rows, outcome) = rows(Format::Ndjson, text);
        outcome.expect("read");
        assert_eq!(summary(&rows), ["1 7 foo", "3 wrong ", "4 0 bar"]);
    }

    #[test]
    fn the_predecessors_object_is_read_entry_by_entry_with_its_lines() {
        let entry = |key: &str, id: u32| {
            format!(
                "\"{key}\": {{\n \"id\": {id}, \"nickname\": \"n\", \"mail_address\": \"a@b.example\",\n \"user_type\": \"NORMAL\"}}"
            )
        };
        let text = format!(
            "{{\n{},\n{},\n{}\n",
            entry("1", 1),
            entry("2", 3),
            entry("4", 4)
        );
        let (rows, outcome) = rows(Format::Json, &text);
        assert_eq!(summary(&rows), ["2 1 n", "5 wrong id", "8 4 n"]);
        let error = outcome.expect_err("cut").to_string();
        assert!(error.contains("line 11"), "{error}");
    }
}
