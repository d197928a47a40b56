// Create Listener: four steps, back and forth, and what is made in the end.

import type { Page } from "@playwright/test";

import { choice, choose, expectStep, field, next, press, tabTo, toServerGroup } from "./actions";
import { backend, backends, group, listener, listeners, scene } from "./scene";
import { enter, expect, test } from "./test";

test.use({ file: import.meta.filename });

test("going back loses nothing, and what was typed is what is made", async ({ page, region }) => {
  const shop = scene(region, "back");
  await enter(page, region, `${shop.path}/listeners/create`);
  await field(page, "Port").fill("8080");
  // What nobody has typed follows.
  await expect(field(page, "Name")).toHaveValue("tcp-8080");
  await field(page, "Name").fill("web");
  await next(page, "Backend forwarding");
  await expect(field(page, "Backend port")).toHaveValue("8080");
  await field(page, "Name").fill("web-servers");
  await field(page, "Backend port").fill("9090");
  await choose(page, "Scheduling algorithm", /five-tuple/);
  await next(page, "Health check");
  await choose(page, "Check by", /HTTP/);
  await field(page, "Path").fill("/healthy");
  await field(page, "Interval in seconds").fill("10");
  await next(page, "Server group");
  await page.getByRole("radio", { name: "Add later" }).click();

  for (const title of ["Health check", "Backend forwarding", "Listening protocol and port"]) {
    await press(page, "Previous");
    await expectStep(page, title);
  }
  await expect(field(page, "Port")).toHaveValue("8080");
  await expect(field(page, "Name")).toHaveValue("web");
  await next(page, "Backend forwarding");
  await expect(field(page, "Name")).toHaveValue("web-servers");
  await expect(field(page, "Backend port")).toHaveValue("9090");
  await expect(choice(page, "Scheduling algorithm")).toContainText("five-tuple");
  await next(page, "Health check");
  await expect(field(page, "Path")).toHaveValue("/healthy");
  await expect(field(page, "Interval in seconds")).toHaveValue("10");
  await next(page, "Server group");
  await expect(page.getByRole("radio", { name: "Add later" })).toBeChecked();
  await expect(page.getByRole("main")).toContainText("web-servers (TCP:9090)");
  await press(page, "OK");

  const row = page.getByRole("row", { name: /^web / });
  await expect(row).toContainText("TCP:8080");
  await expect(row).toContainText("web-servers");
  await expect(row).toContainText("None yet");
  const [made] = backends(region, shop);
  expect(made).toMatchObject({ backendName: "web-servers", port: 9090, algorithm: "QuintupleHash" });
  expect(made?.healthCheck).toMatchObject({ protocol: "Http", intervalSeconds: 10 });
  expect(listeners(region, shop)).toMatchObject([{ listenerName: "web", port: 8080, backendId: made?.backendId }]);
});

test("what is wrong is said at its field, and no step is passed with it", async ({ page, region }) => {
  const shop = scene(region, "inline");
  listener(region, shop, "first", 80, backend(region, shop, "servers"));
  await enter(page, region, `${shop.path}/listeners/create`);
  const port = field(page, "Port");
  await press(page, "Next");
  await expect(port).toHaveAccessibleDescription(/This is needed/);
  for (const wrong of ["0", "65536", "eighty"]) {
    await port.fill(wrong);
    await port.blur();
    await expect(port).toHaveAccessibleDescription(/A whole number from 1 to 65535/);
  }
  await port.fill("80");
  await expect(port).toHaveAccessibleDescription(/Listener first has this port already/);
  await press(page, "Next");
  await expectStep(page, "Listening protocol and port");
  // The same port of the other protocol is free.
  await press(page, "UDP");
  await expect(port).not.toHaveAccessibleDescription(/already/);
  await press(page, "TCP");
  await port.fill("81");
  await next(page, "Backend forwarding");
  await field(page, "Name").fill("not a name!");
  await press(page, "Next");
  await expectStep(page, "Backend forwarding");
  await expect(field(page, "Name")).toHaveAccessibleDescription(/Use 1 to 32 letters/);
  await field(page, "Name").fill("a-name");
  await next(page, "Health check");
  await field(page, "Interval in seconds").fill("4");
  await field(page, "Response time-out in seconds").fill("61");
  await press(page, "Next");
  await expectStep(page, "Health check");
  await expect(field(page, "Interval in seconds")).toHaveAccessibleDescription(/from 5 to 300/);
  await expect(field(page, "Response time-out in seconds")).toHaveAccessibleDescription(/from 2 to 60/);
  await field(page, "Interval in seconds").fill("5");
  await field(page, "Response time-out in seconds").fill("2");
  await next(page, "Server group");
  await page.getByRole("radio", { name: "Availability group" }).click();
  await press(page, "OK");
  await expect(choice(page, "Availability group")).toHaveAccessibleDescription(/Choose one/);
  expect(listeners(region, shop)).toHaveLength(1);
});

