// VPCs, subnets, security groups, network ACLs and elastic IPs: made, changed and deleted, with what stands in the way.

import type { Page } from "@playwright/test";

import { choose, deafen, field, more, press } from "./actions";
import { type Scene, scene } from "./scene";
import { enter, expect, test } from "./test";

// Each test has a network of its own.
test.use({ serverOptions: ["--quota", "vpcs=100"] });

interface Vpc {
  vpcId: string;
  vpcName: string;
  description: string;
  addressPrefix: string;
  ipv6AddressPrefix?: string;
}

interface Subnet {
  subnetId: string;
  subnetName: string;
  vpcId: string;
  addressPrefix: string;
}

async function title(page: Page, name: string): Promise<void> {
  await expect(page.getByRole("heading", { level: 1, name, exact: true })).toBeVisible();
}

test("a VPC is created with ranges of both families, and a subnet on its page", async ({ page, region }) => {
  await enter(page, region, "vpcs");
  // Above the list, and in it while there is none.
  await page.getByRole("button", { name: "Create VPC" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Create VPC" });
  await field(dialog, "Name").fill("made");
  await field(dialog, "IPv4 range").fill("10.200.0.7/16");
  await field(dialog, "IPv6 range").fill("10.0.0.0/16");
  await press(dialog, "Create");
  await expect(field(dialog, "IPv4 range")).toHaveAccessibleDescription(/did you mean 10\.200\.0\.0\/16\?/);
  await expect(field(dialog, "IPv6 range")).toHaveAccessibleDescription(/Not an address block, such as fd00::\/56/);
  await field(dialog, "IPv4 range").fill("10.200.0.0/16");
  await field(dialog, "IPv6 range").fill("fd00:c8::/56");
  await press(dialog, "Create");
  await title(page, "made");
  const [made] = (region.dnlb("vpc", "list") as Vpc[]).filter(({ vpcName }) => vpcName === "made");
  expect(made).toMatchObject({ addressPrefix: "10.200.0.0/16", ipv6AddressPrefix: "fd00:c8::/56" });

  // What is free is there already; somewhere else is refused.
  const subnet = page.getByRole("dialog", { name: "Create subnet" });
  const block = field(subnet, "Address block");
  const start = page.getByRole("button", { name: "Create subnet" });
  await start.first().click();
  await expect(block).toHaveValue("10.200.0.0/24");
  await field(subnet, "Name").fill("made-web");
  await block.fill("10.201.0.0/24");
  await press(subnet, "Create");
  await expect(block).toHaveAccessibleDescription(/Not inside the VPC's range 10\.200\.0\.0\/16, fd00:c8::\/56/);
  await block.fill("10.200.0.0/24");
  await press(subnet, "Create");
  await expect(page.getByRole("row", { name: /made-web/ })).toContainText("10.200.0.0/24");

  await start.first().click();
  await expect(block).toHaveValue("10.200.1.0/24");
  await field(subnet, "Name").fill("made-db");
  await block.fill("10.200.0.128/25");
  await press(subnet, "Create");
  await expect(block).toHaveAccessibleDescription(/Overlaps subnet made-web \(10\.200\.0\.0\/24\)/);
  await block.fill("fd00:c8::/64");
  await press(subnet, "Create");
  await page.getByRole("link", { name: "made-db", exact: true }).click();
  await title(page, "made-db");
  await expect(page.getByRole("main")).toContainText("fd00:c8::/64");
  await page.getByRole("main").getByRole("link", { name: "made", exact: true }).click();
  await title(page, "made");
});

test("a block that somebody takes in between is said at the block", async ({ page, region }) => {
  const shop = scene(region, "quick");
  await enter(page, region, "subnets");
  await press(page, "Create subnet");
  const dialog = page.getByRole("dialog", { name: "Create subnet" });
  await field(dialog, "Name").fill("late");
  await choose(dialog, "VPC", /^quick/);
  const listen = await deafen(page, /\/(subnets|vpcs)\?/);
  const block = await field(dialog, "Address block").inputValue();
  region.dnlb("subnet", "create", "quick-faster", "--vpc", shop.vpcId, "--prefix", block);
  await press(dialog, "Create");
  await expect(field(dialog, "Address block")).toHaveAccessibleDescription(/overlaps subnet subnet-\S+/);
  await expect(field(dialog, "Name")).toHaveValue("late");
  await listen();
  await press(dialog, "Cancel");
});

test("a VPC and a subnet are edited; a range may be given to a VPC that has none of IPv6", async ({ page, region }) => {
  const shop = scene(region, "edited");
  await enter(page, region, "vpcs");
  await more(page, "edited", "Edit");
  const dialog = page.getByRole("dialog");
  await field(dialog, "Name").fill("edited-vpc");
  await field(dialog, "IPv6 range").fill("fd00:ed::/56");
  await dialog.getByRole("textbox", { name: /^Description/ }).fill("for both families");
  await press(dialog, "Save");
  await expect(page.getByText("edited-vpc was saved")).toBeVisible();
  expect(region.dnlb("vpc", "show", shop.vpcId)).toMatchObject({ vpcName: "edited-vpc", description: "for both families", ipv6AddressPrefix: "fd00:ed::/56" });

  region.dnlb("subnet", "create", "edited-six", "--vpc", shop.vpcId, "--prefix", "fd00:ed::/64");
  await page.getByRole("link", { name: "edited-vpc", exact: true }).click();
  await press(page, "Edit");
  const six = field(dialog, "IPv6 range");
  await six.fill("");
  await press(dialog, "Save");
  await expect(six).toHaveAccessibleDescription(/can be changed, not taken away/);
  await six.fill("fd00:ee::/56");
  await press(dialog, "Save");
  await expect(six).toHaveAccessibleDescription(/is not inside VPC/);
  await press(dialog, "Cancel");

  await more(page, "edited-six", "Edit");
  await field(dialog, "Name").fill("edited-subnet");
  await press(dialog, "Save");
  await expect(page.getByRole("row", { name: /edited-subnet/ })).toBeVisible();
});

test("a VPC in use says by what, down to who has addresses of its subnet", async ({ page, region }) => {
  const shop = scene(region, "used");
  await enter(page, region, `vpcs/${shop.vpcId}`);
  await press(page, "Delete");
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("button", { name: "Delete", exact: true })).toBeDisabled();
  await dialog.getByRole("link", { name: "Subnet used-web" }).click();
  await title(page, "used-web");
  await press(page, "Delete");
  await dialog.getByRole("link", { name: "Load balancer used" }).click();
  await title(page, "used");

  region.dnlb("lb", "delete", shop.id);
  await page.goto(`${region.console}subnets/${shop.subnetId}`);
  await press(page, "Delete");
  await press(dialog, "Delete");
  await expect(page.getByText("used-web was deleted")).toBeVisible();
  await expect(page).toHaveURL(/\/subnets$/);

  await page.goto(`${region.console}vpcs`);
  await more(page, "used", "Delete");
  const deletion = dialog.getByRole("button", { name: "Delete", exact: true });
  await expect(deletion).toBeEnabled();
  // What comes to use it meanwhile is said by the server.
  const listen = await deafen(page, /\/(subnets|networkSecurityGroups|networkAcls)\?/);
  const { subnetId } = region.dnlb("subnet", "create", "used-late", "--vpc", shop.vpcId, "--prefix", shopBlock(region, shop)) as Subnet;
  await deletion.click();
  await expect(dialog).toContainText(/is in use by subnet/);
  await listen();
  region.dnlb("subnet", "delete", subnetId);
  await deletion.click();
  await expect(page.getByText("used was deleted")).toBeVisible();
  expect((region.dnlb("vpc", "list") as Vpc[]).map(({ vpcId }) => vpcId)).not.toContain(shop.vpcId);
});

function shopBlock(region: { dnlb(...words: string[]): unknown }, { vpcId }: Scene): string {
  const { addressPrefix } = region.dnlb("vpc", "show", vpcId) as Vpc;
  return addressPrefix.replace(/\/16$/, "/24");
}
