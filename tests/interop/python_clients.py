"""Tests with grpcio against the binary: clients generated from the predecessors' .proto files, and the example scripts.

    python python_clients.py path/to/soundstage

MESSAGES sets the number of messages of each stream in the test of small messages; PAUSE how long its reader pauses, in seconds:

    MESSAGES=1000000 PAUSE=10 python python_clients.py path/to/soundstage Streams
"""

import concurrent.futures
import importlib
import math
import os
import pathlib
import queue
import statistics
import subprocess
import sys
import tempfile
import time
import unittest

import grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

HERE = pathlib.Path(__file__).parent
BINARY = sys.argv.pop(1)
MESSAGES = int(os.environ.get("MESSAGES", 20_000))
PAUSE = float(os.environ.get("PAUSE", 1))


def client(proto):
    """Generates the messages and stubs of a .proto file, and imports both modules."""
    folder = tempfile.mkdtemp()
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{HERE / 'protos'}"]
    subprocess.run([*protoc, f"--python_out={folder}", f"--grpc_python_out={folder}", f"{proto}.proto"], check=True)
    sys.path.insert(0, folder)
    return importlib.import_module(f"{proto}_pb2"), importlib.import_module(f"{proto}_pb2_grpc")


class Server:
    """A server process with its own database."""

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


class StubTestCase(TestCase):
    """Has the stub of a service that a .proto file of the predecessors declares."""

    proto = service = None

    @classmethod
    def setUpClass(cls):
        cls.pb, cls.grpc = client(cls.proto)

    def setUp(self):
        super().setUp()
        self.channel, self.stub = self.connect(self.server)

    def connect(self, server):
        """Returns a channel to a server, and a stub on the channel."""
        channel = self.enterContext(grpc.insecure_channel(server.address))
        return channel, getattr(self.grpc, f"{self.service}Stub")(channel)


def known(message):
    """Removes the fields that are newer than the client; Python would compare them too."""
    message.DiscardUnknownFields()
    return message


class UserManager(StubTestCase):
    """Every method of the predecessor's user manager, with the responses that the contract fixes."""

    proto, service = "user", "UserManager"

    def test_get_user(self):
        response = self.stub.GetUser(self.pb.UserRequest(id=1))
        admin = self.pb.User(id=1, nickname="admin", mail_address="admin@example.com", user_type="ADMINISTRATOR")
        self.assertEqual(known(response), self.pb.UserResponse(user=admin))

    def test_get_user_not_found(self):
        response = self.stub.GetUser(self.pb.UserRequest(id=99))
        self.assertEqual(response, self.pb.UserResponse(error=True, message="not found"))

    def test_add_user(self):
        user = self.pb.User(id=70, nickname="new", mail_address="new@example.com", user_type="GUEST")
        self.assertEqual(known(self.stub.AddUser(user)), self.pb.UserResponse(user=user))
        self.assertEqual(self.stub.AddUser(user), self.pb.UserResponse(error=True, message="already exist"))
        self.assertEqual(known(self.stub.GetUser(self.pb.UserRequest(id=70))).user, user)

    def test_add_invalid_user(self):
        with self.assertRaises(grpc.RpcError) as raised:
            self.stub.AddUser(self.pb.User(id=71))
        self.assertEqual(raised.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)

    def test_count_already_users(self):
        ids = [1, 1, 2, 99]
        response = self.stub.CountAlreadyUsers(iter([self.pb.UserRequest(id=id) for id in ids]))
        self.assertEqual(response, self.pb.UserCntResponse(user_cnt=3))

    def test_get_users_by_type(self):
        responses = self.stub.GetUsersByType(self.pb.UserTypeRequest(user_type="NORMAL"))
        self.assertEqual([response.user.id for response in responses], [3, 5, 6])

    def test_get_users_by_ids_responds_before_the_next_request(self):
        requests = queue.SimpleQueue()
        responses = self.stub.GetUsersByIds(iter(requests.get, None), timeout=10)
        for id in [6, 1, 4]:
            requests.put(self.pb.UserRequest(id=99))
            requests.put(self.pb.UserRequest(id=id))
            self.assertEqual(next(responses).user.id, id)
        requests.put(None)
        self.assertEqual(list(responses), [])

    def test_reflection_v1alpha(self):
        services = ProtoReflectionDescriptorDatabase(self.channel).get_services()
        self.assertIn("UserManager", services)
        self.assertIn("posXYZ.PositionService", services)
        self.assertFalse([name for name in services if "Positin" in name])


