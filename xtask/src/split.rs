//! Splitting the page's program: what only some pages need is loaded with them.
//!
//! Trunk has put the whole program into `dist`. Here the same program, as the linker left it, is cut at the functions
//! that are marked for it (`wasm_split` in `web/src/lazy.rs`), and its main part takes the whole one's place.

use std::fs;
use std::path::Path;

use crate::page::{Kind, program_file};
use crate::run::{Result, command, root, run_quietly};
use crate::tools;

/// What the splitter names its module of loaders.
const LOADERS: &str = "__wasm_split.js";

/// Replaces the program in `dist` by its parts.
pub(crate) fn split(kind: Kind) -> Result {
    let dist = root().join("dist");
    let name = program_name(&dist)?;
    let hash = name.rsplit('-').next().unwrap_or_default().to_owned();
    let parts = root().join("target/parts");
    // Parts of an earlier build would be taken along.
    let _ = fs::remove_dir_all(&parts);
    run_quietly(
        command(tools::wasm_split()?.join("wasm-split-cli"))
            .arg(program_file(kind))
            .arg(&parts)
            .args(["--target", "web", "--out-name", &name]),
    )?;
    run_quietly(
        command(tools::wasm_bindgen()?.join("wasm-bindgen"))
            .args(["--target", "web", "--no-typescript", "--keep-lld-exports"])
            .args(["--out-name", &name, "--out-dir"])
            .arg(&dist)
            .arg(parts.join(format!("{name}.wasm"))),
    )?;

    // Names with a hash can be kept by browsers for ever; the program's own stands for all its parts.
    let mut loaders = read(&parts.join(LOADERS))?;
    for entry in fs::read_dir(&parts).map_err(|error| format!("{}: {error}", parts.display()))? {
        let file = entry.map_err(|error| error.to_string())?.file_name();
        let file = file.to_string_lossy();
        let Some(part) = file.strip_suffix(".wasm").filter(|part| *part != name) else {
            continue;
        };
        let hashed = format!("{part}-{hash}.wasm");
        loaders = loaders.replace(&format!("./{file}"), &format!("./{hashed}"));
        copy(&parts.join(&*file), &dist.join(hashed))?;
    }
    let hashed_loaders = format!("soundstage-parts-{hash}.js");
    write(&dist.join(&hashed_loaders), &loaders)?;
    let program = dist.join(format!("{name}.js"));
    // Where it is imported from; the program itself goes on calling it by its first name.
    let source = |name: &str| format!(" from \"./{name}\"");
    let text = read(&program)?.replace(&source(LOADERS), &source(&hashed_loaders));
    write(&program, &text)
}

/// The name that Trunk gave the program, without its extension.
fn program_name(dist: &Path) -> Result<String> {
    let files = fs::read_dir(dist).map_err(|error| format!("{}: {error}", dist.display()))?;
    let mut names = files
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let name = names.find_map(|name| Some(name.strip_suffix("_bg.wasm")?.to_owned()));
    name.ok_or_else(|| "Trunk has left no program in dist".into())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, content: &str) -> Result {
    fs::write(path, content).map_err(|error| format!("{}: {error}", path.display()))
}

fn copy(from: &Path, to: &Path) -> Result {
    let copied = fs::copy(from, to).map(drop);
    copied.map_err(|error| format!("{}: {error}", from.display()))
}
