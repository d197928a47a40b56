// Which network ACL guards the border of a subnet.

import { notify } from "../app/notices";
import { ChoiceField } from "../form/fields";
import { FormDialog } from "../form/FormDialog";
import { useEditor } from "../form/useEditor";
import { useTexts } from "../texts/texts";
import { associateAcl, disassociateAcl, subnet, type Subnet } from "./api";
import { networkTexts } from "./texts";
import { useAcls } from "./useAcls";

/** In the place of an id: no network ACL. */
const NONE = "none";

interface Fields {
  aclId: string;
}

function fieldsOf({ aclId = NONE }: Subnet): Fields {
  return { aclId };
}

export function SubnetAclDialog({ was, onClose }: { was: Subnet; onClose: () => void }) {
  const say = useTexts(networkTexts);
  const { all, isPending } = useAcls(was.vpcId);
  const { form, conflict } = useEditor<Fields>({
    initial: fieldsOf(was),
    read: async () => fieldsOf(await subnet(was.subnetId)),
    check: () => ({}),
    names: { aclId: ["network", "subnet"] },
    labels: { aclId: say("acl.label") },
    save: async (_, { aclId }) => {
      if (aclId !== NONE) return associateAcl(aclId, [was.subnetId]);
      const former = (await subnet(was.subnetId)).aclId;
      if (former !== undefined) await disassociateAcl(former, was.subnetId);
    },
    onSaved: () => {
      notify({ type: "success", text: say("save.done", { name: was.subnetName }) });
      onClose();
    },
    onReload: onClose,
  });
  return (
    <>
      <FormDialog form={form} title={say("acl.change.of", { name: was.subnetName })} submitText={say("action.save")} onClose={onClose}>
        <ChoiceField
          form={form}
          field="aclId"
          label={say("acl.label")}
          hint={say("acl.change.hint")}
          loading={isPending}
          choices={[
            { value: NONE, label: say("acl.none") },
            ...all.map((it) => ({ value: it.networkAclId, label: it.networkAclName, description: it.networkAclId })),
          ]}
        />
      </FormDialog>
      {conflict}
    </>
  );
}
