// One target: an instance, as far as it serves a backend service.

import { useQuery } from "@tanstack/react-query";

import { Missing } from "../app/Outcome";
import { useParameter } from "../app/parameter";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { Monitoring } from "../monitoring/Monitoring";
import { ResourceLink } from "../records/ResourceLink";
import { Described, DescribePage } from "../resource/DescribePage";
import { useMoment, useTexts } from "../texts/texts";
import { withPort } from "./address";
import { backend, type Backend, type LoadBalancer, type TargetHealth, targetHealths } from "./api";
import { PartOfBalancer } from "./OfBalancer";
import { TargetStatus } from "./TargetStatus";
import { lbTexts } from "./texts";
import { useBalancerCrumbs } from "./useBalancer";

export function TargetPage() {
  const backendId = useParameter("backendId");
  const instanceId = useParameter("targetInstanceId");
  const query = useQuery({ queryKey: ["backend", backendId], queryFn: () => backend(backendId) });
  const health = useQuery({ queryKey: ["targetHealths", backendId, "all"], queryFn: () => targetHealths(backendId) });
  const back = paths.backend(useParameter("loadBalancerId"), backendId);
  return (
    <PartOfBalancer query={query} back={back}>
      {(of, balancer) => (
        <Described query={health} back={back}>
          {(all) => {
            const it = all.find((one) => one.instanceId === instanceId);
            return it === undefined ? <Missing back={back} /> : <One key={instanceId} it={it} of={of} balancer={balancer} back={back} />;
          }}
        </Described>
      )}
    </PartOfBalancer>
  );
}

function One({ it, of, balancer, back }: { it: TargetHealth; of: Backend; balancer: LoadBalancer; back: string }) {
  const say = useTexts(lbTexts);
  const moment = useMoment();
  const { loadBalancerId } = balancer;
  const { instanceId } = it;
  return (
    <DescribePage
      title={instanceId}
      crumbs={[
        ...useBalancerCrumbs(balancer, loadBalancerId, "backends"),
        { text: of.backendName, href: back },
        { text: instanceId, href: paths.target(loadBalancerId, of.backendId, instanceId) },
      ]}
      factsTitle={say("lb.basics")}
      facts={[
        { label: say("target.instance"), value: <ResourceLink kind="instance" id={instanceId} /> },
        { label: say("backend.title"), value: <RouteLink href={back}>{of.backendName}</RouteLink> },
        { label: say("target.address"), value: withPort(it.ipAddress, it.port) },
        { label: say("lb.state"), value: <TargetStatus status={it.status} /> },
        { label: say("target.since"), value: it.sinceTime === undefined ? undefined : moment(it.sinceTime) },
        { label: say("target.reason"), value: it.unhealthReason?.detail },
        { label: say("target.weight"), value: it.weight },
      ]}
      tabs={[{ id: "monitoring", label: say("tab.monitoring"), content: <Monitoring resourceType="target" resourceId={of.backendId} instanceId={instanceId} /> }]}
    />
  );
}
