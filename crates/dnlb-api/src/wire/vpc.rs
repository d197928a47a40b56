//! Service `vpc`: networks, filters, elastic IPs.

use super::{Charge, Tag, models};
use crate::shape::*;

models! {
    /// A VPC to make.
    CreateVpc {
        /// Its name.
        vpc_name: String as "Name",
        ?
        /// Its range: inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16 with a mask of 16 to 28, or inside fc00::/7
        /// with 48 to 112. Without one its subnets may be anywhere in these.
        address_prefix: String as "BlockOrEmpty",
        /// Ours: its IPv6 range beside an IPv4 one.
        ipv6_address_prefix: String as "BlockOrEmpty",
        /// A sentence for people.
        description: String as "Description",
        /// The one kind that there is.
        az_type: String as "Standard",
        /// Must be empty: a VPC spans all zones.
        az: String as "NoText",
    }

    /// A change of a VPC; what is left out stays.
    ModifyVpc {
        ?
        /// Its new name.
        vpc_name: String as "Name",
        /// Its new description.
        description: String as "Description",
        /// Ours: gives it an IPv6 range, or another one.
        ipv6_address_prefix: String as "BlockOrEmpty",
    }

    /// A VPC: an isolated network with an address space of its own.
    Vpc {
        /// Its id.
        vpc_id: String,
        /// Its name.
        vpc_name: String as "Name",
        /// Its range, or nothing.
        address_prefix: String as "BlockOrEmpty",
        /// A sentence for people.
        description: String as "Description",
        /// Its network ACLs.
        acl_ids: Vec<String>,
        /// Always empty: every subnet reaches every other one.
        route_table_ids: Vec<String>,
        /// Its subnets.
        subnets: Vec<Subnet>,
        /// When it was made.
        created_time: String as "Time",
        /// Always `standard`.
        az_type: String as "Standard",
        /// Always empty: it spans all zones.
        az: String as "NoText",
        ?
        /// Ours: its IPv6 range beside an IPv4 one.
        ipv6_address_prefix: String as "Block",
    }

    /// A subnet to make.
    CreateSubnet {
        /// Its VPC.
        vpc_id: String,
        /// Its name.
        subnet_name: String as "Name",
        /// Its block, for ever: inside a range of the VPC, apart from its other subnets, with a mask of 16 to 28, or of
        /// 64 to 112 in IPv6.
        address_prefix: String as "Block",
        ?
        /// Must be empty: every subnet reaches every other one.
        route_table_id: String as "NoText",
        /// A sentence for people.
        description: String as "Description",
        /// Instances have one address each.
        ip_mask_len: i64 as "Zero",
    }

    /// A change of a subnet; what is left out stays.
    ModifySubnet {
        ?
        /// Its new name.
        subnet_name: String as "Name",
        /// Its new description.
        description: String as "Description",
        /// Instances have one address each.
        ip_mask_len: i64 as "Zero",
    }

    /// A subnet: a block of a VPC from which instances and VIPs take addresses.
    Subnet {
        /// Its id.
        subnet_id: String,
        /// Its name.
        subnet_name: String as "Name",
        /// Its VPC.
        vpc_id: String,
        /// Its block.
        address_prefix: String as "Block",
        /// Addresses that are free; at most 2,147,483,647 are told.
        available_ip_count: i64,
        /// Always 0.
        ip_mask_len: i64,
        /// A sentence for people.
        description: String as "Description",
        /// The first address that a resource can have.
        start_ip: String as "Address",
        /// The last one.
        end_ip: String as "Address",
        /// When it was made.
        created_time: String as "Time",
        /// Always `standard`.
        subnet_type: String as "Standard",
        /// Always empty: it spans all zones.
        az: String as "NoText",
        ?
        /// Never there.
        route_table_id: String,
        /// Its network ACL, if it has one.
        acl_id: String,
    }

    /// A security group to make. It lets nothing through at first.
    CreateNetworkSecurityGroup {
        /// Its VPC.
        vpc_id: String,
        /// Its name.
        network_security_group_name: String as "Name",
        ?
        /// A sentence for people.
        description: String as "Description",
    }

    /// A change of a security group; what is left out stays.
    ModifyNetworkSecurityGroup {
        ?
        /// Its new name.
        network_security_group_name: String as "Name",
        /// Its new description.
        description: String as "Description",
    }

    /// Rules to add to a security group, all or none.
    AddSecurityGroupRules {
        /// The rules.
        network_security_group_rule_specs: Vec<SecurityGroupRuleSpec>,
    }

    /// A rule to add to a security group.
    SecurityGroupRuleSpec {
        /// 300 all, 6 TCP, 17 UDP, 1 ICMP.
        protocol: i64 as "RuleProtocolNumber",
        /// 0 in, 1 out.
        direction: i64 as "DirectionNumber",
        /// The other side.
        address_prefix: String as "Block",
        ?
        /// First port, 1 to 65535, for TCP and UDP; not looked at otherwise. Default 1.
        from_port: i64,
        /// Last port. Default 65535.
        to_port: i64,
        /// A sentence for people.
        description: String as "Description",
        /// Must be `allow`, in any case: a network ACL denies.
        rule_action: String,
        /// Rules of a security group have no order.
        priority: i64 as "Never",
    }

    /// Rules of a security group to change, all or none.
    ModifySecurityGroupRules {
        /// The changes.
        modify_security_group_rule_specs: Vec<SecurityGroupRuleChange>,
    }

    /// A change of a rule of a security group; what is left out stays.
    SecurityGroupRuleChange {
        /// Its id.
        rule_id: String,
        ?
        /// 300 all, 6 TCP, 17 UDP, 1 ICMP. With another one, the ports begin anew.
        protocol: i64 as "RuleProtocolNumber",
        /// The other side.
        address_prefix: String as "Block",
        /// First port, 1 to 65535, for TCP and UDP; not looked at otherwise.
        from_port: i64,
        /// Last port.
        to_port: i64,
        /// Its new description.
        description: String as "Description",
        /// Must be `allow`, in any case: a network ACL denies.
        rule_action: String,
        /// Rules of a security group have no order.
        priority: i64 as "Never",
    }

    /// A security group: what instances may send and receive; replies always may.
    NetworkSecurityGroup {
        /// Its id.
        network_security_group_id: String,
        /// Its name.
        network_security_group_name: String as "Name",
        /// A sentence for people.
        description: String as "Description",
        /// Its VPC.
        vpc_id: String,
        /// Its rules.
        security_group_rules: Vec<SecurityGroupRule>,
        /// When it was made.
        created_time: String as "Time",
        /// Always `custom`.
        network_security_group_type: String as "RuleKind",
        /// Interfaces of instances that have it.
        network_interface_ids: Vec<String>,
    }

    /// A rule of a security group.
    SecurityGroupRule {
        /// Its id.
        rule_id: String,
        /// 0 in, 1 out.
        direction: i64 as "DirectionNumber",
        /// 300 all, 6 TCP, 17 UDP, 1 ICMP.
        protocol: i64 as "RuleProtocolNumber",
        /// The other side.
        address_prefix: String as "Block",
        /// The other side's family.
        ip_version: i64 as "Family",
        /// First port; 0 for protocols without ports.
        from_port: i64 as "PortOrZero",
        /// Last port; 0 for protocols without ports.
        to_port: i64 as "PortOrZero",
        /// When it was made.
        created_time: String as "Time",
        /// A sentence for people.
        description: String as "Description",
        /// Always `custom`.
        rule_type: String as "RuleKind",
    }

    /// A network ACL to make. It lets nothing through at first.
    CreateNetworkAcl {
        /// Its VPC.
        vpc_id: String,
        /// Its name.
        network_acl_name: String as "Name",
        ?
        /// A sentence for people.
        description: String as "Description",
    }

    /// A change of a network ACL; what is left out stays.
    ModifyNetworkAcl {
        ?
        /// Its new name.
        network_acl_name: String as "Name",
        /// Its new description.
        description: String as "Description",
    }

    /// Rules to add to a network ACL, all or none.
    AddNetworkAclRules {
        /// The rules.
        network_acl_rule_specs: Vec<NetworkAclRuleSpec>,
    }

    /// A rule to add to a network ACL.
    NetworkAclRuleSpec {
        /// Which packets.
        protocol: String as "RuleProtocolWord",
        /// Which way.
        direction: String as "DirectionWord",
        /// The other side.
        address_prefix: String as "Block",
        /// What becomes of them.
        rule_action: String as "RuleAction",
        /// The smallest is asked first.
        priority: i64 as "Priority",
        ?
        /// First port, 1 to 65535, for TCP and UDP; not looked at otherwise. Default 1.
        from_port: i64,
        /// Last port. Default 65535.
        to_port: i64,
        /// A sentence for people.
        description: String as "Description",
    }

    /// Rules of a network ACL to change, all or none.
    ModifyNetworkAclRules {
        /// The changes.
        modify_network_acl_rule_specs: Vec<NetworkAclRuleChange>,
    }

    /// A change of a rule of a network ACL; what is left out stays.
    NetworkAclRuleChange {
        /// Its id.
        rule_id: String,
        ?
        /// Which packets. With another one, the ports begin anew.
        protocol: String as "RuleProtocolWord",
        /// The other side.
        address_prefix: String as "Block",
        /// What becomes of them.
        rule_action: String as "RuleAction",
        /// The smallest is asked first.
        priority: i64 as "Priority",
        /// First port, 1 to 65535, for TCP and UDP; not looked at otherwise.
        from_port: i64,
        /// Last port.
        to_port: i64,
        /// Its new description.
        description: String as "Description",
    }

    /// Subnets that are to have a network ACL, all or none. One that has another loses that.
    AssociateNetworkAcl {
        /// Their ids, in the ACL's VPC.
        subnet_ids: Vec<String>,
    }

    /// A subnet that is to lose its network ACL.
    DisassociateNetworkAcl {
        /// Its id.
        subnet_id: String,
    }

    /// A network ACL: which packets may cross a subnet's border, by rules in order. No rule: denied.
    NetworkAcl {
        /// Its id.
        network_acl_id: String,
        /// Its name.
        network_acl_name: String as "Name",
        /// Its VPC.
        vpc_id: String,
        /// Its rules.
        network_acl_rules: Vec<NetworkAclRule>,
        /// Subnets that have it.
        subnet_ids: Vec<String>,
        /// A sentence for people.
        description: String as "Description",
        /// When it was made.
        created_time: String as "Time",
    }

    /// A rule of a network ACL.
    NetworkAclRule {
        /// Its id.
        rule_id: String,
        /// Which packets.
        protocol: String as "RuleProtocolWord",
        /// First port; 0 for protocols without ports.
        from_port: i64 as "PortOrZero",
        /// Last port; 0 for protocols without ports.
        to_port: i64 as "PortOrZero",
        /// Which way.
        direction: String as "DirectionWord",
        /// The other side.
        address_prefix: String as "Block",
        /// What becomes of them.
        rule_action: String as "RuleAction",
        /// The smallest is asked first.
        priority: i64 as "Priority",
        /// A sentence for people.
        description: String as "Description",
        /// When it was made.
        created_time: String as "Time",
        /// Always `custom`.
        rule_type: String as "RuleKind",
        /// Ours, as in security groups: 4 or 6.
        ip_version: i64 as "Family",
    }

    /// Elastic IPs to make, all or none.
    CreateElasticIps {
        /// How many.
        max_count: i64 as "Batch",
        /// What they are to be.
        elastic_ip_spec: ElasticIpSpec,
        ?
        /// A certain address of the region's pools; `maxCount` must be 1.
        elastic_ip_address: String as "AddressOrEmpty",
        /// Their tags.
        user_tags: Vec<Tag> as "Tags",
        /// The one kind that there is, or empty.
        ip_type: String,
        /// Whether to check only and make nothing.
        dry_run: bool,
        /// Ours: 4 or 6, the family of the addresses; without it, that of `elasticIpAddress`, or 4.
        ip_version: i64 as "Family",
    }

    /// An elastic IP to make.
    ElasticIpSpec {
        ?
        /// Its bandwidth in Mbit/s, which is kept and shown, not enforced. It or `bandwidth` must be given.
        bandwidth_mbps: i64 as "Bandwidth",
        /// What one of the SDKs calls `bandwidthMbps`.
        bandwidth: i64 as "Bandwidth",
        /// Kept and shown. Default `bgp`.
        provider: String as "Provider",
    }

    /// A change of an elastic IP.
    ModifyElasticIp {
        /// Its new bandwidth in Mbit/s.
        bandwidth_mbps: i64 as "Bandwidth",
    }

    /// An elastic IP: a public address, bound to a load balancer or to nothing.
    ElasticIp {
        /// Its id.
        elastic_ip_id: String,
        /// The address.
        elastic_ip_address: String as "Address",
        /// Its bandwidth in Mbit/s.
        bandwidth_mbps: i64 as "Bandwidth",
        /// Its provider.
        provider: String as "Provider",
        /// The VIP of the load balancer to which it is bound, or nothing.
        private_ip_address: String as "AddressOrEmpty",
        /// Always empty.
        network_interface_id: String,
        /// The load balancer to which it is bound, or nothing.
        instance_id: String,
        /// `lb` if it is bound, else nothing.
        instance_type: String,
        /// What it costs.
        charge: Charge,
        /// When it was made.
        created_time: String as "Time",
        /// Always empty: it serves all zones.
        az: String as "NoText",
        /// Its tags.
        tags: Vec<Tag>,
        /// Always `standard`.
        ip_type: String as "Standard",
        /// Whether it is bound.
        status: String as "EipStatus",
        /// Ours: 4 or 6.
        ip_version: i64 as "Family",
    }

    /// A quota of this service.
    #[schemars(rename = "VpcQuota")]
    Quota {
        /// Of what.
        #[serde(rename = "type")]
        kind: String as "QuotaKind",
        /// How many there may be.
        max_limit: i64,
        /// How many there are.
        count: i64,
        ?
        /// In what.
        parent_resource_id: String,
    }
}
