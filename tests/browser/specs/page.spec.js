// The page as a whole: first load, layout, accessibility, keyboard.
import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "../test.js";

const PAGES = ["/users", "/users/3", "/users/99", "/users/new", "/stage", "/calls", "/examples/js/", "/nowhere"];

/** Opens a path and waits until its content is visible. */
const settled = async (page, path) => {
  await page.goto(path);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  if (path.startsWith("/users")) await expect(page.getByRole("grid")).toBeVisible();
  if (path === "/users/99") await expect(page.getByText("No user has the ID 99.")).toBeVisible();
};

for (const locale of ["en-US", "ja-JP"]) {
  test.describe("in both languages", () => {
    test.use({ locale });

    test(`the first load transfers at most 190 kB, all from this server, ${locale}`, async ({ page, server }) => {
      const session = await page.context().newCDPSession(page);
      await session.send("Network.enable");
      let bytes = 0;
      const hosts = new Set();
      const paths = [];
      const started = new Set();
      const finished = new Set();
      const received = new Map();
      session.on("Network.requestWillBeSent", ({ requestId, request }) => {
        // The stream of changes is open for as long as the page is visible.
        if (request.url.endsWith("/WatchUsers")) return;
        started.add(requestId);
        if (request.url.startsWith("data:")) return;
        hosts.add(new URL(request.url).host);
        paths.push(new URL(request.url).pathname);
      });
      session.on("Network.dataReceived", ({ requestId, encodedDataLength }) => {
        received.set(requestId, (received.get(requestId) ?? 0) + encodedDataLength);
      });
      // The page cancels a call once it has the status, possibly before the browser has read the end of the body.
      session.on("Network.loadingFailed", ({ requestId }) => {
        finished.add(requestId);
        bytes += received.get(requestId) ?? 0;
      });
      session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
        finished.add(requestId);
        bytes += encodedDataLength;
      });
      await settled(page, "/users");
      await expect.poll(() => started.size - finished.size).toBe(0);
      console.log(`    first load, ${locale}: ${(bytes / 1000).toFixed(1)} kB in ${finished.size} responses`);
      expect(bytes).toBeGreaterThan(100_000);
      expect(bytes).toBeLessThanOrEqual(190_000);
      expect([...hosts]).toEqual([server.address]);
      expect(paths.filter((path) => path.startsWith("/recorder"))).toEqual([]);
    });
  });
}

test("an unknown address shows an error with a link to the users", async ({ page }) => {
  await page.goto("/nowhere");
  await expect(page.getByRole("heading", { name: "Page not found" })).toBeVisible();
  await page.getByRole("link", { name: "Go to Users" }).click();
  await expect(page.getByRole("grid")).toBeVisible();
});

test("a banner appears while the device is offline", async ({ page, context }) => {
  await settled(page, "/users");
  await context.setOffline(true);
  await expect(page.getByText("You are offline.")).toBeVisible();
  await context.setOffline(false);
  await expect(page.getByText("You are offline.")).toBeHidden();
});

for (const colorScheme of ["light", "dark"]) {
  test.describe(`${colorScheme}`, () => {
    test.use({ colorScheme });

    for (const path of PAGES) {
      test(`${path} has no accessibility violation`, async ({ page }) => {
        await settled(page, path);
        const { violations } = await new AxeBuilder({ page }).analyze();
        expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`)).toEqual([]);
      });
    }
  });
}

for (const width of [360, 1920]) {
  test.describe(`${width} pixels wide`, () => {
    test.use({ viewport: { width, height: 800 } });

    for (const path of PAGES) {
      test(`${path} does not scroll sideways`, async ({ page }) => {
        await settled(page, path);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect(overflow).toBeLessThanOrEqual(0);
      });
    }
  });
}

test("a reader adds a user and opens the stage with the keyboard alone", async ({ page }) => {
  await page.goto("/users");
  await expect(page.getByRole("grid")).toBeVisible();
  const tabTo = async (target) => {
    for (let presses = 0; presses < 30; presses++) {
      if (await target.evaluate((element) => element === document.activeElement)) return;
      await page.keyboard.press("Tab");
    }
    throw new Error("the Tab key does not reach the element");
  };
  await tabTo(page.getByRole("link", { name: "Add user" }));
  await page.keyboard.press("Enter");
  const pane = page.getByRole("complementary", { name: "Add user" });
  await tabTo(pane.getByLabel("Nickname"));
  await page.keyboard.type("keys");
  await tabTo(pane.getByLabel("Mail address"));
  await page.keyboard.type("keys@example.com");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/users\/7$/);
  await page.keyboard.press("Shift+Tab");
  await tabTo(page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Stage" }));
  await page.keyboard.press("Enter");
  await tabTo(page.getByRole("application"));
});

test.describe("after an upgrade", () => {
  test.use({ serverGoesAway: true });

  test("after an upgrade, an old page offers to reload", async ({ page }) => {
    await page.goto("/users");
    await expect(page.getByRole("link", { name: "foo" })).toBeVisible();
    await page.route("**/*.wasm", (route) => route.abort());
    await page.route(/:\d+\/$/, async (route) => {
      const response = await route.fetch();
      const text = await response.text();
      await route.fulfill({ response, body: text.replaceAll("soundstage-web-", "soundstage-web-1") });
    });
    await page.getByRole("link", { name: "Stage", exact: true }).click();
    await expect(page.getByRole("alert")).toContainText("The server has a new version of this page.");
    await expect(page.getByText("Cannot reach the server.")).toBeHidden();
    await page.unrouteAll();
    await page.getByRole("button", { name: "Reload the page" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Stage" })).toBeVisible();
  });
});

test("the name of each part contains a hash of its own content", async ({ page }) => {
  await page.goto("/users");
  await expect(page.getByRole("link", { name: "foo" })).toBeVisible();
  const texts = await page.evaluate(async () => {
    const module = document.querySelector('link[rel="modulepreload"]').href;
    const source = await (await fetch(module)).text();
    const loaders = source.match(/soundstage-parts-\w+\.js/)[0];
    return (await fetch(`/${loaders}`)).text();
  });
  const hashes = [...texts.matchAll(/(?:split|chunk)_\w+-(\w+)\.wasm/g)].map((match) => match[1]);
  expect(hashes.length).toBeGreaterThan(3);
  expect(new Set(hashes).size).toBeGreaterThan(3);
});

test("the skip link moves the focus to the content", async ({ page }) => {
  await page.goto("/users");
  await expect(page.getByRole("grid")).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
});

test("forced colours show which types are chosen", async ({ page }) => {
  await page.emulateMedia({ forcedColors: "active" });
  await page.goto("/users?type=GUEST");
  const background = (name) =>
    page.getByRole("button", { name, exact: true }).evaluate((button) => getComputedStyle(button).backgroundColor);
  expect(await background("Guest")).not.toBe(await background("Normal"));
});
