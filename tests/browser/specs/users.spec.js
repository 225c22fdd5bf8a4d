import { readFile } from "node:fs/promises";
import { expect, test } from "../test.js";
import { seedFile } from "../stage-server.js";

/** The rows of the table, without its heading. */
const rows = (page) => page.getByRole("grid").locator("tbody").getByRole("row");

const fill = async (page, { nickname, mail, id }) => {
  const pane = page.getByRole("complementary", { name: "Add user" });
  if (nickname !== undefined) await pane.getByLabel("Nickname").fill(nickname);
  if (mail !== undefined) await pane.getByLabel("Mail address").fill(mail);
  if (id !== undefined) await pane.getByRole("textbox", { name: "Id" }).fill(id);
  return pane;
};

test("the table lists the six users of a new directory", async ({ page }) => {
  await page.goto("/");
  await expect(page).toHaveURL(/\/users$/);
  await expect(page).toHaveTitle("Users · Soundstage");
  await expect(rows(page)).toHaveCount(6);
  await expect(rows(page).first()).toContainText("admin@example.com");
  await expect(page.getByText("6 users")).toBeVisible();
});

test("the form adds a user, and the page shows it", async ({ page, server }) => {
  await page.goto("/users");
  await page.getByRole("link", { name: "Add user" }).click();
  const pane = await fill(page, { nickname: "猿", mail: "monkey@example.com" });
  await pane.getByLabel("Type").selectOption("GUEST");
  await pane.getByRole("button", { name: "Add user" }).click();
  await expect(page).toHaveURL(/\/users\/7$/);
  await expect(page.getByRole("complementary", { name: "User 7" })).toContainText("monkey@example.com");
  await expect(rows(page)).toHaveCount(7);
  await expect(rows(page).last()).toContainText("猿");
  expect(await server.ask("user", "get", "7")).toMatchObject([
    { id: 7, nickname: "猿", mail_address: "monkey@example.com", user_type: "GUEST" },
  ]);
});

test("the form shows errors while the reader types, and sends nothing", async ({ page, server }) => {
  await page.goto("/users/new");
  const pane = await fill(page, { mail: "nobody" });
  await expect(pane.getByText("Enter a mail address such as")).toBeVisible();
  await expect(pane.getByLabel("Mail address")).toHaveAttribute("aria-invalid", "true");
  await fill(page, { mail: "nobody@example.com" });
  await expect(pane.getByText("Enter a mail address such as")).toBeHidden();
  await fill(page, { id: "-1" });
  await expect(pane.getByText("Enter a whole number from 1")).toBeVisible();
  await pane.getByRole("button", { name: "Add user" }).click();
  await expect(pane.getByText("Enter a nickname.")).toBeVisible();
  await expect(pane.getByLabel("Nickname")).toBeFocused();
  await fill(page, { nickname: "x".repeat(65), id: "" });
  await expect(pane.getByText("Use at most 64 characters.")).toBeVisible();
  expect(server.ended("AddUser")).toBe(0);
});

test("an ID that exists is an error of its field, and the input is kept", async ({ page }) => {
  await page.goto("/users/new");
  const pane = await fill(page, { nickname: "second", mail: "second@example.com", id: "1" });
  await pane.getByRole("button", { name: "Add user" }).click();
  await expect(pane.getByText("Another user has this ID")).toBeVisible();
  await expect(pane.getByRole("textbox", { name: "Id" })).toBeFocused();
  await expect(pane.getByLabel("Nickname")).toHaveValue("second");
  await fill(page, { id: "12" });
  await expect(pane.getByText("Another user has this ID")).toBeHidden();
  await pane.getByRole("button", { name: "Add user" }).click();
  await expect(page).toHaveURL(/\/users\/12$/);
});

test("an error of the server shows at its field", async ({ page }) => {
  // The form applies the server's rules, so only a response made here can contain another error.
  const text = (tag, value) => Buffer.from([tag, value.length, ...Buffer.from(value)]);
  const nested = (tag, ...parts) => Buffer.concat([Buffer.from([tag, Buffer.concat(parts).length]), ...parts]);
  const badRequest = nested(0x0a, text(0x0a, "nickname"), text(0x12, "Too rude."));
  const any = nested(0x1a, text(0x0a, "type.googleapis.com/google.rpc.BadRequest"), nested(0x12, badRequest));
  const details = Buffer.concat([Buffer.from([0x08, 3]), text(0x12, "refused"), any]);
  await page.route("**/UserManager/AddUser", (route) =>
    route.fulfill({
      headers: {
        "content-type": "application/grpc-web+proto",
        "grpc-status": "3",
        "grpc-message": "refused",
        "grpc-status-details-bin": details.toString("base64").replace(/=+$/, ""),
      },
    }),
  );
  await page.goto("/users/new");
  const pane = await fill(page, { nickname: "rude", mail: "rude@example.com" });
  await pane.getByRole("button", { name: "Add user" }).click();
  await expect(pane.getByText("Too rude.")).toBeVisible();
  await expect(pane.getByLabel("Nickname")).toHaveAccessibleDescription(/Too rude\./);
});

