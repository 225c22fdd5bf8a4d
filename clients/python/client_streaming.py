"""Client streaming: CountAlreadyUsers takes many requests and returns one response."""

from soundstage import user_pb2, users

requests = (user_pb2.UserRequest(id=id) for id in range(1, 10_001))
print(users().CountAlreadyUsers(requests, timeout=60).user_cnt)
