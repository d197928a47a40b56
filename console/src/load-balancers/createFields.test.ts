import { expect, test } from "vitest";

import type { ElasticIp, Subnet } from "../network/api";
import { checkLoadBalancer, type CreateFields, fittingElasticIps, loadBalancerSpec, USUAL_LOAD_BALANCER } from "./createFields";
import { countOfListeners, summary } from "./health";

const subnet = { subnetId: "subnet-1", addressPrefix: "10.0.1.0/24", endIp: "10.0.1.254" } as Subnet;
const typed: CreateFields = { ...USUAL_LOAD_BALANCER, loadBalancerName: "web", vpcId: "vpc-1", subnetId: "subnet-1" };

function wrong(changes: Partial<CreateFields>): string[] {
  return Object.entries(checkLoadBalancer({ ...typed, ...changes }, [subnet])).flatMap(([field, problem]) => (problem === undefined ? [] : [field]));
}

test.each<[Partial<CreateFields>, string[]]>([
  [{}, []],
  [{ loadBalancerName: "", vpcId: "", subnetId: "" }, ["loadBalancerName", "vpcId", "subnetId"]],
  [{ vip: "byHand" }, ["privateIpAddress"]],
  [{ vip: "byHand", privateIpAddress: "10.0.2.1" }, ["privateIpAddress"]],
  [{ vip: "byHand", privateIpAddress: " 10.0.1.9 " }, []],
  [{ privateIpAddress: "nonsense, but not asked for" }, []],
  [{ eip: "existing" }, ["elasticIpId"]],
  [{ eip: "new", bandwidthMbps: "201" }, ["bandwidthMbps"]],
])("%o is wrong at %o", (changes, fields) => expect(wrong(changes)).toEqual(fields));

test("only what was chosen is sent", () => {
  const filled = { ...typed, privateIpAddress: "10.0.1.9", elasticIpId: "fip-1" };
  expect(loadBalancerSpec(filled)).not.toHaveProperty("privateIpAddress");
  expect(loadBalancerSpec({ ...filled, eip: "existing" })).not.toHaveProperty("elasticIp");
  expect(loadBalancerSpec({ ...filled, vip: "byHand", eip: "new" })).toMatchObject({ privateIpAddress: "10.0.1.9", elasticIp: { bandwidthMbps: 10 } });
});

test("elastic IPs are of the subnet's family", () => {
  const eips = [{ elasticIpId: "four", ipVersion: 4 }, { elasticIpId: "six", ipVersion: 6 }] as ElasticIp[];
  expect(fittingElasticIps(eips, subnet).map(({ elasticIpId }) => elasticIpId)).toEqual(["four"]);
  expect(fittingElasticIps(eips, { ...subnet, addressPrefix: "fd00::/64" }).map(({ elasticIpId }) => elasticIpId)).toEqual(["six"]);
});

test("targets that two listeners share count once", () => {
  const of = (backendId: string, healthyTargets: number, totalTargets: number) => ({ backendId, healthyTargets, totalTargets }) as Parameters<typeof countOfListeners>[0][number];
  expect(countOfListeners([of("a", 1, 2), of("a", 1, 2), of("b", 3, 3)])).toEqual({ healthy: 4, total: 5 });
  expect([summary(2, 2), summary(1, 2), summary(0, 2)]).toEqual(["success", "warning", "error"]);
});
