//! Generates the message types, clients, server traits, and the table of methods. `protox` compiles the `.proto` files
//! in Rust, so the build needs no `protoc`.

#[path = "build/methods.rs"]
mod methods;

use std::path::{Path, PathBuf};

use prost::Message as _;
use prost_types::FileDescriptorSet;

const PROTOS: [&str; 2] = ["user.proto", "position.proto"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for proto in PROTOS {
        println!("cargo:rerun-if-changed={proto}");
    }
    let descriptors = protox::compile(PROTOS, ["."])?;

    // For server reflection.
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out_dir.join("descriptors.bin"), descriptors.encode_to_vec())?;
    std::fs::write(out_dir.join("methods.rs"), methods::table(&descriptors)?)?;

    let with_server = std::env::var_os("CARGO_FEATURE_SERVER").is_some();
    let (stage, users) = split(descriptors);
    let stubs = || tonic_prost_build::configure().build_transport(false);
    stubs().build_server(with_server).compile_fds(users)?;
    stubs().build_server(false).compile_fds(stage.clone())?;
    if with_server {
        compile_stage_server(&out_dir, stage)?;
    }
    Ok(())
}

/// Returns the file of the stage, and all other files.
fn split(descriptors: FileDescriptorSet) -> (FileDescriptorSet, FileDescriptorSet) {
    let files = descriptors.file.into_iter();
    let (stage, others) = files.partition(|file| file.package() == "posXYZ");
    let set = |file| FileDescriptorSet { file };
    (set(stage), set(others))
}

/// Generates the server trait of the stage, with encoded updates (`src/encoded.rs`): encoding an update for each
/// subscriber would be the largest cost of the server.
fn compile_stage_server(
    out_dir: &Path,
    stage: FileDescriptorSet,
) -> Result<(), Box<dyn std::error::Error>> {
    let folder = out_dir.join("encoded");
    std::fs::create_dir_all(&folder)?;
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        .extern_path(".posXYZ", "crate::position")
        .extern_path(".posXYZ.StageUpdate", "crate::encoded::EncodedUpdate")
        .out_dir(folder)
        .compile_fds(stage)?;
    Ok(())
}
