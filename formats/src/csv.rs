//! CSV as RFC 4180 defines it, with a line of column names.
//!
//! A spreadsheet program runs a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return as a formula, and
//! such a nickname could have been chosen to attack the reader of an export. A written cell of this kind therefore
//! begins with an apostrophe, which spreadsheet programs take as the mark of text. Reading removes the apostrophe.

use std::sync::Arc;

use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};

use crate::field;
use crate::row::{ROW_MAX, ReadError, Row, Source, parse_id, user};

/// The characters that make a cell a formula for a spreadsheet program, if the cell begins with one. The last four are
/// the full-width forms, which such programs treat like the ASCII characters.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// The mark of a cell that is text although its first character makes a formula.
const TEXT_MARK: char = '\'';

/// Returns whether a cell is a formula, or would be without its text marks. Only such cells get and lose a text mark, so
/// writing and reading a value returns the value.
fn is_formula_text(value: &str) -> bool {
    value.trim_start_matches(TEXT_MARK).starts_with(FORMULA)
}

/// Returns the value of a cell: without the mark that [`write_line`] adds to the text of a formula.
fn unmarked(cell: &str) -> &str {
    match cell.strip_prefix(TEXT_MARK) {
        Some(value) if is_formula_text(value) => value,
        _ => cell,
    }
}

/// A reader that turns CSV records into rows.
pub(crate) struct CsvReader {
    core: csv_core::Reader,
    /// The values of the unfinished record, concatenated.
    values: Vec<u8>,
    values_length: usize,
    /// The end of each value in `values`.
    ends: Vec<usize>,
    ends_length: usize,
    /// The line that the record begins on.
    line: u64,
    /// The columns, once the first line has been read.
    columns: Option<Columns>,
    /// The number of skipped bytes of the byte order mark.
    skipped_mark: usize,
}

/// The mark that spreadsheet programs write at the beginning of a file.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The column of each field.
struct Columns {
    headings: Arc<[String]>,
    id: Option<usize>,
    nickname: usize,
    mail_address: usize,
    user_type: usize,
}

impl Default for CsvReader {
    fn default() -> Self {
        Self {
            core: ReaderBuilder::new()
                // With its default terminator, csv-core reports lines one too low in files with CRLF line ends.
                .terminator(Terminator::Any(b'\n'))
                .build(),
            values: vec![0; 1024],
            values_length: 0,
            ends: vec![0; 16],
            ends_length: 0,
            line: 1,
            columns: None,
            skipped_mark: 0,
        }
    }
}

