"""The workflow's network: VPC, filters, templates, and a group of instances in it."""

from lab import equal, step, until
from ours import ANYBODY, EVERYTHING, ICMP, IN, NAME, OUT, TCP, UDP, ag, vm, vpc
from sdk import filters


class Network:
    """Ids of a VPC and of what is in it."""


def network():
    """VPC, subnet, security group, ACL, templates."""
    net = Network()
    net.vpc = vpc("CreateVpc", vpcName=NAME, addressPrefix="10.77.0.0/16", description="by the SDK")["vpcId"]
    net.subnet = vpc(
        "CreateSubnet", vpcId=net.vpc, subnetName=NAME, addressPrefix="10.77.1.0/24", description="web"
    )["subnetId"]
    net.security_group = vpc("CreateNetworkSecurityGroup", vpcId=net.vpc, networkSecurityGroupName=NAME)[
        "networkSecurityGroupId"
    ]
    rules = [
        {"protocol": TCP, "direction": IN, "addressPrefix": ANYBODY, "fromPort": 8080, "toPort": 8081},
        {"protocol": EVERYTHING, "direction": OUT, "addressPrefix": ANYBODY, "description": "all"},
        {"protocol": UDP, "direction": IN, "addressPrefix": ANYBODY, "fromPort": 1, "toPort": 1},
        {"protocol": TCP, "direction": IN, "addressPrefix": ANYBODY},
    ]
    vpc(
        "AddNetworkSecurityGroupRules",
        networkSecurityGroupId=net.security_group,
        networkSecurityGroupRuleSpecs=rules,
    )
    net.acl = vpc("CreateNetworkAcl", vpcId=net.vpc, networkAclName=NAME, description="border")["networkAclId"]
    rules = [
        {"direction": direction, "protocol": protocol, "addressPrefix": ANYBODY, "ruleAction": action, "priority": at}
        for direction in ("ingress", "egress")
        for protocol, action, at in [("All", "allow", 1000), ("TCP", "deny", 900)]
    ]
    vpc("AddNetworkAclRules", networkAclId=net.acl, networkAclRuleSpecs=rules)
    vpc("AssociateNetworkAcl", networkAclId=net.acl, subnetIds=[net.subnet])
    image = vm("DescribeImages", imageSource="public", pageSize=10)["images"][0]
    equal(vm("DescribeImage", imageId=image["imageId"])["image"], image, "the image alone and in the list")
    sizes = vm("DescribeInstanceTypes", filters=filters(architecture=image["architecture"]))["instanceTypes"]
    net.azs = [state["az"] for state in sizes[0]["state"] if state["inStock"]]
    equal(len(net.azs), 2, "zones with hosts")
    data = {
        "instanceType": sizes[0]["instanceType"],
        "imageId": image["imageId"],
        "primaryNetworkInterface": {
            "networkInterface": {"subnetId": net.subnet, "securityGroups": [net.security_group]}
        },
        "metadata": [{"key": "made-by", "value": NAME}],
    }
    net.template, net.other_template = (
        vm("CreateInstanceTemplate", name=f"{NAME}-{number}", instanceTemplateData=data)["instanceTemplateId"]
        for number in (1, 2)
    )
    vm("VerifyInstanceTemplate", instanceTemplateId=net.template)
    step(f"network {net.vpc}")
    return net


def names_and_rules_change(net):
    """What was made is shown as it is, and as it becomes."""
    vpc("ModifyVpc", vpcId=net.vpc, description="changed")
    shown = vpc("DescribeVpc", vpcId=net.vpc)["vpc"]
    equal(
        (shown["vpcName"], shown["description"], shown["addressPrefix"], shown["aclIds"]),
        (NAME, "changed", "10.77.0.0/16", [net.acl]),
        "the VPC",
    )
    vpc("ModifySubnet", subnetId=net.subnet, subnetName=f"{NAME}-1")
    shown = vpc("DescribeSubnet", subnetId=net.subnet)["subnet"]
    equal(
        (shown["subnetName"], shown["description"], shown["aclId"], shown["availableIpCount"], shown["startIp"]),
        (f"{NAME}-1", "web", net.acl, 252, "10.77.1.3"),
        "the subnet",
    )

    vpc("ModifyNetworkSecurityGroup", networkSecurityGroupId=net.security_group, description="servers")
    rules = security_group(net)["securityGroupRules"]
    equal(
        [(rule["protocol"], rule["direction"], rule["fromPort"], rule["toPort"]) for rule in rules],
        [(TCP, IN, 8080, 8081), (EVERYTHING, OUT, 0, 0), (UDP, IN, 1, 1), (TCP, IN, 1, 65535)],
        "rules of the security group",
    )
    # Datagrams in earnest, and pings beside them, for their health checks.
    vpc(
        "ModifyNetworkSecurityGroupRules",
        networkSecurityGroupId=net.security_group,
        modifySecurityGroupRuleSpecs=[
            {"ruleId": rules[2]["ruleId"], "fromPort": 8080, "toPort": 8080},
            {"ruleId": rules[3]["ruleId"], "protocol": ICMP, "description": "pings"},
        ],
    )
    vpc(
        "AddNetworkSecurityGroupRules",
        networkSecurityGroupId=net.security_group,
        networkSecurityGroupRuleSpecs=[{"protocol": TCP, "direction": IN, "addressPrefix": "10.0.0.0/8"}],
    )
    vpc(
        "RemoveNetworkSecurityGroupRules",
        networkSecurityGroupId=net.security_group,
        ruleIds=[security_group(net)["securityGroupRules"][-1]["ruleId"]],
    )
    rules = security_group(net)["securityGroupRules"]
    equal(
        [(rule["protocol"], rule["fromPort"], rule["toPort"], rule["description"]) for rule in rules[2:]],
        [(UDP, 8080, 8080, ""), (ICMP, 0, 0, "pings")],
        "rules of the security group",
    )

    vpc("ModifyNetworkAcl", networkAclId=net.acl, networkAclName=f"{NAME}-1")
    denied = [rule for rule in acl(net)["networkAclRules"] if rule["ruleAction"] == "deny"]
    vpc(
        "ModifyNetworkAclRules",
        networkAclId=net.acl,
        modifyNetworkAclRuleSpecs=[{"ruleId": denied[0]["ruleId"], "ruleAction": "allow", "priority": 800}],
    )
    vpc("RemoveNetworkAclRules", networkAclId=net.acl, ruleIds=[denied[1]["ruleId"]])
    shown = acl(net)
    equal(shown["subnetIds"], [net.subnet], "subnets of the ACL")
    equal(
        [(rule["direction"], rule["protocol"], rule["ruleAction"], rule["priority"]) for rule in shown["networkAclRules"]],
        [("ingress", "All", "allow", 1000), ("ingress", "TCP", "allow", 800), ("egress", "All", "allow", 1000)],
        "rules of the ACL",
    )
    step("names and rules change")