test("a search while typing finds parts of nicknames and mail addresses, and IDs", async ({ page, server }) => {
  await server.ask("user", "add", "--nickname", "田中", "--mail-address", "tanaka@example.com");
  await page.goto("/users");
  const search = page.getByRole("searchbox", { name: "Search" });
  await search.pressSequentially("ARU", { delay: 20 });
  await expect(rows(page)).toHaveText([/Zaru/, /Saru/]);
  await expect(page.getByText("2 found")).toBeVisible();
  await expect(page).toHaveURL(/\?search=ARU$/);
  await search.fill("中");
  await expect(rows(page)).toHaveText([/田中/]);
  await search.fill("4");
  await expect(rows(page)).toHaveText([/troll/]);
  await search.fill("nobody at all");
  await expect(page.getByText("No users match.")).toBeVisible();
  await page.goto("/users?search=foo&order=nickname");
  await expect(search).toHaveValue("foo");
  await expect(rows(page)).toHaveText([/foo/]);
});

test("a search starts after a pause in typing, and a late response is dropped", async ({ page }) => {
  const searches = [];
  let release;
  const released = new Promise((resolve) => (release = resolve));
  await page.route("**/UserManager/ListUsers", async (route) => {
    const searched = route.request().postDataBuffer()?.toString("latin1").match(/t\w*$|t\w*(?=[^\w])/)?.[0];
    if (searched) searches.push(searched);
    if (searched === "tro") await released;
    await route.continue().catch(() => {});
  });
  await page.goto("/users");
  await expect(rows(page)).toHaveCount(6);
  const search = page.getByRole("searchbox", { name: "Search" });
  await search.pressSequentially("tro", { delay: 10 });
  await expect.poll(() => searches).toEqual(["tro"]);
  await search.fill("foo");
  await expect(rows(page)).toHaveText([/foo/]);
  const late = page.waitForResponse((response) => response.request().postDataBuffer()?.includes("tro"));
  release();
  await late;
  await expect(rows(page)).toHaveText([/foo/]);
});

test("the address contains types and order, and Back restores them", async ({ page }) => {
  await page.goto("/users");
  const types = page.getByRole("group", { name: "Types" });
  await types.getByRole("button", { name: "Normal" }).click();
  await expect(rows(page)).toHaveText([/foo/, /Zaru/, /Saru/]);
  await types.getByRole("button", { name: "Disabled" }).click();
  await expect(page).toHaveURL(/\?type=NORMAL%2CDISABLED$/);
  await expect(rows(page)).toHaveCount(4);
  const heading = page.getByRole("columnheader", { name: "Nickname" });
  await heading.getByRole("button").click();
  await expect(rows(page)).toHaveText([/foo/, /Saru/, /troll/, /Zaru/]);
  await expect(heading).toHaveAttribute("aria-sort", "ascending");
  await heading.getByRole("button").click();
  await expect(rows(page)).toHaveText([/Zaru/, /troll/, /Saru/, /foo/]);
  await page.goBack();
  await page.goBack();
  await page.goBack();
  await expect(rows(page)).toHaveText([/foo/, /Zaru/, /Saru/]);
  await expect(types.getByRole("button", { name: "Normal" })).toHaveAttribute("aria-pressed", "true");
  await page.goto("/users?type=DISABLED");
  await rows(page).getByRole("link", { name: "troll" }).click();
  await expect(page).toHaveURL(/\/users\/4\?type=DISABLED$/);
});

test("a tab shows the changes of another tab without a reload", async ({ page, context }) => {
  await page.goto("/users");
  await expect(rows(page)).toHaveCount(6);
  const other = await context.newPage();
  await other.goto("/users/3");
  await other.getByRole("button", { name: "Edit" }).click();
  await other.getByRole("dialog").getByLabel("Nickname").fill("renamed");
  // Both tabs are visible in a headless browser. `cargo xtask bench directory` measures the delay.
  await other.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await expect(rows(page).nth(2)).toContainText("renamed");
  await expect(other.getByRole("dialog")).toBeHidden();
  await expect(other.getByRole("complementary")).toContainText("renamed");
  await other.getByRole("button", { name: "Delete" }).click();
  await expect(rows(page)).toHaveCount(5);
  await other.getByRole("button", { name: "Undo" }).click();
  await expect(rows(page)).toHaveCount(6);
  await expect(other.getByText("Restored renamed.")).toBeVisible();
});

