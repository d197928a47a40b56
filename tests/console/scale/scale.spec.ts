// How long pages take in a large region: `npm run scale` prints a table. What is shown is tested; how long it takes is told.

import type { Page } from "@playwright/test";

import { expect, test as base } from "../test";
import { enter } from "../test";
import { type Large, SIZE, start } from "./region";

const ROUNDS = 9;

const test = base.extend<object, { large: Large }>({
  large: [
    async ({}, use) => {
      const large = await start();
      await use(large);
      await large.end();
    },
    { scope: "worker", timeout: 300_000 },
  ],
  region: [({ large }, use) => use(large), { scope: "worker" }],
});

/** Milliseconds, by what took them, in the order in which they came. */
const told = new Map<string, number[]>();

function tell(what: string, milliseconds: number): void {
  told.set(what, [...(told.get(what) ?? []), milliseconds]);
}

async function time(what: string, act: () => Promise<unknown>, seen: () => Promise<unknown>): Promise<void> {
  const begun = performance.now();
  await act();
  await seen();
  tell(what, performance.now() - begun);
}

/** When the browser had drawn the first text, since it was sent to the page. */
async function firstContent(page: Page): Promise<number> {
  return page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN);
}

interface Rows {
  count?: number;
  first?: string;
  firstIsNot?: string;
}

/** Waits until a list shows such rows: looked at in each frame, as expectations look too seldom to measure by. */
async function rows(page: Page, wanted: Rows): Promise<void> {
  await page.waitForFunction(
    ({ count, first, firstIsNot }) => {
      const names = [...document.querySelectorAll("tbody th[scope=row]")].map((one) => one.textContent);
      return names.length > 0 && (count ?? names.length) === names.length && (first ?? names[0]) === names[0] && firstIsNot !== names[0];
    },
    wanted,
    { polling: "raf" },
  );
}

test.afterAll(() => {
  const lines = [...told].map(([what, times]) => {
    const sorted = times.toSorted((one, other) => one - other);
    const at = (share: number) => Math.round(sorted[Math.round(share * (sorted.length - 1))] ?? 0);
    return `| ${what} | ${sorted.length} | ${at(0.5)} | ${at(1)} |`;
  });
  console.log(["", "| what | how often | 50 %, ms | slowest |", "|---|---:|---:|---:|", ...lines, ""].join("\n"));
});

/** A browser that has nothing of the console yet, with somebody logged in. */
async function freshly(page: Page, act: (fresh: Page) => Promise<void>, session: string): Promise<void> {
  const context = await page.context().browser()?.newContext({ viewport: { width: 1280, height: 800 } });
  if (context === undefined) throw new Error("the browser is gone");
  try {
    await context.addInitScript((kept) => sessionStorage.setItem("dnlb.session", kept), session);
    await act(await context.newPage());
  } finally {
    await context.close();
  }
}

test("pages of a large region", async ({ page, region }) => {
  test.setTimeout(600_000);
  await page.goto(region.console);
  await enter(page, region, "load-balancers");
  const session = await page.evaluate(() => sessionStorage.getItem("dnlb.session") ?? "");
  const lists = [
    { path: "load-balancers", name: "load balancers", count: SIZE.loadBalancers, stem: "lb" },
    { path: "instances", name: "instances", count: SIZE.targets, stem: "instance" },
  ];
  for (const { path, name, count, stem } of lists) {
    for (let round = 0; round < ROUNDS; round += 1) {
      await freshly(
        page,
        async (fresh) => {
          const names = fresh.getByRole("rowheader");
          const filter = fresh.getByRole("combobox", { name: "Filter" });
          await time(`${name}: first rows, nothing kept`, () => fresh.goto(region.console + path, { waitUntil: "commit" }), () => rows(fresh, { count: 20 }));
          tell(`${name}: first content, nothing kept`, await firstContent(fresh));
          await expect(fresh.getByRole("heading", { level: 1 })).toContainText(`(${count})`);
          await time(`${name}: first rows again`, () => fresh.reload({ waitUntil: "commit" }), () => rows(fresh, { count: 20 }));
          const first = await names.first().innerText();
          await time(`${name}: next page`, () => fresh.getByRole("button", { name: "Next page" }).click(), () => rows(fresh, { firstIsNot: first }));
          const wanted = `${stem}-${count - 1 - round}`;
          await filter.fill(wanted);
          await time(`${name}: filter by a name`, () => fresh.keyboard.press("Enter"), () => rows(fresh, { count: 1, first: wanted }));
          await fresh.getByRole("button", { name: "Clear filters" }).click();
          const byName = fresh.getByRole("columnheader", { name: "Name" }).getByRole("button");
          await time(`${name}: sort by name`, () => byName.press("Enter"), () => rows(fresh, { first: `${stem}-0` }));
        },
        session,
      );
    }
  }
  const shown = region.dnlb("lb", "show", "lb-7") as { loadBalancerId: string };
  for (let round = 0; round < ROUNDS; round += 1) {
    await freshly(
      page,
      async (fresh) => {
        const path = `load-balancers/${shown.loadBalancerId}?tab=listeners`;
        await time("a load balancer's listeners, nothing kept", () => fresh.goto(region.console + path, { waitUntil: "commit" }), () => rows(fresh, { count: 2 }));
        await expect(fresh.getByRole("row", { name: /20 of 20 healthy/ })).toHaveCount(2);
      },
      session,
    );
  }
});
