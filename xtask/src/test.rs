//! `test`: everything that must hold, from the quickest to the slowest.

use crate::page::{self, Kind};
use crate::run::{Result, command, root, run, run_quietly, step};
use crate::tools;
use crate::{fuzz, javascript};

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
            "--package",
            "soundstage-browser-tests",
            "--target",
            "wasm32-unknown-unknown",
        ]);
        clippy.env("CARGO_TARGET_DIR", page::target_dir());
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
    step("Testing the JavaScript client in Node", || {
        javascript::build()?.test(&binary())
    })?;
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
    calls_from_wasm()?;
    step(
        "Testing in Chromium: the page, and calls from WebAssembly",
        || {
            let mut playwright = command("npx");
            playwright.current_dir(&folder).args(["playwright", "test"]);
            run(playwright
                .env("CHROMIUM", chromium)
                .env("SOUNDSTAGE", binary()))
        },
    )
}

/// Builds the calls that the browser tests make from WebAssembly, to where the tests, and a bench, find them.
pub(crate) fn calls_from_wasm() -> Result {
    step("Building the browser tests' calls from WebAssembly", || {
        page::compile(&tools::wasm_toolchain()?, "soundstage-browser-tests", "web")?;
        run_quietly(
            command(tools::wasm_bindgen()?.join("wasm-bindgen"))
                .args(["--target", "web", "--no-typescript", "--out-name", "calls"])
                .arg("--out-dir")
                .arg(root().join("target/browser-tests-wasm"))
                .arg(
                    page::target_dir()
                        .join("wasm32-unknown-unknown/web/soundstage_browser_tests.wasm"),
                ),
        )
    })
}

/// The binary that the tests in Rust have built.
fn binary() -> std::path::PathBuf {
    root().join("target/debug/soundstage")
}
