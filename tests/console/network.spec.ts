// VPCs, subnets, security groups, network ACLs and elastic IPs: made, changed and deleted, with what stands in the way.

import type { Page } from "@playwright/test";

import { choice, choose, deafen, field, more, press } from "./actions";
import type { Region } from "./region";
import { group, type Scene, scene } from "./scene";
import { enter, expect, test } from "./test";

test.use({ file: import.meta.filename });

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
  await expect(field(dialog, "Address block")).not.toHaveValue("");
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

function shopBlock(region: Region, { vpcId }: Scene): string {
  const { addressPrefix } = region.dnlb("vpc", "show", vpcId) as Vpc;
  return addressPrefix.replace(/\/16$/, "/24");
}

interface SecurityGroup {
  networkSecurityGroupId: string;
  networkSecurityGroupName: string;
  securityGroupRules: { ruleId: string; direction: number; protocol: number; fromPort: number; toPort: number; addressPrefix: string; description: string }[];
}

test("a security group gets rules, which are changed and removed", async ({ page, region }) => {
  const shop = scene(region, "guarded");
  await enter(page, region, `vpcs/${shop.vpcId}?tab=security-groups`);
  await page.getByRole("button", { name: "Create security group" }).first().click();
  const dialog = page.getByRole("dialog");
  await field(dialog, "Name").fill("guarded-sg");
  await press(dialog, "Create");
  await title(page, "guarded-sg");
  const rules = () => (region.dnlb("sg", "show", "guarded-sg") as SecurityGroup).securityGroupRules;

  await page.getByRole("button", { name: "Add rule" }).first().click();
  await field(dialog, "Ports").fill("90-80");
  await field(dialog, "From").fill("10.1.2.3/8");
  await press(dialog, "Add");
  await expect(field(dialog, "Ports")).toHaveAccessibleDescription(/a range such as 8000-8100/);
  await expect(field(dialog, "From")).toHaveAccessibleDescription(/did you mean 10\.0\.0\.0\/8\?/);
  await field(dialog, "Ports").fill("8000-8100");
  await field(dialog, "From").fill("10.0.0.0/8");
  await press(dialog, "Add");
  await expect(page.getByRole("row", { name: /8000-8100/ })).toContainText("10.0.0.0/8");
  expect(rules()).toMatchObject([{ direction: 0, protocol: 6, fromPort: 8000, toPort: 8100, addressPrefix: "10.0.0.0/8" }]);

  // What is made often is filled in.
  await press(page, "Add rule");
  await choose(dialog, "Fill in for", /^Health checks$/);
  await press(dialog, "Add");
  await expect(page.getByRole("row", { name: /169\.254\.169\.110\/32/ })).toContainText("Health checks");

  await more(page, "TCP 8000-8100", "Edit");
  await choose(dialog, "Protocol", "UDP");
  await field(dialog, "Ports").fill("53");
  await press(dialog, "Save");
  await expect(page.getByRole("row", { name: /UDP/ })).toContainText("53");
  await more(page, "UDP 53", "Delete");
  await press(dialog, "Delete");
  await expect(page.getByRole("row", { name: /UDP/ })).toHaveCount(0);

  await page.getByRole("tab", { name: "Outbound rules" }).click();
  await page.getByRole("button", { name: "Add rule" }).first().click();
  await choose(dialog, "Fill in for", "Everything");
  await expect(field(dialog, "Ports")).toHaveCount(0);
  await press(dialog, "Add");
  await expect(page.getByRole("row", { name: /0\.0\.0\.0\/0/ })).toBeVisible();
  expect(rules()).toMatchObject([
    { direction: 0, protocol: 300, addressPrefix: "169.254.169.110/32", description: "Health checks" },
    { direction: 1, protocol: 300, addressPrefix: "0.0.0.0/0" },
  ]);
});

