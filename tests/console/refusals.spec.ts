// What the server refuses: said where it can be mended, with everything that was typed still there, and nothing left half made.

import { choice, choose, deafen, expectStep, field, more, next, openMore, pick, press, toServerGroup } from "./actions";
import { backend, backends, group, listener, listeners, scene } from "./scene";
import { enter, expect, test } from "./test";

test.use({ file: import.meta.filename });

// Few enough to use up.
test.use({ serverOptions: ["--quota", "listeners=2"] });

test("a port that somebody takes in between leads back to the port", async ({ page, region }) => {
  const shop = scene(region, "taken");
  await enter(page, region, `${shop.path}/listeners/create`);
  await toServerGroup(page, 80);
  const listen = await deafen(page, /\/(listeners|backends)\?/);
  const servers = backend(region, shop, "servers");
  listener(region, shop, "faster", 80, servers);
  await press(page, "OK");
  await expectStep(page, "Listening protocol and port");
  await expect(field(page, "Port")).toHaveAccessibleDescription(/port 80 of load balancer \S+ is taken by listener \S+ \(faster\)/);
  await expect(page.getByRole("main")).toContainText("what had been made before was deleted again");
  expect(backends(region, shop).map((one) => one.backendId)).toEqual([servers]);
  await listen();
  await field(page, "Port").fill("81");
  await next(page, "Backend forwarding");
  await expect(field(page, "Name")).toHaveValue("backend-tcp-81");
  await next(page, "Health check");
  await next(page, "Server group");
  await press(page, "OK");
  await expect(page.getByRole("row", { name: /tcp-81/ })).toBeVisible();
  expect(listeners(region, shop).map((one) => one.port).sort()).toEqual([80, 81]);
});

test("a quota that is used up takes back what was made before", async ({ page, region }) => {
  const shop = scene(region, "quota");
  const servers = backend(region, shop, "servers");
  listener(region, shop, "first", 80, servers);
  const second = listener(region, shop, "second", 81, servers);
  await enter(page, region, `${shop.path}/listeners/create`);
  await toServerGroup(page, 82);
  await press(page, "OK");
  const main = page.getByRole("main");
  await expect(main).toContainText("2 of 2 listeners of the load balancer are in use");
  await expect(main).toContainText("what had been made before was deleted again");
  await expectStep(page, "Server group");
  expect(backends(region, shop)).toHaveLength(1);
  region.dnlb("listener", "delete", second);
  await press(page, "OK");
  await expect(page.getByRole("row", { name: /tcp-82/ })).toBeVisible();
  expect(backends(region, shop)).toHaveLength(2);
});

test("a group of another VPC is not offered, and refused at its field where it comes from elsewhere", async ({ page, region }) => {
  const shop = scene(region, "own");
  const foreign = group(region, scene(region, "foreign"), "foreign-ag");
  group(region, shop, "own-ag");
  await enter(page, region, `${shop.path}/listeners/create`);
  await toServerGroup(page, 80);
  await page.getByRole("radio", { name: "Availability group" }).click();
  await choice(page, "Availability group").click();
  await expect(page.getByRole("option", { name: /own-ag/ })).toBeVisible();
  await expect(page.getByRole("option", { name: /foreign-ag/ })).toHaveCount(0);
  await pick(page.getByRole("option", { name: /own-ag/ }));
  // As if the page had offered it.
  await page.route(/\/backends$/, async (route) => {
    const body = route.request().postDataJSON() as object;
    await route.continue({ postData: { ...body, agIds: [foreign] } });
  });
  await press(page, "OK");
  await expect(choice(page, "Availability group")).toHaveAccessibleDescription(/availability group \S+ is in VPC \S+, load balancer \S+ in VPC/);
  await expect(choice(page, "Availability group")).toContainText("own-ag");
  expect(backends(region, shop)).toEqual([]);
  await page.unroute(/\/backends$/);
  await choose(page, "Availability group", /own-ag/);
  await press(page, "OK");
  await expect(page.getByRole("row", { name: /tcp-80/ })).toContainText("own-ag");
});

test("a group of the other address family is not offered", async ({ page, region }) => {
  region.dnlb("vpc", "create", "dual", "--prefix", "10.200.0.0/16", "--prefix-v6", "fd00:200::/48");
  const subnets = [
    ["dual-four", "10.200.0.0/24"],
    ["dual-six", "fd00:200::/64"],
  ].map(([name = "", block = ""]) => region.dnlb("subnet", "create", name, "--vpc", "dual", "--prefix", block) as { subnetId: string });
  subnets.forEach((subnet, place) => group(region, subnet, place === 0 ? "ag-of-four" : "ag-of-six"));
  const { loadBalancerId } = region.dnlb("lb", "create", "dual", "--subnet", "dual-six") as { loadBalancerId: string };
  await enter(page, region, `load-balancers/${loadBalancerId}/listeners/create`);
  await toServerGroup(page, 80);
  await page.getByRole("radio", { name: "Availability group" }).click();
  await choice(page, "Availability group").click();
  await expect(page.getByRole("option", { name: /ag-of-six/ })).toBeVisible();
  await expect(page.getByRole("option", { name: /ag-of-four/ })).toHaveCount(0);
});