test("rows keep their place while the pointer is on the table", async ({ page, server }) => {
  await page.goto("/users?order=nickname");
  await expect(rows(page)).toHaveText([/admin/, /foo/, /guest/, /Saru/, /troll/, /Zaru/]);
  await rows(page).nth(2).hover();
  await server.ask("user", "add", "--nickname", "aaa", "--mail-address", "a@example.com");
  await server.ask("user", "delete", "3");
  await expect(page.getByRole("button", { name: "Show 2 changes" })).toBeVisible();
  await expect(rows(page)).toHaveText([/admin/, /foo/, /guest/, /Saru/, /troll/, /Zaru/]);
  await expect(rows(page).nth(1)).toHaveClass("deleted");
  await page.getByRole("heading", { name: "Users" }).hover();
  await expect(rows(page)).toHaveText([/aaa/, /admin/, /guest/, /Saru/, /troll/, /Zaru/]);
});

test("a conflict shows both versions, and the reader keeps either", async ({ page, server }) => {
  await page.goto("/users/3");
  await page.getByRole("button", { name: "Edit" }).click();
  const dialog = page.getByRole("dialog", { name: "Edit user 3" });
  await expect(dialog.getByLabel("Nickname")).toBeFocused();
  await dialog.getByLabel("Nickname").fill("mine");
  await server.ask("user", "update", "3", "--nickname", "theirs");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByRole("alert").first()).toContainText("Someone else has changed this user");
  await expect(dialog.getByRole("row", { name: "Nickname" })).toHaveText(/theirs\s*mine/);
  await expect(dialog.getByLabel("Nickname")).toHaveValue("mine");
  await dialog.getByRole("button", { name: "Keep yours" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("complementary")).toContainText("mine");

  await page.getByRole("button", { name: "Edit" }).click();
  await dialog.getByLabel("Mail address").fill("mine@example.com");
  await server.ask("user", "update", "3", "--nickname", "theirs again");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByRole("button", { name: "Use theirs" }).click();
  await expect(dialog.getByLabel("Nickname")).toHaveValue("theirs again");
  await expect(dialog.getByLabel("Mail address")).toHaveValue("foo@example.com");
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await server.ask("user", "delete", "3");
  await expect(page.getByRole("complementary")).toContainText("No user has the ID 3.");
});

test("selected users change their type, are deleted, and are restored", async ({ page, server }) => {
  await page.goto("/users");
  await page.getByRole("checkbox", { name: "Select guest" }).click();
  await page.getByRole("checkbox", { name: "Select troll" }).click({ modifiers: ["Shift"] });
  const bar = page.getByRole("group", { name: "Selected users" });
  await expect(bar).toContainText("3 selected");
  await page.getByRole("checkbox", { name: "Select guest" }).click();
  await expect(bar).toContainText("2 selected");
  // Another client changes one of them first.
  await server.ask("user", "update", "4", "--nickname", "Troll");
  await bar.getByRole("button", { name: "Change type" }).click();
  await page.getByRole("menuitem", { name: "Guest" }).click();
  const question = page.getByRole("dialog", { name: "Change the type of 2 users?" });
  await expect(question).toContainText("The new type is Guest.");
  await question.getByRole("button", { name: "Change type" }).click();
  await expect(page.getByText("1 user keeps its type, because someone else has changed it.")).toBeVisible();
  expect(await server.ask("user", "get", "3")).toMatchObject([{ user_type: "GUEST" }]);
  expect(await server.ask("user", "get", "4")).toMatchObject([{ user_type: "DISABLED", nickname: "Troll" }]);
  await expect(bar).toContainText("1 selected");
  await bar.getByRole("button", { name: "Clear selection" }).click();
  await expect(bar).toBeHidden();
  await page.getByRole("checkbox", { name: "Select Zaru" }).click();
  await page.getByRole("checkbox", { name: "Select Saru" }).click();
  await bar.getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("Deleted 2 users.")).toBeVisible();
  await page.getByRole("heading", { name: "Users" }).hover();
  await expect(rows(page)).toHaveCount(4);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByText("Restored 2 users.")).toBeVisible();
  await expect(rows(page)).toHaveCount(6);
});

test("the selection stays when the reader leaves the page", async ({ page }) => {
  await page.goto("/users");
  await page.getByRole("checkbox", { name: "Select guest" }).click();
  await page.getByRole("link", { name: "Stage", exact: true }).click();
  await expect(page.getByRole("checkbox", { name: "Select guest" })).toBeHidden();
  await page.getByRole("link", { name: "Users" }).click();
  await expect(page.getByRole("checkbox", { name: "Select guest" })).toBeChecked();
  await expect(page.getByRole("group", { name: "Selected users" })).toContainText("1 selected");
});

