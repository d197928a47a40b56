// Charts and pictures where nothing goes by: what they say then, of which time they are, and what those hear who see none.

import type { Page } from "@playwright/test";

import { backend, listener, type Scene, scene } from "./scene";
import { enter, expect, test } from "./test";

test.use({ file: import.meta.filename });

let shop: Scene;
let path: string;

test.beforeAll(({ region }) => {
  shop = scene(region, "watched");
  const backendId = backend(region, shop, "servers");
  path = `${shop.path}/listeners/${listener(region, shop, "web", 80, backendId)}`;
});

function chart(page: Page, name: string) {
  return page.getByRole("application", { name, exact: true });
}

/** What a control of several segments has chosen. */
function chosen(page: Page, name: string) {
  return page.getByRole("toolbar", { name }).getByRole("button", { pressed: true });
}

test("what nobody calls says how it would be called, and has charts with names", async ({ page, region }) => {
  await enter(page, region, `${path}?tab=monitoring`);
  await expect(page.getByText("Nothing went by in this time")).toBeVisible();
  await expect(page.getByText("Call the VIP at its port")).toBeVisible();
  for (const name of ["New connections", "Flows", "Bytes", "Packets"]) {
    await expect(page.getByRole("heading", { name, exact: true })).toBeVisible();
    await expect(chart(page, name)).toHaveAccessibleDescription(/Now 0/);
  }
  for (const name of ["Packets dropped or refused", "Second chances"]) await expect(page.getByRole("heading", { name, exact: true })).toBeVisible();
  await expect(page.getByText("From clients: Now 0/s, on average 0/s, at most 0/s", { exact: true })).toBeVisible();
});

test("a load balancer's own charts are those of its listeners together", async ({ page, region }) => {
  await enter(page, region, shop.path);
  await page.getByRole("tab", { name: "Monitoring" }).click();
  await expect(page.getByText("its elastic IP from outside")).toBeVisible();
  await expect(chart(page, "New connections")).toBeVisible();
});

test("the time is in the address: it outlives a reload and other tabs", async ({ page, region }) => {
  await enter(page, region, `${path}?tab=monitoring`);
  await expect(chosen(page, "Time to show")).toHaveText("5 minutes");
  const asked = page.waitForRequest((request) => request.url().includes("stepSeconds=10"));
  await page.getByRole("toolbar", { name: "Time to show" }).getByRole("button", { name: "1 hour" }).click();
  await asked;
  await expect(page).toHaveURL(/range=1h/);
  await expect(page.getByText("Each point: 10 seconds")).toBeVisible();
  await page.reload();
  await expect(chosen(page, "Time to show")).toHaveText("1 hour");
  await page.getByRole("tab", { name: "Health of targets" }).click();
  await page.getByRole("tab", { name: "Monitoring" }).click();
  await expect(chosen(page, "Time to show")).toHaveText("1 hour");
});

test("of a time of which nothing is known there is no chart, but what to do", async ({ page, region }) => {
  // Whole hours that are over: this server is younger.
  await enter(page, region, `${path}?tab=monitoring&range=30d`);
  await expect(page.getByText("Nothing is known of this time")).toBeVisible();
  await expect(page.getByText("see whether hosts are up")).toBeVisible();
  await expect(page.getByRole("heading", { name: "New connections" })).toHaveCount(0);
});

test("charts follow by themselves", async ({ page, region }) => {
  await enter(page, region, `${path}?tab=monitoring`);
  await expect(page.getByText("Nothing went by in this time")).toBeVisible();
  let asked = 0;
  page.on("request", (request) => (asked += request.url().includes("/metrics?") ? 1 : 0));
  await expect.poll(() => asked).toBeGreaterThan(1);
});

test("a gap is drawn as one, and what is not known is no zero", async ({ page, region }) => {
  const points = Array.from({ length: 300 }, (_, second) => (second >= 100 && second < 200 ? null : second));
  await page.route(/\/metrics\?/, async (route) => {
    const reply = await route.fetch();
    const body = (await reply.json()) as { result: { metrics: { series: { points: unknown[] }[] } } };
    for (const series of body.result.metrics.series) series.points = points;
    await route.fulfill({ response: reply, json: body });
  });
  await enter(page, region, `${path}?tab=monitoring`);
  await expect(chart(page, "New connections")).toHaveAccessibleDescription("Now 299/s, on average 150/s, at most 299/s");
  await expect(chart(page, "New connections").locator("path[clip-path]")).toHaveCount(2);
});

test("the picture of a load balancer has a name for every box, which leads to its page, and says the same in words", async ({ page, region }) => {
  await enter(page, region, `${shop.path}?tab=picture`);
  const picture = page.getByRole("group", { name: "Picture of watched" });
  await expect(picture.getByRole("link")).toHaveCount(3);
  await expect(picture.getByRole("link", { name: /^VIP of watched: 10\.\d+\.0\.\d+ · takes nothing$/ })).toBeVisible();
  await expect(picture.getByRole("link", { name: "Listener web: TCP:80 · takes nothing" })).toBeVisible();
  await page.getByRole("button", { name: "The same in words" }).click();
  const row = page.getByRole("table", { name: "The same in words" }).getByRole("row", { name: /web servers Backend service/ });
  await expect(row).toContainText("0/s");
  await picture.getByRole("link", { name: "Backend service servers: TCP:8080 · takes nothing" }).click();
  await expect(page.getByRole("heading", { name: "servers", level: 1 })).toBeVisible();
});

test("where nothing is forwarded yet the picture says what to do", async ({ page, region }) => {
  await enter(page, region, `${scene(region, "unused").path}?tab=picture`);
  await expect(page.getByText("add a listener with a backend service")).toBeVisible();
});
