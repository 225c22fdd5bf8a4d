//! `soundstage user export`: users into a file or a pipe.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use soundstage_formats::{Format, Writer};
use soundstage_proto::user::{ExportUsersRequest, ListUsersRequest};

use super::Users;
use super::filter::FilterArgs;
use crate::client::ClientArgs;
use crate::failure::Failure;
use crate::output::partial;

#[derive(Args)]
pub(crate) struct ExportArgs {
    /// The file to write, or - for standard output
    #[arg(default_value = "-")]
    file: PathBuf,
    /// The format, if the file's extension does not say it [default for standard output: ndjson]
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    filter: FilterArgs,
}

pub(crate) async fn run(
    users: Users,
    args: &ClientArgs,
    export: ExportArgs,
) -> Result<(), Failure> {
    if export.file == Path::new("-") {
        let format = export.format.unwrap_or(Format::Ndjson);
        let output = BufWriter::new(io::stdout());
        return write(users, args, &export.filter, format, output)
            .await
            .map(drop);
    }
    let format = export.format.or_else(|| Format::of(&export.file));
    let format = format.ok_or_else(|| {
        Failure::Usage("name a file that ends in .json, .csv or .ndjson, or say --format".into())
    })?;
    // The file is there whole or not at all.
    let partial = partial(&export.file);
    let output = BufWriter::new(File::create(&partial).map_err(Failure::output)?);
    let written = tokio::select! {
        written = write(users, args, &export.filter, format, output) => written,
        _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted("nothing was written".into())),
    };
    match written {
        Ok(count) => {
            fs::rename(&partial, &export.file).map_err(Failure::output)?;
            eprintln!("{count} users in {}", export.file.display());
            Ok(())
        }
        Err(failure) => {
            // What is left of it would only be in the way; the failure is what matters.
            let _ = fs::remove_file(&partial);
            Err(failure)
        }
    }
}

async fn write(
    mut users: Users,
    args: &ClientArgs,
    filter: &FilterArgs,
    format: Format,
    mut output: impl Write,
) -> Result<u64, Failure> {
    let count = ListUsersRequest {
        page_size: 1,
        filter: Some(filter.message()),
        ..ListUsersRequest::default()
    };
    let page = users.list_users(args.request(count)).await?.into_inner();
    let bar = progress_bar(page.total_size, page.total_is_lower_bound);
    let request = ExportUsersRequest {
        filter: Some(filter.message()),
    };
    let mut answers = users
        .export_users(args.request(request))
        .await?
        .into_inner();
    let mut writer = Writer::new(format);
    let mut text = String::new();
    let mut count = 0;
    while let Some(user) = answers.message().await? {
        text.clear();
        writer.user(&user, &mut text);
        output.write_all(text.as_bytes()).map_err(Failure::output)?;
        count += 1;
        bar.inc(1);
    }
    text.clear();
    writer.finish(&mut text);
    output.write_all(text.as_bytes()).map_err(Failure::output)?;
    output.flush().map_err(Failure::output)?;
    bar.finish_and_clear();
    Ok(count)
}

/// Seen on a terminal, and nowhere else.
fn progress_bar(total: u32, is_lower_bound: bool) -> ProgressBar {
    let bar = if is_lower_bound {
        ProgressBar::new_spinner()
    } else {
        ProgressBar::new(total.into())
    };
    let template = "{wide_bar} {human_pos} of {human_len} users  {per_sec}";
    // The template is ours, and right.
    if let (false, Ok(style)) = (is_lower_bound, ProgressStyle::with_template(template)) {
        bar.set_style(style);
    }
    bar
}
