// Who may do what: accounts, users and their access keys.

import type { Locator } from "@playwright/test";

import { choose, field, more, press } from "./actions";
import type { User } from "./region";
import { enter, expect, logIn, test } from "./test";

test.use({ file: import.meta.filename });

/** The access key that a dialog shows, and its secret, once the dialog is there. */
async function keyIn(shown: Locator): Promise<[string, string]> {
  const values = shown.locator("dd");
  const text = async (at: number) => (await values.nth(at).innerText()).trim();
  return [await text(0), await text(1)];
}

const PASSWORD = "correct horse battery";

test("an administrator makes a user, who can then log in", async ({ page, other, region }) => {
  await enter(page, region, "users");
  await press(page, "Create user");
  const dialog = page.getByRole("dialog", { name: "Create user" });
  await field(dialog, "Name").fill("nora");
  await dialog.getByLabel("Password", { exact: true }).fill("short");
  await dialog.getByLabel("The same again").fill("shorter");
  await press(dialog, "Create");
  await expect(dialog).toContainText("10 to 128 characters");
  await expect(dialog).toContainText("This is not the same");
  await dialog.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await dialog.getByLabel("The same again").fill(PASSWORD);
  await choose(dialog, "Role", /^Operator/);
  await press(dialog, "Create");
  await expect(page.getByRole("heading", { level: 1, name: "nora" })).toBeVisible();
  await enter(other, region, "load-balancers", { name: "nora", password: PASSWORD });
  await expect(other.getByRole("button", { name: "Create load balancer" }).first()).toBeVisible();
  // Users are an administrator's business, and so are others' keys.
  await other.goto(`${region.console}users`);
  await expect(other.getByRole("row", { name: /nora/ })).toBeVisible();
  await expect(other.getByRole("button", { name: "Create user" })).toHaveCount(0);
});

test("a user who is disabled is logged out, and the last administrator cannot be", async ({ page, other, region }) => {
  const dan = region.user("dan", "viewer");
  await enter(other, region, "load-balancers", dan);
  await enter(page, region, "users");
  await more(page, "dan", "Disable");
  await expect(page.getByText("dan is disabled; its sessions have ended.")).toBeVisible();
  await expect(other.getByRole("dialog", { name: "Log in again" })).toBeVisible();
  await page.getByRole("button", { name: "More actions for admin" }).click();
  await expect(page.getByRole("menuitem", { name: "Delete" })).toHaveAttribute("aria-disabled", "true");
});

test("the secret of a key is shown once, and signs", async ({ page, region }) => {
  region.user("kit", "operator");
  await enter(page, region, "users");
  await page.getByRole("link", { name: "kit" }).click();
  await press(page, "Create access key");
  await press(page.getByRole("dialog"), "Create");
  const shown = page.getByRole("dialog", { name: "Access key created" });
  await expect(shown).toContainText("kit");
  const key = await keyIn(shown);
  const asKim = region.signedBy(...key);
  expect(asKim("user", "list")).toContainEqual(expect.objectContaining({ userName: "kit" }));
  await press(shown, "I have kept it");
  await expect(page.getByRole("row", { name: new RegExp(key[0]) })).toBeVisible();
  await expect(page.getByRole("main")).not.toContainText(key[1]);
});

test("an account has resources of its own, and goes when it has none", async ({ page, other, region }) => {
  await enter(page, region, "accounts");
  await press(page, "Create account");
  const dialog = page.getByRole("dialog", { name: "Create account" });
  await field(dialog, "Name").fill("team");
  await dialog.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await dialog.getByLabel("The same again").fill(PASSWORD);
  await press(dialog, "Create");
  const shown = page.getByRole("dialog", { name: "Access key created" });
  const ofTeam = region.signedBy(...(await keyIn(shown)));
  await press(shown, "I have kept it");
  ofTeam("vpc", "create", "team-net", "--prefix", "10.0.0.0/16");

  // Its administrator sees what is the account's, and neither hosts nor accounts.
  const admin: User = { name: "admin", password: PASSWORD };
  await other.goto(region.console);
  await other.getByLabel("Account").fill("team");
  await logIn(other, admin);
  await expect(other.getByRole("button", { name: "admin", exact: true })).toBeVisible();
  await expect(other.getByRole("link", { name: "Users", exact: true })).toBeVisible();
  await expect(other.getByRole("link", { name: "Accounts", exact: true })).toHaveCount(0);

  await page.getByRole("link", { name: "team", exact: true }).click();
  await expect(page.getByRole("main")).toContainText("Resources");
  await press(page, "Delete");
  const asked = page.getByRole("dialog", { name: /team/ });
  await expect(asked).toContainText("1 resources of the account");
  await expect(asked.getByRole("button", { name: "Delete", exact: true })).toBeDisabled();
  await press(asked, "Cancel");
  ofTeam("vpc", "delete", "team-net");
  await press(page, "Delete");
  await press(asked, "Delete");
  await expect(page.getByRole("row", { name: /operating/ })).toBeVisible();
  await expect(page.getByRole("row", { name: /team/ })).toHaveCount(0);
  await expect(other.getByRole("dialog", { name: "Log in again" })).toBeVisible();
});
