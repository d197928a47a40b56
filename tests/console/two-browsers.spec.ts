// Two people edit the same thing: the second one learns of it before anything is overwritten.

import type { Page } from "@playwright/test";

import { field, more, press } from "./actions";
import type { Region } from "./region";
import { backend, listener, type Scene, scene } from "./scene";
import { enter, expect, test } from "./test";

test.use({ file: import.meta.filename });

interface Kind {
  what: string;
  /** Where it is edited; its name is `edited`. */
  path: (shop: Scene) => string;
  open: (page: Page, shop: Scene) => Promise<void>;
  make: (region: Region, shop: Scene) => void;
  description: (region: Region, shop: Scene) => string;
}

const described = (region: Region, ...words: string[]) => (region.dnlb(...words) as { description: string }).description;

const KINDS: Kind[] = [
  {
    what: "load balancer",
    path: ({ path }) => path,
    open: (page) => press(page, "Edit"),
    make: () => undefined,
    description: (region, { id }) => described(region, "lb", "show", id),
  },
  {
    what: "listener",
    path: ({ path }) => `${path}?tab=listeners`,
    open: (page, { name }) => more(page, `${name}-listener`, "Edit"),
    make: (region, shop) => void listener(region, shop, `${shop.name}-listener`, 80, backend(region, shop, `${shop.name}-servers`)),
    description: (region, { name }) => described(region, "listener", "show", `${name}-listener`),
  },
  {
    what: "backend service",
    path: ({ path }) => `${path}?tab=backends`,
    open: async (page, { name }) => {
      await more(page, `${name}-servers`, "Edit");
      await press(page.getByRole("dialog"), "More settings");
    },
    make: (region, shop) => void backend(region, shop, `${shop.name}-servers`),
    description: (region, { name }) => described(region, "backend", "show", `${name}-servers`),
  },
  {
    what: "virtual server group",
    path: ({ path }) => `${path}?tab=target-groups`,
    open: (page, { name }) => more(page, `${name}-group`, "Edit"),
    make: (region, { id, name }) => void region.dnlb("target-group", "create", `${name}-group`, "--lb", id),
    description: (region, { name }) => described(region, "target-group", "show", `${name}-group`),
  },
];

for (const [place, { what, path, open, make, description }] of KINDS.entries()) {
  test(`a ${what} that two edit`, async ({ page, other, region }) => {
    const shop = scene(region, `two-${place}`);
    make(region, shop);
    for (const one of [page, other]) {
      await enter(one, region, path(shop));
      await open(one, shop);
    }
    const text = (one: Page) => one.getByRole("dialog").getByRole("textbox", { name: /^Description/ });
    await text(page).fill("mine");
    await text(other).fill("theirs");
    await press(other.getByRole("dialog"), "Save");
    await expect(other.getByRole("dialog")).toHaveCount(0);

    await press(page.getByRole("dialog"), "Save");
    const conflict = page.getByRole("dialog", { name: "Somebody has changed it meanwhile" });
    const row = conflict.getByRole("row", { name: /^Description/ });
    await expect(row.getByRole("cell")).toHaveText(["–", "theirs", "mine"]);
    expect(description(region, shop)).toBe("theirs");
    // To look first is no decision yet.
    await press(conflict, "Close");
    await expect(text(page)).toHaveValue("mine");
    await press(page.getByRole("dialog"), "Save");
    await expect(page.getByRole("dialog")).toHaveCount(0);
    expect(description(region, shop)).toBe("mine");

    // And the other way: what was typed is dropped for what is there.
    await open(other, shop);
    await open(page, shop);
    await text(page).fill("mine again");
    await press(page.getByRole("dialog"), "Save");
    await expect(page.getByRole("dialog")).toHaveCount(0);
    await text(other).fill("theirs again");
    await press(other.getByRole("dialog"), "Save");
    await press(other.getByRole("dialog", { name: "Somebody has changed it meanwhile" }), "Reload");
    await expect(other.getByRole("dialog")).toHaveCount(0);
    expect(description(region, shop)).toBe("mine again");
    await open(other, shop);
    await expect(text(other)).toHaveValue("mine again");
  });
}

test("what two change in different fields is no conflict, and both stay", async ({ page, other, region }) => {
  const shop = scene(region, "apart");
  for (const one of [page, other]) {
    await enter(one, region, shop.path);
    await press(one, "Edit");
  }
  await field(page.getByRole("dialog"), "Name").fill("apart-mine");
  await other.getByRole("dialog").getByRole("textbox", { name: /^Description/ }).fill("theirs");
  for (const one of [other, page]) {
    await press(one.getByRole("dialog"), "Save");
    await expect(one.getByRole("dialog")).toHaveCount(0);
  }
  expect(region.dnlb("lb", "show", shop.id)).toMatchObject({ loadBalancerName: "apart-mine", description: "theirs" });
});

test("overwriting is a decision", async ({ page, region }) => {
  const shop = scene(region, "over");
  await enter(page, region, shop.path);
  await press(page, "Edit");
  await field(page.getByRole("dialog"), "Name").fill("over-mine");
  region.dnlb("lb", "update", shop.id, "--name", "over-theirs");
  await press(page.getByRole("dialog"), "Save");
  const conflict = page.getByRole("dialog", { name: "Somebody has changed it meanwhile" });
  await expect(conflict.getByRole("row", { name: /^Name/ }).getByRole("cell")).toHaveText(["over", "over-theirs", "over-mine"]);
  await press(conflict, "Overwrite");
  await expect(page.getByRole("heading", { name: "over-mine", level: 1 })).toBeVisible();
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("what somebody deletes is not shown any more", async ({ page, region }) => {
  const shop = scene(region, "gone");
  await enter(page, region, shop.path);
  await expect(page.getByRole("heading", { name: "gone", level: 1 })).toBeVisible();
  region.dnlb("lb", "delete", shop.id);
  await expect(page.getByRole("heading", { name: "It is not there" })).toBeVisible();
  await press(page, "Back to the list");
  await expect(page).toHaveURL(/\/load-balancers$/);
});
