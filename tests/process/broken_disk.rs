//! A disk that is full, a file that may not be written, a file that another process holds.

use std::path::{Path, PathBuf};
use std::process::Command;

use soundstage_proto::user::user_manager_client::UserManagerClient;
use soundstage_proto::user::{User, UserRequest};
use soundstage_tests::binary::{self, Serve, failing_serve};
use soundstage_tests::channel;
use tempfile::TempDir;
use tonic::Code;

fn serve(database: &Path) -> Command {
    binary::serve_command(binary::path(), database)
}

fn assert_refused(command: Command, database: &Path, words: &str) {
    let (status, errors) = failing_serve(command);
    assert_eq!(status.code(), Some(1), "{errors}");
    let line = errors.lines().last().expect("an error");
    assert!(
        line.starts_with("soundstage: ") && line.contains(words),
        "{errors}"
    );
    assert!(
        line.contains(database.to_str().expect("text")),
        "the file is not named: {errors}"
    );
}

#[test]
fn a_damaged_file_is_named_and_kept() {
    let folder = TempDir::new().expect("a folder");
    let database = folder.path().join("users.db");
    std::fs::write(&database, "not a database ".repeat(1000)).expect("written");
    assert_refused(serve(&database), &database, "damaged");
    assert_eq!(
        std::fs::read(&database).expect("read"),
        "not a database ".repeat(1000).into_bytes()
    );
}

#[test]
fn a_file_that_another_process_holds_is_named() {
    let folder = TempDir::new().expect("a folder");
    let database = folder.path().join("users.db");
    let holder = rusqlite::Connection::open(&database).expect("opens");
    holder.execute_batch("BEGIN EXCLUSIVE").expect("locked");
    assert_refused(serve(&database), &database, "locked by another process");
}

/// Root may write what it has no permission to, so a test that runs as root starts the server as nobody.
fn as_ordinary_user(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    let id = Command::new("id").arg("-u").output().expect("id runs");
    if id.stdout == b"0\n" {
        command.uid(65534).gid(65534);
    }
}

#[test]
fn a_read_only_file_is_named_and_not_served_from() {
    use std::os::unix::fs::PermissionsExt as _;
    // Not in a private folder, and a copy of the binary, since nobody may look into ours.
    let folder = tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir()
        .expect("a folder");
    let database = folder.path().join("users.db");
    drop(Serve::start(&database, &[]));
    let copy = folder.path().join("soundstage");
    std::fs::copy(binary::path(), &copy).expect("copied");
    std::fs::set_permissions(&database, std::fs::Permissions::from_mode(0o444)).expect("set");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o555)).expect("set");
    let mut command = binary::serve_command(&copy, &database);
    as_ordinary_user(&mut command);
    assert_refused(command, &database, "read-only");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("set");
}

/// A server in a mount namespace of its own, with its database on a disk of this size. Also the database's path.
fn serve_on_small_disk(folder: &TempDir, kibibytes: u32) -> (Command, PathBuf) {
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).expect("a folder");
    let database = disk.join("users.db");
    let serve = serve(&database);
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
    command
        .arg("mount -t tmpfs -o size=\"$1\" tmpfs \"$2\" && shift 2 && exec \"$@\"")
        .arg("sh");
    command
        .arg(format!("{kibibytes}k"))
        .arg(disk)
        .arg(serve.get_program())
        .args(serve.get_args());
    (command, database)
}

#[test]
fn a_disk_too_full_for_a_fresh_database_is_said_to_be_full() {
    let folder = TempDir::new().expect("a folder");
    let (command, database) = serve_on_small_disk(&folder, 16);
    assert_refused(command, &database, "disk is full");
}

#[tokio::test]
async fn on_a_disk_that_fills_up_adds_are_refused_and_what_was_acknowledged_stays() {
    let folder = TempDir::new().expect("a folder");
    let (command, _) = serve_on_small_disk(&folder, 4096);
    let server = Serve::spawn(command);
    let mut users = UserManagerClient::new(channel(server.address()).await);
    let user = User {
        id: 0,
        nickname: "x".repeat(64),
        mail_address: format!("{}@example.com", "x".repeat(60)),
        user_type: 1,
        ..User::default()
    };
    let mut acknowledged = Vec::new();
    let status = loop {
        assert!(acknowledged.len() < 100_000, "the disk never fills up");
        match users.add_user(user.clone()).await {
            Ok(answer) => acknowledged.push(answer.into_inner().user.expect("stored").id),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(status.message().contains("disk"), "{status}");
    assert!(
        acknowledged.len() > 10,
        "only {} users fitted",
        acknowledged.len()
    );
    for id in acknowledged {
        let answer = users
            .get_user(UserRequest { id })
            .await
            .expect("reads go on")
            .into_inner();
        assert_eq!(
            answer.user.map(|user| user.id),
            Some(id),
            "acknowledged and lost"
        );
    }
}
