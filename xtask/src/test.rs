//! `test`: all checks and tests, from the quickest to the slowest.

use std::path::{Path, PathBuf};

use crate::cargo_tool::CargoTool;
use crate::page::{self, Kind};
use crate::progress::side_by_side;
use crate::run::{Result, command, root, run, run_quietly, step};
use crate::wasm_toolchain::{TARGET, WasmToolchain};
use crate::{fuzz, javascript, tools};

/// Runs all checks and tests, until the first failure.
pub(crate) fn run_all() -> Result {
    step("Checking the format", || {
        run(command("cargo").args(["fmt", "--all", "--check"]))
    })?;
    dependencies()?;
    page::build(Kind::Release, |_| Ok(()))?;
    step("Linting the page for WebAssembly", || {
        let mut clippy = WasmToolchain::find()?.cargo()?;
        clippy.args([
            "clippy",
            "--quiet",
            "--locked",
            "--package",
            "soundstage-web",
            "--package",
            "soundstage-browser-tests",
            "--target",
            TARGET,
        ]);
        run(clippy.args(["--", "--deny", "warnings"]))
    })?;
    step("Linting all crates for this machine", || {
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
    // Compiling grpcurl takes about a minute, so it runs beside the Rust tests.
    let grpcurl = std::thread::spawn(tools::grpcurl);
    step("Running the Rust tests", || {
        run(command("cargo").args(["test", "--locked", "--workspace"]))
    })?;
    let grpcurl = grpcurl
        .join()
        .map_err(|_| "the installation of grpcurl panicked")??;
    fuzz::run_briefly()?;
    interop()?;
    step("Running the tests of the JavaScript client in Node", || {
        javascript::build()?;
        javascript::test(&binary())
    })?;
    browser(&grpcurl)
}

/// Tests Python clients against the server binary.
fn interop() -> Result {
    let folder = root().join("tests/interop");
    let python = tools::python(&folder.join("requirements.txt"))?;
    step(
        "Running the Python clients: those of the predecessors, and the examples",
        || {
            run(command(python)
                .arg(folder.join("python_clients.py"))
                .arg(binary()))
        },
    )
}

/// Tests the page in a browser. `grpcurl` runs the page's snippets.
fn browser(grpcurl: &Path) -> Result {
    let chromium = tools::chromium()?;
    let folder = root().join("tests/browser");
    tools::npm_packages(&folder)?;
    calls_from_wasm()?;
    step("Running the browser tests in Chromium", || {
        let mut playwright = command("npx");
        playwright.current_dir(&folder).args(["playwright", "test"]);
        run(playwright
            .env("CHROMIUM", chromium)
            .env("GRPCURL", grpcurl)
            .env("SOUNDSTAGE", binary()))
    })
}

/// Builds the calls that browser tests and a benchmark make from WebAssembly.
pub(crate) fn calls_from_wasm() -> Result {
    const PROFILE: &str = "web";
    side_by_side(vec![(
        "calls from WebAssembly",
        Box::new(|task| page::compile(task, "soundstage-browser-tests", PROFILE)),
    )])?;
    run_quietly(
        CargoTool::wasm_bindgen()?
            .command()?
            .args(["--target", "web", "--no-typescript", "--out-name", "calls"])
            .arg("--out-dir")
            .arg(root().join("target/browser-tests-wasm"))
            .arg(page::compiled_file(
                "soundstage_browser_tests.wasm",
                PROFILE,
            )),
    )
}

/// Checks the dependencies against `deny.toml`: licenses, bans, duplicates and sources.
fn dependencies() -> Result {
    // Advisories are in a git repository, which not every machine can reach.
    let mut deny = CargoTool::deny().command()?;
    step("Checking the dependencies", || {
        run(deny.args([
            "--locked",
            "check",
            "--hide-inclusion-graph",
            "bans",
            "licenses",
            "sources",
        ]))
    })
}

/// Returns the path of the binary that the Rust tests have built.
fn binary() -> PathBuf {
    root().join("target/debug/soundstage")
}