test("a rule that two change says so before it is overwritten", async ({ page, region }) => {
  scene(region, "twice");
  const { networkSecurityGroupId: id } = region.dnlb("sg", "create", "twice-sg", "--vpc", "twice") as SecurityGroup;
  region.dnlb("sg", "allow", id, "--direction", "in", "--protocol", "tcp", "--port", "80", "--prefix", "10.0.0.0/8");
  await enter(page, region, `security-groups/${id}`);
  await more(page, "TCP 80", "Edit");
  const dialog = page.getByRole("dialog", { name: "Edit rule" });
  await field(dialog, "Ports").fill("81");
  const [rule] = (region.dnlb("sg", "show", id) as SecurityGroup).securityGroupRules;
  region.dnlb("sg", "change-rule", id, rule?.ruleId ?? "", "--port", "82");
  await press(dialog, "Save");
  const conflict = page.getByRole("dialog", { name: "Somebody has changed it meanwhile" });
  await expect(conflict.getByRole("row", { name: /Ports/ })).toContainText("82");
  await press(conflict, "Overwrite");
  await expect(page.getByRole("row", { name: /TCP/ })).toContainText("81");
});

test("a security group in use names the templates that have it", async ({ page, region }) => {
  const shop = scene(region, "templated");
  const { networkSecurityGroupId: id } = region.dnlb("sg", "create", "templated-sg", "--vpc", "templated") as SecurityGroup;
  region.dnlb("template", "create", "templated-template", "--subnet", shop.subnetId, "--sg", id);
  await enter(page, region, "security-groups");
  await more(page, "templated-sg", "Delete");
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("Instance template templated-template");
  await expect(dialog.getByRole("button", { name: "Delete", exact: true })).toBeDisabled();
  await press(dialog, "Cancel");
  await more(page, "templated-sg", "Edit");
  await field(dialog, "Name").fill("templated-other");
  await press(dialog, "Save");
  await expect(page.getByRole("link", { name: "templated-other" })).toBeVisible();
});

interface Acl {
  networkAclId: string;
  networkAclRules: { direction: string; protocol: string; priority: number; ruleAction: string; fromPort: number }[];
  subnetIds: string[];
}

test("rules of a network ACL are in order, each with a priority of its own", async ({ page, region }) => {
  scene(region, "ordered");
  await enter(page, region, "network-acls");
  await page.getByRole("button", { name: "Create network ACL" }).first().click();
  const dialog = page.getByRole("dialog");
  await field(dialog, "Name").fill("ordered-acl");
  await choose(dialog, "VPC", /^ordered/);
  await press(dialog, "Create");
  await title(page, "ordered-acl");

  const add = async (fill: () => Promise<void>) => {
    await page.getByRole("button", { name: "Add rule" }).first().click();
    await fill();
    await press(dialog, "Add");
    await expect(dialog).toHaveCount(0);
  };
  await add(() => choose(dialog, "Fill in for", /^HTTP$/));
  await add(async () => {
    await expect(field(dialog, "Priority")).toHaveValue("110");
    await field(dialog, "Priority").fill("100");
    await choose(dialog, "Action", "Deny");
    await choose(dialog, "Protocol", "All");
    await press(dialog, "Add");
    await expect(field(dialog, "Priority")).toHaveAccessibleDescription(/has priority 100 already/);
    await field(dialog, "Priority").fill("32769");
    await expect(field(dialog, "Priority")).toHaveAccessibleDescription(/from 1 to 32768/);
    await field(dialog, "Priority").fill("50");
  });
  await expect(page.getByRole("rowheader")).toHaveText(["50", "100"]);
  await more(page, "50 · All", "Edit");
  await field(dialog, "Priority").fill("100");
  await press(dialog, "Save");
  await expect(field(dialog, "Priority")).toHaveAccessibleDescription(/has priority 100 already/);
  await field(dialog, "Priority").fill("200");
  await press(dialog, "Save");
  await expect(page.getByRole("rowheader")).toHaveText(["100", "200"]);
  // The other direction has an order of its own.
  await page.getByRole("tab", { name: "Outbound rules" }).click();
  await page.getByRole("button", { name: "Add rule" }).first().click();
  await expect(field(dialog, "Priority")).toHaveValue("100");
  await press(dialog, "Cancel");
  expect((region.dnlb("acl", "show", "ordered-acl") as Acl).networkAclRules).toMatchObject([
    { direction: "ingress", protocol: "TCP", priority: 100, ruleAction: "allow", fromPort: 80 },
    { direction: "ingress", protocol: "All", priority: 200, ruleAction: "deny" },
  ]);
});

