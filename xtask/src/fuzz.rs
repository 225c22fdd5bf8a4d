//! Fuzzing, briefly: enough to find what a change broke, and to keep the targets from rotting.

use std::fs;

use crate::run::{Result, command, output, root, run, run_quietly, step};
use crate::tools;

/// The compiler's instrumentation that libFuzzer looks at, as cargo-fuzz sets it; all of it stable.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1 -Cdebug-assertions \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";
const SECONDS: u32 = 20;
/// Far more than a decoder of small messages needs.
const MAX_MEGABYTES: u32 = 512;

/// Builds the targets and runs each for a while. It stops by itself, and fails on the first input that breaks a rule.
pub(crate) fn run_briefly() -> Result {
    // libFuzzer is C++, and is built along.
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
                // With it named, build scripts are not instrumented.
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
                    .arg(format!("-rss_limit_mb={MAX_MEGABYTES}"))
                    .arg(&corpus),
            )
        },
    )
}
