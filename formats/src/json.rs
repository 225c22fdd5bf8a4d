//! JSON: one object on each line, or the predecessor's single object of users.

use serde_json::{Map, Value};
use soundstage_proto::FieldError;

use crate::field;
use crate::row::{ROW_MAX, ReadError, Row, Source, parse_id, user};

const LINE_WANTED: &str = "the line is longer than 1 MiB; write one JSON object on each line";
const OBJECT_WANTED: &str =
    "the file must be one JSON object that maps each id, as text, to a user";

/// A reader that turns lines into rows.
#[derive(Default)]
pub(crate) struct LineReader {
    /// The beginning of the unfinished line.
    unfinished: Vec<u8>,
    /// The number of finished lines.
    lines: u32,
}

impl LineReader {
    /// Reads the next chunk and delivers each row that ends in it. An empty chunk ends the file.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        deliver: &mut dyn FnMut(Row),
    ) -> Result<(), ReadError> {
        if bytes.is_empty() {
            return self.finish_line(deliver);
        }
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.unfinished.len() + part.len() > ROW_MAX {
                return Err(error(self.lines + 1, LINE_WANTED, String::new()));
            }
            self.unfinished.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.finish_line(deliver)?;
            }
        }
        Ok(())
    }

    fn finish_line(&mut self, deliver: &mut dyn FnMut(Row)) -> Result<(), ReadError> {
        let bytes = std::mem::take(&mut self.unfinished);
        self.lines += 1;
        let line = self.lines;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| error(line, "the text is not UTF-8", String::new()))?;
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Ok(());
        }
        deliver(match serde_json::from_str(text) {
            Ok(value) => value_row(line, None, value),
            Err(error) => Row {
                line,
                source: Source::Text(text.to_owned()),
                user: Err(vec![FieldError::whole(format!(
                    "Write one JSON object ({error})."
                ))]),
            },
        });
        Ok(())
    }
}

/// A reader that turns the entries of an object into rows, without holding the whole object.
#[derive(Default)]
pub(crate) struct ObjectReader {
    state: State,
    /// The beginning of the unfinished entry, from its first character that is not white space.
    unfinished: Vec<u8>,
    /// The number of line ends before the entry.
    lines_before: u32,
    /// The number of line ends in the entry so far.
    lines_within: u32,
    /// The number of open braces and brackets in the entry.
    depth: u32,
    in_string: bool,
    /// Whether the previous byte was a backslash that escapes the next one.
    is_escaped: bool,
    entries: u32,
}

/// The position of the next byte relative to the object.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Before,
    Inside,
    After,
}

impl ObjectReader {
    /// Reads the next chunk and delivers each row that ends in it. An empty chunk ends the file.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        deliver: &mut dyn FnMut(Row),
    ) -> Result<(), ReadError> {
        for byte in bytes {
            self.byte(*byte, deliver)?;
        }
        if bytes.is_empty() && self.state != State::After {
            return Err(self.expected("the end of the object"));
        }
        Ok(())
    }

    fn byte(&mut self, byte: u8, deliver: &mut dyn FnMut(Row)) -> Result<(), ReadError> {
        let is_space = byte.is_ascii_whitespace();
        match self.state {
            // A byte order mark may precede the object.
            State::Before if is_space || b"\xef\xbb\xbf".contains(&byte) => {}
            State::Before if byte == b'{' => self.state = State::Inside,
            State::Before => return Err(self.expected("an object of users")),
            State::After if is_space => {}
            State::After => return Err(self.expected("nothing after the object")),
            State::Inside => return self.byte_inside(byte, deliver),
        }
        self.lines_before += u32::from(byte == b'\n');
        Ok(())
    }

    fn byte_inside(&mut self, byte: u8, deliver: &mut dyn FnMut(Row)) -> Result<(), ReadError> {
        if self.depth == 0 && !self.in_string && matches!(byte, b',' | b'}') {
            let is_empty_object = byte == b'}' && self.entries == 0 && self.unfinished.is_empty();
            if !is_empty_object {
                self.finish_entry(deliver)?;
            }
            if byte == b'}' {
                self.state = State::After;
            }
            return Ok(());
        }
        if self.unfinished.is_empty() && byte.is_ascii_whitespace() {
            self.lines_before += u32::from(byte == b'\n');
            return Ok(());
        }
        if self.unfinished.len() == ROW_MAX {
            return Err(self.expected("the end of the entry"));
        }
        self.unfinished.push(byte);
        self.lines_within += u32::from(byte == b'\n');
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' => self.is_escaped = self.in_string,
            b'"' => self.in_string = !self.in_string,
            b'{' | b'[' if !self.in_string => self.depth += 1,
            b'}' | b']' if !self.in_string => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        Ok(())
    }

    /// Parses and delivers a complete entry.
    fn finish_entry(&mut self, deliver: &mut dyn FnMut(Row)) -> Result<(), ReadError> {
        let line = self.lines_before + 1;
        let object = [b"{", self.unfinished.as_slice(), b"}"].concat();
        let entry: Map<String, Value> = serde_json::from_slice(&object).map_err(|syntax| {
            let text = syntax.to_string();
            // The parser counts lines from the beginning of the entry.
            let detail = text.split(" at line ").next().unwrap_or_default();
            let within = syntax.line().saturating_sub(1) as u32;
            error(line + within, OBJECT_WANTED, detail.to_owned())
        })?;
        let Some((key, value)) = entry.into_iter().next() else {
            return Err(self.expected("a user"));
        };
        deliver(value_row(line, Some(key), value));
        self.entries += 1;
        self.unfinished.clear();
        self.lines_before += std::mem::take(&mut self.lines_within);
        Ok(())
    }

    fn expected(&self, what: &str) -> ReadError {
        let line = self.lines_before + self.lines_within + 1;
        error(line, OBJECT_WANTED, format!("expected {what}"))
    }
}

fn error(line: u32, what: &'static str, detail: String) -> ReadError {
    ReadError { line, what, detail }
}

fn value_row(line: u32, key: Option<String>, value: Value) -> Row {
    let user = match &value {
        Value::Object(fields) => {
            let text = |name| fields.get(name).and_then(Value::as_str).unwrap_or_default();
            user(
                entry_id(fields.get(field::ID), key.as_deref()),
                text(field::NICKNAME),
                text(field::MAIL_ADDRESS),
                text(field::USER_TYPE),
            )
        }
        _ => Err(vec![FieldError::whole("Write a JSON object.")]),
    };
    Row {
        line,
        source: Source::Value(key, value),
        user,
    }
}

/// Returns the id of an entry: its `id` field, which must equal the key, or else the key.
fn entry_id(value: Option<&Value>, key: Option<&str>) -> Result<u32, &'static str> {
    let id = match value {
        None | Some(Value::Null) => return key.map_or(Ok(0), parse_id),
        Some(value) => parse_id(&value.to_string())?,
    };
    match key {
        Some(key) if key != id.to_string() => Err("The id must equal the key."),
        _ => Ok(id),
    }
}
