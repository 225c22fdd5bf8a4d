"""One question, one answer: GetUser. An unknown id is no failed call; the answer says so itself."""

from soundstage import user_pb2, users

for id in (1, 99):
    answer = users().GetUser(user_pb2.UserRequest(id=id), timeout=5)
    print(id, answer.message if answer.error else answer.user.nickname)
