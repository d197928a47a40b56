// Whether a target gets new connections.

import StatusIndicator from "@cloudscape-design/components/status-indicator";

import { useTexts } from "../texts/texts";
import type { TargetHealth } from "./api";
import { lbTexts } from "./texts";

const TYPE = { healthy: "success", unhealthy: "error", "N/A": "info" } as const;

export function TargetStatus({ status }: Pick<TargetHealth, "status">) {
  const say = useTexts(lbTexts);
  return <StatusIndicator type={TYPE[status]}>{say(`target.${status}`)}</StatusIndicator>;
}
