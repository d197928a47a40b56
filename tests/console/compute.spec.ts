// What serves, as far as it gets without hosts.

import type { Page } from "@playwright/test";

import { ACTIONS, choice, choose, field, press } from "./actions";
import { group, scene } from "./scene";
import { enter, expect, test } from "./test";

/** A field that may be left empty says so in its name. */
function optional(page: Page, name: string) {
  return page.getByRole("textbox", { name: new RegExp(`^${name} `) });
}

interface Template {
  name: string;
  description: string;
  instanceTemplateData: {
    imageId: string;
    instanceType: string;
    metadata: unknown;
    userdata: { key: string; value: string }[];
    primaryNetworkInterface: { networkInterface: { subnetId: string; securityGroups: string[] } };
  };
}

test.describe("instance templates", () => {
  test("one is created, with what is wrong said before it is sent", async ({ page, region }) => {
    const shop = scene(region, "made");
    const { networkSecurityGroupId } = region.dnlb("sg", "create", "made-sg", "--vpc", shop.vpcId) as { networkSecurityGroupId: string };
    await enter(page, region, "instance-templates");
    await page.getByRole("button", { name: "Create instance template" }).first().click();
    await field(page, "Name").fill("made");
    await press(page, "Create instance template");
    await expect(choice(page, "VPC")).toHaveAccessibleDescription("Choose one.");
    await choose(page, "VPC", /^made/);
    await choose(page, "Subnet", /made-web/);
    await choose(page, "Size", /g\.n2\.large/);
    await choose(page, "Security groups - optional", /made-sg/);
    await page.keyboard.press("Escape");
    await optional(page, "Launch script").fill("echo");
    await press(page, "Add metadata");
    await press(page, "Create instance template");
    await expect(page.getByText("Begin with #!")).toBeVisible();
    await expect(page.getByText("Each needs a key.")).toBeVisible();
    await optional(page, "Launch script").fill("#!/bin/sh\necho 你好\n");
    await field(page, "Key 1").fill("role");
    await field(page, "Value 1").fill("web");
    await press(page, "Create instance template");

    await expect(page.getByRole("heading", { name: "made", level: 1 })).toBeVisible();
    const main = page.getByRole("main");
    await expect(main).toContainText("made-sg");
    await page.getByRole("tab", { name: "Start" }).click();
    await expect(main).toContainText("echo 你好");
    const made = region.dnlb("template", "show", "made") as Template;
    expect(made.instanceTemplateData).toMatchObject({
      imageId: "img-web",
      instanceType: "g.n2.large",
      metadata: [{ key: "role", value: "web" }],
      primaryNetworkInterface: { networkInterface: { subnetId: shop.subnetId, securityGroups: [networkSecurityGroupId] } },
    });
  });

  test("one that a group uses is changed within its VPC, and not deleted", async ({ page, region }) => {
    const shop = scene(region, "kept");
    const agId = group(region, shop, "kept-ag");
    await enter(page, region, "instance-templates");
    await page.getByRole("link", { name: "kept-ag-template", exact: true }).click();
    await press(page, "Edit");
    await choice(page, "VPC").click();
    await expect(page.getByRole("option")).toHaveCount(1);
    await page.keyboard.press("Escape");
    await expect(page.getByText("Stays while an availability group uses the template: kept-ag.")).toBeVisible();
    await choose(page, "Size", /g\.n2\.xlarge/);
    await optional(page, "Description").fill("larger");
    await press(page, "Save");
    await expect(page.getByRole("heading", { name: "kept-ag-template", level: 1 })).toBeVisible();
    const changed = region.dnlb("template", "show", "kept-ag-template") as Template;
    expect(changed).toMatchObject({ description: "larger", instanceTemplateData: { instanceType: "g.n2.xlarge" } });

    await press(page, "Delete");
    const dialog = page.getByRole("dialog");
    await expect(dialog).toContainText("Availability group kept-ag");
    await expect(dialog.getByRole("button", { name: "Delete" })).toBeDisabled();
    await press(dialog, "Cancel");
    region.dnlb("ag", "delete", agId);
    await press(page, "Delete");
    await press(dialog, "Delete");
    await expect(page.getByText("kept-ag-template was deleted")).toBeVisible();
    await expect(page).toHaveURL(/\/instance-templates$/);
  });

  test("two who edit one learn of each other", async ({ page, region }) => {
    const shop = scene(region, "twice");
    const { id } = region.dnlb("template", "create", "twice", "--subnet", shop.subnetId) as { id: string };
    await enter(page, region, `instance-templates/${id}/edit`);
    await optional(page, "Description").fill("mine");
    region.dnlb("template", "update", id, "--description", "theirs");
    await press(page, "Save");
    const conflict = page.getByRole("dialog", { name: "Somebody has changed it meanwhile" });
    await expect(conflict.getByRole("row", { name: /^Description/ }).getByRole("cell")).toHaveText(["–", "theirs", "mine"]);
    await press(conflict, "Overwrite");
    await expect(page.getByRole("heading", { name: "twice", level: 1 })).toBeVisible();
    expect(region.dnlb("template", "show", id)).toMatchObject({ description: "mine" });
  });
});

test("a viewer sees all of it, and no action", async ({ page, region }) => {
  const shop = scene(region, "plain");
  const id = group(region, shop, "plain-ag");
  const { instanceTemplateId } = region.dnlb("ag", "show", id) as { instanceTemplateId: string };
  const victor = region.user("victor", "viewer");
  const pages: [path: string, shows: string][] = [
    ["instance-templates", "plain-ag-template"],
    [`instance-templates/${instanceTemplateId}`, "plain-ag-template"],
  ];
  const main = page.getByRole("main");
  for (const [path, shows] of pages) {
    await enter(page, region, path, victor);
    await expect(main.getByText(shows, { exact: true }).first()).toBeVisible();
    await expect(main.getByRole("button", { name: "Refresh" }).first(), path).toBeVisible();
    await expect(main.getByRole("button", { name: ACTIONS }), path).toHaveCount(0);
    await expect(main.getByRole("columnheader", { name: "Operation" }), path).toHaveCount(0);
  }
  for (const path of ["instance-templates/create", `instance-templates/${instanceTemplateId}/edit`]) {
    await enter(page, region, path, victor);
    await expect(page.getByText("Your role is Viewer")).toBeVisible();
  }
});
