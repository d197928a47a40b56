// Values as people read them.

export type Quantity = "rate" | "count" | "bytes" | "share";

const PREFIXES = ["", "k", "M", "G", "T", "P"] as const;

/** A value with the unit that keeps it short: `1.2 MB/s`, `350/s`, `12k`, `0.4 %`. */
export function readable(value: number, quantity: Quantity, locale: string): string {
  if (quantity === "share") return `${short(value * 100, locale)} %`;
  const { amount, prefix } = scaled(value);
  const number = short(amount, locale);
  switch (quantity) {
    case "bytes":
      return `${number} ${prefix}B/s`;
    case "rate":
      return `${number}${prefix}/s`;
    case "count":
      return `${number}${prefix}`;
  }
}

function scaled(value: number): { amount: number; prefix: string } {
  // Rounded before it is divided: 999.96 is 1k and not 1000.
  let amount = Number(value.toPrecision(3));
  let power = 0;
  for (; amount >= 1_000 && power < PREFIXES.length - 1; power += 1) amount /= 1_000;
  return { amount, prefix: PREFIXES[power] ?? "" };
}

/** Three digits that count. */
function short(value: number, locale: string): string {
  return new Intl.NumberFormat(locale, { maximumSignificantDigits: 3, useGrouping: false }).format(value);
}
