// The pictures of docs/guide.md and docs/console.md: `npm run screenshots` walks through what the guide tells, then through every page, and writes
// them anew.

import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { choose, field, more, next, press } from "../actions";
import { expect, test } from "../lab/test";
import { address, patterns } from "../pages";
import { enter, logIn } from "../test";

const FOLDER = join(import.meta.dirname, "../../../docs/console");
/** Larger ones are for no guide. */
const MOST_BYTES = 200_000;

/** What was told before is no part of a picture. */
async function dismissMessages(page: Page): Promise<void> {
  const dismiss = page.getByRole("region", { name: "Messages" }).getByRole("button", { name: "Dismiss" });
  await expect(async () => {
    // It may go by itself meanwhile.
    await dismiss.first().click({ timeout: 1_000 }).catch(() => undefined);
    await expect(dismiss).toHaveCount(0, { timeout: 1_000 });
  }).toPass();
}

async function shoot(page: Page, name: string): Promise<void> {
  if ((await page.getByRole("dialog").count()) === 0) await dismissMessages(page);
  // Nothing moves, nothing is pointed at, and all that is asked for is there.
  await page.mouse.move(0, 0);
  await page.waitForLoadState("networkidle");
  const path = join(FOLDER, `${name}.png`);
  await page.screenshot({ path, animations: "disabled", caret: "hide" });
  expect(statSync(path).size, `bytes of ${path}`).toBeLessThan(MOST_BYTES);
}

test.use({ viewport: { width: 1280, height: 800 } });
// The second goes on with what the first has left.
test.describe.configure({ mode: "serial" });

test("from the log-in to a listener that serves", async ({ page, lab }) => {
  mkdirSync(join(FOLDER, "pages"), { recursive: true });
  lab.dnlb("vpc", "create", "shop", "--prefix", "10.0.0.0/16");
  lab.dnlb("subnet", "create", "shop-web", "--vpc", "shop", "--prefix", "10.0.0.0/24");
  lab.dnlb("sg", "create", "web", "--vpc", "shop");
  lab.dnlb("sg", "allow", "web", "--direction", "in", "--protocol", "tcp", "--port", "8080");
  lab.dnlb("sg", "allow", "web", "--direction", "out", "--protocol", "tcp");
  lab.dnlb("template", "create", "web", "--subnet", "shop-web", "--sg", "web");
  // What was there before: a load balancer that serves.
  lab.dnlb("ag", "create", "api", "--template", "web");
  lab.dnlb("ag", "scale", "api", "--to", "3", "--wait");
  lab.dnlb("lb", "create", "api", "--subnet", "shop-web", "--delete-protection", "--description", "Internal API");
  const { backendId } = lab.dnlb("backend", "create", "api", "--lb", "api", "--port", "8080", "--ag", "api") as { backendId: string };
  lab.dnlb("listener", "create", "api", "--lb", "api", "--port", "443", "--backend", backendId);
  lab.dnlb("health", "api", "--wait", "3");

  await page.goto(lab.console);
  await field(page, "User").fill("admin");
  await shoot(page, "login");
  await logIn(page, lab.admin);
  await expect(page.getByText("3 of 3 healthy")).toBeVisible();

  await press(page, "Create load balancer");
  await field(page, "Name").fill("storefront");
  await choose(page, "VPC", "shop");
  await choose(page, "Subnet", /shop-web/);
  await page.getByRole("radio", { name: "A new elastic IP" }).click();
  await page.evaluate(() => scrollTo(0, 0));
  await shoot(page, "create-load-balancer");
  await press(page, "Create load balancer");
  await expect(page.getByRole("heading", { name: "storefront", level: 1 })).toBeVisible();
  await shoot(page, "load-balancer");

  await page.getByRole("button", { name: "Create Listener" }).first().click();
  await field(page, "Port").fill("80");
  await field(page, "Name").fill("http");
  await shoot(page, "listener-1-listen");
  await next(page, "Backend forwarding");
  await field(page, "Name").fill("web");
  await field(page, "Backend port").fill("8080");
  await choose(page, "Scheduling algorithm", /five-tuple/);
  await shoot(page, "listener-2-forward");
  await next(page, "Health check");
  await shoot(page, "listener-3-check");
  await next(page, "Server group");
  await page.getByRole("radio", { name: "Availability group" }).click();
  await press(page, "Create availability group");
  const dialog = page.getByRole("dialog", { name: "Create availability group" });
  await field(dialog, "Name").fill("web");
  await choose(page, "Instance template", /^web/);
  await field(dialog, "Instances").fill("4");
  await shoot(page, "create-group");
  await press(dialog, "Create");
  await expect(dialog).toBeHidden();
  await page.evaluate(() => scrollTo(0, 0));
  await shoot(page, "listener-4-group");
  await press(page, "OK");
  const row = page.getByRole("row", { name: /^http / });
  await expect(row).toContainText("4 of 4 healthy", { timeout: 60_000 });
  await shoot(page, "listeners");
  const instances = lab.dnlb("instance", "list") as { instanceId: string; instanceName: string }[];
  lab.fail(instances.find(({ instanceName }) => instanceName.startsWith("web"))?.instanceId ?? "");
  await row.getByRole("link", { name: "Health of Availability group web" }).click();
  await expect(page.getByText("3 of 4 healthy")).toBeVisible({ timeout: 60_000 });
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await shoot(page, "health");
  await page.getByRole("link", { name: "Load balancers" }).first().click();
  await expect(page.getByText("3 of 4 healthy")).toBeVisible();
  await shoot(page, "load-balancers");
  await more(page, "storefront", "Delete");
  await expect(page.getByRole("dialog").getByRole("link", { name: "Listener http" })).toBeVisible();
  await shoot(page, "in-use");
});

