// The server goes away under an open page and comes back: the page says so, goes on by itself, and loses nothing.

import { choose, expectStep, field, next, press, toServerGroup } from "./actions";
import { backends, listeners, scene } from "./scene";
import { enter, expect, test } from "./test";

test.use({ file: import.meta.filename });

const GONE = "The server does not answer";

test.afterEach(async ({ server }) => {
  await server.stop();
  await server.again();
});

test("a list keeps what it showed, and shows what is new once there is an answer", async ({ page, region, server }) => {
  const shop = scene(region, "before");
  await enter(page, region, "load-balancers");
  await expect(page.getByRole("row", { name: /before/ })).toBeVisible();
  await server.stop();
  await expect(page.getByText(GONE)).toBeVisible();
  await expect(page.getByRole("row", { name: /before/ })).toBeVisible();
  await server.again();
  region.dnlb("lb", "update", shop.id, "--name", "after");
  await expect(page.getByRole("row", { name: /after/ })).toBeVisible();
  await expect(page.getByText(GONE)).toBeHidden();
});

test("a half-filled form is finished after it", async ({ page, region, server }) => {
  scene(region, "half");
  await enter(page, region, "load-balancers/create");
  await field(page, "Name").fill("half-filled");
  await choose(page, "VPC", "half");
  await server.stop();
  await expect(page.getByText(GONE)).toBeVisible();
  await page.getByRole("textbox", { name: /^Description/ }).fill("typed in the dark");
  await press(page, "Create load balancer");
  // A field is missing, which needs no server.
  await expect(page.getByRole("button", { name: /^Subnet / })).toHaveAccessibleDescription(/Choose one/);
  await choose(page, "Subnet", /half-web/);
  await press(page, "Create load balancer");
  await expect(page.getByText("The server did not answer, so nobody knows whether the change was made")).toBeVisible();
  await expect(field(page, "Name")).toHaveValue("half-filled");
  await server.again();
  await expect(page.getByText(GONE)).toBeHidden();
  await press(page, "Create load balancer");
  await expect(page.getByRole("heading", { name: "half-filled", level: 1 })).toBeVisible();
  await expect(page.getByText("typed in the dark")).toBeVisible();
});

test("the wizard goes on where it was", async ({ page, region, server }) => {
  const shop = scene(region, "mid-wizard");
  await enter(page, region, `${shop.path}/listeners/create`);
  await field(page, "Port").fill("8080");
  await next(page, "Backend forwarding");
  await field(page, "Name").fill("survivors");
  await server.stop();
  await expect(page.getByText(GONE)).toBeVisible();
  await next(page, "Health check");
  await server.again();
  await expect(page.getByText(GONE)).toBeHidden();
  await expectStep(page, "Health check");
  await next(page, "Server group");
  await press(page, "OK");
  await expect(page.getByRole("row", { name: /tcp-8080/ })).toContainText("survivors");
});

test("a wizard that is sent into silence finds out what came of it", async ({ page, region, server }) => {
  const shop = scene(region, "silence");
  await enter(page, region, `${shop.path}/listeners/create`);
  await toServerGroup(page, 80);
  // The backend service is made, and the answer lost on the way.
  let isLost = false;
  await page.route(/\/backends$/, async (route) => {
    await route.fetch();
    await server.stop();
    isLost = true;
    await route.abort();
  });
  await press(page, "OK");
  await expect(page.getByText(GONE)).toBeVisible();
  expect(isLost).toBe(true);
  await server.again();
  await expect(page.getByRole("row", { name: /tcp-80/ })).toBeVisible();
  expect(listeners(region, shop)).toHaveLength(1);
  expect(backends(region, shop)).toMatchObject([{ backendName: "backend-tcp-80" }]);
});

test("a page that is opened while there is none waits for it", async ({ page, region, server }) => {
  scene(region, "waiting");
  await enter(page, region, "load-balancers");
  await expect(page.getByRole("row", { name: /waiting/ })).toBeVisible();
  const failing = page.waitForEvent("requestfailed");
  await page.route(/settings\.json/, async (route) => {
    await server.stop();
    await route.continue();
  });
  void page.reload();
  await failing;
  await page.unroute(/settings\.json/);
  await expect(page.getByText("Waiting for the server")).toBeVisible();
  await server.again();
  await expect(page.getByRole("row", { name: /waiting/ })).toBeVisible();
});
