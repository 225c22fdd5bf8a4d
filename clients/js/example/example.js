// The program of this page: four calls, one of each kind.
import { connect } from "./soundstage-client.js";

const { users, stage } = connect(location.origin);

/** Yields the ids from `first` to `last`. A stream of requests is any async iterable. */
async function* ids(first, last) {
  for (let id = first; id <= last; id++) yield { id };
}

const calls = {
  async unary(print) {
    const { user } = await users.getUser({ id: 1 });
    print(`${user.nickname}, ${user.mailAddress}`);
  },

  async "server-streaming"(print) {
    let left = 10;
    for await (const { position } of stage.positionSub({})) {
      print(`x ${position.x.toFixed(2)} m, y ${position.y.toFixed(2)} m`);
      // Leaving the loop ends the call.
      if (--left === 0) break;
    }
  },

  async "client-streaming"(print) {
    const { userCnt } = await users.countAlreadyUsers(ids(1, 1000));
    print(`${userCnt} of 1000 ids exist`);
  },

  async bidirectional(print) {
    // Each request waits for the response to the previous request.
    let onResponse;
    async function* requests() {
      for (const id of [1, 2, 3]) {
        const response = new Promise((resolve) => (onResponse = resolve));
        print(`→ ${id}?`);
        yield { id };
        await response;
      }
    }
    for await (const { user } of users.getUsersByIds(requests())) {
      print(`← ${user.id} is ${user.nickname}`);
      onResponse();
    }
  },
};

for (const button of document.querySelectorAll("[data-call]")) {
  const name = button.dataset.call;
  const output = document.querySelector(`[data-output="${name}"]`);
  button.addEventListener("click", async () => {
    output.textContent = "";
    const print = (line) => (output.textContent += `${line}\n`);
    try {
      await calls[name](print);
    } catch (error) {
      // A `ConnectError`; its `code` is the gRPC status code.
      print(error.message);
    }
  });
}
