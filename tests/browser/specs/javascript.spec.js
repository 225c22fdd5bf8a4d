// The JavaScript client in the browser: the example page, and calls in full duplex.
import { seedFile } from "../stage-server.js";
import { expect, test } from "../test.js";

test("the example page makes all four kinds of call", async ({ page, server }) => {
  await page.goto("/calls");
  await page.getByRole("link", { name: "the JavaScript example" }).click();
  const section = (name) => page.getByRole("region", { name, exact: true });
  const output = (name) => section(name).getByRole("status");

  await section("Unary").getByRole("button").click();
  await expect(output("Unary")).toHaveText("admin, admin@example.com\n");

  await section("Server streaming").getByRole("button").click();
  await expect(output("Server streaming")).toHaveText(/^(x -?\d\.\d\d m, y -?\d\.\d\d m\n){10}$/);
  await expect.poll(() => server.inProgress("PositionSub")).toBe(0);

  await section("Client streaming").getByRole("button").click();
  await expect(output("Client streaming")).toHaveText("6 of 1000 ids exist\n");

  await section("Bidirectional").getByRole("button").click();
  await expect(output("Bidirectional")).toHaveText("→ 1?\n← 1 is admin\n→ 2?\n← 2 is guest\n→ 3?\n← 3 is foo\n");
});

test.describe("with ten thousand users", () => {
  test.use({ serverOptions: async ({}, use) => use(["--seed", await seedFile(10_000)]) });

  test("a thousand requests each wait for the previous response", async ({ page }) => {
    await page.goto("/examples/js/");
    const responded = await page.evaluate(async () => {
      const { connect } = await import("/examples/js/soundstage-client.js");
      const { users } = connect(location.origin);
      let [responses, next] = [0, undefined];
      async function* oneAtATime() {
        for (let id = 1; id <= 1000; id++) {
          const response = new Promise((resolve) => (next = resolve));
          yield { id };
          await response;
          if (responses !== id) throw new Error(`${responses} responses to ${id} requests`);
        }
      }
      for await (const { user } of users.getUsersByIds(oneAtATime())) {
        if (user.id !== ++responses) throw new Error(`${user.id} for ${responses}`);
        next();
      }
      return responses;
    });
    expect(responded).toBe(1000);
  });

  test("a call counts ten thousand ids", async ({ page }) => {
    await page.goto("/examples/js/");
    const count = await page.evaluate(async () => {
      const { connect } = await import("/examples/js/soundstage-client.js");
      async function* ids() {
        for (let id = 1; id <= 10_000; id++) yield { id };
      }
      return (await connect(location.origin).users.countAlreadyUsers(ids())).userCnt;
    });
    expect(count).toBe(10_000);
  });
});

test("eight streams without an end do not block a call", async ({ page }) => {
  await page.goto("/examples/js/");
  const nickname = await page.evaluate(async () => {
    const { connect } = await import("/examples/js/soundstage-client.js");
    const { users, stage } = connect(location.origin);
    const open = new AbortController();
    /** Opens a stream, and resolves at its first message. */
    const first = (responses) => responses[Symbol.asyncIterator]().next();
    const { signal } = open;
    // Over HTTP/1.1 a browser opens six connections to a server.
    await Promise.all([...Array(8)].map(() => first(stage.positionSub({}, { signal }))));
    const { user } = await users.getUser({ id: 1 }, { timeoutMs: 5000 });
    open.abort();
    return user.nickname;
  });
  expect(nickname).toBe("admin");
});
