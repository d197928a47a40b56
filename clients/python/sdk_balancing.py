"""The workflow's load balancer: listeners, backend services, server groups, and who answers."""

from jdcloud_sdk.services.lb.models.HealthCheckSpec import HealthCheckSpec

import lab
from lab import answered, equal, step, until
from ours import NAME, QUICK, ag, lb, sdk, vm, vpc
from sdk import OLDER, filters


class Balancer:
    """Ids and addresses of a load balancer."""


def load_balancer(net):
    """A load balancer with a wanted VIP, which becomes public."""
    balancer = Balancer()
    balancer.vip = "10.77.1.200"
    balancer.id = lb(
        "CreateLoadBalancer",
        loadBalancerName=NAME,
        subnetId=net.subnet,
        type="dnlb",
        privateIpAddress=balancer.vip,
        deleteProtection=True,
        userTags=[{"key": "made-by", "value": NAME}],
    )["loadBalancerId"]
    balancer.eip = vpc(
        "CreateElasticIps",
        maxCount=1,
        elasticIpSpec={"bandwidthMbps": 5, "provider": "bgp"},
        userTags=[{"key": "made-by", "value": NAME}],
    )["elasticIpIds"][0]
    vpc("ModifyElasticIp", elasticIpId=balancer.eip, bandwidthMbps=200)
    lb("AssociateElasticIp", loadBalancerId=balancer.id, elasticIpId=balancer.eip)
    shown = vpc("DescribeElasticIp", elasticIpId=balancer.eip)["elasticIp"]
    equal(
        (shown["bandwidthMbps"], shown["instanceId"], shown["instanceType"], shown["privateIpAddress"], shown["status"]),
        (200, balancer.id, "lb", balancer.vip, "ASSOCIATED"),
        "the elastic IP",
    )
    balancer.address = shown["elasticIpAddress"]
    shown = describe(balancer)
    equal(
        (shown["state"]["code"], shown["vpcId"], shown["azs"], shown["deleteProtection"], shown["type"]),
        ("ACTIVE", net.vpc, net.azs, True, "dnlb"),
        "the load balancer",
    )
    equal(
        shown["privateIp"],
        {"privateIpAddress": balancer.vip, "elasticIpId": balancer.eip, "elasticIpAddress": balancer.address},
        "its addresses",
    )
    step(f"load balancer {balancer.id}: {balancer.vip}, {balancer.address}")
    return balancer


def describe(balancer):
    """The load balancer as it is shown."""
    return lb("DescribeLoadBalancer", loadBalancerId=balancer.id)["loadBalancer"]


def service_by_group(net, group, balancer):
    """A backend service and a listener: the group's instances take traffic, by source or by five-tuple."""
    # The SDK's own model, which writes null for whatever is not set.
    check = HealthCheckSpec("Tcp", **QUICK)
    backend = lb(
        "CreateBackend",
        backendName=NAME,
        loadBalancerId=balancer.id,
        protocol="Tcp",
        port=8080,
        healthCheckSpec=check,
        agIds=[group.id],
    )["backendId"]
    listener = lb(
        "CreateListener",
        listenerName=NAME,
        protocol="Tcp",
        port=80,
        backendId=backend,
        loadBalancerId=balancer.id,
        connectionIdleTimeSeconds=600,
    )["listenerId"]
    healthy(backend, 3)
    shown = health(backend)
    equal([one["instanceId"] for one in shown], group.ids, "targets")
    equal({(one["agId"], one["port"], one["type"]) for one in shown}, {(group.id, 8080, "vm")}, "members are alike")
    one_answers = until("answer", lambda: list(lab.send("client", public(balancer), 8)["instances"]))
    answered("client", public(balancer), 200, lab.OUTSIDE, one_answers)

    lb("UpdateBackend", backendId=backend, algorithm="QuintupleHash", connectionDrainingSeconds=30, description="web")
    shown = lb("DescribeBackend", backendId=backend)["backend"]
    equal(
        (shown["algorithm"], shown["connectionDrainingSeconds"], shown["description"], shown["agIds"]),
        ("QuintupleHash", 30, "web", [group.id]),
        "the backend service",
    )
    equal(shown["healthCheck"], {"protocol": "Tcp", "port": 0, **QUICK}, "its health check")
    until("spread", lambda: len(lab.send("client", public(balancer), 64)["instances"]) == 3)
    answered("client", public(balancer), 300, lab.OUTSIDE, group.ids)
    answered(net.caller, private(balancer), 300, net.caller_address, group.ids)
    shown = lb("DescribeListener", listenerId=listener)["listener"]
    equal(
        (shown["protocol"], shown["port"], shown["status"], shown["action"], shown["connectionIdleTimeSeconds"]),
        ("Tcp", 80, "On", "Forward", 600),
        "the listener",
    )
    step("served by the group")
    return backend, listener


