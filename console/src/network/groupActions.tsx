// What can be done with a security group, in lists and on its page.

import { type Basics, EditBasics, useBasics } from "../resource/basics";
import { useTexts } from "../texts/texts";
import { deleteSecurityGroup, securityGroup, type SecurityGroup, updateSecurityGroup } from "./api";
import { usersOfGroup } from "./blockers";
import { networkTexts } from "./texts";

export function useGroupActions(onDeleted?: () => void): Basics<SecurityGroup> {
  const say = useTexts(networkTexts);
  const what = say("group.kind");
  return useBasics<SecurityGroup>({
    what,
    id: (it) => it.networkSecurityGroupId,
    name: (it) => it.networkSecurityGroupName,
    editor: (it, onClose) => (
      <EditBasics
        key={it.networkSecurityGroupId}
        what={what}
        was={it}
        nameField="networkSecurityGroupName"
        read={() => securityGroup(it.networkSecurityGroupId)}
        save={(changes) => updateSecurityGroup(it.networkSecurityGroupId, changes)}
        onClose={onClose}
      />
    ),
    users: (it) => usersOfGroup(it, say),
    remove: deleteSecurityGroup,
    onDeleted,
  });
}
