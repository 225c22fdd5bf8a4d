//! Splits the page's program, so that browsers load a part only when a page needs the part.
//!
//! Trunk writes the whole program into `dist`. This module splits the same program, as linked, at the functions with
//! the attribute `wasm_split` (`web/src/lazy.rs`). The main part then replaces the whole program in `dist`.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::Path;

use crate::cargo_tool::CargoTool;
use crate::run::{Result, root, run_quietly};

/// The splitter's name for the module that loads parts.
const LOADERS: &str = "__wasm_split.js";

/// Replaces the program in `dist` with the parts of `program`, which is the same program as linked.
pub(crate) fn split(program: &Path) -> Result {
    let dist = root().join("dist");
    let name = program_name(&dist)?;
    let parts = root().join("target/parts");
    // Parts of an earlier build would be copied too.
    let _ = fs::remove_dir_all(&parts);
    run_quietly(
        CargoTool::wasm_split()
            .command()?
            .arg(program)
            .arg(&parts)
            .args(["--target", "web", "--out-name", &name]),
    )?;
    run_quietly(
        CargoTool::wasm_bindgen()?
            .command()?
            .args(["--target", "web", "--no-typescript", "--keep-lld-exports"])
            .args(["--out-name", &name, "--out-dir"])
            .arg(&dist)
            .arg(parts.join(format!("{name}.wasm"))),
    )?;

    // Browsers cache names with a hash for ever. A part that an upgrade does not change keeps its name, so that a page
    // from before the upgrade can still load the part.
    let mut loaders = read(&parts.join(LOADERS))?;
    for entry in fs::read_dir(&parts).map_err(|error| format!("{}: {error}", parts.display()))? {
        let file = entry.map_err(|error| error.to_string())?.file_name();
        let file = file.to_string_lossy();
        let Some(part) = file.strip_suffix(".wasm").filter(|part| *part != name) else {
            continue;
        };
        let path = parts.join(&*file);
        let content = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let hashed = format!("{part}-{}.wasm", hash(&content));
        loaders = loaders.replace(&format!("./{file}"), &format!("./{hashed}"));
        write(&dist.join(hashed), &content)?;
    }
    let hashed_loaders = format!("soundstage-parts-{}.js", hash(loaders.as_bytes()));
    write(&dist.join(&hashed_loaders), loaders.as_bytes())?;
    let module = dist.join(format!("{name}.js"));
    // Only the import is renamed; the program keeps the original name.
    let source = |name: &str| format!(" from \"./{name}\"");
    let text = read(&module)?.replace(&source(LOADERS), &source(&hashed_loaders));
    write(&module, text.as_bytes())
}

/// Returns the name that Trunk gave the program, without the extension.
pub(crate) fn program_name(dist: &Path) -> Result<String> {
    let files = fs::read_dir(dist).map_err(|error| format!("{}: {error}", dist.display()))?;
    let mut names = files
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let name = names.find_map(|name| Some(name.strip_suffix("_bg.wasm")?.to_owned()));
    name.ok_or_else(|| "Trunk wrote no program into dist".into())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, content: &[u8]) -> Result {
    fs::write(path, content).map_err(|error| format!("{}: {error}", path.display()))
}

/// Returns the hash of a file's content, for the name of the file.
fn hash(content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(content);
    format!("{:016x}", hasher.finish())
}
