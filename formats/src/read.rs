//! Reading users out of a file that comes in pieces, however long it is.

use std::sync::Arc;

use serde_json::Value;
use soundstage_proto::user::User;
use soundstage_proto::user_rules::ValidUser;
use soundstage_proto::user_types;

use crate::csv::CsvReader;
use crate::json::{LineReader, ObjectReader};
use crate::{Format, field};

/// The longest row in bytes. A longer one is none: the file is broken, or not what it is said to be.
pub(crate) const ROW_MAX: usize = 1024 * 1024;

/// A row of a file.
#[derive(Debug)]
pub struct Row {
    /// Where it begins, counted from 1.
    pub line: u32,
    /// What stands there.
    pub source: Source,
    /// The user that it is, or what is wrong with it.
    pub user: Result<User, Vec<FieldError>>,
}

/// A row as it stands in its file.
#[derive(Debug, Clone)]
pub enum Source {
    /// The values of a CSV row, with the headings of the file.
    Record {
        /// The file's first line.
        headings: Arc<[String]>,
        /// As many as there are, which may be fewer or more than headings.
        values: Vec<String>,
    },
    /// A value of JSON, with its key if it has one.
    Value(Option<String>, Value),
    /// A line that cannot be read at all.
    Text(String),
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field, or nothing if it is the row as a whole.
    pub field: String,
    /// What to do about it.
    pub description: String,
}

/// Why a file cannot be read to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}{}", if detail.is_empty() { String::new() } else { format!(" ({detail})") })]
pub struct ReadError {
    /// Where, counted from 1.
    pub line: u32,
    /// What is wrong, and what should be there.
    pub what: &'static str,
    /// Which part of it, or what else is known.
    pub detail: String,
}

/// Makes rows of a file whose bytes come in pieces.
pub struct Reader {
    format: AnyFormat,
}

enum AnyFormat {
    Csv(Box<CsvReader>),
    Ndjson(LineReader),
    Json(ObjectReader),
}

impl Reader {
    /// For a file in this format.
    pub fn new(format: Format) -> Self {
        Self {
            format: match format {
                Format::Csv => AnyFormat::Csv(Box::default()),
                Format::Ndjson => AnyFormat::Ndjson(LineReader::default()),
                Format::Json => AnyFormat::Json(ObjectReader::default()),
            },
        }
    }

    /// Takes the next bytes in and delivers the rows that end in them. No bytes are the end of the file.
    ///
    /// # Errors
    /// What follows cannot be read; the rows before it have been delivered.
    pub fn push(&mut self, bytes: &[u8], deliver: &mut dyn FnMut(Row)) -> Result<(), ReadError> {
        match &mut self.format {
            AnyFormat::Csv(reader) => reader.push(bytes, deliver),
            AnyFormat::Ndjson(reader) => reader.push(bytes, deliver),
            AnyFormat::Json(reader) => reader.push(bytes, deliver),
        }
    }
}

pub(crate) const ID_WANTED: &str = "Enter a whole number from 1 to 4294967295, or none.";

pub(crate) fn parse_id(text: &str) -> Result<u32, &'static str> {
    match text.trim() {
        "" => Ok(0),
        text => text.parse().map_err(|_| ID_WANTED),
    }
}

