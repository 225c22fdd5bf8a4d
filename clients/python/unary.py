"""Unary: GetUser takes one request and returns one response. An unknown id is an error in the response, not a failed call."""

from soundstage import user_pb2, users

for id in (1, 99):
    response = users().GetUser(user_pb2.UserRequest(id=id), timeout=5)
    print(id, response.message if response.error else response.user.nickname)
