"""The generated clients. Importing this module generates them from the .proto files, so no build step is needed."""

import pathlib
import sys

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "proto"))
user_pb2, user_pb2_grpc = grpc.protos_and_services("user.proto")

#: The address of the server: the first argument, or the default address of `soundstage serve`.
ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:1234"


def users():
    """Returns a client of the user directory."""
    return user_pb2_grpc.UserManagerStub(grpc.insecure_channel(ADDRESS))
