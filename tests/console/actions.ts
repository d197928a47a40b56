// What users do on pages, in one way for all tests.

import { expect, type Locator, type Page } from "@playwright/test";

/** Words with which the names of actions begin: whoever may not take them sees none. */
export const ACTIONS = /^(Add|Associate|Change|Create|Delete|Edit|Leave|More|OK|Reboot|Remove|Save|Start|Stop|Switch)\b/;

/** A page, or a part of it. */
type Place = Pick<Locator, "getByRole">;

export function field(place: Place, name: string): Locator {
  return place.getByRole("textbox", { name, exact: true });
}

/** A field whose value is chosen from a list; its name is followed by what is chosen. */
export function choice(place: Place, name: string): Locator {
  return place.getByRole("button", { name: new RegExp(`^${name} \\S`) });
}

/**
 * Clicks something in a list that has just opened. A click scrolls to what is not in view, and a young list looks for another
 * place when the page scrolls: between pressing and releasing the mouse, which is then over something else. So it is clicked
 * when it is in view and nothing has to be scrolled any more. The border of a short list covers some of it.
 */
export async function pick(item: Locator): Promise<void> {
  await expect(async () => {
    await item.evaluate(async (element) => {
      element.scrollIntoView({ block: "nearest", behavior: "instant" });
      for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
    });
    await expect(item).toBeInViewport({ ratio: 0.9, timeout: 1 });
  }).toPass({ timeout: 15_000 });
  await item.click();
}

export async function choose(place: Place, name: string, option: RegExp | string): Promise<void> {
  await choice(place, name).click();
  await pick(place.getByRole("option", { name: option }));
}

export async function press(place: Place, button: string): Promise<void> {
  await place.getByRole("button", { name: button, exact: true }).click();
}

/** What is behind a row's *More*. */
export async function openMore(page: Page, of: string): Promise<void> {
  await page.getByRole("button", { name: `More actions for ${of}` }).click();
}

export async function more(page: Page, of: string, action: string): Promise<void> {
  await openMore(page, of);
  await pick(page.getByRole("menuitem", { name: action, exact: true }));
}

/** The step of Create Listener that is shown. */
export async function expectStep(page: Page, title: string): Promise<void> {
  await expect(page.getByRole("heading", { level: 1, name: title })).toBeVisible();
}

/** To the next step, which has that title. */
export async function next(page: Page, title: string): Promise<void> {
  await press(page, "Next");
  await expectStep(page, title);
}

/** Fills in the wizard's first steps and shows the last one: a listener at a port, with a backend service of its own. */
export async function toServerGroup(page: Page, port: number): Promise<void> {
  await field(page, "Port").fill(String(port));
  await next(page, "Backend forwarding");
  await next(page, "Health check");
  await next(page, "Server group");
}

/** Lists stay as they are: what somebody else does from now on is not heard of. */
export async function deafen(page: Page, lists: RegExp): Promise<() => Promise<void>> {
  await page.route(lists, async (route) => {
    if (route.request().method() !== "GET") await route.fallback();
    else await new Promise(() => undefined);
  });
  return () => page.unroute(lists);
}

/** Goes on by Tab until something has the focus. */
export async function tabTo(page: Page, wanted: Locator): Promise<void> {
  const steps = 60;
  for (let step = 0; step < steps; step += 1) {
    if (await wanted.evaluateAll((found) => found.some((one) => one === document.activeElement))) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`${steps} tabs do not lead to ${wanted}`);
}
