//! What the build needs and a fresh machine lacks. Each function returns at once when the thing is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Result, command, output, root, run_quietly, step};

const WASM_SPLIT: &str = "0.2.4";
const TRUNK: &str = "0.21.14";
const BINARYEN: &str = "132.0.0";

/// The folder for tools, outside of the repository so that every clone finds them.
pub(crate) fn cache() -> Result<PathBuf> {
    let variable = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let base = variable("XDG_CACHE_HOME")
        .or_else(|| variable("LOCALAPPDATA"))
        .or_else(|| variable("HOME").map(|home| home.join(".cache")))
        .ok_or("set HOME, so that there is a place for tools")?;
    Ok(base.join("soundstage"))
}

/// Trunk, which puts the page together. The folder its program is in.
pub(crate) fn trunk() -> Result<PathBuf> {
    // Its features are for downloads and a development server, neither of which is used here.
    cargo_tool(
        "trunk",
        "trunk",
        TRUNK,
        &["--locked", "--no-default-features"],
    )
}

/// wasm-bindgen's program, in exactly the version of the crate that the page is built with.
pub(crate) fn wasm_bindgen() -> Result<PathBuf> {
    // `--locked` does not work: its lock file may name crates that a mirror does not have yet.
    cargo_tool(
        "wasm-bindgen-cli",
        "wasm-bindgen",
        &locked_version("wasm-bindgen")?,
        &["--no-default-features"],
    )
}

/// What cuts the page's program into parts that are loaded when they are needed.
pub(crate) fn wasm_split() -> Result<PathBuf> {
    cargo_tool(
        "wasm_split_cli_support",
        "wasm-split-cli",
        WASM_SPLIT,
        &["--locked", "--features", "build-binary"],
    )
}

/// The version of a package in `Cargo.lock`.
fn locked_version(package: &str) -> Result<String> {
    let lock = fs::read_to_string(root().join("Cargo.lock"))
        .map_err(|error| format!("Cargo.lock: {error}"))?;
    let heading = format!("name = \"{package}\"\nversion = \"");
    let version = lock
        .split_once(&heading)
        .and_then(|(_, rest)| rest.split('"').next());
    version
        .map(str::to_owned)
        .ok_or(format!("Cargo.lock has no {package}"))
}

/// A program from crates.io in one version: the one on `PATH` if it is that, else the cached one, else built now. The
/// folder it is in.
fn cargo_tool(package: &str, program: &str, version: &str, options: &[&str]) -> Result<PathBuf> {
    let on_path = output(Command::new(program).arg("--version")).unwrap_or_default();
    if on_path.split_whitespace().nth(1) == Some(version) {
        return Ok(PathBuf::new());
    }
    let home = cache()?.join("tools").join(format!("{package}-{version}"));
    let bin = home.join("bin");
    if bin.join(program).exists() {
        return Ok(bin);
    }
    step(
        &format!("Installing {program} {version} (the first time only: some minutes)"),
        || {
            // Built beside its place and then moved, so that a broken-off build leaves nothing that looks whole.
            let partial = home.with_extension("partial");
            let install = |kind: &str, more: &[&str]| {
                let mut cargo = command("cargo");
                cargo
                    .args([kind, package, "--version", version, "--root"])
                    .arg(&partial)
                    .args(more);
                run_quietly(&mut cargo)
            };
            // A ready-made binary, where the machine has the means to fetch one.
            let fetched = has("cargo-binstall") && install("binstall", &["--no-confirm"]).is_ok();
            if !fetched {
                // A debug build works as well here, and takes a third of the time.
                install("install", &[&["--debug"], options].concat())?;
            }
            fs::rename(&partial, &home).map_err(|error| format!("{}: {error}", home.display()))
        },
    )?;
    Ok(bin)
}

/// How to compile for WebAssembly.
pub(crate) enum WasmToolchain {
    /// Rust's own target.
    Target,
    /// Debian's Rust, which has the standard library as source; it is compiled with the page.
    Debian,
}

const TARGET: &str = "wasm32-unknown-unknown";

