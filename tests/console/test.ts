// What every test of the console has: a region, and a page that is watched for what it must not do.

import { test as base, expect, type Page } from "@playwright/test";

import type { Region, User } from "./region";
import { type Server, start } from "./server";

export { expect };

declare global {
  interface Window {
    refusedByPolicy(directive: string, what: string): void;
  }
}

/** Under which name the console keeps its session in the tab. */
const SESSION = "dnlb.session";

interface Fixtures {
  /** Another browser, of somebody else. */
  other: Page;
}

interface WorkerFixtures {
  /** The file of tests, where each is to have a server of its own: what one file leaves is in no list of another. */
  file: string;
  /** The server's, beyond those that every one has. */
  serverOptions: string[];
  server: Server;
  /** That of the server, unless a test has another one. */
  region: Region;
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  file: ["", { scope: "worker", option: true }],
  serverOptions: [[], { scope: "worker", option: true }],
  server: [
    async ({ serverOptions }, use) => {
      const server = await start(serverOptions);
      await use(server);
      await server.end();
    },
    { scope: "worker" },
  ],
  region: [({ server }, use) => use(server), { scope: "worker" }],
  page: async ({ page, region }, use) => {
    const faults = await watch(page, region);
    await use(page);
    expect(faults, "what the page did beside what it was to do").toEqual([]);
  },
  other: async ({ browser, region }, use) => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const faults = await watch(page, region);
    await use(page);
    await context.close();
    expect(faults, "what the other page did beside what it was to do").toEqual([]);
  },
});

/** What a page does wrong from now on. */
async function watch(page: Page, region: Region): Promise<readonly string[]> {
  const faults: string[] = [];
  const own = new URL(region.console).origin;
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== own && url.protocol !== "data:") faults.push(`asked ${url.href}`);
  });
  page.on("pageerror", (error) => faults.push(`an error nobody caught: ${error.message}`));
  await page.exposeFunction("refusedByPolicy", (directive: string, what: string) =>
    faults.push(`the policy forbids ${directive}: ${what}`),
  );
  await page.addInitScript(() =>
    document.addEventListener("securitypolicyviolation", (violation) =>
      window.refusedByPolicy(violation.effectiveDirective, violation.blockedURI || violation.sample),
    ),
  );
  return faults;
}

/** Fills in the form, on the page or over it. */
export async function logIn(page: Page, { name, password }: User): Promise<void> {
  const user = page.getByLabel("User", { exact: true });
  if (await user.isEditable()) await user.fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

/** Sessions of users, by region: the server lets nobody log in as often as tests begin. */
const sessions = new WeakMap<Region, Map<string, string>>();

/** Opens a page of the console as a user who is logged in; `path` is below the console. */
export async function enter(page: Page, region: Region, path: string, user: User = region.admin): Promise<void> {
  const known = sessions.get(region) ?? new Map<string, string>();
  sessions.set(region, known);
  const kept = known.get(user.name);
  if (kept !== undefined) {
    await page.addInitScript(
      ([key, value]) => location.protocol.startsWith("http") && (sessionStorage.getItem(key) ?? sessionStorage.setItem(key, value)),
      [SESSION, kept] as const,
    );
    await page.goto(region.console + path);
    return;
  }
  await page.goto(region.console + path);
  await logIn(page, user);
  await expect(page.getByRole("button", { name: user.name, exact: true })).toBeVisible();
  known.set(user.name, await page.evaluate((key) => sessionStorage.getItem(key) ?? "", SESSION));
}

/** Ends the session of a page as its time would: the server forgets it, and the page does not know. */
export async function endSession(page: Page, region: Region): Promise<void> {
  const kept = await page.evaluate((key) => sessionStorage.getItem(key) ?? "", SESSION);
  const { token } = JSON.parse(kept) as { token: string };
  const url = new URL(`/v1/regions/${region.name}/sessions/current`, region.console).href;
  const reply = await fetch(url, { method: "DELETE", headers: { authorization: `Bearer ${token}`, "x-dnlb-service": "dnlb" } });
  expect(reply.status).toBe(200);
}
