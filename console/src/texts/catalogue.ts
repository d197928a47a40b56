// Texts in every language.

export type Language = "en" | "zh";

/** Texts of a part of the console. */
export type Catalogue<Key extends string = string> = Record<Language, Record<Key, string>>;

export type Values = Record<string, string | number>;

/** English says which texts there are; a language that lacks one, or has one more, does not compile. */
export function catalogue<Key extends string>(en: Record<Key, string>, zh: Record<NoInfer<Key>, string>): Catalogue<Key> {
  return { en, zh };
}

/** Puts values in the place of `{names}`. */
export function filled(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}
