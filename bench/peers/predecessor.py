"""The predecessor's design, as a peer: grpcio, a pool of two threads, users in a dictionary. Each add rewrites the
whole JSON file.

    python predecessor.py PORT USERS.json
"""

import json
import pathlib
import sys
from concurrent import futures

import grpc
from stubs import generate

PROTOS = pathlib.Path(__file__).parents[2] / "tests/interop/protos"


def main(port, path):
    generate(PROTOS, "user.proto")
    import user_pb2 as pb
    import user_pb2_grpc as pb_grpc

    users = {int(key): value for key, value in json.loads(pathlib.Path(path).read_text()).items()}

    class UserManager(pb_grpc.UserManagerServicer):
        def GetUser(self, request, context):
            if request.id not in users:
                return pb.UserResponse(error=True, message="not found")
            return pb.UserResponse(user=pb.User(**users[request.id]))

        def AddUser(self, request, context):
            # The benchmark sends no id, so the next free id is used. The predecessor required an id.
            id = request.id or max(users, default=0) + 1
            if id in users:
                return pb.UserResponse(error=True, message="already exist")
            user_type = pb.User.UserType.Name(request.user_type)
            users[id] = dict(id=id, nickname=request.nickname, mail_address=request.mail_address, user_type=user_type)
            with open(path, "w") as file:
                json.dump(users, file, indent=2)
            return pb.UserResponse(user=pb.User(**users[id]))

        def GetUsersByType(self, request, context):
            name = pb.UserTypeRequest.UserType.Name(request.user_type)
            for user in users.values():
                if user["user_type"] == name:
                    yield pb.UserResponse(user=pb.User(**user))

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    pb_grpc.add_UserManagerServicer_to_server(UserManager(), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


main(int(sys.argv[1]), sys.argv[2])
