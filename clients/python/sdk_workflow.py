"""The whole work of a user by the official Python SDK: from an empty VPC to healthy targets, and back to nothing.

Every operation of `operations.NEEDED` is called; the program fails when one is not. The older and the newest release of
the SDK run the same program.
"""

import lab
import operations
from lab import equal, step, until
from ours import NAME, ag, lb, sdk, vm, vpc
from sdk import OLDER, VERSION, Sdk, filters
from sdk_balancing import (
    balancer_moves,
    checks_are_closed_and_opened,
    datagrams,
    instances_stop_start_and_leave,
    listener_and_balancer_go_off_and_on,
    load_balancer,
    members_have_weights,
    public,
    service_by_group,
    target_groups,
)
from sdk_network import group_of_instances, names_and_rules_change, network


def work():
    """Everything, in the order in which a user comes to it."""
    strangers_are_refused()
    net = network()
    names_and_rules_change(net)
    group = group_of_instances(net)
    balancer = load_balancer(net)
    backend, listener = service_by_group(net, group, balancer)
    listener_and_balancer_go_off_and_on(net, group, balancer, listener)
    checks_are_closed_and_opened(group, backend)
    balancer_moves(net, group, balancer)
    datagrams(net, group, balancer)
    target_groups(group, balancer, backend)
    if not OLDER:
        members_have_weights(group, balancer, backend)
    instances_stop_start_and_leave(net, group, balancer, backend)
    lists_have_pages_and_filters(net, balancer)
    limits(net, balancer, backend)
    nothing_in_use_goes(net, group, balancer, backend, listener)
    back_to_nothing(net, group, balancer, backend, listener)


def strangers_are_refused():
    """Without the right secret nothing is said but that it is wrong."""
    for access_key, secret_key in [(lab.ACCESS_KEY, "wrong"), ("nobody", lab.SECRET_KEY)]:
        Sdk(access_key, secret_key).refused(
            401, "ACCESS_ERROR", "Invalid authentication credentials", "vpc", "DescribeVpcs"
        )
    step("strangers are refused")


def lists_have_pages_and_filters(net, balancer):
    """Filters are ANDed, their values ORed; past the end is the last page."""
    made = [
        lb("CreateTargetGroup", targetGroupName=f"page-{number:02}", loadBalancerId=balancer.id)["targetGroupId"]
        for number in range(11)
    ]

    def page(**asked):
        wanted = filters(loadBalancerType="dnlb", loadBalancerId=balancer.id, **asked.pop("also", {}))
        found = lb("DescribeTargetGroups", filters=wanted, **asked)
        return sorted(one["targetGroupId"] for one in found["targetGroups"]), found["totalCount"]

    first, second, past = (page(pageNumber=number, pageSize=10) for number in (1, 2, 99))
    equal((len(first[0]), len(second[0]), first[1]), (10, 1, 11), "pages")
    equal(past, second, "the page past the end")
    equal(sorted(first[0] + second[0]), sorted(made), "all pages")
    equal(page(also={"targetGroupIds": made[3:5]})[0], sorted(made[3:5]), "two of them")
    sdk.refused(400, "INVALID_ARGUMENT", "pageSize 9", "lb", "DescribeTargetGroups", pageSize=9)
    sdk.refused(
        400, "INVALID_ARGUMENT", "colour", "lb", "DescribeTargetGroups", filters=filters(colour="red")
    )
    for id in made:
        lb("DeleteTargetGroup", targetGroupId=id)

    # Without the filter, balancers of another type are meant.
    for key, operation, wanted in [
        ("loadBalancers", "DescribeLoadBalancers", {"vpcId": net.vpc}),
        ("backends", "DescribeBackends", {"loadBalancerId": balancer.id}),
        ("listeners", "DescribeListeners", {"loadBalancerId": balancer.id}),
    ]:
        equal(lb(operation, filters=filters(**wanted))["totalCount"], 0, f"{key} of the type alb")
        found = lb(operation, filters=filters(loadBalancerType="dnlb", **wanted))
        equal((len(found[key]), found["totalCount"]), (1, 1), key)
    named = [*filters(loadBalancerType="dnlb"), {"name": "loadBalancerNames", "values": [NAME], "operator": "like"}]
    equal(lb("DescribeLoadBalancers", filters=named)["totalCount"], 1, "balancers whose names contain ours")
    tagged = [{"key": "made-by", "values": ["somebody", NAME]}]
    found = lb("DescribeLoadBalancers", filters=filters(loadBalancerType="dnlb"), tags=tagged)["loadBalancers"]
    equal([one["loadBalancerId"] for one in found], [balancer.id], "balancers with the tag")
    equal(vpc("DescribeElasticIps", tags=tagged, filters=filters(status="ASSOCIATED"))["totalCount"], 1, "elastic IPs")
    equal(ag("DescribeAgs", filters=filters(vpcId=net.vpc, agName=NAME[:5]))["totalCount"], 1, "groups")
    for service, operation, wanted, count in [
        (vm, "DescribeInstanceTemplates", {"name": NAME}, 2),
        (vm, "DescribeInstances", {"vpcId": net.vpc, "az": net.azs}, 4),
        (vm, "DescribeInstances", {"vpcId": net.vpc, "instanceId": [net.caller, net.abandoned], "az": "x"}, 0),
        (vpc, "DescribeNetworkAcls", {"vpcId": net.vpc, "networkAclNames": [f"{NAME}-1"]}, 1),
        (vpc, "DescribeNetworkSecurityGroups", {"vpcId": net.vpc}, 1),
        (vpc, "DescribeSubnets", {"vpcId": net.vpc, "aclId": net.acl}, 1),
        (vpc, "DescribeVpcs", {"vpcIds": [net.vpc, "vpc-x"], "vpcNames": [NAME, "x"]}, 1),
    ]:
        equal(service(operation, filters=filters(**wanted))["totalCount"], count, f"{operation} {wanted}")
    step("pages and filters")


