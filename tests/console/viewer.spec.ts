// A viewer sees everything that there is, and no action that would be refused.

import { ACTIONS, field, toServerGroup } from "./actions";
import type { User } from "./region";
import { backend, group, listener, type Scene, scene } from "./scene";
import { enter, expect, test } from "./test";

test.use({ file: import.meta.filename });

let shop: Scene;
let vera: User;
let backendId: string;
let listenerId: string;

test.beforeAll(({ region }) => {
  shop = scene(region, "viewed");
  vera = region.user("vera", "viewer");
  region.dnlb("target-group", "create", "picked", "--lb", shop.id);
  backendId = backend(region, shop, "servers", "--ag", group(region, shop, "viewed-ag"));
  listenerId = listener(region, shop, "web", 80, backendId);
});

test("no page of load balancers has an action for her", async ({ page, region }) => {
  const { targetGroupId } = region.dnlb("target-group", "show", "picked") as { targetGroupId: string };
  const pages: [path: string, shows: string][] = [
    ["load-balancers", "viewed"],
    [`${shop.path}?tab=listeners`, "web"],
    [`${shop.path}?tab=backends`, "servers"],
    [`${shop.path}?tab=target-groups`, "picked"],
    [`${shop.path}?tab=events`, "Events"],
    [`${shop.path}/listeners/${listenerId}`, "web"],
    [`${shop.path}/backends/${backendId}`, "servers"],
    [`${shop.path}/target-groups/${targetGroupId}`, "picked"],
  ];
  for (const [path, shows] of pages) {
    await enter(page, region, path, vera);
    const main = page.getByRole("main");
    await expect(main.getByText(shows, { exact: true }).first()).toBeVisible();
    await expect(main.getByRole("button", { name: "Refresh" }), path).toBeVisible();
    await expect(main.getByRole("button", { name: ACTIONS }), path).toHaveCount(0);
    await expect(main.getByRole("link", { name: ACTIONS }), path).toHaveCount(0);
    await expect(main.getByRole("columnheader", { name: "Operation" }), path).toHaveCount(0);
    await expect(main.getByRole("checkbox"), path).toHaveCount(0);
  }
});

test("a form that she calls by its address says who may use it", async ({ page, region }) => {
  for (const path of ["load-balancers/create", `${shop.path}/listeners/create`]) {
    await enter(page, region, path, vera);
    await expect(page.getByText("Your role is Viewer")).toBeVisible();
    await expect(page.getByRole("main").getByRole("textbox")).toHaveCount(0);
  }
});

test("an operator who becomes a viewer over a page is refused, and keeps what was typed", async ({ page, region }) => {
  const otto = region.user("otto", "operator");
  await enter(page, region, `${shop.path}/listeners/create`, otto);
  await toServerGroup(page, 8080);
  region.dnlb("user", "update", "otto", "--role", "viewer");
  await page.getByRole("button", { name: "OK", exact: true }).click();
  await expect(page.getByRole("main")).toContainText("takes the role Operator");
  await page.getByRole("button", { name: "Previous", exact: true }).click();
  await page.getByRole("button", { name: "Previous", exact: true }).click();
  await expect(field(page, "Backend port")).toHaveValue("8080");
});
