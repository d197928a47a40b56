// Whether somebody, or an account, may do anything.

import StatusIndicator from "@cloudscape-design/components/status-indicator";

import { useTexts } from "../texts/texts";
import { peopleTexts } from "./texts";

export function EnabledStatus({ isOn }: { isOn: boolean }) {
  const say = useTexts(peopleTexts);
  return <StatusIndicator type={isOn ? "success" : "stopped"}>{say(isOn ? "user.enabled" : "user.disabled")}</StatusIndicator>;
}
