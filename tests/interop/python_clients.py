"""Clients generated from the predecessors' own .proto files, and the example scripts, with grpcio, against the real binary.

    python python_clients.py path/to/soundstage
"""

import importlib
import math
import pathlib
import queue
import subprocess
import sys
import tempfile
import time
import unittest

import grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

HERE = pathlib.Path(__file__).parent
BINARY = sys.argv.pop(1)


def client(proto):
    """The messages and stubs of one .proto file."""
    folder = tempfile.mkdtemp()
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{HERE / 'protos'}"]
    subprocess.run([*protoc, f"--python_out={folder}", f"--grpc_python_out={folder}", f"{proto}.proto"], check=True)
    sys.path.insert(0, folder)
    return importlib.import_module(f"{proto}_pb2"), importlib.import_module(f"{proto}_pb2_grpc")


class Server:
    """The binary, with a database of its own."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        database = pathlib.Path(self.folder.name) / "users.db"
        command = [BINARY, "serve", "--listen", "127.0.0.1:0", "--log", "warn", "--hold", "500ms", "--database", database]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.address = line.removeprefix("Soundstage is at http://").removesuffix("/\n")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.folder.cleanup()


class TestCase(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server())
        self.channel = self.enterContext(grpc.insecure_channel(self.server.address))


def known(message):
    """The message without fields that came after its client was made; Python compares those too."""
    message.DiscardUnknownFields()
    return message


class UserManager(TestCase):
    """Every call of the user manager, with the answers that the contract fixes."""

    @classmethod
    def setUpClass(cls):
        cls.pb, cls.grpc = client("user")

    def setUp(self):
        super().setUp()
        self.stub = self.grpc.UserManagerStub(self.channel)

    def test_get_user(self):
        answer = self.stub.GetUser(self.pb.UserRequest(id=1))
        admin = self.pb.User(id=1, nickname="admin", mail_address="admin@example.com", user_type="ADMINISTRATOR")
        self.assertEqual(known(answer), self.pb.UserResponse(user=admin))

    def test_get_user_not_found(self):
        answer = self.stub.GetUser(self.pb.UserRequest(id=99))
        self.assertEqual(answer, self.pb.UserResponse(error=True, message="not found"))

    def test_add_user(self):
        user = self.pb.User(id=70, nickname="new", mail_address="new@example.com", user_type="GUEST")
        self.assertEqual(known(self.stub.AddUser(user)), self.pb.UserResponse(user=user))
        self.assertEqual(self.stub.AddUser(user), self.pb.UserResponse(error=True, message="already exist"))
        self.assertEqual(known(self.stub.GetUser(self.pb.UserRequest(id=70))).user, user)

    def test_add_user_that_is_not_valid(self):
        with self.assertRaises(grpc.RpcError) as raised:
            self.stub.AddUser(self.pb.User(id=71))
        self.assertEqual(raised.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)

    def test_count_already_users(self):
        ids = [1, 1, 2, 99]
        answer = self.stub.CountAlreadyUsers(iter([self.pb.UserRequest(id=id) for id in ids]))
        self.assertEqual(answer, self.pb.UserCntResponse(user_cnt=3))

    def test_get_users_by_type(self):
        answers = self.stub.GetUsersByType(self.pb.UserTypeRequest(user_type="NORMAL"))
        self.assertEqual([answer.user.id for answer in answers], [3, 5, 6])

    def test_get_users_by_ids_answers_each_before_the_next(self):
        questions = queue.SimpleQueue()
        answers = self.stub.GetUsersByIds(iter(questions.get, None), timeout=10)
        for id in [6, 1, 4]:
            questions.put(self.pb.UserRequest(id=99))
            questions.put(self.pb.UserRequest(id=id))
            self.assertEqual(next(answers).user.id, id)
        questions.put(None)
        self.assertEqual(list(answers), [])

    def test_reflection_v1alpha(self):
        services = ProtoReflectionDescriptorDatabase(self.channel).get_services()
        self.assertIn("UserManager", services)
        self.assertIn("posXYZ.PositionService", services)
        self.assertFalse([name for name in services if "Positin" in name])


class PositionCalls:
    """Both calls of the position server, for either spelling of its name."""

    def test_the_character_walks_the_circle(self):
        first, second = self.position(), self.position()
        for position in (first, second):
            self.assertEqual((position.status, position.msg), (0, "character position"))
            self.assertAlmostEqual(math.hypot(position.position.x, position.position.y), 1, places=5)
            self.assertEqual(position.position.z, 0)

    def test_a_published_position_holds(self):
        put = self.pb.Pos(x=-2, y=0.5, z=0.25)
        answer = self.stub.PositionPub(self.pb.Position(position=put))
        self.assertEqual(answer.status, 0)
        self.assertEqual(self.position().position, put)

    def test_what_is_no_position_is_refused(self):
        for bad in (self.pb.Position(), self.pb.Position(position=self.pb.Pos(x=math.nan))):
            with self.assertRaises(grpc.RpcError) as raised:
                self.stub.PositionPub(bad)
            self.assertEqual(raised.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)

    def test_polling_goes_on_while_hundreds_move(self):
        server = f"http://{self.server.address}"
        commands = [["simulate", "300"], ["watch", "--all"]]
        others = [
            subprocess.Popen([BINARY, "position", *command, "--server", server], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for command in commands
        ]
        try:
            # As the sound system did: each 100 ms.
            start = time.monotonic()
            for poll in range(30):
                asked = time.monotonic()
                position = self.position()
                self.assertLess(time.monotonic() - asked, 0.1)
                self.assertEqual((position.status, position.msg), (0, "character position"))
                self.assertAlmostEqual(math.hypot(position.position.x, position.position.y), 1, places=5)
                time.sleep(max(0, start + (poll + 1) / 10 - time.monotonic()))
            put = self.pb.Pos(x=-2, y=0.5, z=1)
            self.stub.PositionPub(self.pb.Position(position=put))
            self.assertEqual(self.position().position, put)
            self.assertTrue(all(other.poll() is None for other in others), "they move all the while")
        finally:
            for other in others:
                other.kill()
                other.wait()

    def position(self):
        return self.stub.PositionReq(self.pb.Msg(status=1, msg="position"))


class PositionService(PositionCalls, TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pb, cls.grpc = client("position")

    def setUp(self):
        super().setUp()
        self.stub = self.grpc.PositionServiceStub(self.channel)


class PositinService(PositionCalls, TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pb, cls.grpc = client("positin")

    def setUp(self):
        super().setUp()
        self.stub = self.grpc.PositinServiceStub(self.channel)


class Examples(TestCase):
    """The scripts of clients/python, as somebody runs them who wants to see how a call is made."""

    def run_script(self, name):
        script = HERE.parents[1] / "clients/python" / f"{name}.py"
        command = [sys.executable, script, self.server.address]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()

    def test_unary(self):
        self.assertEqual(self.run_script("unary"), ["1 admin", "99 not found"])

    def test_server_streaming(self):
        self.assertEqual(self.run_script("server_streaming"), ["3 foo", "5 Zaru", "6 Saru"])

    def test_client_streaming(self):
        self.assertEqual(self.run_script("client_streaming"), ["6"])

    def test_bidirectional(self):
        expected = ["ask 5", "answer Zaru", "ask 1", "answer admin", "ask 6", "answer Saru"]
        self.assertEqual(self.run_script("bidirectional"), expected)


if __name__ == "__main__":
    # The two spellings define the same message names, which one process cannot hold: each has a process of its own.
    if len(sys.argv) > 1:
        unittest.main()
    cases = [case.__name__ for case in (UserManager, PositionService, PositinService, Examples)]
    sys.exit(max(subprocess.run([sys.executable, __file__, BINARY, case]).returncode for case in cases))
