// What an instance does, and what went wrong.

import StatusIndicator from "@cloudscape-design/components/status-indicator";

import { useTexts } from "../texts/texts";
import type { Instance } from "./api";
import { TONES } from "./instanceState";
import { computeTexts } from "./texts";

export function InstanceStatus({ it }: { it: Pick<Instance, "status" | "statusReason"> }) {
  const say = useTexts(computeTexts);
  const reason = it.statusReason ?? "";
  return (
    <StatusIndicator type={TONES[it.status]}>
      {say(`instance.${it.status}`)}
      {reason !== "" && `: ${reason}`}
    </StatusIndicator>
  );
}
