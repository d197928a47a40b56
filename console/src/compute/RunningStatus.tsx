// How many instances of a group run, of those that it has.

import StatusIndicator from "@cloudscape-design/components/status-indicator";

import { useTexts } from "../texts/texts";
import { toneOfGroup } from "./instanceState";
import { computeTexts } from "./texts";

export function RunningStatus({ running, count }: { running: number; count: number }) {
  const say = useTexts(computeTexts);
  return (
    <StatusIndicator type={toneOfGroup(running, count)}>{count === 0 ? say("ag.empty") : say("ag.running", { running, count })}</StatusIndicator>
  );
}
