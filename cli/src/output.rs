//! Printing users and positions, each as it comes.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use soundstage_formats::user_object;
use soundstage_proto::position::{Character, Pos, Sample};
use soundstage_proto::user::User;
use unicode_width::UnicodeWidthStr as _;

use crate::client::OutputFormat;
use crate::failure::Failure;

/// Prints rows, the heading before the first.
pub(crate) struct Printer {
    format: OutputFormat,
    heading_due: bool,
}

impl Printer {
    pub(crate) fn new(format: OutputFormat) -> Self {
        Self {
            format,
            heading_due: format == OutputFormat::Table,
        }
    }

    pub(crate) fn user(&mut self, user: &User) -> Result<(), Failure> {
        let user_type = user.user_type().as_str_name();
        match self.format {
            OutputFormat::Json => line(user_object(user)),
            OutputFormat::Table => {
                if std::mem::take(&mut self.heading_due) {
                    line(format_args!(
                        "{:>10}  {:<13}  {:<24}  MAIL ADDRESS",
                        "ID", "TYPE", "NICKNAME"
                    ))?;
                }
                line(format_args!(
                    "{:>10}  {user_type:<13}  {}  {}",
                    user.id,
                    padded(&user.nickname),
                    user.mail_address
                ))
            }
        }
    }

    pub(crate) fn position(&mut self, position: &Pos) -> Result<(), Failure> {
        let Pos { x, y, z } = *position;
        match self.format {
            OutputFormat::Json => line(json!({ "x": x, "y": y, "z": z })),
            OutputFormat::Table => {
                if std::mem::take(&mut self.heading_due) {
                    line(format_args!(
                        "{:>9}  {:>9}  {:>9}   metres; x forward, y left, z up",
                        "X", "Y", "Z"
                    ))?;
                }
                line(format_args!("{x:>9.3}  {y:>9.3}  {z:>9.3}"))
            }
        }
    }

    /// Where a character was.
    pub(crate) fn sample(&mut self, character: &Character, sample: &Sample) -> Result<(), Failure> {
        let Pos { x, y, z } = sample.position.unwrap_or_default();
        match self.format {
            OutputFormat::Json => line(json!({
                "character": character.id, "name": character.name, "user_id": character.user_id, "stale": character.stale,
                "epoch": sample.epoch, "sequence": sample.sequence, "time_ms": sample.time_ms, "x": x, "y": y, "z": z,
            })),
            OutputFormat::Table => {
                if std::mem::take(&mut self.heading_due) {
                    line(format_args!(
                        "{:>6}  {:<24}  {:>9}  {:>9}  {:>9}   metres; x forward, y left, z up",
                        "ID", "NAME", "X", "Y", "Z"
                    ))?;
                }
                let stale = if character.stale { "   stale" } else { "" };
                line(format_args!(
                    "{:>6}  {}  {x:>9.3}  {y:>9.3}  {z:>9.3}{stale}",
                    character.id,
                    padded(&character.name)
                ))
            }
        }
    }

    /// A character has left.
    pub(crate) fn left(&mut self, character: &Character) -> Result<(), Failure> {
        match self.format {
            OutputFormat::Json => {
                line(json!({ "character": character.id, "name": character.name, "left": true }))
            }
            OutputFormat::Table => line(format_args!(
                "{:>6}  {}  left",
                character.id,
                padded(&character.name)
            )),
        }
    }

    pub(crate) fn count(&self, count: u32) -> Result<(), Failure> {
        match self.format {
            OutputFormat::Json => line(json!({ "count": count })),
            OutputFormat::Table => line(count),
        }
    }
}

/// A name in its column. By display width: a Japanese character takes two columns.
fn padded(name: &str) -> String {
    format!(
        "{name}{}",
        " ".repeat(24_usize.saturating_sub(name.width()))
    )
}

/// What a file is called until it is whole.
pub(crate) fn partial(path: &Path) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(".partial");
    name.into()
}

/// Prints a line.
pub(crate) fn line(content: impl std::fmt::Display) -> Result<(), Failure> {
    // Standard output is flushed at each line end, so a row is seen as soon as it is there.
    writeln!(std::io::stdout(), "{content}").map_err(Failure::output)
}
