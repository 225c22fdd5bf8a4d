//! Writing users, and rows that were refused.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use soundstage_proto::user::User;

use super::read::{Fault, Row, Source};
use super::{Format, field};

/// Writes users in a format, each as it comes.
pub(crate) struct Writer<W: Write> {
    kind: Kind<W>,
}

enum Kind<W: Write> {
    Json { output: W, is_first: bool },
    Csv(Box<csv::Writer<W>>),
    Ndjson(W),
}

impl<W: Write> Writer<W> {
    pub(crate) fn new(format: Format, output: W) -> io::Result<Self> {
        let kind = match format {
            Format::Json => Kind::Json {
                output,
                is_first: true,
            },
            Format::Ndjson => Kind::Ndjson(output),
            Format::Csv => {
                let mut csv = csv::Writer::from_writer(output);
                csv.write_record([
                    field::ID,
                    field::NICKNAME,
                    field::MAIL_ADDRESS,
                    field::USER_TYPE,
                    "created_ms",
                    "updated_ms",
                    "revision",
                ])?;
                Kind::Csv(Box::new(csv))
            }
        };
        Ok(Self { kind })
    }

    pub(crate) fn user(&mut self, user: &User) -> io::Result<()> {
        let user_type = user.user_type().as_str_name();
        match &mut self.kind {
            // What the predecessor wrote, and no more: it knows no other fields.
            Kind::Json { output, is_first } => {
                let separator = if std::mem::take(is_first) {
                    "{\n"
                } else {
                    ",\n"
                };
                let entry = json!({
                    field::ID: user.id,
                    field::NICKNAME: user.nickname,
                    field::MAIL_ADDRESS: user.mail_address,
                    field::USER_TYPE: user_type,
                });
                write!(output, "{separator}\"{}\": {entry}", user.id)
            }
            Kind::Ndjson(output) => writeln!(output, "{}", crate::output::user_object(user)),
            Kind::Csv(csv) => Ok(csv.write_record([
                &user.id.to_string(),
                &user.nickname,
                &user.mail_address,
                user_type,
                &user.created_ms.to_string(),
                &user.updated_ms.to_string(),
                &user.revision.to_string(),
            ])?),
        }
    }

    /// Ends the file.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self.kind {
            Kind::Json {
                mut output,
                is_first,
            } => {
                output.write_all(if is_first { b"{}\n" } else { b"\n}\n" })?;
                output.flush()
            }
            Kind::Ndjson(mut output) => output.flush(),
            Kind::Csv(mut csv) => csv.flush(),
        }
    }
}

/// The rows that were refused, in a file of the format that they came in: to be mended and imported again. Begun with
/// the first of them.
pub(crate) struct RefusedRows {
    path: PathBuf,
    format: Format,
    file: Option<RefusedFile>,
    count: u64,
}

enum RefusedFile {
    Lines(BufWriter<File>),
    Csv(Box<csv::Writer<File>>),
}

impl RefusedRows {
    pub(crate) fn new(path: PathBuf, format: Format) -> Self {
        Self {
            path,
            format,
            file: None,
            count: 0,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Adds a row, with what is wrong with it.
    pub(crate) fn add(&mut self, row: &Row, faults: &[Fault]) -> io::Result<()> {
        let error = sentence(faults);
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(begin(&self.path, &row.source)?),
        };
        match (file, &row.source) {
            (RefusedFile::Csv(csv), Source::Record { headings, values }) => {
                let columns = headings
                    .iter()
                    .enumerate()
                    .filter(|(_, name)| *name != field::ERROR);
                let values = columns.map(|(column, _)| values.get(column).unwrap_or_default());
                csv.write_record(values.chain([error.as_str()]))?;
            }
            (RefusedFile::Lines(lines), source) => match source {
                Source::Value(key, value) => {
                    let value = with_error(value.clone(), error);
                    if self.format == Format::Json {
                        let separator = if self.count == 0 { "{\n" } else { ",\n" };
                        let key = json!(key.as_deref().unwrap_or_default());
                        write!(lines, "{separator}{key}: {value}")?;
                    } else {
                        writeln!(lines, "{value}")?;
                    }
                }
                Source::Text(text) => writeln!(lines, "{text}")?,
                Source::Record { .. } => {}
            },
            // A file has rows of one kind.
            (RefusedFile::Csv(_), _) => {}
        }
        self.count += 1;
        Ok(())
    }

    pub(crate) fn finish(&mut self) -> io::Result<()> {
        match self.file.take() {
            None => Ok(()),
            Some(RefusedFile::Csv(mut csv)) => csv.flush(),
            Some(RefusedFile::Lines(mut lines)) => {
                if self.format == Format::Json {
                    lines.write_all(b"\n}\n")?;
                }
                lines.flush()
            }
        }
    }
}

/// The file for rows such as this one.
fn begin(path: &Path, source: &Source) -> io::Result<RefusedFile> {
    let file = File::create(path)?;
    Ok(match source {
        Source::Record { headings, .. } => {
            let mut csv = csv::Writer::from_writer(file);
            let others = headings.iter().filter(|name| *name != field::ERROR);
            csv.write_record(others.chain([field::ERROR]))?;
            RefusedFile::Csv(Box::new(csv))
        }
        Source::Value(..) | Source::Text(_) => RefusedFile::Lines(BufWriter::new(file)),
    })
}

/// What is wrong with a row, in a line.
pub(crate) fn sentence(faults: &[Fault]) -> String {
    let sentences = faults.iter().map(|fault| match fault.field.as_str() {
        "" => fault.description.clone(),
        field => format!("{field}: {}", fault.description),
    });
    sentences.collect::<Vec<_>>().join(" ")
}

fn with_error(value: Value, error: String) -> Value {
    match value {
        Value::Object(mut fields) => {
            fields.insert(field::ERROR.into(), error.into());
            Value::Object(fields)
        }
        other => {
            let mut fields = Map::new();
            fields.insert("value".into(), other);
            fields.insert(field::ERROR.into(), error.into());
            Value::Object(fields)
        }
    }
}