test("a network ACL is given to subnets and taken away, and cannot be deleted in between", async ({ page, region }) => {
  const shop = scene(region, "border");
  const { networkAclId: id } = region.dnlb("acl", "create", "border-acl", "--vpc", "border") as Acl;
  await enter(page, region, `network-acls/${id}?tab=subnets`);
  await page.getByRole("button", { name: "Associate subnets" }).first().click();
  const dialog = page.getByRole("dialog");
  await press(dialog, "Associate subnets");
  await expect(choice(dialog, "Subnets")).toHaveAccessibleDescription(/Choose one/);
  await choose(dialog, "Subnets", /border-web/);
  await page.keyboard.press("Escape");
  await press(dialog, "Associate subnets");
  await expect(page.getByRole("row", { name: /border-web/ })).toBeVisible();
  await press(page, "Delete");
  await expect(dialog.getByRole("button", { name: "Delete", exact: true })).toBeDisabled();
  await dialog.getByRole("link", { name: "Subnet border-web" }).click();
  await title(page, "border-web");
  await expect(page.getByRole("main").getByRole("link", { name: "border-acl" })).toBeVisible();

  await press(page, "Change network ACL");
  await choose(dialog, "Network ACL", /None/);
  await press(dialog, "Save");
  await expect(page.getByRole("main").getByRole("link", { name: "border-acl" })).toHaveCount(0);
  expect((region.dnlb("acl", "show", id) as Acl).subnetIds).toEqual([]);
  await press(page, "Change network ACL");
  await choose(dialog, "Network ACL", /border-acl/);
  await press(dialog, "Save");
  await page.getByRole("main").getByRole("link", { name: "border-acl" }).click();
  await page.getByRole("tab", { name: "Subnets" }).click();
  await more(page, "border-web", "Disassociate");
  await expect(page.getByText("border-web has no network ACL any more")).toBeVisible();
  await press(page, "Delete");
  await press(dialog, "Delete");
  await expect(page.getByText("border-acl was deleted")).toBeVisible();
  expect(region.dnlb("subnet", "show", shop.subnetId)).not.toHaveProperty("aclId");
});

interface ElasticIp {
  elasticIpId: string;
  elasticIpAddress: string;
  bandwidthMbps: number;
  status: string;
  instanceId: string;
}

