// Playwright's `test`, with a server for each test. Exceptions, console errors and policy violations fail every test.
import { test as base, expect } from "@playwright/test";
import { StageServer } from "./stage-server.js";

export { expect };

export const test = base.extend({
  /** Additional options of `soundstage serve`. */
  serverOptions: [[], { option: true }],

  /** The test stops the server, so the console may report failed connections. */
  serverGoesAway: [false, { option: true }],

  server: async ({ serverOptions }, use) => {
    const server = await StageServer.start(serverOptions);
    await use(server);
    await server.remove();
  },

  baseURL: async ({ server }, use) => use(server.url),

  page: async ({ page, serverGoesAway }, use) => {
    const failures = [];
    page.on("pageerror", (error) => failures.push(`exception: ${error}`));
    page.on("console", (message) => {
      const isConnection = /net::ERR_|Failed to fetch/.test(message.text());
      if (["error", "warning"].includes(message.type()) && !(serverGoesAway && isConnection)) {
        failures.push(`${message.type()}: ${message.text()}`);
      }
    });
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`content security policy: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    await use(page);
    expect(failures).toEqual([]);
  },
});
