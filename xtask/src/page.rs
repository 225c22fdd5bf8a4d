//! Building the page into `dist/`, from where the server's build takes it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::run::{Result, command, root, run, run_quietly, step};
use crate::tools::{self, WasmToolchain};

/// What the page is made from. A change in any of it builds the page again.
const SOURCES: [&str; 7] = [
    "web",
    "channel",
    "proto",
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
        let programs = scope.spawn(|| Ok::<_, String>([tools::trunk()?, tools::wasm_bindgen()?]));
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
        let mut trunk = command("trunk");
        trunk
            .args(["build", "--quiet", "--cargo-profile", kind.profile()])
            .env("CARGO_TARGET_DIR", target_dir());
        wasm.apply(&mut trunk, &programs)?;
        run_quietly(&mut trunk)?;
        if kind == Kind::Release {
            shrink()?;
        }
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

/// Makes the program smaller, in place. Which features it may use stands in the file; `--all-features` would use some that
/// no browser has.
fn shrink() -> Result {
    let Some(wasm_opt) = tools::wasm_opt()? else {
        return Ok(());
    };
    let dist = root().join("dist");
    for entry in fs::read_dir(&dist)
        .map_err(|error| format!("{}: {error}", dist.display()))?
        .flatten()
    {
        let file = entry.path();
        if file
            .extension()
            .is_some_and(|extension| extension == "wasm")
        {
            run_quietly(
                command(&wasm_opt)
                    .args(["-Oz"])
                    .arg(&file)
                    .arg("-o")
                    .arg(&file),
            )?;
        }
    }
    Ok(())
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
