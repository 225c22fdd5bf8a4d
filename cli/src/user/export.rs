//! `soundstage user export`: writes users to a file or a pipe.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use soundstage_formats::{Format, Writer};
use soundstage_proto::user::{ExportUsersRequest, ListUsersRequest};

use super::filter::FilterArgs;
use super::{Users, file_format};
use crate::client::ClientArgs;
use crate::failure::Failure;
use crate::output::progress_bar;
use crate::output_file::OutputFile;
use crate::plural::counted;

#[derive(Args)]
pub(crate) struct ExportArgs {
    /// The file to write, or - for standard output
    #[arg(default_value = "-")]
    file: PathBuf,
    /// File format [default: the file's extension; ndjson for standard output]
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
    let format = file_format(&export.file, export.format)?;
    if export.file == Path::new("-") {
        let output = BufWriter::new(io::stdout());
        return write(users, args, &export.filter, format, output)
            .await
            .map(drop);
    }
    let in_file = |error| Failure::file(&export.file, error);
    let mut file = OutputFile::create(&export.file).map_err(in_file)?;
    let output = BufWriter::new(&mut file);
    let count = tokio::select! {
        written = write(users, args, &export.filter, format, output) => written?,
        _ = tokio::signal::ctrl_c() => return Err(Failure::Interrupted("no file was written".into())),
    };
    file.complete().map_err(in_file)?;
    eprintln!(
        "exported {} to {}",
        counted(count, "user"),
        export.file.display()
    );
    Ok(())
}

/// Writes the users that match the filter and returns their number.
async fn write(
    mut users: Users,
    args: &ClientArgs,
    filter: &FilterArgs,
    format: Format,
    mut output: impl Write,
) -> Result<u64, Failure> {
    let first_user = ListUsersRequest {
        page_size: 1,
        filter: Some(filter.message()),
        ..ListUsersRequest::default()
    };
    let page = users
        .list_users(args.request(first_user))
        .await?
        .into_inner();
    let total = (!page.total_is_lower_bound).then_some(page.total_size.into());
    let bar = progress_bar(
        total,
        "{wide_bar} {human_pos} of {human_len}  {per_sec}",
        "{spinner} {human_pos}  {per_sec}",
    );
    let request = ExportUsersRequest {
        filter: Some(filter.message()),
    };
    let mut exported = users
        .export_users(args.request(request))
        .await?
        .into_inner();
    let mut writer = Writer::new(format);
    let mut text = String::new();
    let mut count = 0;
    while let Some(user) = exported.message().await? {
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
