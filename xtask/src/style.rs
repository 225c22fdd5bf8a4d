//! Bundles the style sheet of the page: a browser would load each imported file with a request of its own.

use std::fs;
use std::path::Path;

use crate::run::{Result, root};

/// Writes `web/style/index.css` with its imports resolved to `target/style.css`, where `index.html` expects it.
pub(crate) fn bundle() -> Result {
    let style = root().join("web/style");
    let mut bundle = String::new();
    for line in read(&style.join("index.css"))?.lines() {
        let import = line.strip_prefix("@import \"").and_then(|import| {
            import
                .strip_suffix(");")
                .and_then(|import| import.split_once("\" layer("))
        });
        match import {
            Some((file, layer)) => {
                let rules = read(&style.join(file))?;
                bundle.extend(["@layer ", layer, " {\n", &rules, "}\n"]);
            }
            None => bundle.extend([line, "\n"]),
        }
    }
    let bundle = minified(&bundle);
    let target = root().join("target/style.css");
    fs::write(&target, bundle).map_err(|error| format!("{}: {error}", target.display()))
}

/// Removes comments and indentation.
fn minified(style: &str) -> String {
    let mut parts = style.split("/*");
    let mut bare = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        bare += part.split_once("*/").map_or("", |(_, rest)| rest);
    }
    let lines = bare.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