def public(balancer):
    """Where clients outside find the service."""
    return f"http://{balancer.address}/"


def private(balancer):
    """Where instances find the service."""
    return f"http://{balancer.vip}/"


def health(backend):
    """Health of a backend service's targets."""
    return lb("DescribeTargetHealth", backendId=backend)["targetHealths"]


def healthy(backend, count):
    """Waits until exactly so many targets are healthy, and all hosts know."""
    until(f"{count} healthy targets", lambda: [one["status"] for one in health(backend)].count("healthy") == count)
    lab.settled()


def listener_and_balancer_go_off_and_on(net, group, balancer, listener):
    """A listener that is off, like a load balancer that is stopped, takes no connections."""
    outside, inside = ("client", public(balancer), lab.OUTSIDE), (net.caller, private(balancer), net.caller_address)
    listening = {"listenerId": listener}
    balancing = {"loadBalancerId": balancer.id}
    # One is looked at from outside, the other from inside: where nobody listens, time-outs take their time.
    for place, operation, off, on in [
        (outside, "UpdateListener", {**listening, "status": "Off"}, {**listening, "status": "On"}),
        (inside, "UpdateLoadBalancer", {**balancing, "action": "Stop"}, {**balancing, "action": "Start"}),
    ]:
        node, url, address = place
        lb(operation, **off)
        until("refusal", lambda: lab.all_refused(node, url))
        lb(operation, **on)
        until("answer", lambda: not lab.send(node, url, 32)["failed"])
        answered(node, url, 100, address, group.ids)
    equal(describe(balancer)["state"]["code"], "ACTIVE", "state")
    step("off and on")


def checks_are_closed_and_opened(group, backend):
    """Without checks the health of targets is not known."""
    lb("UpdateBackend", backendId=backend, closeHealthCheck=True)
    equal({one["status"] for one in health(backend)}, {"N/A"}, "health without checks")
    lb("UpdateBackend", backendId=backend, closeHealthCheck=False, healthCheckSpec={"protocol": "Tcp", "port": 9})
    until("unhealthy targets", lambda: {one["status"] for one in health(backend)} == {"unhealthy"})
    if not OLDER:
        reasons = {one["unhealthReason"]["reason"] for one in health(backend)}
        assert reasons <= {"CONNECT_FAILED", "CONNECT_TIMEOUT"}, reasons
    asking = {"protocol": "Http", "port": 0, "httpDomain": "shop.example", "httpPath": "/health", "httpCode": ["200,3xx"]}
    lb("UpdateBackend", backendId=backend, healthCheckSpec=asking)
    healthy(backend, len(group.ids))
    shown = lb("DescribeBackend", backendId=backend)["backend"]["healthCheck"]
    equal({name: shown[name] for name in asking}, {**asking, "httpCode": ["200", "3xx"]}, "check by HTTP")
    lb("UpdateBackend", backendId=backend, healthCheckSpec={"httpCode": ["404"]})
    until("unhealthy targets", lambda: {one["status"] for one in health(backend)} == {"unhealthy"})
    if not OLDER:
        equal({one["unhealthReason"]["reason"] for one in health(backend)}, {"HTTP_CODE_MISMATCH"}, "reason")
    lb("UpdateBackend", backendId=backend, healthCheckSpec={"protocol": "Tcp"})
    healthy(backend, len(group.ids))
    step("checks closed and opened, by TCP and by HTTP")


