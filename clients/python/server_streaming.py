"""One question, many answers: GetUsersByType."""

from soundstage import user_pb2, users

for answer in users().GetUsersByType(user_pb2.UserTypeRequest(user_type="NORMAL"), timeout=5):
    print(answer.user.id, answer.user.nickname)
