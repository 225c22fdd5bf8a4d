// Parallel streams of small messages on one connection of grpc-js, to a server that runs:
//
//     npm install --no-save @grpc/grpc-js @grpc/proto-loader
//     node streams.mjs 127.0.0.1:1234 1000000 10
//
// The arguments are the server, the number of messages of each stream, and how long the first reader pauses, in seconds.

import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.cwd(), "streams.mjs"));
const grpc = require("@grpc/grpc-js");
const { loadSync } = require("@grpc/proto-loader");

const [server, messages = 20_000, pause = 1] = process.argv.slice(2);
const proto = path.join(import.meta.dirname, "protos/user.proto");
const { UserManager } = grpc.loadPackageDefinition(loadSync(proto));
// grpc-js keeps the messages of a call for a retry, and copies the list of them for each message: with its own limit of
// 1 MiB, the time grows with the square of the number of messages.
const options = { "grpc.per_rpc_retry_buffer_size": 16 * 1024 };
const client = new UserManager(server, grpc.credentials.createInsecure(), options);

/** Writes the requests as fast as the call takes them. */
async function send(call) {
  for (let index = 0; index < messages; index++) {
    if (!call.write({ id: (index % 6) + 1 })) {
      await new Promise((resolve) => call.once("drain", resolve));
    }
  }
  call.end();
}

/** Returns the number of responses. Pauses after the first. */
function read(seconds) {
  return new Promise((resolve, reject) => {
    const call = client.GetUsersByIds();
    let count = 0;
    call.on("error", reject);
    call.on("end", () => resolve(count));
    call.on("data", () => count++);
    // Before the first response, grpc-js reads without a bound.
    call.once("data", () => {
      call.pause();
      setTimeout(() => call.resume(), seconds * 1000);
    });
    send(call);
  });
}

/** Returns the number that the server counts. */
function count() {
  return new Promise((resolve, reject) => {
    send(client.CountAlreadyUsers((error, response) => (error ? reject(error) : resolve(response.userCnt))));
  });
}

const counts = await Promise.all([read(pause), read(0), count(), count()]);
client.close();
console.log(counts.join(" "));
if (counts.some((count) => count !== Number(messages))) process.exitCode = 1;