test("a backend service that is selected is shared: its settings are shown, and cannot be changed", async ({ page, region }) => {
  const shop = scene(region, "shared");
  const id = backend(region, shop, "servers", "--check-interval", "20", "--ag", group(region, shop, "shared-ag"));
  listener(region, shop, "first", 80, id);
  await enter(page, region, `${shop.path}/listeners/create`);
  await field(page, "Port").fill("81");
  await next(page, "Backend forwarding");
  await page.getByRole("radio", { name: "Select a Backend Service" }).click();
  await press(page, "Next");
  await expect(choice(page, "Backend service")).toHaveAccessibleDescription(/Choose one/);
  await choose(page, "Backend service", /servers/);
  await expect(page.getByText("These settings are shared with other listeners").first()).toBeVisible();
  await next(page, "Health check");
  const main = page.getByRole("main");
  await expect(main).toContainText("every 20 s");
  await expect(main.getByRole("textbox")).toHaveCount(0);
  await next(page, "Server group");
  await expect(main).toContainText("shared-ag");
  await expect(main.getByRole("radio")).toHaveCount(0);
  await expect(main).toContainText("Shared backend service");
  await press(page, "OK");
  await expect(page.getByRole("row", { name: /tcp-81/ })).toContainText("servers");
  expect(backends(region, shop)).toHaveLength(1);
  expect(listeners(region, shop).map((one) => one.backendId)).toEqual([id, id]);
});

test("a group that is missing is made over the wizard, which waits as it is", async ({ page, region }) => {
  const shop = scene(region, "missing");
  region.dnlb("template", "create", "missing-template", "--subnet", shop.subnetId);
  await enter(page, region, `${shop.path}/listeners/create`);
  await toServerGroup(page, 8443);
  await page.getByRole("radio", { name: "Availability group" }).click();
  await press(page, "Create availability group");
  const dialog = page.getByRole("dialog", { name: "Create availability group" });
  await field(dialog, "Name").fill("missing-ag");
  await choose(page, "Instance template", /missing-template/);
  // Nobody could carry them.
  await press(dialog, "Create");
  await expect(dialog).toContainText("no host that carries instances is up");
  await expect(dialog).toContainText("what had been made before was deleted again");
  await expect(field(dialog, "Name")).toHaveValue("missing-ag");
  await field(dialog, "Instances").fill("0");
  await press(dialog, "Create");
  await expect(dialog).toBeHidden();
  await expect(choice(page, "Availability group")).toContainText("missing-ag");
  await press(page, "OK");
  await expect(page.getByRole("row", { name: /tcp-8443/ })).toContainText("missing-ag (Availability group)");
});

test("nobody leaves it by mistake with something typed", async ({ page, region }) => {
  const shop = scene(region, "leave");
  await enter(page, region, `${shop.path}?tab=listeners`);
  await page.getByRole("button", { name: "Create Listener" }).first().click();
  await field(page, "Port").fill("80");
  const dialog = page.getByRole("dialog", { name: "Leave this page?" });
  await press(page, "Cancel");
  await press(dialog, "Stay");
  await expect(field(page, "Port")).toHaveValue("80");
  await page.goBack();
  await press(dialog, "Stay");
  await expect(field(page, "Port")).toHaveValue("80");
  await press(page, "Cancel");
  await press(dialog, "Leave");
  await expect(page).toHaveURL(new RegExp(`${shop.path}\\?tab=listeners`));
});

/** Opens the list of what has the focus. As whoever types sees it: an open list with something marked, which takes keys only then. */
async function openByKey(page: Page): Promise<void> {
  await page.keyboard.press("Enter");
  const list = page.getByRole("listbox");
  await expect(list).toBeFocused();
  await expect(list).toHaveAttribute("aria-activedescendant", /./);
}

test("the keyboard alone is enough", async ({ page, region }) => {
  const shop = scene(region, "keys");
  const id = group(region, shop, "keys-ag");
  await enter(page, region, `${shop.path}?tab=listeners`);
  const { keyboard } = page;
  await expect(page.getByRole("button", { name: "Create Listener" }).first()).toBeVisible();
  await tabTo(page, page.getByRole("button", { name: "Create Listener" }));
  await keyboard.press("Enter");
  await expect(field(page, "Port")).toBeFocused();
  await keyboard.type("80");
  await tabTo(page, page.getByRole("button", { name: "Next" }));
  await keyboard.press("Enter");
  await expectStep(page, "Backend forwarding");
  await tabTo(page, choice(page, "Scheduling algorithm"));
  await openByKey(page);
  await keyboard.press("ArrowDown");
  await keyboard.press("Enter");
  await expect(choice(page, "Scheduling algorithm")).toContainText("five-tuple");
  await tabTo(page, page.getByRole("button", { name: "Next" }));
  await keyboard.press("Enter");
  await expectStep(page, "Health check");
  await tabTo(page, page.getByRole("button", { name: "Next" }));
  await keyboard.press("Space");
  await expectStep(page, "Server group");
  await tabTo(page, page.getByRole("radio"));
  await keyboard.press("ArrowRight");
  await expect(page.getByRole("radio", { name: "Availability group" })).toBeChecked();
  await tabTo(page, choice(page, "Availability group"));
  await openByKey(page);
  await expect(page.getByRole("option", { name: /keys-ag/ })).toBeVisible();
  await keyboard.press("Enter");
  await expect(choice(page, "Availability group")).toContainText("keys-ag");
  await tabTo(page, page.getByRole("button", { name: "OK" }));
  await keyboard.press("Enter");
  await expect(page.getByRole("row", { name: /tcp-80/ })).toBeVisible();
  expect(backends(region, shop)).toMatchObject([{ algorithm: "QuintupleHash", agIds: [id] }]);
});
