// Imports on the page: files, rejected rows, and interruptions.
import { readFile } from "node:fs/promises";
import { expect, test } from "../test.js";

/** A file for the browser. */
const file = (name, text) => ({ name, mimeType: "text/plain", buffer: Buffer.from(text) });

/** A CSV file with this many users, without IDs. */
const many = (count) => {
  const lines = Array.from({ length: count }, (_, index) => `user ${index},user${index}@example.com,NORMAL`);
  return file("many.csv", `nickname,mail_address,user_type\n${lines.join("\n")}\n`);
};

const pane = (page) => page.getByRole("complementary", { name: "Import users" });

const choose = async (page, content) => {
  await page.goto("/users/import");
  await pane(page).locator("input[type=file]").setInputFiles(content);
};

/** The number under a heading such as "Added". */
const count = (page, name) => pane(page).locator(".readouts > div").filter({ hasText: name }).getByRole("definition");

const MIXED = `id,nickname,mail_address,user_type
1,other admin,other@example.com,ADMINISTRATOR
,,nowhere,BOSS
20,猿,saru@example.com,GUEST
,"a ""b"", c",quoted@example.com,NORMAL
`;

test("an import lists the rejected rows, and saves them to be corrected", async ({ page, server }) => {
  await choose(page, file("mixed.csv", MIXED));
  await expect(pane(page)).toContainText("mixed.csv, 1 kB");
  await pane(page).getByRole("button", { name: "Import" }).click();
  await expect(pane(page).getByText("Done.")).toBeVisible();
  for (const [name, number] of [["Added", 2], ["Replaced", 0], ["Skipped", 1], ["Rejected", 1]]) {
    await expect(count(page, name)).toHaveText(String(number));
  }
  await expect(pane(page).getByRole("list", { name: "Rejected rows" })).toHaveText(
    /Line 3 nickname: Enter a nickname\. mail_address: .* user_type: .*/,
  );
  await expect(page.getByText("8 users")).toBeVisible();
  expect(await server.ask("user", "by-ids", "20", "21")).toMatchObject([{ nickname: "猿" }, { nickname: 'a "b", c' }]);

  const download = page.waitForEvent("download");
  await pane(page).getByRole("button", { name: "Save rejected rows" }).click();
  const rejected = await download;
  expect(rejected.suggestedFilename()).toBe("mixed.rejected.csv");
  const text = await readFile(await rejected.path(), "utf8");
  expect(text).toMatch(/^id,nickname,mail_address,user_type,error\n,,nowhere,BOSS,"?nickname: /);

  const corrected = text.replace(",,nowhere,BOSS,", ",corrected,corrected@example.com,GUEST,");
  await pane(page).getByRole("button", { name: "Import another file" }).click();
  await pane(page).locator("input[type=file]").setInputFiles(file("mixed.rejected.csv", corrected));
  await pane(page).getByRole("button", { name: "Import" }).click();
  await expect(pane(page).getByText("Done.")).toBeVisible();
  await expect(count(page, "Added")).toHaveText("1");
  await expect(page.getByText("9 users")).toBeVisible();
});

test("the reader decides about IDs that exist, and a check stores nothing", async ({ page, server }) => {
  await choose(page, file("mixed.csv", MIXED));
  await pane(page).getByLabel("If an ID already exists").selectOption("replace");
  await pane(page).getByLabel("Check the file without storing anything").check();
  await pane(page).getByRole("button", { name: "Check" }).click();
  await expect(pane(page).getByText("Nothing was stored")).toBeVisible();
  await expect(count(page, "Replaced")).toHaveText("1");
  expect(await server.ask("user", "list")).toHaveLength(6);

  await choose(page, file("mixed.csv", MIXED));
  await pane(page).getByLabel("If an ID already exists").selectOption("fail");
  await pane(page).getByRole("button", { name: "Import" }).click();
  await expect(pane(page).getByText("The server reported an error: ")).toContainText("Nothing was stored.");
  expect(await server.ask("user", "list")).toHaveLength(6);
});

test("an import reads an object of users by ID, and lines of JSON", async ({ page, server }) => {
  const user = { id: 30, nickname: "thirty", mail_address: "thirty@example.com", user_type: "NORMAL" };
  await choose(page, file("users.json", JSON.stringify({ 30: user })));
  await pane(page).getByRole("button", { name: "Import" }).click();
  await expect(pane(page).getByText("Done.")).toBeVisible();
  await choose(page, file("users.ndjson", `${JSON.stringify({ ...user, id: 31 })}\n{broken\n`));
  await pane(page).getByRole("button", { name: "Import" }).click();
  await expect(pane(page).getByRole("list", { name: "Rejected rows" })).toContainText("Line 2");
  expect(await server.ask("user", "by-ids", "30", "31")).toHaveLength(2);
});

test("a file without users is an error", async ({ page }) => {
  await choose(page, file("picture.png", "PNG"));
  await expect(pane(page).getByRole("alert")).toContainText("ends in .csv");
  await choose(page, file("users.csv", "id,name\n1,foo\n"));
  await pane(page).getByRole("button", { name: "Import" }).click();
  await expect(pane(page)).toContainText("Cannot read the file from line 1 on: a column is missing");
  await choose(page, file("users.json", '{\n"1": nothing}\n'));
  await pane(page).getByRole("button", { name: "Import" }).click();
  await expect(pane(page)).toContainText("Cannot read the file from line 2 on");
});

test("a file dropped anywhere on the page is imported", async ({ page }) => {
  await page.goto("/users");
  await expect(page.getByRole("grid")).toBeVisible();
  const data = await page.evaluateHandle((text) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], "dropped.csv"));
    return transfer;
  }, MIXED);
  await page.getByRole("grid").dispatchEvent("dragover", { dataTransfer: data });
  await expect(page.locator(".users-page")).toHaveClass(/dragged-over/);
  await page.getByRole("grid").dispatchEvent("drop", { dataTransfer: data });
  await expect(page).toHaveURL(/\/users\/import$/);
  await expect(pane(page)).toContainText("dropped.csv");
  await pane(page).getByRole("button", { name: "Import" }).click();
  await expect(pane(page).getByText("Done.")).toBeVisible();
});

