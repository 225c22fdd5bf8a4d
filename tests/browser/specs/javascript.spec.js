// The JavaScript client in the browser: the example page, and what only the browser can show.
import { seedFile } from "../stage-server.js";
import { expect, test } from "../test.js";

test("the example page makes the four kinds of call", async ({ page, server }) => {
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

  test("the n-th id is answered before the next is sent, a thousand times", async ({ page }) => {
    await page.goto("/examples/js/");
    const answered = await page.evaluate(async () => {
      const { connect } = await import("/examples/js/soundstage-client.js");
      const { users } = connect(location.origin);
      let [answers, go] = [0, undefined];
      async function* oneAtATime() {
        for (let id = 1; id <= 1000; id++) {
          const answer = new Promise((resolve) => (go = resolve));
          yield { id };
          await answer;
          if (answers !== id) throw new Error(`${answers} answers to ${id} questions`);
        }
      }
      for await (const { user } of users.getUsersByIds(oneAtATime())) {
        if (user.id !== ++answers) throw new Error(`${user.id} for ${answers}`);
        go();
      }
      return answers;
    });
    expect(answered).toBe(1000);
  });

  test("ten thousand ids are counted", async ({ page }) => {
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
