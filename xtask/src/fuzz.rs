//! Short fuzzing, which finds regressions and keeps the fuzz target compiling.

use std::fs;

use crate::run::{Result, command, output, root, run, run_quietly, step};
use crate::tools;

/// The instrumentation that libFuzzer needs, with the flags of cargo-fuzz; all of them are stable.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1 -Cdebug-assertions \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";
const SECONDS: u32 = 20;
/// A multiple of what the decoder needs for small messages.
const MEMORY_LIMIT_MB: u32 = 512;

/// Builds the fuzz target and runs it for [`SECONDS`]. Fails on the first input that breaks an assertion.
pub(crate) fn run_briefly() -> Result {
    // libFuzzer is C++ and is compiled with the target.
    tools::programs(&[("c++", "g++")])?;
    let host = output(command("rustc").arg("--print").arg("host-tuple"))?;
    let folder = root().join("target/fuzz");
    step("Building the fuzz target", || {
        run(command("cargo")
            .args([
                "build",
                "--quiet",
                "--locked",
                "--release",
                "--package",
                "soundstage-channel-fuzz",
                // With an explicit target, build scripts are not instrumented.
                "--target",
                host.trim(),
                "--config",
                "profile.release.lto=false",
            ])
            .env("CARGO_TARGET_DIR", &folder)
            .env("RUSTFLAGS", COVERAGE))
    })?;
    step(
        &format!("Fuzzing the channel's decoder for {SECONDS} s"),
        || {
            let corpus = folder.join("corpus");
            fs::create_dir_all(&corpus)
                .map_err(|error| format!("{}: {error}", corpus.display()))?;
            let program = folder.join(host.trim()).join("release/decoder");
            run_quietly(
                command(program)
                    .current_dir(&folder)
                    .arg(format!("-max_total_time={SECONDS}"))
                    .arg(format!("-rss_limit_mb={MEMORY_LIMIT_MB}"))
                    .arg(&corpus),
            )
        },
    )
}
