"""Many questions, one answer: CountAlreadyUsers."""

from soundstage import user_pb2, users

questions = (user_pb2.UserRequest(id=id) for id in range(1, 10_001))
print(users().CountAlreadyUsers(questions, timeout=60).user_cnt)