def security_group(net):
    """The security group as it is shown."""
    return vpc("DescribeNetworkSecurityGroup", networkSecurityGroupId=net.security_group)["networkSecurityGroup"]


def acl(net):
    """The ACL as it is shown."""
    return vpc("DescribeNetworkAcl", networkAclId=net.acl)["networkAcl"]


class Group:
    """An availability group, and ids of its instances."""


def group_of_instances(net):
    """Three instances of a group in both zones, and one that calls them."""
    group = Group()
    group.id = ag("CreateAg", azs=net.azs, agName=NAME, instanceTemplateId=net.template, agType="vm")["agId"]
    ag("UpdateAg", agId=group.id, description="servers")
    request = {
        "maxCount": 3,
        "instanceSpec": {"name": "web-[01]", "agId": group.id, "userTags": [{"key": "made-by", "value": NAME}]},
        "clientToken": f"{NAME}-web",
    }
    group.ids = vm("CreateInstances", **request)["instanceIds"]
    equal(vm("CreateInstances", **request)["instanceIds"], group.ids, "instances of the same request")
    net.caller = vm(
        "CreateInstances", instanceSpec={"name": f"{NAME}.caller", "instanceTemplateId": net.template, "az": net.azs[0]}
    )["instanceIds"][0]
    until("running instances", lambda: statuses(net) == ["running"] * 4)
    tagged = vm("DescribeInstances", tags=[{"key": "made-by", "values": [NAME]}])["instances"]
    equal([one["instanceId"] for one in tagged], group.ids, "instances with the tag, oldest first")
    equal([one["instanceName"] for one in tagged], ["web-01", "web-02", "web-03"], "names of a batch")
    equal({one["az"] for one in tagged}, set(net.azs), "zones of the group")
    equal({one["ag"]["name"] for one in tagged}, {NAME}, "the group's name")
    vm("ModifyInstanceAttribute", instanceId=net.caller, name="caller", description="calls")
    shown = vm("DescribeInstance", instanceId=net.caller)["instance"]
    equal((shown["instanceName"], shown["description"]), ("caller", "calls"), "the changed instance")
    group.addresses = {one["instanceId"]: one["privateIpAddress"] for one in tagged}
    shown = ag("DescribeAg", agId=group.id)["ag"]
    equal((shown["count"], shown["description"], shown["azs"]), (3, "servers", net.azs), "the group")
    net.caller_address = vm("DescribeInstance", instanceId=net.caller)["instance"]["privateIpAddress"]
    used = {quota["resourceType"]: quota["used"] for quota in vm("DescribeQuotas")["quotas"]}
    assert used["instance"] >= 4 and used["instanceTemplate"] >= 2, used
    assert ag("DescribeQuotas", filters=filters(resourceTypes="ag"))["quotas"][0]["used"] >= 1

    ag("SetInstanceTemplate", agId=group.id, instanceTemplateId=net.other_template)
    vm("UpdateInstanceTemplate", instanceTemplateId=net.other_template, description="for the next ones")
    shown = vm("DescribeInstanceTemplate", instanceTemplateId=net.other_template)["instanceTemplate"]
    equal((shown["description"], shown["ags"]), ("for the next ones", [{"id": group.id, "name": NAME}]), "the template")
    equal(shown["instanceTemplateData"]["vpcId"], net.vpc, "the template's VPC")
    step(f"group {group.id} of three")
    return group


def statuses(net):
    """Statuses of all instances of the network."""
    shown = vm("DescribeInstanceStatus", pageSize=100, filters=filters(vpcId=net.vpc))["instanceStatuses"]
    return [one["status"] for one in shown]
