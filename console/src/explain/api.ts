// Ways of flows, as the API explains them.

import { api, result } from "../api/client";
import type { components } from "../api/schema/dnlb";
import { regionId } from "../app/settings";

export type ExplainFlow = components["schemas"]["ExplainFlow"];
export type FlowExplanation = components["schemas"]["FlowExplanation"];
export type FlowHop = components["schemas"]["FlowHop"];

export async function explainFlow(body: ExplainFlow): Promise<FlowExplanation> {
  const params = { path: { regionId: regionId() } };
  return result(await api.dnlb.POST("/v1/regions/{regionId}/flows:explain", { params, body })).flowExplanation;
}
