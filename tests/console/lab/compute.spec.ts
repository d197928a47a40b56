// Instances that run, and the hosts that carry them.

import { ACTIONS, field, press } from "../actions";
import { expectAccessible } from "../axe";
import { address, needsHosts, patterns } from "../pages";
import { enter } from "../test";
import type { Lab } from "./lab";
import { expect, test } from "./test";

interface Instance {
  instanceId: string;
  instanceName: string;
  hostId: string;
}

function members(lab: Lab): Instance[] {
  return (lab.dnlb("instance", "list") as Instance[]).filter(({ instanceName }) => instanceName.startsWith("depot-ag-"));
}

// Each goes on with what the one before has left.
test.describe.configure({ mode: "serial" });

test.beforeAll(({ lab }) => {
  lab.dnlb("vpc", "create", "depot", "--prefix", "10.77.0.0/16");
  lab.dnlb("subnet", "create", "depot", "--vpc", "depot", "--prefix", "10.77.0.0/24");
  lab.dnlb("sg", "create", "depot", "--vpc", "depot");
  lab.dnlb("sg", "allow", "depot", "--direction", "in", "--protocol", "tcp", "--port", "8080");
  lab.dnlb("template", "create", "depot", "--subnet", "depot", "--sg", "depot");
  const { id } = lab.dnlb("ag", "create", "depot-ag", "--template", "depot") as { id: string };
  const { loadBalancerId } = lab.dnlb("lb", "create", "depot", "--subnet", "depot") as { loadBalancerId: string };
  const check = ["--check-interval", "5", "--healthy-after", "1"];
  lab.dnlb("backend", "create", "depot-servers", "--lb", loadBalancerId, "--port", "8080", "--ag", id, ...check);
  lab.dnlb("listener", "create", "depot-web", "--lb", loadBalancerId, "--port", "80", "--backend", "depot-servers");
});

test("a group grows, its instances are seen as they are, and it shrinks by whom it named", async ({ page, lab }) => {
  const dialog = page.getByRole("dialog");
  const main = page.getByRole("main");

  await test.step("from none to three", async () => {
    await enter(page, lab, "availability-groups");
    await page.getByRole("link", { name: "depot-ag", exact: true }).click();
    await press(page, "Change size");
    await field(dialog, "Instances").fill("3");
    await press(dialog, "Change size");
    await expect(dialog).toHaveCount(0);
    await expect(main.getByText("3 of 3 running")).toBeVisible({ timeout: 60_000 });
    await expect(main.getByText("3 of 3 healthy")).toBeVisible({ timeout: 60_000 });
    expect(members(lab).map(({ instanceName }) => instanceName).sort()).toEqual(["depot-ag-1", "depot-ag-2", "depot-ag-3"]);
  });

  await test.step("one of them: where it is, who sees it healthy, and that it stops and starts", async () => {
    await page.getByRole("link", { name: "depot-ag-1", exact: true }).click();
    await expect(page.getByRole("heading", { name: "depot-ag-1", level: 1 })).toBeVisible();
    const [{ hostId } = { hostId: "" }] = members(lab).filter(({ instanceName }) => instanceName === "depot-ag-1");
    await expect(main.getByRole("link", { name: hostId, exact: true })).toBeVisible();
    await expect(page.getByRole("row", { name: /depot-servers/ })).toContainText("Healthy");
    await page.getByRole("tab", { name: "Console log" }).click();
    await expect(page.getByRole("log", { name: "Console log" })).toContainText(/\S/);
    await expect(page.getByRole("button", { name: "Start", exact: true })).toBeDisabled();
    await press(page, "Stop");
    await expect(main.getByText("Stopped", { exact: true })).toBeVisible({ timeout: 30_000 });
    await press(page, "Start");
    await expect(main.getByText("Running", { exact: true })).toBeVisible({ timeout: 30_000 });
  });

  await test.step("it takes another name, and leaves the group", async () => {
    await press(page, "Edit");
    await field(dialog, "Name").fill("depot-lone");
    await press(dialog, "Save");
    await expect(page.getByRole("heading", { name: "depot-lone", level: 1 })).toBeVisible();
    await press(page, "Leave group");
    await press(dialog, "Leave group");
    await expect(dialog).toHaveCount(0);
    await expect(page.getByRole("button", { name: "Leave group" })).toHaveCount(0);
    await press(page, "Delete");
    await press(dialog, "Delete");
    await expect(page).toHaveURL(/\/instances$/);
    await expect(page.getByText("depot-lone was deleted")).toBeVisible();
  });

  await test.step("a group in use says by whom, and shrinks by the one that it named", async () => {
    await page.getByRole("link", { name: "depot-ag", exact: true }).first().click();
    await press(page, "Delete");
    await expect(dialog.getByRole("link", { name: "Backend service depot-servers" })).toBeVisible();
    await expect(dialog.getByRole("link", { name: /Instance depot-ag-2/ })).toBeVisible();
    await press(dialog, "Cancel");
    await press(page, "Change size");
    await field(dialog, "Instances").fill("1");
    const named = await dialog.getByRole("listitem").innerText();
    await press(dialog, "Change size");
    await expect(main.getByText("1 of 1 running")).toBeVisible();
    const [left] = members(lab);
    expect(named).not.toContain(left?.instanceName);
  });
});