test("an address that is taken is said at the address", async ({ page, region }) => {
  const shop = scene(region, "address");
  const { privateIp } = region.dnlb("lb", "show", shop.id) as { privateIp: { privateIpAddress: string } };
  await enter(page, region, "load-balancers/create");
  await field(page, "Name").fill("late");
  await choose(page, "VPC", "address");
  await choose(page, "Subnet", /address-web/);
  await page.getByRole("radio", { name: "An address of your choice" }).click();
  const address = field(page, "Address");
  await address.fill("192.0.2.1");
  await press(page, "Create load balancer");
  await expect(address).toHaveAccessibleDescription(/Not in the subnet/);
  await address.fill(privateIp.privateIpAddress);
  await press(page, "Create load balancer");
  await expect(address).toHaveAccessibleDescription(/is taken by load balancer/);
  await expect(field(page, "Name")).toHaveValue("late");
  await page.getByRole("radio", { name: "A free address of the subnet" }).click();
  await press(page, "Create load balancer");
  await expect(page.getByRole("heading", { name: "late", level: 1 })).toBeVisible();
});

test("an elastic IP that somebody takes in between takes the new load balancer back", async ({ page, region }) => {
  const shop = scene(region, "eip");
  const eip = region.dnlb("eip", "create") as { elasticIpAddress: string } | { elasticIpAddress: string }[];
  const { elasticIpAddress } = Array.isArray(eip) ? eip[0] ?? { elasticIpAddress: "" } : eip;
  await enter(page, region, "load-balancers/create");
  await field(page, "Name").fill("public");
  await choose(page, "VPC", "eip");
  await choose(page, "Subnet", /eip-web/);
  await page.getByRole("radio", { name: "An elastic IP that there is" }).click();
  await choose(page, "An elastic IP that there is", elasticIpAddress);
  const listen = await deafen(page, /\/elasticIps\?/);
  region.dnlb("lb", "associate-eip", shop.id, elasticIpAddress);
  await press(page, "Create load balancer");
  await expect(choice(page, "An elastic IP that there is")).toHaveAccessibleDescription(/elastic IP \S+ is in use by load balancer/);
  await expect(page.getByRole("main")).toContainText("what had been made before was deleted again");
  await expect(field(page, "Name")).toHaveValue("public");
  await listen();
  const names = (region.dnlb("lb", "list") as { loadBalancerName: string }[]).map((one) => one.loadBalancerName);
  expect(names).not.toContain("public");
});

test("what is protected cannot be deleted, also when it is protected over an open dialog", async ({ page, region }) => {
  const shop = scene(region, "protected");
  await enter(page, region, "load-balancers");
  await more(page, "protected", "Delete");
  const dialog = page.getByRole("dialog", { name: "Delete load balancer protected?" });
  await expect(dialog.getByRole("button", { name: "Delete", exact: true })).toBeEnabled();
  region.dnlb("lb", "update", shop.id, "--delete-protection", "on");
  await press(dialog, "Delete");
  await expect(dialog).toContainText("is protected against deletion");
  await press(dialog, "Cancel");
  await expect(async () => {
    await openMore(page, "protected");
    const item = page.getByRole("menuitem", { name: "Delete", exact: true });
    await expect(item).toBeDisabled({ timeout: 500 });
    await item.hover();
    await expect(page.getByText("Switch deletion protection off first.").first()).toBeAttached({ timeout: 500 });
  }).toPass();
});

test("what is in use says by whom, and leads there", async ({ page, region }) => {
  const shop = scene(region, "used");
  region.dnlb("target-group", "create", "used-group", "--lb", shop.id);
  const servers = backend(region, shop, "servers", "--target-group", "used-group");
  const first = listener(region, shop, "first", 80, servers);
  await enter(page, region, "load-balancers");
  await more(page, "used", "Delete");
  const dialog = page.getByRole("dialog");
  for (const user of ["Listener first", "Backend service servers", "Virtual server group used-group"]) {
    await expect(dialog.getByRole("link", { name: user })).toBeVisible();
  }
  await expect(dialog.getByRole("button", { name: "Delete", exact: true })).toBeDisabled();
  await dialog.getByRole("link", { name: "Virtual server group used-group" }).click();
  await expect(page.getByRole("heading", { name: "used-group", level: 1 })).toBeVisible();

  await press(page, "Delete");
  await expect(dialog.getByRole("button", { name: "Delete", exact: true })).toBeDisabled();
  await dialog.getByRole("link", { name: "Backend service servers" }).click();
  await expect(page.getByRole("heading", { name: "servers", level: 1 })).toBeVisible();

  await press(page, "Delete");
  await expect(dialog.getByRole("button", { name: "Delete", exact: true })).toBeDisabled();
  await dialog.getByRole("link", { name: "Listener first" }).click();
  await expect(page.getByRole("heading", { name: "first", level: 1 })).toBeVisible();
  await press(page, "Delete");
  await press(dialog, "Delete");
  await expect(page.getByText("first was deleted")).toBeVisible();
  await expect(page).toHaveURL(/tab=listeners/);
  expect(listeners(region, shop).map((one) => one.listenerId)).not.toContain(first);
});

test("what somebody begins to use over an open dialog is refused in it", async ({ page, region }) => {
  const shop = scene(region, "late-use");
  const servers = backend(region, shop, "servers");
  await enter(page, region, `${shop.path}?tab=backends`);
  await more(page, "servers", "Delete");
  const dialog = page.getByRole("dialog", { name: "Delete backend service servers?" });
  await expect(dialog.getByRole("button", { name: "Delete", exact: true })).toBeEnabled();
  const listen = await deafen(page, /\/listeners\?/);
  listener(region, shop, "first", 80, servers);
  await press(dialog, "Delete");
  await expect(dialog).toContainText(/backend \S+ is in use by listener/);
  await listen();
  expect(backends(region, shop)).toHaveLength(1);
});
