// One instance: where it is, what it does, and how those see it that send it connections.

import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";

import { session } from "../api/session";
import { useCell } from "../app/cell";
import { useGo } from "../app/follow";
import { useParameter } from "../app/parameter";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { subnet, vpc } from "../network/api";
import { EventsTable } from "../records/EventsTable";
import { ResourceLink } from "../records/ResourceLink";
import { Copyable } from "../resource/Copyable";
import { Described, DescribePage } from "../resource/DescribePage";
import { ActionButtons } from "../resource/RowActions";
import { useMoment, useTexts } from "../texts/texts";
import { availabilityGroup, instance, type Instance, instanceTemplate } from "./api";
import { ConsoleTab } from "./ConsoleTab";
import { useInstanceActions } from "./instanceActions";
import { InstanceHealthTab } from "./InstanceHealthTab";
import { InstanceStatus } from "./InstanceStatus";
import { StartShown } from "./StartShown";
import { computeTexts } from "./texts";

export function InstancePage() {
  const id = useParameter("instanceId");
  const query = useQuery({ queryKey: ["instance", id], queryFn: () => instance(id) });
  return <Described query={query} back={paths.instances()}>{(it) => <One key={it.instanceId} it={it} />}</Described>;
}

/** An instance does not say from which template it was made; its group says from which it makes the next ones. */
function TemplateOfGroup({ agId }: { agId: string }) {
  const say = useTexts(computeTexts);
  const { data } = useQuery({
    queryKey: ["ag", agId, "template"],
    queryFn: async () => instanceTemplate((await availabilityGroup(agId)).instanceTemplateId),
  });
  return data === undefined ? <>{say("field.none")}</> : <RouteLink href={paths.instanceTemplate(data.id)}>{data.name}</RouteLink>;
}

function One({ it }: { it: Instance }) {
  const say = useTexts(computeTexts);
  const moment = useMoment();
  const go = useGo();
  const operates = useCell(session)?.operates ?? false;
  const { may, actionsOf, dialogs } = useInstanceActions(() => go(paths.instances()));
  const { instanceId: id, vpcId, subnetId, ag, hostId } = it;
  const { securityGroups, macAddress } = it.primaryNetworkInterface.networkInterface;
  const network = useQuery({ queryKey: ["vpc", vpcId], queryFn: () => vpc(vpcId) });
  const block = useQuery({ queryKey: ["subnet", subnetId], queryFn: () => subnet(subnetId) });
  return (
    <>
      <DescribePage
        title={it.instanceName}
        description={it.description}
        crumbs={[
          { text: say("instance.title"), href: paths.instances() },
          { text: it.instanceName, href: paths.instance(id) },
        ]}
        actions={may && <ActionButtons actions={actionsOf(it)} />}
        factsTitle={say("template.basics")}
        facts={[
          { label: say("field.id"), value: <Copyable text={id} /> },
          { label: say("instance.state"), value: <InstanceStatus it={it} /> },
          { label: say("instance.address"), value: <Copyable text={it.privateIpAddress} /> },
          { label: say("instance.mac"), value: macAddress },
          { label: say("instance.ag"), value: ag === undefined ? "" : <RouteLink href={paths.availabilityGroup(ag.id)}>{ag.name}</RouteLink> },
          ...(ag === undefined ? [] : [{ label: say("instance.template"), value: <TemplateOfGroup agId={ag.id} /> }]),
          { label: say("template.image"), value: it.imageId },
          { label: say("template.type"), value: it.instanceType },
          { label: say("instance.az"), value: it.az },
          { label: say("instance.rack"), value: it.faultDomain },
          { label: say("instance.host"), value: operates ? <RouteLink href={paths.host(hostId)}>{hostId}</RouteLink> : hostId },
          { label: say("template.vpc"), value: <ResourceLink kind="vpc" id={vpcId} name={network.data?.vpcName ?? vpcId} /> },
          {
            label: say("template.subnet"),
            value: <ResourceLink kind="subnet" id={subnetId} name={block.data === undefined ? subnetId : `${block.data.subnetName} (${block.data.addressPrefix})`} />,
          },
          {
            label: say("template.groups"),
            value:
              securityGroups.length === 0 ? (
                ""
              ) : (
                <SpaceBetween size="xxs">
                  {securityGroups.map(({ groupId, groupName }) => <ResourceLink key={groupId} kind="networkSecurityGroup" id={groupId} name={groupName} />)}
                </SpaceBetween>
              ),
          },
          { label: say("field.created"), value: moment(it.launchTime) },
        ]}
        tabs={[
          { id: "health", label: say("ag.health"), content: <InstanceHealthTab it={it} /> },
          { id: "console", label: say("instance.console"), content: <ConsoleTab id={id} /> },
          { id: "start", label: say("start.title"), content: <StartShown of={it} /> },
          {
            id: "events",
            label: say("instance.events"),
            content: (
              <EventsTable table="instanceEvents" variant="container" description={say("instance.events.description")} of={new Map([[id, it.instanceName]])} />
            ),
          },
        ]}
      />
      {dialogs}
    </>
  );
}
