// Whether an elastic IP leads somewhere.

import StatusIndicator from "@cloudscape-design/components/status-indicator";

import { useTexts } from "../texts/texts";
import type { ElasticIp } from "./api";
import { networkTexts } from "./texts";

export function EipStatus({ eip: { status } }: { eip: ElasticIp }) {
  const say = useTexts(networkTexts);
  return <StatusIndicator type={status === "ASSOCIATED" ? "success" : "stopped"}>{say(`eip.state.${status}`)}</StatusIndicator>;
}
