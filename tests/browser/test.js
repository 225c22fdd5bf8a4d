// Playwright's test, with a server for each, and with what must never happen in any of them.
import { test as base, expect } from "@playwright/test";
import { StageServer } from "./stage-server.js";

export { expect };

export const test = base.extend({
  /** More options of `soundstage serve`. */
  serverOptions: [[], { option: true }],

  /** Whether the test takes the server away, so that the browser reports connections that fail. */
  serverGoesAway: [false, { option: true }],

  server: async ({ serverOptions }, use) => {
    const server = await StageServer.start(serverOptions);
    await use(server);
    await server.remove();
  },

  baseURL: async ({ server }, use) => use(server.url),

  page: async ({ page, serverGoesAway }, use) => {
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(`exception: ${error}`));
    page.on("console", (message) => {
      const isConnection = /net::ERR_|Failed to fetch/.test(message.text());
      if (["error", "warning"].includes(message.type()) && !(serverGoesAway && isConnection)) {
        complaints.push(`${message.type()}: ${message.text()}`);
      }
    });
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`content security policy: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    await use(page);
    expect(complaints).toEqual([]);
  },
});
