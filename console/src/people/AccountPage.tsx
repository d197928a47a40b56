// One account: how much is in it.

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useGo } from "../app/follow";
import { useParameter } from "../app/parameter";
import { paths } from "../app/paths";
import { Copyable } from "../resource/Copyable";
import { Described, DescribePage } from "../resource/DescribePage";
import { ActionButtons } from "../resource/RowActions";
import { useMoment, useTexts } from "../texts/texts";
import { type AccountAction, AccountDialogs, useAccountActions, useIsOperating } from "./accountActions";
import { type Account, account } from "./api";
import { EnabledStatus } from "./EnabledStatus";
import { peopleTexts } from "./texts";

export function AccountPage() {
  const id = useParameter("accountId");
  const query = useQuery({ queryKey: ["account", id], queryFn: () => account(id) });
  return <Described query={query} back={paths.accounts()}>{(it) => <One key={it.accountId} it={it} />}</Described>;
}

function One({ it }: { it: Account }) {
  const say = useTexts(peopleTexts);
  const moment = useMoment();
  const go = useGo();
  const isOperating = useIsOperating()(it);
  const [acting, setActing] = useState<AccountAction | null>(null);
  const actions = useAccountActions(setActing)(it);
  return (
    <>
      <DescribePage
        title={it.accountName}
        description={it.description}
        crumbs={[
          { text: say("account.title"), href: paths.accounts() },
          { text: it.accountName, href: paths.account(it.accountId) },
        ]}
        actions={<ActionButtons actions={actions} />}
        factsTitle={say("account.facts")}
        facts={[
          { label: say("field.id"), value: <Copyable text={it.accountId} /> },
          { label: say("user.state"), value: <EnabledStatus isOn={it.enabled} /> },
          { label: say("account.operating"), value: say(isOperating ? "field.yes" : "field.no") },
          { label: say("account.users"), value: String(it.userCount ?? 0) },
          { label: say("account.resources"), value: String(it.resourceCount ?? 0) },
          { label: say("field.created"), value: moment(it.createdTime) },
        ]}
      />
      <AccountDialogs acting={acting} onClose={() => setActing(null)} onDeleted={() => go(paths.accounts())} />
    </>
  );
}
