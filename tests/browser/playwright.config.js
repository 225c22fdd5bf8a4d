// The page in real Chromium, against the real binary: `cargo xtask test` brings both and sets CHROMIUM and SOUNDSTAGE.
import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "specs",
  // A test that passes only at the second try has found something.
  retries: 0,
  workers: 2,
  forbidOnly: true,
  timeout: 30_000,
  reporter: "list",
  outputDir: "../../target/browser-tests",
  use: {
    viewport: { width: 1280, height: 800 },
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
