"""Bidirectional: GetUsersByIds responds to each id before the next request."""

import queue

from soundstage import user_pb2, users

requests = queue.SimpleQueue()
responses = users().GetUsersByIds(iter(requests.get, None), timeout=5)
for id in (5, 1, 6):
    print("request", id)
    requests.put(user_pb2.UserRequest(id=id))
    print("response", next(responses).user.nickname)
requests.put(None)
