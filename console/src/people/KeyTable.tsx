// Access keys of one user, or all that one may see.

import Button from "@cloudscape-design/components/button";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { everything } from "../api/pages";
import { session, useMay } from "../api/session";
import { useCell } from "../app/cell";
import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { Copyable } from "../resource/Copyable";
import { ResourceTable } from "../resource/ResourceTable";
import { RowActions } from "../resource/RowActions";
import { useMoment, useTexts } from "../texts/texts";
import { type AccessKey, accessKeys, type User, users } from "./api";
import { CreateKeyDialog, type KeyAction, KeyDialogs, useKeyActions } from "./keyActions";
import { stateOf } from "./keyState";
import { type Made, SecretDialog } from "./SecretDialog";
import { peopleTexts } from "./texts";

const TYPE = { on: "success", ending: "pending", over: "stopped", off: "stopped" } as const;

export function KeyTable({ of }: { of?: User }) {
  const say = useTexts(peopleTexts);
  const moment = useMoment();
  const isAdmin = useMay("Admin");
  const own = useCell(session);
  const [isCreating, setCreating] = useState(false);
  const [acting, setActing] = useState<KeyAction | null>(null);
  const [made, setMade] = useState<Made | null>(null);
  const actionsOf = useKeyActions(setActing);
  const ofMany = isAdmin && of === undefined;
  const all = useQuery({ queryKey: ["users", "all"], queryFn: () => everything(users), enabled: ofMany });

  function state(it: AccessKey) {
    const found = stateOf(it, new Date());
    return <StatusIndicator type={TYPE[found]}>{say(`key.${found}`, { time: moment(it.expiresTime ?? "") })}</StatusIndicator>;
  }

  return (
    <>
      <ResourceTable
        table={of === undefined ? "accessKeys" : "accessKeysOfUser"}
        variant={of === undefined ? "full-page" : "container"}
        title={say("key.title")}
        description={say("key.description")}
        source={{ key: ["accessKeys", of?.userId ?? ""], page: accessKeys }}
        fixed={of === undefined ? [] : [{ name: "userId", operator: "eq", values: [of.userId] }]}
        filters={
          ofMany
            ? [
                {
                  name: "userId",
                  label: say("key.user"),
                  operators: ["="],
                  options: (all.data ?? []).map(({ userId, userName }) => ({ value: userId, label: userName })),
                },
              ]
            : []
        }
        id={(it: AccessKey) => it.accessKeyId}
        name={(it) => it.accessKeyId}
        actions={() => <Button variant={of === undefined ? "primary" : "normal"} onClick={() => setCreating(true)}>{say("key.create")}</Button>}
        columns={[
          { id: "id", header: say("key.id"), isRowHeader: true, cell: (it) => <Copyable text={it.accessKeyId} /> },
          ...(of === undefined
            ? [{ id: "user", header: say("key.user"), cell: (it: AccessKey) => <RouteLink href={paths.user(it.userId)}>{it.userName}</RouteLink> }]
            : []),
          { id: "state", header: say("key.state"), cell: state },
          { id: "description", header: say("field.description"), cell: (it) => it.description },
          { id: "created", header: say("field.created"), sort: "createdTime", cell: (it) => moment(it.createdTime) },
          { id: "operation", header: say("list.operation"), cell: (it) => <RowActions name={it.accessKeyId} more={actionsOf(it)} /> },
        ]}
      />
      {isCreating && own !== null && (
        <CreateKeyDialog
          user={of ?? { userId: own.userId, userName: own.user }}
          choices={ofMany ? all.data ?? [] : null}
          onMade={setMade}
          onClose={() => setCreating(false)}
        />
      )}
      <KeyDialogs acting={acting} onMade={setMade} onClose={() => setActing(null)} />
      {made !== null && <SecretDialog made={made} onClose={() => setMade(null)} />}
    </>
  );
}