/// The user with these values, or every rule that it breaks.
pub(crate) fn user(
    id: Result<u32, &'static str>,
    nickname: &str,
    mail_address: &str,
    user_type: &str,
) -> Result<User, Vec<FieldError>> {
    let fault = |field: &str, description: &str| FieldError {
        field: field.to_owned(),
        description: description.to_owned(),
    };
    let mut faults = Vec::new();
    let id = id.unwrap_or_else(|description| {
        faults.push(fault(field::ID, description));
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
    let broken = checked.err().into_iter().flatten();
    faults.extend(broken.map(|violation| fault(&violation.field, &violation.description)));
    if faults.is_empty() {
        Ok(user)
    } else {
        Err(faults)
    }
}

/// What is wrong with a row as a whole.
pub(crate) fn whole(description: String) -> Vec<FieldError> {
    vec![FieldError {
        field: String::new(),
        description,
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of a text, which comes in pieces of this many bytes.
    fn rows(format: Format, text: &str, piece: usize) -> (Vec<Row>, Result<(), ReadError>) {
        let mut rows = Vec::new();
        let mut reader = Reader::new(format);
        let pieces = text.as_bytes().chunks(piece).chain([&[][..]]);
        let outcome = pieces
            .map(|piece| reader.push(piece, &mut |row| rows.push(row)))
            .find(Result::is_err);
        (rows, outcome.unwrap_or(Ok(())))
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

    /// The same rows and the same outcome, wherever the text is cut.
    fn read(format: Format, text: &str) -> (Vec<String>, Result<(), ReadError>) {
        let (whole, outcome) = rows(format, text, text.len().max(1));
        for piece in 1..text.len().min(40) {
            let (cut, cut_outcome) = rows(format, text, piece);
            assert_eq!(summary(&cut), summary(&whole), "in pieces of {piece}");
            assert_eq!(cut_outcome, outcome, "in pieces of {piece}");
        }
        (summary(&whole), outcome)
    }

    #[test]
    fn csv_has_columns_in_any_order_and_rows_over_several_lines() {
        let text = "\u{feff}nickname,user_type,id,mail_address,note\r\n\
                    foo,NORMAL,7,foo@example.com,\r\n\
                    \"b,\"\"r\",guest,,bar@example.com,\"two\r\nlines\"\r\n\
                    ,BOSS,x,nowhere\r\n\
                    猿,ADMINISTRATOR,,saru@example.com,";
        let (rows, outcome) = read(Format::Csv, text);
        assert_eq!(outcome, Ok(()));
        assert_eq!(
            rows,
            [
                "2 7 foo",
                "3 0 b,\"r",
                "5 wrong id,nickname,mail_address,user_type",
                "6 0 猿",
            ]
        );
    }

    #[test]
    fn csv_without_a_column_is_refused_by_its_name() {
        let (_, outcome) = read(Format::Csv, "id,nickname,user_type\n1,a,NORMAL\n");
        let error = outcome.expect_err("refused").to_string();
        assert!(
            error.contains("line 1: ") && error.contains("mail_address"),
            "{error}"
        );
        let (_, outcome) = read(Format::Csv, "");
        assert!(outcome.is_err());
    }

    #[test]
    fn csv_that_is_no_utf_8_is_told_with_its_line() {
        let mut reader = Reader::new(Format::Csv);
        let mut count = 0;
        let text =
            b"nickname,mail_address,user_type\na,a@b.example,NORMAL\n\xff,a@b.example,NORMAL\n";
        let outcome = reader.push(text, &mut |_| count += 1);
        assert_eq!((outcome.map_err(|error| error.line), count), (Err(3), 1));
    }

    #[test]
    fn no_bytes_whatever_end_the_program_or_depend_on_where_they_are_cut() {
        const ALPHABET: &[&[u8]] = &[
            b"{",
            b"}",
            b"[",
            b"]",
            b"\"",
            b"\\",
            b",",
            b":",
            b"\n",
            b"\r",
            b" ",
            b"1",
            b"x",
            b"\xc3",
            b"\xa9",
            b"\xef\xbb\xbf",
            b"\x00",
            b"\"id\"",
            b"\"1\":{}",
            b"nickname,mail_address,user_type\n",
        ];
        let mut state = 1_u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for round in 0..3000 {
            let mut bytes = Vec::new();
            if round % 2 == 0 {
                bytes.extend_from_slice(b"nickname,mail_address,user_type\n");
            }
            for _ in 0..random(40) {
                bytes.extend_from_slice(ALPHABET[random(ALPHABET.len())]);
            }
            let piece = 1 + random(7);
            for format in [Format::Csv, Format::Ndjson, Format::Json] {
                let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
                    let mut lines = Vec::new();
                    let mut reader = Reader::new(format);
                    let mut outcome = Ok(());
                    for piece in pieces.chain([&[][..]]) {
                        outcome = outcome.and_then(|()| {
                            reader.push(piece, &mut |row| lines.push((row.line, row.user)))
                        });
                    }
                    (lines, outcome)
                };
                let whole = read(&mut [bytes.as_slice()].into_iter().filter(|all| !all.is_empty()));
                let cut = read(&mut bytes.chunks(piece));
                assert_eq!(cut, whole, "{format:?} {bytes:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn ndjson_goes_on_after_a_line_that_is_none() {
        let text = "\u{feff}{\"id\":7,\"nickname\":\"foo\",\"mail_address\":\"a@b.example\",\"user_type\":\"NORMAL\"}\n\n\
                    {broken\n\
                    {\"nickname\":\"猿\",\"mail_address\":\"a@b.example\",\"user_type\":\"GUEST\",\"revision\":4}";
        let (rows, outcome) = read(Format::Ndjson, text);
        assert_eq!(outcome, Ok(()));
        assert_eq!(rows, ["1 7 foo", "3 wrong ", "4 0 猿"]);
    }

    fn entry(key: &str, id: u32) -> String {
        format!(
            "\"{key}\": {{\n \"id\": {id}, \"nickname\": \"n}}\\\"{{\", \"mail_address\": \"a@b.example\",\n \"user_type\": \"NORMAL\"}}"
        )
    }

    #[test]
    fn the_predecessors_object_is_read_entry_by_entry_with_its_lines() {
        let entries = [entry("1", 1), entry("2", 3), entry("4", 4)].join(",\n");
        let expected = ["2 1 n}\"{", "5 wrong id", "8 4 n}\"{"];
        let (rows, outcome) = read(Format::Json, &format!("\u{feff}{{\n{entries}\n}}\n"));
        assert_eq!(outcome, Ok(()));
        assert_eq!(rows, expected);
        // Cut behind the last entry.
        let (rows, outcome) = read(Format::Json, &format!("{{\n{entries}\n"));
        assert_eq!(rows, expected[..2]);
        assert_eq!(outcome.expect_err("cut").line, 11);
        assert_eq!(read(Format::Json, "{}"), (Vec::new(), Ok(())));
    }

    #[test]
    fn what_is_no_object_of_users_is_told_with_its_line() {
        let one = entry("1", 1);
        for (text, line) in [
            (String::new(), 1),
            ("\n[1]".into(), 2),
            (format!("{{{one},\n}}"), 4),
            (format!("{{{one}}}\n{{"), 4),
            ("{\n\"1\": {\"id\": nothing}}".into(), 2),
            ("{\n,}".into(), 2),
        ] {
            let (_, outcome) = read(Format::Json, &text);
            let error = outcome.expect_err(&text);
            assert_eq!(error.line, line, "{text}: {error}");
        }
    }

    #[test]
    fn a_row_without_an_end_is_not_waited_for() {
        for (format, begin) in [
            (Format::Json, "{\"1\": \""),
            (Format::Ndjson, "{\"nickname\": \""),
            (Format::Csv, "nickname,mail_address,user_type\n\""),
        ] {
            let text = format!("{begin}{}", "x".repeat(2 * ROW_MAX));
            let (_, outcome) = rows(format, &text, 64 * 1024);
            assert!(outcome.is_err(), "{format:?}");
        }
    }
}
