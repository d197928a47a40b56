// One elastic IP.

import { useQuery } from "@tanstack/react-query";

import { useGo } from "../app/follow";
import { useParameter } from "../app/parameter";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { loadBalancer } from "../load-balancers/api";
import { Copyable } from "../resource/Copyable";
import { Described, DescribePage } from "../resource/DescribePage";
import { ActionButtons } from "../resource/RowActions";
import { useMoment, useTexts } from "../texts/texts";
import { elasticIp, type ElasticIp } from "./api";
import { useEipActions } from "./eipActions";
import { EipStatus } from "./EipStatus";
import { networkTexts } from "./texts";

export function ElasticIpPage() {
  const id = useParameter("elasticIpId");
  const query = useQuery({ queryKey: ["elasticIp", id], queryFn: () => elasticIp(id) });
  return <Described query={query} back={paths.elasticIps()}>{(it) => <One key={it.elasticIpId} it={it} />}</Described>;
}

function One({ it }: { it: ElasticIp }) {
  const say = useTexts(networkTexts);
  const moment = useMoment();
  const go = useGo();
  const { actionsOf, dialogs } = useEipActions<ElasticIp>(() => go(paths.elasticIps()));
  const { elasticIpId: id, elasticIpAddress: address, instanceId } = it;
  const balancer = useQuery({ queryKey: ["loadBalancer", instanceId], queryFn: () => loadBalancer(instanceId), enabled: instanceId !== "" });
  return (
    <>
      <DescribePage
        title={address}
        crumbs={[
          { text: say("eip.title"), href: paths.elasticIps() },
          { text: address, href: paths.elasticIp(id) },
        ]}
        actions={<ActionButtons actions={actionsOf(it)} />}
        factsTitle={say("net.basics")}
        facts={[
          { label: say("field.id"), value: <Copyable text={id} /> },
          { label: say("eip.address"), value: <Copyable text={address} /> },
          { label: say("eip.state"), value: <EipStatus eip={it} /> },
          {
            label: say("balancer.label"),
            value: instanceId === "" ? "" : <RouteLink href={paths.loadBalancer(instanceId)}>{balancer.data?.loadBalancerName ?? instanceId}</RouteLink>,
          },
          { label: say("balancer.vip"), value: it.privateIpAddress },
          { label: say("eip.family"), value: say(`eip.family.${it.ipVersion}`) },
          { label: say("eip.bandwidth"), value: it.bandwidthMbps },
          { label: say("field.created"), value: moment(it.createdTime) },
          { label: say("net.changes"), value: <RouteLink href={paths.auditRecords({ resourceId: id })}>{say("net.changes.show")}</RouteLink> },
        ]}
      />
      {dialogs}
    </>
  );
}
