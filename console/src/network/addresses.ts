// Addresses and the blocks that they are in.

import { isAddress } from "../form/problems";

/** The bits of an address, as a number; IPv4 has 32 of them, IPv6 128. */
function bits(address: string): { value: bigint; length: number } {
  if (!address.includes(":")) {
    return { value: address.split(".").reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n), length: 32 };
  }
  // An IPv4 tail counts as two groups.
  const plain = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a: string, b: string, c: string, d: string) =>
    [(Number(a) << 8) | Number(b), (Number(c) << 8) | Number(d)].map((group) => group.toString(16)).join(":"),
  );
  const [head = "", tail] = plain.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const after = tail === undefined ? [] : groups(tail);
  const before = groups(head);
  const between: string[] = Array(8 - before.length - after.length).fill("0");
  const value = [...before, ...between, ...after].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
  return { value, length: 128 };
}

/** The version of the Internet protocol that an address is of. */
export function versionOf(address: string): 4 | 6 {
  return address.includes(":") ? 6 : 4;
}

/** A block such as 10.0.1.0/24: its first address, how many bits an address has, and how many of them the block's have in common. */
export interface Block {
  first: bigint;
  length: number;
  mask: number;
}

/** Null: no block, or one whose address is not its first. */
export function parseBlock(text: string): Block | null {
  const block = surroundingBlock(text);
  return block !== null && bits(text.split("/")[0] ?? "").value === block.first ? block : null;
}

/** The block that an address with a mask is in; null, if it is none. */
export function surroundingBlock(text: string): Block | null {
  const [start = "", prefix = "", ...rest] = text.split("/");
  if (rest.length > 0 || !isAddress(start) || !/^\d{1,3}$/.test(prefix)) return null;
  const { value, length } = bits(start);
  const mask = Number(prefix);
  return mask > length ? null : { first: (value >> BigInt(length - mask)) << BigInt(length - mask), length, mask };
}

function size({ length, mask }: Block): bigint {
  return 1n << BigInt(length - mask);
}

export function contains(outer: Block, inner: Block): boolean {
  return outer.length === inner.length && outer.first <= inner.first && inner.first + size(inner) <= outer.first + size(outer);
}

export function overlap(one: Block, other: Block): boolean {
  return contains(one, other) || contains(other, one);
}

/** Whether an address lies in a block such as 10.0.1.0/24. */
export function isInBlock(address: string, block: string): boolean {
  const outer = parseBlock(block);
  if (outer === null || !isAddress(address)) return false;
  const { value, length } = bits(address);
  return contains(outer, { first: value, length, mask: length });
}

/** The first block with a mask, inside another one, that is apart from some; null, if there is none. */
export function freeBlock(outer: Block, mask: number, taken: readonly Block[]): Block | null {
  const found = { ...outer, mask: Math.max(mask, outer.mask) };
  while (contains(outer, found)) {
    const inTheWay = taken.find((block) => overlap(block, found));
    if (inTheWay === undefined) return found;
    const step = size(found) > size(inTheWay) ? size(found) : size(inTheWay);
    found.first = (found.first / step + 1n) * step;
  }
  return null;
}

export function blockText({ first, length, mask }: Block): string {
  return `${length === 32 ? ipv4Text(first) : ipv6Text(first)}/${mask}`;
}

function ipv4Text(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
}

/** RFC 5952: the longest run of zeros is left out. */
function ipv6Text(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, place) => ((value >> BigInt(112 - 16 * place)) & 0xffffn).toString(16));
  const runs = groups.map((_, start) => {
    const after = groups.slice(start).findIndex((group) => group !== "0");
    return after === -1 ? groups.length - start : after;
  });
  const longest = Math.max(...runs);
  if (longest < 2) return groups.join(":");
  const start = runs.indexOf(longest);
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + longest).join(":")}`;
}
