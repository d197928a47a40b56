//! How to make an instance, as templates and requests say it.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use dnlb_api::{ApiError, wire};
use dnlb_model::{Region, SecurityGroupId, SubnetId, Template};
use wire::{
    KeyValue,
    vm::{InstanceSpec, InstanceTemplateSpec},
};

use super::{catalogue, check, find, security_group, subnet};

const NO_DISKS: &str = "instances have no disks of their own";
const NO_LOGIN: &str = "instances have no login";

/// Everything that makes an instance, but its name and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    pub instance_type: String,
    pub image: String,
    pub subnet: SubnetId,
    pub security_groups: Vec<SecurityGroupId>,
    pub launch_script: Option<String>,
    pub metadata: BTreeMap<String, String>,
}

impl Machine {
    pub(super) fn of_template(template: &Template) -> Self {
        Self {
            instance_type: template.instance_type.clone(),
            image: template.image.clone(),
            subnet: template.subnet.clone(),
            security_groups: template.security_groups.clone(),
            launch_script: template.launch_script.clone(),
            metadata: template.metadata.clone(),
        }
    }

    /// A machine as given, over a base: what is given wins, without a base nothing may be missing.
    pub(super) fn given(spec: InstanceTemplateSpec, base: Option<Self>) -> Result<Self, ApiError> {
        refuse(&spec)?;
        let interface = spec.primary_network_interface.and_then(|primary| primary.network_interface);
        let (subnet, groups) = match interface {
            None => (None, None),
            Some(interface) => (interface.subnet_id, interface.security_groups),
        };
        let missing = |field: &str| ApiError::invalid(format!("missing field `{field}`"));
        let empty = Self {
            instance_type: String::new(),
            image: String::new(),
            subnet: SubnetId(String::new()),
            security_groups: Vec::new(),
            launch_script: None,
            metadata: BTreeMap::new(),
        };
        let mut machine = base.unwrap_or(empty);
        machine.instance_type = spec.instance_type.unwrap_or(machine.instance_type);
        machine.image = spec.image_id.unwrap_or(machine.image);
        machine.subnet = subnet.map_or(machine.subnet, SubnetId);
        if let Some(groups) = groups {
            machine.security_groups = groups.into_iter().map(SecurityGroupId).collect();
        }
        if let Some(userdata) = spec.userdata {
            machine.launch_script = launch_script(userdata)?;
        }
        if let Some(pairs) = spec.metadata {
            machine.metadata = metadata(pairs)?;
        }
        for (field, value) in [
            ("instanceType", &machine.instance_type),
            ("imageId", &machine.image),
            ("primaryNetworkInterface.networkInterface.subnetId", &machine.subnet.0),
        ] {
            if value.is_empty() {
                return Err(missing(field));
            }
        }
        Ok(machine)
    }

    /// Checks that everything that it names exists and fits together.
    pub(super) fn check(&self, region: &Region) -> Result<(), ApiError> {
        catalogue::check_type(&self.instance_type)?;
        catalogue::check_image(&self.image)?;
        let subnet = find(&region.subnets, subnet::KIND, &self.subnet)?;
        if self.security_groups.len() > 5 {
            return Err(ApiError::invalid(format!(
                "{} security groups are given; an instance has at most 5",
                self.security_groups.len()
            )));
        }
        for (index, id) in self.security_groups.iter().enumerate() {
            let group = find(&region.security_groups, security_group::KIND, id)?;
            if group.vpc != subnet.vpc {
                return Err(ApiError::invalid(format!(
                    "security group {id} is in VPC {}, subnet {} in VPC {}",
                    group.vpc, subnet.id, subnet.vpc
                )));
            }
            if self.security_groups[..index].contains(id) {
                return Err(ApiError::invalid(format!("security group {id} is given twice")));
            }
        }
        Ok(())
    }
}

/// The part of an instance's specification that templates have, too.
pub(super) fn template_part(spec: &mut InstanceSpec) -> InstanceTemplateSpec {
    InstanceTemplateSpec {
        instance_type: spec.instance_type.take(),
        image_id: spec.image_id.take(),
        primary_network_interface: spec.primary_network_interface.take(),
        system_disk: spec.system_disk.take(),
        data_disks: spec.data_disks.take(),
        password: spec.password.take(),
        key_names: spec.key_names.take(),
        metadata: spec.metadata.take(),
        userdata: spec.userdata.take(),
        elastic_ip: spec.elastic_ip.take(),
    }
}

