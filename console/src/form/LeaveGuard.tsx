// Nobody loses what was typed by going to another page by mistake.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useBlocker } from "@tanstack/react-router";
import { useRef } from "react";

import { useTexts } from "../texts/texts";

/** Lets go once the form was sent: what follows is the form's own way out. */
export interface Guard {
  release: () => void;
  isReleased: () => boolean;
}

export function useGuard(): Guard {
  const released = useRef(false);
  return { release: () => (released.current = true), isReleased: () => released.current };
}

export function LeaveGuard({ isEdited, guard }: { isEdited: boolean; guard: Guard }) {
  const say = useTexts();
  const blocker = useBlocker({
    shouldBlockFn: () => isEdited && !guard.isReleased(),
    enableBeforeUnload: () => isEdited && !guard.isReleased(),
    withResolver: true,
  });
  if (blocker.status !== "blocked") return null;
  return (
    <Modal
      visible
      header={say("leave.title")}
      closeAriaLabel={say("action.close")}
      onDismiss={blocker.reset}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={blocker.proceed}>{say("leave.go")}</Button>
            <Button variant="primary" onClick={blocker.reset}>{say("leave.stay")}</Button>
          </SpaceBetween>
        </Box>
      }
    >
      {say("leave.text")}
    </Modal>
  );
}
