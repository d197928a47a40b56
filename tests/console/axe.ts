// What tools find of what keeps people out of a page.

import AxeBuilder from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

/** Findings that shut somebody out, rather than annoy. */
const SERIOUS = ["serious", "critical"];

/** The rule about colours among those that count. */
const CONTRAST = "color-contrast";

/** What fades in has a colour of its own only when it is there. */
async function waitForMotion(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const ending = document.getAnimations().filter((one) => one.effect?.getComputedTiming().iterations !== Infinity);
    // One that is cancelled is over, too.
    await Promise.allSettled(ending.map((one) => one.finished));
  });
}

/** What is looked for: all of it, what colours alone decide, or what they do not. */
type Rules = "all" | "colours" | "all but colours";

export async function expectAccessible(page: Page, what: string, rules: Rules = "all"): Promise<void> {
  await waitForMotion(page);
  // The page has no frames: what collects findings of theirs takes as long as the search.
  const axe = new AxeBuilder({ page }).setLegacyMode();
  if (rules === "colours") axe.withRules(CONTRAST);
  if (rules === "all but colours") axe.disableRules(CONTRAST);
  const { violations } = await axe.analyze();
  const found = violations
    .filter(({ impact }) => SERIOUS.includes(impact ?? ""))
    .flatMap(({ id, help, nodes }) => nodes.map(({ target, failureSummary }) => `${id} (${help}): ${target.join(" ")}: ${failureSummary ?? ""}`));
  expect(found, what).toEqual([]);
}
