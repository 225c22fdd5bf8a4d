//! JSON: an object on each line, or the predecessor's one object of users.

use serde_json::{Map, Value};

use crate::field;
use crate::read::{ID_WANTED, ROW_MAX, ReadError, Row, Source, parse_id, user, whole};

/// Makes rows of lines.
#[derive(Default)]
pub(crate) struct LineReader {
    /// Of the line that is not whole yet.
    begun: Vec<u8>,
    /// Lines before it.
    lines: u32,
}

impl LineReader {
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        deliver: &mut dyn FnMut(Row),
    ) -> Result<(), ReadError> {
        if bytes.is_empty() {
            let last = std::mem::take(&mut self.begun);
            return self.line(&last, deliver);
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.begun.len() + piece.len() > ROW_MAX {
                return Err(error(self.lines + 1, LINE_WANTED, String::new()));
            }
            self.begun.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.begun);
                self.line(&line, deliver)?;
            }
        }
        Ok(())
    }

    fn line(&mut self, bytes: &[u8], deliver: &mut dyn FnMut(Row)) -> Result<(), ReadError> {
        self.lines += 1;
        let line = self.lines;
        let text =
            std::str::from_utf8(bytes).map_err(|_| error(line, "no UTF-8", String::new()))?;
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Ok(());
        }
        deliver(match serde_json::from_str(text) {
            Ok(value) => value_row(line, None, value),
            Err(error) => Row {
                line,
                source: Source::Text(text.to_owned()),
                user: Err(whole(format!("Write one JSON object ({error})."))),
            },
        });
        Ok(())
    }
}

/// Makes rows of the entries of an object.
#[derive(Default)]
pub(crate) struct ObjectReader {
    place: Place,
    /// Of the entry that is not whole yet, from its first character that is no space.
    begun: Vec<u8>,
    /// Line ends before it, and in it.
    lines_before: u32,
    lines_within: u32,
    /// Braces and brackets that are open within the entry.
    depth: u32,
    in_text: bool,
    is_escaped: bool,
    entries: u32,
}

/// Where the next byte stands, seen from the object.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Before,
    Within,
    Behind,
}

impl ObjectReader {
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        deliver: &mut dyn FnMut(Row),
    ) -> Result<(), ReadError> {
        for byte in bytes {
            self.byte(*byte, deliver)?;
        }
        if bytes.is_empty() && self.place != Place::Behind {
            return Err(self.expected("the end of the object"));
        }
        Ok(())
    }

    fn byte(&mut self, byte: u8, deliver: &mut dyn FnMut(Row)) -> Result<(), ReadError> {
        let is_space = byte.is_ascii_whitespace();
        match self.place {
            // With a byte order mark.
            Place::Before if is_space || b"\xef\xbb\xbf".contains(&byte) => {}
            Place::Before if byte == b'{' => self.place = Place::Within,
            Place::Before => return Err(self.expected("an object of users")),
            Place::Behind if is_space => {}
            Place::Behind => return Err(self.expected("nothing behind the object")),
            Place::Within => return self.within(byte, deliver),
        }
        self.lines_before += u32::from(byte == b'\n');
        Ok(())
    }

    fn within(&mut self, byte: u8, deliver: &mut dyn FnMut(Row)) -> Result<(), ReadError> {
        if self.depth == 0 && !self.in_text && matches!(byte, b',' | b'}') {
            let is_empty_object = byte == b'}' && self.entries == 0 && self.begun.is_empty();
            if !is_empty_object {
                self.entry(deliver)?;
            }
            if byte == b'}' {
                self.place = Place::Behind;
            }
            return Ok(());
        }
        if self.begun.is_empty() && byte.is_ascii_whitespace() {
            self.lines_before += u32::from(byte == b'\n');
            return Ok(());
        }
        if self.begun.len() == ROW_MAX {
            return Err(self.expected("the end of the entry"));
        }
        self.begun.push(byte);
        self.lines_within += u32::from(byte == b'\n');
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' => self.is_escaped = self.in_text,
            b'"' => self.in_text = !self.in_text,
            b'{' | b'[' if !self.in_text => self.depth += 1,
            b'}' | b']' if !self.in_text => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        Ok(())
    }

    /// An entry is whole.
    fn entry(&mut self, deliver: &mut dyn FnMut(Row)) -> Result<(), ReadError> {
        let line = self.lines_before + 1;
        let object = [b"{", self.begun.as_slice(), b"}"].concat();
        let entry: Map<String, Value> = serde_json::from_slice(&object).map_err(|refused| {
            let text = refused.to_string();
            // The parser counts from where the entry begins.
            let what = text.split(" at line ").next().unwrap_or_default();
            let within = refused.line().saturating_sub(1) as u32;
            error(line + within, OBJECT_WANTED, what.to_owned())
        })?;
        let Some((key, value)) = entry.into_iter().next() else {
            return Err(self.expected("a user"));
        };
        deliver(value_row(line, Some(key), value));
        self.entries += 1;
        self.begun.clear();
        self.lines_before += std::mem::take(&mut self.lines_within);
        Ok(())
    }

    fn expected(&self, what: &str) -> ReadError {
        let line = self.lines_before + self.lines_within + 1;
        error(line, OBJECT_WANTED, format!("expected {what}"))
    }
}

const LINE_WANTED: &str = "the line has no end; is this a file with an object on each line?";
const OBJECT_WANTED: &str = "the file must be one object of users, keyed by the id as text";

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
        _ => Err(whole("Write an object.".to_owned())),
    };
    Row {
        line,
        source: Source::Value(key, value),
        user,
    }
}

/// The id that stands in an object, or else is its key.
fn entry_id(value: Option<&Value>, key: Option<&str>) -> Result<u32, &'static str> {
    match (value, key) {
        (None | Some(Value::Null), key) => key.map_or(Ok(0), parse_id),
        (Some(value), key) => {
            let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
            match (id, key) {
                (Some(id), Some(key)) if id.to_string() != key => Err("The id must be the key."),
                (Some(id), _) => Ok(id),
                (None, _) => Err(ID_WANTED),
            }
        }
    }
}
