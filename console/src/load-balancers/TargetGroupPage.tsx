// One virtual server group and its targets.

import Button from "@cloudscape-design/components/button";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { everything, type PageRequest } from "../api/pages";
import { useGo } from "../app/follow";
import { notify } from "../app/notices";
import { useParameter } from "../app/parameter";
import { paths } from "../app/paths";
import { TextField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { type Form, useForm } from "../form/useForm";
import { Copyable } from "../resource/Copyable";
import { DescribePage } from "../resource/DescribePage";
import { ResourceTable } from "../resource/ResourceTable";
import { ActionButtons } from "../resource/RowActions";
import { useAction } from "../resource/useAction";
import { useMoment, useTexts } from "../texts/texts";
import { deregisterTargets, type LoadBalancer, registerTargets, type Target, targetGroup, type TargetFilter, type TargetGroup, targets, updateTargets } from "./api";
import { InstancePicker } from "./InstancePicker";
import { PartOfBalancer } from "./OfBalancer";
import { checkTarget, type TargetFields, targetSpec, USUAL_TARGET } from "./targetFields";
import { useGroupActions } from "./targetGroupActions";
import { lbTexts } from "./texts";
import { useBalancerCrumbs } from "./useBalancer";

export function TargetGroupPage() {
  const id = useParameter("targetGroupId");
  const query = useQuery({ queryKey: ["targetGroup", id], queryFn: () => targetGroup(id) });
  const back = paths.loadBalancer(useParameter("loadBalancerId"), "target-groups");
  return (
    <PartOfBalancer query={query} back={back}>
      {(it, balancer) => <One key={it.targetGroupId} it={it} balancer={balancer} back={back} />}
    </PartOfBalancer>
  );
}

function One({ it, balancer, back }: { it: TargetGroup; balancer: LoadBalancer; back: string }) {
  const say = useTexts(lbTexts);
  const moment = useMoment();
  const go = useGo();
  const { may, actionsOf, dialogs } = useGroupActions(() => go(back));
  const [isAdding, setAdding] = useState(false);
  const [editing, setEditing] = useState<readonly Target[] | null>(null);
  const { targetGroupId: id } = it;
  const { loadBalancerId } = balancer;
  const remove = useAction(
    (some: readonly Target[]) => deregisterTargets(id, some.map(({ targetId }) => targetId)),
    (some) => say("target.removed", { count: some.length }),
  );
  return (
    <>
      <DescribePage
        title={it.targetGroupName}
        description={it.description}
        crumbs={[
          ...useBalancerCrumbs(balancer, loadBalancerId, "target-groups"),
          { text: it.targetGroupName, href: paths.targetGroup(loadBalancerId, id) },
        ]}
        actions={<ActionButtons actions={actionsOf(it)} />}
        factsTitle={say("lb.basics")}
        facts={[
          { label: say("field.id"), value: <Copyable text={id} /> },
          { label: say("field.created"), value: moment(it.createdTime) },
        ]}
      >
        <ResourceTable
          table="targets"
          variant="container"
          title={say("target.title")}
          source={{ key: ["targets", id], page: (request) => targets(id, request) }}
          nameFilter="instanceId"
          filters={[
            { name: "instanceId", label: say("target.instance"), operators: [":", "="] },
            { name: "ipAddress", label: say("target.address"), operators: ["="] },
            { name: "port", label: say("target.port"), operators: ["="] },
          ]}
          id={(one: Target) => one.targetId}
          name={(one) => one.instanceId}
          {...(may ? { selection: "multi" as const } : {})}
          actions={(selected) =>
            may && (
              <>
                <Button disabled={selected.length === 0} onClick={() => setEditing(selected)}>{say("target.edit")}</Button>
                <Button disabled={selected.length === 0} loading={remove.isBusy} onClick={() => remove.run(selected)}>{say("action.remove")}</Button>
                <Button variant="primary" onClick={() => setAdding(true)}>{say("target.add")}</Button>
              </>
            )
          }
          start={may && <Button onClick={() => setAdding(true)}>{say("target.add")}</Button>}
          columns={[
            { id: "instance", header: say("target.instance"), isRowHeader: true, cell: (one) => one.instanceId },
            { id: "address", header: say("target.address"), cell: (one) => one.privateIpAddress },
            { id: "port", header: say("target.port"), cell: (one) => (one.port === 0 ? say("target.port.same") : one.port) },
            { id: "weight", header: say("target.weight"), cell: (one) => one.weight },
            { id: "id", header: say("field.id"), isExtra: true, cell: (one) => one.targetId },
          ]}
        />
      </DescribePage>
      {isAdding && <AddDialog balancer={balancer} groupId={id} onClose={() => setAdding(false)} />}
      {editing !== null && <TargetDialog groupId={id} was={editing} onClose={() => setEditing(null)} />}
      {dialogs}
    </>
  );
}

function PortAndWeight({ form }: { form: Form<TargetFields> }) {
  const say = useTexts(lbTexts);
  return (
    <>
      <TextField form={form} field="port" numeric label={say("target.port")} hint={say("target.port.hint")} />
      <TextField form={form} field="weight" numeric label={say("target.weight")} hint={say("target.weight.hint")} />
    </>
  );
}

interface AddFields extends TargetFields {
  instanceIds: readonly string[];
}

function AddDialog({ balancer, groupId, onClose }: { balancer: LoadBalancer; groupId: string; onClose: () => void }) {
  const say = useTexts(lbTexts);
  const there = useQuery({ queryKey: ["targets", groupId, "all"], queryFn: () => everything((request: PageRequest<TargetFilter>) => targets(groupId, request)) });
  const form = useForm<AddFields>({
    initial: { instanceIds: [], ...USUAL_TARGET },
    check: (values) => ({ ...checkTarget(values), instanceIds: values.instanceIds.length === 0 ? ["problem.choose"] : undefined }),
    names: { instanceIds: ["instance", "targetSpecs"], port: ["port"], weight: ["weight"] },
    send: async (values) => {
      await registerTargets(groupId, values.instanceIds.map((instanceId) => ({ instanceId, ...targetSpec(values) })));
      notify({ type: "success", text: say("target.added", { count: values.instanceIds.length }) });
      onClose();
    },
  });
  return (
    <FormDialog form={form} title={say("target.add")} submitText={say("action.add")} onClose={onClose}>
      <InstancePicker
        balancer={balancer}
        taken={(there.data ?? []).map(({ instanceId }) => instanceId)}
        chosen={form.values.instanceIds}
        onChange={(ids) => form.set("instanceIds", ids)}
        errorText={form.errorText("instanceIds")}
      />
      <PortAndWeight form={form} />
    </FormDialog>
  );
}

function TargetDialog({ groupId, was, onClose }: { groupId: string; was: readonly Target[]; onClose: () => void }) {
  const say = useTexts(lbTexts);
  const [first] = was;
  const form = useForm<TargetFields>({
    initial: { port: String(first?.port ?? USUAL_TARGET.port), weight: String(first?.weight ?? USUAL_TARGET.weight) },
    check: checkTarget,
    names: { port: ["port"], weight: ["weight"] },
    send: async (values) => {
      await updateTargets(groupId, was.map(({ targetId }) => ({ targetId, ...targetSpec(values) })));
      notify({ type: "success", text: say("target.saved", { count: was.length }) });
      onClose();
    },
  });
  return (
    <FormDialog form={form} title={say("target.edit.title", { count: was.length })} submitText={say("action.save")} onClose={onClose}>
      <PortAndWeight form={form} />
    </FormDialog>
  );
}
