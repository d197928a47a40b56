// How one comes in, and what the browser has to say of what the server serves.

import { expect, logIn, test } from "./test";

test.use({ file: import.meta.filename });

test.beforeAll(({ region }) => {
  region.dnlb("vpc", "create", "shop", "--prefix", "10.0.0.0/16");
  region.dnlb("subnet", "create", "shop-web", "--vpc", "shop", "--prefix", "10.0.0.0/24");
  region.dnlb("lb", "create", "storefront", "--subnet", "shop-web");
});

test("the root leads to a page to log in", async ({ page, region }) => {
  await page.goto(new URL("/", region.console).href);
  await expect(page).toHaveURL(/\/console\//);
  await expect(page.getByLabel("User")).toBeVisible();
  await expect(page.getByLabel("Password")).toHaveAttribute("type", "password");
});

test("a wrong password is refused with a sentence, and the right one leads to the load balancers", async ({ page, region }) => {
  const { privateIp } = region.dnlb("lb", "show", "storefront") as { privateIp: { privateIpAddress: string } };
  await page.goto(region.console);
  await logIn(page, { ...region.admin, password: "not the password" });
  await expect(page.getByText("User or password are wrong")).toBeVisible();
  await logIn(page, region.admin);
  const row = page.getByRole("row", { name: /storefront/ });
  await expect(row).toContainText(privateIp.privateIpAddress);
});

test("a page of the console can be called by its address", async ({ page, region }) => {
  await page.goto(`${region.console}load-balancers`);
  await logIn(page, region.admin);
  await expect(page.getByRole("row", { name: /storefront/ })).toBeVisible();
  await expect(page).toHaveURL(`${region.console}load-balancers`);
});

test("the first page takes less than 500 kB, fonts and all", async ({ page, region }) => {
  await page.goto(region.console);
  await logIn(page, region.admin);
  await expect(page.getByRole("row", { name: /storefront/ })).toBeVisible();
  await page.waitForLoadState("networkidle");
  const bytes = await page.evaluate(() =>
    performance.getEntries().reduce((sum, one) => sum + (one instanceof PerformanceResourceTiming ? one.encodedBodySize : 0), 0),
  );
  // Less than a part of it would mean that nothing was counted.
  expect(bytes).toBeGreaterThan(100_000);
  expect(bytes).toBeLessThan(500_000);
});

test("what does not change is loaded once", async ({ page, region }) => {
  await page.goto(region.console);
  await expect(page.getByLabel("User")).toBeVisible();
  // What the browser did not have to ask for has no head that travelled.
  await page.reload();
  await expect(page.getByLabel("User")).toBeVisible();
  const travelled = await page.evaluate(() =>
    (performance.getEntriesByType("resource") as PerformanceResourceTiming[])
      .filter((one) => one.name.includes("/console/assets/") && one.transferSize > 0)
      .map((one) => one.name),
  );
  expect(travelled).toEqual([]);
});

test("the policy does forbid what is not the console's", async ({ page, region }) => {
  await page.goto(region.console);
  await expect(page.getByLabel("User")).toBeVisible();
  const outcome = await page.evaluate(async () => {
    // The watcher of every test would report these: they are meant to fail here.
    window.refusedByPolicy = () => {};
    const tag = document.createElement("script");
    tag.textContent = "document.title = 'inline script ran'";
    document.head.append(tag);
    const elsewhere = await fetch("http://127.0.0.1:9/").then(
      () => "went",
      () => "refused",
    );
    return { title: document.title, elsewhere };
  });
  expect(outcome.title).not.toBe("inline script ran");
  expect(outcome.elsewhere).toBe("refused");
});
