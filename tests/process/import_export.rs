//! Importing and exporting on the command line: each row once, whatever happens, and every refused one told.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use soundstage_proto::user::ListUsersRequest;
use soundstage_proto::user::user_manager_client::UserManagerClient;
use soundstage_tests::binary::{self, Serve};
use soundstage_tests::{PATIENCE, channel};
use tempfile::TempDir;

struct Place {
    folder: TempDir,
    server: Serve,
}

/// What a command did: exit status, standard output, standard error.
type Outcome = (i32, String, String);

impl Place {
    fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let database = folder.path().join("users.db");
        let server = Serve::start(&database, &["--seed", "none"]);
        Self { folder, server }
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).expect("written");
        path
    }

    fn import(&self, file: &Path, more: &[&str]) -> Outcome {
        let url = self.server.url();
        let file = file.to_str().expect("text");
        let import = ["user", "import", file, "--server", &url];
        outcome(&binary::run(&[&import, more].concat()))
    }

    fn export(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        let url = self.server.url();
        let file = path.to_str().expect("text");
        let output = binary::run(&["user", "export", file, "--server", &url]);
        assert_eq!(outcome(&output).0, 0, "{output:?}");
        fs::read_to_string(path).expect("a file")
    }

    fn begin_import(&self, file: &Path) -> Child {
        Command::new(binary::path())
            .args(["user", "import", "--server", &self.server.url()])
            .arg(file)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs")
    }

    fn count(&self) -> u32 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut users = UserManagerClient::new(channel(self.server.address()).await);
            let page = users.list_users(ListUsersRequest::default()).await;
            page.expect("OK").into_inner().total_size
        })
    }

    fn wait_for(&self, count: u32) {
        let start = Instant::now();
        while self.count() < count {
            assert!(start.elapsed() < PATIENCE, "{count} users are not there");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn outcome(output: &std::process::Output) -> Outcome {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    (
        output.status.code().expect("a status"),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// Users without ids, so that a row that is stored twice is two users.
fn many_rows(count: u32) -> String {
    let mut text = String::from("nickname,mail_address,user_type\n");
    for row in 1..=count {
        writeln!(text, "user {row},user{row}@example.com,NORMAL").expect("written");
    }
    text
}

#[test]
fn what_is_refused_can_be_mended_and_imported_again() {
    let place = Place::start();
    let users = place.file(
        "users.csv",
        "id,nickname,mail_address,user_type\n1,one,one@example.com,NORMAL\n2,,two@example.com,BOSS\n3,\"th,ree\",three@example.com,guest\n",
    );
    let (code, stdout, stderr) = place.import(&users, &[]);
    assert_eq!(code, 5, "{stderr}");
    assert_eq!(stdout.trim(), "2 added, 0 replaced, 0 skipped, 1 refused");
    assert!(
        stderr.contains("line 3: nickname: Enter a nickname."),
        "{stderr}"
    );
    let refused = place.folder.path().join("users.refused.csv");
    let text = fs::read_to_string(&refused).expect("a file");
    assert!(
        text.starts_with("id,nickname,mail_address,user_type,error\n2,,two@example.com,BOSS,"),
        "{text}"
    );
    let mended = text
        .replace("2,,", "2,two,")
        .replace("BOSS", "ADMINISTRATOR");
    fs::write(&refused, mended).expect("written");
    let (code, stdout, stderr) = place.import(&refused, &["--output", "json"]);
    assert_eq!(code, 0, "{stderr}");
    let summary: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(
        (&summary["added"], &summary["refused"]),
        (&1.into(), &0.into())
    );
    assert_eq!(place.count(), 3);
}

#[test]
fn each_format_holds_what_was_exported() {
    let place = Place::start();
    let users = place.file(
        "users.ndjson",
        "{\"id\":7,\"nickname\":\"\u{732b}, \\\"the cat\\\"\",\"mail_address\":\"cat@example.com\",\"user_type\":\"GUEST\"}\n\
         {\"id\":4294967295,\"nickname\":\"last\",\"mail_address\":\"last@example.com\",\"user_type\":\"DISABLED\"}\n",
    );
    assert_eq!(place.import(&users, &[]).0, 0);
    for format in ["json", "csv", "ndjson"] {
        let text = place.export(&format!("out.{format}"));
        assert!(text.contains("\u{732b}"), "{text}");
        let other = Place::start();
        let (code, stdout, stderr) = other.import(&other.file(&format!("in.{format}"), &text), &[]);
        assert_eq!(
            (code, stdout.trim()),
            (0, "2 added, 0 replaced, 0 skipped, 0 refused"),
            "{stderr}"
        );
        assert_eq!(other.export("again.json"), place.export("again.json"));
    }
    // What the predecessor reads: these fields and no others.
    let object: serde_json::Value =
        serde_json::from_str(&place.export("predecessor.json")).expect("JSON");
    let expected = serde_json::json!({
        "id": 7, "nickname": "\u{732b}, \"the cat\"", "mail_address": "cat@example.com", "user_type": "GUEST",
    });
    assert_eq!(object["7"], expected);
    assert_eq!(Place::start().export("empty.json"), "{}\n");
}

#[test]
fn conflicts_end_skip_or_replace_and_a_dry_run_changes_nothing() {
    let place = Place::start();
    let line = |nickname| {
        format!(
            "id,nickname,mail_address,user_type\n1,{nickname},a@example.com,NORMAL\n2,new,b@example.com,NORMAL\n"
        )
    };
    let first = place.file(
        "first.csv",
        "id,nickname,mail_address,user_type\n1,old,a@example.com,NORMAL\n",
    );
    assert_eq!(place.import(&first, &[]).0, 0);
    let second = place.file("second.csv", &line("newer"));
    let (code, stdout, _) = place.import(&second, &["--dry-run", "--on-conflict", "replace"]);
    assert_eq!(
        (code, stdout.trim()),
        (0, "would be: 1 added, 1 replaced, 0 skipped, 0 refused")
    );
    let (code, stdout, stderr) = place.import(&second, &["--on-conflict", "fail"]);
    assert_eq!(code, 4, "{stderr}");
    assert!(stderr.contains("line 2"), "{stderr}");
    assert_eq!(stdout.trim(), "0 added, 0 replaced, 0 skipped, 0 refused");
    assert_eq!(place.count(), 1);
    let (_, stdout, _) = place.import(&second, &["--on-conflict", "replace"]);
    assert_eq!(stdout.trim(), "1 added, 1 replaced, 0 skipped, 0 refused");
    let (_, stdout, _) = place.import(&second, &[]);
    assert_eq!(stdout.trim(), "0 added, 0 replaced, 2 skipped, 0 refused");
}

#[test]
fn files_that_cannot_be_read_are_told_with_the_place() {
    let place = Place::start();
    let (code, _, stderr) = place.import(Path::new("/nowhere/users.csv"), &[]);
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("/nowhere/users.csv"), "{stderr}");
    let (code, _, stderr) = place.import(&place.file("users.txt", ""), &[]);
    assert_eq!(code, 2);
    assert!(stderr.contains("--format"), "{stderr}");
    let cut = place.file("cut.json", "{\n\"1\": {\"id\": 1, \"nickname\": \"n\", \"mail_address\": \"n@example.com\", \"user_type\": \"NORMAL\"},\n");
    let (code, _, stderr) = place.import(&cut, &[]);
    assert_eq!(code, 5);
    assert!(
        stderr.contains("line 3") && stderr.contains("up to line 2 is stored"),
        "{stderr}"
    );
    assert_eq!(place.count(), 1);
}

#[test]
fn a_server_that_is_killed_and_started_again_gets_each_row_once() {
    let mut place = Place::start();
    let rows = 8000;
    let file = place.file("many.csv", &many_rows(rows));
    let import = place.begin_import(&file);
    place.wait_for(1);
    place.server.signal("KILL");
    place.server.wait(PATIENCE);
    let mut again = Command::new(binary::path());
    let address = place.server.address().to_string();
    again
        .env("SOUNDSTAGE_LOG", "warn")
        .args(["serve", "--listen", &address, "--database"]);
    again.arg(place.folder.path().join("users.db"));
    place.server = Serve::spawn(again);
    let (code, stdout, stderr) = outcome(&import.wait_with_output().expect("an end"));
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(
        stdout.trim(),
        format!("{rows} added, 0 replaced, 0 skipped, 0 refused")
    );
    assert_eq!(place.count(), rows);
    let exported = place.export("all.csv");
    assert!(
        (1..=rows).all(|row| exported.contains(&format!("\nuser {row},"))
            || exported.contains(&format!(",user {row},")))
    );
}

#[test]
fn an_import_that_is_interrupted_says_how_far_it_got() {
    let place = Place::start();
    let file = place.file("many.csv", &many_rows(60_000));
    let import = place.begin_import(&file);
    place.wait_for(1);
    let interrupt = Command::new("kill")
        .args(["-INT", &import.id().to_string()])
        .status();
    assert!(interrupt.expect("kill runs").success());
    let (code, _, stderr) = outcome(&import.wait_with_output().expect("an end"));
    assert_eq!(code, 130, "{stderr}");
    let count = place.count();
    assert!(count > 0 && count < 60_000);
    // The heading is the first line.
    assert!(
        stderr.contains(&format!("up to line {} is stored", count + 1)),
        "{count}: {stderr}"
    );
}
