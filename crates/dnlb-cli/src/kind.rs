//! The kinds of resources: where the API keeps them and what of them is worth a column.

/// A kind of resources.
#[derive(Debug)]
pub(crate) struct Kind {
    /// In messages.
    pub(crate) word: &'static str,
    /// Service of the API.
    pub(crate) service: &'static str,
    /// Path of the collection, after the region.
    pub(crate) path: &'static str,
    /// Name of the list in a reply.
    pub(crate) list: &'static str,
    /// Name of the one object in a reply.
    pub(crate) one: &'static str,
    /// Field with the id.
    pub(crate) id: &'static str,
    /// Field with the name.
    pub(crate) name: &'static str,
    /// Filters that every list needs.
    pub(crate) filters: &'static [(&'static str, &'static str)],
    /// Heading and JSON pointer of each column after id and name.
    pub(crate) columns: &'static [(&'static str, &'static str)],
    /// JSON pointers of columns with ids, and of what: a table shows names instead.
    pub(crate) references: &'static [(&'static str, &'static Kind)],
}

/// Without it, the API lists load balancers of another type.
const DNLB: &[(&str, &str)] = &[("loadBalancerType", "dnlb")];

pub(crate) static VPC: Kind = Kind {
    word: "VPC",
    service: "vpc",
    path: "vpcs/",
    list: "vpcs",
    one: "vpc",
    id: "vpcId",
    name: "vpcName",
    filters: &[],
    columns: &[
        ("PREFIX", "/addressPrefix"),
        ("IPV6 PREFIX", "/ipv6AddressPrefix"),
        ("CREATED", "/createdTime"),
    ],
    references: &[],
};

pub(crate) static SUBNET: Kind = Kind {
    word: "subnet",
    service: "vpc",
    path: "subnets/",
    list: "subnets",
    one: "subnet",
    id: "subnetId",
    name: "subnetName",
    filters: &[],
    columns: &[
        ("PREFIX", "/addressPrefix"),
        ("VPC", "/vpcId"),
        ("ACL", "/aclId"),
        ("FREE ADDRESSES", "/availableIpCount"),
    ],
    references: &[("/vpcId", &VPC), ("/aclId", &ACL)],
};

pub(crate) static SECURITY_GROUP: Kind = Kind {
    word: "security group",
    service: "vpc",
    path: "networkSecurityGroups/",
    list: "networkSecurityGroups",
    one: "networkSecurityGroup",
    id: "networkSecurityGroupId",
    name: "networkSecurityGroupName",
    filters: &[],
    columns: &[("VPC", "/vpcId"), ("CREATED", "/createdTime")],
    references: &[("/vpcId", &VPC)],
};

pub(crate) static ACL: Kind = Kind {
    word: "network ACL",
    service: "vpc",
    path: "networkAcls/",
    list: "networkAcls",
    one: "networkAcl",
    id: "networkAclId",
    name: "networkAclName",
    filters: &[],
    columns: &[("VPC", "/vpcId"), ("SUBNETS", "/subnetIds")],
    references: &[("/vpcId", &VPC), ("/subnetIds", &SUBNET)],
};

pub(crate) static EIP: Kind = Kind {
    word: "elastic IP",
    service: "vpc",
    path: "elasticIps/",
    list: "elasticIps",
    one: "elasticIp",
    id: "elasticIpId",
    name: "elasticIpAddress",
    filters: &[],
    columns: &[("MBIT/S", "/bandwidthMbps"), ("STATUS", "/status"), ("OF", "/instanceId")],
    references: &[("/instanceId", &LOAD_BALANCER)],
};

pub(crate) static TEMPLATE: Kind = Kind {
    word: "instance template",
    service: "vm",
    path: "instanceTemplates",
    list: "instanceTemplates",
    one: "instanceTemplate",
    id: "id",
    name: "name",
    filters: &[],
    columns: &[
        ("IMAGE", "/instanceTemplateData/imageId"),
        ("TYPE", "/instanceTemplateData/instanceType"),
        ("SUBNET", "/instanceTemplateData/primaryNetworkInterface/networkInterface/subnetId"),
    ],
    references: &[("/instanceTemplateData/primaryNetworkInterface/networkInterface/subnetId", &SUBNET)],
};

