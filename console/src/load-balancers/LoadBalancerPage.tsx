// One load balancer: what it is, and what belongs to it.

import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import Spinner from "@cloudscape-design/components/spinner";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";

import { useMay } from "../api/session";
import { useGo } from "../app/follow";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { DescriptionField, NameField, SwitchField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { description, name } from "../form/problems";
import { useEditor } from "../form/useEditor";
import { notify } from "../app/notices";
import { Monitoring } from "../monitoring/Monitoring";
import { subnet, vpc } from "../network/api";
import { Copyable } from "../resource/Copyable";
import { DescribePage } from "../resource/DescribePage";
import { useMoment, useTexts } from "../texts/texts";
import { loadBalancer, type LoadBalancer, updateLoadBalancer } from "./api";
import { BackendsTab } from "./BackendsTab";
import { type BalancerAction, BalancerDialogs, useBalancerActions } from "./balancerActions";
import { ConvergenceStatus } from "./ConvergenceStatus";
import { EventsTab } from "./EventsTab";
import { ListenersTab } from "./ListenersTab";
import { OfBalancer } from "./OfBalancer";
import { TargetGroupsTab } from "./TargetGroupsTab";
import { lbTexts } from "./texts";
import { useBalancerCrumbs } from "./useBalancer";

/** Loaded when somebody looks. */
const PictureTab = lazy(() => import("./picture/PictureTab"));

export function LoadBalancerPage() {
  return <OfBalancer>{(balancer) => <Balancer key={balancer.loadBalancerId} balancer={balancer} />}</OfBalancer>;
}

function Balancer({ balancer }: { balancer: LoadBalancer }) {
  const say = useTexts(lbTexts);
  const moment = useMoment();
  const go = useGo();
  const may = useMay("Operator");
  const [isEditing, setEditing] = useState(false);
  const [acting, setActing] = useState<BalancerAction | null>(null);
  const actions = useBalancerActions(setActing)(balancer);
  const { loadBalancerId: id, vpcId, subnetId } = balancer;
  const network = useQuery({ queryKey: ["vpc", vpcId], queryFn: () => vpc(vpcId) });
  const block = useQuery({ queryKey: ["subnet", subnetId], queryFn: () => subnet(subnetId) });
  const isOn = balancer.state.code === "ACTIVE";
  return (
    <>
      <DescribePage
        title={balancer.loadBalancerName}
        description={balancer.description}
        crumbs={useBalancerCrumbs(balancer, id)}
        actions={
          may && (
            <ButtonDropdown
              items={actions.map(({ id: action, text, disabled, disabledReason }) => ({
                id: action,
                text,
                disabled: disabled ?? false,
                ...(disabled === true && disabledReason !== undefined ? { disabledReason } : {}),
              }))}
              onItemClick={({ detail }) => actions.find((action) => action.id === detail.id)?.act?.()}
            >
              {say("action.more")}
            </ButtonDropdown>
          )
        }
        factsTitle={say("lb.basics")}
        factsActions={may && <Button onClick={() => setEditing(true)}>{say("action.edit")}</Button>}
        facts={[
          { label: say("field.id"), value: <Copyable text={id} /> },
          { label: say("lb.state"), value: <StatusIndicator type={isOn ? "success" : "stopped"}>{say(`lb.state.${balancer.state.code}`)}</StatusIndicator> },
          { label: say("lb.vip"), value: <Copyable text={balancer.privateIp.privateIpAddress} /> },
          { label: say("lb.eip"), value: <Copyable text={balancer.privateIp.elasticIpAddress ?? ""} /> },
          { label: say("lb.vpc"), value: <RouteLink href={paths.vpc(vpcId)}>{network.data?.vpcName ?? vpcId}</RouteLink> },
          {
            label: say("lb.subnet"),
            value: (
              <>
                <RouteLink href={paths.subnet(subnetId)}>{block.data?.subnetName ?? subnetId}</RouteLink> {block.data?.addressPrefix}
              </>
            ),
          },
          { label: say("lb.azs"), value: balancer.azs.join(", ") },
          { label: say("lb.protection"), value: say(balancer.deleteProtection ? "field.on" : "field.off") },
          { label: say("lb.convergence"), value: <ConvergenceStatus loadBalancerId={id} /> },
          { label: say("field.created"), value: moment(balancer.createdTime) },
        ]}
        tabs={[
          { id: "listeners", label: say("tab.listeners"), content: <ListenersTab balancer={balancer} /> },
          { id: "backends", label: say("tab.backends"), content: <BackendsTab balancer={balancer} /> },
          { id: "target-groups", label: say("tab.targetGroups"), content: <TargetGroupsTab balancer={balancer} /> },
          {
            id: "picture",
            label: say("tab.picture"),
            content: (
              <Suspense fallback={<Spinner size="large" />}>
                <PictureTab balancer={balancer} />
              </Suspense>
            ),
          },
          { id: "monitoring", label: say("tab.monitoring"), content: <Monitoring resourceType="loadBalancer" resourceId={id} /> },
          { id: "events", label: say("tab.events"), content: <EventsTab balancer={balancer} /> },
        ]}
      />
      {isEditing && <EditDialog balancer={balancer} onClose={() => setEditing(false)} />}
      <BalancerDialogs acting={acting} onClose={() => setActing(null)} onDeleted={() => go(paths.loadBalancers())} />
    </>
  );
}

interface EditFields {
  loadBalancerName: string;
  description: string;
  deleteProtection: boolean;
}

function fieldsOf(balancer: LoadBalancer): EditFields {
  return {
    loadBalancerName: balancer.loadBalancerName,
    description: balancer.description,
    deleteProtection: balancer.deleteProtection,
  };
}

function EditDialog({ balancer, onClose }: { balancer: LoadBalancer; onClose: () => void }) {
  const say = useTexts(lbTexts);
  const id = balancer.loadBalancerId;
  const { form, conflict } = useEditor<EditFields>({
    initial: fieldsOf(balancer),
    read: async () => fieldsOf(await loadBalancer(id)),
    check: (values) => ({ loadBalancerName: name(values.loadBalancerName), description: description(values.description) }),
    names: { loadBalancerName: ["loadBalancerName"], description: ["description"], deleteProtection: ["deleteProtection"] },
    labels: { loadBalancerName: say("field.name"), description: say("field.description"), deleteProtection: say("lb.protection") },
    save: (typed) => updateLoadBalancer(id, typed),
    onSaved: () => {
      notify({ type: "success", text: say("save.done", { name: balancer.loadBalancerName }) });
      onClose();
    },
    onReload: onClose,
  });
  return (
    <>
      <FormDialog form={form} title={say("lb.edit")} submitText={say("action.save")} onClose={onClose}>
        <NameField form={form} field="loadBalancerName" autoFocus />
        <DescriptionField form={form} field="description" />
        <SwitchField form={form} field="deleteProtection" label={say("lb.protection")} hint={say("lb.protection.hint")} />
      </FormDialog>
      {conflict}
    </>
  );
}
