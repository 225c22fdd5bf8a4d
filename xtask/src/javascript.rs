//! The package in `clients/js`: built for the page's examples, tested in Node.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Result, command, root, run, run_quietly};
use crate::tools;

/// The package, built.
pub(crate) struct JavaScript {
    folder: PathBuf,
}

/// Generates the clients, compiles and bundles.
pub(crate) fn build() -> Result<JavaScript> {
    let folder = root().join("clients/js");
    tools::npm_packages(&folder)?;
    run_quietly(command("npm").current_dir(&folder).args(["run", "build"]))?;
    Ok(JavaScript { folder })
}

impl JavaScript {
    /// Puts the example page, and the bundle that it is made with, where the server finds them.
    pub(crate) fn publish(&self, to: &Path) -> Result {
        fs::create_dir_all(to).map_err(|error| format!("{}: {error}", to.display()))?;
        for (from, name) in [
            ("example/index.html", "index.html"),
            ("example/example.css", "example.css"),
            ("example/example.js", "example.js"),
            ("dist/soundstage-client.browser.js", "soundstage-client.js"),
        ] {
            let from = self.folder.join(from);
            fs::copy(&from, to.join(name))
                .map_err(|error| format!("{}: {error}", from.display()))?;
        }
        Ok(())
    }

    /// Makes a module smaller, in place.
    pub(crate) fn minify(&self, file: &Path) -> Result {
        run_quietly(
            command(self.folder.join("node_modules/.bin/esbuild"))
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

    /// Calls the real binary from Node.
    pub(crate) fn test(&self, binary: &Path) -> Result {
        let mut npm = command("npm");
        npm.current_dir(&self.folder).args(["test"]);
        run(npm.env("SOUNDSTAGE", binary))
    }
}
