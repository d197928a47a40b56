// Lists: pages, order, filter, columns.

import { press } from "./actions";
import { enter, expect, test } from "./test";

test.use({ file: import.meta.filename });

const COUNT = 25;

test.beforeAll(({ region }) => {
  region.dnlb("vpc", "create", "many", "--prefix", "10.0.0.0/16");
  region.dnlb("subnet", "create", "many-web", "--vpc", "many", "--prefix", "10.0.0.0/24");
  // In another order than that of their names.
  for (let number = 0; number < COUNT; number += 1) {
    region.dnlb("lb", "create", `many-${String((number * 7) % COUNT).padStart(2, "0")}`, "--subnet", "many-web");
  }
});

test("the server sorts and filters, and gives page by page", async ({ page, region }) => {
  await enter(page, region, "load-balancers");
  const names = page.getByRole("rowheader");
  await expect(names).toHaveCount(20);
  // By the keyboard: what the mouse meets while the page is scrolled is a copy of the head.
  const byName = page.getByRole("columnheader", { name: "Name" }).getByRole("button");
  const filter = page.getByRole("combobox", { name: "Filter" });
  await filter.fill("many-");
  await page.keyboard.press("Enter");
  await expect(page.getByText(`${COUNT} matches`).first()).toBeVisible();
  await byName.press("Enter");
  await expect(names.first()).toHaveText("many-00");
  await page.getByRole("button", { name: "Next page" }).click();
  await expect(names).toHaveText(["many-20", "many-21", "many-22", "many-23", "many-24"]);
  await byName.press("Enter");
  await expect(names.first()).toHaveText("many-24");
  await expect(names).toHaveCount(20);
  await filter.fill("many-07");
  await page.keyboard.press("Enter");
  await expect(names).toHaveText(["many-07"]);
});

test("a choice of columns stays", async ({ page, region }) => {
  await enter(page, region, "load-balancers");
  await expect(page.getByRole("columnheader", { name: "VIP" })).toBeVisible();
  await press(page, "Preferences");
  const dialog = page.getByRole("dialog", { name: "Preferences" });
  await dialog.getByRole("checkbox", { name: "VIP" }).click();
  await dialog.getByRole("checkbox", { name: "Created" }).click();
  await press(dialog, "Save");
  for (const again of [false, true]) {
    if (again) await page.reload();
    await expect(page.getByRole("columnheader", { name: "Created" })).toBeVisible();
    await expect(page.getByRole("columnheader", { name: "VIP" })).toHaveCount(0);
  }
});
