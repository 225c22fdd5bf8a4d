"""Questions and answers in turn: GetUsersByIds answers each id before the next is asked."""

import queue

from soundstage import user_pb2, users

questions = queue.SimpleQueue()
answers = users().GetUsersByIds(iter(questions.get, None), timeout=5)
for id in (5, 1, 6):
    print("ask", id)
    questions.put(user_pb2.UserRequest(id=id))
    print("answer", next(answers).user.nickname)
questions.put(None)
