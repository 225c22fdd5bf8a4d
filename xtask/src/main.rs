//! The developer's commands: `cargo xtask help` lists them. The same on a laptop and in CI; what they need and do not
//! find, they install.

mod bench;
mod dev;
mod fuzz;
mod javascript;
mod page;
mod run;
mod server;
mod split;
mod style;
mod test;
mod tools;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  serve [OPTIONS]  build the page and the server, and run it; OPTIONS are those of `soundstage serve`
  test             check and test everything: format, lints, Rust, other languages' clients, the browser
  build            build the release binary, with the page inside
  page [--release] build the page alone into `dist/`, quickly unless it is for release
  dev [OPTIONS]    run the server, and build and start it again whenever a source changes
  bench NAME       measure; `cargo xtask bench` lists what

What is needed and not there (the WebAssembly target, Trunk, wasm-bindgen, Chromium, …) is installed first: into the
user's cache folder, or as a package of the system.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args
        .split_first()
        .map(|(command, rest)| (command.as_str(), rest))
    {
        Some(("serve", rest)) => server::serve(rest),
        Some(("test", [])) => test::run_all(),
        Some(("page", [])) => page::build(page::Kind::Development),
        Some(("page", [option])) if option == "--release" => page::build(page::Kind::Release),
        Some(("build", [])) => server::build().map(|binary| println!("{}", binary.display())),
        Some(("dev", rest)) => dev::watch(rest),
        Some(("bench", rest)) => bench::run_one(rest),
        None | Some(("help" | "--help" | "-h", _)) => {
            print!("{HELP}");
            Ok(())
        }
        Some((command, rest)) => Err(format!(
            "no such command: {command} {}\n\n{HELP}",
            rest.join(" ")
        )),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("xtask: {sentence}");
            ExitCode::FAILURE
        }
    }
}
