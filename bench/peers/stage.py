"""The same fan-out in Python, as a peer to measure against: grpcio with asyncio, each subscriber woken for each change.

    python stage.py PORT
"""

import asyncio
import pathlib
import subprocess
import sys
import tempfile

import grpc

PROTO = pathlib.Path(__file__).parents[2] / "proto"


def generate():
    folder = tempfile.mkdtemp()
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}"]
    subprocess.run([*protoc, f"--python_out={folder}", f"--grpc_python_out={folder}", "position.proto"], check=True)
    sys.path.insert(0, folder)


async def main(port):
    generate()
    import position_pb2 as pb
    import position_pb2_grpc as pb_grpc

    changed = asyncio.Condition()
    newest = {"samples": [], "number": 0}

    class PositionService(pb_grpc.PositionServiceServicer):
        async def PositionSub(self, request, context):
            seen = 0
            while True:
                async with changed:
                    await changed.wait_for(lambda: newest["number"] > seen)
                    seen, samples = newest["number"], newest["samples"]
                yield pb.StageUpdate(samples=samples)

        async def PositionSync(self, requests, context):
            async for request in requests:
                if request.joins:
                    own = [pb.Character(id=id, name=join.name) for id, join in enumerate(request.joins, 2)]
                    yield pb.StageUpdate(own=own)
                    continue
                async with changed:
                    newest["samples"] = request.samples
                    newest["number"] += 1
                    changed.notify_all()

    server = grpc.aio.server()
    pb_grpc.add_PositionServiceServicer_to_server(PositionService(), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


asyncio.run(main(int(sys.argv[1])))
