// Hosts where they stand: zones, in them racks, in these hosts.

import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { paths } from "../app/paths";
import { useZones } from "../app/region";
import { RouteLink } from "../app/RouteLink";
import { useTexts } from "../texts/texts";
import type { Host } from "./api";
import { byPlace, conditionOf, countOf } from "./hostState";
import { HostStatus } from "./HostStatus";
import "./hosts.css";
import { hostTexts } from "./texts";
import { useRoles } from "./useRoles";

export function HostMap({ hosts }: { hosts: readonly Host[] }) {
  const say = useTexts(hostTexts);
  const zones = byPlace(hosts, useZones());
  return (
    <div className="host-zones">
      {zones.map(({ az, racks }) => (
        <Container
          key={az}
          header={<Header variant="h2" description={say("host.up.of", countOf(racks.flatMap((rack) => rack.hosts)))}>{say("host.zone", { az })}</Header>}
        >
          <SpaceBetween size="m">
            {racks.length === 0 && <Box color="text-body-secondary">{say("host.none")}</Box>}
            {racks.map(({ rack, hosts: inRack }) => (
              <div key={rack}>
                <Box variant="h3" padding={{ bottom: "xs" }}>{say("host.inRack", { rack })}</Box>
                <ul className="host-tiles">
                  {inRack.map((host) => <Tile key={host.hostId} host={host} />)}
                </ul>
              </div>
            ))}
          </SpaceBetween>
        </Container>
      ))}
    </div>
  );
}

function Tile({ host }: { host: Host }) {
  const say = useTexts(hostTexts);
  const rolesOf = useRoles();
  return (
    <li className={`host-tile host-tile-${conditionOf(host)}`}>
      <RouteLink href={paths.host(host.hostId)}>{host.hostId}</RouteLink>
      <div><HostStatus host={host} /></div>
      <Box fontSize="body-s" color="text-body-secondary">
        {rolesOf(host)}
        {host.compute && ` · ${say("host.carries", { count: host.instanceCount })}`}
      </Box>
    </li>
  );
}
