//! Failures of the database file: a full disk, a read-only file, a locked file, a damaged file.

use std::path::{Path, PathBuf};
use std::process::Command;

use soundstage_proto::user::user_manager_client::UserManagerClient;
use soundstage_proto::user::{User, UserRequest};
use soundstage_tests::binary::{self, Serve, failing_serve};
use soundstage_tests::{PATIENCE, channel};
use tempfile::TempDir;
use tonic::Code;

fn serve(database: &Path) -> Command {
    binary::serve_command(binary::path(), database)
}

/// Asserts that the server fails to start, with an error that names the database and contains `words`.
fn assert_fails_to_start(command: Command, database: &Path, words: &str) {
    let (status, errors) = failing_serve(command);
    assert_eq!(status.code(), Some(1), "{errors}");
    let line = errors.lines().last().expect("an error");
    assert!(
        line.starts_with("soundstage: ") && line.contains(words),
        "{errors}"
    );
    assert!(
        line.contains(database.to_str().expect("text")),
        "the error does not name the file: {errors}"
    );
}

#[test]
fn a_damaged_file_is_named_and_not_changed() {
    let folder = TempDir::new().expect("a folder");
    let database = folder.path().join("users.db");
    std::fs::write(&database, "not a database ".repeat(1000)).expect("written");
    assert_fails_to_start(serve(&database), &database, "damaged");
    assert_eq!(
        std::fs::read(&database).expect("read"),
        "not a database ".repeat(1000).into_bytes()
    );
}

#[test]
fn a_file_that_another_process_has_locked_is_named() {
    let folder = TempDir::new().expect("a folder");
    let database = folder.path().join("users.db");
    let holder = rusqlite::Connection::open(&database).expect("opens");
    holder.execute_batch("BEGIN EXCLUSIVE").expect("locked");
    assert_fails_to_start(serve(&database), &database, "locked by another process");
}

/// Makes root start the server as the user nobody, because file permissions do not bind root.
fn as_ordinary_user(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    let id = Command::new("id").arg("-u").output().expect("id runs");
    if id.stdout == b"0\n" {
        command.uid(65534).gid(65534);
    }
}

#[test]
fn a_read_only_file_stops_the_start_and_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    // The user nobody must be able to read the folder and the binary, so both are readable copies.
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
    assert_fails_to_start(command, &database, "read-only");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("set");
}

/// Returns a command that serves from a disk of this size, in a mount namespace of its own, and the path of the
/// database.
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
fn a_disk_too_full_for_a_new_database_stops_the_start() {
    let folder = TempDir::new().expect("a folder");
    let (command, database) = serve_on_small_disk(&folder, 16);
    assert_fails_to_start(command, &database, "disk is full");
}

#[tokio::test]
async fn on_a_full_disk_adds_fail_and_acknowledged_users_stay() {
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
            Ok(response) => acknowledged.push(response.into_inner().user.expect("stored").id),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(status.message().contains("disk"), "{status}");
    assert!(
        acknowledged.len() > 10,
        "the disk holds only {} users",
        acknowledged.len()
    );
    for id in acknowledged {
        let response = users
            .get_user(UserRequest { id })
            .await
            .expect("reads still work")
            .into_inner();
        assert_eq!(
            response.user.map(|user| user.id),
            Some(id),
            "an acknowledged user is lost"
        );
    }
}

#[tokio::test]
async fn a_server_whose_file_is_deleted_acknowledges_nothing_and_stops() {
    let folder = TempDir::new().expect("a folder");
    let database = folder.path().join("users.db");
    let log = folder.path().join("log");
    let mut command = serve(&database);
    command.stderr(std::fs::File::create(&log).expect("a file"));
    let mut server = Serve::spawn(command);
    let mut users = UserManagerClient::new(channel(server.address()).await);
    let user = User {
        nickname: "lost".into(),
        mail_address: "lost@example.com".into(),
        user_type: 1,
        ..User::default()
    };
    std::fs::remove_file(&database).expect("deleted");
    let status = users.add_user(user).await.expect_err("not acknowledged");
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let status = server.wait(PATIENCE);
    assert_eq!(status.code(), Some(1));
    let log = std::fs::read_to_string(&log).expect("text");
    let line = log.lines().last().expect("an error");
    assert!(
        line.starts_with("soundstage: ") && line.contains("deleted or replaced"),
        "{log}"
    );
}

#[test]
fn a_second_server_on_a_database_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let database = folder.path().join("users.db");
    let mut first = Serve::start(&database, &[]);
    assert_fails_to_start(serve(&database), &database, "in use by another server");
    // The lock does not outlive its process, however the process ends.
    first.signal("KILL");
    first.wait(PATIENCE);
    drop(Serve::start(&database, &[]));
}
