//! `soundstage user …`: a command for each method of `UserManager`.

mod export;
mod filter;
mod import;
mod watch;

use std::collections::HashSet;
use std::path::Path;

use clap::{ArgGroup, Args, Subcommand};
use prost_types::FieldMask;
use soundstage_formats::Format;
use soundstage_proto::user::user_manager_client::UserManagerClient;
use soundstage_proto::user::{
    DeleteUserRequest, ListUsersRequest, UpdateUserRequest, User, UserFilter, UserRequest,
    UserResponse, UserTypeRequest,
};
use soundstage_proto::{UserType, user_types};
use tonic::transport::Channel;
use tonic::{Code, Response, Status, Streaming};

use crate::client::ClientArgs;
use crate::failure::Failure;
use crate::ids::IdArgs;
use crate::output::{OutputFormat, Printer};

use export::ExportArgs;
use filter::{FilterArgs, OrderArgs};
use import::ImportArgs;
use watch::WatchArgs;

#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Print a user
    Get {
        /// The user's id
        id: u32,
    },
    /// Add a user
    Add(AddArgs),
    /// Change fields of a user
    Update(UpdateArgs),
    /// Delete a user and print the user's last state
    Delete {
        /// The user's id
        id: u32,
        /// Fail if the user has changed since this revision
        #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
        revision: i64,
    },
    /// Print all users, or the users that match a filter
    List {
        #[command(flatten)]
        filter: FilterArgs,
        #[command(flatten)]
        order: OrderArgs,
    },
    /// Search users by a part of the nickname or mail address, or by id
    Search {
        /// The text or id to find; letter case and character width do not matter
        text: String,
        #[command(flatten)]
        order: OrderArgs,
    },
    /// Print changes of users as they happen
    Watch(WatchArgs),
    /// Import users from a file
    Import(ImportArgs),
    /// Export users to a file
    Export(ExportArgs),
    /// Print how many of the ids exist
    Count(IdArgs),
    /// Print the users of one type
    ByType {
        /// The type: normal, administrator, guest or disabled
        #[arg(value_name = "TYPE", value_parser = parse_user_type)]
        user_type: UserType,
    },
    /// Look up ids one at a time and print each user that exists
    ByIds(IdArgs),
}

#[derive(Args)]
pub(crate) struct AddArgs {
    /// The id [default: the server picks a free one]
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    id: u32,
    /// The nickname, 1 to 64 characters
    #[arg(long)]
    nickname: String,
    /// The mail address, such as name@example.com
    #[arg(long, value_name = "ADDRESS")]
    mail_address: String,
    /// The type: normal, administrator, guest or disabled
    #[arg(long = "type", value_name = "TYPE", default_value = "normal", value_parser = parse_user_type)]
    user_type: UserType,
}

#[derive(Args)]
#[command(group(ArgGroup::new("fields").required(true).multiple(true).args(["nickname", "mail_address", "user_type"])))]
pub(crate) struct UpdateArgs {
    /// The user's id
    id: u32,
    /// The new nickname, 1 to 64 characters
    #[arg(long)]
    nickname: Option<String>,
    /// The new mail address, such as name@example.com
    #[arg(long, value_name = "ADDRESS")]
    mail_address: Option<String>,
    /// The new type: normal, administrator, guest or disabled
    #[arg(long = "type", value_name = "TYPE", value_parser = parse_user_type)]
    user_type: Option<UserType>,
    /// Fail if the user has changed since this revision
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    revision: i64,
}

fn parse_user_type(name: &str) -> Result<UserType, &'static str> {
    user_types::parse(name).ok_or("choose normal, administrator, guest or disabled")
}

/// Runs a command against the server.
pub(crate) async fn run(
    command: UserCommand,
    args: ClientArgs,
    output: OutputFormat,
) -> Result<(), Failure> {
    let users = UserManagerClient::new(args.connect().await?);
    let printer = Printer::new(output);
    match command {
        UserCommand::Get { id } => get(users, &args, printer, id).await,
        UserCommand::Add(user) => add(users, &args, printer, user).await,
        UserCommand::Update(update) => update_user(users, &args, printer, update).await,
        UserCommand::Delete { id, revision } => delete(users, &args, printer, id, revision).await,
        UserCommand::List { filter, order } => {
            list(users, &args, printer, filter.message(), order).await
        }
        UserCommand::Search { text, order } => {
            let filter = UserFilter {
                search: text,
                ..UserFilter::default()
            };
            list(users, &args, printer, filter, order).await
        }
        UserCommand::Watch(watch) => watch::run(users, &args, output, watch).await,
        UserCommand::Import(import) => import::run(users, &args, output, import).await,
        UserCommand::Export(export) => export::run(users, &args, export).await,
        UserCommand::Count(ids) => count(users, &args, &printer, ids).await,
        UserCommand::ByType { user_type } => by_type(users, &args, printer, user_type).await,
        UserCommand::ByIds(ids) => by_ids(users, &args, printer, ids).await,
    }
}

type Users = UserManagerClient<Channel>;

/// Returns the format of a file: the given format, else the format of the extension, else NDJSON for a pipe.
fn file_format(file: &Path, given: Option<Format>) -> Result<Format, Failure> {
    match given.or_else(|| Format::of(file)) {
        Some(format) => Ok(format),
        None if file == Path::new("-") => Ok(Format::Ndjson),
        None => Err(Failure::Usage(
            "name a file that ends in .json, .csv or .ndjson, or choose a format with --format"
                .into(),
        )),
    }
}