test("a stopped import keeps the stored rows, and shows the last line", async ({ page, server }) => {
  test.slow();
  await choose(page, many(200_000));
  await pane(page).getByRole("button", { name: "Import" }).click();
  await expect(count(page, "Added")).not.toHaveText("0");
  await pane(page).getByRole("button", { name: "Stop" }).click();
  const outcome = pane(page).getByText("Stopped.");
  await expect(outcome).toBeVisible({ timeout: 30_000 });
  const line = Number((await outcome.textContent()).match(/line (\d+)/)[1]);
  const added = Number((await count(page, "Added").textContent()).replaceAll(",", ""));
  expect(added).toBe(line - 1);
  const [{ id }] = await server.ask("user", "list", "--order", "id", "--descending", "--limit", "1");
  expect(id).toBe(6 + added);
});

test("an import continues when the reader leaves the page", async ({ page }) => {
  test.slow();
  await choose(page, many(20_000));
  await pane(page).getByRole("button", { name: "Import" }).click();
  await expect(count(page, "Added")).not.toHaveText("0");
  await page.getByRole("link", { name: "foo", exact: true }).click();
  await expect(page.getByRole("complementary", { name: "User 3" })).toContainText("foo@example.com");
  await expect(page.getByRole("link", { name: "rows processed" })).toBeVisible();
  await page.getByRole("button", { name: "日本語" }).click();
  await expect(page.getByRole("link", { name: "行を処理しました" })).toBeVisible();
  await page.getByRole("button", { name: "English" }).click();
  await page.getByRole("link", { name: "Stage", exact: true }).click();
  const ended = page.getByRole("link", { name: "The import has ended." });
  await expect(ended).toBeVisible({ timeout: 60_000 });
  await ended.click();
  await expect(pane(page).getByText("Done.")).toBeVisible();
  await expect(count(page, "Added")).toHaveText("20,000");
  await pane(page).getByRole("link", { name: "Close" }).click();
  await expect(ended).toBeHidden();
});

test.describe("when the server goes away", () => {
  test.use({ serverGoesAway: true });

  test("an import continues after the server restarts, and stores each row once", async ({ page, server }) => {
    test.slow();
    await choose(page, many(20_000));
    await pane(page).getByRole("button", { name: "Import" }).click();
    await expect(count(page, "Added")).not.toHaveText("0");
    await server.kill();
    await expect(pane(page).getByText("Connection lost.")).toBeVisible();
    await server.startAgain();
    await expect(pane(page).getByText("Done.")).toBeVisible({ timeout: 60_000 });
    await expect(count(page, "Added")).toHaveText("20,000");
    const [{ id }] = await server.ask("user", "list", "--order", "id", "--descending", "--limit", "1");
    expect(id).toBe(20_006);
    await expect(page.getByText("20,006 users")).toBeVisible();
  });
});
