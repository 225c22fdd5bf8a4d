// Calls from WebAssembly (`wasm/`), loaded into a page of any origin.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

const built = resolve(import.meta.dirname, "../../target/browser-tests-wasm");

/** Returns the module and its program. */
export async function builtCalls() {
  return {
    javascript: await readFile(resolve(built, "calls.js")),
    wasm: await readFile(resolve(built, "calls_bg.wasm")),
  };
}

/** Opens a page of an origin that has neither a content security policy nor a program, and loads the calls into the page. */
export async function openWithCalls(page, origin = "") {
  await page.route("**/calls/*", async (route) => {
    const name = new URL(route.request().url()).pathname.split("/").pop();
    const contentType = name.endsWith(".wasm") ? "application/wasm" : "text/javascript";
    await route.fulfill({ contentType, body: await readFile(resolve(built, name)) });
  });
  await page.goto(`${origin}/healthz`);
  await page.evaluate(async () => {
    window.calls = await import("/calls/calls.js");
    await window.calls.default({ module_or_path: "/calls/calls_bg.wasm" });
  });
}

/** Makes a call in the page, and returns its outcome as a plain object or number. */
export async function call(page, name, ...args) {
  return page.evaluate(
    async ([name, args]) => {
      const outcome = await window.calls[name](...args);
      if (typeof outcome !== "object") return outcome;
      const { messages, code, message, failure, trailer } = outcome;
      return { messages, code, message, failure, trailer };
    },
    [name, args],
  );
}