test("an export contains the users of the query, or the selected users", async ({ page, server }) => {
  await server.ask("user", "add", "--nickname", 'a "b", c', "--mail-address", "quoted@example.com", "--type", "guest");
  await page.goto("/users?type=GUEST");
  const save = async (format) => {
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export" }).click();
    await page.getByRole("menuitem", { name: format.toUpperCase(), exact: true }).click();
    const file = await download;
    expect(file.suggestedFilename()).toBe(`users.${format}`);
    return readFile(await file.path(), "utf8");
  };
  const lines = (await save("csv")).trim().split("\n");
  expect(lines).toHaveLength(3);
  expect(lines[1]).toMatch(/^2,guest,guest@example\.com,GUEST,\d+,\d+,\d+$/);
  expect(lines[2]).toMatch(/^7,"a ""b"", c",quoted@example\.com,GUEST,/);
  expect(JSON.parse(await save("json"))).toEqual({
    2: { id: 2, nickname: "guest", mail_address: "guest@example.com", user_type: "GUEST" },
    7: { id: 7, nickname: 'a "b", c', mail_address: "quoted@example.com", user_type: "GUEST" },
  });
  expect((await save("ndjson")).trim().split("\n").map((line) => JSON.parse(line).id)).toEqual([2, 7]);

  await page.goto("/users");
  await page.getByRole("checkbox", { name: "Select troll" }).click();
  await page.getByRole("checkbox", { name: "Select foo" }).click();
  const download = page.waitForEvent("download");
  await page.getByRole("group", { name: "Selected users" }).getByRole("button", { name: "Export" }).click();
  await page.getByRole("menuitem", { name: "CSV" }).click();
  const selected = await readFile(await (await download).path(), "utf8");
  expect(selected.trim().split("\n").map((line) => line.split(",")[1])).toEqual(["nickname", "foo", "troll"]);
});

test("the menu of a row edits, copies the link, and deletes", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto("/users?order=nickname");
  const menuOf = async (name) => {
    await page.getByRole("button", { name: `Actions for ${name}` }).click();
    return page.getByRole("menu", { name: "Actions" });
  };
  let menu = await menuOf("foo");
  await expect(menu.getByRole("menuitem", { name: "Open" })).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await expect(menu.getByRole("menuitem", { name: "Delete" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(menu).toBeHidden();
  await expect(page.getByRole("button", { name: "Actions for foo" })).toBeFocused();
  menu = await menuOf("foo");
  await menu.getByRole("menuitem", { name: "Copy link" }).click();
  await expect(page.getByText("Link copied.")).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`${new URL(page.url()).origin}/users/3?order=nickname`);
  await (await menuOf("troll")).getByRole("menuitem", { name: "Edit" }).click();
  await page.getByRole("dialog", { name: "Edit user 4" }).getByLabel("Nickname").fill("ogre");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toBeHidden();
  // The row has moved to its new place.
  await expect(rows(page)).toHaveText([/admin/, /foo/, /guest/, /ogre/, /Saru/, /Zaru/]);
  await (await menuOf("ogre")).getByRole("menuitem", { name: "Delete" }).click();
  await expect(page.getByText("Deleted ogre.")).toBeVisible();
  await page.getByRole("heading", { name: "Users" }).hover();
  await expect(rows(page)).toHaveCount(5);
});

test("two deletions are undone one after the other", async ({ page, server }) => {
  await page.goto("/users");
  await rows(page).nth(2).focus();
  await page.keyboard.press("Delete");
  await expect(page.getByText("Deleted foo.")).toBeVisible();
  await page.getByRole("heading", { name: "Users" }).hover();
  await expect(rows(page)).toHaveCount(5);
  await rows(page).nth(2).focus();
  await page.keyboard.press("Delete");
  await expect(page.getByText("Deleted troll.")).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByText("Restored troll. Still deleted: foo.")).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByText("Restored foo.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Undo" })).toBeHidden();
  expect(await server.ask("user", "by-ids", "3", "4")).toMatchObject([{ nickname: "foo" }, { nickname: "troll" }]);
});

test("keys move between rows and act on them", async ({ page, server }) => {
  await page.goto("/users");
  await expect(rows(page)).toHaveCount(6);
  await page.getByRole("region", { name: "Table of users" }).focus();
  await page.keyboard.press("ArrowDown");
  await expect(rows(page).first()).toBeFocused();
  await page.keyboard.press("End");
  await expect(rows(page).last()).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Space");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Shift+Space");
  await expect(page.getByRole("group", { name: "Selected users" })).toContainText("2 selected");
  await page.keyboard.press("e");
  const dialog = page.getByRole("dialog", { name: "Edit user 4" });
  await dialog.getByLabel("Nickname").fill("ogre");
  await page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();
  await rows(page).nth(3).focus();
  await page.keyboard.press("Shift+F10");
  await expect(page.getByRole("menuitem", { name: "Open" })).toBeFocused();
  await page.keyboard.press("Escape");
  await rows(page).nth(3).focus();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/users\/4$/);
  await rows(page).nth(4).focus();
  await page.keyboard.press("Delete");
  await expect(page.getByText("Deleted Zaru.")).toBeVisible();
  expect(await server.ask("user", "list")).toHaveLength(5);
});

