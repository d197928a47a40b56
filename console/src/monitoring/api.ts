// What went by something, and when, as the API has it.

import { api, result } from "../api/client";
import type { components } from "../api/schema/dnlb";
import { regionId } from "../app/settings";

export type Metrics = components["schemas"]["Metrics"];
export type Step = Metrics["stepSeconds"];

/** Whose metrics; a target is an instance, as far as it serves a backend service. */
export type Subject =
  | { resourceType: "listener" | "loadBalancer" | "host"; resourceId: string }
  | { resourceType: "target"; resourceId: string; instanceId: string };

/** What is known of the time until now; of the last five minutes, if nothing says since when. */
export async function metrics(subject: Subject, stepSeconds: Step, beginTime?: string): Promise<Metrics> {
  const query = { ...subject, stepSeconds, ...(beginTime === undefined ? {} : { beginTime }) };
  return result(await api.dnlb.GET("/v1/regions/{regionId}/metrics", { params: { path: { regionId: regionId() }, query } })).metrics;
}