def limits(net, balancer, backend):
    """What is wrong, taken, unknown or too much is refused in as many ways."""
    listener = {"listenerName": "no", "protocol": "Tcp", "backendId": backend, "loadBalancerId": balancer.id}
    sdk.refused(400, "INVALID_ARGUMENT", "port 0", "lb", "CreateListener", port=0, **listener)
    sdk.refused(409, "ALREADY_EXISTS", "port 80", "lb", "CreateListener", port=80, **listener)
    sdk.refused(404, "NOT_FOUND", "backend-x", "lb", "CreateListener", port=81, **{**listener, "backendId": "backend-x"})
    sdk.refused(400, "INVALID_ARGUMENT", "layer 4", "lb", "CreateUrlMap", urlMapName="m", loadBalancerId=balancer.id)
    quota = vpc("DescribeQuota", type="subnet", parentResourceId=net.vpc)["quota"]
    equal((quota["type"], quota["parentResourceId"], quota["count"]), ("subnet", net.vpc, 1), "the quota")

    def create(number):
        return {"vpcId": net.vpc, "subnetName": "more", "addressPrefix": f"10.77.{number}.0/24"}

    more = [vpc("CreateSubnet", **create(2 + number))["subnetId"] for number in range(quota["maxLimit"] - 1)]
    words = f"Out of resource quota: {quota['maxLimit']} of {quota['maxLimit']} subnets"
    sdk.refused(429, "QUOTA_EXCEEDED", words, "vpc", "CreateSubnet", **create(100))
    for id in more:
        vpc("DeleteSubnet", subnetId=id)
    step("limits")


def nothing_in_use_goes(net, group, balancer, backend, listener):
    """Whatever is in use is kept, and the refusal names the user."""
    for service, operation, key, id, words in [
        ("lb", "DeleteLoadBalancer", "loadBalancerId", balancer.id, "deleteProtection"),
        ("lb", "DeleteBackend", "backendId", backend, listener),
        ("ag", "DeleteAg", "agId", group.id, "instance i-"),
        ("vm", "DeleteInstanceTemplate", "instanceTemplateId", net.other_template, group.id),
        ("vpc", "DeleteElasticIp", "elasticIpId", balancer.eip, balancer.id),
        ("vpc", "DeleteNetworkAcl", "networkAclId", net.acl, net.subnet),
        ("vpc", "DeleteNetworkSecurityGroup", "networkSecurityGroupId", net.security_group, "instance i-"),
        ("vpc", "DeleteSubnet", "subnetId", net.subnet, balancer.id),
        ("vpc", "DeleteVpc", "vpcId", net.vpc, net.subnet),
    ]:
        sdk.refused(400, "FAILED_PRECONDITION", words, service, operation, **{key: id})
    step("nothing in use goes")


def back_to_nothing(net, group, balancer, backend, listener):
    """Everything is deleted, in the documented order, and gone."""
    lb("DeleteListener", listenerId=listener)
    until("refusal", lambda: lab.all_refused("client", public(balancer)))
    lb("DeleteBackend", backendId=backend)
    lb("UpdateLoadBalancer", loadBalancerId=balancer.id, deleteProtection=False)
    lb("DeleteLoadBalancer", loadBalancerId=balancer.id)
    equal(vpc("DescribeElasticIp", elasticIpId=balancer.eip)["elasticIp"]["status"], "NOT_ASSOCIATED", "status")
    vpc("DeleteElasticIp", elasticIpId=balancer.eip)
    for id in [*group.ids, net.abandoned, net.caller]:
        vm("DeleteInstance", instanceId=id)
    ag("DeleteAg", agId=group.id)
    for id in (net.template, net.other_template):
        vm("DeleteInstanceTemplate", instanceTemplateId=id)
    vpc("DisassociateNetworkAcl", networkAclId=net.acl, subnetId=net.subnet)
    vpc("DeleteNetworkAcl", networkAclId=net.acl)
    vpc("DeleteNetworkSecurityGroup", networkSecurityGroupId=net.security_group)
    vpc("DeleteSubnet", subnetId=net.subnet)
    vpc("DeleteVpc", vpcId=net.vpc)
    sdk.refused(404, "NOT_FOUND", net.vpc, "vpc", "DescribeVpc", vpcId=net.vpc)
    equal(vm("DescribeInstances", filters=filters(vpcId=net.vpc))["totalCount"], 0, "instances left")
    step("back to nothing")


if __name__ == "__main__":
    work()
    equal(operations.missing(sdk.called), [], "operations that were not called")
    shown, fields = sdk.seen.check()
    step(f"jdcloud_sdk {VERSION}: {len(sdk.called)} operations, {shown} models with {fields} fields")
