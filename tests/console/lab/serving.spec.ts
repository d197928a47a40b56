// From a log-in to requests that are answered: what the console is for.

import { choice, choose, field, next, pick, press } from "../actions";
import { logIn } from "../test";
import type { Lab, Served } from "./lab";
import { expect, test } from "./test";

const REQUESTS = 400;
const INSTANCES = 4;

interface Instance {
  instanceId: string;
  instanceName: string;
  privateIpAddress: string;
}

/** A network, what may pass, a template to make servers of, and an instance that calls them from inside. */
function prepare(lab: Lab): Instance {
  lab.dnlb("vpc", "create", "shop", "--prefix", "10.0.0.0/16");
  lab.dnlb("subnet", "create", "shop-web", "--vpc", "shop", "--prefix", "10.0.0.0/24");
  lab.dnlb("sg", "create", "web", "--vpc", "shop");
  lab.dnlb("sg", "allow", "web", "--direction", "in", "--protocol", "tcp", "--port", "8080");
  lab.dnlb("sg", "allow", "web", "--direction", "out", "--protocol", "tcp");
  lab.dnlb("template", "create", "web", "--subnet", "shop-web", "--sg", "web");
  lab.dnlb("template", "create", "caller", "--subnet", "shop-web", "--sg", "web", "--image", "img-blank");
  const caller = lab.dnlb("instance", "create", "caller", "--template", "caller", "--az", `${lab.name}a`, "--wait");
  return (Array.isArray(caller) ? caller[0] : caller) as Instance;
}

/** Every request was answered, and each of so many instances had its share of them. */
function expectServed({ failed, instances }: Served, ids: readonly string[]): void {
  expect(failed).toBe(0);
  expect(Object.keys(instances).sort()).toEqual([...ids].sort());
  const even = REQUESTS / ids.length;
  for (const count of Object.values(instances)) {
    // Chance alone stays within six standard deviations.
    expect(Math.abs(count - even)).toBeLessThan(6 * Math.sqrt(even));
  }
}

