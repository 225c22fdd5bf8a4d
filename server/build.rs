//! Embeds the page in the binary: writes a table of the files that Trunk built in `dist/`, each also compressed, which
//! `src/http/page.rs` includes. Without `dist/` the table is empty, and the server tells how to build the page.

use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};

type Error = Box<dyn std::error::Error>;

fn main() -> Result<(), Error> {
    let dist = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../dist");
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?);
    println!("cargo:rerun-if-changed={}", dist.display());

    let mut paths = files_below(&dist)?;
    paths.sort();
    let mut table = String::from("static ASSETS: &[Asset] = &[\n");
    for path in paths {
        table.push_str(&asset(&dist, &path, &out_dir)?);
    }
    table.push_str("];\n");
    fs::write(out_dir.join("assets.rs"), table)?;
    Ok(())
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    if !folder.exists() {
        return Ok(files);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // Trunk builds in the hidden folder `.stage`.
        if path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'))
        {
            continue;
        }
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// Returns the row of the table for a file.
fn asset(dist: &Path, file: &Path, out_dir: &Path) -> Result<String, Error> {
    let content = fs::read(file)?;
    let name = file
        .strip_prefix(dist)?
        .to_string_lossy()
        .replace('\\', "/");
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);

    let compressed = out_dir.join(name.replace('/', "_"));
    let brotli = store_if_smaller(
        &content,
        &brotli(&content)?,
        &compressed.with_added_extension("br"),
    )?;
    let gzip = store_if_smaller(
        &content,
        &gzip(&content)?,
        &compressed.with_added_extension("gz"),
    )?;

    let mut row = String::new();
    writeln!(row, "    Asset {{")?;
    writeln!(row, "        path: \"/{name}\",")?;
    writeln!(row, "        content_type: \"{}\",", content_type(file))?;
    writeln!(row, "        etag: \"\\\"{:016x}\\\"\",", hasher.finish())?;
    writeln!(row, "        hashed_name: {},", has_hash(&name))?;
    writeln!(
        row,
        "        identity: include_bytes!(r#\"{}\"#),",
        file.canonicalize()?.display()
    )?;
    writeln!(row, "        brotli: {brotli},")?;
    writeln!(row, "        gzip: {gzip},")?;
    writeln!(row, "    }},")?;
    Ok(row)
}

/// Writes a compressed form and returns its entry in the row. The entry is `None` if compression gains nothing.
fn store_if_smaller(content: &[u8], compressed: &[u8], file: &Path) -> Result<String, Error> {
    if compressed.len() >= content.len() {
        return Ok("None".into());
    }
    fs::write(file, compressed)?;
    Ok(format!("Some(include_bytes!(r#\"{}\"#))", file.display()))
}

fn brotli(mut content: &[u8]) -> Result<Vec<u8>, Error> {
    /// Bytes. Only the files of development builds are larger, and their compression must be fast.
    const DEVELOPMENT_SIZE: usize = 2_000_000;
    let quality = if content.len() < DEVELOPMENT_SIZE {
        11
    } else {
        3
    };
    let mut compressed = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams {
        quality,
        lgwin: 22,
        ..Default::default()
    };
    brotli::BrotliCompress(&mut content, &mut compressed, &parameters)?;
    Ok(compressed)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>, Error> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

/// Returns whether a name contains a hash. Trunk names files `name-<hash>.ext` or `name-<hash>_bg.wasm`, where the hash
/// is a 64-bit number in hexadecimal without leading zeros.
fn has_hash(name: &str) -> bool {
    let stem = name
        .split('.')
        .next()
        .unwrap_or_default()
        .trim_end_matches("_bg");
    let hash = stem.rsplit('-').next().unwrap_or_default();
    (12..=16).contains(&hash.len()) && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("json" | "webmanifest") => "application/json",
        Some("png") => "image/png",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