test("elastic IPs are allocated, associated, and released again", async ({ page, region }) => {
  const shop = scene(region, "public");
  const all = () => region.dnlb("eip", "list") as ElasticIp[];
  await enter(page, region, "elastic-ips");
  await page.getByRole("button", { name: "Allocate elastic IPs" }).first().click();
  const dialog = page.getByRole("dialog");
  await field(dialog, "How many").fill("1000");
  await press(dialog, "Allocate");
  await expect(field(dialog, "How many")).toHaveAccessibleDescription(/from 1 to 100/);
  await field(dialog, "How many").fill("99");
  await press(dialog, "Allocate");
  await expect(dialog).toContainText(/elastic IPs of the account are in use/);
  expect(all()).toEqual([]);
  await field(dialog, "How many").fill("2");
  await field(dialog, "Bandwidth in Mbit/s").fill("50");
  await press(dialog, "Allocate");
  await expect(page.getByRole("rowheader")).toHaveCount(2);
  const [one, other] = all();
  if (one === undefined || other === undefined) throw new Error("two were allocated");

  await more(page, one.elasticIpAddress, "Associate with load balancer");
  await press(dialog, "Associate with load balancer");
  await expect(choice(dialog, "Load balancer")).toHaveAccessibleDescription(/Choose one/);
  await choose(dialog, "Load balancer", /^public/);
  await press(dialog, "Associate with load balancer");
  const row = page.getByRole("row", { name: new RegExp(one.elasticIpId) });
  await expect(row).toContainText("Associated");
  await expect(row.getByRole("link", { name: "public" })).toBeVisible();
  expect(all().find(({ elasticIpId }) => elasticIpId === one.elasticIpId)).toMatchObject({ instanceId: shop.id, bandwidthMbps: 50 });

  await page.getByRole("link", { name: one.elasticIpAddress, exact: true }).click();
  await title(page, one.elasticIpAddress);
  await press(page, "Edit");
  await field(dialog, "Bandwidth in Mbit/s").fill("201");
  await press(dialog, "Save");
  await expect(field(dialog, "Bandwidth in Mbit/s")).toHaveAccessibleDescription(/from 1 to 200/);
  await field(dialog, "Bandwidth in Mbit/s").fill("200");
  await press(dialog, "Save");
  await expect(page.getByText(`${one.elasticIpAddress} was saved`)).toBeVisible();

  await press(page, "Delete");
  await expect(dialog.getByRole("link", { name: "Load balancer public" })).toBeVisible();
  await expect(dialog.getByRole("button", { name: "Delete", exact: true })).toBeDisabled();
  await press(dialog, "Cancel");
  await press(page, "Disassociate");
  await expect(page.getByText(`${one.elasticIpAddress} was disassociated`)).toBeVisible();
  await press(page, "Delete");
  await press(dialog, "Delete");
  await expect(page).toHaveURL(/\/elastic-ips$/);
  await expect(page.getByRole("rowheader")).toHaveText([other.elasticIpAddress]);
});

test("a viewer sees networks, and no action", async ({ page, region }) => {
  const shop = scene(region, "watched");
  const { networkSecurityGroupId } = region.dnlb("sg", "create", "watched-sg", "--vpc", "watched") as SecurityGroup;
  region.dnlb("sg", "allow", networkSecurityGroupId, "--direction", "in", "--protocol", "tcp", "--port", "80", "--prefix", "10.0.0.0/8");
  const { networkAclId } = region.dnlb("acl", "create", "watched-acl", "--vpc", "watched") as Acl;
  region.dnlb("acl", "attach", networkAclId, shop.subnetId);
  group(region, shop, "watched-ag");
  const [{ elasticIpId, elasticIpAddress }] = [region.dnlb("eip", "create")].flat() as [ElasticIp];
  const vera = region.user("watcher", "viewer");
  const pages: [path: string, shows: string][] = [
    ["vpcs", "watched"],
    [`vpcs/${shop.vpcId}`, "watched-web"],
    [`vpcs/${shop.vpcId}?tab=security-groups`, "watched-sg"],
    [`vpcs/${shop.vpcId}?tab=network-acls`, "watched-acl"],
    [`vpcs/${shop.vpcId}?tab=load-balancers`, "watched"],
    ["subnets", "watched-web"],
    [`subnets/${shop.subnetId}`, "watched-web"],
    ["security-groups", "watched-sg"],
    [`security-groups/${networkSecurityGroupId}`, "10.0.0.0/8"],
    ["network-acls", "watched-acl"],
    [`network-acls/${networkAclId}?tab=subnets`, "watched-web"],
    ["elastic-ips", elasticIpAddress],
    [`elastic-ips/${elasticIpId}`, elasticIpAddress],
  ];
  for (const [path, shows] of pages) {
    await enter(page, region, path, vera);
    const main = page.getByRole("main");
    await expect(main.getByText(shows, { exact: true }).first(), path).toBeVisible();
    await expect(main.getByRole("button", { name: /^(Add|Allocate|Associate|Change|Create|Delete|Disassociate|Edit|More)\b/ }), path).toHaveCount(0);
    await expect(main.getByRole("columnheader", { name: "Operation" }), path).toHaveCount(0);
  }
});
