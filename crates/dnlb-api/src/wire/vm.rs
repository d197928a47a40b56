//! Service `vm`: templates, instances, images, sizes.

use super::{Anything, KeyValue, Tag, models};
use crate::shape::*;

models! {
    /// An instance template to make.
    CreateInstanceTemplate {
        /// How its instances are made: size, image and subnet must be given.
        instance_template_data: InstanceTemplateSpec,
        /// Its name.
        name: String as "Name",
        ?
        /// A sentence for people.
        description: String as "Description",
    }

    /// A change of an instance template, for instances to come. Something must be given; what is left out stays.
    UpdateInstanceTemplate {
        ?
        /// Its new name.
        name: String as "Name",
        /// Its new description.
        description: String as "Description",
        /// How its instances are made; what is left out stays.
        instance_template_data: InstanceTemplateSpec,
    }

    /// How to make an instance; what must be given depends on the operation.
    InstanceTemplateSpec {
        ?
        /// The size, one of DescribeInstanceTypes.
        instance_type: String,
        /// The image, one of DescribeImages.
        image_id: String,
        /// Subnet and security groups.
        primary_network_interface: PrimaryInterfaceSpec,
        /// Instances have no disks of their own.
        system_disk: Anything as "Never",
        /// Instances have no disks of their own.
        data_disks: Vec<Anything> as "NoItems",
        /// Instances have no login.
        password: String as "Never",
        /// Instances have no login.
        key_names: Vec<String> as "NoItems",
        /// What instances can read of themselves: at most 20 pairs, keys of 1 to 256 bytes, values of at most 16,384.
        metadata: Vec<KeyValue>,
        /// `launch-script`: a script, base64, at most 16,384 bytes before that, beginning with `#!`.
        userdata: Vec<KeyValue>,
        /// Elastic IPs belong to load balancers in this version.
        elastic_ip: Anything as "Never",
    }

    /// The primary interface of an instance to make.
    PrimaryInterfaceSpec {
        ?
        /// The interface.
        network_interface: InterfaceSpec,
    }

    /// An interface to make.
    InterfaceSpec {
        ?
        /// Its subnet.
        subnet_id: String,
        /// At most five, of the subnet's VPC, each once.
        #[schemars(length(max = 5))]
        security_groups: Vec<String>,
        /// The address that one instance is to have; not in a template.
        primary_ip_address: String,
        /// Instances have one address each.
        secondary_ip_addresses: Vec<String> as "NoItems",
        /// Instances have one address each.
        secondary_ip_count: i64 as "Zero",
        /// Instances have one address each, of their subnet's family.
        ipv6_address_count: i64 as "Zero",
    }

    /// An instance template: how to make an instance.
    InstanceTemplate {
        /// Its id.
        id: String,
        /// Its name.
        name: String as "Name",
        /// A sentence for people.
        description: String as "Description",
        /// When it was made.
        created_time: String as "Time",
        /// Availability groups that use it.
        ags: Vec<Named>,
        /// What it says.
        instance_template_data: InstanceTemplateData,
    }

    /// An id and a name.
    Named {
        /// The id.
        id: String,
        /// The name.
        name: String,
    }

    /// What an instance template says.
    InstanceTemplateData {
        /// The size.
        instance_type: String,
        /// The subnet's VPC; empty if the subnet is gone.
        vpc_id: String,
        /// The image.
        image_id: String,
        /// Always false.
        include_password: bool,
        /// Subnet and security groups.
        primary_network_interface: PrimaryInterfaceData,
        /// What instances can read of themselves.
        metadata: Vec<KeyValue>,
        /// The launch script, in base64.
        userdata: Vec<KeyValue>,
        /// Always empty.
        key_names: Vec<String>,
    }

    /// The primary interface in an instance template.
    PrimaryInterfaceData {
        /// Always 0.
        device_index: i64,
        /// Always true.
        auto_delete: bool,
        /// The interface.
        network_interface: InterfaceData,
    }

    /// An interface in an instance template.
    InterfaceData {
        /// Its subnet.
        subnet_id: String,
        /// Its security groups.
        security_groups: Vec<String>,
    }

    /// Instances to make, all or none.
    CreateInstances {
        /// What they are to be.
        instance_spec: InstanceSpec,
        ?
        /// How many. Default 1.
        max_count: i64 as "Batch",
        /// Makes a repeated request give the instances that the first one made, while one of them is there.
        client_token: String as "ClientToken",
    }

    /// Instances to make: by group, by template and zone, or in full.
    InstanceSpec {
        /// Their name. `web-[001]` numbers them from there.
        name: String as "InstanceName",
        ?
        /// The availability group of which they become members; everything comes from its template then.
        ag_id: String,
        /// The template; what else is given wins.
        instance_template_id: String,
        /// The zone. Must be given without `agId`, and not with it.
        az: String,
        /// The size, one of DescribeInstanceTypes.
        instance_type: String,
        /// The image, one of DescribeImages.
        image_id: String,
        /// Subnet, security groups and, for one instance, its address.
        primary_network_interface: PrimaryInterfaceSpec,
        /// Instances have no disks of their own.
        system_disk: Anything as "Never",
        /// Instances have no disks of their own.
        data_disks: Vec<Anything> as "NoItems",
        /// An instance's host name is its id.
        hostname: String as "Never",
        /// Instances have no login.
        password: String as "Never",
        /// Instances have no login.
        key_names: Vec<String> as "NoItems",
        /// Elastic IPs belong to load balancers in this version.
        elastic_ip: Anything as "Never",
        /// What they can read of themselves.
        metadata: Vec<KeyValue>,
        /// `launch-script`: a script, base64.
        userdata: Vec<KeyValue>,
        /// A sentence for people.
        description: String as "Description",
        /// Their tags.
        user_tags: Vec<Tag> as "Tags",
    }

    /// An instance.
    Instance {
        /// Its id.
        instance_id: String,
        /// Its name.
        instance_name: String,
        /// Its host name: its id.
        hostname: String,
        /// Its size.
        instance_type: String,
        /// Its VPC.
        vpc_id: String,
        /// Its subnet.
        subnet_id: String,
        /// Its address.
        private_ip_address: String as "Address",
        /// What it does.
        status: String as "crate::shape::InstanceStatus",
        /// A sentence for people.
        description: String as "Description",
        /// Its image.
        image_id: String,
        /// Always empty.
        data_disks: Vec<Anything> as "NoItems",
        /// Its interface.
        primary_network_interface: InstanceInterface,
        /// Always empty.
        secondary_network_interfaces: Vec<Anything> as "NoItems",
        /// When it was made.
        launch_time: String as "Time",
        /// Its zone.
        az: String,
        /// Always empty.
        key_names: Vec<String>,
        /// What it costs.
        charge: super::Charge,
        /// Its rack.
        fault_domain: String,
        /// Its tags.
        tags: Vec<Tag>,
        /// Ours: the host that carries it.
        host_id: String,
        ?
        /// Ours: what went wrong, with status `error`.
        status_reason: String,
        /// The availability group of which it is a member.
        ag: Named,
        /// Ours, for one instance alone: lists would grow with scripts.
        metadata: Vec<KeyValue>,
        /// Ours, as `metadata`.
        userdata: Vec<KeyValue>,
    }

    /// An interface of an instance, and its place.
    InstanceInterface {
        /// Always 0.
        device_index: i64,
        /// Always true.
        auto_delete: bool,
        /// The interface.
        network_interface: Interface,
    }

    /// An interface.
    Interface {
        /// Its id.
        network_interface_id: String,
        /// Its Ethernet address.
        mac_address: String,
        /// Its VPC.
        vpc_id: String,
        /// Its subnet.
        subnet_id: String,
        /// Its security groups.
        security_groups: Vec<SecurityGroupName>,
        /// Always 1: it sends from its own address alone.
        sanity_check: i64,
        /// Its address.
        primary_ip: PrimaryIp,
        /// Always empty.
        secondary_ips: Vec<Anything> as "NoItems",
    }

    /// A security group of an interface.
    SecurityGroupName {
        /// Its id.
        group_id: String,
        /// Its name.
        group_name: String,
    }

    /// The primary address of an interface.
    PrimaryIp {
        /// The address.
        private_ip_address: String as "Address",
    }

    /// An instance's status alone.
    InstanceStatus {
        /// The instance.
        instance_id: String,
        /// What it does.
        status: String as "crate::shape::InstanceStatus",
    }

    /// A quota, in this service and in `ag`.
    Quota {
        /// Of what.
        resource_type: String,
        /// How many there may be.
        limit: i64,
        /// How many there are.
        used: i64,
    }

    /// A size.
    InstanceType {
        /// Its family.
        family: String,
        /// Its name.
        instance_type: String,
        /// Processors.
        cpu: i64,
        /// Memory.
        #[serde(rename = "memoryMB")]
        memory_mb: i64,
        /// Machine architecture.
        architecture: String,
        /// Always 1.
        nic_limit: i64,
        /// Always 0.
        cloud_disk_count_limit: i64,
        /// A sentence for people.
        desc: String,
        /// Where it is to be had.
        state: Vec<InstanceTypeState>,
        /// Its generation.
        generation: i64,
    }

    /// Whether a zone has a size.
    InstanceTypeState {
        /// The zone.
        az: String,
        /// Whether a host that carries instances is up there.
        in_stock: bool,
    }

    /// An image: what an instance runs.
    Image {
        /// Its id.
        image_id: String,
        /// Its name.
        name: String,
        /// A sentence for people.
        desc: String,
        /// Always `Linux`.
        platform: String,
        /// Always `host`: instances share their host's file system.
        os_version: String,
        /// Machine architecture.
        architecture: String,
        /// Always 0.
        #[serde(rename = "systemDiskSizeGB")]
        system_disk_size_gb: i64,
        /// Always `public`.
        image_source: String,
        /// Always `linux`.
        os_type: String,
        /// Always `ready`.
        status: String,
        /// Always `localDisk`.
        root_device_type: String,
        /// Always false.
        offline: bool,
    }

    /// Ours: what an instance has written to its console.
    ConsoleLog {
        /// The instance.
        instance_id: String,
        /// The end of it, in whole lines if it is cut. What is not UTF-8 is replaced.
        text: String,
        /// Whether there was more before it.
        truncated: bool,
        /// Bytes that the instance has written since it was made.
        written_bytes: u64,
    }

    /// A change of an instance; what is left out stays.
    ModifyInstanceAttribute {
        ?
        /// Its new name.
        name: String as "InstanceName",
        /// Its new description.
        description: String as "Description",
        /// An instance's host name is its id.
        hostname: String as "Never",
        /// What it can read of itself.
        metadata: Vec<KeyValue>,
        /// `launch-script`: a script, base64, for its next start.
        userdata: Vec<KeyValue>,
    }
}
