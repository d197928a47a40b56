// What serves: templates, availability groups and their instances, as far as they get without hosts.

import type { Page } from "@playwright/test";

import { ACTIONS, choice, choose, field, pick, press, toServerGroup } from "./actions";
import type { Region } from "./region";
import { backend, group, listener, scene } from "./scene";
import { enter, expect, test } from "./test";

test.use({ file: import.meta.filename });

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
    await expect(choice(page, "VPC")).toHaveAccessibleDescription(/Choose one\.$/);
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

interface Group {
  id: string;
  name: string;
  azs: string[];
  count: number;
  instanceTemplateId: string;
}

function groups(region: Region, name: string): Group[] {
  return (region.dnlb("ag", "list") as Group[]).filter((one) => one.name === name);
}

test.describe("availability groups", () => {
  test("one is created, and nothing is left when its first instances are refused", async ({ page, region }) => {
    const shop = scene(region, "first");
    region.dnlb("template", "create", "first", "--subnet", shop.subnetId);
    await enter(page, region, "availability-groups");
    await page.getByRole("main").getByRole("button", { name: "Create availability group" }).first().click();
    await field(page, "Name").fill("first-ag");
    await choose(page, "Instance template", /^first/);
    await page.getByRole("checkbox", { name: `${region.name}b` }).uncheck();
    await press(page, "Create availability group");
    // This region has no hosts.
    const main = page.getByRole("main");
    await expect(main).toContainText(`no host that carries instances is up in ${region.name}a`);
    await expect(main).toContainText("what had been made before was deleted again");
    expect(groups(region, "first-ag")).toEqual([]);
    await field(page, "Instances").fill("0");
    await press(page, "Create availability group");
    await expect(page.getByRole("heading", { name: "first-ag", level: 1 })).toBeVisible();
    await expect(main).toContainText("No instances");
    await expect(main).toContainText("Serves nobody yet");
    expect(groups(region, "first-ag")).toMatchObject([{ azs: [`${region.name}a`], count: 0 }]);
  });

  test("one is edited, and takes templates of its VPC alone", async ({ page, region }) => {
    const shop = scene(region, "swap");
    const id = group(region, shop, "swap-ag");
    const { id: templateId } = region.dnlb("template", "create", "swap-next", "--subnet", shop.subnetId) as { id: string };
    region.dnlb("template", "create", "swap-foreign", "--subnet", scene(region, "swapped").subnetId);
    await enter(page, region, `availability-groups/${id}`);
    const dialog = page.getByRole("dialog");
    await press(page, "Edit");
    await field(dialog, "Name").fill("swap-group");
    await press(dialog, "Save");
    await expect(page.getByRole("heading", { name: "swap-group", level: 1 })).toBeVisible();
    await press(page, "Change template");
    await choice(dialog, "Instance template").click();
    await expect(page.getByRole("option", { name: /swap-foreign/ })).toHaveCount(0);
    await pick(page.getByRole("option", { name: /swap-next/ }));
    await press(dialog, "Save");
    await expect(dialog).toHaveCount(0);
    await expect(page.getByRole("link", { name: "swap-next" })).toBeVisible();
    expect(groups(region, "swap-group")).toMatchObject([{ instanceTemplateId: templateId }]);
  });

  test("one that grows where nothing can carry it says so, and stays as it is", async ({ page, region }) => {
    const id = group(region, scene(region, "size"), "size-ag");
    await enter(page, region, `availability-groups/${id}`);
    await press(page, "Change size");
    const dialog = page.getByRole("dialog");
    await press(dialog, "Change size");
    await expect(field(dialog, "Instances")).toHaveAccessibleDescription(/It has as many now/);
    await field(dialog, "Instances").fill("3");
    await expect(dialog).toContainText("3 are made");
    await press(dialog, "Change size");
    await expect(dialog).toContainText("no host that carries instances is up");
    await expect(field(dialog, "Instances")).toHaveValue("3");
    expect(groups(region, "size-ag")).toMatchObject([{ count: 0 }]);
  });

  test("one that a backend service uses says by which, and is not deleted", async ({ page, region }) => {
    const shop = scene(region, "used");
    const id = group(region, shop, "used-ag");
    const servers = backend(region, shop, "used-servers", "--ag", id);
    listener(region, shop, "used-web", 80, servers);
    await enter(page, region, `availability-groups/${id}?tab=services`);
    const row = page.getByRole("row", { name: /used-servers/ });
    await expect(row).toContainText("used-web (TCP:80)");
    await press(page, "Delete");
    const dialog = page.getByRole("dialog");
    await expect(dialog.getByRole("link", { name: "Backend service used-servers" })).toBeVisible();
    await expect(dialog.getByRole("button", { name: "Delete" })).toBeDisabled();
    await press(dialog, "Cancel");
    // And there, and back.
    await row.getByRole("link", { name: "used-servers" }).click();
    await page.getByRole("link", { name: "used-ag", exact: true }).click();
    await expect(page.getByRole("heading", { name: "used-ag", level: 1 })).toBeVisible();
  });

  test("where there is no template, the wizard leads to one and keeps what was typed", async ({ page, region, context }) => {
    const shop = scene(region, "bare");
    await enter(page, region, `${shop.path}/listeners/create`);
    await toServerGroup(page, 80);
    await page.getByRole("radio", { name: "Availability group" }).click();
    await press(page, "Create availability group");
    const dialog = page.getByRole("dialog");
    await field(dialog, "Name").fill("bare-ag");
    const [aside] = await Promise.all([context.waitForEvent("page"), dialog.getByRole("link", { name: /^Create instance template/ }).click()]);
    await field(aside, "Name").fill("bare");
    await choose(aside, "VPC", /^bare/);
    await choose(aside, "Subnet", /bare-web/);
    await press(aside, "Create instance template");
    await expect(aside.getByRole("heading", { name: "bare", level: 1 })).toBeVisible();
    await aside.close();
    await choose(page, "Instance template", /^bare/);
    await expect(field(dialog, "Name")).toHaveValue("bare-ag");
    await field(dialog, "Instances").fill("0");
    await press(dialog, "Create");
    await expect(choice(page, "Availability group")).toContainText("bare-ag");
  });
});

