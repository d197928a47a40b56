// User and password become a session.

import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type FormEvent, type ReactNode, useState } from "react";

import { api, result } from "../api/client";
import { ApiError, Unreachable } from "../api/errors";
import { begin, type Caller } from "../api/session";
import { regionId } from "../app/settings";
import { useTexts } from "../texts/texts";

export interface CallerOnWire {
  userName: string;
  userId: string;
  accountName: string;
  role: Caller["role"];
  operatesRegion: boolean;
}

export function callerOf(wire: CallerOnWire): Caller {
  return {
    user: wire.userName,
    userId: wire.userId,
    account: wire.accountName,
    role: wire.role,
    operates: wire.operatesRegion,
  };
}

async function logIn(accountName: string, userName: string, password: string): Promise<void> {
  const { token, caller } = result(
    await api.entrance.POST("/v1/regions/{regionId}/sessions", {
      params: { path: { regionId: regionId() } },
      body: { userName, password, ...(accountName === "" ? {} : { accountName }) },
    }),
  );
  begin({ token, ...callerOf(caller) });
}

interface Props {
  /** Who has to log in again; without it, anybody may. */
  only?: { account: string; user: string };
  secondary?: ReactNode;
}

export function LoginForm({ only, secondary }: Props) {
  const say = useTexts();
  const [account, setAccount] = useState(only?.account ?? "");
  const [user, setUser] = useState(only?.user ?? "");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setRefusal(null);
    try {
      await logIn(account, user, password);
    } catch (error) {
      setPassword("");
      if (error instanceof Unreachable) setRefusal(say("server.gone"));
      else setRefusal(error instanceof ApiError && error.code !== 401 ? error.message : say("login.wrong"));
    } finally {
      setBusy(false);
    }
  }

  return (
    <form onSubmit={(event) => void submit(event)}>
      <Form
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            {secondary}
            <Button variant="primary" formAction="submit" loading={busy}>
              {say("login.submit")}
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="m">
          {refusal !== null && <Alert type="error">{refusal}</Alert>}
          <FormField label={say("login.account")} description={only === undefined ? say("login.account.hint") : undefined}>
            <Input
              value={account}
              onChange={({ detail }) => setAccount(detail.value)}
              autoComplete="organization"
              readOnly={only !== undefined}
            />
          </FormField>
          <FormField label={say("login.user")}>
            <Input
              value={user}
              onChange={({ detail }) => setUser(detail.value)}
              autoComplete="username"
              autoFocus={only === undefined}
              readOnly={only !== undefined}
            />
          </FormField>
          <FormField label={say("login.password")}>
            <Input
              type="password"
              value={password}
              onChange={({ detail }) => setPassword(detail.value)}
              autoComplete="current-password"
              autoFocus={only !== undefined}
            />
          </FormField>
        </SpaceBetween>
      </Form>
    </form>
  );
}