test("holding Del deletes one user", async ({ page, server }) => {
  await page.goto("/users");
  await rows(page).nth(2).focus();
  for (let press = 0; press < 5; press++) await page.keyboard.down("Delete");
  await page.keyboard.up("Delete");
  await expect(page.getByText("Deleted foo.")).toBeVisible();
  await page.getByRole("heading", { name: "Users" }).hover();
  await expect(rows(page)).toHaveCount(5);
  expect(await server.ask("user", "list")).toHaveLength(5);
});

test("shortcuts open the search, the form and the list of keys, unless they are off", async ({ page }) => {
  await page.goto("/users");
  await expect(rows(page)).toHaveCount(6);
  await page.keyboard.press("/");
  const search = page.getByRole("searchbox", { name: "Search" });
  await expect(search).toBeFocused();
  await page.keyboard.type("n");
  await expect(search).toHaveValue("n");
  await search.fill("");
  await search.blur();
  await page.keyboard.press("n");
  await expect(page.getByRole("complementary", { name: "Add user" }).getByLabel("Nickname")).toBeFocused();
  await page.getByRole("link", { name: "Close" }).focus();
  await page.keyboard.press("i");
  await expect(page.getByRole("complementary", { name: "Import users" })).toBeVisible();
  await page.keyboard.press("?");
  const dialog = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await dialog.getByRole("checkbox").uncheck();
  await dialog.getByRole("button", { name: "Close" }).click();
  await expect(dialog).toBeHidden();
  await page.keyboard.press("n");
  await expect(page).toHaveURL(/\/users\/import$/);
  await page.reload();
  await expect(rows(page)).toHaveCount(6);
  await page.keyboard.press("?");
  await expect(dialog).toBeHidden();
});

test("the address of a user opens its pane", async ({ page }) => {
  await page.goto("/users/5");
  await expect(page.getByRole("complementary", { name: "User 5" })).toContainText("Zaru");
  await expect(rows(page)).toHaveCount(6);
});

test.describe("with many users", () => {
  test.use({ serverOptions: async ({}, use) => use(["--seed", await seedFile(2500)]) });

  for (const [width, height] of [
    [1280, 44],
    [360, 64],
  ]) {
    test(`the row height on the page matches the height in the program, ${width} pixels wide`, async ({ page }) => {
      await page.setViewportSize({ width, height: 800 });
      await page.goto("/users");
      await expect(rows(page).nth(9)).toBeVisible();
      const [first, last] = [await rows(page).first().boundingBox(), await rows(page).nth(9).boundingBox()];
      expect((last.y - first.y) / 9).toBe(height);
    });
  }

  test("the table scrolls through all users, and renders only the rows in view", async ({ page }) => {
    await page.goto("/users");
    await expect(page.getByText("2,500 users")).toBeVisible();
    const view = page.getByRole("region", { name: "Table of users" });
    await view.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await expect(rows(page).last()).toContainText("user2500@example.com");
    await expect(rows(page).last()).toHaveAttribute("aria-rowindex", "2501");
    expect(await rows(page).count()).toBeLessThan(60);
    await view.evaluate((element) => element.scrollTo(0, 44 * 1249));
    await expect(page.getByRole("link", { name: "user 1250", exact: true })).toBeInViewport();
    await view.evaluate((element) => element.scrollTo(0, 0));
    await expect(rows(page).first()).toContainText("user1@example.com");
  });
});

test.describe("with an empty directory", () => {
  test.use({ serverOptions: ["--seed", "none"] });

  test("the table says that there are no users", async ({ page }) => {
    await page.goto("/users");
    await expect(page.getByText("There are no users yet")).toBeVisible();
    await page.getByRole("group", { name: "Types" }).getByRole("button", { name: "Guest" }).click();
    await expect(page.getByText("No users match.")).toBeVisible();
  });
});

