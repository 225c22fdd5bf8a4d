// The package as its users see it: its types, its README, and what `npm pack` contains.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const root = resolve(import.meta.dirname, "..");
const run = promisify(execFile);

/** Compiles a text under TypeScript strict, as a program that depends on the package would. */
async function compile(text, lib = ["es2023", "dom", "dom.iterable", "dom.asynciterable"]) {
  // Inside the package, so that the compiler finds the package by its own name.
  const folder = await mkdtemp(join(root, "dist", "sample-"));
  try {
    await writeFile(join(folder, "sample.ts"), text);
    const compilerOptions = {
      target: "es2022",
      module: "nodenext",
      lib,
      types: ["node"],
      strict: true,
      noEmit: true,
      skipLibCheck: true,
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["sample.ts"] }));
    await run(join(root, "node_modules/.bin/tsc"), ["--project", folder]).catch(({ stdout }) => assert.fail(stdout));
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("the samples of the README compile under TypeScript strict", async () => {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const samples = [...readme.matchAll(/^```[jt]s\n(.*?)^```$/gms)].map(([, sample]) => sample);
  assert.ok(samples.length >= 4, "the samples were not found");
  const yours = 'declare const YourService: import("@bufbuild/protobuf").DescService;\n';
  await compile(yours + samples.join(""));
});

test("the WebSocket of the package ws and the global one are of the type of the option", async () => {
  await compile(`
    import { connect, createWebSocketTransport } from "soundstage-client";
    import { WebSocket as WsWebSocket } from "ws";
    connect("http://127.0.0.1", { webSocket: WsWebSocket });
    connect("http://127.0.0.1", { webSocket: globalThis.WebSocket });
    createWebSocketTransport({ baseUrl: "http://127.0.0.1", webSocket: WsWebSocket });
  `);
});

test("npm pack of a fresh clone contains the package", { timeout: 120_000 }, async () => {
  const clone = await mkdtemp(join(tmpdir(), "soundstage-clone-"));
  try {
    const copy = join(clone, "clients/js");
    await mkdir(join(clone, "clients"));
    const isSource = (path) => !["dist", "node_modules", "src/gen"].some((name) => path === join(root, name));
    await cp(root, copy, { recursive: true, filter: isSource });
    for (const name of ["proto", "LICENSE-APACHE"]) await symlink(resolve(root, "../..", name), join(clone, name));
    await symlink(join(root, "node_modules"), join(copy, "node_modules"));
    const { stdout } = await run("npm", ["pack", "--dry-run", "--json", "--silent"], { cwd: copy });
    const [{ files }] = JSON.parse(stdout.slice(stdout.search(/^\[/m)));
    const packed = files.map(({ path }) => path);
    for (const path of ["dist/index.js", "dist/index.d.ts", "dist/soundstage-client.browser.js", "README.md"]) {
      assert.ok(packed.includes(path), `${path} in ${packed}`);
    }
  } finally {
    await rm(clone, { recursive: true });
  }
});
