//! Generates the message types, clients and server traits, and the table of methods. `protox` reads the `.proto` files in
//! Rust, so no `protoc` is needed.

#[path = "build/methods.rs"]
mod methods;

use std::path::PathBuf;

use prost::Message as _;

const PROTOS: [&str; 2] = ["user.proto", "position.proto"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for proto in PROTOS {
        println!("cargo:rerun-if-changed={proto}");
    }
    let descriptors = protox::compile(PROTOS, ["."])?;

    // What server reflection shows.
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out_dir.join("descriptors.bin"), descriptors.encode_to_vec())?;
    std::fs::write(out_dir.join("methods.rs"), methods::table(&descriptors)?)?;

    tonic_prost_build::configure()
        .build_server(std::env::var_os("CARGO_FEATURE_SERVER").is_some())
        .build_transport(false)
        .compile_fds(descriptors)?;
    Ok(())
}
