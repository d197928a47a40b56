"""The whole work of a user by the official command line, `jdc`: from an empty VPC to healthy targets, and back to nothing.

`jdc` ends with status 0 even when the API refuses, and has no words for `false`; what it prints is JSON, which is
looked at after every command.
"""

import json
import os
import subprocess
import sys
import tempfile

import lab
from lab import answered, equal, step, until

NAME = "jdc"
ANYBODY = "0.0.0.0/0"
CHECK = {"protocol": "Tcp", "healthyThresholdCount": 1, "unhealthyThresholdCount": 1, "checkTimeoutSeconds": 2}

# Beside the Python that runs this program, of the same environment.
JDC = os.path.join(os.path.dirname(sys.executable), "jdc")

# Profiles are kept in the home folder, wherever that is.
HOME = tempfile.TemporaryDirectory(prefix="dnlb-jdc-")


def run(line, **options):
    """Runs a command; an option's value that is a list or an object is given as JSON. Gives back what it printed."""
    command = [JDC, *line.split()]
    for name, value in options.items():
        text = value if isinstance(value, str) else json.dumps(value)
        command += [f"--{name.replace('_', '-')}", text]
    done = subprocess.run(command, env={**os.environ, "HOME": HOME.name}, capture_output=True, text=True)
    assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
    return done.stdout


def jdc(line, **options):
    """Runs a command that must succeed; gives back the result."""
    printed = json.loads(run(line, **options))
    assert printed["request_id"], f"{line}: a reply without a request id"
    equal(printed["error"], None, line)
    return printed["result"] or {}


def refused(code, status, words, line, **options):
    """Runs a command that must be refused."""
    printed = json.loads(run(line, **options))
    equal(printed["result"], None, line)
    error = printed["error"]
    equal((error["code"], error["status"]), (code, status), f"{line}: {error}")
    assert words in error["message"], f"{line}: {error} does not say `{words}`"


def dnlb(**wanted):
    """Filters, beside the one without which other types of balancers are meant."""
    return [{"name": name, "values": [value]} for name, value in {"loadBalancerType": "dnlb", **wanted}.items()]


