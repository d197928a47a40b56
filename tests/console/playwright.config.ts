import { defineConfig } from "@playwright/test";

// Debian's browser, and a server for each file of tests.
export default defineConfig({
  outputDir: "../../target/console/browser",
  reporter: process.env.CI === undefined ? "list" : "line",
  // Files beside each other: a server and a browser wait for one another.
  workers: 2,
  // A test that passes the second time is a bug that is not looked for.
  retries: 0,
  forbidOnly: process.env.CI !== undefined,
  timeout: 120_000,
  projects: [
    { name: "server", testDir: ".", testIgnore: ["guide/**", "lab/**", "scale/**"] },
    // With hosts, instances and clients, which takes root.
    { name: "lab", testDir: "lab", timeout: 300_000 },
    // What is measured: docs/benchmarks.md.
    { name: "scale", testDir: "scale" },
    // No tests, but the pictures of docs/guide.md.
    { name: "screenshots", testDir: "guide", timeout: 300_000 },
  ],
  expect: { timeout: 15_000 },
  use: {
    actionTimeout: 15_000,
    screenshot: "only-on-failure",
    // What records a test makes it a third slower, and every test would be recorded for the one that fails: `npx playwright test --trace on`.
    trace: "off",
    viewport: { width: 1280, height: 800 },
    launchOptions: {
      executablePath: process.env.DNLB_CHROMIUM ?? "/usr/bin/chromium",
      // Root has no sandbox in Chromium; and it is our own page alone that it shows.
      chromiumSandbox: process.getuid?.() !== 0,
    },
  },
});
