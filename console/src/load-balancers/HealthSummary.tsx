// How many targets take traffic, at a glance.

import StatusIndicator from "@cloudscape-design/components/status-indicator";

import { useTexts } from "../texts/texts";
import { summary } from "./health";
import { lbTexts } from "./texts";

export function HealthSummary({ healthy, total }: { healthy: number; total: number }) {
  const say = useTexts(lbTexts);
  if (total === 0) return <StatusIndicator type="stopped">{say("health.noTargets")}</StatusIndicator>;
  return <StatusIndicator type={summary(healthy, total)}>{say("health.healthy", { healthy, total })}</StatusIndicator>;
}
