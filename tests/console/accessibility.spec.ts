// Every page, light and dark and in both languages, as a tool sees it that knows what shuts people out.

import type { Page, Request } from "@playwright/test";

import { choose, field, more, next, pick, press, toServerGroup } from "./actions";
import { expectAccessible } from "./axe";
import { address, needsHosts, patterns } from "./pages";
import type { Region } from "./region";
import { backend, group, listener, type Scene, scene } from "./scene";
import { endSession, enter, expect, test } from "./test";

test.use({ file: import.meta.filename });

const LOOKS = [
  { appearance: "light", language: "en" },
  { appearance: "dark", language: "en" },
  { appearance: "light", language: "zh" },
] as const;

/** Held upright. */
const TABLET = { width: 820, height: 1180 };

type Look = (typeof LOOKS)[number];

let shop: Scene;
/** By their names in addresses. */
let ids: Record<string, string>;

test.beforeAll(({ region }) => {
  shop = scene(region, "seen");
  const { targetGroupId } = region.dnlb("target-group", "create", "picked", "--lb", shop.id) as { targetGroupId: string };
  const agId = group(region, shop, "seen-ag");
  const { instanceTemplateId } = region.dnlb("ag", "show", agId) as { instanceTemplateId: string };
  const backendId = backend(region, shop, "servers", "--ag", agId);
  const listenerId = listener(region, shop, "web", 80, backendId);
  const { userId } = region.dnlb("user", "create", "seen", "--role", "viewer") as { userId: string };
  const ofRecords = { resourceType: "loadBalancer", resourceId: shop.id };
  const { accountId } = region.dnlb("account", "create", "seen") as { accountId: string };
  // Without hosts there is no instance: a target's page says that it is not there.
  const targetInstanceId = "i-none";
  ids = { loadBalancerId: shop.id, backendId, targetGroupId, listenerId, targetInstanceId, agId, instanceTemplateId, userId, accountId, ...ofRecords, ...networkIds(region) };
});

/** A security group and a network ACL with a rule each, and an elastic IP. */
function networkIds(region: Region): Record<string, string> {
  const { vpcId, subnetId } = shop;
  const rule = ["--direction", "in", "--protocol", "tcp", "--port", "80", "--prefix", "0.0.0.0/0"];
  const { networkSecurityGroupId: securityGroupId } = region.dnlb("sg", "create", "seen-sg", "--vpc", vpcId) as { networkSecurityGroupId: string };
  region.dnlb("sg", "allow", securityGroupId, ...rule);
  const { networkAclId } = region.dnlb("acl", "create", "seen-acl", "--vpc", vpcId) as { networkAclId: string };
  region.dnlb("acl", "add", networkAclId, "--priority", "100", "--action", "allow", ...rule);
  const [{ elasticIpId }] = [region.dnlb("eip", "create")].flat() as [{ elasticIpId: string }];
  return { vpcId, subnetId, securityGroupId, networkAclId, elasticIpId };
}

/** What pages ask for and have no answer to yet. */
const open = new WeakMap<Page, Set<Request>>();
/** For how long a page asks for nothing until it has all that it wants: one that must load what it is made of, and one that is there. */
const QUIET_MS = { new: 500, known: 200 };
const LOOK_MS = 50;
/** No page takes so long. */
const PATIENCE_MS = 30_000;

async function look(page: Page, { appearance, language }: Look): Promise<void> {
  const asked = new Set<Request>();
  open.set(page, asked);
  page.on("request", (request) => asked.add(request));
  for (const end of ["requestfinished", "requestfailed"] as const) page.on(end as "requestfinished", (request) => asked.delete(request));
  await page.addInitScript(
    (kept) => {
      if (location.protocol.startsWith("http")) Object.entries(kept).forEach(([key, value]) => localStorage.setItem(key, value));
    },
    { "dnlb.appearance": appearance, "dnlb.language": language },
  );
}

/** Waits until the page has all that it asked for. */
async function settle(page: Page, quietMs = QUIET_MS.new): Promise<void> {
  const asked = open.get(page) ?? new Set();
  const end = Date.now() + PATIENCE_MS;
  for (let quiet = 0; quiet < quietMs; quiet = asked.size === 0 ? quiet + LOOK_MS : 0) {
    if (Date.now() > end) throw new Error(`the page still waits for ${[...asked].map((request) => request.url()).join(", ")}`);
    await page.waitForTimeout(LOOK_MS);
  }
  await expect(page.getByRole("heading", { level: 1 })).not.toHaveCount(0);
}

