//! The Rust toolchain for the page.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Result, command, output, run_quietly, step};
use crate::tools::debian_packages;

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN_LINKER: &str = "/usr/bin/rust-lld";

/// A toolchain that compiles for WebAssembly.
pub(crate) enum WasmToolchain {
    /// The default toolchain, with the target installed.
    Target,
    /// Debian's toolchain, which has the standard library as source; the library is compiled with the page.
    Debian,
}

impl WasmToolchain {
    /// Returns the default toolchain if it has the target or rustup can install the target; otherwise Debian's
    /// toolchain.
    pub(crate) fn find() -> Result<Self> {
        if has_target() {
            return Ok(Self::Target);
        }
        if has_debian_toolchain() {
            return Ok(Self::Debian);
        }
        step("Installing Rust's WebAssembly target", || {
            let added = run_quietly(command("rustup").args(["target", "add", TARGET]));
            if added.is_ok() && has_target() {
                return Ok(Self::Target);
            }
            install_debian_toolchain()?;
            Ok(Self::Debian)
        })
        .map_err(|error| {
            format!("cannot compile for WebAssembly: run `rustup target add {TARGET}` and try again\n{error}")
        })
    }

    /// Makes a command use this toolchain and the programs in `folders`.
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
            // rustup sets these variables for the programs that its cargo starts.
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

    /// Returns a command that runs this toolchain's cargo.
    pub(crate) fn cargo(&self) -> Result<Command> {
        let mut cargo = command(match self {
            Self::Target => "cargo",
            Self::Debian => "/usr/bin/cargo",
        });
        self.apply(&mut cargo, &[])?;
        Ok(cargo)
    }
}

fn has_target() -> bool {
    let libdir = output(command("rustc").args(["--print", "target-libdir", "--target", TARGET]));
    libdir.is_ok_and(|folder| Path::new(folder.trim()).exists())
}

fn has_debian_toolchain() -> bool {
    [
        "/usr/bin/cargo",
        "/usr/bin/rustc",
        DEBIAN_LINKER,
        "/usr/lib/rustlib/src/rust/library/std/Cargo.toml",
    ]
    .into_iter()
    .all(|path| Path::new(path).exists())
}

fn install_debian_toolchain() -> Result {
    debian_packages(&[
        "rustc-web",
        "cargo-web",
        "rust-web-src",
        "rust-web-llvm",
        "rust-web-clippy",
    ])?;
    // The linker is a symbolic link into a package that does not come with the others.
    let linker = fs::read_link(DEBIAN_LINKER).unwrap_or_default();
    if let (false, Some(package)) = (Path::new(DEBIAN_LINKER).exists(), linker.file_name()) {
        debian_packages(&[&package.to_string_lossy()])?;
    }
    if has_debian_toolchain() {
        Ok(())
    } else {
        Err("Debian's toolchain is incomplete".into())
    }
}
