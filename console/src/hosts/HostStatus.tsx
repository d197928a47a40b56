// How a host is doing, in a word.

import StatusIndicator from "@cloudscape-design/components/status-indicator";

import { useTexts } from "../texts/texts";
import type { Host } from "./api";
import { behindBy, conditionOf, TONES } from "./hostState";
import { hostTexts } from "./texts";

export function HostStatus({ host }: { host: Host }) {
  const say = useTexts(hostTexts);
  const condition = conditionOf(host);
  return <StatusIndicator type={TONES[condition]}>{say(`host.${condition}`, { count: behindBy(host) ?? 0 })}</StatusIndicator>;
}
