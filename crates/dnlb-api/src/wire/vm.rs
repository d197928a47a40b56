//! Service `vm`: templates, instances, images, sizes.

use super::{Anything, KeyValue, Tag, models};

models! {
    /// CreateInstanceTemplate.
    CreateInstanceTemplate {
        instance_template_data: InstanceTemplateSpec,
        name: String,
        ?
        description: String,
    }

    /// UpdateInstanceTemplate.
    UpdateInstanceTemplate {
        ?
        name: String,
        description: String,
        instance_template_data: InstanceTemplateSpec,
    }

    /// How to make an instance; what must be given depends on the operation.
    InstanceTemplateSpec {
        ?
        instance_type: String,
        image_id: String,
        primary_network_interface: PrimaryInterfaceSpec,
        system_disk: Anything,
        data_disks: Vec<Anything>,
        password: String,
        key_names: Vec<String>,
        metadata: Vec<KeyValue>,
        userdata: Vec<KeyValue>,
        elastic_ip: Anything,
    }

    /// The primary interface of an instance to make.
    PrimaryInterfaceSpec { ? network_interface: InterfaceSpec, }

    /// An interface to make.
    InterfaceSpec {
        ?
        subnet_id: String,
        security_groups: Vec<String>,
        primary_ip_address: String,
        secondary_ip_addresses: Vec<String>,
        secondary_ip_count: i64,
        ipv6_address_count: i64,
    }

    /// An instance template.
    InstanceTemplate {
        id: String,
        name: String,
        description: String,
        created_time: String,
        ags: Vec<Named>,
        instance_template_data: InstanceTemplateData,
    }

    /// An id and a name.
    Named { id: String, name: String, }

    /// What an instance template says.
    InstanceTemplateData {
        instance_type: String,
        vpc_id: String,
        image_id: String,
        include_password: bool,
        primary_network_interface: PrimaryInterfaceData,
        metadata: Vec<KeyValue>,
        userdata: Vec<KeyValue>,
        key_names: Vec<String>,
    }

    /// The primary interface in an instance template.
    PrimaryInterfaceData { device_index: i64, auto_delete: bool, network_interface: InterfaceData, }

    /// An interface in an instance template.
    InterfaceData { subnet_id: String, security_groups: Vec<String>, }

    /// CreateInstances.
    CreateInstances { instance_spec: InstanceSpec, ? max_count: i64, client_token: String, }

    /// Instances to make: by group, by template and zone, or in full.
    InstanceSpec {
        name: String,
        ?
        ag_id: String,
        instance_template_id: String,
        az: String,
        instance_type: String,
        image_id: String,
        primary_network_interface: PrimaryInterfaceSpec,
        system_disk: Anything,
        data_disks: Vec<Anything>,
        hostname: String,
        password: String,
        key_names: Vec<String>,
        elastic_ip: Anything,
        metadata: Vec<KeyValue>,
        userdata: Vec<KeyValue>,
        description: String,
        user_tags: Vec<Tag>,
    }

    /// An instance.
    Instance {
        instance_id: String,
        instance_name: String,
        hostname: String,
        instance_type: String,
        vpc_id: String,
        subnet_id: String,
        private_ip_address: String,
        status: String,
        description: String,
        image_id: String,
        data_disks: Vec<Anything>,
        primary_network_interface: InstanceInterface,
        secondary_network_interfaces: Vec<Anything>,
        launch_time: String,
        az: String,
        key_names: Vec<String>,
        charge: super::Charge,
        fault_domain: String,
        tags: Vec<Tag>,
        host_id: String,
        ?
        status_reason: String,
        ag: Named,
        /// Ours, for one instance alone: lists would grow with scripts.
        metadata: Vec<KeyValue>,
        /// Ours, as `metadata`.
        userdata: Vec<KeyValue>,
    }

    /// An interface of an instance, and its place.
    InstanceInterface { device_index: i64, auto_delete: bool, network_interface: Interface, }

    /// An interface.
    Interface {
        network_interface_id: String,
        mac_address: String,
        vpc_id: String,
        subnet_id: String,
        security_groups: Vec<SecurityGroupName>,
        sanity_check: i64,
        primary_ip: PrimaryIp,
        secondary_ips: Vec<Anything>,
    }

    /// A security group of an interface.
    SecurityGroupName { group_id: String, group_name: String, }

    /// The primary address of an interface.
    PrimaryIp { private_ip_address: String, }

    /// An instance's status alone.
    InstanceStatus { instance_id: String, status: String, }

    /// A quota, in this service and in `ag`.
    Quota { resource_type: String, limit: i64, used: i64, }

    /// A size.
    InstanceType {
        family: String,
        instance_type: String,
        cpu: i64,
        #[serde(rename = "memoryMB")]
        memory_mb: i64,
        architecture: String,
        nic_limit: i64,
        cloud_disk_count_limit: i64,
        desc: String,
        state: Vec<InstanceTypeState>,
        generation: i64,
    }

    /// Whether a zone has a size.
    InstanceTypeState { az: String, in_stock: bool, }

    /// An image.
    Image {
        image_id: String,
        name: String,
        desc: String,
        platform: String,
        os_version: String,
        architecture: String,
        #[serde(rename = "systemDiskSizeGB")]
        system_disk_size_gb: i64,
        image_source: String,
        os_type: String,
        status: String,
        root_device_type: String,
        offline: bool,
    }

    /// ModifyInstanceAttribute.
    ModifyInstanceAttribute {
        ?
        name: String,
        description: String,
        hostname: String,
        metadata: Vec<KeyValue>,
        userdata: Vec<KeyValue>,
    }
}
