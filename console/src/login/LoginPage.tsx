// User and password become a session.

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type FormEvent, useState } from "react";

import { api, ApiError, result } from "../api/client";
import { begin, type Role } from "../api/session";
import { regionId } from "../app/settings";
import { useTexts } from "../texts";

export function LoginForm({ ended }: { ended: boolean }) {
  const { say } = useTexts();
  const [accountName, setAccount] = useState("");
  const [userName, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setRefusal(null);
    try {
      const { token, expiresTime, caller } = result(
        await api.dnlb.POST("/v1/regions/{regionId}/sessions", {
          params: { path: { regionId: regionId() } },
          body: { userName, password, ...(accountName === "" ? {} : { accountName }) },
        }),
      );
      begin({
        token,
        expires: expiresTime,
        user: caller.userName,
        account: caller.accountName,
        role: caller.role as Role,
        operates: caller.operatesRegion,
      });
    } catch (error) {
      setPassword("");
      setRefusal(
        error instanceof ApiError && error.code !== 401 ? error.message : say("login.wrong"),
      );
    } finally {
      setBusy(false);
    }
  }

  return (
    <form onSubmit={(event) => void submit(event)}>
      <Form
        actions={
          <Button variant="primary" formAction="submit" loading={busy}>
            {say("login.submit")}
          </Button>
        }
      >
        <SpaceBetween size="m">
          {ended && <Alert type="info">{say("login.ended")}</Alert>}
          {refusal !== null && <Alert type="error">{refusal}</Alert>}
          <FormField label={say("login.account")} description={say("login.account.hint")}>
            <Input value={accountName} onChange={({ detail }) => setAccount(detail.value)} autoComplete="organization" />
          </FormField>
          <FormField label={say("login.user")}>
            <Input value={userName} onChange={({ detail }) => setUser(detail.value)} autoComplete="username" autoFocus />
          </FormField>
          <FormField label={say("login.password")}>
            <Input
              type="password"
              value={password}
              onChange={({ detail }) => setPassword(detail.value)}
              autoComplete="current-password"
            />
          </FormField>
        </SpaceBetween>
      </Form>
    </form>
  );
}

export function LoginPage() {
  const { say } = useTexts();
  return (
    <main>
      <Box margin={{ top: "xxxl" }} padding="l">
        <Container header={<Header variant="h1" description={say("product")}>{say("login.title")}</Header>}>
          <LoginForm ended={false} />
        </Container>
      </Box>
    </main>
  );
}
