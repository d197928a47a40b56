// On how many hosts a load balancer is as it should be.

import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Box from "@cloudscape-design/components/box";
import { useQuery } from "@tanstack/react-query";

import { useTexts } from "../texts/texts";
import { convergence } from "./api";

export function ConvergenceStatus({ loadBalancerId }: { loadBalancerId: string }) {
  const say = useTexts();
  const { data } = useQuery({ queryKey: ["convergence", loadBalancerId], queryFn: () => convergence(loadBalancerId) });
  if (data === undefined) return null;
  const { appliedCount: applied, hostCount: total, errors, hosts = [] } = data;
  if (total === 0) return <StatusIndicator type="stopped">{say("convergence.none")}</StatusIndicator>;
  if (applied >= total) return <StatusIndicator type="success">{say("convergence.done", { total })}</StatusIndicator>;
  const behind = hosts.filter((host) => host.appliedRevision !== host.wantedRevision).map((host) => host.hostId);
  return (
    <>
      <StatusIndicator type={data.converged ? "warning" : "in-progress"}>{say("convergence.partly", { applied, total })}</StatusIndicator>
      {behind.length > 0 && <Box variant="small" display="block">{say("convergence.missing", { hosts: behind.join(", ") })}</Box>}
      {errors.map((error) => <Box key={error} variant="small" display="block" color="text-status-error">{error}</Box>)}
    </>
  );
}
