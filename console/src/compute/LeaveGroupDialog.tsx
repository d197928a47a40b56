// Before an instance leaves its availability group: it cannot come back.

import { notify } from "../app/notices";
import { FormDialog } from "../form/FormDialog";
import { useForm } from "../form/useForm";
import { useTexts } from "../texts/texts";
import { abandonInstances, type Instance } from "./api";
import { computeTexts } from "./texts";

export function LeaveGroupDialog({ instance, onClose }: { instance: Instance; onClose: () => void }) {
  const say = useTexts(computeTexts);
  const { instanceId, instanceName, ag } = instance;
  const group = ag?.name ?? "";
  const form = useForm({
    initial: {},
    check: () => ({}),
    names: {},
    send: async () => {
      await abandonInstances(ag?.id ?? "", [instanceId]);
      notify({ type: "success", text: say("instance.left", { name: instanceName, group }) });
      onClose();
    },
  });
  return (
    <FormDialog form={form} title={say("instance.leave.title", { name: instanceName, group })} submitText={say("instance.leave")} onClose={onClose}>
      {say("instance.leave.text")}
    </FormDialog>
  );
}
