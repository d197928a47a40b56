// Something new that belongs to a VPC and begins with a name and a description: a security group, a network ACL.

import { useGo } from "../app/follow";
import { notify } from "../app/notices";
import { ChoiceField, DescriptionField, NameField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { chosen, description, name } from "../form/problems";
import { useForm } from "../form/useForm";
import { useTexts } from "../texts/texts";
import type { Vpc } from "./api";
import { rangesOf } from "./blocks";
import { type NetworkKey, networkTexts } from "./texts";
import { useVpcs } from "./useVpcs";

interface Fields {
  name: string;
  description: string;
  vpcId: string;
}

interface Props {
  title: string;
  /** What the API calls its name. */
  nameField: string;
  /** The VPC whose page is open. */
  of?: Vpc | undefined;
  create: (fields: Fields) => Promise<string>;
  pathOf: (id: string) => string;
  onClose: () => void;
}

export function CreateInVpcDialog({ title, nameField, of, create, pathOf, onClose }: Props) {
  const say = useTexts(networkTexts);
  const go = useGo();
  const { all, isPending } = useVpcs();
  const form = useForm<Fields, NetworkKey>({
    initial: { name: "", description: "", vpcId: of?.vpcId ?? "" },
    texts: networkTexts,
    check: (values) => ({ name: name(values.name), description: description(values.description), vpcId: chosen(values.vpcId) }),
    names: { name: [nameField], description: ["description"], vpcId: ["vpcId", "VPC"] },
    send: async (values) => {
      const id = await create(values);
      notify({ type: "success", text: say("net.created.rules", { name: values.name }) });
      onClose();
      // Without rules it lets nothing through: that is where to go on.
      go(pathOf(id));
    },
  });
  return (
    <FormDialog form={form} title={title} submitText={say("action.create")} onClose={onClose}>
      <NameField form={form} field="name" autoFocus />
      {of === undefined && (
        <ChoiceField
          form={form}
          field="vpcId"
          label={say("vpc.label")}
          loading={isPending}
          empty={say("subnet.vpc.none")}
          choices={all.map((it) => ({ value: it.vpcId, label: it.vpcName, description: [it.vpcId, ...rangesOf(it)].join(" · ") }))}
        />
      )}
      <DescriptionField form={form} field="description" />
    </FormDialog>
  );
}
