// What may be wrong with a block of addresses, as the API would say it.

import { type Problem, required } from "../form/problems";
import { type Block, blockText, contains, freeBlock, overlap, parseBlock, surroundingBlock } from "./addresses";
import type { Subnet, Vpc } from "./api";
import type { NetworkKey } from "./texts";

type BlockProblem = Problem<NetworkKey> | undefined;

const FOUR = { example: "10.0.0.0/16", masks: [16, 28], ranges: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"] } as const;
const SIX = { example: "fd00::/56", masks: [48, 112], ranges: ["fc00::/7"] } as const;
/** A VPC's range of IPv6. */
export const EXAMPLE_OF_SIX = SIX.example;
/** A subnet of IPv6 is not larger than that. */
const SUBNET_SIX = { ...SIX, example: "fd00::/64", masks: [64, 112] } as const;
const SUBNET_FOUR = { ...FOUR, example: "10.0.1.0/24" } as const;

/** What a suggested subnet has. */
const USUAL_MASK = 24;
const USUAL_MASK_SIX = 64;

function blocks(texts: readonly string[]): Block[] {
  return texts.map(parseBlock).filter((block) => block !== null);
}

/** Any block of either family, as rules have it. */
export function anyBlock(text: string, example: string = SUBNET_FOUR.example): BlockProblem {
  if (required(text) !== undefined) return required(text);
  const block = text.trim();
  const surrounding = surroundingBlock(block);
  if (surrounding === null) return ["problem.block", { example }];
  return parseBlock(block) === null ? ["block.hostBits", { block: blockText(surrounding) }] : undefined;
}

function privateBlock(text: string, { example, masks: [least, most], ranges }: typeof FOUR | typeof SIX | typeof SUBNET_SIX | typeof SUBNET_FOUR): BlockProblem {
  const problem = anyBlock(text, example);
  const block = parseBlock(text.trim());
  if (problem !== undefined || block === null) return problem;
  if (block.mask < least || block.mask > most) return ["block.mask", { least, most }];
  return blocks(ranges).some((range) => contains(range, block)) ? undefined : ["block.private", { ranges: ranges.join(", ") }];
}

/** A VPC's range of IPv4, or none. */
export function rangeOfFour(text: string): BlockProblem {
  if (text.trim() === "") return undefined;
  return text.includes(":") ? ["problem.block", { example: FOUR.example }] : privateBlock(text, FOUR);
}

/** A VPC's range of IPv6, or none. */
export function rangeOfSix(text: string): BlockProblem {
  if (text.trim() === "") return undefined;
  return text.includes(":") ? privateBlock(text, SIX) : ["problem.block", { example: SIX.example }];
}

/** A VPC's ranges. Without any, its subnets may be wherever private addresses are. */
export function rangesOf({ addressPrefix, ipv6AddressPrefix = "" }: Pick<Vpc, "addressPrefix" | "ipv6AddressPrefix">): string[] {
  return [addressPrefix, ipv6AddressPrefix].filter((range) => range !== "");
}

/** A block for a new subnet of a VPC that has some. */
export function blockOfSubnet(text: string, vpc: Vpc | undefined, siblings: readonly Subnet[]): BlockProblem {
  const problem = privateBlock(text, text.includes(":") ? SUBNET_SIX : SUBNET_FOUR);
  const block = parseBlock(text.trim());
  if (problem !== undefined || block === null || vpc === undefined) return problem;
  const ranges = rangesOf(vpc);
  if (ranges.length > 0 && !blocks(ranges).some((range) => contains(range, block))) return ["block.outside", { ranges: ranges.join(", ") }];
  const other = siblings.find(({ addressPrefix }) => blocks([addressPrefix]).some((taken) => overlap(taken, block)));
  return other === undefined ? undefined : ["block.overlaps", { name: other.subnetName, block: other.addressPrefix }];
}

/** A block that a new subnet may have; empty, if there is none to suggest. */
export function suggestedBlock(vpc: Vpc | undefined, siblings: readonly Subnet[]): string {
  if (vpc === undefined) return "";
  const ranges = rangesOf(vpc);
  const taken = blocks(siblings.map(({ addressPrefix }) => addressPrefix));
  for (const range of blocks(ranges.length === 0 ? [FOUR.example] : ranges)) {
    const free = freeBlock(range, range.length === 32 ? USUAL_MASK : USUAL_MASK_SIX, taken);
    if (free !== null) return blockText(free);
  }
  return "";
}
