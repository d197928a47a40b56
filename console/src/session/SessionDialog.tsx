// Login over a page whose session is over: the page stays as it is, and what it had asked for is asked again.

import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import TextContent from "@cloudscape-design/components/text-content";

import { end, expired } from "../api/session";
import { useCell } from "../app/cell";
import { useTexts } from "../texts/texts";
import { LoginForm } from "./LoginForm";

export function SessionDialog() {
  const say = useTexts();
  const over = useCell(expired);
  if (over === null) return null;
  return (
    <Modal
      visible
      header={say("login.again")}
      // Closing it would leave a page that can do nothing: log in, or log out.
      closeAriaLabel={say("top.logout")}
      onDismiss={({ detail }) => {
        if (detail.reason === "closeButton") end();
      }}
    >
      <SpaceBetween size="m">
        <TextContent>{say("login.ended")}</TextContent>
        <LoginForm only={over} secondary={<Button onClick={end}>{say("top.logout")}</Button>} />
      </SpaceBetween>
    </Modal>
  );
}
