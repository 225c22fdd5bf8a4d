// The `soundstage` binary as a fixture: SOUNDSTAGE names it.
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const binary = process.env.SOUNDSTAGE ?? resolve(import.meta.dirname, "../../../../target/debug/soundstage");

/** A server with users 1 to `count`; `url` is its address, `log` its lines, `stop` ends it. */
export async function startServer(count) {
  const folder = await mkdtemp(join(tmpdir(), "soundstage-js-"));
  const seed = join(folder, "users.json");
  const users = Array.from({ length: count }, (_, index) => index + 1).map((id) => [
    id,
    { id, nickname: `user ${id}`, mail_address: `user${id}@example.com`, user_type: "NORMAL" },
  ]);
  await writeFile(seed, JSON.stringify(Object.fromEntries(users)));
  const args = ["serve", "--listen", "127.0.0.1:0", "--database", join(folder, "users.db"), "--seed", seed, "--drain", "1s"];
  const child = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"] });
  const log = [];
  createInterface({ input: child.stderr }).on("line", (line) => log.push(line));
  const exited = new Promise((resolve) => child.once("exit", resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    const url = line.match(/^Soundstage is at (http:.+)\/$/)[1];
    const stop = async () => {
      child.kill("SIGKILL");
      await exited;
      await rm(folder, { recursive: true });
    };
    return { url, log, stop };
  }
  throw new Error(`the server did not start: ${log.join("\n")}`);
}

/** Waits until a condition holds, at most a second. */
export async function eventually(condition) {
  const end = Date.now() + 1000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within a second: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
