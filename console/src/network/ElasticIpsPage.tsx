// All elastic IPs of the account.

import Button from "@cloudscape-design/components/button";
import { useState } from "react";

import { paths } from "../app/paths";
import { usePlace } from "../app/place";
import { RouteLink } from "../app/RouteLink";
import { ResourceTable } from "../resource/ResourceTable";
import { useMoment, useTexts } from "../texts/texts";
import { AllocateDialog } from "./AllocateDialog";
import { useEipActions } from "./eipActions";
import { type ListedElasticIp, listedElasticIps } from "./eips";
import { EipStatus } from "./EipStatus";
import { networkTexts } from "./texts";

export function ElasticIpsPage() {
  const say = useTexts(networkTexts);
  const moment = useMoment();
  const [isAllocating, setAllocating] = useState(false);
  const { may, operation, dialogs } = useEipActions<ListedElasticIp>();
  usePlace("table", [{ text: say("eip.title"), href: paths.elasticIps() }]);
  const allocate = may && <Button variant="primary" onClick={() => setAllocating(true)}>{say("eip.allocate")}</Button>;
  return (
    <>
      <ResourceTable
        table="elasticIps"
        title={say("eip.title")}
        description={say("eip.description")}
        source={{ key: ["elasticIps"], page: listedElasticIps }}
        id={(it: ListedElasticIp) => it.elasticIpId}
        name={(it) => it.elasticIpAddress}
        nameFilter="elasticIpAddress"
        filters={[
          { name: "elasticIpAddress", label: say("eip.address"), operators: [":", "="] },
          { name: "elasticIpIds", label: say("field.id"), operators: ["="] },
          {
            name: "status",
            label: say("eip.state"),
            operators: ["="],
            options: (["ASSOCIATED", "NOT_ASSOCIATED"] as const).map((status) => ({ value: status, label: say(`eip.state.${status}`) })),
          },
          {
            name: "ipVersion",
            label: say("eip.family"),
            operators: ["="],
            options: (["4", "6"] as const).map((version) => ({ value: version, label: say(`eip.family.${version}`) })),
          },
        ]}
        actions={() => allocate}
        start={allocate}
        columns={[
          {
            id: "address",
            header: say("eip.address"),
            isRowHeader: true,
            cell: (it) => <RouteLink href={paths.elasticIp(it.elasticIpId)}>{it.elasticIpAddress}</RouteLink>,
          },
          { id: "id", header: say("field.id"), cell: (it) => it.elasticIpId },
          { id: "state", header: say("eip.state"), cell: (it) => <EipStatus eip={it} /> },
          {
            id: "balancer",
            header: say("balancer.label"),
            cell: (it) => (it.instanceId === "" ? say("field.none") : <RouteLink href={paths.loadBalancer(it.instanceId)}>{it.balancerName}</RouteLink>),
          },
          { id: "bandwidth", header: say("eip.bandwidth"), cell: (it) => it.bandwidthMbps },
          { id: "created", header: say("field.created"), sort: "createdTime", cell: (it) => moment(it.createdTime) },
          { id: "vip", header: say("balancer.vip"), isExtra: true, cell: (it) => it.privateIpAddress || say("field.none") },
          { id: "family", header: say("eip.family"), isExtra: true, cell: (it) => say(`eip.family.${it.ipVersion}`) },
          ...operation,
        ]}
      />
      {isAllocating && <AllocateDialog onClose={() => setAllocating(false)} />}
      {dialogs}
    </>
  );
}
