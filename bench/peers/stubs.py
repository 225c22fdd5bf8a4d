"""Generates Python stubs from a .proto file and makes them importable."""

import subprocess
import sys
import tempfile


def generate(folder, proto):
    target = tempfile.mkdtemp()
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}"]
    subprocess.run([*protoc, f"--python_out={target}", f"--grpc_python_out={target}", proto], check=True)
    sys.path.insert(0, target)