def balancer_moves(net, group, balancer):
    """The VIP moves to another address; the elastic IP goes with it, or somewhere else."""
    balancer.vip = "10.77.1.201"
    lb("UpdateLoadBalancer", loadBalancerId=balancer.id, privateIpAddress=balancer.vip, loadBalancerName=f"{NAME}-1")
    until("answer", lambda: not lab.send(net.caller, private(balancer), 32)["failed"])
    answered(net.caller, private(balancer), 100, net.caller_address, group.ids)
    until("answer", lambda: not lab.send("client", public(balancer), 32)["failed"])
    lb("DisassociateElasticIp", loadBalancerId=balancer.id, elasticIpId=balancer.eip)
    equal(vpc("DescribeElasticIp", elasticIpId=balancer.eip)["elasticIp"]["status"], "NOT_ASSOCIATED", "status")
    lb("AssociateElasticIp", loadBalancerId=balancer.id, elasticIpId=balancer.eip)
    until("answer", lambda: not lab.send("client", public(balancer), 32)["failed"])
    step("moved")


def datagrams(net, group, balancer):
    """Datagrams are balanced as well; who takes them is pinged."""
    backend = lb(
        "CreateBackend",
        backendName=f"{NAME}-udp",
        loadBalancerId=balancer.id,
        protocol="Udp",
        port=8080,
        algorithm="QuintupleHash",
        healthCheckSpec={"protocol": "Icmp", **QUICK},
        agIds=[group.id],
    )["backendId"]
    # The same port as the other listener's, of another protocol.
    listener = lb(
        "CreateListener",
        listenerName=f"{NAME}-udp",
        protocol="Udp",
        port=80,
        backendId=backend,
        loadBalancerId=balancer.id,
    )["listenerId"]
    healthy(backend, 3)
    url = f"udp://{balancer.address}:80"
    until("answer", lambda: not lab.send("client", url, 32)["failed"])
    answered("client", url, 100, lab.OUTSIDE, group.ids)
    answered(net.caller, f"udp://{balancer.vip}:80", 100, net.caller_address, group.ids)
    lb("DeleteListener", listenerId=listener)
    lb("DeleteBackend", backendId=backend)
    step("datagrams")


def target_groups(group, balancer, backend):
    """Hand-picked targets with weights take the group's place, and give it back."""
    chosen = lb("CreateTargetGroup", targetGroupName=NAME, loadBalancerId=balancer.id, description="by hand")[
        "targetGroupId"
    ]
    lb("UpdateTargetGroup", targetGroupId=chosen, targetGroupName=f"{NAME}-1")
    shown = lb("DescribeTargetGroup", targetGroupId=chosen)["targetGroup"]
    equal((shown["targetGroupName"], shown["description"], shown["type"]), (f"{NAME}-1", "by hand", "instance"), "it")
    light, heavy, gone = group.ids
    specs = [
        {"instanceId": light},
        {"instanceId": heavy, "weight": 30},
        {"instanceId": gone, "port": 8081, "weight": 100},
    ]
    lb("RegisterTargets", targetGroupId=chosen, targetSpecs=specs)
    targets = {one["instanceId"]: one for one in lb("DescribeTargets", targetGroupId=chosen)["targets"]}
    equal(
        [(targets[id]["port"], targets[id]["weight"], targets[id]["privateIpAddress"]) for id in group.ids],
        [(0, 10, group.addresses[light]), (0, 30, group.addresses[heavy]), (8081, 100, group.addresses[gone])],
        "targets",
    )
    for wanted in [
        {"instanceId": gone},
        {"port": "8081"},
        {"targetIds": [targets[gone]["targetId"]]},
        {"ipAddress": group.addresses[gone]},
    ]:
        found = lb("DescribeTargets", targetGroupId=chosen, filters=filters(**wanted))
        equal([one["instanceId"] for one in found["targets"]], [gone], f"targets with {wanted}")

    lb("UpdateBackend", backendId=backend, targetGroupIds=[chosen])
    shown = lb("DescribeBackend", backendId=backend)["backend"]
    equal((shown["targetGroupIds"], shown["agIds"]), ([chosen], []), "the server group")
    # Nobody listens at 8081.
    until("verdict", lambda: {one["instanceId"]: one["status"] for one in health(backend)} == {
        light: "healthy", heavy: "healthy", gone: "unhealthy"
    })
    equal({one["targetGroupId"] for one in health(backend)}, {chosen}, "the group of the targets")
    shares_are(balancer, {light: 25, heavy: 75})
    changes = [
        {"targetId": targets[light]["targetId"], "weight": 30},
        {"targetId": targets[heavy]["targetId"], "weight": 10},
        {"targetId": targets[gone]["targetId"], "port": 0, "weight": 1},
    ]
    lb("UpdateTargets", targetGroupId=chosen, targetUpdateSpecs=changes)
    healthy(backend, 3)
    lb("DeRegisterTargets", targetGroupId=chosen, targetIds=[targets[gone]["targetId"]])
    healthy(backend, 2)
    shares_are(balancer, {light: 75, heavy: 25})
    sdk.refused(400, "FAILED_PRECONDITION", backend, "lb", "DeleteTargetGroup", targetGroupId=chosen)

    lb("UpdateBackend", backendId=backend, agIds=[group.id])
    healthy(backend, 3)
    lb("DeleteTargetGroup", targetGroupId=chosen)
    sdk.refused(404, "NOT_FOUND", chosen, "lb", "DescribeTargetGroup", targetGroupId=chosen)
    step("target groups")


