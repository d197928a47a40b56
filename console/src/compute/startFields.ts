// What runs in an instance when it starts, and what it can read of itself: said by its template, and changed for it alone.

import type { Problem, Problems } from "../form/problems";
import type { ComputeKey } from "./texts";

export interface Pair {
  key: string;
  value: string;
}

export interface StartFields {
  script: string;
  metadata: readonly Pair[];
}

/** The API's limits. */
const SCRIPT_BYTES = 16_384;
const PAIRS = 20;
const KEY_BYTES = 256;
const VALUE_BYTES = 16_384;

/** The only userdata there is. */
const SCRIPT = "launch-script";

export const START_NAMES: Record<keyof StartFields, readonly string[]> = { script: ["userdata"], metadata: ["metadata"] };

function bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

function scriptProblem(script: string): Problem<ComputeKey> | undefined {
  if (script === "") return undefined;
  if (!script.startsWith("#!")) return ["start.script.begin"];
  return bytes(script) > SCRIPT_BYTES ? ["start.script.long", { most: SCRIPT_BYTES }] : undefined;
}

function metadataProblem(metadata: readonly Pair[]): Problem<ComputeKey> | undefined {
  const keys = metadata.map(({ key }) => key);
  if (metadata.length > PAIRS) return ["start.metadata.many", { most: PAIRS }];
  if (keys.some((key) => key === "")) return ["start.metadata.key"];
  const twice = keys.find((key, place) => keys.indexOf(key) !== place);
  if (twice !== undefined) return ["start.metadata.twice", { key: twice }];
  const long = metadata.find(({ key, value }) => bytes(key) > KEY_BYTES || bytes(value) > VALUE_BYTES);
  return long === undefined ? undefined : ["start.metadata.long", { key: long.key, keyBytes: KEY_BYTES, valueBytes: VALUE_BYTES }];
}

export function checkStart(values: StartFields): Problems<StartFields, ComputeKey> {
  return { script: scriptProblem(values.script), metadata: metadataProblem(values.metadata) };
}

function encoded(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));
}

function decoded(base64: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
}

/** Of these fields what is given, as the API takes it; an empty script takes away the one that there was. */
export function startSpec({ script, metadata }: Partial<StartFields>): { userdata?: Pair[]; metadata?: Pair[] } {
  return {
    ...(script === undefined ? {} : { userdata: script === "" ? [] : [{ key: SCRIPT, value: encoded(script) }] }),
    ...(metadata === undefined ? {} : { metadata: [...metadata] }),
  };
}

export function startFieldsOf({ userdata, metadata }: { userdata?: readonly Pair[] | null; metadata?: readonly Pair[] | null }): StartFields {
  const script = (userdata ?? []).find(({ key }) => key === SCRIPT);
  return { script: script === undefined ? "" : decoded(script.value), metadata: (metadata ?? []).map(({ key, value }) => ({ key, value })) };
}
