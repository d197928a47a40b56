// A target's health over a time, as a strip: healthy is high, unhealthy is low, what is not known is a line.

import * as tokens from "../app/tokens";
import { useLocale, useTexts } from "../texts/texts";
import type { TargetHealth } from "./api";
import { healthyShare, historyOf, type State } from "./healthHistory";
import { lbTexts } from "./texts";
import type { Changes } from "./useHealthChanges";

const WIDTH = 140;
const HEIGHT = 16;
const LOOKS: Record<State, { y: number; height: number; fill: string }> = {
  healthy: { y: 0, height: HEIGHT, fill: tokens.colorTextStatusSuccess },
  unhealthy: { y: HEIGHT / 2, height: HEIGHT / 2, fill: tokens.colorTextStatusError },
  unknown: { y: HEIGHT - 2, height: 2, fill: tokens.colorTextStatusInactive },
};
/** A short failure can be seen, too. */
const NARROWEST = 2;

export function HealthStrip({ target, changes: { fromMs, toMs, changes } }: { target: TargetHealth; changes: Changes }) {
  const say = useTexts(lbTexts);
  const locale = useLocale();
  const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const stretches = historyOf(target, changes, fromMs, toMs);
  const x = (ms: number) => ((ms - fromMs) / (toMs - fromMs)) * WIDTH;
  const share = healthyShare(stretches);
  const words = stretches.map((one) => say("history.stretch", { state: say(`history.${one.state}`), from: clock.format(one.fromMs), to: clock.format(one.toMs) }));
  const text = [...(share === null ? [] : [say("history.share", { percent: new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 }).format(share) })]), ...words].join("; ");
  // What is narrow is drawn last, so that nothing covers it.
  const drawn = [...stretches].sort((one, other) => other.toMs - other.fromMs - (one.toMs - one.fromMs));
  return (
    <svg role="img" aria-label={text} width={WIDTH} height={HEIGHT}>
      <title>{text}</title>
      {drawn.map((one) => (
        <rect key={one.fromMs} x={x(one.fromMs)} width={Math.max(NARROWEST, x(one.toMs) - x(one.fromMs))} {...LOOKS[one.state]} />
      ))}
    </svg>
  );
}