async fn get(
    mut users: Users,
    args: &ClientArgs,
    mut printer: Printer,
    id: u32,
) -> Result<(), Failure> {
    let response = users
        .get_user(args.request(UserRequest { id }))
        .await?
        .into_inner();
    printer.user(&user_or(response, Failure::NotFound(id))?)
}

async fn add(
    mut users: Users,
    args: &ClientArgs,
    mut printer: Printer,
    add: AddArgs,
) -> Result<(), Failure> {
    let AddArgs {
        id,
        nickname,
        mail_address,
        user_type,
    } = add;
    let user = User {
        id,
        nickname,
        mail_address,
        user_type: user_type.into(),
        ..User::default()
    };
    let response = users.add_user(args.request(user)).await?.into_inner();
    printer.user(&user_or(response, Failure::AlreadyExists(id))?)
}

async fn update_user(
    mut users: Users,
    args: &ClientArgs,
    mut printer: Printer,
    update: UpdateArgs,
) -> Result<(), Failure> {
    let fields = [
        ("nickname", update.nickname.is_some()),
        ("mail_address", update.mail_address.is_some()),
        ("user_type", update.user_type.is_some()),
    ];
    let paths = fields.iter().filter(|(_, is_set)| *is_set);
    let request = UpdateUserRequest {
        update_mask: Some(FieldMask {
            paths: paths.map(|(name, _)| (*name).to_owned()).collect(),
        }),
        user: Some(User {
            id: update.id,
            nickname: update.nickname.unwrap_or_default(),
            mail_address: update.mail_address.unwrap_or_default(),
            user_type: update.user_type.unwrap_or_default().into(),
            revision: update.revision,
            ..User::default()
        }),
    };
    let user = users.update_user(args.request(request)).await;
    printer.user(&changed(user, update.id)?)
}

async fn delete(
    mut users: Users,
    args: &ClientArgs,
    mut printer: Printer,
    id: u32,
    revision: i64,
) -> Result<(), Failure> {
    let request = DeleteUserRequest { id, revision };
    let user = users.delete_user(args.request(request)).await;
    printer.user(&changed(user, id)?)
}

/// Returns the user of a response to a change.
fn changed(response: Result<Response<User>, Status>, id: u32) -> Result<User, Failure> {
    response
        .map(Response::into_inner)
        .map_err(|status| match status.code() {
            Code::NotFound => Failure::NotFound(id),
            _ => status.into(),
        })
}

/// Returns the user of a response. Fails with `in_band` if the response has its `error` flag set.
fn user_or(response: UserResponse, in_band: Failure) -> Result<User, Failure> {
    if response.error {
        Err(in_band)
    } else {
        response.user.ok_or(Failure::IncompleteResponse)
    }
}

async fn list(
    mut users: Users,
    args: &ClientArgs,
    mut printer: Printer,
    filter: UserFilter,
    order: OrderArgs,
) -> Result<(), Failure> {
    let mut remaining = order.limit.unwrap_or(usize::MAX);
    let mut page_token = String::new();
    let mut seen_tokens = HashSet::new();
    while remaining > 0 {
        let request = ListUsersRequest {
            page_size: i32::try_from(remaining.min(1000)).unwrap_or_default(),
            page_token: page_token.clone(),
            filter: Some(filter.clone()),
            order: order.number(),
            descending: order.descending,
            skip: 0,
        };
        let page = users.list_users(args.request(request)).await?.into_inner();
        page.users.iter().try_for_each(|user| printer.user(user))?;
        remaining -= page.users.len().min(remaining);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
        if !seen_tokens.insert(page_token.clone()) {
            return Err(Failure::RepeatedPage);
        }
    }
    Ok(())
}

async fn count(
    mut users: Users,
    args: &ClientArgs,
    printer: &Printer,
    ids: IdArgs,
) -> Result<(), Failure> {
    let (requests, id_failure) = ids.requests();
    let response = users
        .count_already_users(args.request(requests))
        .await?
        .into_inner();
    id_failure.check()?;
    printer.count(response.user_cnt)
}

async fn by_type(
    mut users: Users,
    args: &ClientArgs,
    printer: Printer,
    user_type: UserType,
) -> Result<(), Failure> {
    let user_type = i32::from(user_type);
    let responses = users
        .get_users_by_type(args.request(UserTypeRequest { user_type }))
        .await?
        .into_inner();
    print_all(responses, printer).await
}

async fn by_ids(
    mut users: Users,
    args: &ClientArgs,
    printer: Printer,
    ids: IdArgs,
) -> Result<(), Failure> {
    let (requests, id_failure) = ids.requests();
    let responses = users
        .get_users_by_ids(args.request(requests))
        .await?
        .into_inner();
    print_all(responses, printer).await?;
    id_failure.check()
}

async fn print_all(
    mut responses: Streaming<UserResponse>,
    mut printer: Printer,
) -> Result<(), Failure> {
    while let Some(response) = responses.message().await? {
        printer.user(&response.user.ok_or(Failure::IncompleteResponse)?)?;
    }
    Ok(())
}
