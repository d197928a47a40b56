// What can be done with a virtual server group, in the list and on its page.

import { everything } from "../api/pages";
import { paths } from "../app/paths";
import { type Basics, EditBasics, useBasics } from "../resource/basics";
import type { User } from "../resource/DeleteDialog";
import { useTexts } from "../texts/texts";
import { backends, deleteTargetGroup, targetGroup, type TargetGroup, updateTargetGroup } from "./api";
import { lbTexts } from "./texts";

async function usersOf({ loadBalancerId, targetGroupId }: TargetGroup, say: (key: "backend.named", values: { name: string }) => string): Promise<User[]> {
  const found = await everything(backends, [{ name: "loadBalancerId", operator: "eq", values: [loadBalancerId] }]);
  return found
    .filter((it) => it.targetGroupIds.includes(targetGroupId))
    .map((it) => ({ text: say("backend.named", { name: it.backendName }), href: paths.backend(loadBalancerId, it.backendId) }));
}

export function useGroupActions(onDeleted?: () => void): Basics<TargetGroup> {
  const say = useTexts(lbTexts);
  const what = say("group.targetGroup.kind");
  return useBasics<TargetGroup>({
    what,
    id: (it) => it.targetGroupId,
    name: (it) => it.targetGroupName,
    editor: (it, onClose) => (
      <EditBasics
        what={what}
        was={it}
        nameField="targetGroupName"
        read={() => targetGroup(it.targetGroupId)}
        save={(changes) => updateTargetGroup(it.targetGroupId, changes)}
        onClose={onClose}
      />
    ),
    users: (it) => usersOf(it, say),
    remove: deleteTargetGroup,
    onDeleted,
  });
}