fn refuse(spec: &InstanceTemplateSpec) -> Result<(), ApiError> {
    let given = |list: &Option<Vec<_>>| list.as_ref().is_some_and(|list| !list.is_empty());
    let keys = spec.key_names.as_ref().is_some_and(|keys| !keys.is_empty());
    check::refuse_all(
        &[("systemDisk", spec.system_disk.is_some()), ("dataDisks", given(&spec.data_disks))],
        NO_DISKS,
    )?;
    check::refuse_all(&[("password", spec.password.is_some()), ("keyNames", keys)], NO_LOGIN)?;
    let why = "elastic IPs belong to load balancers in this version";
    check::refuse(spec.elastic_ip.is_some(), "elasticIp", why)?;
    let interface =
        spec.primary_network_interface.as_ref().and_then(|primary| primary.network_interface.as_ref());
    let Some(interface) = interface else { return Ok(()) };
    let secondary = interface.secondary_ip_addresses.as_ref().is_some_and(|list| !list.is_empty());
    let some = |count: Option<i64>| count.is_some_and(|count| count != 0);
    let secondary = secondary || some(interface.secondary_ip_count);
    check::refuse(secondary, "secondaryIpAddresses", "instances have one address each")?;
    check::refuse(
        some(interface.ipv6_address_count),
        "ipv6AddressCount",
        "instances have one address each, of their subnet's family: name an IPv6 subnet",
    )
}

/// The script that the key `launch-script` carries, decoded.
pub(super) fn launch_script(userdata: Vec<KeyValue>) -> Result<Option<String>, ApiError> {
    let mut script = None;
    for KeyValue { key, value } in userdata {
        let key = check::shown(&key);
        if key != "launch-script" {
            return Err(ApiError::invalid(format!("userdata `{key}` is not supported: only launch-script")));
        }
        let bytes = BASE64_STANDARD
            .decode(value.as_bytes())
            .map_err(|error| ApiError::invalid(format!("userdata launch-script is not base64: {error}")))?;
        if bytes.len() > 16 * 1024 {
            return Err(ApiError::invalid(format!(
                "userdata launch-script has {} bytes; at most 16384 are allowed",
                bytes.len()
            )));
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| ApiError::invalid("userdata launch-script is not UTF-8 text"))?;
        if !text.starts_with("#!") {
            return Err(ApiError::invalid(
                "userdata launch-script does not begin with #!, such as #!/bin/bash",
            ));
        }
        if script.replace(text).is_some() {
            return Err(ApiError::invalid("userdata launch-script is given twice"));
        }
    }
    Ok(script)
}

/// Metadata, at most 20 pairs.
pub(super) fn metadata(pairs: Vec<KeyValue>) -> Result<BTreeMap<String, String>, ApiError> {
    if pairs.len() > 20 {
        return Err(ApiError::invalid(format!(
            "{} pairs of metadata are given; at most 20 are allowed",
            pairs.len()
        )));
    }
    let mut checked = BTreeMap::new();
    for KeyValue { key, value } in pairs {
        if key.is_empty() || key.len() > 256 || value.len() > 16 * 1024 {
            return Err(ApiError::invalid(format!(
                "metadata `{}`: a key has 1 to 256 bytes, a value at most 16384",
                check::shown(&key)
            )));
        }
        if checked.contains_key(&key) {
            return Err(ApiError::invalid(format!("metadata `{}` is given twice", check::shown(&key))));
        }
        checked.insert(key, value);
    }
    Ok(checked)
}

/// Metadata as the wire shows it.
pub(super) fn metadata_view(metadata: &BTreeMap<String, String>) -> Vec<KeyValue> {
    metadata.iter().map(|(key, value)| KeyValue { key: key.clone(), value: value.clone() }).collect()
}

/// A launch script as the wire shows it.
pub(super) fn userdata_view(script: Option<&str>) -> Vec<KeyValue> {
    let encode =
        |script: &str| KeyValue { key: "launch-script".to_owned(), value: BASE64_STANDARD.encode(script) };
    script.map(encode).into_iter().collect()
}
