// What every test of the console has: a region, and a page that is watched for what it must not do.

import { test as base, expect, type Page } from "@playwright/test";

import { type Region, start } from "./region";

export { expect };

declare global {
  interface Window {
    refusedByPolicy(directive: string, what: string): void;
  }
}

export const test = base.extend<object, { region: Region }>({
  region: [
    async ({}, use) => {
      const region = await start();
      await use(region);
      await region.end();
    },
    { scope: "worker" },
  ],
  page: async ({ page, region }, use) => {
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
    await use(page);
    expect(faults, "what the page did beside what it was to do").toEqual([]);
  },
});

export async function logIn(page: Page, region: Region): Promise<void> {
  await page.getByLabel("User").fill("admin");
  await page.getByLabel("Password").fill(region.password);
  await page.getByRole("button", { name: "Log in" }).click();
}
