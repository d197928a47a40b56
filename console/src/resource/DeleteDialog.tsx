// Before something is deleted: what would go, and what still uses it.

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useMutation, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { notify } from "../app/notices";
import { Refusal } from "../app/Outcome";
import { RouteLink } from "../app/RouteLink";
import { useTexts } from "../texts/texts";

export interface User {
  text: string;
  href?: string;
}

interface Props {
  /** The kind, in the user's language. */
  what: string;
  name: string;
  id: string;
  /** What would make the API refuse: found out before, so that it need not. */
  users?: () => Promise<readonly User[]>;
  /** What becomes of things around it. */
  consequence?: ReactNode;
  remove: () => Promise<unknown>;
  onClose: () => void;
  onDeleted?: () => void;
}

export function DeleteDialog({ what, name, id, users = async () => [], consequence, remove, onClose, onDeleted }: Props) {
  const say = useTexts();
  const inUse = useQuery({ queryKey: ["users", id], queryFn: users, staleTime: 0, gcTime: 0 });
  const removing = useMutation({
    mutationFn: remove,
    onSuccess: () => {
      notify({ type: "success", text: say("delete.done", { name }) });
      onClose();
      onDeleted?.();
    },
  });
  const blockers = inUse.data ?? [];
  return (
    <Modal
      visible
      header={say("delete.title", { what, name })}
      closeAriaLabel={say("action.close")}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>{say("action.cancel")}</Button>
            <Button
              variant="primary"
              loading={removing.isPending}
              disabled={inUse.isPending || blockers.length > 0}
              onClick={() => removing.mutate()}
            >
              {say("action.delete")}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {inUse.isPending && <StatusIndicator type="loading">{say("delete.checking")}</StatusIndicator>}
        {blockers.length > 0 && (
          <Alert type="warning" header={say("delete.blocked")}>
            {say("delete.blocked.text")}
            <ul>
              {blockers.map(({ text, href }) => (
                <li key={text}>{href === undefined ? text : <RouteLink href={href}>{text}</RouteLink>}</li>
              ))}
            </ul>
          </Alert>
        )}
        {!inUse.isPending && blockers.length === 0 && (
          <Box>
            {consequence} {say("delete.text")}
          </Box>
        )}
        <Refusal error={removing.error} />
      </SpaceBetween>
    </Modal>
  );
}
