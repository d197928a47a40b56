// What can be done with a subnet, in lists and on its page.

import { useState } from "react";

import { type Basics, EditBasics, useBasics } from "../resource/basics";
import { useTexts } from "../texts/texts";
import { deleteSubnet, subnet, type Subnet, updateSubnet } from "./api";
import { usersOfSubnet } from "./blockers";
import { SubnetAclDialog } from "./SubnetAclDialog";
import { networkTexts } from "./texts";

export function useSubnetActions(onDeleted?: () => void): Basics<Subnet> {
  const say = useTexts(networkTexts);
  const what = say("subnet.kind");
  const [guarding, setGuarding] = useState<Subnet | null>(null);
  const basics = useBasics<Subnet>({
    what,
    id: (it) => it.subnetId,
    name: (it) => it.subnetName,
    editor: (it, onClose) => (
      <EditBasics
        key={it.subnetId}
        what={what}
        was={it}
        nameField="subnetName"
        read={() => subnet(it.subnetId)}
        save={(changes) => updateSubnet(it.subnetId, changes)}
        onClose={onClose}
      />
    ),
    more: (it) => [{ id: "acl", text: say("acl.change"), act: () => setGuarding(it) }],
    users: (it) => usersOfSubnet(it, say),
    remove: deleteSubnet,
    onDeleted,
  });
  const dialogs = guarding === null ? basics.dialogs : <SubnetAclDialog key={guarding.subnetId} was={guarding} onClose={() => setGuarding(null)} />;
  return { ...basics, dialogs };
}
