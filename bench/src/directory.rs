//! `directory`: a million users beside a thousand, in one run: importing, reading at the far end, searching, streaming,
//! adding.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use prost::Message as _;
use soundstage_proto::UserType;
use soundstage_proto::user::list_users_request::Order;
use soundstage_proto::user::user_manager_client::UserManagerClient;
use soundstage_proto::user::{
    ExportUsersRequest, ListUsersRequest, User, UserFilter, UserRequest, UserTypeRequest,
};
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

use crate::Result;
use crate::calls::frame;
use crate::load::H2;
use crate::peers;
use crate::process::{Server, peak_memory};

/// Users in the large directory.
const MANY: u32 = 1_000_000;
/// Users in the small one.
const FEW: u32 = 1000;
/// Calls of each kind, of which the median counts, and those before them that do not count.
const CALLS: usize = 301;
const WARM_UP: usize = 20;
/// Times that adding is measured, one caller and 64 in turn.
const ROUNDS: usize = 3;

type Users = UserManagerClient<Channel>;

/// Measures all, and prints it. `script` has Chromium open the page.
pub(crate) fn run(binary: &Path, script: &Path, folder: &Path) -> Result {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let nobody = folder.join("nobody.json");
    fs::write(&nobody, "{}")?;

    let (small, _) = filled(binary, folder, &nobody, FEW)?;
    let (large, imported) = filled(binary, folder, &nobody, MANY)?;

    println!("{MANY} users imported with the command line from CSV");
    println!("  {:<44} {:>10.0} /s", "rate", imported.rate);
    println!(
        "  {:<44} {:>10.1} MB",
        "client's memory at its peak",
        imported.client_memory as f64 / 1e6
    );
    println!(
        "  {:<44} {:>10.1} MB, after a tenth of them {:.1}\n",
        "server's memory at the end",
        imported.server_memory as f64 / 1e6,
        imported.server_memory_early as f64 / 1e6
    );

    runtime.block_on(reads(&small, &large))?;
    drop(small);
    runtime.block_on(streams(&large))?;
    adds(&large, folder)?;
    in_the_browser(script, large.port)
}

/// How an import went.
struct Import {
    rate: f64,
    client_memory: u64,
    server_memory: u64,
    server_memory_early: u64,
}

