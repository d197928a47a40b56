// Light or dark: as the user chose, else as the system is.

import { applyMode, Mode } from "@cloudscape-design/global-styles";

import { Cell } from "./cell";

const STORED = "dnlb.appearance";

export type Appearance = "light" | "dark";

function preferred(): Appearance {
  const stored = localStorage.getItem(STORED);
  if (stored === "light" || stored === "dark") return stored;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function show(next: Appearance): void {
  applyMode(next === "dark" ? Mode.Dark : Mode.Light);
}

export const appearance = new Cell<Appearance>(preferred());
show(appearance.get());

export function choose(next: Appearance): void {
  localStorage.setItem(STORED, next);
  show(next);
  appearance.set(next);
}
