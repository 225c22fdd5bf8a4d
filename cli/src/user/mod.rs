//! `soundstage user …`: a command for each method of `UserManager`.

mod export;
mod filter;
mod import;
mod watch;

use clap::{ArgGroup, Args, Subcommand};
use prost_types::FieldMask;
use soundstage_proto::user::user_manager_client::UserManagerClient;
use soundstage_proto::user::{
    DeleteUserRequest, ListUsersRequest, UpdateUserRequest, User, UserFilter, UserRequest,
    UserResponse, UserTypeRequest,
};
use soundstage_proto::{UserType, user_types};
use tonic::transport::Channel;
use tonic::{Code, Response, Status, Streaming};

use crate::client::{ClientArgs, OutputFormat};
use crate::failure::Failure;
use crate::ids::{IdArgs, IdFault};
use crate::output::Printer;

use export::ExportArgs;
use filter::{FilterArgs, OrderArgs};
use import::ImportArgs;
use watch::WatchArgs;

#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Print one user
    Get {
        /// The user's id
        id: u32,
    },
    /// Add a user
    Add(AddArgs),
    /// Change some fields of a user
    Update(UpdateArgs),
    /// Remove a user, and print it as it was
    Delete {
        /// The user's id
        id: u32,
        /// Only if nobody has changed it since this revision
        #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
        revision: i64,
    },
    /// Print users, all or those that are chosen
    List {
        #[command(flatten)]
        filter: FilterArgs,
        #[command(flatten)]
        order: OrderArgs,
    },
    /// Print the users with a text in their nickname or mail address, or with that id
    Search {
        /// Letter case and width make no difference
        text: String,
        #[command(flatten)]
        order: OrderArgs,
    },
    /// Print each change of any user as it happens
    Watch(WatchArgs),
    /// Add the users of a file
    Import(ImportArgs),
    /// Write users to a file
    Export(ExportArgs),
    /// Print how many of these ids exist
    Count(IdArgs),
    /// Print the users of one type as they arrive
    ByType {
        /// normal, administrator, guest or disabled
        #[arg(value_name = "TYPE", value_parser = parse_user_type)]
        user_type: UserType,
    },
    /// Print the users with these ids, each as soon as it is asked for
    ByIds(IdArgs),
}

#[derive(Args)]
pub(crate) struct AddArgs {
    /// The id; without one the server picks the next
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    id: u32,
    /// 1 to 64 characters
    #[arg(long)]
    nickname: String,
    /// Such as name@example.com
    #[arg(long, value_name = "ADDRESS")]
    mail_address: String,
    /// normal, administrator, guest or disabled
    #[arg(long = "type", value_name = "TYPE", default_value = "normal", value_parser = parse_user_type)]
    user_type: UserType,
}

#[derive(Args)]
#[command(group(ArgGroup::new("fields").required(true).multiple(true).args(["nickname", "mail_address", "user_type"])))]
pub(crate) struct UpdateArgs {
    /// The user's id
    id: u32,
    /// 1 to 64 characters
    #[arg(long)]
    nickname: Option<String>,
    /// Such as name@example.com
    #[arg(long, value_name = "ADDRESS")]
    mail_address: Option<String>,
    /// normal, administrator, guest or disabled
    #[arg(long = "type", value_name = "TYPE", value_parser = parse_user_type)]
    user_type: Option<UserType>,
    /// Only if nobody has changed it since this revision
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    revision: i64,
}

fn parse_user_type(name: &str) -> Result<UserType, &'static str> {
    user_types::parse(name).ok_or("choose normal, administrator, guest or disabled")
}

/// Runs one command against the server.
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
    printer.user(&stored(response, Failure::NotFound(id))?)
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
    printer.user(&stored(response, Failure::AlreadyExists(id))?)
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
    let paths = fields.iter().filter(|(_, is_given)| *is_given);
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

/// The user of an answer to a change, or why there is none.
fn changed(answer: Result<Response<User>, Status>, id: u32) -> Result<User, Failure> {
    answer
        .map(Response::into_inner)
        .map_err(|status| match status.code() {
            Code::NotFound => Failure::NotFound(id),
            _ => status.into(),
        })
}

/// The user of an answer, or what the answer's `error` flag stands for in this method.
fn stored(response: UserResponse, in_band: Failure) -> Result<User, Failure> {
    if response.error {
        Err(in_band)
    } else {
        response.user.ok_or(Failure::IncompleteAnswer)
    }
}

async fn list(
    mut users: Users,
    args: &ClientArgs,
    mut printer: Printer,
    filter: UserFilter,
    order: OrderArgs,
) -> Result<(), Failure> {
    let mut left = order.limit.unwrap_or(usize::MAX);
    let mut page_token = String::new();
    while left > 0 {
        let request = ListUsersRequest {
            page_size: i32::try_from(left.min(1000)).unwrap_or_default(),
            page_token,
            filter: Some(filter.clone()),
            order: order.number(),
            descending: order.descending,
            skip: 0,
        };
        let page = users.list_users(args.request(request)).await?.into_inner();
        page.users.iter().try_for_each(|user| printer.user(user))?;
        left -= page.users.len().min(left);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
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
    let (requests, fault) = ids.requests();
    let response = users
        .count_already_users(args.request(requests))
        .await?
        .into_inner();
    fault.check()?;
    printer.count(response.user_cnt)
}

async fn by_type(
    mut users: Users,
    args: &ClientArgs,
    printer: Printer,
    user_type: UserType,
) -> Result<(), Failure> {
    let user_type = i32::from(user_type);
    let answers = users
        .get_users_by_type(args.request(UserTypeRequest { user_type }))
        .await?
        .into_inner();
    print_all(answers, printer).await
}

async fn by_ids(
    mut users: Users,
    args: &ClientArgs,
    printer: Printer,
    ids: IdArgs,
) -> Result<(), Failure> {
    let (requests, fault): (_, IdFault) = ids.requests();
    let answers = users
        .get_users_by_ids(args.request(requests))
        .await?
        .into_inner();
    print_all(answers, printer).await?;
    fault.check()
}

async fn print_all(
    mut answers: Streaming<UserResponse>,
    mut printer: Printer,
) -> Result<(), Failure> {
    while let Some(answer) = answers.message().await? {
        printer.user(&answer.user.ok_or(Failure::IncompleteAnswer)?)?;
    }
    Ok(())
}
