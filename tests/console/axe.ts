// What tools find of what keeps people out of a page.

import AxeBuilder from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

/** Findings that shut somebody out, rather than annoy. */
const SERIOUS = ["serious", "critical"];

/** What fades in has a colour of its own only when it is there. */
async function waitForMotion(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const ending = document.getAnimations().filter((one) => one.effect?.getComputedTiming().iterations !== Infinity);
    // One that is cancelled is over, too.
    await Promise.allSettled(ending.map((one) => one.finished));
  });
}

export async function expectAccessible(page: Page, what: string): Promise<void> {
  await waitForMotion(page);
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations
    .filter(({ impact }) => SERIOUS.includes(impact ?? ""))
    .flatMap(({ id, help, nodes }) => nodes.map(({ target, failureSummary }) => `${id} (${help}): ${target.join(" ")}: ${failureSummary ?? ""}`));
  expect(found, what).toEqual([]);
}
