"""What replies show, compared with the SDK's own models: a field is shown, or there is a reason why it is not."""

import importlib
import inspect

# Key of a result -> the SDK's model of what is under it, one or a list.
SHOWN = {
    "ag": {"ag": "AvailabilityGroup", "ags": "AvailabilityGroup", "quotas": "Quota"},
    "lb": {
        "agTargets": "AgTarget",
        "backend": "Backend",
        "backends": "Backend",
        "listener": "Listener",
        "listeners": "Listener",
        "loadBalancer": "LoadBalancer",
        "loadBalancers": "LoadBalancer",
        "targetGroup": "TargetGroup",
        "targetGroups": "TargetGroup",
        "targetHealths": "TargetHealth",
        "targets": "Target",
    },
    "vm": {
        "image": "Image",
        "images": "Image",
        "instance": "Instance",
        "instanceStatuses": "InstanceStatus",
        "instanceTemplate": "InstanceTemplate",
        "instanceTemplates": "InstanceTemplate",
        "instanceTypes": "InstanceType",
        "instances": "Instance",
        "quotas": "Quota",
    },
    "vpc": {
        "elasticIp": "ElasticIp",
        "elasticIps": "ElasticIp",
        "networkAcl": "NetworkAcl",
        "networkAcls": "NetworkAcl",
        "networkSecurityGroup": "NetworkSecurityGroup",
        "networkSecurityGroups": "NetworkSecurityGroup",
        "quota": "Quota",
        "subnet": "Subnet",
        "subnets": "Subnet",
        "vpc": "Vpc",
        "vpcs": "Vpc",
    },
}

# Field of a model -> the model of what is under it.
NESTED = {
    ("lb", "Backend"): {"healthCheck": "HealthCheck"},
    ("vm", "Instance"): {"ag": "Ag", "primaryNetworkInterface": "InstanceNetworkInterfaceAttachment"},
    ("vm", "InstanceNetworkInterfaceAttachment"): {"networkInterface": "InstanceNetworkInterface"},
    ("vm", "InstanceNetworkInterface"): {"securityGroups": "SecurityGroupSimple"},
    ("vm", "InstanceTemplate"): {"ags": "Ag", "instanceTemplateData": "InstanceTemplateData"},
    ("vm", "InstanceTemplateData"): {"primaryNetworkInterface": "InstanceTemplateNetworkInterfaceAttachment"},
    ("vm", "InstanceTemplateNetworkInterfaceAttachment"): {"networkInterface": "InstanceTemplateNetworkInterface"},
    ("vm", "InstanceType"): {"state": "InstanceTypeState"},
    ("vpc", "NetworkAcl"): {"networkAclRules": "NetworkAclRule"},
    ("vpc", "NetworkSecurityGroup"): {"securityGroupRules": "SecurityGroupRule"},
    ("vpc", "Vpc"): {"subnets": "Subnet"},
}

# Fields that are never shown.
ABSENT = {
    # What a balancer of layer 7, or one that is a box, does to connections.
    ("lb", "Backend"): """
        sessionStickyTimeout httpCookieExpireSeconds
        httpForwardedProtocol httpForwardedPort httpForwardedHost httpForwardedVip httpForwardedClientPort
    """,
    ("lb", "Listener"): """
        hstsEnable hstsMaxAge urlMapId certificateSpecs extensionCertificateSpecs limitation securityPolicyId
    """,
    ("lb", "LoadBalancer"): "customizedConfigurationId",
    # A member of one kind of group is none of the other.
    ("lb", "AgTarget"): "targetGroupId",
    # Targets that are addresses and no instances. `targets` of a group is deprecated for DescribeTargets.
    ("lb", "Target"): "ipAddress agId",
    ("lb", "TargetGroup"): "targets",
    # Groups that grow by themselves.
    ("ag", "AvailabilityGroup"): "placementType instancesQuotas instances autoscalingSpec",
    # Disks, logins, prices, machines of one's own, bursts: instances have none.
    ("vm", "Image"): """
        createTime sizeMB ownerPin loginName launchPermission systemDisk dataDisks snapshotId progress serviceCode
        imported expiredTime instanceId bootMode chargeInfo
    """,
    ("vm", "Instance"): """
        elasticIpId elasticIpAddress systemDisk chargeOnStopped policies dedicatedPoolId dedicatedHostId burstInfo
        resourceGroupId rdmaNetworkInterfaces imageCharge spotStatus osType cpuTopology osVersion platform architecture
        hostGroup autoReleaseTime bootMode
    """,
    ("vm", "InstanceNetworkInterface"): "ipv6Addresses",
    ("vm", "InstanceTemplateData"): """
        systemDisk dataDisks elasticIp chargeOnStopped autoImagePolicyId passwordAuth imageInherit burstInfo instanceTags
    """,
    ("vm", "InstanceTemplateNetworkInterface"): "sanityCheck ipv6AddressCount",
    ("vm", "InstanceType"): "gpu localDisks burstInfo rdma cloudDiskTypes",
    ("vm", "InstanceTypeState"): "availableCount",
    # Bandwidth packages, pools with names, resource groups, route tables.
    ("vpc", "ElasticIp"): "bandwidthPackageId resourceGroupId elasticIpName elasticIpPoolId providerNameCN state",
    ("vpc", "NetworkAclRule"): "addressPrefixType",
    ("vpc", "SecurityGroupRule"): "ruleAction priority addressPrefixType",
    ("vpc", "Subnet"): """
        routeTableId availableCidrIpCount ipv6StartIp ipv6EndIp publicSubnet tags resourceGroupId type hpcClusterId
    """,
    ("vpc", "Vpc"): "vpcPolicyId tags resourceGroupId",
}


class Seen:
    """The fields that replies have shown."""

    def __init__(self):
        self.fields = {}

    def note(self, service, result):
        """Takes in the result of an operation."""
        for key, value in result.items():
            if key in SHOWN[service]:
                self.visit(service, SHOWN[service][key], value)

    def visit(self, service, model, value):
        """Takes in something that is shown, or a list."""
        for item in value if isinstance(value, list) else [value]:
            shown = {name: inner for name, inner in item.items() if inner is not None}
            self.fields.setdefault((service, model), set()).update(shown)
            for name, nested in NESTED.get((service, model), {}).items():
                if name in shown:
                    self.visit(service, nested, shown[name])

    def check(self):
        """Fails when a field of the SDK's models was never shown without a reason, or was shown in spite of one."""
        wrong = {}
        for (service, model), shown in self.fields.items():
            module = importlib.import_module(f"jdcloud_sdk.services.{service}.models.{model}")
            known = set(inspect.signature(getattr(module, model).__init__).parameters) - {"self"}
            absent = set(ABSENT.get((service, model), "").split()) & known
            if known - shown != absent:
                wrong[f"{service}.{model}"] = sorted((known - shown) ^ absent)
        assert not wrong, f"fields that are missing without a reason, or shown in spite of one: {wrong}"
        return len(self.fields), sum(len(shown) for shown in self.fields.values())
