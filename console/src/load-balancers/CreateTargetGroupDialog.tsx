// A new virtual server group with its first targets, over the page that needs it.

import { notify } from "../app/notices";
import { makeAll } from "../app/undo";
import { DescriptionField, NameField, TextField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { description, name } from "../form/problems";
import { useForm } from "../form/useForm";
import { useTexts } from "../texts/texts";
import { createTargetGroup, deleteTargetGroup, type LoadBalancer, registerTargets } from "./api";
import { InstancePicker } from "./InstancePicker";
import { checkTarget, type TargetFields, targetSpec, USUAL_TARGET } from "./targetFields";
import { lbTexts } from "./texts";

interface Fields extends TargetFields {
  targetGroupName: string;
  description: string;
  instanceIds: readonly string[];
}

interface Props {
  balancer: LoadBalancer;
  onClose: () => void;
  onCreated?: (targetGroupId: string) => void;
}

export function CreateTargetGroupDialog({ balancer, onClose, onCreated }: Props) {
  const say = useTexts(lbTexts);
  const form = useForm<Fields>({
    initial: { targetGroupName: "", description: "", instanceIds: [], ...USUAL_TARGET },
    check: (values) => ({
      targetGroupName: name(values.targetGroupName),
      description: description(values.description),
      ...(values.instanceIds.length === 0 ? {} : checkTarget(values)),
    }),
    names: { targetGroupName: ["targetGroupName"], description: ["description"], instanceIds: ["instance", "targetSpecs"], port: ["port"], weight: ["weight"] },
    send: async (values) => {
      const group = {
        name: "group",
        make: () => createTargetGroup({ loadBalancerId: balancer.loadBalancerId, targetGroupName: values.targetGroupName, description: values.description }),
        undo: deleteTargetGroup,
      };
      const members = {
        name: "members",
        make: async (made: ReadonlyMap<string, string>) => {
          await registerTargets(made.get("group") ?? "", values.instanceIds.map((instanceId) => ({ instanceId, ...targetSpec(values) })));
          return values.instanceIds.join(" ");
        },
      };
      const made = await makeAll(values.instanceIds.length === 0 ? [group] : [group, members]);
      notify({ type: "success", text: say("group.created", { name: values.targetGroupName }) });
      onCreated?.(made.get("group") ?? "");
      onClose();
    },
  });
  return (
    <FormDialog form={form} title={say("group.targetGroup.create")} submitText={say("action.create")} onClose={onClose}>
      <NameField form={form} field="targetGroupName" autoFocus />
      <DescriptionField form={form} field="description" />
      <InstancePicker
        balancer={balancer}
        taken={[]}
        chosen={form.values.instanceIds}
        onChange={(ids) => form.set("instanceIds", ids)}
        errorText={form.errorText("instanceIds")}
      />
      {form.values.instanceIds.length > 0 && (
        <>
          <TextField form={form} field="port" numeric label={say("target.port")} hint={say("target.port.hint")} />
          <TextField form={form} field="weight" numeric label={say("target.weight")} hint={say("target.weight.hint")} />
        </>
      )}
    </FormDialog>
  );
}