pub(crate) static AG: Kind = Kind {
    word: "availability group",
    service: "ag",
    path: "availabilityGroups",
    list: "ags",
    one: "ag",
    id: "id",
    name: "name",
    filters: &[],
    columns: &[("INSTANCES", "/count"), ("AZS", "/azs"), ("TEMPLATE", "/instanceTemplateId")],
    references: &[("/instanceTemplateId", &TEMPLATE)],
};

pub(crate) static INSTANCE: Kind = Kind {
    word: "instance",
    service: "vm",
    path: "instances",
    list: "instances",
    one: "instance",
    id: "instanceId",
    name: "instanceName",
    filters: &[],
    columns: &[
        ("STATUS", "/status"),
        ("ADDRESS", "/privateIpAddress"),
        ("AZ", "/az"),
        ("RACK", "/faultDomain"),
        ("HOST", "/hostId"),
        ("GROUP", "/ag/name"),
    ],
    references: &[],
};

pub(crate) static LOAD_BALANCER: Kind = Kind {
    word: "load balancer",
    service: "lb",
    path: "loadBalancers/",
    list: "loadBalancers",
    one: "loadBalancer",
    id: "loadBalancerId",
    name: "loadBalancerName",
    filters: DNLB,
    columns: &[
        ("STATE", "/state/code"),
        ("VIP", "/privateIp/privateIpAddress"),
        ("EIP", "/privateIp/elasticIpAddress"),
        ("SUBNET", "/subnetId"),
    ],
    references: &[("/subnetId", &SUBNET)],
};

pub(crate) static LISTENER: Kind = Kind {
    word: "listener",
    service: "lb",
    path: "listeners/",
    list: "listeners",
    one: "listener",
    id: "listenerId",
    name: "listenerName",
    filters: DNLB,
    columns: &[
        ("PROTOCOL", "/protocol"),
        ("PORT", "/port"),
        ("STATUS", "/status"),
        ("BACKEND", "/backendId"),
        ("LOAD BALANCER", "/loadBalancerId"),
    ],
    references: &[("/backendId", &BACKEND), ("/loadBalancerId", &LOAD_BALANCER)],
};

pub(crate) static BACKEND: Kind = Kind {
    word: "backend service",
    service: "lb",
    path: "backends/",
    list: "backends",
    one: "backend",
    id: "backendId",
    name: "backendName",
    filters: DNLB,
    columns: &[
        ("PROTOCOL", "/protocol"),
        ("PORT", "/port"),
        ("ALGORITHM", "/algorithm"),
        ("AG", "/agIds"),
        ("TARGET GROUP", "/targetGroupIds"),
        ("LOAD BALANCER", "/loadBalancerId"),
    ],
    references: &[("/agIds", &AG), ("/targetGroupIds", &TARGET_GROUP), ("/loadBalancerId", &LOAD_BALANCER)],
};

pub(crate) static TARGET_GROUP: Kind = Kind {
    word: "target group",
    service: "lb",
    path: "targetGroups/",
    list: "targetGroups",
    one: "targetGroup",
    id: "targetGroupId",
    name: "targetGroupName",
    filters: DNLB,
    columns: &[("LOAD BALANCER", "/loadBalancerName"), ("CREATED", "/createdTime")],
    references: &[],
};

pub(crate) static ACCOUNT: Kind = Kind {
    word: "account",
    service: "dnlb",
    path: "accounts",
    list: "accounts",
    one: "account",
    id: "accountId",
    name: "accountName",
    filters: &[],
    columns: &[("ENABLED", "/enabled"), ("CREATED", "/createdTime"), ("DESCRIPTION", "/description")],
    references: &[],
};

pub(crate) static USER: Kind = Kind {
    word: "user",
    service: "dnlb",
    path: "users",
    list: "users",
    one: "user",
    id: "userId",
    name: "userName",
    filters: &[],
    columns: &[
        ("ROLE", "/role"),
        ("ENABLED", "/enabled"),
        ("PASSWORD", "/hasPassword"),
        ("CREATED", "/createdTime"),
        ("DESCRIPTION", "/description"),
    ],
    references: &[],
};

pub(crate) static ACCESS_KEY: Kind = Kind {
    word: "access key",
    service: "dnlb",
    path: "accessKeys",
    list: "accessKeys",
    one: "accessKey",
    id: "accessKeyId",
    name: "userName",
    filters: &[],
    columns: &[
        ("ENABLED", "/enabled"),
        ("CREATED", "/createdTime"),
        ("EXPIRES", "/expiresTime"),
        ("DESCRIPTION", "/description"),
    ],
    references: &[],
};
