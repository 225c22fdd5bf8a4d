//! The npm package in `clients/js`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Result, command, root, run, run_quietly};
use crate::tools;

fn folder() -> PathBuf {
    root().join("clients/js")
}

/// Generates the clients, compiles the package and bundles it.
pub(crate) fn build() -> Result {
    tools::npm_packages(&folder())?;
    run_quietly(command("npm").current_dir(folder()).args(["run", "build"]))
}

/// Copies the example page and the bundle, with the licenses of what the bundle contains, to where the server embeds
/// them.
pub(crate) fn publish(to: &Path) -> Result {
    fs::create_dir_all(to).map_err(|error| format!("{}: {error}", to.display()))?;
    for (from, name) in [
        ("example/index.html", "index.html"),
        ("example/example.css", "example.css"),
        ("example/example.js", "example.js"),
        ("dist/soundstage-client.browser.js", "soundstage-client.js"),
        (
            "dist/soundstage-client.browser.licenses.txt",
            "soundstage-client.licenses.txt",
        ),
    ] {
        let from = folder().join(from);
        fs::copy(&from, to.join(name)).map_err(|error| format!("{}: {error}", from.display()))?;
    }
    Ok(())
}

/// Makes a module smaller, in place.
pub(crate) fn minify(file: &Path) -> Result {
    run_quietly(
        command(folder().join("node_modules/.bin/esbuild"))
            .arg(file)
            .args([
                "--minify",
                "--format=esm",
                "--allow-overwrite",
                "--log-level=error",
            ])
            .arg(format!("--outfile={}", file.display())),
    )
}

/// Tests the package in Node against a server binary.
pub(crate) fn test(binary: &Path) -> Result {
    let mut npm = command("npm");
    npm.current_dir(folder()).args(["test"]);
    run(npm.env("SOUNDSTAGE", binary))
}
