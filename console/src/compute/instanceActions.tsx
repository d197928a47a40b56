// What can be done with an instance, in lists and on its page.

import { useState } from "react";

import { type Basics, useBasics } from "../resource/basics";
import type { RowAction } from "../resource/RowActions";
import { useAction } from "../resource/useAction";
import { useTexts } from "../texts/texts";
import { deleteInstance, type Instance, type PowerAction, powerInstance } from "./api";
import { EditInstanceDialog } from "./EditInstanceDialog";
import { LeaveGroupDialog } from "./LeaveGroupDialog";
import { computeTexts } from "./texts";

export function useInstanceActions(onDeleted?: () => void): Basics<Instance> {
  const say = useTexts(computeTexts);
  const [leaving, setLeaving] = useState<Instance | null>(null);
  const power = useAction(
    ({ it, action }: { it: Instance; action: PowerAction }) => powerInstance(it.instanceId, action),
    ({ it, action }) => say(`instance.${action}.done`, { name: it.instanceName }),
  );
  /** The API refuses it in any other state. */
  const act = (it: Instance, action: PowerAction, takes: "running" | "stopped"): RowAction => ({
    id: action,
    text: say(`instance.${action}`),
    act: () => power.run({ it, action }),
    ...(it.status === takes ? {} : { disabled: true, disabledReason: say("instance.takes", { state: say(`instance.${takes}`) }) }),
  });
  const basics = useBasics<Instance>({
    what: say("instance.kind"),
    id: ({ instanceId }) => instanceId,
    name: ({ instanceName }) => instanceName,
    editor: ({ instanceId }, onClose) => <EditInstanceDialog key={instanceId} id={instanceId} onClose={onClose} />,
    more: (it) => [
      act(it, "startInstance", "stopped"),
      act(it, "stopInstance", "running"),
      act(it, "rebootInstance", "running"),
      ...(it.ag === undefined ? [] : [{ id: "leave", text: say("instance.leave"), act: () => setLeaving(it) }]),
    ],
    consequence: () => say("instance.delete"),
    remove: deleteInstance,
    onDeleted,
  });
  const dialogs = (
    <>
      {basics.dialogs}
      {leaving !== null && <LeaveGroupDialog key={leaving.instanceId} instance={leaving} onClose={() => setLeaving(null)} />}
    </>
  );
  return { ...basics, dialogs };
}
