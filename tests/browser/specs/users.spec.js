import { expect, test } from "../test.js";
import { seedFile } from "../stage-server.js";

/** The rows of the table, without its heading. */
const rows = (page) => page.getByRole("table").locator("tbody").getByRole("row");

const fill = async (page, { nickname, mail, id }) => {
  const pane = page.getByRole("complementary", { name: "Add user" });
  if (nickname !== undefined) await pane.getByLabel("Nickname").fill(nickname);
  if (mail !== undefined) await pane.getByLabel("Mail address").fill(mail);
  if (id !== undefined) await pane.getByRole("textbox", { name: "Id" }).fill(id);
  return pane;
};

test("the six first users are listed", async ({ page }) => {
  await page.goto("/");
  await expect(page).toHaveURL(/\/users$/);
  await expect(page).toHaveTitle("Users · Soundstage");
  await expect(rows(page)).toHaveCount(6);
  await expect(rows(page).first()).toContainText("admin@example.com");
  await expect(page.getByText("1–6 of 6")).toBeVisible();
});

test("a user is added, shown, and kept by the server", async ({ page, server }) => {
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

test("the form says what is wrong while one types, and sends nothing", async ({ page, server }) => {
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

test("an id that is taken is said at the id, and nothing is lost", async ({ page }) => {
  await page.goto("/users/new");
  const pane = await fill(page, { nickname: "second", mail: "second@example.com", id: "1" });
  await pane.getByRole("button", { name: "Add user" }).click();
  await expect(pane.getByText("Already exist")).toBeVisible();
  await expect(pane.getByRole("textbox", { name: "Id" })).toBeFocused();
  await expect(pane.getByLabel("Nickname")).toHaveValue("second");
  await fill(page, { id: "12" });
  await expect(pane.getByText("Already exist")).toBeHidden();
  await pane.getByRole("button", { name: "Add user" }).click();
  await expect(page).toHaveURL(/\/users\/12$/);
});

test("what the server refuses stands at the field it names", async ({ page }) => {
  // The form knows the same rules, so only a server with stricter ones can refuse what it sends.
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

test("a user is found by id, and nobody is not found", async ({ page }) => {
  await page.goto("/users");
  const find = page.getByRole("search");
  await find.getByLabel("Find by id").fill("4");
  await find.getByLabel("Find by id").press("Enter");
  await expect(page.getByRole("complementary", { name: "User 4" })).toContainText("troll@example.com");
  await find.getByLabel("Find by id").fill("99");
  await find.getByRole("button", { name: "Find" }).click();
  await expect(page.getByRole("complementary", { name: "User 99" })).toContainText("Not found");
  await find.getByLabel("Find by id").fill("seven");
  await find.getByRole("button", { name: "Find" }).click();
  await expect(find.getByText("Enter a whole number")).toBeVisible();
  await expect(page).toHaveURL(/\/users\/99$/);
});

test("the filter streams the users of one type, and stands in the address", async ({ page, server }) => {
  await page.goto("/users");
  await page.getByLabel("Type").selectOption("NORMAL");
  await expect(page).toHaveURL(/\?type=NORMAL$/);
  await expect(rows(page)).toHaveText([/foo/, /Zaru/, /Saru/]);
  await expect(page.getByText("3 of 3")).toBeVisible();
  await expect.poll(() => server.ended("GetUsersByType")).toBe(1);
  await page.goBack();
  await expect(rows(page)).toHaveCount(6);
  await page.goto("/users?type=DISABLED");
  await expect(rows(page)).toHaveText([/troll/]);
  await expect(page.getByLabel("Type")).toHaveValue("DISABLED");
  await rows(page).getByRole("link", { name: "troll" }).click();
  await expect(page).toHaveURL(/\/users\/4\?type=DISABLED$/);
});

test("a link to a user opens that user", async ({ page }) => {
  await page.goto("/users/5");
  await expect(page.getByRole("complementary", { name: "User 5" })).toContainText("Zaru");
  await expect(rows(page)).toHaveCount(6);
});

test.describe("with many users", () => {
  test.use({ serverOptions: async ({}, use) => use(["--seed", await seedFile(2500)]) });

  test("pages lead there and back", async ({ page }) => {
    await page.goto("/users");
    await expect(page.getByText("1–50 of 2500")).toBeVisible();
    await expect(page.getByRole("button", { name: "Previous" })).toBeDisabled();
    await page.getByRole("button", { name: "Next" }).click();
    await expect(page.getByText("51–100 of 2500")).toBeVisible();
    await expect(rows(page).first()).toContainText("user 51");
    await page.getByRole("button", { name: "Previous" }).click();
    await expect(rows(page).first()).toContainText("user 1");
  });

  test("a type with too many users for a table is cut short, in words", async ({ page }) => {
    await page.goto("/users?type=NORMAL");
    await expect(page.getByText("The first 1000; there are more.")).toBeVisible();
    await expect(rows(page)).toHaveCount(1000);
  });
});

test.describe("with nobody", () => {
  test.use({ serverOptions: ["--seed", "none"] });

  test("an empty directory says so", async ({ page }) => {
    await page.goto("/users");
    await expect(page.getByText("There are no users yet")).toBeVisible();
    await page.getByLabel("Type").selectOption("GUEST");
    await expect(page.getByText("No user has this type.")).toBeVisible();
  });
});

test.describe("when the server goes away", () => {
  test.use({ serverGoesAway: true });

  test("the page says so, and goes on by itself when the server is back", async ({ page, server }) => {
    await page.goto("/users");
    await expect(rows(page)).toHaveCount(6);
    await server.kill();
    await rows(page).getByRole("link", { name: "foo" }).click();
    await expect(page.getByRole("alert")).toContainText("The server cannot be reached.");
    await server.startAgain();
    await expect(page.getByRole("complementary", { name: "User 3" })).toContainText("foo@example.com");
  });

  test("a form that could not be sent keeps what was typed", async ({ page, server }) => {
    await page.goto("/users/new");
    const pane = await fill(page, { nickname: "patient", mail: "patient@example.com" });
    await server.kill();
    await pane.getByRole("button", { name: "Add user" }).click();
    await expect(pane.getByRole("alert")).toContainText("Nothing was added");
    await expect(pane.getByLabel("Nickname")).toHaveValue("patient");
    await server.startAgain();
    await pane.getByRole("button", { name: "Add user" }).click();
    await expect(page).toHaveURL(/\/users\/7$/);
  });
});
