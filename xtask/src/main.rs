//! The developer's commands, which `cargo xtask help` lists. Each command installs the tools that it needs and that are
//! missing.

mod bench;
mod cargo_tool;
mod dev;
mod fuzz;
mod imports;
mod javascript;
mod page;
mod peers;
mod progress;
mod run;
mod server;
mod split;
mod style;
mod test;
mod tools;
mod wasm_toolchain;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  serve [OPTIONS]   Build and run the server; OPTIONS are those of `soundstage serve`.
                    The build is quick and not optimized until you have run `cargo xtask build`
  build             Build the optimized binary `target/release/soundstage`, which contains the page
  test              Run all checks and tests: format, dependencies, lints, Rust, fuzzing, Python, JavaScript, browser
  dev [OPTIONS]     Run the server, and build and restart it when a source changes
  page [--release]  Build only the page, into `dist/`; quickly, or as in a release
  bench NAME        Run a benchmark; `cargo xtask bench` lists the names

Missing tools (the WebAssembly target, Trunk, wasm-bindgen, Chromium, …) are installed first: into the cache folder of the
user, or as system packages.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args
        .split_first()
        .map(|(command, rest)| (command.as_str(), rest))
    {
        Some(("serve", rest)) => server::serve(rest),
        Some(("test", [])) => test::run_all(),
        Some(("page", [])) => page::build(page::Kind::Quick, |_| Ok(())),
        Some(("page", [option])) if option == "--release" => {
            page::build(page::Kind::Release, |_| Ok(()))
        }
        Some(("build", [])) => server::build().map(|binary| println!("{}", binary.display())),
        Some(("dev", rest)) => dev::watch(rest),
        Some(("bench", rest)) => bench::run_one(rest),
        None | Some(("help" | "--help" | "-h", _)) => {
            print!("{HELP}");
            Ok(())
        }
        Some((command, rest)) => Err(format!(
            "unknown command: {command} {}\n\n{HELP}",
            rest.join(" ")
        )),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            run::say(&format!("xtask: {sentence}"));
            ExitCode::FAILURE
        }
    }
}