/** On a tablet nothing is beside the page: what is wide, such as a table, scrolls within itself. */
async function expectFitsTablet(page: Page): Promise<void> {
  const { width, height } = page.viewportSize() ?? TABLET;
  await page.setViewportSize(TABLET);
  await settle(page, QUIET_MS.known);
  await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth), { message: "pixels that the page is wide" }).toBeLessThanOrEqual(TABLET.width);
  await page.setViewportSize({ width, height });
}

/** Looks at what is shown in light and in dark, where nothing but colours is different. */
async function expectAccessibleInBoth(page: Page, what: string): Promise<void> {
  await expectAccessible(page, `${what}, light`);
  await press(page, "Appearance: Dark");
  await expectAccessible(page, `${what}, dark`, "colours");
  await press(page, "Appearance: Light");
}

for (const pattern of patterns().filter((one) => !needsHosts(one))) {
  test(`/${pattern}`, async ({ page, region }) => {
    const refused: string[] = [];
    page.on("response", (response) => response.status() >= 400 && refused.push(`${response.status()} ${response.url()}`));
    await look(page, { appearance: "light", language: "en" });
    await enter(page, region, address(pattern, ids));
    await settle(page);
    await expectAccessibleInBoth(page, "the page");
    for (const tab of (await page.getByRole("tab").all()).slice(1)) {
      await tab.click();
      await settle(page);
      await expectAccessibleInBoth(page, `tab ${await tab.innerText()}`);
    }
    await expectFitsTablet(page);
    await press(page, "Language");
    await pick(page.getByRole("menuitem", { name: "中文" }));
    await expect(page.locator("html")).toHaveAttribute("lang", "zh");
    await settle(page, QUIET_MS.known);
    await expectAccessible(page, "in Chinese", "all but colours");
    expect(refused, "what the page asked for in vain").toEqual([]);
  });
}

for (const one of LOOKS) {
  const { appearance, language } = one;

  test(`the entrance, ${appearance}, ${language}`, async ({ page, region }) => {
    await look(page, one);
    await page.goto(region.console);
    await settle(page);
    await expectAccessible(page, "log in");
  });

  // Found by its English words; in which language it is says nothing new.
  if (language !== "en") continue;

  test(`what is over pages, ${appearance}, ${language}`, async ({ page, region }) => {
    await look(page, one);
    await enter(page, region, `${shop.path}?tab=listeners`);
    const dialog = page.getByRole("dialog");
    for (const action of ["Edit", "Delete"]) {
      await more(page, "web", action);
      await settle(page);
      await expectAccessible(page, action);
      await press(dialog, "Cancel");
    }
    await press(page, "Edit");
    await field(dialog, "Name").fill("not a name!");
    await press(dialog, "Save");
    await expect(field(dialog, "Name")).toHaveAccessibleDescription(/Use 1 to 32 letters/);
    await expectAccessible(page, "a form with something wrong");
    await field(dialog, "Name").fill("seen-by-me");
    region.dnlb("lb", "update", shop.id, "--name", `seen-${appearance}`);
    await press(dialog, "Save");
    await expect(page.getByRole("dialog", { name: "Somebody has changed it meanwhile" })).toBeVisible();
    await expectAccessible(page, "two edit the same thing");
  });

  test(`the wizard's steps, ${appearance}, ${language}`, async ({ page, region }) => {
    await look(page, one);
    const walker = region.user(`walker-${appearance}`, "operator");
    await enter(page, region, `${shop.path}/listeners/create`, walker);
    await press(page, "Next");
    await expectAccessible(page, "step 1, with something wrong");
    await field(page, "Port").fill("443");
    await next(page, "Backend forwarding");
    await press(page, "More settings");
    await expectAccessible(page, "step 2");
    await page.getByRole("radio", { name: "Select a Backend Service" }).click();
    await choose(page, "Backend service", /servers/);
    await expectAccessible(page, "step 2, shared");
    await next(page, "Health check");
    await expectAccessible(page, "step 3, shared");
    await next(page, "Server group");
    await expectAccessible(page, "step 4, shared");
    await press(page, "Cancel");
    await expectAccessible(page, "leave?");
    await press(page.getByRole("dialog"), "Leave");
    await press(page, "Create Listener");
    await toServerGroup(page, 443);
    for (const kind of ["Availability group", "Virtual server group"]) {
      await page.getByRole("radio", { name: kind }).click();
      await expectAccessible(page, `step 4, ${kind}`);
      await press(page, `Create ${kind.toLowerCase()}`);
      await settle(page);
      await expectAccessible(page, `create ${kind}`);
      await press(page.getByRole("dialog"), "Cancel");
    }
    await endSession(page, region);
    await expect(page.getByRole("dialog", { name: "Log in again" })).toBeVisible();
    await expectAccessible(page, "log in again");
  });
}
