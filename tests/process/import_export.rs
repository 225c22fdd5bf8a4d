//! Imports and exports: each row is stored once, and each rejected row is reported.

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

/// An empty server and a folder for the files of a test.
struct Fixture {
    folder: TempDir,
    server: Serve,
}

/// Exit status, standard output and standard error of a command.
type Outcome = (i32, String, String);

impl Fixture {
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

    /// Runs an import to its end.
    fn import(&self, file: &Path, more: &[&str]) -> Outcome {
        let url = self.server.url();
        let file = file.to_str().expect("text");
        let import = ["user", "import", file, "--server", &url];
        outcome(&binary::run(&[&import, more].concat()))
    }

    /// Exports every user to a file and returns its text.
    fn export(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        let url = self.server.url();
        let file = path.to_str().expect("text");
        let output = binary::run(&["user", "export", file, "--server", &url]);
        assert_eq!(outcome(&output).0, 0, "{output:?}");
        fs::read_to_string(path).expect("a file")
    }

    /// Starts an import without waiting for its end.
    fn begin_import(&self, file: &Path) -> Child {
        Command::new(binary::path())
            .args(["user", "import", "--server", &self.server.url()])
            .arg(file)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs")
    }

    /// Returns the number of stored users.
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

    /// Waits until `count` users are stored.
    fn wait_for(&self, count: u32) {
        let start = Instant::now();
        while self.count() < count {
            assert!(start.elapsed() < PATIENCE, "{count} users are not stored");
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

/// Returns a file of users without ids, so that a row that is stored twice becomes two users.
fn many_rows(count: u32) -> String {
    let mut text = String::from("nickname,mail_address,user_type\n");
    for row in 1..=count {
        writeln!(text, "user {row},user{row}@example.com,NORMAL").expect("written");
    }
    text
}

#[cfg(unix)]
#[test]
fn an_export_does_not_write_through_a_link_that_another_user_has_made() {
    let fixture = Fixture::start();
    let victim = fixture.file("victim", "precious");
    let link = fixture.folder.path().join("users.csv.partial");
    std::os::unix::fs::symlink(&victim, &link).expect("a link");
    assert!(fixture.export("users.csv").starts_with("id,nickname"));
    assert_eq!(fs::read_to_string(victim).expect("a file"), "precious");
    let entries = fs::read_dir(fixture.folder.path()).expect("a folder");
    let hidden = entries
        .map(|entry| entry.expect("an entry").file_name())
        .filter(|name| name.to_string_lossy().starts_with('.'));
    assert_eq!(hidden.count(), 0, "a temporary file is left");
}

#[test]
fn rejected_rows_can_be_corrected_and_imported() {
    let fixture = Fixture::start();
    let users = fixture.file(
        "users.csv",
        "id,nickname,mail_address,user_type\n1,one,one@example.com,NORMAL\n2,,two@example.com,BOSS\n3,\"th,ree\",three@example.com,guest\n",
    );
    let (code, stdout, stderr) = fixture.import(&users, &[]);
    assert_eq!(code, 5, "{stderr}");
    assert_eq!(stdout.trim(), "2 added, 0 replaced, 0 skipped, 1 rejected");
    assert!(stderr.contains("rejected 1 row;"), "{stderr}");
    assert!(
        stderr.contains("line 3: nickname: Enter a nickname."),
        "{stderr}"
    );
    let rejected = fixture.folder.path().join("users.rejected.csv");
    let text = fs::read_to_string(&rejected).expect("a file");
    assert!(
        text.starts_with("id,nickname,mail_address,user_type,error\n2,,two@example.com,BOSS,"),
        "{text}"
    );
    let corrected = text
        .replace("2,,", "2,two,")
        .replace("BOSS", "ADMINISTRATOR");
    fs::write(&rejected, corrected).expect("written");
    let (code, stdout, stderr) = fixture.import(&rejected, &["--output", "json"]);
    assert_eq!(code, 0, "{stderr}");
    let summary: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(
        (&summary["added"], &summary["refused"]),
        (&1.into(), &0.into())
    );
    assert_eq!(fixture.count(), 3);
}

#[test]
fn an_export_in_each_format_can_be_imported() {
    let fixture = Fixture::start();
    let users = fixture.file(
        "users.ndjson",
        "{\"id\":7,\"nickname\":\"\u{732b}, \\\"the cat\\\"\",\"mail_address\":\"cat@example.com\",\"user_type\":\"GUEST\"}\n\
         {\"id\":4294967295,\"nickname\":\"last\",\"mail_address\":\"last@example.com\",\"user_type\":\"DISABLED\"}\n",
    );
    assert_eq!(fixture.import(&users, &[]).0, 0);
    for format in ["json", "csv", "ndjson"] {
        let text = fixture.export(&format!("out.{format}"));
        assert!(text.contains("\u{732b}"), "{text}");
        let other = Fixture::start();
        let (code, stdout, stderr) = other.import(&other.file(&format!("in.{format}"), &text), &[]);
        assert_eq!(
            (code, stdout.trim()),
            (0, "2 added, 0 replaced, 0 skipped, 0 rejected"),
            "{stderr}"
        );
        assert_eq!(other.export("again.json"), fixture.export("again.json"));
    }
    // The predecessor reads these fields and no others.
    let object: serde_json::Value =
        serde_json::from_str(&fixture.export("predecessor.json")).expect("JSON");
    let expected = serde_json::json!({
        "id": 7, "nickname": "\u{732b}, \"the cat\"", "mail_address": "cat@example.com", "user_type": "GUEST",
    });
    assert_eq!(object["7"], expected);
    assert_eq!(Fixture::start().export("empty.json"), "{}\n");
}

#[test]
fn a_conflict_skips_replaces_or_ends_and_a_dry_run_stores_nothing() {
    let fixture = Fixture::start();
    let line = |nickname| {
        format!(
            "id,nickname,mail_address,user_type\n1,{nickname},a@example.com,NORMAL\n2,new,b@example.com,NORMAL\n"
        )
    };
    let first = fixture.file(
        "first.csv",
        "id,nickname,mail_address,user_type\n1,old,a@example.com,NORMAL\n",
    );
    assert_eq!(fixture.import(&first, &[]).0, 0);
    let second = fixture.file("second.csv", &line("newer"));
    let (code, stdout, _) = fixture.import(&second, &["--dry-run", "--on-conflict", "replace"]);
    assert_eq!(
        (code, stdout.trim()),
        (0, "dry run: 1 added, 1 replaced, 0 skipped, 0 rejected")
    );
    let (code, stdout, stderr) = fixture.import(&second, &["--on-conflict", "fail"]);
    assert_eq!(code, 4, "{stderr}");
    assert!(stderr.contains("line 2"), "{stderr}");
    assert_eq!(stdout.trim(), "0 added, 0 replaced, 0 skipped, 0 rejected");
    assert_eq!(fixture.count(), 1);
    let (_, stdout, _) = fixture.import(&second, &["--on-conflict", "replace"]);
    assert_eq!(stdout.trim(), "1 added, 1 replaced, 0 skipped, 0 rejected");
    let (_, stdout, _) = fixture.import(&second, &[]);
    assert_eq!(stdout.trim(), "0 added, 0 replaced, 2 skipped, 0 rejected");
}

#[test]
fn an_unreadable_file_is_named_with_the_line() {
    let fixture = Fixture::start();
    let (code, _, stderr) = fixture.import(Path::new("/nowhere/users.csv"), &[]);
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("/nowhere/users.csv"), "{stderr}");
    let (code, _, stderr) = fixture.import(&fixture.file("users.txt", ""), &[]);
    assert_eq!(code, 2);
    assert!(stderr.contains("--format"), "{stderr}");
    let cut = fixture.file("cut.json", "{\n\"1\": {\"id\": 1, \"nickname\": \"n\", \"mail_address\": \"n@example.com\", \"user_type\": \"NORMAL\"},\n");
    let (code, _, stderr) = fixture.import(&cut, &["--dry-run"]);
    assert_eq!(code, 5);
    assert!(stderr.contains("nothing is stored"), "{stderr}");
    let (code, _, stderr) = fixture.import(&cut, &[]);
    assert_eq!(code, 5);
    assert!(
        stderr.contains("line 3") && stderr.contains("up to line 2 is stored"),
        "{stderr}"
    );
    assert_eq!(fixture.count(), 1);
}

#[test]
fn a_server_that_is_killed_and_restarted_stores_each_row_once() {
    let mut fixture = Fixture::start();
    let rows = 8000;
    let file = fixture.file("many.csv", &many_rows(rows));
    let import = fixture.begin_import(&file);
    fixture.wait_for(1);
    fixture.server.signal("KILL");
    fixture.server.wait(PATIENCE);
    let mut restart = Command::new(binary::path());
    let address = fixture.server.address().to_string();
    restart
        .env("SOUNDSTAGE_LOG", "warn")
        .args(["serve", "--listen", &address, "--database"]);
    restart.arg(fixture.folder.path().join("users.db"));
    fixture.server = Serve::spawn(restart);
    let (code, stdout, stderr) = outcome(&import.wait_with_output().expect("an end"));
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(
        stdout.trim(),
        format!("{rows} added, 0 replaced, 0 skipped, 0 rejected")
    );
    assert_eq!(fixture.count(), rows);
    let exported = fixture.export("all.csv");
    assert!(
        (1..=rows).all(|row| exported.contains(&format!("\nuser {row},"))
            || exported.contains(&format!(",user {row},")))
    );
}

#[test]
fn an_interrupted_import_says_up_to_which_line_rows_are_stored() {
    let fixture = Fixture::start();
    let file = fixture.file("many.csv", &many_rows(60_000));
    let import = fixture.begin_import(&file);
    fixture.wait_for(1);
    let interrupt = Command::new("kill")
        .args(["-INT", &import.id().to_string()])
        .status();
    assert!(interrupt.expect("kill runs").success());
    let (code, _, stderr) = outcome(&import.wait_with_output().expect("an end"));
    assert_eq!(code, 130, "{stderr}");
    let count = fixture.count();
    assert!(count > 0 && count < 60_000);
    // The line of column names comes first.
    assert!(
        stderr.contains(&format!("up to line {} is stored", count + 1)),
        "{count}: {stderr}"
    );
}

#[test]
fn an_export_into_a_missing_folder_names_the_file() {
    let fixture = Fixture::start();
    let path = fixture.folder.path().join("missing").join("users.csv");
    let (path, url) = (path.to_str().expect("text"), fixture.server.url());
    let export = binary::run(&["user", "export", path, "--server", &url]);
    let (status, _, errors) = outcome(&export);
    assert_eq!(status, 1);
    assert!(errors.contains(path), "{errors}");
}
