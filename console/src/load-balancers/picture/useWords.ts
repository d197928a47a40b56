// A picture's boxes and flows in words.

import { paths } from "../../app/paths";
import { readable } from "../../monitoring/units";
import { useLocale, useTexts } from "../../texts/texts";
import type { Box, Rates } from "./graph";
import { pictureTexts } from "./texts";

const QUANTITY = { connections: "rate", flows: "count", bytes: "bytes" } as const;

export interface Words {
  /** `Listener web, TCP:80: all well`. */
  name: (box: Box) => string;
  state: (box: Box) => string;
  /** What stands below the name in the box. */
  detail: (box: Box) => string;
  value: (rates: Rates | null, measure: keyof Rates) => string;
  href: (box: Box) => string;
}

export function useWords(loadBalancerId: string): Words {
  const say = useTexts(pictureTexts);
  const locale = useLocale();
  const state = (box: Box) =>
    box.total === undefined || box.healthy === undefined || box.total === 0 ? say(`picture.${box.kind === "target" ? "target" : "tone"}.${box.tone}`) : say("picture.healthy", { healthy: box.healthy, total: box.total });
  const detail = (box: Box) => [box.at, state(box)].filter((text) => text !== "").join(" · ");
  return {
    name: (box) => say("picture.box", { kind: say(`picture.kind.${box.kind}`), title: box.title, detail: detail(box) }),
    state,
    detail,
    value: (rates, measure) => (rates === null ? say("picture.notKnown") : readable(rates[measure], QUANTITY[measure], locale)),
    href: (box) => {
      if (box.listenerId !== undefined) return paths.listener(loadBalancerId, box.listenerId);
      if (box.backendId !== undefined && box.instanceId !== undefined) return paths.target(loadBalancerId, box.backendId, box.instanceId);
      if (box.backendId !== undefined) return paths.backend(loadBalancerId, box.backendId);
      return paths.loadBalancer(loadBalancerId, "monitoring");
    },
  };
}
