//! Short names for the functions that the page's program imports from its loader.
//!
//! wasm-bindgen gives each function a long name that ends in a hash. Hashes do not compress, and each stands in the
//! program and in the loader: 8 kB of the first load.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::run::Result;

/// The id of the import section (WebAssembly core specification, section 5.5.5).
const IMPORTS: u8 = 2;
/// The length of the magic number and the version, which precede the sections.
const PREAMBLE: usize = 8;
/// The hexadecimal digits of a hash.
const HASH: usize = 16;

/// Renames the imports in a program and in its loader, in place.
pub(crate) fn shorten(program: &Path, loader: &Path) -> Result {
    let read_error = |path: &Path, error| format!("{}: {error}", path.display());
    let wasm = fs::read(program).map_err(|error| read_error(program, error))?;
    let mut script = fs::read_to_string(loader).map_err(|error| read_error(loader, error))?;
    let names = short_names(&script);
    let wasm = rename_imports(&wasm, &names)
        .ok_or_else(|| format!("{} is not a WebAssembly program", program.display()))?;
    for (name, short) in &names {
        script = script.replace(name, short);
    }
    fs::write(program, wasm).map_err(|error| read_error(program, error))?;
    fs::write(loader, script).map_err(|error| read_error(loader, error))
}

/// Returns a short name for each function of a loader whose name has a hash.
fn short_names(script: &str) -> BTreeMap<String, String> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let words = script.split(|character: char| !character.is_ascii() || !is_word(character as u8));
    let hashed = words.filter(|word| {
        let hash = word.rsplit('_').next().unwrap_or_default();
        word.starts_with("__wbg_")
            && hash.len() == HASH
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    let mut names: BTreeMap<String, String> = hashed
        .map(|word| (word.to_owned(), String::new()))
        .collect();
    for (number, short) in names.values_mut().enumerate() {
        *short = format!("${number:x}");
    }
    names
}

/// Returns the program with other names in its import section; `None` if the program is malformed.
fn rename_imports(wasm: &[u8], names: &BTreeMap<String, String>) -> Option<Vec<u8>> {
    let mut renamed = wasm.get(..PREAMBLE)?.to_vec();
    let mut rest = &wasm[PREAMBLE..];
    while let Some((&id, after)) = rest.split_first() {
        let (length, size) = read_leb128(after)?;
        let content = after.get(size..size.checked_add(length)?)?;
        rest = &after[size + length..];
        let content = if id == IMPORTS {
            rename(content, names)
        } else {
            content.to_vec()
        };
        renamed.push(id);
        write_leb128(content.len(), &mut renamed);
        renamed.extend(content);
    }
    Some(renamed)
}

/// Replaces each name, which its length precedes. A name with a hash is unique, so the other bytes need no parsing.
fn rename(imports: &[u8], names: &BTreeMap<String, String>) -> Vec<u8> {
    let mut imports = imports.to_vec();
    for (name, short) in names {
        let prefixed = |name: &str| {
            let mut bytes = Vec::new();
            write_leb128(name.len(), &mut bytes);
            bytes.extend(name.as_bytes());
            bytes
        };
        let old = prefixed(name);
        if let Some(start) = imports.windows(old.len()).position(|window| window == old) {
            imports.splice(start..start + old.len(), prefixed(short));
        }
    }
    imports
}

/// Reads an unsigned LEB128 number. Returns the number and its size in bytes.
fn read_leb128(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut number = 0;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        number |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((number, index + 1));
        }
    }
    None
}

fn write_leb128(mut number: usize, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_with_a_hash_get_short_names_and_the_sections_stay_whole() {
        let name = "__wbg_click_0123456789abcdef";
        let names = short_names(&format!(
            "{{{name}:function(e){{e.click()}},__wbg_plain:1}}"
        ));
        assert_eq!(names, BTreeMap::from([(name.to_owned(), "$0".to_owned())]));

        let section = |field: &str| {
            let content = [
                b"\x01\x01m",
                &[field.len() as u8][..],
                field.as_bytes(),
                b"\0\0",
            ]
            .concat();
            [&[IMPORTS, content.len() as u8][..], &content].concat()
        };
        let program =
            |field: &str| [b"\0asm\x01\0\0\0", &section(field)[..], b"\x01\x01\0"].concat();
        assert_eq!(rename_imports(&program(name), &names), Some(program("$0")));
        assert_eq!(rename_imports(&program(name)[..20], &names), None);
    }
}
