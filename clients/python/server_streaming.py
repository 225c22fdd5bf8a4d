"""Server streaming: GetUsersByType takes one request and returns many responses."""

from soundstage import user_pb2, users

for response in users().GetUsersByType(user_pb2.UserTypeRequest(user_type="NORMAL"), timeout=5):
    print(response.user.id, response.user.nickname)
