// A fixture: the `soundstage` binary with its own database.
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

/** The path of the `soundstage` binary. */
export const binary = process.env.SOUNDSTAGE ?? resolve(import.meta.dirname, "../../target/debug/soundstage");

export class StageServer {
  #folder;
  #child;
  #running = new Set();
  /** The lines of the log. */
  log = [];
  /** The address, such as `127.0.0.1:40123`. */
  address;

  static async start(options = []) {
    const server = new StageServer();
    server.#folder = await mkdtemp(join(tmpdir(), "soundstage-"));
    await server.#spawn("127.0.0.1:0", options);
    return server;
  }

  get url() {
    return `http://${this.address}`;
  }

  async #spawn(listen, options = []) {
    const args = ["serve", "--listen", listen, "--database", this.database, "--drain", "1s", ...options];
    this.#child = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"] });
    createInterface({ input: this.#child.stderr }).on("line", (line) => this.log.push(line));
    const lines = createInterface({ input: this.#child.stdout });
    for await (const line of lines) {
      this.address = line.match(/^Soundstage is at http:\/\/(.+)\/$/)[1];
      return;
    }
    throw new Error(`the server did not start: ${this.log.join("\n")}`);
  }

  /** Kills the process. */
  async kill() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }

  /** Suspends the process: the server stops responding, and its connections stay open. */
  hang() {
    this.#child.kill("SIGSTOP");
  }

  /** Resumes the suspended process. */
  resume() {
    this.#child.kill("SIGCONT");
  }

  /** Starts the server again, with the same port and database. */
  async startAgain() {
    await this.#spawn(this.address);
  }

  async remove() {
    for (const child of this.#running) child.kill("SIGKILL");
    await this.kill();
    await rm(this.#folder, { recursive: true });
  }

  /** Runs a client command, and returns the JSON value of each line of its output. */
  async ask(...args) {
    const { stdout } = await promisify(execFile)(binary, [...args, "--server", this.url, "--output", "json"]);
    return stdout.trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }

  /** Starts a client command. `stop` interrupts it, as Ctrl-C does. */
  run(...args) {
    const child = spawn(binary, [...args, "--server", this.url], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    this.#running.add(child);
    return {
      stop: async () => {
        child.kill("SIGINT");
        await ended;
      },
    };
  }

  /** The path of the database. */
  get database() {
    return join(this.#folder, "users.db");
  }

  /** Returns the sum of a metric over all label sets that include some labels. */
  async metric(name, labels) {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) && wanted.every((pair) => line.includes(pair)));
    return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }

  /** Returns the number of calls of a method in progress. */
  inProgress(method) {
    return this.metric("grpc_server_in_progress", { grpc_method: method });
  }

  /** Returns the number of calls of a method that have ended. */
  ended(method) {
    return this.log.filter((line) => line.includes("soundstage::call") && line.includes(`/${method}"`)).length;
  }
}

/** Writes a seed file with a number of users, and returns its path. */
export async function seedFile(count) {
  const folder = await mkdtemp(join(tmpdir(), "soundstage-seed-"));
  const path = join(folder, "users.json");
  const users = {};
  for (let id = 1; id <= count; id++) {
    users[id] = { id, nickname: `user ${id}`, mail_address: `user${id}@example.com`, user_type: "NORMAL" };
  }
  await writeFile(path, JSON.stringify(users));
  return path;
}