def shares_are(balancer, wanted):
    """Waits until instances answer in these percentages."""
    def near():
        served = lab.send("client", public(balancer), 1000)
        shares = {id: count / 10 for id, count in served["instances"].items()}
        return shares.keys() == wanted.keys() and all(abs(shares[id] - wanted[id]) < 5 for id in wanted)

    until(f"shares {wanted}", near)


def members_have_weights(group, balancer, backend):
    """What only the newest release can say: weights of the members of an availability group."""
    lb("UpdateBackend", backendId=backend, agInfoSpec={"agId": group.id, "defaultWeight": 20})
    shown = lb("DescribeBackend", backendId=backend)["backend"]
    equal(shown["agInfos"], [{"agId": group.id, "defaultWeight": 20}], "the group and its weight")
    targets = lb("DescribeAgTargets", backendId=backend, pageSize=10)["agTargets"]
    equal([(one["instanceId"], one["weight"]) for one in targets], [(id, 20) for id in group.ids], "members")
    changes = [{"targetId": targets[0]["targetId"], "weight": 80}]
    lb("UpdateAgTargets", backendId=backend, targetUpdateSpecs=changes)
    equal([one["weight"] for one in health(backend)], [80, 20, 20], "weights of the targets")
    first, second, third = group.ids
    shares_are(balancer, {first: 66.7, second: 16.7, third: 16.7})
    paged = lb("DescribeTargetHealth", backendId=backend, pageNumber=1, pageSize=10)
    equal((len(paged["targetHealths"]), paged["totalCount"]), (3, 3), "a page of health")
    lb("UpdateBackend", backendId=backend, agInfoSpec={"agId": group.id, "defaultWeight": 80})
    until("even shares", lambda: [one["weight"] for one in health(backend)] == [80, 80, 80])
    shares_are(balancer, {first: 33.3, second: 33.3, third: 33.3})
    step("members have weights")


def instances_stop_start_and_leave(net, group, balancer, backend):
    """An instance that does not run takes no traffic; one that is abandoned lives on outside the group."""
    last = group.ids[-1]

    def status():
        return vm("DescribeInstance", instanceId=last)["instance"]["status"]

    vm("StopInstance", instanceId=last)
    until("stop", lambda: status() == "stopped")
    healthy(backend, 2)
    sdk.refused(400, "FAILED_PRECONDITION", "stopped", "vm", "StopInstance", instanceId=last)
    answered("client", public(balancer), 100, lab.OUTSIDE, group.ids[:2])
    vm("StartInstance", instanceId=last)
    until("start", lambda: status() == "running")
    healthy(backend, 3)
    vm("RebootInstance", instanceId=last)
    until("start", lambda: status() == "running")
    ag("AbandonInstances", agId=group.id, instanceIds=[last])
    healthy(backend, 2)
    group.ids.pop()
    net.abandoned = last
    equal(ag("DescribeAg", agId=group.id)["ag"]["count"], 2, "members")
    assert "ag" not in vm("DescribeInstance", instanceId=last)["instance"]
    until("two", lambda: len(lab.send("client", public(balancer), 64)["instances"]) == 2)
    answered("client", public(balancer), 100, lab.OUTSIDE, group.ids)
    step("stopped, started, abandoned")
