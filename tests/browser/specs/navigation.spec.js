// The router: links, the history, and the mark of the current link.
import { expect, test } from "../test.js";

const heading = (page, name) => page.getByRole("heading", { level: 1, name });

const navigation = (page) => page.getByRole("navigation", { name: "Pages" });

/** Marks the document, to see whether a reload replaces it. */
const mark = (page) => page.evaluate(() => (window.isSame = true));

const isSame = (page) => page.evaluate(() => window.isSame === true);

test("links open pages without a reload, and Back and Forward return to them", async ({ page }) => {
  await page.goto("/users?search=foo");
  await expect(page.getByRole("searchbox")).toHaveValue("foo");
  await mark(page);
  await navigation(page).getByRole("link", { name: "Stage" }).click();
  await expect(heading(page, "Stage")).toBeVisible();
  await navigation(page).getByRole("link", { name: "Calls" }).click();
  await expect(heading(page, "Calls")).toBeVisible();
  await expect(page).toHaveURL(/\/calls$/);
  await page.goBack();
  await expect(heading(page, "Stage")).toBeVisible();
  await page.goBack();
  await expect(heading(page, "Users")).toBeVisible();
  await expect(page).toHaveURL(/\/users\?search=foo$/);
  await expect(page.getByRole("searchbox")).toHaveValue("foo");
  await page.goForward();
  await expect(heading(page, "Stage")).toBeVisible();
  expect(await isSame(page)).toBe(true);
});

test("a link to the current page adds no entry to the history", async ({ page }) => {
  await page.goto("/users");
  await expect(page.getByRole("grid")).toBeVisible();
  const before = await page.evaluate(() => history.length);
  await navigation(page).getByRole("link", { name: "Users" }).click();
  await page.getByRole("link", { name: "Soundstage" }).click();
  await expect(page).toHaveURL(/\/users$/);
  expect(await page.evaluate(() => history.length)).toBe(before);
});

test("a start at the root is a start at the users", async ({ page, server }) => {
  await page.goto("/examples/js/");
  await page.goto("/");
  await expect(page).toHaveURL(`${server.url}/users`);
  await expect(page.getByRole("grid")).toBeVisible();
  await page.goBack();
  await expect(page).toHaveURL(`${server.url}/examples/js/`);
});

test("a link with a modifier key opens a tab, and the page stays", async ({ page, context }) => {
  await page.goto("/users");
  await mark(page);
  const opened = context.waitForEvent("page");
  await navigation(page).getByRole("link", { name: "Stage" }).click({ modifiers: ["ControlOrMeta"] });
  const tab = await opened;
  await expect(heading(tab, "Stage")).toBeVisible();
  await expect(page).toHaveURL(/\/users$/);
  expect(await isSame(page)).toBe(true);
});

test("the browser loads a document that is not a page of the application", async ({ page }) => {
  await page.goto("/calls");
  await mark(page);
  await page.getByRole("link", { name: "the JavaScript example" }).click();
  await expect(page).toHaveURL(/\/examples\/js\/$/);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  expect(await isSame(page)).toBe(false);
});

/** Lets a link of the page of calls lead to a path. Returns the link. */
async function linkTo(page, path) {
  const link = page.getByRole("link", { name: "the JavaScript example" });
  await link.evaluate((element, path) => (element.href = location.origin + path), path);
  return link;
}

test("the browser follows a link to a path of the server that is not a page", async ({ page, server }) => {
  await page.goto("/calls");
  const link = await linkTo(page, "/metrics");
  const download = page.waitForEvent("download");
  await link.click();
  expect((await download).url()).toBe(`${server.url}/metrics`);
  await expect(page).toHaveURL(/\/calls$/);
});

test("the browser follows a link whose path begins with two slashes", async ({ page, server }) => {
  await page.goto("/calls");
  const link = await linkTo(page, "//host/users");
  await mark(page);
  await link.click();
  await expect(page).toHaveURL(`${server.url}//host/users`);
  await expect(heading(page, "Page not found")).toBeVisible();
  expect(await isSame(page)).toBe(false);
});

// Browsers limit the changes of the address within some seconds.
for (const [kind, throws] of [
  ["ignores", false],
  ["refuses", true],
]) {
  test(`the page follows a link if the browser ${kind} the change of the address`, async ({ page }) => {
    await page.goto("/users");
    await expect(page.getByRole("grid")).toBeVisible();
    await page.evaluate((throws) => {
      history.pushState = () => {
        if (throws) throw new DOMException("too many changes", "SecurityError");
      };
    }, throws);
    await navigation(page).getByRole("link", { name: "Calls" }).click();
    await expect(heading(page, "Calls")).toBeVisible();
    await expect(page).toHaveURL(/\/users$/);
    await navigation(page).getByRole("link", { name: "Users" }).click();
    await expect(page.getByRole("grid")).toBeVisible();
  });
}

test("the link of the current page is marked", async ({ page }) => {
  const marked = page.locator("header a[aria-current=page]");
  for (const [path, name] of [["/users", "Users"], ["/users/3?type=NORMAL", "Users"], ["/stage", "Stage"], ["/calls", "Calls"]]) {
    await page.goto(path);
    await expect(marked).toHaveText([name]);
  }
  await navigation(page).getByRole("link", { name: "Users" }).click();
  await expect(marked).toHaveText(["Users"]);
  await page.getByRole("grid").getByRole("link", { name: "foo" }).click();
  await expect(page.getByRole("complementary", { name: "User 3" })).toBeVisible();
  await expect(page.getByRole("grid").locator("a[aria-current=page]")).toHaveText(["foo"]);
  await page.goto("/nowhere");
  await expect(heading(page, "Page not found")).toBeVisible();
  await expect(marked).toHaveCount(0);
});

test("the pane shows the path as text", async ({ page }) => {
  await page.goto("/users/%E7%8C%BF%20%26");
  await expect(page.getByText("No user has the ID 猿 &.")).toBeVisible();
  // Not encoded correctly.
  await page.goto("/users/%E7");
  await expect(page.getByText("No user has the ID %E7.")).toBeVisible();
});

test("another page begins at its top, and a filter leaves the scroll position", async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 400 });
  await page.goto("/calls");
  await expect(heading(page, "Calls")).toBeVisible();
  await page.evaluate(() => window.scrollTo(0, 200));
  await navigation(page).getByRole("link", { name: "Users" }).click();
  await expect(page.getByRole("grid")).toBeVisible();
  expect(await page.evaluate(() => window.scrollY)).toBe(0);
  await page.evaluate(() => window.scrollTo(0, 60));
  const before = await page.evaluate(() => window.scrollY);
  expect(before).toBeGreaterThan(0);
  await page.getByRole("group", { name: "Types" }).getByRole("button", { name: "Normal" }).click();
  await expect(page).toHaveURL(/type=NORMAL/);
  expect(await page.evaluate(() => window.scrollY)).toBe(before);
});

test("leaving the page of users fetches no users", async ({ page }) => {
  await page.goto("/users?search=foo");
  await expect(page.getByRole("link", { name: "foo" })).toBeVisible();
  const requests = [];
  page.on("request", (request) => requests.push(new URL(request.url()).pathname));
  await navigation(page).getByRole("link", { name: "Stage" }).click();
  await expect(page.getByRole("application")).toBeVisible();
  expect(requests.filter((path) => path.endsWith("/ListUsers"))).toEqual([]);
});
