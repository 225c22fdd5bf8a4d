// The `soundstage` binary, with a database of its own, as a fixture.
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const binary = process.env.SOUNDSTAGE ?? resolve(import.meta.dirname, "../../target/debug/soundstage");

export class StageServer {
  #folder;
  #child;
  #running = new Set();
  /** What it has logged, a line each. */
  log = [];
  /** Where it listens, such as `127.0.0.1:40123`. */
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

  /** Ends the process at once; nothing can be finished. */
  async kill() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }

  /** Lets it hang: it answers nothing, and its connections stay, until it goes on. */
  hang() {
    this.#child.kill("SIGSTOP");
  }

  goOn() {
    this.#child.kill("SIGCONT");
  }

  /** Starts it again, on the same port and database. */
  async startAgain() {
    await this.#spawn(this.address);
  }

  async remove() {
    for (const child of this.#running) child.kill("SIGKILL");
    await this.kill();
    await rm(this.#folder, { recursive: true });
  }

  /** What the command line says to a client command, as JSON a line. */
  async ask(...args) {
    const { stdout } = await promisify(execFile)(binary, [...args, "--server", this.url, "--output", "json"]);
    return stdout.trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }

  /** Runs a client command until it is stopped, as Ctrl-C does. */
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

  /** The file that holds the users. */
  get database() {
    return join(this.#folder, "users.db");
  }

  /** The sum of a metric's values over all label sets that have these labels. */
  async metric(name, labels) {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) && wanted.every((pair) => line.includes(pair)));
    return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }

  /** How many calls of a method are at work. */
  inProgress(method) {
    return this.metric("grpc_server_in_progress", { grpc_method: method });
  }

  /** How many calls of a method have ended. */
  ended(method) {
    return this.log.filter((line) => line.includes("soundstage::call") && line.includes(`/${method}"`)).length;
  }
}

/** A seed file with this many users. */
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
