// What can be done with a VPC, in the list and on its page.

import { notify } from "../app/notices";
import { DescriptionField, NameField, TextField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { description, name } from "../form/problems";
import { useEditor } from "../form/useEditor";
import { type Basics, useBasics } from "../resource/basics";
import { useTexts } from "../texts/texts";
import { deleteVpc, updateVpc, vpc, type Vpc } from "./api";
import { usersOfVpc } from "./blockers";
import { EXAMPLE_OF_SIX, rangeOfSix } from "./blocks";
import { type NetworkKey, networkTexts } from "./texts";

export function useVpcActions(onDeleted?: () => void): Basics<Vpc> {
  const say = useTexts(networkTexts);
  return useBasics<Vpc>({
    what: say("vpc.kind"),
    id: (it) => it.vpcId,
    name: (it) => it.vpcName,
    editor: (it, onClose) => <EditDialog key={it.vpcId} was={it} onClose={onClose} />,
    users: (it) => usersOfVpc(it.vpcId, say),
    remove: deleteVpc,
    onDeleted,
  });
}

interface EditFields {
  vpcName: string;
  description: string;
  ipv6AddressPrefix: string;
}

function fieldsOf({ vpcName, description: text, ipv6AddressPrefix = "" }: Vpc): EditFields {
  return { vpcName, description: text, ipv6AddressPrefix };
}

function EditDialog({ was, onClose }: { was: Vpc; onClose: () => void }) {
  const say = useTexts(networkTexts);
  const before = fieldsOf(was);
  // A VPC has one range of IPv6: beside that of IPv4, or in its place.
  const hasSix = !was.addressPrefix.includes(":");
  const { form, conflict } = useEditor<EditFields, NetworkKey>({
    initial: before,
    texts: networkTexts,
    read: async () => fieldsOf(await vpc(was.vpcId)),
    check: (values) => ({
      vpcName: name(values.vpcName),
      description: description(values.description),
      ipv6AddressPrefix:
        before.ipv6AddressPrefix !== "" && values.ipv6AddressPrefix.trim() === "" ? ["vpc.six.stays"] : rangeOfSix(values.ipv6AddressPrefix),
    }),
    // With a range that leaves a subnet outside, the sentence begins with the subnet.
    names: { vpcName: ["vpcName"], description: ["description"], ipv6AddressPrefix: ["ipv6AddressPrefix", "subnet"] },
    labels: { vpcName: say("field.name"), description: say("field.description"), ipv6AddressPrefix: say("vpc.six") },
    save: ({ ipv6AddressPrefix, ...typed }) =>
      updateVpc(was.vpcId, { ...typed, ...(ipv6AddressPrefix === undefined ? {} : { ipv6AddressPrefix: ipv6AddressPrefix.trim() }) }),
    onSaved: () => {
      notify({ type: "success", text: say("save.done", { name: form.values.vpcName }) });
      onClose();
    },
    onReload: onClose,
  });
  return (
    <>
      <FormDialog form={form} title={say("edit.title", { what: say("vpc.kind"), name: was.vpcName })} submitText={say("action.save")} onClose={onClose}>
        <NameField form={form} field="vpcName" autoFocus />
        {hasSix && <TextField form={form} field="ipv6AddressPrefix" label={say("vpc.six")} hint={say("vpc.six.hint")} placeholder={EXAMPLE_OF_SIX} />}
        <DescriptionField form={form} field="description" />
      </FormDialog>
      {conflict}
    </>
  );
}
