//! Builds the page into `dist/`, which the server's build embeds.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::cargo_tool::{self, CargoTool};
use crate::imports;
use crate::javascript;
use crate::progress::{Task, side_by_side};
use crate::run::{Result, command, root, run_quietly, step};
use crate::split;
use crate::style;
use crate::tools;
use crate::wasm_toolchain::{TARGET, WasmToolchain};

/// The sources of the page. A change in any of them causes a new build.
const SOURCES: [&str; 15] = [
    "web",
    "channel",
    "formats",
    "proto",
    "sound",
    "clients/js/src",
    "clients/js/example",
    "clients/js/package.json",
    "clients/js/package-lock.json",
    "clients/js/licenses.js",
    "clients/js/tsconfig.json",
    "index.html",
    "Trunk.toml",
    "Cargo.toml",
    "Cargo.lock",
];

/// How the page is compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Small and fast.
    Release,
    /// Compiled in a fraction of the time.
    Quick,
}

/// Builds the page unless `dist/` is current. Whenever the page is compiled, `then` runs after it, while tools are
/// built.
pub(crate) fn build(kind: Kind, then: impl FnOnce(&Task) -> Result + Send) -> Result {
    let stamp = root().join("dist/.built");
    if is_current(&stamp, kind)? {
        return Ok(());
    }
    side_by_side(vec![
        (
            match kind {
                Kind::Release => "page",
                Kind::Quick => "page and server",
            },
            Box::new(|task| {
                compile(task, "soundstage-web", kind.profile())?;
                then(task)
            }),
        ),
        (
            "tools",
            Box::new(|task| cargo_tool::install(&page_tools()?, task)),
        ),
        ("JavaScript client", Box::new(|_| javascript::build())),
    ])?;
    step("Putting the page together", || {
        // File names contain hashes, so new files would not replace the old ones.
        let _ = fs::remove_dir_all(root().join("dist"));
        style::bundle()?;
        let mut trunk = command("trunk");
        trunk.args(["build", "--quiet", "--cargo-profile", kind.profile()]);
        let mut folders = Vec::new();
        for tool in page_tools()? {
            folders.extend(tool.folder()?);
        }
        WasmToolchain::find()?.apply(&mut trunk, &folders)?;
        run_quietly(&mut trunk)?;
        split::split(&compiled_file("soundstage-web.wasm", kind.profile()))?;
        if kind == Kind::Release {
            shrink()?;
        }
        javascript::publish(&root().join("dist/examples/js"))?;
        fs::write(&stamp, kind.profile()).map_err(|error| format!("{}: {error}", stamp.display()))
    })
}

fn page_tools() -> Result<[CargoTool; 3]> {
    Ok([
        CargoTool::wasm_bindgen()?,
        CargoTool::wasm_split(),
        CargoTool::trunk(),
    ])
}

impl Kind {
    fn profile(self) -> &'static str {
        match self {
            Self::Release => "web",
            Self::Quick => "quick",
        }
    }
}

/// Returns the path of a file that [`compile`] writes.
pub(crate) fn compiled_file(name: &str, profile: &str) -> PathBuf {
    root().join("target").join(TARGET).join(profile).join(name)
}

/// Compiles a package of the workspace for WebAssembly.
pub(crate) fn compile(task: &Task, package: &str, profile: &str) -> Result {
    let wasm = WasmToolchain::find()?;
    // Trunk builds offline, so all dependencies are fetched now; Debian's toolchain also needs those of the standard
    // library.
    task.cargo(
        wasm.cargo()?
            .args(["fetch", "--locked", "--target", TARGET]),
    )?;
    let mut cargo = wasm.cargo()?;
    cargo.args(["build", "--locked", "--target", TARGET]);
    cargo.args(["--package", package, "--profile", profile]);
    task.cargo(&mut cargo)
}

/// Makes the program and its loaders smaller, in place. wasm-opt reads the allowed features from the file;
/// `--all-features` would use features that no browser has.
fn shrink() -> Result {
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
                    // Rebuilding the control flow and optimizing twice gives a smaller file than optimizing once.
                    .args(["--flatten", "--rereloop", "-Oz", "-Oz", "-ocimfs", "1"])
                    .arg(&file)
                    .arg("-o")
                    .arg(&file),
            )?,
            // `boot.js` is short, and its hash is part of the page.
            (Some("js"), _) if is_loader(&file) => javascript::minify(&file)?,
            _ => {}
        }
    }
    let name = split::program_name(&dist)?;
    imports::shorten(
        &dist.join(format!("{name}_bg.wasm")),
        &dist.join(format!("{name}.js")),
    )
}

/// Returns whether wasm-bindgen or the splitter wrote the file.
fn is_loader(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("soundstage-")
}

fn is_current(stamp: &Path, kind: Kind) -> Result<bool> {
    let Ok(built) = fs::metadata(stamp).and_then(|metadata| metadata.modified()) else {
        return Ok(false);
    };
    // A release page also satisfies a request for a quick page.
    let profiles = [kind.profile(), Kind::Release.profile()];
    if fs::read_to_string(stamp).is_ok_and(|profile| !profiles.contains(&&*profile)) {
        return Ok(false);
    }
    let newest = SOURCES
        .iter()
        .map(|source| newest_change(&root().join(source)))
        .collect::<Result<Vec<_>>>()?;
    Ok(newest.into_iter().all(|changed| changed <= built))
}

/// Returns the last time that a file at or below a path was changed.
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
