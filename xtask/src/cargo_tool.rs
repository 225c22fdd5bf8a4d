//! Programs from crates.io, each in one version.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::progress::{Task, side_by_side};
use crate::run::{Result, command, output, root};
use crate::tools::{cache, has};

/// A program from crates.io.
pub(crate) struct CargoTool {
    package: &'static str,
    program: &'static str,
    version: String,
    /// Options of `cargo install`.
    options: &'static [&'static str],
}

impl CargoTool {
    /// Returns Trunk, which puts the page together.
    pub(crate) fn trunk() -> Self {
        Self {
            package: "trunk",
            program: "trunk",
            version: "0.21.14".into(),
            // The default features are for downloads, which `Trunk.toml` turns off.
            options: &["--locked", "--no-default-features"],
        }
    }

    /// Returns the program of wasm-bindgen, which must have the version of the crate that the page uses.
    pub(crate) fn wasm_bindgen() -> Result<Self> {
        Ok(Self {
            package: "wasm-bindgen-cli",
            program: "wasm-bindgen",
            version: locked_version("wasm-bindgen")?,
            // Without `--locked`, because the lock file of the package may name crates that a mirror lacks.
            options: &["--no-default-features", "--bin", "wasm-bindgen"],
        })
    }

    /// Returns the program that splits the page's program into parts.
    pub(crate) fn wasm_split() -> Self {
        Self {
            package: "wasm_split_cli_support",
            program: "wasm-split-cli",
            version: "0.2.4".into(),
            options: &["--locked", "--features", "build-binary"],
        }
    }

    /// Returns cargo-deny, which checks the dependencies.
    pub(crate) fn deny() -> Self {
        Self {
            package: "cargo-deny",
            program: "cargo-deny",
            version: "0.20.2".into(),
            options: &["--locked", "--no-default-features"],
        }
    }

    /// Returns a command that runs the program, which is installed first if necessary.
    pub(crate) fn command(&self) -> Result<Command> {
        if self.folder()?.is_none() {
            side_by_side(vec![(
                self.program,
                Box::new(|task| install(std::slice::from_ref(self), task)),
            )])?;
        }
        let folder = self.folder()?.unwrap_or_default();
        Ok(command(folder.join(self.program)))
    }

    /// Returns the folder of the installed program; an empty path stands for `PATH`.
    pub(crate) fn folder(&self) -> Result<Option<PathBuf>> {
        let on_path = output(Command::new(self.program).arg("--version")).unwrap_or_default();
        if on_path.split_whitespace().nth(1) == Some(&self.version) {
            return Ok(Some(PathBuf::new()));
        }
        let folder = self.home()?.join("bin");
        Ok(folder.join(self.program).exists().then_some(folder))
    }

    fn home(&self) -> Result<PathBuf> {
        let name = format!("{}-{}", self.package, self.version);
        Ok(cache()?.join("tools").join(name))
    }

    /// Installs the program as a binary from its project, or else builds the program.
    fn install(&self, task: &Task, target_dir: &PathBuf) -> Result {
        let home = self.home()?;
        // Installed elsewhere and then moved, so that an interrupted build is not taken for an installed program.
        let partial = home.with_extension("partial");
        let cargo = |kind: &str, options: &[&str]| {
            let mut cargo = command("cargo");
            cargo
                .args([kind, self.package, "--version", &self.version, "--root"])
                .arg(&partial)
                .args(options)
                .env("CARGO_TARGET_DIR", target_dir)
                // Without optimization and debug information a build takes a third of the time.
                .env("CARGO_PROFILE_DEV_DEBUG", "0");
            task.cargo(&mut cargo)
        };
        let downloaded = has("cargo-binstall") && cargo("binstall", &["--no-confirm"]).is_ok();
        if !downloaded {
            cargo("install", &[&["--debug"], self.options].concat())?;
        }
        fs::rename(&partial, &home).map_err(|error| format!("{}: {error}", home.display()))
    }
}

/// Installs the programs that are missing, one after the other: their common dependencies are built once.
pub(crate) fn install(tools: &[CargoTool], task: &Task) -> Result {
    let target_dir = root().join("target/tools");
    for tool in tools {
        if tool.folder()?.is_none() {
            tool.install(task, &target_dir)?;
        }
    }
    // More than a gigabyte that nothing needs again. The folder is missing if nothing was built.
    let _ = fs::remove_dir_all(&target_dir);
    Ok(())
}

/// Returns the version of a package in `Cargo.lock`.
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
