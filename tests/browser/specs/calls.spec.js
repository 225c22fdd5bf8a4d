// The page *Calls*: calls of the four kinds.
import { execFile } from "node:child_process";
import { dirname, resolve } from "node:path";
import { binary, seedFile } from "../stage-server.js";
import { expect, test } from "../test.js";

/** Returns the panel of a kind of call. */
const panelOf = (page, name) => page.getByRole("region", { name, exact: true });

/** Returns the arrows of a panel's diagram as `sent message {…}`, without times and sizes. */
const arrows = async (panel) => {
  const rows = await panel.getByRole("listitem").all();
  return Promise.all(
    rows.map(async (row) => {
      const direction = await row.locator(".visually-hidden").innerText();
      return `${direction} ${(await row.locator(".content").innerText()).trim()}`;
    }),
  );
};

const press = (panel, name) => panel.getByRole("button", { name, exact: true }).click();
const counts = (panel) => panel.locator(".diagram-counts");

test.beforeEach(async ({ page }) => {
  await page.goto("/calls");
  await expect(page.getByRole("heading", { name: "Calls", level: 1 })).toBeVisible();
});

for (const transport of ["gRPC-Web", "WebSocket"]) {
  test(`a unary call over ${transport} shows its request, headers, response and status`, async ({ page, server }) => {
    const panel = panelOf(page, "Unary");
    await panel.getByLabel("Transport").selectOption(transport);
    await press(panel, "Call");
    await expect(panel.getByRole("listitem")).toHaveCount(5);
    const [call, request, headers, response, status] = await arrows(panel);
    expect(call).toBe(`sent call /UserManager/GetUser over ${transport}`);
    expect(request).toBe('sent {"id": 1}');
    expect(headers).toMatch(/^received headers .*content-type: application\/grpc-web\+proto/);
    expect(response).toMatch(
      /^received {"user": {"id": 1, "nickname": "admin", "mailAddress": "admin@example.com", "userType": "ADMINISTRATOR", /,
    );
    expect(status).toBe("received status OK");
    await expect(counts(panel)).toContainText(/^1 sent, 2 B · 1 received, \d\d B/);
    const label = transport === "WebSocket" ? "websocket" : "grpc-web";
    await expect.poll(() => server.log.filter((line) => line.includes(`transport="${label}"`)).length).toBe(1);
  });
}

test("the example request of every method succeeds", async ({ page }) => {
  for (const [name, methods] of [
    ["Unary", ["GetUser", "AddUser", "UpdateUser", "DeleteUser", "ListUsers", "PositionReq", "PositionPub"]],
    ["Server streaming", ["GetUsersByType"]],
  ]) {
    const panel = panelOf(page, name);
    for (const method of methods) {
      await panel.getByLabel("Method").selectOption(method);
      await press(panel, "Call");
      await expect.poll(async () => (await arrows(panel)).at(-1), method).toBe("received status OK");
      expect((await arrows(panel))[0]).toContain(`/${method} over`);
    }
  }
});

test("over the WebSocket requests and responses alternate", async ({ page }) => {
  const panel = panelOf(page, "Bidirectional");
  for (const id of [1, 2, 3]) {
    // Each request increments the id.
    await expect(panel.getByLabel("id", { exact: true })).toHaveValue(String(id));
    await press(panel, "Send");
    await expect(counts(panel)).toContainText(`${id} sent`);
    await expect(counts(panel)).toContainText(`${id} received`);
  }
  await press(panel, "Half-close");
  await expect.poll(async () => (await arrows(panel)).at(-1)).toBe("received status OK");
  const messages = (await arrows(panel)).filter((arrow) => /^\w+ \{/.test(arrow));
  expect(messages.map((arrow) => arrow.match(/^(\w+).*"id": (\d+)/).slice(1).join(" "))).toEqual([
    "sent 1",
    "received 1",
    "sent 2",
    "received 2",
    "sent 3",
    "received 3",
  ]);
});

test("over gRPC-Web all requests are queued and go before the first response", async ({ page }) => {
  const panel = panelOf(page, "Bidirectional");
  await panel.getByLabel("Transport").selectOption("gRPC-Web");
  await panel.getByLabel("Times").fill("3");
  await press(panel, "Send");
  await expect(panel.getByText("3 requests are queued")).toBeVisible();
  await expect(panel.getByLabel("Transport")).toBeDisabled();
  await expect(counts(panel)).toContainText("0 sent");
  await press(panel, "Half-close");
  await expect.poll(async () => (await arrows(panel)).at(-1)).toBe("received status OK");
  const directions = (await arrows(panel)).filter((arrow) => /^\w+ \{/.test(arrow)).map((arrow) => arrow.split(" ")[0]);
  expect(directions).toEqual(["sent", "sent", "sent", "received", "received", "received"]);
});

test("cancelling a stream ends it on the server", async ({ page, server }) => {
  const panel = panelOf(page, "Server streaming");
  await panel.getByLabel("Method").selectOption("PositionSub");
  await press(panel, "Call");
  await expect(counts(panel)).toContainText(/[3-9] received/);
  await press(panel, "Cancel");
  await expect.poll(async () => (await arrows(panel)).at(-1)).toBe("sent cancel");
  await expect(panel.getByRole("button", { name: "Cancel", exact: true })).toBeDisabled();
  await expect.poll(() => server.ended("PositionSub")).toBe(1);
});

test("a call carries its deadline and metadata", async ({ page, server }) => {
  const panel = panelOf(page, "Server streaming");
  await panel.getByLabel("Method").selectOption("PositionSub");
  await panel.getByText("Deadline and metadata").click();
  await panel.getByLabel("Deadline (ms)").fill("soon");
  await expect(panel.getByLabel("Deadline (ms)")).toHaveAccessibleDescription(/Enter 0 to 99999999 milliseconds/);
  await panel.getByLabel("Deadline (ms)").fill("300");
  await panel.getByLabel('Metadata, one "name: value" per line').fill("tag: one\nno colon");
  await expect(panel.getByText("Line 2: Write a name, a colon and a value.")).toBeVisible();
  await panel.getByLabel('Metadata, one "name: value" per line').fill("tag: one\ntrace-bin: AAEC");
  const sent = page.waitForRequest(/PositionSub/);
  await press(panel, "Call");
  const headers = await (await sent).allHeaders();
  expect(headers).toMatchObject({ "grpc-timeout": "300000u", tag: "one", "trace-bin": "AAEC" });
  await expect.poll(async () => (await arrows(panel)).at(-1)).toBe("received status DEADLINE_EXCEEDED: the deadline has passed");
  await expect.poll(() => server.ended("PositionSub")).toBe(1);
});

test("a rejected request shows its status, and all details on a click", async ({ page }) => {
  const panel = panelOf(page, "Unary");
  await panel.getByLabel("Method").selectOption("AddUser");
  await panel.getByLabel("mail_address").fill("nobody");
  await press(panel, "Call");
  const status = panel.getByRole("listitem").last();
  await expect(status).toContainText("INVALID_ARGUMENT");
  await status.getByRole("button").click();
  await expect(panel.locator(".diagram-detail")).toContainText("mail_address: Enter a mail address such as name@example.com.");
  // The status and each trailer are lines of their own.
  expect(await panel.locator(".diagram-detail").innerText()).toMatch(/^INVALID_ARGUMENT: [^\n]+(\n[a-z-]+: [^\n]+)+$/);
  await status.getByRole("button").click();
  await expect(panel.locator(".diagram-detail")).toBeHidden();
});

test("an invalid number shows an error at its field and sends nothing", async ({ page, server }) => {
  const panel = panelOf(page, "Unary");
  await panel.getByLabel("id", { exact: true }).fill("-1");
  await press(panel, "Call");
  await expect(panel.getByLabel("id", { exact: true })).toHaveAccessibleDescription(/Enter a whole number from 0/);
  await expect(panel.getByRole("listitem")).toHaveCount(0);
  expect(server.ended("GetUser")).toBe(0);
});

test("a call is copied as a command line, as grpcurl and as JavaScript", async ({ page, context, server }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const panel = panelOf(page, "Bidirectional");
  await panel.getByLabel("Times").fill("2");
  await press(panel, "Send");
  await panel.getByText("Copy as").first().click();
  const text = page.getByTestId("bidirectional-copy");
  await expect(text).toHaveText(`soundstage user by-ids 1 2 --server ${server.url}`);
  await press(panel, "grpcurl");
  await expect(text).toHaveText(
    `grpcurl -plaintext -d '{"id": 1} {"id": 2}' ${server.address} UserManager/GetUsersByIds`,
  );
  await press(panel, "JavaScript");
  await expect(text).toContainText("for await (const response of users.getUsersByIds(requests())) console.log(response);");
  await press(panel, "Copy");
  await expect(panel.getByText("Copied.")).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(await text.textContent());
});

test("a snippet belongs to the chosen method, whatever the last call was", async ({ page, server }) => {
  const panel = panelOf(page, "Unary");
  await panel.getByText("Copy as").first().click();
  await press(panel, "Call");
  await expect(panel.getByRole("listitem")).toHaveCount(5);
  await panel.getByLabel("Method").selectOption("DeleteUser");
  await expect(page.getByTestId("unary-copy")).toHaveText(`soundstage user delete 6 --server ${server.url}`);
});

/** Runs a snippet as its reader would: in a shell with the binary on its path, or in Node beside the npm package. */
function runSnippet(format, text) {
  const [program, args] = format === "JavaScript" ? [process.execPath, ["--input-type=module", "--eval", text]] : ["sh", ["-c", text]];
  const folders = [dirname(binary), process.env.GRPCURL && dirname(process.env.GRPCURL), process.env.PATH];
  const options = {
    cwd: resolve(import.meta.dirname, "../../../clients/js"),
    env: { ...process.env, PATH: folders.filter(Boolean).join(":") },
    timeout: 10_000,
  };
  return new Promise((done) => {
    execFile(program, args, options, (error, stdout, stderr) => done({ ok: !error, output: stdout + stderr }));
  });
}

for (const format of ["soundstage", "grpcurl", "JavaScript"]) {
  test(`the ${format} snippet of every method makes the call`, async ({ page, server }) => {
    test.setTimeout(90_000);
    let methods = 0;
    for (const kind of ["Unary", "Server streaming", "Client streaming", "Bidirectional"]) {
      const panel = panelOf(page, kind);
      await panel.getByText("Copy as").first().click();
      await press(panel, format);
      await panel.getByText("Deadline and metadata").click();
      for (const method of await panel.getByLabel("Method").getByRole("option").allInnerTexts()) {
        await panel.getByLabel("Method").selectOption(method);
        // These calls end only by their deadline, which leaves a busy machine time to reach the server.
        const isEndless = ["WatchUsers", "PositionSub"].includes(method) || (format === "grpcurl" && method === "PositionSync");
        await panel.getByLabel("Deadline (ms)").fill(isEndless ? "3000" : "");
        const text = await panel.locator("pre[data-testid]").textContent();
        const { ok, output } = await runSnippet(format, text);
        const outcome = ok || (isEndless && /deadline_?exceeded|deadline passed/i.test(output)) ? "done" : output;
        expect(outcome, `${method}: ${text}`).toBe("done");
        await expect.poll(() => server.ended(method), method).toBe(1);
        methods += 1;
      }
    }
    expect(methods).toBe(15);
  });
}

test("leaving the page ends its calls", async ({ page, server }) => {
  await panelOf(page, "Bidirectional").getByRole("button", { name: "Send" }).click();
  const panel = panelOf(page, "Server streaming");
  await panel.getByLabel("Method").selectOption("PositionSub");
  await press(panel, "Call");
  await expect(counts(panel)).toContainText("received");
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Users" }).click();
  await expect.poll(() => server.ended("PositionSub")).toBe(1);
  await expect.poll(() => server.ended("GetUsersByIds")).toBe(1);
});

test.describe("without a server", () => {
  test.use({ serverGoesAway: true });

  test("a call reports that it did not reach the server", async ({ page, server }) => {
    await server.kill();
    await press(panelOf(page, "Unary"), "Call");
    await expect(panelOf(page, "Unary").getByRole("listitem").last()).toContainText("UNAVAILABLE: the server did not respond");
    await press(panelOf(page, "Bidirectional"), "Send");
    await expect(panelOf(page, "Bidirectional").getByRole("listitem").last()).toContainText("UNAVAILABLE: the server was not reached");
  });
});

test.describe("with ten thousand users", () => {
  test.use({ serverOptions: async ({}, use) => use(["--seed", await seedFile(10_000)]) });

  test("ten thousand messages each way leave the page fast and the document small", async ({ page }) => {
    await page.evaluate(() => {
      window.longest = 0;
      let last = performance.now();
      const frame = (now) => {
        window.longest = Math.max(window.longest, now - last);
        last = now;
        requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    });
    const panel = panelOf(page, "Bidirectional");
    await panel.getByLabel("Times").fill("10000");
    await press(panel, "Send");
    await expect(counts(panel)).toContainText("10000 sent");
    await expect(counts(panel)).toContainText("10000 received");
    await expect(counts(panel)).toContainText("the oldest 18002 rows were dropped");
    expect(await panel.getByRole("listitem").count()).toBeLessThan(50);
    const response = await panel.getByRole("listitem").last().innerText();
    expect(response).toContain('"id": 10000');
    // Away from the end, the scroll position stays while messages arrive.
    await panel.locator(".diagram-rows").evaluate((element) => (element.scrollTop = 0));
    await expect.poll(async () => panel.getByRole("listitem").first().innerText()).toMatch(/ms|s/);
    await panel.getByLabel("Times").fill("1");
    await panel.getByLabel("id", { exact: true }).fill("7");
    await press(panel, "Send");
    await expect(counts(panel)).toContainText("10001 received");
    expect(await panel.locator(".diagram-rows").evaluate((element) => element.scrollTop)).toBe(0);
    console.log(`    longest frame: ${(await page.evaluate(() => window.longest)).toFixed(0)} ms`);
    expect(await page.evaluate(() => window.longest)).toBeLessThan(1000);
  });
});