/// A server with so many users, imported by the command line.
fn filled(binary: &Path, folder: &Path, nobody: &Path, count: u32) -> Result<(Server, Import)> {
    let file = folder.join(format!("{count}.csv"));
    write_users(&file, count)?;
    let server = peers::soundstage(binary, folder, nobody)?;
    let start = Instant::now();
    let mut client = Command::new(binary)
        .args(["user", "import", "--server", &url(&server)])
        .arg(&file)
        .stdout(Stdio::null())
        .spawn()?;
    let mut client_memory = 0;
    let mut server_memory_early = 0;
    let status = loop {
        if let Some(status) = client.try_wait()? {
            break status;
        }
        client_memory = peak_memory(client.id()).unwrap_or(client_memory);
        // A tenth of what a million takes, at some thousand a second.
        if start.elapsed() < Duration::from_secs(15) {
            server_memory_early = server.memory()?;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    if !status.success() {
        return Err(format!("the import failed: {status}").into());
    }
    let import = Import {
        rate: f64::from(count) / start.elapsed().as_secs_f64(),
        client_memory,
        server_memory: server.memory()?,
        server_memory_early,
    };
    Ok((server, import))
}

/// Users with names that differ, in no order, of all types.
fn write_users(path: &Path, count: u32) -> Result {
    const SYLLABLES: [&str; 16] = [
        "ka", "shi", "tsu", "ne", "ho", "mi", "yu", "ra", "田", "中", "山", "本", "鈴", "木", "高",
        "橋",
    ];
    let mut text = String::from("id,nickname,mail_address,user_type\n");
    // A linear congruential generator: the same users in each run.
    let mut state = 1_u64;
    let mut random = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for id in 1..=count {
        let mut name = String::new();
        for _ in 0..4 {
            name.push_str(SYLLABLES[random(16) as usize]);
        }
        let host = random(1000);
        let user_type = [
            "NORMAL",
            "NORMAL",
            "NORMAL",
            "GUEST",
            "ADMINISTRATOR",
            "DISABLED",
        ];
        let user_type = user_type[random(6) as usize];
        writeln!(
            text,
            "{id},{name}{id},user{}@host{host}.example,{user_type}",
            random(1 << 31)
        )?;
    }
    Ok(fs::write(path, text)?)
}

/// Single calls of either server in turn, so that what else the machine does meets both.
async fn reads(small: &Server, large: &Server) -> Result {
    println!(
        "the median of {CALLS} calls, with {MANY} and with {FEW} users (wanted: at most 3 times)"
    );
    let (mut small, mut large) = (connect(small).await?, connect(large).await?);
    let few = questions(&mut small, FEW).await?;
    let many = questions(&mut large, MANY).await?;
    for ((name, few), (_, many)) in few.iter().zip(&many) {
        let (mut of_few, mut of_many) = (Vec::new(), Vec::new());
        for call in 0..WARM_UP + CALLS {
            let few = few.ask(&mut small, call as u32).await?;
            let many = many.ask(&mut large, call as u32).await?;
            if call >= WARM_UP {
                of_few.push(few);
                of_many.push(many);
            }
        }
        let (few, many) = (median(&mut of_few), median(&mut of_many));
        println!(
            "  {name:<44} {:>8.0} us {:>8.0} us   {:.2}",
            many.as_secs_f64() * 1e6,
            few.as_secs_f64() * 1e6,
            many.as_secs_f64() / few.as_secs_f64()
        );
    }
    println!();
    Ok(())
}

/// What is asked again and again.
enum Question {
    /// Users spread over so many ids.
    User(u32),
    Page(Box<ListUsersRequest>),
}

impl Question {
    async fn ask(&self, users: &mut Users, call: u32) -> Result<Duration> {
        let start = Instant::now();
        let is_answered = match self {
            Self::User(count) => {
                let id = 1 + call * 7919 % count;
                !users.get_user(UserRequest { id }).await?.into_inner().error
            }
            Self::Page(request) => {
                let page = users.list_users((**request).clone()).await?;
                !page.into_inner().users.is_empty()
            }
        };
        if is_answered {
            Ok(start.elapsed())
        } else {
            Err("an empty answer".into())
        }
    }
}

/// The questions to a directory of so many users, by name.
async fn questions(users: &mut Users, count: u32) -> Result<Vec<(String, Question)>> {
    let mut questions = vec![("GetUser".to_owned(), Question::User(count))];
    for order in [
        Order::Id,
        Order::Nickname,
        Order::MailAddress,
        Order::Created,
        Order::Updated,
    ] {
        let near_the_end = ListUsersRequest {
            page_size: 1,
            order: order.into(),
            skip: count - 60,
            ..ListUsersRequest::default()
        };
        let page_token = users
            .list_users(near_the_end)
            .await?
            .into_inner()
            .next_page_token;
        let page = ListUsersRequest {
            page_size: 50,
            page_token,
            order: order.into(),
            ..ListUsersRequest::default()
        };
        let name = format!("ListUsers, 50 at the far end, by {}", order.as_str_name());
        questions.push((name, Question::Page(page.into())));
    }
    // One user has this, whatever the number of users.
    let search = ListUsersRequest {
        filter: Some(UserFilter {
            search: format!("{}", count / 2 + 123),
            ..UserFilter::default()
        }),
        ..ListUsersRequest::default()
    };
    questions.push((
        "ListUsers, a search that few match".to_owned(),
        Question::Page(search.into()),
    ));
    Ok(questions)
}

/// Long streams, read as fast as can be and not at all.
async fn streams(server: &Server) -> Result {
    println!("long streams of {MANY} users (wanted: the first within 50 ms, 32 MB at most)");
    let mut users = connect(server).await?;
    let request = UserTypeRequest {
        user_type: UserType::Normal.into(),
    };
    let by_type = Reading::begin("GetUsersByType", server)?;
    let answers = users.get_users_by_type(request).await?.into_inner();
    by_type.read_all(answers).await?;
    let export = Reading::begin("ExportUsers", server)?;
    let answers = users.export_users(ExportUsersRequest::default()).await?;
    export.read_all(answers.into_inner()).await?;

    let alone = add_one_by_one(&mut users, 50).await?;
    let mut slow = connect(server).await?;
    let mut answers = slow
        .export_users(ExportUsersRequest::default())
        .await?
        .into_inner();
    answers.message().await?;
    let beside = add_one_by_one(&mut users, 50).await?;
    drop(answers);
    println!(
        "  {:<30} {:>8.2} ms, {:.2} without (median of 50)\n",
        "AddUser beside a stalled reader",
        beside.as_secs_f64() * 1e3,
        alone.as_secs_f64() * 1e3
    );
    Ok(())
}

/// A long stream that is being read.
struct Reading<'a> {
    name: &'static str,
    server: &'a Server,
    memory: u64,
    start: Instant,
}

impl<'a> Reading<'a> {
    /// To be called before the call is made.
    fn begin(name: &'static str, server: &'a Server) -> Result<Self> {
        Ok(Self {
            name,
            server,
            memory: server.memory()?,
            start: Instant::now(),
        })
    }

    async fn read_all<T>(self, mut answers: Streaming<T>) -> Result {
        let mut count = 0_u32;
        let mut first = Duration::ZERO;
        while answers.message().await?.is_some() {
            if count == 0 {
                first = self.start.elapsed();
            }
            count += 1;
        }
        println!(
            "  {:<30} {count:>8} users {:>10.0} /s, the first after {:.1} ms, memory grown by {:.1} MB",
            self.name,
            f64::from(count) / self.start.elapsed().as_secs_f64(),
            first.as_secs_f64() * 1e3,
            self.server.memory()?.saturating_sub(self.memory) as f64 / 1e6
        );
        Ok(())
    }
}

async fn add_one_by_one(users: &mut Users, count: usize) -> Result<Duration> {
    let mut samples = Vec::new();
    for _ in 0..count {
        let start = Instant::now();
        users.add_user(new_user()).await?;
        samples.push(start.elapsed());
    }
    Ok(median(&mut samples))
}

/// Durable adds by one caller and by 64 at once.
fn adds(server: &Server, folder: &Path) -> Result {
    println!(
        "AddUser, durable, each answered after its commit (wanted: 64 callers at least 10 times one)"
    );
    let body = folder.join("add_user");
    fs::write(&body, frame(&new_user().encode_to_vec()))?;
    let run = |connections, in_flight, requests| {
        let adds = H2 {
            path: "/UserManager/AddUser",
            body: Some(&body),
            requests,
            connections,
            in_flight,
        };
        adds.run(server)
    };
    let (mut one, mut many) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one.push(run(1, 1, 2000)?.rate());
        many.push(run(8, 8, 20_000)?.rate());
    }
    let middle = |rates: &mut Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates[ROUNDS / 2]
    };
    let (one, many) = (middle(&mut one), middle(&mut many));
    println!(
        "  {:<44} {one:>8.0} /s, the middle of {ROUNDS} rounds",
        "one caller"
    );
    println!("  {:<44} {many:>8.0} /s", "64 callers");
    println!("  {:<44} {:>8.1}\n", "64 callers / one", many / one);
    Ok(())
}

fn in_the_browser(script: &Path, port: u16) -> Result {
    let status = Command::new("node")
        .arg(script)
        .arg(format!("http://127.0.0.1:{port}"))
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{}: {status}", script.display()).into())
    }
}

fn new_user() -> User {
    User {
        nickname: "new".into(),
        mail_address: "new@example.com".into(),
        user_type: UserType::Normal.into(),
        ..User::default()
    }
}

fn median(samples: &mut [Duration]) -> Duration {
    samples.sort_unstable();
    samples[samples.len() / 2]
}

async fn connect(server: &Server) -> Result<Users> {
    Ok(UserManagerClient::new(
        Endpoint::from_shared(url(server))?.connect().await?,
    ))
}

fn url(server: &Server) -> String {
    format!("http://127.0.0.1:{}", server.port)
}