/** These lead on to others, or have their picture in the guide. */
const LEFT_OUT: readonly string[] = [
  "",
  "resources/$resourceType/$resourceId",
  "load-balancers",
  "load-balancers/create",
  "load-balancers/$loadBalancerId/listeners/create",
];
/** Tabs with a picture of their own. */
const TABS: Readonly<Record<string, readonly string[]>> = {
  "load-balancers/$loadBalancerId": ["picture", "monitoring", "events"],
  "load-balancers/$loadBalancerId/backends/$backendId": ["rows"],
  "instances/$instanceId": ["console"],
  "hosts/$hostId": ["monitoring"],
};

/** `vpcs/$vpcId` is `vpc`, `instance-templates/$instanceTemplateId/edit` is `instance-templates-edit`. */
function nameOf(pattern: string): string {
  const [, last] = /\$(\w+)Id$/.exec(pattern) ?? [];
  if (last !== undefined) return last.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return pattern.split("/").filter((part) => !part.startsWith("$")).join("-");
}

test("every page", async ({ page, lab }) => {
  const idOf = (kind: string, id: string, name: string) => (lab.dnlb(kind, "show", name) as Record<string, string>)[id] ?? "";
  const rule = ["--direction", "in", "--protocol", "tcp", "--port", "8080", "--prefix", "10.0.0.0/16"];
  lab.dnlb("acl", "create", "web", "--vpc", "shop");
  lab.dnlb("acl", "add", "web", "--priority", "100", "--action", "allow", ...rule);
  lab.dnlb("target-group", "create", "picked", "--lb", "storefront");
  lab.dnlb("user", "create", "ada", "--role", "operator");
  lab.dnlb("account", "create", "team", "--description", "The web team");
  const instances = lab.dnlb("instance", "list") as { instanceId: string; instanceName: string; hostId: string }[];
  const { instanceId, hostId } = instances.find(({ instanceName }) => instanceName.startsWith("api")) ?? { instanceId: "", hostId: "" };
  const { privateIp } = lab.dnlb("lb", "show", "storefront") as { privateIp: { elasticIpAddress: string; elasticIpId: string } };
  const ids = {
    loadBalancerId: idOf("lb", "loadBalancerId", "storefront"),
    listenerId: idOf("listener", "listenerId", "http"),
    backendId: idOf("backend", "backendId", "web"),
    targetGroupId: idOf("target-group", "targetGroupId", "picked"),
    targetInstanceId: instances.filter(({ instanceName }) => instanceName.startsWith("web")).at(-1)?.instanceId ?? "",
    agId: idOf("ag", "id", "web"),
    instanceTemplateId: idOf("template", "id", "web"),
    vpcId: idOf("vpc", "vpcId", "shop"),
    subnetId: idOf("subnet", "subnetId", "shop-web"),
    securityGroupId: idOf("sg", "networkSecurityGroupId", "web"),
    networkAclId: idOf("acl", "networkAclId", "web"),
    elasticIpId: privateIp.elasticIpId,
    userId: idOf("user", "userId", "ada"),
    accountId: idOf("account", "accountId", "team"),
    instanceId,
    hostId,
  };
  expect(Object.entries(ids).filter(([, id]) => id === "" || id === undefined)).toEqual([]);
  // Something to draw.
  const call = () => lab.load("client", `http://${privateIp.elasticIpAddress}/`, 300);
  for (let round = 0; round < 12; round += 1) {
    call();
    await page.waitForTimeout(1_500);
  }
  for (const pattern of patterns().filter((one) => !LEFT_OUT.includes(one))) {
    const name = nameOf(pattern);
    await enter(page, lab, address(pattern, ids));
    await expect(page.getByRole("heading", { level: 1 })).not.toHaveCount(0);
    await shoot(page, `pages/${name}`);
    for (const tab of TABS[pattern] ?? []) {
      call();
      await enter(page, lab, `${address(pattern, ids)}?tab=${tab}`);
      await page.waitForLoadState("networkidle");
      await page.getByRole("tablist").evaluate((list) => list.scrollIntoView({ block: "start" }));
      await page.mouse.wheel(0, -120);
      await page.waitForTimeout(500);
      await shoot(page, `pages/${name}-${tab}`);
    }
  }
  // The way of a flow.
  await page.goto(`${lab.console}explain`);
  await field(page, "Client's address").fill("198.51.100.10");
  await choose(page, "Listener", /http/);
  await press(page, "Explain");
  await expect(page.getByText(/^Delivered to /).first()).toBeVisible();
  await page.getByRole("region", { name: "The way" }).evaluate((way) => way.scrollIntoView({ block: "end" }));
  await shoot(page, "pages/explain");
});