test.describe("when the server goes away", () => {
  test.use({ serverGoesAway: true });

  test("the page shows an error, and recovers when the server is back", async ({ page, server }) => {
    await page.goto("/users");
    await expect(rows(page)).toHaveCount(6);
    await server.kill();
    await rows(page).getByRole("link", { name: "foo" }).click();
    await expect(page.getByRole("alert")).toContainText("Cannot reach the server.");
    await server.startAgain();
    await expect(page.getByRole("complementary", { name: "User 3" })).toContainText("foo@example.com");
  });

  test("the table appears when the server is back", async ({ page, server }) => {
    await page.goto("/stage");
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await server.kill();
    await page.getByRole("link", { name: "Users" }).click();
    await expect(page.getByRole("alert")).toContainText("Cannot reach the server.");
    await server.startAgain();
    await expect(rows(page)).toHaveCount(6);
    await expect(page.getByRole("alert")).toBeHidden();
  });

  test("an edit that did not reach the server is kept to be sent again", async ({ page, server }) => {
    await page.goto("/users/3");
    await page.getByRole("button", { name: "Edit" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Nickname").fill("patient");
    await server.kill();
    await dialog.getByRole("button", { name: "Save" }).click();
    await expect(dialog.getByRole("alert")).toContainText("Your input is kept");
    await server.startAgain();
    await dialog.getByRole("button", { name: "Save" }).click();
    await expect(dialog).toBeHidden();
    expect(await server.ask("user", "get", "3")).toMatchObject([{ nickname: "patient" }]);
    await expect(rows(page).nth(2)).toContainText("patient");
  });

  test("a form that did not reach the server keeps its input", async ({ page, server }) => {
    await page.goto("/users/new");
    const pane = await fill(page, { nickname: "patient", mail: "patient@example.com" });
    await server.kill();
    await pane.getByRole("button", { name: "Add user" }).click();
    await expect(pane.getByRole("alert")).toContainText("The user may have been added.");
    await expect(pane.getByLabel("Nickname")).toHaveValue("patient");
    await server.startAgain();
    await pane.getByRole("button", { name: "Add user" }).click();
    await expect(page).toHaveURL(/\/users\/7$/);
  });

  test("a deletion during a restart is carried out once, and can be undone", async ({ page, server }) => {
    await page.goto("/users/3");
    await expect(page.getByRole("complementary")).toContainText("foo@example.com");
    await server.kill();
    await page.getByRole("button", { name: "Delete" }).click();
    await expect(page.getByText("Trying to delete again…")).toBeVisible();
    await server.startAgain();
    await expect(page.getByText("Deleted foo.")).toBeVisible();
    await expect(page).toHaveURL(/\/users$/);
    expect(await server.ask("user", "list")).toHaveLength(5);
    await page.getByRole("button", { name: "Undo" }).click();
    await expect(page.getByText("Restored foo.")).toBeVisible();
    expect(await server.ask("user", "list")).toHaveLength(6);
  });

  test("a deletion continues after the reader leaves the page, and can be undone there", async ({ page, server }) => {
    await page.goto("/stage");
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await page.getByRole("link", { name: "Users" }).click();
    await rows(page).getByRole("link", { name: "foo" }).click();
    await expect(page.getByRole("complementary")).toContainText("foo@example.com");
    await server.kill();
    await page.getByRole("button", { name: "Delete" }).click();
    const notice = page.getByText("Trying to delete again…");
    await expect(notice).toBeVisible();
    await page.getByRole("link", { name: "Stage", exact: true }).click();
    await expect(page.getByRole("complementary", { name: "User 3" })).toBeHidden();
    await expect(notice).toBeVisible();
    await server.startAgain();
    await expect(page.getByText("Deleted foo.")).toBeVisible();
    await expect(page).toHaveURL(/\/stage$/);
    expect(await server.ask("user", "list")).toHaveLength(5);
    await page.getByRole("button", { name: "Undo" }).click();
    await expect(page.getByText("Restored foo.")).toBeVisible();
    await page.getByRole("link", { name: "Users" }).click();
    await expect(rows(page)).toHaveCount(6);
  });

  test("a lost response causes neither a second change nor a conflict", async ({ page, server }) => {
    // The server carries out each call, and the page loses the first response.
    const lost = new Set();
    await page.route(/UserManager\/(UpdateUser|DeleteUser)$/, async (route) => {
      const method = route.request().url();
      if (lost.has(method)) return route.continue();
      lost.add(method);
      await route.fetch();
      await route.abort();
    });
    await page.goto("/users/3");
    await page.getByRole("button", { name: "Edit" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Nickname").fill("once");
    await dialog.getByRole("button", { name: "Save" }).click();
    await expect(dialog.getByRole("alert")).toContainText("Your input is kept");
    expect(await server.ask("user", "get", "3")).toMatchObject([{ nickname: "once" }]);
    await dialog.getByRole("button", { name: "Save" }).click();
    await expect(dialog).toBeHidden();
    await expect(page.getByRole("complementary")).toContainText("once");
    await page.getByRole("button", { name: "Delete" }).click();
    await expect(page.getByText("Deleted once.")).toBeVisible();
    await page.getByRole("button", { name: "Undo" }).click();
    await expect(page.getByText("Restored once.")).toBeVisible();
    expect(lost.size).toBe(2);
  });
});

test("a pane loads during changes that are faster than the connection", async ({ page, server }) => {
  await page.goto("/users");
  await expect(rows(page)).toHaveCount(6);
  let changes = 0;
  await page.route("**/UserManager/GetUser", async (route) => {
    // Each request takes long enough for the page to notice another change.
    if (changes < 20) {
      const name = `admin ${++changes}`;
      await server.ask("user", "update", "1", "--nickname", name);
      await expect(rows(page).first()).toContainText(name);
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    await route.continue().catch(() => {});
  });
  await rows(page).getByRole("link", { name: "foo" }).click();
  await expect(page.getByRole("complementary", { name: "User 3" })).toContainText("foo@example.com");
  expect(changes).toBeLessThan(20);
});

test("the first click on Add user counts, though a field is empty", async ({ page }) => {
  await page.goto("/users/new");
  const pane = page.getByRole("complementary", { name: "Add user" });
  await expect(pane.getByLabel("Nickname")).toBeFocused();
  await pane.getByRole("button", { name: "Add user" }).click();
  await expect(pane.getByText("Enter a nickname.")).toBeVisible();
  await expect(pane.getByText("Enter a mail address.")).toBeVisible();
  await expect(pane.getByLabel("Nickname")).toBeFocused();
});

test("text can be dropped into the search", async ({ page }) => {
  await page.goto("/users");
  const isRefused = await page.getByRole("searchbox").evaluate((field) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.setData("text/plain", "foo");
    return ["dragover", "drop"].map((name) => {
      const event = new DragEvent(name, { dataTransfer, bubbles: true, cancelable: true });
      field.dispatchEvent(event);
      return event.defaultPrevented;
    });
  });
  expect(isRefused).toEqual([false, false]);
});

test("a search is one entry of the history", async ({ page }) => {
  await page.goto("/users");
  await expect(rows(page)).toHaveCount(6);
  const search = page.getByRole("searchbox", { name: "Search" });
  const before = await page.evaluate(() => history.length);
  for (const text of ["r", "ru", "aru"]) {
    await search.fill(text);
    await expect(page).toHaveURL(`/users?search=${text}`);
  }
  expect(await page.evaluate(() => history.length)).toBe(before + 1);
  await page.goBack();
  await expect(page).toHaveURL(/\/users$/);
  await expect(search).toHaveValue("");
  await expect(rows(page)).toHaveCount(6);
});

test("a double click on Add user adds a user and deletes nobody", async ({ page, server }) => {
  await page.goto("/users/new");
  const pane = page.getByRole("complementary", { name: "Add user" });
  await pane.getByLabel("Nickname").fill("twice");
  await pane.getByLabel("Mail address").fill("twice@example.com");
  // The second click comes as soon as the button Delete exists, wherever it is.
  await page.evaluate(() => {
    const observer = new MutationObserver(() => {
      const button = document.querySelector(".pane .button.danger");
      if (!button) return;
      observer.disconnect();
      button.dispatchEvent(new MouseEvent("click", { bubbles: true, detail: 2 }));
      document.title = "clicked twice";
    });
    observer.observe(document.body, { childList: true, subtree: true });
  });
  await pane.getByRole("button", { name: "Add user" }).click();
  await expect(page).toHaveTitle("clicked twice");
  await page.evaluate(() => fetch("/healthz"));
  await expect(page.getByRole("complementary", { name: "User 7" })).toContainText("twice@example.com");
  expect(await server.ask("user", "list")).toHaveLength(7);
});

test("an arrow key on the closed choices of a selection changes and downloads nothing", async ({ page, server }) => {
  await page.goto("/users");
  await page.getByRole("checkbox", { name: "Select guest" }).click();
  await page.getByRole("checkbox", { name: "Select troll" }).click({ modifiers: ["Shift"] });
  let downloads = 0;
  page.on("download", () => downloads++);
  const bar = page.getByRole("group", { name: "Selected users" });
  for (const name of ["Change type", "Export"]) {
    await bar.locator(".button, select").and(bar.getByText(name)).or(bar.getByLabel(name)).first().focus();
    await page.keyboard.press("ArrowDown");
  }
  await page.evaluate(() => fetch("/healthz"));
  expect(server.ended("UpdateUser")).toBe(0);
  expect(downloads).toBe(0);
  await expect(bar).toContainText("3 selected");
});

test("a late response neither reverts a row nor ends the fetching", async ({ page, server }) => {
  await page.goto("/users");
  await expect(rows(page)).toHaveCount(6);
  let release;
  const isReleased = new Promise((resolve) => (release = resolve));
  const isHeld = new Promise((held) =>
    page.route("**/UserManager/ListUsers", async (route) => {
      const response = await route.fetch();
      held();
      await isReleased;
      await route.fulfill({ response });
    }, { times: 1 }),
  );
  await server.ask("user", "add", "--nickname", "seventh", "--mail-address", "seventh@example.com");
  await isHeld;
  // The held response has the old name. While the pointer is on the table, no other request replaces it.
  await rows(page).nth(2).hover();
  await server.ask("user", "update", "3", "--nickname", "newer");
  await expect(rows(page).nth(2)).toContainText("newer");
  release();
  await expect(rows(page)).toHaveCount(7);
  await expect(rows(page).nth(2)).toContainText("newer");
});

test("the focus returns to the button that opened a dialog", async ({ page }) => {
  await page.goto("/users/3");
  const edit = page.getByRole("complementary").getByRole("button", { name: "Edit" });
  const dialog = page.getByRole("dialog");
  await edit.click();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(dialog).toBeHidden();
  await expect(edit).toBeFocused();
  await edit.click();
  await dialog.getByLabel("Nickname").fill("saved");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("complementary")).toContainText("saved");
  await expect(edit).toBeFocused();
  await page.getByRole("button", { name: "Actions for troll" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  await dialog.getByLabel("Nickname").fill("ogre");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("button", { name: "Actions for ogre" })).toBeFocused();
});

test("the table is a grid whose selected rows are marked", async ({ page }) => {
  await page.goto("/users");
  const grid = page.getByRole("grid", { name: "Table of users" });
  await expect(grid).toHaveAttribute("aria-multiselectable", "true");
  await page.getByRole("checkbox", { name: "Select troll" }).click();
  await expect(grid.getByRole("row", { name: "troll" })).toHaveAttribute("aria-selected", "true");
  await expect(grid.getByRole("row", { name: "guest" })).toHaveAttribute("aria-selected", "false");
});

test("Home and End move in the menu of a row", async ({ page }) => {
  await page.goto("/users");
  await page.getByRole("button", { name: "Actions for foo" }).click();
  await expect(page.getByRole("menuitem", { name: "Open" })).toBeFocused();
  await page.keyboard.press("End");
  await expect(page.getByRole("menuitem", { name: "Delete" })).toBeFocused();
  await page.keyboard.press("Home");
  await expect(page.getByRole("menuitem", { name: "Open" })).toBeFocused();
});

test("the rows stay while the rows of a search load", async ({ page }) => {
  await page.goto("/users");
  await expect(rows(page)).toHaveCount(6);
  let release;
  const isReleased = new Promise((resolve) => (release = resolve));
  const isHeld = new Promise((held) =>
    page.route("**/UserManager/ListUsers", async (route) => {
      held();
      await isReleased;
      await route.continue();
    }),
  );
  await page.getByRole("searchbox", { name: "Search" }).fill("aru");
  await isHeld;
  await expect(rows(page)).toHaveCount(6);
  release();
  await expect(rows(page)).toHaveText([/Zaru/, /Saru/]);
});

test.describe("with unloaded rows", () => {
  test.use({ serverOptions: async ({}, use) => use(["--seed", await seedFile(2500)]) });
  test("Shift selects all rows of a range, loaded or not", async ({ page }) => {
    await page.goto("/users");
    await page.getByRole("checkbox", { name: "Select user 1", exact: true }).click();
    const view = page.getByRole("region", { name: "Table of users" });
    await view.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await page.getByRole("checkbox", { name: "Select user 2500" }).click({ modifiers: ["Shift"] });
    await expect(page.getByRole("group", { name: "Selected users" })).toContainText("2,500 selected");
  });

  test("Shift selects the rows that are shown while the rows of a search load", async ({ page }) => {
    await page.goto("/users");
    await page.getByRole("checkbox", { name: "Select user 1", exact: true }).click();
    const view = page.getByRole("region", { name: "Table of users" });
    await view.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    const last = page.getByRole("checkbox", { name: "Select user 2500" });
    await expect(last).toBeVisible();
    let release;
    const isReleased = new Promise((resolve) => (release = resolve));
    const isHeld = new Promise((held) =>
      page.route("**/UserManager/ListUsers", async (route) => {
        if (route.request().postDataBuffer().includes("user 7")) {
          held();
          await isReleased;
        }
        await route.continue();
      }),
    );
    await page.getByRole("searchbox", { name: "Search" }).fill("user 7");
    await isHeld;
    await last.click({ modifiers: ["Shift"] });
    await expect(page.getByRole("group", { name: "Selected users" })).toContainText("2,500 selected");
    release();
  });
});

test("Shift selects from the same user after the rows are sorted again", async ({ page }) => {
  await page.goto("/users");
  await page.getByRole("checkbox", { name: "Select Saru" }).click();
  await page.getByRole("columnheader", { name: "Nickname" }).getByRole("button").click();
  await expect(rows(page)).toHaveText([/admin/, /foo/, /guest/, /Saru/, /troll/, /Zaru/]);
  await page.getByRole("checkbox", { name: "Select troll" }).click({ modifiers: ["Shift"] });
  await expect(page.getByRole("checkbox", { name: "Select Zaru" })).not.toBeChecked();
  await expect(page.getByRole("group", { name: "Selected users" })).toContainText("2 selected");
});

test.describe("when the connection is lost", () => {
  test.use({ serverGoesAway: true });
  test("the page shows since when the table is not live", async ({ page, server }) => {
    await page.goto("/users");
    await expect(rows(page)).toHaveCount(6);
    await expect(page.getByText("Not live since")).toBeHidden();
    await server.kill();
    await expect(page.getByText("Not live since")).toBeVisible();
    await expect(rows(page)).toHaveCount(6);
    await server.startAgain();
    await expect(page.getByText("Not live since")).toBeHidden();
  });

});
