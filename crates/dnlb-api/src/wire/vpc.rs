//! Service `vpc`: networks, filters, elastic IPs.

use super::{Charge, Tag, models};

models! {
    /// CreateVpc.
    CreateVpc {
        vpc_name: String,
        ?
        address_prefix: String,
        /// Ours: its IPv6 range beside an IPv4 one.
        ipv6_address_prefix: String,
        description: String,
        az_type: String,
        az: String,
    }

    /// ModifyVpc.
    ModifyVpc {
        ?
        vpc_name: String,
        description: String,
        /// Ours: gives it an IPv6 range, or another one.
        ipv6_address_prefix: String,
    }

    /// A VPC.
    Vpc {
        vpc_id: String,
        vpc_name: String,
        address_prefix: String,
        description: String,
        acl_ids: Vec<String>,
        route_table_ids: Vec<String>,
        subnets: Vec<Subnet>,
        created_time: String,
        az_type: String,
        az: String,
        ?
        /// Ours: its IPv6 range beside an IPv4 one.
        ipv6_address_prefix: String,
    }

    /// CreateSubnet.
    CreateSubnet {
        vpc_id: String,
        subnet_name: String,
        address_prefix: String,
        ?
        route_table_id: String,
        description: String,
        ip_mask_len: i64,
    }

    /// ModifySubnet.
    ModifySubnet { ? subnet_name: String, description: String, ip_mask_len: i64, }

    /// A subnet.
    Subnet {
        subnet_id: String,
        subnet_name: String,
        vpc_id: String,
        address_prefix: String,
        available_ip_count: i64,
        ip_mask_len: i64,
        description: String,
        start_ip: String,
        end_ip: String,
        created_time: String,
        subnet_type: String,
        az: String,
        ?
        route_table_id: String,
        acl_id: String,
    }

    /// CreateNetworkSecurityGroup.
    CreateNetworkSecurityGroup {
        vpc_id: String,
        network_security_group_name: String,
        ?
        description: String,
    }

    /// ModifyNetworkSecurityGroup.
    ModifyNetworkSecurityGroup { ? network_security_group_name: String, description: String, }

    /// AddNetworkSecurityGroupRules.
    AddSecurityGroupRules { network_security_group_rule_specs: Vec<SecurityGroupRuleSpec>, }

    /// A rule to add to a security group.
    SecurityGroupRuleSpec {
        protocol: i64,
        direction: i64,
        address_prefix: String,
        ?
        from_port: i64,
        to_port: i64,
        description: String,
        rule_action: String,
        priority: i64,
    }

    /// ModifyNetworkSecurityGroupRules.
    ModifySecurityGroupRules { modify_security_group_rule_specs: Vec<SecurityGroupRuleChange>, }

    /// A change of a rule of a security group.
    SecurityGroupRuleChange {
        rule_id: String,
        ?
        protocol: i64,
        address_prefix: String,
        from_port: i64,
        to_port: i64,
        description: String,
        rule_action: String,
        priority: i64,
    }

    /// A security group.
    NetworkSecurityGroup {
        network_security_group_id: String,
        network_security_group_name: String,
        description: String,
        vpc_id: String,
        security_group_rules: Vec<SecurityGroupRule>,
        created_time: String,
        network_security_group_type: String,
        network_interface_ids: Vec<String>,
    }

    /// A rule of a security group: direction 0 in, 1 out; protocol 300 all, 6 TCP, 17 UDP, 1 ICMP.
    SecurityGroupRule {
        rule_id: String,
        direction: i64,
        protocol: i64,
        address_prefix: String,
        ip_version: i64,
        from_port: i64,
        to_port: i64,
        created_time: String,
        description: String,
        rule_type: String,
    }

    /// CreateNetworkAcl.
    CreateNetworkAcl { vpc_id: String, network_acl_name: String, ? description: String, }

    /// ModifyNetworkAcl.
    ModifyNetworkAcl { ? network_acl_name: String, description: String, }

    /// AddNetworkAclRules.
    AddNetworkAclRules { network_acl_rule_specs: Vec<NetworkAclRuleSpec>, }

    /// A rule to add to a network ACL.
    NetworkAclRuleSpec {
        protocol: String,
        direction: String,
        address_prefix: String,
        rule_action: String,
        priority: i64,
        ?
        from_port: i64,
        to_port: i64,
        description: String,
    }

    /// ModifyNetworkAclRules.
    ModifyNetworkAclRules { modify_network_acl_rule_specs: Vec<NetworkAclRuleChange>, }

    /// A change of a rule of a network ACL.
    NetworkAclRuleChange {
        rule_id: String,
        ?
        protocol: String,
        address_prefix: String,
        rule_action: String,
        priority: i64,
        from_port: i64,
        to_port: i64,
        description: String,
    }

    /// AssociateNetworkAcl.
    AssociateNetworkAcl { subnet_ids: Vec<String>, }

    /// DisassociateNetworkAcl.
    DisassociateNetworkAcl { subnet_id: String, }

    /// A network ACL.
    NetworkAcl {
        network_acl_id: String,
        network_acl_name: String,
        vpc_id: String,
        network_acl_rules: Vec<NetworkAclRule>,
        subnet_ids: Vec<String>,
        description: String,
        created_time: String,
    }

    /// A rule of a network ACL.
    NetworkAclRule {
        rule_id: String,
        protocol: String,
        from_port: i64,
        to_port: i64,
        direction: String,
        address_prefix: String,
        rule_action: String,
        priority: i64,
        description: String,
        created_time: String,
        rule_type: String,
        /// Ours, as in security groups: 4 or 6.
        ip_version: i64,
    }

    /// CreateElasticIps.
    CreateElasticIps {
        max_count: i64,
        elastic_ip_spec: ElasticIpSpec,
        ?
        elastic_ip_address: String,
        user_tags: Vec<Tag>,
        ip_type: String,
        dry_run: bool,
        /// Ours: 4 or 6, the family of the addresses; without it, that of `elastic_ip_address`, or 4.
        ip_version: i64,
    }

    /// An elastic IP to make. One SDK calls the bandwidth `bandwidth`.
    ElasticIpSpec { ? bandwidth_mbps: i64, bandwidth: i64, provider: String, }

    /// ModifyElasticIp.
    ModifyElasticIp { bandwidth_mbps: i64, }

    /// An elastic IP.
    ElasticIp {
        elastic_ip_id: String,
        elastic_ip_address: String,
        bandwidth_mbps: i64,
        provider: String,
        private_ip_address: String,
        network_interface_id: String,
        instance_id: String,
        instance_type: String,
        charge: Charge,
        created_time: String,
        az: String,
        tags: Vec<Tag>,
        ip_type: String,
        status: String,
        /// Ours: 4 or 6.
        ip_version: i64,
    }

    /// A quota of this service.
    Quota {
        #[serde(rename = "type")]
        kind: String,
        max_limit: i64,
        count: i64,
        ?
        parent_resource_id: String,
    }
}
