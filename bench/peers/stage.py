"""The stage's fan-out in Python, as a peer: grpcio with asyncio, which wakes each subscriber for each change.

    python stage.py PORT
"""

import asyncio
import pathlib
import sys

import grpc
from stubs import generate

PROTO = pathlib.Path(__file__).parents[2] / "proto"


async def main(port):
    generate(PROTO, "position.proto")
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