test("an instance that nothing can carry is refused, with what was typed still there", async ({ page, region }) => {
  const shop = scene(region, "lone");
  region.dnlb("template", "create", "lone", "--subnet", shop.subnetId);
  await enter(page, region, "instances");
  await page.getByRole("button", { name: "Create instance" }).first().click();
  const dialog = page.getByRole("dialog");
  await field(dialog, "Name").fill("x");
  await choose(page, "Instance template", /^lone/);
  await choose(page, "Zone", `${region.name}b`);
  await press(dialog, "Create");
  await expect(field(dialog, "Name")).toHaveAccessibleDescription(/Use 2 to 128 letters/);
  await field(dialog, "Name").fill("lone.1");
  await press(dialog, "Create");
  await expect(dialog).toContainText(`no host that carries instances is up in ${region.name}b`);
  await expect(field(dialog, "Name")).toHaveValue("lone.1");
});

test("a viewer sees all of it, and no action", async ({ page, region }) => {
  const shop = scene(region, "plain");
  const id = group(region, shop, "plain-ag");
  const { instanceTemplateId } = region.dnlb("ag", "show", id) as Group;
  const victor = region.user("victor", "viewer");
  const pages: [path: string, shows: string][] = [
    ["instance-templates", "plain-ag-template"],
    [`instance-templates/${instanceTemplateId}`, "plain-ag-template"],
    ["instances", "Instances"],
    ["availability-groups", "plain-ag"],
    [`availability-groups/${id}`, "plain-ag"],
  ];
  const main = page.getByRole("main");
  for (const [path, shows] of pages) {
    await enter(page, region, path, victor);
    await expect(main.getByText(shows, { exact: true }).first()).toBeVisible();
    await expect(main.getByRole("button", { name: "Refresh" }).first(), path).toBeVisible();
    await expect(main.getByRole("button", { name: ACTIONS }), path).toHaveCount(0);
    await expect(main.getByRole("columnheader", { name: "Operation" }), path).toHaveCount(0);
  }
  for (const path of ["instance-templates/create", `instance-templates/${instanceTemplateId}/edit`, "availability-groups/create"]) {
    await enter(page, region, path, victor);
    await expect(page.getByText("Your role is Viewer")).toBeVisible();
  }
});
