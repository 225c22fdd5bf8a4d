//! Building the page into `dist/`, from where the server's build takes it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::javascript::{self, JavaScript};
use crate::run::{Result, command, root, run, run_quietly, step};
use crate::split;
use crate::style;
use crate::tools::{self, WasmToolchain};

/// What the page is made from. A change in any of it builds the page again.
const SOURCES: [&str; 14] = [
    "web",
    "channel",
    "formats",
    "proto",
    "sound",
    "clients/js/src",
    "clients/js/example",
    "clients/js/package.json",
    "clients/js/package-lock.json",
    "clients/js/tsconfig.json",
    "index.html",
    "Trunk.toml",
    "Cargo.toml",
    "Cargo.lock",
];

/// Which of the two ways to compile: small, or soon.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Release,
    Development,
}

/// Builds the page unless it is there and up to date.
pub(crate) fn build(kind: Kind) -> Result {
    let stamp = root().join("dist/.built");
    if is_current(&stamp, kind)? {
        return Ok(());
    }
    let wasm = tools::wasm_toolchain()?;
    // Both take their time on one core each in turn, so they go well together.
    let programs = std::thread::scope(|scope| {
        let programs = scope.spawn(|| {
            Ok::<_, String>([
                tools::trunk()?,
                tools::wasm_bindgen()?,
                tools::wasm_split()?,
            ])
        });
        let compiled = step("Compiling the page (the first time: some minutes)", || {
            compile(&wasm, "soundstage-web", kind.profile())
        });
        let programs = programs
            .join()
            .unwrap_or_else(|_| Err("installing tools panicked".into()));
        compiled.and(programs)
    })?;
    step("Putting the page together", || {
        // The old files go first: their names carry hashes, so new ones would not replace them.
        let _ = fs::remove_dir_all(root().join("dist"));
        style::bundle()?;
        let mut trunk = command("trunk");
        trunk
            .args(["build", "--quiet", "--cargo-profile", kind.profile()])
            .env("CARGO_TARGET_DIR", target_dir());
        wasm.apply(&mut trunk, &programs)?;
        run_quietly(&mut trunk)?;
        split::split(kind)?;
        let client = javascript::build()?;
        if kind == Kind::Release {
            shrink(&client)?;
        }
        client.publish(&root().join("dist/examples/js"))?;
        fs::write(&stamp, kind.profile()).map_err(|error| format!("{}: {error}", stamp.display()))
    })
}

impl Kind {
    fn profile(self) -> &'static str {
        match self {
            Self::Release => "web",
            Self::Development => "dev",
        }
    }
}

/// The page's program, as the linker left it.
pub(crate) fn program_file(kind: Kind) -> PathBuf {
    let profile = match kind {
        Kind::Release => "web",
        Kind::Development => "debug",
    };
    let folder = target_dir().join("wasm32-unknown-unknown").join(profile);
    folder.join("soundstage-web.wasm")
}

/// A folder of its own: another compiler, other flags, and no waiting for the server's build.
pub(crate) fn target_dir() -> PathBuf {
    root().join("target/web")
}

/// Compiles a package of the workspace for WebAssembly.
pub(crate) fn compile(wasm: &WasmToolchain, package: &str, profile: &str) -> Result {
    // Trunk builds without looking at the network, so everything is fetched before, the standard library's
    // dependencies too where that is compiled along.
    run_quietly(
        wasm.cargo()?
            .args(["fetch", "--locked", "--target", "wasm32-unknown-unknown"]),
    )?;
    let mut cargo = wasm.cargo()?;
    cargo.args(["build", "--locked", "--target", "wasm32-unknown-unknown"]);
    cargo.args(["--package", package, "--profile", profile]);
    run(cargo.env("CARGO_TARGET_DIR", target_dir()))
}

/// Makes the program and its loader smaller, in place. Which features the program may use stands in the file;
/// `--all-features` would use some that no browser has.
fn shrink(client: &JavaScript) -> Result {
    let wasm_opt = tools::wasm_opt()?;
    let dist = root().join("dist");
    for entry in fs::read_dir(&dist)
        .map_err(|error| format!("{}: {error}", dist.display()))?
        .flatten()
    {
        let file = entry.path();
        match (file.extension().and_then(OsStr::to_str), &wasm_opt) {
            (Some("wasm"), Some(wasm_opt)) => run_quietly(
                command(wasm_opt)
                    // Control flow anew, and then again small: better than once small.
                    .args(["--flatten", "--rereloop", "-Oz", "-Oz", "-ocimfs", "1"])
                    .arg(&file)
                    .arg("-o")
                    .arg(&file),
            )?,
            // Not boot.js, which is short, and whose hash stands in the page.
            (Some("js"), _) if is_loader(&file) => client.minify(&file)?,
            _ => {}
        }
    }
    Ok(())
}

/// Whether wasm-bindgen or the splitter wrote it.
fn is_loader(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("soundstage-")
}

fn is_current(stamp: &Path, kind: Kind) -> Result<bool> {
    let Ok(built) = fs::metadata(stamp).and_then(|metadata| metadata.modified()) else {
        return Ok(false);
    };
    if fs::read_to_string(stamp).is_ok_and(|profile| profile != kind.profile()) {
        return Ok(false);
    }
    let newest = SOURCES
        .iter()
        .map(|source| newest_change(&root().join(source)))
        .collect::<Result<Vec<_>>>()?;
    Ok(newest.into_iter().all(|changed| changed <= built))
}

/// When the newest file at or below a path was changed.
pub(crate) fn newest_change(path: &Path) -> Result<SystemTime> {
    let unreadable = |error| format!("{}: {error}", path.display());
    let mut newest = fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .map_err(unreadable)?;
    if path.is_dir() {
        for entry in fs::read_dir(path).map_err(unreadable)? {
            newest = newest.max(newest_change(&entry.map_err(unreadable)?.path())?);
        }
    }
    Ok(newest)
}
