"""The operations that the region promises to the official clients, a line a kind of resource."""

NEEDED = {
    "ag": """
        CreateAg DescribeAg DescribeAgs UpdateAg SetInstanceTemplate AbandonInstances DeleteAg
        DescribeQuotas
    """,
    "lb": """
        CreateLoadBalancer DescribeLoadBalancer DescribeLoadBalancers UpdateLoadBalancer DeleteLoadBalancer
        AssociateElasticIp DisassociateElasticIp
        CreateBackend DescribeBackend DescribeBackends UpdateBackend DeleteBackend DescribeTargetHealth
        CreateListener DescribeListener DescribeListeners UpdateListener DeleteListener
        CreateTargetGroup DescribeTargetGroup DescribeTargetGroups UpdateTargetGroup DeleteTargetGroup
        RegisterTargets DescribeTargets UpdateTargets DeRegisterTargets
    """,
    "vm": """
        CreateInstanceTemplate DescribeInstanceTemplate DescribeInstanceTemplates UpdateInstanceTemplate
        VerifyInstanceTemplate DeleteInstanceTemplate
        CreateInstances DescribeInstance DescribeInstances DescribeInstanceStatus DeleteInstance
        StartInstance StopInstance RebootInstance
        DescribeImage DescribeImages DescribeInstanceTypes DescribeQuotas
    """,
    "vpc": """
        CreateVpc DescribeVpc DescribeVpcs ModifyVpc DeleteVpc
        CreateSubnet DescribeSubnet DescribeSubnets ModifySubnet DeleteSubnet
        CreateNetworkSecurityGroup DescribeNetworkSecurityGroup DescribeNetworkSecurityGroups
        ModifyNetworkSecurityGroup DeleteNetworkSecurityGroup
        AddNetworkSecurityGroupRules ModifyNetworkSecurityGroupRules RemoveNetworkSecurityGroupRules
        CreateNetworkAcl DescribeNetworkAcl DescribeNetworkAcls ModifyNetworkAcl DeleteNetworkAcl
        AddNetworkAclRules ModifyNetworkAclRules RemoveNetworkAclRules AssociateNetworkAcl DisassociateNetworkAcl
        CreateElasticIps DescribeElasticIp DescribeElasticIps ModifyElasticIp DeleteElasticIp
        DescribeQuota
    """,
}


def missing(called):
    """Operations that were promised and not called."""
    needed = {(service, operation) for service, names in NEEDED.items() for operation in names.split()}
    return sorted(needed - called)
