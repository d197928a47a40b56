// Which language is spoken, and its texts.

import { useSyncExternalStore } from "react";

import { en, type Key, type Texts } from "./en";
import { zh } from "./zh";

export type Language = "en" | "zh";

const CATALOGUES: Record<Language, Texts> = { en, zh };
const STORED = "dnlb.language";

let language: Language = preferred();
const listeners = new Set<() => void>();
document.documentElement.lang = language;

function preferred(): Language {
  const stored = localStorage.getItem(STORED);
  if (stored === "en" || stored === "zh") return stored;
  return navigator.language.startsWith("zh") ? "zh" : "en";
}

export function speak(next: Language): void {
  language = next;
  localStorage.setItem(STORED, next);
  document.documentElement.lang = next;
  listeners.forEach((told) => told());
}

function subscribe(told: () => void): () => void {
  listeners.add(told);
  return () => listeners.delete(told);
}

export type Say = (key: Key, values?: Record<string, string | number>) => string;

/** The texts of the language that is spoken; whoever uses it is drawn again when that changes. */
export function useTexts(): { say: Say; language: Language } {
  const spoken = useSyncExternalStore(subscribe, () => language);
  const texts = CATALOGUES[spoken];
  const say: Say = (key, values = {}) =>
    texts[key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
  return { say, language: spoken };
}