def work():
    """Everything, in the order in which a user comes to it."""
    profile("wrong", "not-the-secret")
    refused(401, "ACCESS_ERROR", "Invalid authentication credentials", "vpc describe-vpcs")
    profile("lab", lab.SECRET_KEY)

    vpc = jdc("vpc create-vpc", vpc_name=NAME, address_prefix="10.77.0.0/16")["vpcId"]
    subnet = jdc("vpc create-subnet", vpc_id=vpc, subnet_name=NAME, address_prefix="10.77.1.0/24")["subnetId"]
    group = jdc("vpc create-network-security-group", vpc_id=vpc, network_security_group_name=NAME)
    group = group["networkSecurityGroupId"]
    rules = [
        {"protocol": 6, "direction": 0, "addressPrefix": ANYBODY, "fromPort": 8080, "toPort": 8080},
        {"protocol": 300, "direction": 1, "addressPrefix": ANYBODY},
    ]
    line = "vpc add-network-security-group-rules"
    jdc(line, network_security_group_id=group, network_security_group_rule_specs=rules)
    acl = jdc("vpc create-network-acl", vpc_id=vpc, network_acl_name=NAME)["networkAclId"]
    rules = [
        {"protocol": "All", "direction": way, "addressPrefix": ANYBODY, "ruleAction": "allow", "priority": 1000}
        for way in ("ingress", "egress")
    ]
    jdc("vpc add-network-acl-rules", network_acl_id=acl, network_acl_rule_specs=rules)
    jdc("vpc associate-network-acl", network_acl_id=acl, subnet_ids=[subnet])
    image = jdc("vm describe-images", image_source="public")["images"][0]["imageId"]
    size = jdc("vm describe-instance-types")["instanceTypes"][0]
    azs = [state["az"] for state in size["state"]]
    network = {"networkInterface": {"subnetId": subnet, "securityGroups": [group]}}
    data = {"instanceType": size["instanceType"], "imageId": image, "primaryNetworkInterface": network}
    template = jdc("vm create-instance-template", name=NAME, instance_template_data=data)["instanceTemplateId"]
    ag = jdc("ag create-ag", ag_name=NAME, azs=azs, instance_template_id=template)["agId"]
    ids = jdc("vm create-instances", max_count=2, instance_spec={"name": "web", "agId": ag})["instanceIds"]
    members = [{"name": "agId", "values": [ag]}]

    def running():
        found = jdc("vm describe-instances", filters=members)["instances"]
        return [one["instanceId"] for one in found if one["status"] == "running"] == ids

    until("running instances", running)
    step(f"network {vpc}, group {ag}")

    balancer = jdc("lb create-load-balancer", load_balancer_name=NAME, subnet_id=subnet, type="dnlb")["loadBalancerId"]
    spec = {"bandwidthMbps": 5, "provider": "bgp"}
    eip = jdc("vpc create-elastic-ips", max_count=1, elastic_ip_spec=spec)["elasticIpIds"][0]
    jdc("lb associate-elastic-ip", load_balancer_id=balancer, elastic_ip_id=eip)
    found = jdc("lb describe-load-balancers", filters=dnlb(vpcId=vpc))["loadBalancers"]
    equal([one["loadBalancerId"] for one in found], [balancer], "load balancers")
    url = f"http://{found[0]['privateIp']['elasticIpAddress']}/"
    backend = jdc(
        "lb create-backend",
        backend_name=NAME,
        load_balancer_id=balancer,
        protocol="Tcp",
        port=8080,
        algorithm="QuintupleHash",
        ag_ids=[ag],
        health_check_spec=CHECK,
    )["backendId"]
    listener = jdc(
        "lb create-listener",
        listener_name=NAME,
        protocol="Tcp",
        port=80,
        backend_id=backend,
        load_balancer_id=balancer,
    )["listenerId"]

    def healthy(count):
        health = jdc("lb describe-target-health", backend_id=backend)["targetHealths"]
        return [one["status"] for one in health].count("healthy") == count

    until("healthy targets", lambda: healthy(2))
    until("answer", lambda: not lab.send("client", url, 32)["failed"])
    answered("client", url, 200, lab.OUTSIDE, ids)
    step("served by the group")

    jdc("lb update-listener", listener_id=listener, status="Off")
    until("refusal", lambda: lab.all_refused("client", url))
    jdc("lb update-listener", listener_id=listener, status="On")
    until("answer", lambda: not lab.send("client", url, 32)["failed"])
    # An option of the type bool is true whatever is given, unless nothing is.
    jdc("lb update-load-balancer", load_balancer_id=balancer, delete_protection="false")
    protected = jdc("lb describe-load-balancer", load_balancer_id=balancer)["loadBalancer"]["deleteProtection"]
    equal(protected, True, "what jdc makes of `false`")
    step("off and on")

    targets = jdc("lb create-target-group", target_group_name=NAME, load_balancer_id=balancer)["targetGroupId"]
    specs = [{"instanceId": ids[0], "weight": 50}, {"instanceId": ids[1]}]
    jdc("lb register-targets", target_group_id=targets, target_specs=specs)
    chosen = [{"name": "instanceId", "values": [ids[1]]}]
    found = jdc("lb describe-targets", target_group_id=targets, filters=chosen)["targets"]
    equal([one["weight"] for one in found], [10], "the default weight")
    target = found[0]["targetId"]
    change = [{"targetId": target, "weight": 9}]
    jdc("lb update-targets", target_group_id=targets, target_update_specs=change)
    jdc("lb update-backend", backend_id=backend, target_group_ids=[targets])
    until("healthy targets", lambda: healthy(2))
    jdc("lb de-register-targets", target_group_id=targets, target_ids=[target])
    until("one", lambda: list(lab.send("client", url, 64)["instances"]) == ids[:1])
    answered("client", url, 100, lab.OUTSIDE, ids[:1])
    jdc("lb update-backend", backend_id=backend, ag_ids=[ag])
    jdc("lb delete-target-group", target_group_id=targets)
    step("target group")

    jdc("ag abandon-instances", ag_id=ag, instance_ids=ids[1:])
    equal(jdc("ag describe-ag", ag_id=ag)["ag"]["count"], 1, "members")
    equal(jdc("vpc describe-quota", type="acl", parent_resource_id=vpc)["quota"]["count"], 1, "the VPC's ACLs")
    # The three of them share a path, or all but its last character.
    kinds = {
        quota["resourceType"]
        for line in ("ag describe-quotas", "vm describe-quotas")
        for quota in jdc(line)["quotas"]
    }
    assert kinds >= {"ag", "instance", "instanceTemplate"}, kinds
    busy = ("FAILED_PRECONDITION", listener, "lb delete-backend")
    refused(400, *busy, backend_id=backend)
    taken = {"listener_name": NAME, "protocol": "Tcp", "port": 80, "backend_id": backend}
    refused(409, "ALREADY_EXISTS", "port 80", "lb create-listener", load_balancer_id=balancer, **taken)
    step("quotas and refusals")

    jdc("lb delete-listener", listener_id=listener)
    jdc("lb delete-backend", backend_id=backend)
    refused(400, "FAILED_PRECONDITION", "deleteProtection", "lb delete-load-balancer", load_balancer_id=balancer)
    jdc("lb update-load-balancer", load_balancer_id=balancer, input_json={"deleteProtection": False})
    jdc("lb delete-load-balancer", load_balancer_id=balancer)
    jdc("vpc delete-elastic-ip", elastic_ip_id=eip)
    for instance in ids:
        jdc("vm delete-instance", instance_id=instance)
    jdc("ag delete-ag", ag_id=ag)
    jdc("vm delete-instance-template", instance_template_id=template)
    jdc("vpc disassociate-network-acl", network_acl_id=acl, subnet_id=subnet)
    jdc("vpc delete-network-acl", network_acl_id=acl)
    jdc("vpc delete-network-security-group", network_security_group_id=group)
    jdc("vpc delete-subnet", subnet_id=subnet)
    jdc("vpc delete-vpc", vpc_id=vpc)
    refused(404, "NOT_FOUND", vpc, "vpc describe-vpc", vpc_id=vpc)
    step("back to nothing")


def profile(name, secret_key):
    """Makes a profile, which becomes the current one."""
    printed = run(
        "configure add",
        profile=name,
        access_key=lab.ACCESS_KEY,
        secret_key=secret_key,
        region_id=lab.REGION,
        endpoint=lab.ENDPOINT,
        scheme=lab.SCHEME,
    )
    assert "successfully" in printed, printed


if __name__ == "__main__":
    work()
    step(run("--version").split("\n")[0])
