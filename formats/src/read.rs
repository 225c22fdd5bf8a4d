//! Reading users from a file of any length, chunk by chunk.

use crate::Format;
use crate::csv::CsvReader;
use crate::json::{LineReader, ObjectReader};
use crate::row::{ReadError, Row};

/// A reader that turns the chunks of a file into rows.
pub struct Reader {
    format: FormatReader,
}

enum FormatReader {
    Csv(Box<CsvReader>),
    Ndjson(LineReader),
    Json(ObjectReader),
}

impl Reader {
    /// Creates a reader for a file in this format.
    pub fn new(format: Format) -> Self {
        Self {
            format: match format {
                Format::Csv => FormatReader::Csv(Box::default()),
                Format::Ndjson => FormatReader::Ndjson(LineReader::default()),
                Format::Json => FormatReader::Json(ObjectReader::default()),
            },
        }
    }

    /// Reads the next chunk and delivers each row that ends in it. An empty chunk ends the file.
    ///
    /// # Errors
    /// Returns an error if the rest of the file cannot be read. The rows before the error have been delivered.
    pub fn push(&mut self, bytes: &[u8], deliver: &mut dyn FnMut(Row)) -> Result<(), ReadError> {
        match &mut self.format {
            FormatReader::Csv(reader) => reader.push(bytes, deliver),
            FormatReader::Ndjson(reader) => reader.push(bytes, deliver),
            FormatReader::Json(reader) => reader.push(bytes, deliver),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::ROW_MAX;

    /// Reads a text in chunks of `chunk` bytes.
    fn rows(format: Format, text: &str, chunk: usize) -> (Vec<Row>, Result<(), ReadError>) {
        let mut rows = Vec::new();
        let mut reader = Reader::new(format);
        let chunks = text.as_bytes().chunks(chunk).chain([&[][..]]);
        let outcome = chunks
            .map(|chunk| reader.push(chunk, &mut |row| rows.push(row)))
            .find(Result::is_err);
        (rows, outcome.unwrap_or(Ok(())))
    }

    /// Summarises each row: its line, id and nickname, or its line and the fields with errors.
    fn summary(rows: &[Row]) -> Vec<String> {
        let summary = rows.iter().map(|row| match &row.user {
            Ok(user) => format!("{} {} {}", row.line, user.id, user.nickname),
            Err(errors) => {
                let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
                format!("{} wrong {}", row.line, fields.join(","))
            }
        });
        summary.collect()
    }

    /// Reads a text, and checks that the chunk size does not change the result.
    fn read(format: Format, text: &str) -> (Vec<String>, Result<(), ReadError>) {
        let (whole, outcome) = rows(format, text, text.len().max(1));
        for chunk in 1..text.len().min(40) {
            let (chunked, chunked_outcome) = rows(format, text, chunk);
            assert_eq!(summary(&chunked), summary(&whole), "in chunks of {chunk}");
            assert_eq!(chunked_outcome, outcome, "in chunks of {chunk}");
        }
        (summary(&whole), outcome)
    }

    #[test]
    fn csv_columns_are_in_any_order_and_rows_span_lines() {
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
    fn a_missing_csv_column_is_named() {
        let (_, outcome) = read(Format::Csv, "id,nickname,user_type\n1,a,NORMAL\n");
        let error = outcome.expect_err("a column is missing").to_string();
        assert!(
            error.contains("line 1: ") && error.contains("mail_address"),
            "{error}"
        );
        let (_, outcome) = read(Format::Csv, "");
        assert!(outcome.is_err());
    }

    #[test]
    fn csv_that_is_not_utf_8_is_an_error_with_its_line() {
        let mut reader = Reader::new(Format::Csv);
        let mut count = 0;
        let text =
            b"nickname,mail_address,user_type\na,a@b.example,NORMAL\n\xff,a@b.example,NORMAL\n";
        let outcome = reader.push(text, &mut |_| count += 1);
        assert_eq!((outcome.map_err(|error| error.line), count), (Err(3), 1));
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_chunk_size_never_matters() {
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
            let chunk = 1 + random(7);
            for format in [Format::Csv, Format::Ndjson, Format::Json] {
                let read = |chunks: &mut dyn Iterator<Item = &[u8]>| {
                    let mut lines = Vec::new();
                    let mut reader = Reader::new(format);
                    let mut outcome = Ok(());
                    for chunk in chunks.chain([&[][..]]) {
                        outcome = outcome.and_then(|()| {
                            reader.push(chunk, &mut |row| lines.push((row.line, row.user)))
                        });
                    }
                    (lines, outcome)
                };
                let whole = read(&mut [bytes.as_slice()].into_iter().filter(|all| !all.is_empty()));
                let chunked = read(&mut bytes.chunks(chunk));
                assert_eq!(chunked, whole, "{format:?} {bytes:?} in chunks of {chunk}");
            }
        }
    }

    #[test]
    fn ndjson_continues_after_a_line_that_is_not_json() {
        let text = "\u{feff}{\"id\":7,\"nickname\":\"foo\",\"mail_address\":\"a@b.example\",\"user_type\":\"NORMAL\"}\n\n\
                    {broken\n\
                    {\"nickname\":\"猿\",\"mail_address\":\"a@b.example\",\"user_type\":\"GUEST\",\"revision\":4}";
        let (rows, outcome) = read(Format::Ndjson, text);
        assert_eq!(outcome, Ok(()));
        assert_eq!(rows, ["1 7 foo", "3 wrong ", "4 0 猿"]);
    }

    #[test]
    fn an_absent_id_or_id_0_leaves_the_choice_to_the_server() {
        let line = |id| {
            format!(
                "{{\"id\":{id},\"nickname\":\"n\",\"mail_address\":\"a@b.example\",\"user_type\":\"GUEST\"}}\n"
            )
        };
        let text = [
            "0",
            "null",
            "4294967295",
            "4294967296",
            "-1",
            "1.5",
            "\"7\"",
        ]
        .map(line);
        let (rows, _) = read(Format::Ndjson, &text.concat());
        let last = "3 4294967295 n";
        let expected = [
            "1 0 n",
            "2 0 n",
            last,
            "4 wrong id",
            "5 wrong id",
            "6 wrong id",
            "7 wrong id",
        ];
        assert_eq!(rows, expected);

        let text =
            "id,nickname,mail_address,user_type\n,n,a@b.example,GUEST\n 0,n,a@b.example,GUEST\n";
        let (rows, _) = read(Format::Csv, text);
        assert_eq!(rows, ["2 0 n", "3 0 n"]);
    }

    /// Returns an entry of the predecessor's object that spans three lines.
    fn entry(key: &str, id: u32) -> String {
        format!(
            "\"{key}\": {{\n \"id\": {id}, \"nickname\": \"n}}\\\"{{\", \"mail_address\": \"a@b.example\",\n \"user_type\": \"NORMAL\"}}"
        )
    }

    #[test]
    fn the_predecessors_object_is_read_entry_by_entry() {
        let entries = [entry("1", 1), entry("2", 3), entry("4", 4)].join(",\n");
        let expected = ["2 1 n}\"{", "5 wrong id", "8 4 n}\"{"];
        let (rows, outcome) = read(Format::Json, &format!("\u{feff}{{\n{entries}\n}}\n"));
        assert_eq!(outcome, Ok(()));
        assert_eq!(rows, expected);
        // The file ends after the last entry.
        let (rows, outcome) = read(Format::Json, &format!("{{\n{entries}\n"));
        assert_eq!(rows, expected[..2]);
        assert_eq!(outcome.expect_err("incomplete").line, 11);
        assert_eq!(read(Format::Json, "{}"), (Vec::new(), Ok(())));
    }

    #[test]
    fn a_file_that_is_not_an_object_of_users_is_an_error_with_its_line() {
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
    fn a_row_without_an_end_is_an_error() {
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
