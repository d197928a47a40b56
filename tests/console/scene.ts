// What tests begin with, made by the command line.

import type { Region } from "./region";

export interface Scene {
  /** The network's, and of all that is made in it the stem. */
  name: string;
  vpcId: string;
  subnetId: string;
  /** The load balancer's. */
  id: string;
  /** Its pages below the console. */
  path: string;
}

let networks = 0;

/** A VPC of its own with a subnet `NAME-web` and a load balancer `NAME`. */
export function scene(region: Region, name: string): Scene {
  networks += 1;
  const { vpcId } = region.dnlb("vpc", "create", name, "--prefix", `10.${networks}.0.0/16`) as { vpcId: string };
  const subnet = region.dnlb("subnet", "create", `${name}-web`, "--vpc", name, "--prefix", `10.${networks}.0.0/24`) as { subnetId: string };
  const balancer = region.dnlb("lb", "create", name, "--subnet", subnet.subnetId) as { loadBalancerId: string };
  const id = balancer.loadBalancerId;
  return { name, vpcId, subnetId: subnet.subnetId, id, path: `load-balancers/${id}` };
}

/** A backend service of its load balancer; its id. */
export function backend(region: Region, { id }: Scene, name: string, ...options: string[]): string {
  return (region.dnlb("backend", "create", name, "--lb", id, "--port", "8080", ...options) as { backendId: string }).backendId;
}

/** A listener of it; its id. */
export function listener(region: Region, { id }: Scene, name: string, port: number, backendId: string): string {
  const made = region.dnlb("listener", "create", name, "--lb", id, "--port", String(port), "--backend", backendId);
  return (made as { listenerId: string }).listenerId;
}

/** An availability group without instances, from a template of its own, in the network; its id. */
export function group(region: Region, { subnetId }: Pick<Scene, "subnetId">, name: string): string {
  const template = region.dnlb("template", "create", `${name}-template`, "--subnet", subnetId) as { id: string };
  return (region.dnlb("ag", "create", name, "--template", template.id) as { id: string }).id;
}

export interface Listener {
  listenerId: string;
  listenerName: string;
  port: number;
  backendId: string;
}

export interface Backend {
  backendId: string;
  backendName: string;
  port: number;
  algorithm: string;
  agIds: string[];
  healthCheck: { intervalSeconds: number; protocol: string };
}

export function listeners(region: Region, { id }: Scene): Listener[] {
  return (region.dnlb("listener", "list") as (Listener & { loadBalancerId: string })[]).filter((one) => one.loadBalancerId === id);
}

export function backends(region: Region, { id }: Scene): Backend[] {
  return (region.dnlb("backend", "list") as (Backend & { loadBalancerId: string })[]).filter((one) => one.loadBalancerId === id);
}
