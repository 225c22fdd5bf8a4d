"""The stubs, made from the .proto files when they are imported: no step before."""

import pathlib
import sys

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "proto"))
user_pb2, user_pb2_grpc = grpc.protos_and_services("user.proto")

#: Where the server is: the first argument, or the default of `soundstage serve`.
ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:1234"


def users():
    """A client of the user directory."""
    return user_pb2_grpc.UserManagerStub(grpc.insecure_channel(ADDRESS))