test("from the log-in to a group that serves, shared by two listeners, and what it shows of one that dies", async ({ page, lab }) => {
  const caller = prepare(lab);
  const showListeners = async () => {
    await page.getByRole("link", { name: "storefront", exact: true }).first().click();
    await page.getByRole("tab", { name: "Listener" }).click();
  };

  await test.step("log in and create a load balancer with a public address", async () => {
    await page.goto(lab.console);
    await logIn(page, lab.admin);
    await page.getByRole("button", { name: "Create load balancer" }).first().click();
    await field(page, "Name").fill("storefront");
    await choose(page, "VPC", /^shop/);
    await choose(page, "Subnet", /shop-web/);
    await page.getByRole("radio", { name: "A new elastic IP" }).click();
    await press(page, "Create load balancer");
    await expect(page.getByRole("heading", { name: "storefront", level: 1 })).toBeVisible();
  });

  await test.step("Create Listener, with a group that is made on the way", async () => {
    await page.getByRole("button", { name: "Create Listener" }).first().click();
    await field(page, "Port").fill("80");
    await next(page, "Backend forwarding");
    await field(page, "Name").fill("web-servers");
    await field(page, "Backend port").fill("8080");
    await choose(page, "Scheduling algorithm", /five-tuple/);
    await next(page, "Health check");
    await field(page, "Response time-out in seconds").fill("2");
    await field(page, "Healthy threshold").fill("1");
    await field(page, "Unhealthy threshold").fill("1");
    await next(page, "Server group");
    await page.getByRole("radio", { name: "Availability group" }).click();
    await press(page, "Create availability group");
    const dialog = page.getByRole("dialog", { name: "Create availability group" });
    await field(dialog, "Name").fill("web-group");
    await choose(page, "Instance template", /^web/);
    await field(dialog, "Instances").fill(String(INSTANCES));
    await press(dialog, "Create");
    await expect(dialog).toBeHidden();
    await expect(choice(page, "Availability group")).toContainText("web-group");
    await press(page, "OK");
  });

  const row = page.getByRole("row", { name: /tcp-80/ });
  await test.step("the group leads to the health of its targets, and all become healthy", async () => {
    await expect(row).toContainText("TCP:80");
    await row.getByRole("link", { name: "Health of Availability group web-group" }).click();
    await expect(page.getByRole("heading", { name: "web-servers", level: 1 })).toBeVisible();
    await expect(page.getByText(`${INSTANCES} of ${INSTANCES} healthy`)).toBeVisible({ timeout: 60_000 });
    await expect(page.getByRole("row", { name: /Healthy/ })).toHaveCount(INSTANCES);
  });

  lab.dnlb("health", "web-servers", "--wait", String(INSTANCES));
  const members = (lab.dnlb("instance", "list") as Instance[]).filter(({ instanceName }) => instanceName.startsWith("web-group"));
  const ids = members.map(({ instanceId }) => instanceId);
  const { privateIp } = lab.dnlb("lb", "show", "storefront") as { privateIp: { privateIpAddress: string; elasticIpAddress: string } };
  const { privateIpAddress: vip, elasticIpAddress: eip } = privateIp;

  await test.step("the picture shows who serves and leads to the listener, whose chart moves when it is called", async () => {
    await showListeners();
    await page.getByRole("tab", { name: "Picture" }).click();
    const picture = page.getByRole("group", { name: "Picture of storefront" });
    await expect(picture.getByRole("link", { name: /^Target .*serves$/ })).toHaveCount(INSTANCES);
    await picture.getByRole("link", { name: "Listener tcp-80: TCP:80 · all healthy" }).click();
    await page.getByRole("tab", { name: "Monitoring" }).click();
    const connections = page.getByRole("application", { name: "New connections" });
    await expect(page.getByText("Nothing went by in this time")).toBeVisible();
    await expect(connections).toHaveAccessibleDescription(/at most 0\/s$/);
    expectServed(lab.load("client", `http://${eip}/`, REQUESTS), ids);
    await expect(connections).toHaveAccessibleDescription(/at most [1-9][\d.]*k?\/s$/, { timeout: 30_000 });
    await expect(page.getByText("Nothing went by in this time")).toBeHidden();
  });

  await test.step("requests from outside and inside are answered by all of them", async () => {
    const fromOutside = lab.load("client", `http://${eip}/`, REQUESTS);
    expectServed(fromOutside, ids);
    const fromInside = lab.load(caller.instanceId, `http://${vip}/`, REQUESTS);
    expectServed(fromInside, ids);
    // The servers see who asks, not who balances.
    expect(Object.keys(fromInside.clients)).toEqual([caller.privateIpAddress]);
  });

  await test.step("the way of a flow is drawn from its client to the instance that gets it, or to where it is dropped", async () => {
    const before = page.url();
    await page.getByRole("link", { name: "Explain a flow" }).click();
    await field(page, "Client's address").fill("198.51.100.10");
    await choose(page, "Listener", /tcp-80/);
    await press(page, "Explain");
    const way = page.getByRole("region", { name: "The way" });
    await expect(way.getByText(new RegExp(`^Delivered to \\S+ \\((${ids.join("|")})\\)$`))).toBeVisible();
    await page.getByRole("radio", { name: "From an instance" }).click();
    await choose(page, "Instance", /caller/);
    await page.getByRole("radio", { name: "To an address" }).click();
    await field(page, "Address").fill("10.0.0.250");
    await press(page, "Explain");
    await expect(way.getByText("Dropped: drop_no_route")).toBeVisible();
    // What the server says of it in English is told in Chinese, too.
    const english = way.getByText("No instance and no VIP of the VPC has the destination address.").first();
    await expect(english).toBeVisible();
    await press(page, "Language");
    await pick(page.getByRole("menuitem", { name: "中文" }));
    await expect(page.getByText("VPC 中没有实例或 VIP 拥有该目的地址。").first()).toBeVisible();
    await press(page, "语言");
    await pick(page.getByRole("menuitem", { name: "English" }));
    await expect(english).toBeVisible();
    await page.goto(before);
  });

  await test.step("a second listener shares the backend service, and both serve", async () => {
    await showListeners();
    await press(page, "Create Listener");
    await field(page, "Port").fill("81");
    await next(page, "Backend forwarding");
    await page.getByRole("radio", { name: "Select a Backend Service" }).click();
    await choose(page, "Backend service", /web-servers/);
    await next(page, "Health check");
    await next(page, "Server group");
    await press(page, "OK");
    await expect(page.getByRole("row", { name: /tcp-81/ })).toContainText(`${INSTANCES} of ${INSTANCES} healthy`);
    await expect(page.getByText(/Applied on all \d+ hosts/)).toBeVisible();
    for (const port of [80, 81]) expectServed(lab.load("client", `http://${eip}:${port}/`, REQUESTS), ids);
  });

  await test.step("one that dies is shown with the reason, and gets nothing any more", async () => {
    const [dead = "", ...alive] = ids;
    lab.fail(dead);
    await row.getByRole("link", { name: "Health of Availability group web-group" }).click();
    await expect(page.getByText(`${INSTANCES - 1} of ${INSTANCES} healthy`)).toBeVisible({ timeout: 60_000 });
    const shown = page.getByRole("row", { name: new RegExp(dead) });
    await expect(shown).toContainText("Unhealthy");
    await expect(shown.getByRole("img", { name: /; unhealthy from/ })).toBeVisible();
    lab.dnlb("health", "web-servers", "--wait", String(INSTANCES - 1));
    expectServed(lab.load("client", `http://${eip}/`, REQUESTS), alive);
  });

  await test.step("what is in use says by whom; from the listeners on, all can be deleted", async () => {
    await press(page, "Delete");
    const dialog = page.getByRole("dialog");
    await expect(dialog.getByRole("link", { name: "Listener tcp-80" })).toBeVisible();
    await expect(dialog.getByRole("link", { name: "Listener tcp-81" })).toBeVisible();
    await press(dialog, "Cancel");
    await showListeners();
    for (const name of ["tcp-80", "tcp-81"]) {
      await page.getByRole("link", { name, exact: true }).click();
      await press(page, "Delete");
      await press(dialog, "Delete");
      await expect(page.getByText(`${name} was deleted`)).toBeVisible();
    }
    const { failed } = lab.load("client", `http://${eip}/`, 1);
    expect(failed).toBe(1);
  });
});
