// All users of the account.

import Badge from "@cloudscape-design/components/badge";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { session, useMay } from "../api/session";
import { useCell } from "../app/cell";
import { paths } from "../app/paths";
import { usePlace } from "../app/place";
import { RouteLink } from "../app/RouteLink";
import { ResourceTable } from "../resource/ResourceTable";
import { RowActions } from "../resource/RowActions";
import { useMoment, useTexts } from "../texts/texts";
import { type User, users } from "./api";
import { CreateUserDialog } from "./CreateUserDialog";
import { EnabledStatus } from "./EnabledStatus";
import { ROLES } from "./roles";
import { peopleTexts } from "./texts";
import { type UserAction, UserDialogs, useOwnId, useUserActions } from "./userActions";

export function UsersPage() {
  const say = useTexts(peopleTexts);
  const moment = useMoment();
  const may = useMay("Admin");
  const ownId = useOwnId();
  const account = useCell(session)?.account ?? "";
  const [isCreating, setCreating] = useState(false);
  const [acting, setActing] = useState<UserAction | null>(null);
  const actionsOf = useUserActions(setActing);
  usePlace("table", [{ text: say("user.title"), href: paths.users() }]);
  return (
    <>
      <ResourceTable
        table="users"
        title={say("user.title")}
        description={say("user.description", { account })}
        source={{ key: ["users"], page: users }}
        id={(it: User) => it.userId}
        name={(it) => it.userName}
        nameFilter="userName"
        filters={[
          { name: "userName", label: say("field.name"), operators: [":", "="] },
          { name: "role", label: say("user.role"), operators: ["="], options: ROLES.map((role) => ({ value: role, label: say(`role.${role}`) })) },
        ]}
        actions={() => may && <Button variant="primary" onClick={() => setCreating(true)}>{say("user.create")}</Button>}
        columns={[
          {
            id: "name",
            header: say("field.name"),
            sort: "name",
            isRowHeader: true,
            cell: (it) => (
              <SpaceBetween direction="horizontal" size="xs">
                <RouteLink href={paths.user(it.userId)}>{it.userName}</RouteLink>
                {it.userId === ownId && <Badge>{say("user.you")}</Badge>}
              </SpaceBetween>
            ),
          },
          { id: "role", header: say("user.role"), cell: (it) => say(`role.${it.role}`) },
          { id: "state", header: say("user.state"), cell: (it) => <EnabledStatus isOn={it.enabled} /> },
          { id: "login", header: say("user.login"), cell: (it) => say(it.hasPassword ? "field.yes" : "field.no") },
          { id: "description", header: say("field.description"), cell: (it) => it.description },
          { id: "created", header: say("field.created"), sort: "createdTime", cell: (it) => moment(it.createdTime) },
          { id: "id", header: say("field.id"), isExtra: true, cell: (it) => it.userId },
          ...(may
            ? [{ id: "operation", header: say("list.operation"), cell: (it: User) => <RowActions name={it.userName} more={actionsOf(it)} /> }]
            : []),
        ]}
      />
      {isCreating && <CreateUserDialog onClose={() => setCreating(false)} />}
      <UserDialogs acting={acting} onClose={() => setActing(null)} />
    </>
  );
}
