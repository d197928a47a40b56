// A session that ends: the page stays, with what was typed, and goes on after the password.

import { expectStep, field, next, press, toServerGroup } from "./actions";
import { listeners, scene } from "./scene";
import { endSession, enter, expect, logIn, test } from "./test";

test.use({ file: import.meta.filename });

test("in the middle of the wizard it asks for the password and goes on", async ({ page, region }) => {
  const sue = region.user("sue", "operator");
  const shop = scene(region, "expiry");
  await enter(page, region, `${shop.path}/listeners/create`, sue);
  await field(page, "Port").fill("8443");
  await field(page, "Name").fill("secure");
  await next(page, "Backend forwarding");
  await field(page, "Name").fill("secure-servers");
  await next(page, "Health check");
  await field(page, "Interval in seconds").fill("30");
  await endSession(page, region);

  const dialog = page.getByRole("dialog", { name: "Log in again" });
  await expect(dialog).toBeVisible();
  await expect(field(dialog, "User")).toHaveValue("sue");
  await expect(field(dialog, "User")).not.toBeEditable();
  await logIn(page, { ...sue, password: "not the password" });
  await expect(dialog).toContainText("User or password are wrong");
  await logIn(page, sue);
  await expect(dialog).toBeHidden();

  await expectStep(page, "Health check");
  await expect(field(page, "Interval in seconds")).toHaveValue("30");
  await next(page, "Server group");
  await expect(page.getByRole("main")).toContainText("secure-servers (TCP:8443)");
  await press(page, "OK");
  await expect(page.getByRole("row", { name: /^secure / })).toContainText("TCP:8443");
});

test("at its last step the request goes out after the password, and once", async ({ page, region }) => {
  const uma = region.user("uma", "operator");
  const shop = scene(region, "at-ok");
  await enter(page, region, `${shop.path}/listeners/create`, uma);
  await toServerGroup(page, 80);
  await endSession(page, region);
  await press(page, "OK");
  await expect(page.getByRole("dialog", { name: "Log in again" })).toBeVisible();
  expect(listeners(region, shop)).toEqual([]);
  await logIn(page, uma);
  await expect(page.getByRole("row", { name: /tcp-80/ })).toBeVisible();
  expect(listeners(region, shop)).toHaveLength(1);
});

test("who does not want to go on logs out", async ({ page, region }) => {
  const kim = region.user("kim", "viewer");
  await enter(page, region, "load-balancers", kim);
  await endSession(page, region);
  // Closing the dialog would do the same.
  await page.getByRole("dialog", { name: "Log in again" }).locator("form").getByRole("button", { name: "Log out" }).click();
  await expect(page.getByRole("heading", { name: "Log in", level: 1 })).toBeVisible();
  await expect(page.getByRole("table")).toHaveCount(0);
});
