// Which language is spoken, and how its texts are found.

import { Cell, useCell } from "../app/cell";
import { type Catalogue, filled, type Language, type Values } from "./catalogue";
import { common } from "./common";

export type CommonKey = keyof (typeof common)["en"];
export type Say<Key extends string = CommonKey> = (key: Key | CommonKey, values?: Values) => string;

const STORED = "dnlb.language";

function preferred(): Language {
  const stored = localStorage.getItem(STORED);
  if (stored === "en" || stored === "zh") return stored;
  return navigator.language.startsWith("zh") ? "zh" : "en";
}

export const language = new Cell<Language>(preferred());
document.documentElement.lang = language.get();

export function speak(next: Language): void {
  localStorage.setItem(STORED, next);
  document.documentElement.lang = next;
  language.set(next);
}

function sayIn<Key extends string>(spoken: Language, texts?: Catalogue<Key>): Say<Key> {
  return (key, values = {}) => {
    const own: Partial<Record<string, string>> = texts?.[spoken] ?? {};
    const all: Partial<Record<string, string>> = common[spoken];
    return filled(own[key] ?? all[key] ?? key, values);
  };
}

/** The texts of the language that is spoken; whoever uses them is drawn again when that changes. */
export function useTexts<Key extends string = CommonKey>(texts?: Catalogue<Key>): Say<Key> {
  return sayIn(useCell(language), texts);
}

const LOCALE: Record<Language, string> = { en: "en-GB", zh: "zh-CN" };

/** How the language that is spoken writes numbers and times, for `Intl`. */
export function useLocale(): string {
  return LOCALE[useCell(language)];
}

export type Unit = "second" | "minute" | "hour" | "day" | "week" | "month" | "year";

/** A length of time, as people of the language write it. */
export function useDuration(): (count: number, unit: Unit) => string {
  const spoken = useCell(language);
  return (count, unit) => new Intl.NumberFormat(LOCALE[spoken], { style: "unit", unit, unitDisplay: "long" }).format(count);
}

/** A moment, as people of the language write it. */
export function useMoment(): (iso: string) => string {
  const spoken = useCell(language);
  const format = new Intl.DateTimeFormat(LOCALE[spoken], { dateStyle: "medium", timeStyle: "medium" });
  return (iso) => (iso === "" ? "" : format.format(new Date(iso)));
}