test("hosts stand where they are, and one that dies is seen to", async ({ page, lab }) => {
  const [{ hostId } = { hostId: "" }] = members(lab);
  await enter(page, lab, "hosts");
  const main = page.getByRole("main");
  const tile = (name: string) => page.getByRole("listitem").filter({ has: page.getByRole("link", { name, exact: true }) });
  await expect(main.getByRole("heading", { name: `Zone ${lab.name}a` })).toBeVisible();
  await expect(main.getByRole("heading", { name: `Zone ${lab.name}b` })).toBeVisible();
  await expect(tile("edge-1")).toContainText("Edge");
  await expect(tile(hostId)).toContainText("Compute");
  await expect(tile(hostId)).toContainText("On the latest generation");
  await expect(main).toContainText("4 of 4 up");
  lab.fail(hostId, "kill");
  try {
    await expect(tile(hostId)).toContainText("Down", { timeout: 60_000 });
    await expect(main).toContainText("3 of 4 up");
    await page.getByRole("link", { name: hostId, exact: true }).click();
    await expect(main).toContainText("Down since");
    await expect(main.getByRole("link", { name: members(lab)[0]?.instanceName ?? "" })).toBeVisible();
    await page.getByRole("tab", { name: "Events" }).click();
    await expect(page.getByRole("row", { name: /host/ }).first()).toBeVisible();
  } finally {
    lab.heal(hostId);
  }
  await expect(main).toContainText("Up since", { timeout: 60_000 });
  await page.getByRole("link", { name: "Hosts", exact: true }).first().click();
  await page.getByRole("tab", { name: "List" }).click();
  await expect(page.getByRole("row", { name: new RegExp(hostId) })).toContainText("On the latest generation");
});

test("pages of hosts and instances shut nobody out, and offer a viewer nothing to do", async ({ page, other, lab }) => {
  const [{ instanceId, hostId } = { instanceId: "", hostId: "" }] = members(lab);
  const viola = lab.user("viola", "viewer");
  for (const pattern of patterns().filter(needsHosts)) {
    await enter(page, lab, address(pattern, { instanceId, hostId }));
    await page.waitForLoadState("networkidle");
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    for (const tab of await page.getByRole("tab").all()) {
      await tab.click();
      await page.waitForLoadState("networkidle");
      await expectAccessible(page, `${pattern}, ${await tab.innerText()}`);
    }
    await enter(other, lab, address(pattern, { instanceId, hostId }), viola);
    const main = other.getByRole("main");
    await expect(main.getByRole("button", { name: "Refresh" })).toBeVisible();
    await expect(main.getByRole("button", { name: ACTIONS }), pattern).toHaveCount(0);
  }
});
