// What a password must be like.

import type { Problem } from "../form/problems";
import type { PeopleKey } from "./texts";

export const LEAST = 10;
export const MOST = 128;

export function password(text: string): Problem<PeopleKey> | undefined {
  // Characters as the API counts them, not UTF-16 units.
  const length = [...text].length;
  return length >= LEAST && length <= MOST ? undefined : ["problem.password", { least: LEAST, most: MOST }];
}

export function repeated(text: string, again: string): Problem<PeopleKey> | undefined {
  return text === again ? undefined : ["problem.repeat"];
}
