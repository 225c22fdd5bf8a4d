//! CSV as RFC 4180 has it, with a heading.

use std::sync::Arc;

use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};

use crate::field;
use crate::read::{ROW_MAX, ReadError, Row, Source, parse_id, user};

/// Makes rows of the records.
pub(crate) struct CsvReader {
    core: csv_core::Reader,
    /// The values of the record that is being read, one behind the other, and where each ends.
    values: Vec<u8>,
    values_length: usize,
    ends: Vec<usize>,
    ends_length: usize,
    /// Where the record began.
    line: u64,
    columns: Option<Columns>,
    /// Bytes of the byte order mark that have been passed over.
    marks: usize,
}

/// Spreadsheets begin a file with it.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Where the fields stand, as the heading says.
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
                // With its own notion of a line end the reader counts lines of Windows' files one too low.
                .terminator(Terminator::Any(b'\n'))
                .build(),
            values: vec![0; 1024],
            values_length: 0,
            ends: vec![0; 16],
            ends_length: 0,
            line: 1,
            columns: None,
            marks: 0,
        }
    }
}

impl CsvReader {
    pub(crate) fn push(
        &mut self,
        mut bytes: &[u8],
        deliver: &mut dyn FnMut(Row),
    ) -> Result<(), ReadError> {
        let is_end = bytes.is_empty();
        // csv-core takes what is left of a piece that has nothing else for the end of the file.
        while let (Some(mark), Some(byte)) = (BYTE_ORDER_MARK.get(self.marks), bytes.first()) {
            if byte != mark {
                self.marks = BYTE_ORDER_MARK.len();
                break;
            }
            self.marks += 1;
            bytes = &bytes[1..];
        }
        // No bytes are the end for csv-core as well.
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
                    self.record(deliver)?;
                    self.values_length = 0;
                    self.ends_length = 0;
                    self.line = self.core.line();
                }
                ReadRecordResult::End => {
                    return match &self.columns {
                        Some(_) => Ok(()),
                        None => Err(missing(field::NICKNAME)),
                    };
                }
            }
        }
        Ok(())
    }

    fn grow(&mut self) -> Result<(), ReadError> {
        if self.values.len() >= ROW_MAX || self.ends.len() >= ROW_MAX {
            return Err(self.error(
                "the row has no end; a quotation mark may be missing",
                String::new(),
            ));
        }
        self.values.resize(self.values.len() * 2, 0);
        self.ends.resize(self.ends.len() * 2, 0);
        Ok(())
    }

    /// A record is whole: the heading, or a user.
    fn record(&mut self, deliver: &mut dyn FnMut(Row)) -> Result<(), ReadError> {
        let mut begin = 0;
        let values = self.ends[..self.ends_length].iter().map(|end| {
            // Each by itself: halves of a character on either side of a comma are none.
            let value = std::str::from_utf8(&self.values[begin..*end])
                .map_err(|error| self.error("no UTF-8", error.to_string()))?;
            begin = *end;
            // It stands behind the last value in files of Windows.
            Ok(value.trim_end_matches('\r').to_owned())
        });
        let values = values.collect::<Result<Vec<_>, ReadError>>()?;
        match &self.columns {
            Some(columns) => deliver(columns.row(self.line(), values)),
            None => self.columns = Some(Columns::read(values)?),
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
    fn read(mut headings: Vec<String>) -> Result<Self, ReadError> {
        for heading in &mut headings {
            *heading = heading.trim().to_owned();
        }
        let column = |name: &str| headings.iter().position(|heading| heading == name);
        let wanted = |name: &str| column(name).ok_or_else(|| missing(name));
        Ok(Self {
            id: column(field::ID),
            nickname: wanted(field::NICKNAME)?,
            mail_address: wanted(field::MAIL_ADDRESS)?,
            user_type: wanted(field::USER_TYPE)?,
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

fn missing(name: &str) -> ReadError {
    ReadError {
        line: 1,
        what: "a column is missing; the first line names the columns id (optional), nickname, mail_address and user_type",
        detail: name.to_owned(),
    }
}

/// Adds a line with these values to a text.
pub(crate) fn write_line<'a>(text: &mut String, values: impl IntoIterator<Item = &'a str>) {
    for (column, value) in values.into_iter().enumerate() {
        if column > 0 {
            text.push(',');
        }
        if value.contains(['"', ',', '\n', '\r']) {
            text.push('"');
            text.push_str(&value.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(value);
        }
    }
    text.push('\n');
}
