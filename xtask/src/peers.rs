//! Servers on other gRPC libraries, which the benchmark `calls` measures beside Soundstage.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Result, command, output, root, run_quietly, step};
use crate::tools;

const PROTOC_GEN_GO: &str = "google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.11";
const PROTOC_GEN_GO_GRPC: &str = "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.1";

/// Builds the servers that are missing or older than their source. Returns their folder.
pub(crate) fn build() -> Result<PathBuf> {
    let folder = root().join("target/peers");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    tools::programs(&[
        ("g++", "g++"),
        ("pkg-config", "pkg-config"),
        ("protoc", "protobuf-compiler"),
        ("grpc_cpp_plugin", "protobuf-compiler-grpc"),
    ])?;
    if output(command("pkg-config").args(["--exists", "grpc++", "protobuf"])).is_err() {
        step("Installing gRPC C++", || {
            tools::debian_packages(&["libgrpc++-dev", "libprotobuf-dev"])
        })?;
    }
    let sources = root().join("bench/peers");
    let source = sources.join("grpc-cpp/server.cc");
    let program = folder.join("grpc-cpp");
    if !tools::is_newer(&program, &source) {
        step("Building the peer on gRPC C++", || {
            build_cpp(&source, &program)
        })?;
    }
    let source = sources.join("grpc-go");
    let program = folder.join("grpc-go");
    if !tools::is_newer(&program, &source.join("main.go")) {
        tools::programs(&[("go", "golang-go")])?;
        // The bench measures without this peer, and says so: Debian's Go may be too old for it.
        if let Err(error) = step("Building the peer on grpc-go", || {
            build_go(&source, &program)
        }) {
            eprintln!("    {error}");
        }
    }
    Ok(folder)
}

fn build_cpp(source: &Path, program: &Path) -> Result {
    let generated = program.with_extension("generated");
    protoc(&generated, "cpp", &[])?;
    let plugin = tools::find_program("grpc_cpp_plugin").ok_or("grpc_cpp_plugin is missing")?;
    protoc(
        &generated,
        "grpc",
        &[format!("--plugin=protoc-gen-grpc={}", plugin.display())],
    )?;
    let flags = output(command("pkg-config").args(["--cflags", "--libs", "grpc++", "protobuf"]))?;
    run_quietly(
        command("g++")
            .args(["-std=c++17", "-O3", "-o"])
            .arg(program)
            .arg(source)
            .arg(generated.join("user.pb.cc"))
            .arg(generated.join("user.grpc.pb.cc"))
            .arg("-I")
            .arg(&generated)
            .args(flags.split_whitespace()),
    )
}

fn build_go(source: &Path, program: &Path) -> Result {
    let module = program.with_extension("module");
    let bin = module.join("bin");
    fs::create_dir_all(&module).map_err(|error| format!("{}: {error}", module.display()))?;
    for file in ["go.mod", "go.sum", "main.go"] {
        fs::copy(source.join(file), module.join(file))
            .map_err(|error| format!("{file}: {error}"))?;
    }
    for plugin in [PROTOC_GEN_GO, PROTOC_GEN_GO_GRPC] {
        run_quietly(
            command("go")
                .args(["install", plugin])
                .env("GOBIN", &bin)
                .env("GOTOOLCHAIN", "local"),
        )?;
    }
    for plugin in ["go", "go-grpc"] {
        protoc(
            &module,
            plugin,
            &[
                format!(
                    "--plugin=protoc-gen-{plugin}={}",
                    bin.join(format!("protoc-gen-{plugin}")).display()
                ),
                format!("--{plugin}_opt=Muser.proto=soundstage.example/peer/user"),
                format!("--{plugin}_opt=module=soundstage.example/peer"),
            ],
        )?;
    }
    run_quietly(
        command("go")
            .current_dir(&module)
            .args(["build", "-o"])
            .arg(program)
            .arg(".")
            .env("GOTOOLCHAIN", "local"),
    )
}

/// Generates code from the file of the directory.
fn protoc(folder: &Path, plugin: &str, options: &[String]) -> Result {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    run_quietly(
        command("protoc")
            .arg("--proto_path")
            .arg(root().join("proto"))
            .arg(format!("--{plugin}_out={}", folder.display()))
            .args(options)
            .arg("user.proto"),
    )
}
