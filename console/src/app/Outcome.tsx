// What is shown in the place of a page that cannot be shown.

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ErrorComponentProps } from "@tanstack/react-router";

import { ApiError, isMissing, Unreachable } from "../api/errors";
import { type Role, session } from "../api/session";
import { useTexts } from "../texts/texts";
import { useCell } from "./cell";
import { useGo } from "./follow";
import { paths } from "./paths";
import { NotMade } from "./undo";

function useWords(): (error: unknown) => string {
  const say = useTexts();
  return (error) => {
    if (error instanceof Unreachable) return say("server.unknown");
    return error instanceof Error ? error.message : String(error);
  };
}

/** An error in words: the API's own, and by which id the server's log knows the request. */
export function Refusal({ error }: { error: unknown }) {
  const say = useTexts();
  const words = useWords();
  if (error === null || error === undefined) return null;
  const cause = error instanceof NotMade ? error.cause : error;
  const request = cause instanceof ApiError && cause.requestId !== "" ? cause.requestId : null;
  return (
    <Alert type="error" header={say("error.title")}>
      {words(cause)}
      {error instanceof NotMade && error.undone.length > 0 && <Box variant="p">{say("error.undone")}</Box>}
      {error instanceof NotMade && error.left.length > 0 && (
        <Box variant="p">{say("error.left", { ids: error.left.map(({ id }) => id).join(", ") })}</Box>
      )}
      {request !== null && (
        <Box variant="small" display="block">
          {say("error.request", { id: request })}
        </Box>
      )}
    </Alert>
  );
}

/** An address that no page has. */
export function NoPage() {
  return <Missing back={paths.loadBalancers()} />;
}

export function Missing({ back }: { back: string }) {
  const say = useTexts();
  const go = useGo();
  return (
    <Box textAlign="center" padding="xxl">
      <SpaceBetween size="m">
        <Box variant="h1">{say("error.missing.title")}</Box>
        <Box variant="p">{say("error.missing")}</Box>
        <Button onClick={() => go(back)}>{say("action.back")}</Button>
      </SpaceBetween>
    </Box>
  );
}

/** In the place of a form whose change would be refused: no link leads there, but addresses travel. */
export function RoleMissing({ takes, back }: { takes: Role; back: string }) {
  const say = useTexts();
  const go = useGo();
  const role = useCell(session)?.role ?? "Viewer";
  return (
    <Box textAlign="center" padding="xxl">
      <SpaceBetween size="m">
        <Box variant="h1">{say("error.page")}</Box>
        <Box variant="p">{say("error.role", { role: say(`role.${role}`), takes: say(`role.${takes}`) })}</Box>
        <Button onClick={() => go(back)}>{say("action.back")}</Button>
      </SpaceBetween>
    </Box>
  );
}

/** In the place of what a query has not brought. */
export function Failed({ error, back, retry }: { error: unknown; back: string; retry: () => void }) {
  const say = useTexts();
  if (isMissing(error)) return <Missing back={back} />;
  return (
    <SpaceBetween size="m">
      <Refusal error={error} />
      <Button onClick={retry}>{say("action.retry")}</Button>
    </SpaceBetween>
  );
}

export function Crashed({ error, reset }: ErrorComponentProps) {
  const say = useTexts();
  return (
    <SpaceBetween size="m">
      <Box variant="h1">{say("error.page")}</Box>
      <Refusal error={error} />
      <Button onClick={reset}>{say("action.retry")}</Button>
    </SpaceBetween>
  );
}
