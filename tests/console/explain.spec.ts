// Explaining a flow, as far as a server without hosts can: the form, and what it answers.

import { choose, field, press } from "./actions";
import { backend, listener, type Scene, scene } from "./scene";
import { enter, expect, test } from "./test";

test.use({ file: import.meta.filename });

let shop: Scene;

test.beforeAll(({ region }) => {
  shop = scene(region, "way");
  listener(region, shop, "http", 80, backend(region, shop, "servers"));
});

test("what lacks or cannot be is said at its field", async ({ page, region }) => {
  await enter(page, region, "explain");
  await press(page, "Explain");
  await expect(page.getByText("Not an IP address, such as 198.51.100.10.").first()).toBeVisible();
  await field(page, "Client's address").fill("198.51.100.7");
  await choose(page, "Listener", /way \/ http/);
  await press(page, "Explain");
  await expect(page.getByText("This load balancer has no elastic IP").first()).toBeVisible();
});

test("a region without hosts says why there is no way", async ({ page, region }) => {
  const { elasticIpId, elasticIpAddress } = region.dnlb("eip", "create") as Record<string, string>;
  region.dnlb("lb", "associate-eip", shop.id, elasticIpId ?? "");
  await enter(page, region, `explain?sourceAddress=198.51.100.7`);
  await choose(page, "Listener", `TCP 80 at ${elasticIpAddress}`);
  await press(page, "Explain");
  await expect(page.getByText("the region has no edge that is up: nothing comes from outside")).toBeVisible();
  region.dnlb("lb", "disassociate-eip", shop.id, elasticIpId ?? "");
});

test("an address that is nobody's is refused, and a link fills the form in", async ({ page, region }) => {
  await enter(page, region, "explain?sourceAddress=198.51.100.7&destinationAddress=192.0.2.77&destinationPort=443");
  await expect(field(page, "Port")).toHaveValue("443");
  await press(page, "Explain");
  await expect(page.getByText("192.0.2.77 is no elastic IP of this account, and nothing else is reached from outside")).toBeVisible();
});

test("a viewer may not ask", async ({ page, region }) => {
  await enter(page, region, "explain", region.user("walter", "viewer"));
  await expect(page.getByText("Your role is Viewer")).toBeVisible();
});
