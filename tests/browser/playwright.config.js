// Tests the page in Chromium against the server binary. `cargo xtask test` installs and builds both, and sets CHROMIUM and SOUNDSTAGE.
import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "specs",
  // A test that passes only on a second try has found a defect.
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
