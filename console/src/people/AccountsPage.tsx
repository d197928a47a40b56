// All accounts of the region, for who operates it.

import Badge from "@cloudscape-design/components/badge";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { useMay } from "../api/session";
import { paths } from "../app/paths";
import { usePlace } from "../app/place";
import { RouteLink } from "../app/RouteLink";
import { ResourceTable } from "../resource/ResourceTable";
import { RowActions } from "../resource/RowActions";
import { useMoment, useTexts } from "../texts/texts";
import { type AccountAction, AccountDialogs, useAccountActions, useIsOperating } from "./accountActions";
import { type Account, accounts } from "./api";
import { CreateAccountDialog } from "./CreateAccountDialog";
import { EnabledStatus } from "./EnabledStatus";
import { type Made, SecretDialog } from "./SecretDialog";
import { peopleTexts } from "./texts";

export function AccountsPage() {
  const say = useTexts(peopleTexts);
  const moment = useMoment();
  const may = useMay("Admin");
  const isOperating = useIsOperating();
  const [isCreating, setCreating] = useState(false);
  const [made, setMade] = useState<Made | null>(null);
  const [acting, setActing] = useState<AccountAction | null>(null);
  const actionsOf = useAccountActions(setActing);
  usePlace("table", [{ text: say("account.title"), href: paths.accounts() }]);
  return (
    <>
      <ResourceTable
        table="accounts"
        title={say("account.title")}
        description={say("account.description")}
        source={{ key: ["accounts"], page: accounts }}
        id={(it: Account) => it.accountId}
        name={(it) => it.accountName}
        nameFilter="accountName"
        filters={[{ name: "accountName", label: say("field.name"), operators: [":", "="] }]}
        actions={() => may && <Button variant="primary" onClick={() => setCreating(true)}>{say("account.create")}</Button>}
        columns={[
          {
            id: "name",
            header: say("field.name"),
            sort: "name",
            isRowHeader: true,
            cell: (it) => (
              <SpaceBetween direction="horizontal" size="xs">
                <RouteLink href={paths.account(it.accountId)}>{it.accountName}</RouteLink>
                {isOperating(it) && <Badge>{say("account.own")}</Badge>}
              </SpaceBetween>
            ),
          },
          { id: "id", header: say("field.id"), cell: (it) => it.accountId },
          { id: "state", header: say("user.state"), cell: (it) => <EnabledStatus isOn={it.enabled} /> },
          { id: "description", header: say("field.description"), cell: (it) => it.description },
          { id: "created", header: say("field.created"), sort: "createdTime", cell: (it) => moment(it.createdTime) },
          ...(may
            ? [{ id: "operation", header: say("list.operation"), cell: (it: Account) => <RowActions name={it.accountName} more={actionsOf(it)} /> }]
            : []),
        ]}
      />
      {isCreating && (
        <CreateAccountDialog
          onClose={() => setCreating(false)}
          onMade={(key) => {
            setCreating(false);
            setMade(key);
          }}
        />
      )}
      {made !== null && <SecretDialog made={made} onClose={() => setMade(null)} />}
      <AccountDialogs acting={acting} onClose={() => setActing(null)} />
    </>
  );
}
