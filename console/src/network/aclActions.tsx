// What can be done with a network ACL, in lists and on its page.

import { type Basics, EditBasics, useBasics } from "../resource/basics";
import { useTexts } from "../texts/texts";
import { deleteNetworkAcl, networkAcl, type NetworkAcl, updateNetworkAcl } from "./api";
import { usersOfAcl } from "./blockers";
import { networkTexts } from "./texts";

export function useAclActions(onDeleted?: () => void): Basics<NetworkAcl> {
  const say = useTexts(networkTexts);
  const what = say("acl.kind");
  return useBasics<NetworkAcl>({
    what,
    id: (it) => it.networkAclId,
    name: (it) => it.networkAclName,
    editor: (it, onClose) => (
      <EditBasics
        key={it.networkAclId}
        what={what}
        was={it}
        nameField="networkAclName"
        read={() => networkAcl(it.networkAclId)}
        save={(changes) => updateNetworkAcl(it.networkAclId, changes)}
        onClose={onClose}
      />
    ),
    users: (it) => usersOfAcl(it.networkAclId, say),
    remove: deleteNetworkAcl,
    onDeleted,
  });
}