class Streams(StubTestCase):
    """Parallel streams of small messages on one connection."""

    proto, service = "user", "UserManager"

    def test_parallel_streams_of_small_messages_outlast_a_reader_that_pauses(self):
        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            calls = [threads.submit(self.read, PAUSE), threads.submit(self.read, 0)]
            calls += [threads.submit(self.count), threads.submit(self.count)]
            self.assertEqual([call.result() for call in calls], [MESSAGES] * 4)

    def requests(self):
        return (self.pb.UserRequest(id=index % 6 + 1) for index in range(MESSAGES))

    def read(self, pause):
        responses = self.stub.GetUsersByIds(self.requests())
        time.sleep(pause)
        return sum(1 for _ in responses)

    def count(self):
        return self.stub.CountAlreadyUsers(self.requests()).user_cnt


class PositionCalls:
    """Both methods of the predecessor's position server, for either spelling of its name."""

    def test_the_character_walks_the_circle(self):
        first, second = self.position(), self.position()
        for position in (first, second):
            self.assertEqual((position.status, position.msg), (0, "character position"))
            self.assertAlmostEqual(math.hypot(position.position.x, position.position.y), 1, places=5)
            self.assertEqual(position.position.z, 0)

    def test_a_published_position_holds(self):
        published = self.pb.Pos(x=-2, y=0.5, z=0.25)
        response = self.stub.PositionPub(self.pb.Position(position=published))
        self.assertEqual(response.status, 0)
        self.assertEqual(self.position().position, published)

    def test_invalid_position_is_rejected(self):
        for invalid in (self.pb.Position(), self.pb.Position(position=self.pb.Pos(x=math.nan))):
            with self.assertRaises(grpc.RpcError) as raised:
                self.stub.PositionPub(invalid)
            self.assertEqual(raised.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)

    def test_polling_is_as_fast_while_hundreds_of_characters_move(self):
        # The polls alternate between this server and an idle one, so that other load of the machine slows both.
        _, idle = self.connect(self.enterContext(Server()))
        times = {self.stub: [], idle: []}
        server = f"http://{self.server.address}"
        commands = [["simulate", "300"], ["watch", "--all"]]
        others = [
            subprocess.Popen([BINARY, "position", *command, "--server", server], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for command in commands
        ]
        try:
            # Polls every 100 ms, as the sound system did.
            start = time.monotonic()
            for poll in range(30):
                for stub, taken in times.items():
                    sent = time.monotonic()
                    position = self.position(stub)
                    taken.append(time.monotonic() - sent)
                    self.assertEqual((position.status, position.msg), (0, "character position"))
                    self.assertAlmostEqual(math.hypot(position.position.x, position.position.y), 1, places=5)
                time.sleep(max(0, start + (poll + 1) / 10 - time.monotonic()))
            busy, alone = map(statistics.median, times.values())
            self.assertLess(busy, 10 * alone)
            published = self.pb.Pos(x=-2, y=0.5, z=1)
            self.stub.PositionPub(self.pb.Position(position=published))
            self.assertEqual(self.position().position, published)
            self.assertTrue(all(other.poll() is None for other in others), "a client has stopped")
        finally:
            for other in others:
                other.kill()
                other.wait()

    def position(self, stub=None):
        return (stub or self.stub).PositionReq(self.pb.Msg(status=1, msg="position"))


class PositionService(PositionCalls, StubTestCase):
    proto, service = "position", "PositionService"


class PositinService(PositionCalls, StubTestCase):
    proto, service = "positin", "PositinService"


class Examples(TestCase):
    """The scripts of clients/python, run as a reader would run them."""

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
        expected = ["request 5", "response Zaru", "request 1", "response admin", "request 6", "response Saru"]
        self.assertEqual(self.run_script("bidirectional"), expected)


if __name__ == "__main__":
    # Each test case runs in its own process: the two spellings define the same message names, which cannot coexist.
    if len(sys.argv) > 1:
        unittest.main()
    cases = [case.__name__ for case in (UserManager, Streams, PositionService, PositinService, Examples)]
    sys.exit(max(subprocess.run([sys.executable, __file__, BINARY, case]).returncode for case in cases))
