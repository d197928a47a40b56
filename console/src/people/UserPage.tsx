// One user: its role, and the access keys that sign for it.

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useMay } from "../api/session";
import { useGo } from "../app/follow";
import { useParameter } from "../app/parameter";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { Copyable } from "../resource/Copyable";
import { Described, DescribePage } from "../resource/DescribePage";
import { ActionButtons } from "../resource/RowActions";
import { useMoment, useTexts } from "../texts/texts";
import { user, type User } from "./api";
import { EnabledStatus } from "./EnabledStatus";
import { KeyTable } from "./KeyTable";
import { peopleTexts } from "./texts";
import { type UserAction, UserDialogs, useOwnId, useUserActions } from "./userActions";

export function UserPage() {
  const id = useParameter("userId");
  const query = useQuery({ queryKey: ["user", id], queryFn: () => user(id) });
  return <Described query={query} back={paths.users()}>{(it) => <One key={it.userId} it={it} />}</Described>;
}

function One({ it }: { it: User }) {
  const say = useTexts(peopleTexts);
  const moment = useMoment();
  const go = useGo();
  const isAdmin = useMay("Admin");
  const isOwn = useOwnId() === it.userId;
  const [acting, setActing] = useState<UserAction | null>(null);
  const actions = useUserActions(setActing)(it);
  return (
    <>
      <DescribePage
        title={it.userName}
        description={it.description}
        crumbs={[
          { text: say("user.title"), href: paths.users() },
          { text: it.userName, href: paths.user(it.userId) },
        ]}
        actions={<ActionButtons actions={actions} />}
        factsTitle={say("user.facts")}
        facts={[
          { label: say("field.id"), value: <Copyable text={it.userId} /> },
          { label: say("user.role"), value: `${say(`role.${it.role}`)}: ${say(`role.${it.role}.hint`)}` },
          { label: say("user.state"), value: <EnabledStatus isOn={it.enabled} /> },
          { label: say("user.login"), value: say(it.hasPassword ? "field.yes" : "field.no") },
          { label: say("field.created"), value: moment(it.createdTime) },
          { label: say("user.changes"), value: <RouteLink href={paths.auditRecords({ userName: it.userName })}>{say("user.changes.show")}</RouteLink> },
        ]}
      >
        {(isAdmin || isOwn) && <KeyTable of={it} />}
      </DescribePage>
      <UserDialogs acting={acting} onClose={() => setActing(null)} onDeleted={() => go(paths.users())} />
    </>
  );
}
