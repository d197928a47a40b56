// How many targets of a group take traffic, as its backend services see it.

import { HealthSummary } from "../load-balancers/HealthSummary";
import { useTexts } from "../texts/texts";
import { worstOf } from "./healthOfServices";
import type { Service } from "./serving";
import { computeTexts } from "./texts";

export function GroupHealth({ services }: { services: readonly Pick<Service, "listeners">[] }) {
  const say = useTexts(computeTexts);
  const worst = worstOf(services);
  if (services.length === 0) return <>{say("ag.unused")}</>;
  return worst === null ? <>{say("ag.noListener")}</> : <HealthSummary {...worst} />;
}
