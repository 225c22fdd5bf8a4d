// The page in English and Japanese.
import { expect, test } from "../test.js";

test.describe("a reader of Japanese", () => {
  test.use({ locale: "ja-JP", timezoneId: "Asia/Tokyo" });

  test("sees pages, forms and errors in Japanese, and can switch to English", async ({ page, server }) => {
    await page.goto("/users");
    await expect(page).toHaveTitle("ユーザー · Soundstage");
    await expect(page.locator("html")).toHaveAttribute("lang", "ja");
    await expect(page.getByText("6 人のユーザー")).toBeVisible();
    const [{ updated_ms: changed }] = await server.ask("user", "get", "1");
    const time = new Date(changed).toLocaleString("ja-JP", { dateStyle: "medium", timeStyle: "short", timeZone: "Asia/Tokyo" });
    await expect(page.getByRole("row").nth(1)).toContainText(time);
    await page.getByRole("link", { name: "ユーザーを追加" }).click();
    const form = page.getByRole("complementary", { name: "ユーザーを追加" });
    await form.getByRole("button", { name: "ユーザーを追加" }).click();
    await expect(form.getByText("ニックネームを入力してください。")).toBeVisible();
    await form.getByLabel("ニックネーム").fill("猿");
    await form.getByLabel("メールアドレス").fill("nowhere");
    await expect(form.getByText("のようなメールアドレスを入力してください。")).toBeVisible();

    await page.getByRole("button", { name: "English" }).click();
    await expect(page).toHaveTitle("Add user · Soundstage");
    await expect(page.locator("html")).toHaveAttribute("lang", "en");
    await page.reload();
    await expect(page.getByRole("heading", { name: "Users" })).toBeVisible();
    await page.getByRole("button", { name: "日本語" }).click();
    await expect(page.getByRole("heading", { name: "ユーザー", exact: true })).toBeVisible();
  });

  test("sees the errors of a file in Japanese", async ({ page }) => {
    await page.goto("/users/import");
    const pane = page.getByRole("complementary", { name: "ユーザーをインポート" });
    const buffer = Buffer.from("nickname,mail_address,user_type\n,a@b.example,NORMAL\n");
    await pane.locator("input[type=file]").setInputFiles({ name: "users.csv", mimeType: "text/csv", buffer });
    await pane.getByRole("button", { name: "インポート" }).click();
    await expect(pane.getByRole("list", { name: "拒否された行" })).toContainText("2 行目 nickname: ニックネームを入力してください。");
  });

  for (const path of ["/users", "/users/new", "/users/import", "/stage", "/calls"]) {
    test(`sees no English text on ${path}`, async ({ page }) => {
      await page.goto(path);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await expect(page.locator("html")).toHaveAttribute("lang", "ja");
      // Names of the protocol, data, and the name of the other language stay.
      const known = /^(Soundstage|English|JavaScript|gRPC(-Web)?|WebSocket|grpcurl|soundstage|CSV|NDJSON|JSON|UTF|ID|id|m|ms|s|x|y|z|kB|B|Home|End|PgUp|PgDn|Page|Up|Down|Shift|status|msg|name|example|com|[a-z_]+@.*|.*@example\.com|admin|guest|foo|troll|Zaru|Saru|user|[A-Z]\w*(Request|Options|Filter)|[a-z]+(_[a-z]+)+|[a-z_]+\.[a-z_.]+|[A-Z]+(_[A-Z]+)*|([A-Z][a-z]+)+(Users?|Id|Ids|Type|Req|Pub|Sub|Sync)s?|Msg|Position|User|Walker|character|position)$/;
      const words = await page.evaluate(() => {
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        const texts = [];
        while (walker.nextNode()) if (walker.currentNode.parentElement.closest("script, style, pre, noscript") === null) texts.push(walker.currentNode.data);
        for (const element of document.body.querySelectorAll("[aria-label], [placeholder]")) {
          texts.push(element.getAttribute("aria-label") ?? "", element.getAttribute("placeholder") ?? "");
        }
        return texts.join(" ").split(/[^\w@.\-]+/).map((word) => word.replace(/^[.\-]+|[.\-]+$/g, "")).filter((word) => /[A-Za-z]/.test(word));
      });
      expect([...new Set(words)].filter((word) => !known.test(word))).toEqual([]);
    });
  }
});

test("a reader of another language sees English", async ({ browser, server }) => {
  const context = await browser.newContext({ locale: "fr-FR" });
  const page = await context.newPage();
  await page.goto(`${server.url}/users`);
  await expect(page.getByRole("heading", { name: "Users" })).toBeVisible();
  await context.close();
});
