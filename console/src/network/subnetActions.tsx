// What can be done with a subnet, in lists and on its page.

import { type Basics, EditBasics, useBasics } from "../resource/basics";
import { useTexts } from "../texts/texts";
import { deleteSubnet, subnet, type Subnet, updateSubnet } from "./api";
import { usersOfSubnet } from "./blockers";
import { networkTexts } from "./texts";

export function useSubnetActions(onDeleted?: () => void): Basics<Subnet> {
  const say = useTexts(networkTexts);
  const what = say("subnet.kind");
  return useBasics<Subnet>({
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
    users: (it) => usersOfSubnet(it, say),
    remove: deleteSubnet,
    onDeleted,
  });
}
