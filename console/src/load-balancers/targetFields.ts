// Port and weight of a target, typed.

import { integer, type Problems, range } from "../form/problems";

export interface TargetFields {
  port: string;
  weight: string;
}

export const USUAL_TARGET: TargetFields = { port: "0", weight: "10" };

export function checkTarget(values: TargetFields): Problems<TargetFields> {
  return { port: range(values.port, 0, 65_535), weight: range(values.weight, 1, 100) };
}

export function targetSpec(values: TargetFields): { port: number; weight: number } {
  return { port: integer(values.port) ?? 0, weight: integer(values.weight) ?? 0 };
}
