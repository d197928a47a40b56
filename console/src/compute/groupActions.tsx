// What can be done with an availability group, in the list and on its page.

import { useState } from "react";

import { everything } from "../api/pages";
import { paths } from "../app/paths";
import { backends } from "../load-balancers/api";
import { type Basics, EditBasics, useBasics } from "../resource/basics";
import type { User } from "../resource/DeleteDialog";
import { useTexts } from "../texts/texts";
import { type AvailabilityGroup, availabilityGroup, deleteAvailabilityGroup, updateAvailabilityGroup } from "./api";
import { GroupTemplateDialog } from "./GroupTemplateDialog";
import { members } from "./groups";
import { ResizeDialog } from "./ResizeDialog";
import { computeTexts } from "./texts";

/** More would fill the dialog, and are deleted all at once by making the group smaller. */
const NAMED = 10;

type Say = (key: "ag.members" | "backend.named" | "instance.named", values: { count: number } | { name: string }) => string;

async function usersOf(agId: string, say: Say): Promise<User[]> {
  const [services, instances] = await Promise.all([everything(backends, [{ name: "agId", operator: "eq", values: [agId] }]), members(agId)]);
  const ofInstances =
    instances.length > NAMED
      ? [{ text: say("ag.members", { count: instances.length }), href: paths.availabilityGroup(agId) }]
      : instances.map((it) => ({ text: say("instance.named", { name: `${it.instanceName} (${it.instanceId})` }), href: paths.instance(it.instanceId) }));
  return [
    ...services.map((it) => ({ text: say("backend.named", { name: it.backendName }), href: paths.backend(it.loadBalancerId, it.backendId) })),
    ...ofInstances,
  ];
}

export function useAvailabilityGroupActions<Group extends AvailabilityGroup>(onDeleted?: () => void): Basics<Group> {
  const say = useTexts(computeTexts);
  const [acting, setActing] = useState<{ kind: "resize" | "template"; group: Group } | null>(null);
  const close = () => setActing(null);
  const what = say("ag.kind");
  const basics = useBasics<Group>({
    what,
    id: ({ id }) => id,
    name: ({ name }) => name,
    editor: (it, onClose) => (
      <EditBasics
        what={what}
        was={it}
        nameField="name"
        read={() => availabilityGroup(it.id)}
        save={(changes) => updateAvailabilityGroup(it.id, changes)}
        onClose={onClose}
      />
    ),
    more: (group) => [
      { id: "resize", text: say("ag.resize"), act: () => setActing({ kind: "resize", group }) },
      { id: "template", text: say("ag.setTemplate"), act: () => setActing({ kind: "template", group }) },
    ],
    users: ({ id }) => usersOf(id, say),
    remove: deleteAvailabilityGroup,
    onDeleted,
  });
  const dialogs = (
    <>
      {basics.dialogs}
      {acting?.kind === "resize" && <ResizeDialog key={acting.group.id} group={acting.group} onClose={close} />}
      {acting?.kind === "template" && <GroupTemplateDialog key={acting.group.id} group={acting.group} onClose={close} />}
    </>
  );
  return { ...basics, dialogs };
}
