//! The tools that builds and tests need. Each function installs only what is missing.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Result, command, output, root, run_quietly, step};

const BINARYEN: &str = "132.0.0";
/// Compiles with Go 1.18 or later, and thus with Debian's. Later versions need a newer Go and take twice as long.
const GRPCURL: &str = "1.8.9";

/// Returns the folder for tools, which all clones of the repository share.
pub(crate) fn cache() -> Result<PathBuf> {
    let variable = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let base = variable("XDG_CACHE_HOME")
        .or_else(|| variable("LOCALAPPDATA"))
        .or_else(|| variable("HOME").map(|home| home.join(".cache")))
        .ok_or("set HOME to a folder that can hold the tools")?;
    Ok(base.join("soundstage"))
}

/// Returns `wasm-opt`, which makes the page's program a tenth smaller; `None` if it cannot be installed.
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
            eprintln!(
                "    The page is built larger than necessary, because wasm-opt is missing: {error}"
            );
            return Ok(None);
        }
    }
    Ok(Some(program))
}

/// Returns Chromium for the browser tests.
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
    known().ok_or("Chromium is missing: install a version and set CHROMIUM to its path".into())
}

/// Returns grpcurl, with which the browser tests run the page's snippets.
pub(crate) fn grpcurl() -> Result<PathBuf> {
    if let Some(chosen) = std::env::var_os("GRPCURL") {
        return Ok(chosen.into());
    }
    if let Some(found) = find_program("grpcurl") {
        return Ok(found);
    }
    let home = cache()?.join("tools").join(format!("grpcurl-{GRPCURL}"));
    let program = home.join("grpcurl");
    if !program.exists() {
        programs(&[("go", "golang-go")])?;
        step("Installing grpcurl", || install_grpcurl(&home))?;
    }
    Ok(program)
}

fn install_grpcurl(home: &Path) -> Result {
    // Installed elsewhere and then moved, so that an interrupted build is not taken for an installed program.
    let partial = home.with_extension("partial");
    // Half a gigabyte that nothing needs again.
    let caches = root().join("target/tools-go");
    run_quietly(
        command("go")
            .arg("install")
            .arg(format!(
                "github.com/fullstorydev/grpcurl/cmd/grpcurl@v{GRPCURL}"
            ))
            .env("GOBIN", &partial)
            .env("GOPATH", caches.join("path"))
            .env("GOCACHE", caches.join("cache"))
            // Modules are read-only by default, and could not be removed.
            .env("GOFLAGS", "-modcacherw")
            .env("GOTOOLCHAIN", "local"),
    )?;
    let _ = fs::remove_dir_all(&caches);
    fs::rename(&partial, home).map_err(|error| format!("{}: {error}", home.display()))
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

/// Installs Debian packages. On another system the error names them.
pub(crate) fn debian_packages(packages: &[&str]) -> Result {
    let advice = || {
        format!(
            "install these packages, or their equivalents on your system: {}",
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

/// Installs the npm packages that a folder's lock file names.
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

/// Returns Python, in a virtual environment with the packages of a requirements file.
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

/// Returns whether `file` exists and is not older than `than`.
pub(crate) fn is_newer(file: &Path, than: &Path) -> bool {
    let written = |path: &Path| {
        fs::metadata(path)
            .and_then(|metadata| metadata.modified())
            .ok()
    };
    matches!((written(file), written(than)), (Some(file), Some(than)) if file >= than)
}

pub(crate) fn has(program: &str) -> bool {
    find_program(program).is_some()
}

pub(crate) fn find_program(program: &str) -> Option<PathBuf> {
    let mut folders: Vec<_> =
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    // Debian installs servers in a folder that is not on the `PATH` of most users.
    folders.push("/usr/sbin".into());
    folders
        .into_iter()
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}
