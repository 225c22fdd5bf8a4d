//! The import of a file of users with the command line.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{LARGE, url};
use crate::Result;
use crate::compare::{Binaries, Compared, Median, median};
use crate::peers;
use crate::process::{Server, peak_memory};

/// The time in which about a tenth of the large file is imported.
const EARLY: Duration = Duration::from_secs(15);

/// The figures of an import; memory in bytes.
struct Import {
    /// Users per second.
    rate: f64,
    client_memory: f64,
    server_memory: f64,
    /// The server's memory after [`EARLY`].
    server_memory_early: f64,
}

impl Median for Import {
    fn median(results: &[Self]) -> Self {
        Self {
            rate: median(results, |import| import.rate),
            client_memory: median(results, |import| import.client_memory),
            server_memory: median(results, |import| import.server_memory),
            server_memory_early: median(results, |import| import.server_memory_early),
        }
    }
}

/// Imports the large file and prints the figures. Returns the servers of the last imports.
pub(super) fn measure(binaries: &Binaries, folder: &Path) -> Result<Compared<Server>> {
    println!("import of {LARGE} users with the command line, from CSV");
    let file = write_users(folder, LARGE)?;
    let (mut current, mut baseline) = (None, None);
    let imports = binaries.measure(|binary| {
        let slot = if std::ptr::eq(binary, &raw const binaries.current) {
            &mut current
        } else {
            &mut baseline
        };
        // The server of the round before ends first.
        *slot = None;
        let (server, import) = import(binary, folder, &file)?;
        *slot = Some(server);
        Ok(import)
    })?;
    imports.print("soundstage", row, &[("rate", |import| import.rate)]);
    println!();
    Ok(Compared {
        current: current.ok_or("no import was measured")?,
        baseline,
    })
}

/// Starts servers with `count` users.
pub(super) fn start_filled(
    binaries: &Binaries,
    folder: &Path,
    count: u32,
) -> Result<Compared<Server>> {
    let file = write_users(folder, count)?;
    binaries.each(|binary| Ok(import(binary, folder, &file)?.0))
}

fn row(name: &str, import: &Import) {
    println!("  {name:<44} {:>10.0} /s", import.rate);
    println!(
        "    memory: client at most {:.1} MB; server {:.1} MB at the end, {:.1} MB after {} s",
        import.client_memory / 1e6,
        import.server_memory / 1e6,
        import.server_memory_early / 1e6,
        EARLY.as_secs()
    );
}

/// Imports a file into a new server.
fn import(binary: &Path, folder: &Path, file: &Path) -> Result<(Server, Import)> {
    let count = fs::read_to_string(file)?.lines().count() - 1;
    let no_users = folder.join("no-users.json");
    fs::write(&no_users, "{}")?;
    let server = peers::soundstage(binary, folder, &no_users)?;
    let start = Instant::now();
    let mut client = Command::new(binary)
        .args(["user", "import", "--server", &url(&server)])
        .arg(file)
        .stdout(Stdio::null())
        .spawn()?;
    let (mut client_memory, mut server_memory_early) = (0, 0);
    let status = loop {
        if let Some(status) = client.try_wait()? {
            break status;
        }
        client_memory = peak_memory(client.id()).unwrap_or(client_memory);
        if start.elapsed() < EARLY {
            server_memory_early = server.memory()?;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    if !status.success() {
        return Err(format!("the import failed: {status}").into());
    }
    let import = Import {
        rate: count as f64 / start.elapsed().as_secs_f64(),
        client_memory: client_memory as f64,
        server_memory: server.memory()? as f64,
        server_memory_early: server_memory_early as f64,
    };
    Ok((server, import))
}

/// Writes users with different names, in no order, of all types. Returns the file.
fn write_users(folder: &Path, count: u32) -> Result<PathBuf> {
    const SYLLABLES: [&str; 16] = [
        "ka", "shi", "tsu", "ne", "ho", "mi", "yu", "ra", "田", "中", "山", "本", "鈴", "木", "高",
        "橋",
    ];
    const USER_TYPES: [&str; 6] = [
        "NORMAL",
        "NORMAL",
        "NORMAL",
        "GUEST",
        "ADMINISTRATOR",
        "DISABLED",
    ];
    let mut text = String::from("id,nickname,mail_address,user_type\n");
    // A linear congruential generator, so that each run has the same users.
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
        let user_type = USER_TYPES[random(6) as usize];
        writeln!(
            text,
            "{id},{name}{id},user{}@host{host}.example,{user_type}",
            random(1 << 31)
        )?;
    }
    let path = folder.join(format!("{count}.csv"));
    fs::write(&path, text)?;
    Ok(path)
}
