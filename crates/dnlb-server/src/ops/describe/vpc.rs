//! Service `vpc`.

use dnlb_api::{
    shape::QuotaKind,
    wire::{RuleIds, vpc::*},
};

use super::{Description, names, operation};
use crate::ops::{acl, eip, security_group, subnet, vpc};

pub(super) fn operations() -> Vec<Description> {
    let mut all = networks();
    all.extend(acls());
    all.extend(security_groups());
    all.extend(elastic_ips());
    all
}

fn networks() -> Vec<Description> {
    vec![
        operation("DescribeVpcs", "Lists VPCs").filters(&names(vpc::FILTERS)).gives_page::<Vpc>("vpcs"),
        operation("CreateVpc", "Makes a VPC")
            .details("Its ranges may overlap those of another VPC: they never meet.")
            .body::<CreateVpc>()
            .gives::<String>("vpcId"),
        operation("DescribeVpc", "Shows a VPC").gives::<Vpc>("vpc"),
        operation("ModifyVpc", "Changes a VPC, or gives it an IPv6 range").body::<ModifyVpc>(),
        operation("DeleteVpc", "Deletes a VPC")
            .details("Refused while it has subnets, security groups or network ACLs."),
        operation("DescribeSubnets", "Lists subnets")
            .filters(&names(subnet::FILTERS))
            .gives_page::<Subnet>("subnets"),
        operation("CreateSubnet", "Makes a subnet")
            .details("409 if it overlaps another subnet of the VPC. Its first three addresses and the last are reserved.")
            .body::<CreateSubnet>()
            .gives::<String>("subnetId"),
        operation("DescribeSubnet", "Shows a subnet").gives::<Subnet>("subnet"),
        operation("ModifySubnet", "Changes name or description of a subnet").body::<ModifySubnet>(),
        operation("DeleteSubnet", "Deletes a subnet")
            .details("Refused while a load balancer, an instance or an instance template uses it."),
        operation("DescribeQuota", "Shows a quota of networks or elastic IPs")
            .required::<QuotaKind>("type", "Of what.")
            .parameter::<String>(
                "parentResourceId",
                "In what: a VPC for `subnet`, `security_group` and `acl`, a network ACL for `aclRule`, a security \
                 group for `securityGroupRule`.",
            )
            .gives::<Quota>("quota"),
    ]
}

fn acls() -> Vec<Description> {
    vec![
        operation("DescribeNetworkAcls", "Lists network ACLs")
            .filters(&names(acl::FILTERS))
            .gives_page::<NetworkAcl>("networkAcls"),
        operation("CreateNetworkAcl", "Makes a network ACL")
            .body::<CreateNetworkAcl>()
            .gives::<String>("networkAclId"),
        operation("DescribeNetworkAcl", "Shows a network ACL with its rules")
            .gives::<NetworkAcl>("networkAcl"),
        operation("ModifyNetworkAcl", "Changes name or description of a network ACL")
            .body::<ModifyNetworkAcl>(),
        operation("DeleteNetworkAcl", "Deletes a network ACL").details("Refused while a subnet has it."),
        operation("AddNetworkAclRules", "Adds rules to a network ACL")
            .details("All or none. They are in force at once.")
            .body::<AddNetworkAclRules>(),
        operation("ModifyNetworkAclRules", "Changes rules of a network ACL")
            .details("All or none. Their direction cannot change.")
            .body::<ModifyNetworkAclRules>(),
        operation("RemoveNetworkAclRules", "Removes rules from a network ACL")
            .details("All or none.")
            .body::<RuleIds>(),
        operation("AssociateNetworkAcl", "Gives a network ACL to subnets")
            .details("All or none. A subnet that has another ACL loses that one.")
            .body::<AssociateNetworkAcl>(),
        operation("DisassociateNetworkAcl", "Takes a network ACL from a subnet")
            .body::<DisassociateNetworkAcl>(),
    ]
}

fn security_groups() -> Vec<Description> {
    vec![
        operation("DescribeNetworkSecurityGroups", "Lists security groups")
            .filters(&names(security_group::FILTERS))
            .gives_page::<NetworkSecurityGroup>("networkSecurityGroups"),
        operation("CreateNetworkSecurityGroup", "Makes a security group")
            .body::<CreateNetworkSecurityGroup>()
            .gives::<String>("networkSecurityGroupId"),
        operation("DescribeNetworkSecurityGroup", "Shows a security group with its rules")
            .gives::<NetworkSecurityGroup>("networkSecurityGroup"),
        operation("ModifyNetworkSecurityGroup", "Changes name or description of a security group")
            .body::<ModifyNetworkSecurityGroup>(),
        operation("DeleteNetworkSecurityGroup", "Deletes a security group")
            .details("Refused while an instance or an instance template has it."),
        operation("AddNetworkSecurityGroupRules", "Adds rules to a security group")
            .details("All or none. They are in force at once, also for flows that exist.")
            .body::<AddSecurityGroupRules>(),
        operation("ModifyNetworkSecurityGroupRules", "Changes rules of a security group")
            .details("All or none. Their direction cannot change.")
            .body::<ModifySecurityGroupRules>(),
        operation("RemoveNetworkSecurityGroupRules", "Removes rules from a security group")
            .details("All or none.")
            .body::<RuleIds>(),
    ]
}

fn elastic_ips() -> Vec<Description> {
    vec![
        operation("DescribeElasticIps", "Lists elastic IPs")
            .filters(&names(eip::FILTERS))
            .tags()
            .gives_page::<ElasticIp>("elasticIps"),
        operation("CreateElasticIps", "Makes elastic IPs")
            .details("From the pools that the region was started with. All or none; with `dryRun`, none.")
            .body::<CreateElasticIps>()
            .gives::<Vec<String>>("elasticIpIds")
            .gives::<String>("requestId"),
        operation("DescribeElasticIp", "Shows an elastic IP").gives::<ElasticIp>("elasticIp"),
        operation("ModifyElasticIp", "Changes the bandwidth of an elastic IP").body::<ModifyElasticIp>(),
        operation("DeleteElasticIp", "Deletes an elastic IP")
            .details("Refused while it is bound to a load balancer."),
    ]
}
