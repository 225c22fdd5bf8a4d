//! `test`: everything that must hold, from the quickest to the slowest.

use crate::fuzz;
use crate::page::{self, Kind};
use crate::run::{Result, command, root, run, step};
use crate::tools;

/// Checks and tests everything; stops at the first failure.
pub(crate) fn run_all() -> Result {
    step("Checking the format", || {
        run(command("cargo").args(["fmt", "--all", "--check"]))
    })?;
    page::build(Kind::Release)?;
    step("Linting the page for WebAssembly", || {
        let mut clippy = tools::wasm_toolchain()?.cargo()?;
        clippy.args([
            "clippy",
            "--quiet",
            "--locked",
            "--package",
            "soundstage-web",
            "--target",
            "wasm32-unknown-unknown",
        ]);
        clippy.env("CARGO_TARGET_DIR", root().join("target/web"));
        run(clippy.args(["--", "--deny", "warnings"]))
    })?;
    step("Linting everything for this machine", || {
        run(command("cargo").args([
            "clippy",
            "--quiet",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ]))
    })?;
    step(
        "Testing in Rust: rules, logic, the store, the server over the wire, the command line",
        || run(command("cargo").args(["test", "--locked", "--workspace"])),
    )?;
    fuzz::run_briefly()?;
    interop()?;
    browser()
}

/// Clients in other languages against the real binary.
fn interop() -> Result {
    let folder = root().join("tests/interop");
    let python = tools::python(&folder.join("requirements.txt"))?;
    step(
        "Testing with clients in Python: the predecessors', and our examples",
        || {
            run(command(python)
                .arg(folder.join("python_clients.py"))
                .arg(binary()))
        },
    )
}

/// The page in a real browser.
fn browser() -> Result {
    let chromium = tools::chromium()?;
    let folder = root().join("tests/browser");
    tools::npm_packages(&folder)?;
    step("Testing the page in Chromium", || {
        let mut playwright = command("npx");
        playwright.current_dir(&folder).args(["playwright", "test"]);
        run(playwright
            .env("CHROMIUM", chromium)
            .env("SOUNDSTAGE", binary()))
    })
}

/// The binary that the tests in Rust have built.
fn binary() -> std::path::PathBuf {
    root().join("target/debug/soundstage")
}
