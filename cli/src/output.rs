//! Printing users and positions as they arrive.

use std::fmt::Display;
use std::io::Write as _;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use soundstage_formats::user_object;
use soundstage_proto::position::{Character, Pos, Sample};
use soundstage_proto::user::User;
use unicode_width::UnicodeWidthStr as _;

use crate::escape::Escaped;
use crate::failure::Failure;

/// The output format of responses.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    #[default]
    Table,
    Json,
}

/// Prints rows, with a heading before the first row of a table.
pub(crate) struct Printer {
    format: OutputFormat,
    needs_heading: bool,
}

impl Printer {
    pub(crate) fn new(format: OutputFormat) -> Self {
        Self {
            format,
            needs_heading: format == OutputFormat::Table,
        }
    }

    /// Prints a user.
    pub(crate) fn user(&mut self, user: &User) -> Result<(), Failure> {
        let user_type = user.user_type().as_str_name();
        match self.format {
            OutputFormat::Json => line(user_object(user)),
            OutputFormat::Table => {
                self.heading(format_args!(
                    "{:>10}  {:<13}  {:<24}  MAIL ADDRESS",
                    "ID", "TYPE", "NICKNAME"
                ))?;
                line(format_args!(
                    "{:>10}  {user_type:<13}  {}  {}",
                    user.id,
                    padded(&user.nickname),
                    user.mail_address
                ))
            }
        }
    }

    /// Prints a position of the default character.
    pub(crate) fn position(&mut self, position: &Pos) -> Result<(), Failure> {
        let Pos { x, y, z } = *position;
        match self.format {
            OutputFormat::Json => line(json!({ "x": x, "y": y, "z": z })),
            OutputFormat::Table => {
                self.heading(format_args!(
                    "{:>9}  {:>9}  {:>9}   metres; x forward, y left, z up",
                    "X", "Y", "Z"
                ))?;
                line(format_args!("{x:>9.3}  {y:>9.3}  {z:>9.3}"))
            }
        }
    }

    /// Prints a position of a character.
    pub(crate) fn sample(&mut self, character: &Character, sample: &Sample) -> Result<(), Failure> {
        let Pos { x, y, z } = sample.position.unwrap_or_default();
        match self.format {
            OutputFormat::Json => line(json!({
                "character": character.id, "name": character.name, "user_id": character.user_id, "stale": character.stale,
                "epoch": sample.epoch, "sequence": sample.sequence, "time_ms": sample.time_ms, "x": x, "y": y, "z": z,
            })),
            OutputFormat::Table => {
                self.heading(format_args!(
                    "{:>6}  {:<24}  {:>9}  {:>9}  {:>9}   metres; x forward, y left, z up",
                    "ID", "NAME", "X", "Y", "Z"
                ))?;
                let stale = if character.stale { "   stale" } else { "" };
                line(format_args!(
                    "{:>6}  {}  {x:>9.3}  {y:>9.3}  {z:>9.3}{stale}",
                    character.id,
                    padded(&character.name)
                ))
            }
        }
    }

    /// Prints that a character has left.
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

    /// Prints a number.
    pub(crate) fn count(&self, count: u32) -> Result<(), Failure> {
        match self.format {
            OutputFormat::Json => line(json!({ "count": count })),
            OutputFormat::Table => line(count),
        }
    }

    fn heading(&mut self, heading: std::fmt::Arguments<'_>) -> Result<(), Failure> {
        if std::mem::take(&mut self.needs_heading) {
            line(heading)
        } else {
            Ok(())
        }
    }
}

/// Pads a name to its column by display width: a Japanese character is two columns wide.
fn padded(name: &str) -> String {
    format!(
        "{name}{}",
        " ".repeat(24_usize.saturating_sub(name.width()))
    )
}

/// Returns a bar for a known length, or a spinner. indicatif draws them on a terminal only.
pub(crate) fn progress_bar(length: Option<u64>, bar: &str, spinner: &str) -> ProgressBar {
    let (progress, template) = match length {
        Some(length) => (ProgressBar::new(length), bar),
        None => (ProgressBar::new_spinner(), spinner),
    };
    // The templates are constants of this program, so they are valid.
    match ProgressStyle::with_template(template) {
        Ok(style) => progress.with_style(style),
        Err(_) => progress,
    }
}

/// Prints a line, [`Escaped`]. Standard output is line buffered, so the line is visible at once.
pub(crate) fn line(content: impl Display) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{}", Escaped(content)).map_err(Failure::output)
}
