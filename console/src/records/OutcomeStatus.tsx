// What a change has done to how many resources.

import StatusIndicator from "@cloudscape-design/components/status-indicator";

import { useTexts } from "../texts/texts";
import type { Outcome } from "./changes";
import { recordTexts } from "./texts";

const TYPE = { created: "success", changed: "info", deleted: "stopped" } as const;

export function OutcomeStatus({ counts }: { counts: readonly { outcome: Outcome; count: number }[] }) {
  const say = useTexts(recordTexts);
  return (
    <>
      {counts.map(({ outcome, count }) => (
        <div key={outcome}>
          <StatusIndicator type={TYPE[outcome]}>{count === 1 ? say(`outcome.${outcome}`) : say("outcome.many", { outcome: say(`outcome.${outcome}`), count })}</StatusIndicator>
        </div>
      ))}
    </>
  );
}
