// What may be wrong with what somebody types, as the API would say it: told before it is sent.

import type { Values } from "../texts/catalogue";
import type { CommonKey } from "../texts/texts";

/** A text, and what to fill it with. */
export type Problem<Key extends string = CommonKey> = readonly [key: Key | CommonKey, values?: Values];
export type Problems<Fields, Key extends string = CommonKey> = Partial<Record<keyof Fields, Problem<Key>>>;

const NAME = /^[A-Za-z0-9_\u4e00-\u9fa5-]{1,32}$/u;
const INSTANCE_NAME = /^(?!\.)[A-Za-z0-9_.\u4e00-\u9fa5-]{2,128}(?<!\.)$/u;
const DESCRIPTION_LENGTH = 256;

/** The first of some checks that finds something. */
export function firstOf<Key extends string>(...found: (Problem<Key> | undefined)[]): Problem<Key> | undefined {
  return found.find((problem) => problem !== undefined);
}

export function required(text: string): Problem | undefined {
  return text.trim() === "" ? ["problem.required"] : undefined;
}

export function chosen(id: string | null): Problem | undefined {
  return id === null || id === "" ? ["problem.choose"] : undefined;
}

export function name(text: string): Problem | undefined {
  return required(text) ?? (NAME.test(text) ? undefined : ["problem.name"]);
}

/** Of instances. */
export function instanceName(text: string): Problem | undefined {
  return required(text) ?? (INSTANCE_NAME.test(text) ? undefined : ["problem.instanceName"]);
}

export function description(text: string): Problem | undefined {
  // Characters as the API counts them, not UTF-16 units.
  return [...text].length > DESCRIPTION_LENGTH ? ["problem.long", { most: DESCRIPTION_LENGTH }] : undefined;
}

export function integer(text: string): number | null {
  return /^-?\d{1,15}$/.test(text.trim()) ? Number(text) : null;
}

export function range(text: string, least: number, most: number): Problem | undefined {
  const found = integer(text);
  if (text.trim() === "") return ["problem.required"];
  return found !== null && found >= least && found <= most ? undefined : ["problem.range", { least, most }];
}

const OCTET = "(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])";
const IPV4 = new RegExp(`^${OCTET}(\\.${OCTET}){3}$`);

/** Groups of an IPv6 address, or none if it has a group too many or too few. */
function isIpv6(text: string): boolean {
  if (!/^[0-9A-Fa-f:.]+$/.test(text) || !text.includes(":")) return false;
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  const last = groups.at(-1);
  const isMapped = last !== undefined && last.includes(".");
  if (isMapped && !IPV4.test(last)) return false;
  const plain = isMapped ? groups.slice(0, -1) : groups;
  if (!plain.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return false;
  const count = plain.length + (isMapped ? 2 : 0);
  return halves.length === 2 ? count <= 7 : count === 8;
}

export function isAddress(text: string): boolean {
  return IPV4.test(text) || isIpv6(text);
}

export function address(text: string, example = "10.0.1.20"): Problem | undefined {
  return isAddress(text.trim()) ? undefined : ["problem.address", { example }];
}
