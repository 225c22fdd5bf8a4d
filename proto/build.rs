//! Generates the message types, the clients, and the table of methods. `protox` compiles the `.proto` files
//! in Rust, so the build needs no `protoc`.

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

    // For server reflection.
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out_dir.join("descriptors.bin"), descriptors.encode_to_vec())?;
    std::fs::write(out_dir.join("methods.rs"), methods::table(&descriptors)?)?;

    // The server has a codec of its own, so it needs no generated servers.
    tonic_prost_build::configure()
        .build_server(false)
        .build_transport(false)
        .compile_fds(descriptors)?;
    Ok(())
}