impl CsvReader {
    /// Reads the next chunk and delivers each row that ends in it. An empty chunk ends the file.
    pub(crate) fn push(
        &mut self,
        mut bytes: &[u8],
        deliver: &mut dyn FnMut(Row),
    ) -> Result<(), ReadError> {
        let is_end = bytes.is_empty();
        // csv-core strips the mark too, but takes a chunk that ends with the mark for the end of the file.
        while let (Some(mark), Some(byte)) = (BYTE_ORDER_MARK.get(self.skipped_mark), bytes.first())
        {
            if byte != mark {
                self.skipped_mark = BYTE_ORDER_MARK.len();
                break;
            }
            self.skipped_mark += 1;
            bytes = &bytes[1..];
        }
        // csv-core, too, takes an empty chunk for the end of the file.
        while is_end || !bytes.is_empty() {
            let (result, read, values, ends) = self.core.read_record(
                bytes,
                &mut self.values[self.values_length..],
                &mut self.ends[self.ends_length..],
            );
            bytes = &bytes[read..];
            self.values_length += values;
            self.ends_length += ends;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => self.grow()?,
                ReadRecordResult::Record => {
                    self.finish_record(deliver)?;
                    self.values_length = 0;
                    self.ends_length = 0;
                    self.line = self.core.line();
                }
                ReadRecordResult::End => {
                    return match &self.columns {
                        Some(_) => Ok(()),
                        None => Err(missing_column(field::NICKNAME)),
                    };
                }
            }
        }
        Ok(())
    }

    /// Doubles the buffers of the record. Returns an error once the record exceeds [`ROW_MAX`].
    fn grow(&mut self) -> Result<(), ReadError> {
        if self.values.len() >= ROW_MAX || self.ends.len() >= ROW_MAX {
            return Err(self.error(
                "the row is longer than 1 MiB; a closing quotation mark may be missing",
                String::new(),
            ));
        }
        self.values.resize(self.values.len() * 2, 0);
        self.ends.resize(self.ends.len() * 2, 0);
        Ok(())
    }

    /// Takes a complete record: the column names if it is the first, otherwise a user.
    fn finish_record(&mut self, deliver: &mut dyn FnMut(Row)) -> Result<(), ReadError> {
        let mut begin = 0;
        let ends = &self.ends[..self.ends_length];
        let values = ends.iter().enumerate().map(|(index, end)| {
            // Checked value by value: two halves of a character around a comma must not pass as one.
            let value = std::str::from_utf8(&self.values[begin..*end])
                .map_err(|error| self.error("the text is not UTF-8", error.to_string()))?;
            begin = *end;
            // The last value of a line that ends with CRLF keeps the CR.
            let value = match value.strip_suffix('\r') {
                Some(value) if index + 1 == ends.len() => value,
                _ => value,
            };
            Ok(unmarked(value).to_owned())
        });
        let values = values.collect::<Result<Vec<_>, ReadError>>()?;
        match &self.columns {
            Some(columns) => deliver(columns.row(self.line(), values)),
            None => self.columns = Some(Columns::from_headings(values)?),
        }
        Ok(())
    }

    fn line(&self) -> u32 {
        u32::try_from(self.line).unwrap_or(u32::MAX)
    }

    fn error(&self, what: &'static str, detail: String) -> ReadError {
        ReadError {
            line: self.line(),
            what,
            detail,
        }
    }
}

impl Columns {
    fn from_headings(mut headings: Vec<String>) -> Result<Self, ReadError> {
        for heading in &mut headings {
            *heading = heading.trim().to_owned();
        }
        let column = |name: &str| headings.iter().position(|heading| heading == name);
        let required = |name: &str| column(name).ok_or_else(|| missing_column(name));
        Ok(Self {
            id: column(field::ID),
            nickname: required(field::NICKNAME)?,
            mail_address: required(field::MAIL_ADDRESS)?,
            user_type: required(field::USER_TYPE)?,
            headings: headings.into(),
        })
    }

    fn row(&self, line: u32, values: Vec<String>) -> Row {
        let text = |column: usize| values.get(column).map(String::as_str).unwrap_or_default();
        let id = self.id.map_or(Ok(0), |column| parse_id(text(column)));
        Row {
            line,
            user: user(
                id,
                text(self.nickname),
                text(self.mail_address),
                text(self.user_type),
            ),
            source: Source::Record {
                headings: self.headings.clone(),
                values,
            },
        }
    }
}

fn missing_column(name: &str) -> ReadError {
    ReadError {
        line: 1,
        what: "a column is missing; the first line must name the columns nickname, mail_address and user_type, and may name id",
        detail: name.to_owned(),
    }
}

/// Appends a line with these values to `text`. A value that a spreadsheet program would take for a formula gets an
/// apostrophe in front.
pub(crate) fn write_line<'a>(text: &mut String, values: impl IntoIterator<Item = &'a str>) {
    for (column, value) in values.into_iter().enumerate() {
        if column > 0 {
            text.push(',');
        }
        let is_quoted = value.contains(['"', ',', '\n', '\r']);
        if is_quoted {
            text.push('"');
        }
        if is_formula_text(value) {
            text.push(TEXT_MARK);
        }
        if is_quoted {
            text.push_str(&value.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(value);
        }
    }
    text.push('\n');
}