/// The toolchain for the page: the target if it is there, or can be had from rustup; else Debian's.
pub(crate) fn wasm_toolchain() -> Result<WasmToolchain> {
    if has_target() {
        return Ok(WasmToolchain::Target);
    }
    if has_debian_toolchain() {
        return Ok(WasmToolchain::Debian);
    }
    step("Installing Rust's WebAssembly target", || {
        if run_quietly(command("rustup").args(["target", "add", TARGET])).is_ok() && has_target() {
            return Ok(WasmToolchain::Target);
        }
        debian_packages(&["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "rust-web-clippy"])?;
        // The linker's link names a package that is not installed with it.
        if let Some(linker) = fs::read_link("/usr/bin/rust-lld").ok().filter(|_| !Path::new("/usr/bin/rust-lld").exists())
            && let Some(package) = linker.file_name()
        {
            debian_packages(&[&package.to_string_lossy()])?;
        }
        if has_debian_toolchain() { Ok(WasmToolchain::Debian) } else { Err(String::new()) }
    })
    .map_err(|error| format!("no way to compile for WebAssembly: run `rustup target add {TARGET}` and try again\n{error}"))
}

fn has_target() -> bool {
    let libdir = output(command("rustc").args(["--print", "target-libdir", "--target", TARGET]));
    libdir.is_ok_and(|folder| Path::new(folder.trim()).exists())
}

fn has_debian_toolchain() -> bool {
    [
        "/usr/bin/cargo",
        "/usr/bin/rustc",
        "/usr/bin/rust-lld",
        "/usr/lib/rustlib/src/rust/library/std/Cargo.toml",
    ]
    .into_iter()
    .all(|path| Path::new(path).exists())
}

impl WasmToolchain {
    /// Makes a command use this toolchain, and the programs in `folders`.
    pub(crate) fn apply(&self, command: &mut Command, folders: &[PathBuf]) -> Result {
        let mut path: Vec<PathBuf> = folders
            .iter()
            .filter(|folder| folder.is_absolute())
            .cloned()
            .collect();
        if let Self::Debian = self {
            path.push("/usr/bin".into());
            command
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort");
            // Set by rustup for what its own cargo starts.
            command.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
        }
        path.extend(std::env::split_paths(
            &std::env::var_os("PATH").unwrap_or_default(),
        ));
        command.env(
            "PATH",
            std::env::join_paths(path).map_err(|error| error.to_string())?,
        );
        Ok(())
    }

    /// This toolchain's cargo.
    pub(crate) fn cargo(&self) -> Result<Command> {
        let mut cargo = command(match self {
            Self::Target => "cargo",
            Self::Debian => "/usr/bin/cargo",
        });
        self.apply(&mut cargo, &[])?;
        Ok(cargo)
    }
}

/// `wasm-opt`, which makes the page's program a tenth smaller; `None` where it cannot be had.
pub(crate) fn wasm_opt() -> Result<Option<PathBuf>> {
    let home = cache()?.join("tools").join(format!("binaryen-{BINARYEN}"));
    let program = home.join("node_modules/.bin/wasm-opt");
    if !program.exists() {
        let installed = step("Installing wasm-opt", || {
            fs::create_dir_all(&home).map_err(|error| format!("{}: {error}", home.display()))?;
            run_quietly(
                command("npm")
                    .args(["install", "--prefix"])
                    .arg(&home)
                    .arg(format!("binaryen@{BINARYEN}")),
            )
        });
        if let Err(error) = installed {
            eprintln!("    no wasm-opt, so the page is built larger than it need be: {error}");
            return Ok(None);
        }
    }
    Ok(Some(program))
}

/// A Chromium for the browser tests.
pub(crate) fn chromium() -> Result<PathBuf> {
    if let Some(chosen) = std::env::var_os("CHROMIUM") {
        return Ok(chosen.into());
    }
    let known = || {
        ["chromium", "chromium-browser", "google-chrome"]
            .into_iter()
            .find_map(find_program)
    };
    if let Some(found) = known() {
        return Ok(found);
    }
    step("Installing Chromium", || debian_packages(&["chromium"]))?;
    known().ok_or("no Chromium: install one and set CHROMIUM to its path".into())
}

/// Installs the Debian packages of programs that are missing.
pub(crate) fn programs(needed: &[(&str, &str)]) -> Result {
    let missing: Vec<_> = needed
        .iter()
        .filter(|(program, _)| !has(program))
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    step(&format!("Installing {}", missing.join(", ")), || {
        debian_packages(&missing)
    })
}

/// Installs packages of Debian, or says which.
pub(crate) fn debian_packages(packages: &[&str]) -> Result {
    let advice = || {
        format!(
            "install these packages, or what your system has in their place: {}",
            packages.join(" ")
        )
    };
    if !has("apt-get") {
        return Err(advice());
    }
    let apt = |words: &[&str]| {
        let is_root = output(command("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
        let mut apt = command(if is_root { "apt-get" } else { "sudo" });
        if !is_root {
            apt.args(["-n", "apt-get"]);
        }
        run_quietly(
            apt.env("DEBIAN_FRONTEND", "noninteractive")
                .args(words)
                .args(["-qq", "-y"]),
        )
    };
    apt(&["update"])
        .and_then(|()| apt(&[&["install", "--no-install-recommends"], packages].concat()))
        .map_err(|error| format!("{}\n{error}", advice()))
}

/// Brings a folder's npm packages to what its lock file says.
pub(crate) fn npm_packages(folder: &Path) -> Result {
    let lock = folder.join("package-lock.json");
    // npm writes this file last.
    let installed = folder.join("node_modules/.package-lock.json");
    if is_newer(&installed, &lock) {
        return Ok(());
    }
    step(
        &format!("Installing the npm packages of {}", folder.display()),
        || {
            run_quietly(
                command("npm")
                    .current_dir(folder)
                    .args(["ci", "--no-audit", "--no-fund"]),
            )
        },
    )
}

/// Python with the packages of a requirements file, in an environment of its own.
pub(crate) fn python(requirements: &Path) -> Result<PathBuf> {
    let environment = root().join("target/python");
    let python = environment.join("bin/python");
    let stamp = environment.join("installed");
    if is_newer(&stamp, requirements) {
        return Ok(python);
    }
    step("Installing the Python packages of the tests", || {
        let create = || {
            run_quietly(
                command("python3")
                    .args(["-m", "venv", "--clear"])
                    .arg(&environment),
            )
        };
        create()
            .or_else(|_| debian_packages(&["python3", "python3-venv"]).and_then(|()| create()))?;
        run_quietly(
            command(&python)
                .args(["-m", "pip", "install", "--quiet", "--requirement"])
                .arg(requirements),
        )?;
        fs::write(&stamp, "").map_err(|error| format!("{}: {error}", stamp.display()))
    })?;
    Ok(python)
}

/// Whether `file` is there and was written after `than`.
pub(crate) fn is_newer(file: &Path, than: &Path) -> bool {
    let written = |path: &Path| {
        fs::metadata(path)
            .and_then(|metadata| metadata.modified())
            .ok()
    };
    matches!((written(file), written(than)), (Some(file), Some(than)) if file >= than)
}

fn has(program: &str) -> bool {
    find_program(program).is_some()
}

fn find_program(program: &str) -> Option<PathBuf> {
    let mut folders: Vec<_> =
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    // Debian has servers there, outside of most users' PATH.
    folders.push("/usr/sbin".into());
    folders
        .into_iter()
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}
