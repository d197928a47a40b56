//! Templates, availability groups, instances.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use base64::{Engine, prelude::BASE64_STANDARD};
use clap::Subcommand;
use serde_json::{Value, json};

use super::{Common, common, create, done};
use crate::{
    api::{Api, PATIENCE, wait_until},
    kind::{AG, INSTANCE, SECURITY_GROUP, SUBNET, TEMPLATE},
    print::{self, Format},
};

#[derive(Subcommand)]
pub(crate) enum TemplateCommand {
    #[command(flatten)]
    Common(Common),
    /// Create one
    Create {
        /// Name
        name: String,
        /// Subnet of its instances, by name or id
        #[arg(long)]
        subnet: String,
        /// Security groups, by name or id
        #[arg(long = "sg", value_delimiter = ',')]
        security_groups: Vec<String>,
        /// Image: img-web answers HTTP with who it is, img-blank runs its launch script alone
        #[arg(long, default_value = "img-web")]
        image: String,
        /// Size
        #[arg(long = "type", default_value = "g.n2.medium")]
        instance_type: String,
        /// File with the script that an instance runs at its start
        #[arg(long)]
        script: Option<PathBuf>,
    },
}

pub(crate) fn template(api: &Api, command: TemplateCommand, format: Format) -> Result<()> {
    match command {
        TemplateCommand::Common(command) => common(api, &TEMPLATE, command, format),
        TemplateCommand::Create { name, subnet, security_groups, image, instance_type, script } => {
            let mut data = json!({
                "instanceType": instance_type,
                "imageId": image,
                "primaryNetworkInterface": {"networkInterface": {
                    "subnetId": api.id(&SUBNET, &subnet)?,
                    "securityGroups": api.ids(&SECURITY_GROUP, &security_groups)?,
                }},
            });
            if let Some(path) = script {
                let script = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
                data["userdata"] = json!([{"key": "launch-script", "value": BASE64_STANDARD.encode(script)}]);
            }
            create(api, &TEMPLATE, json!({"name": name, "instanceTemplateData": data}), format).map(drop)
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum AgCommand {
    #[command(flatten)]
    Common(Common),
    /// Create one, without instances
    Create {
        /// Name
        name: String,
        /// Instance template, by name or id
        #[arg(long)]
        template: String,
        /// Zones; all of the region without it
        #[arg(long, value_delimiter = ',')]
        azs: Vec<String>,
    },
    /// Create or delete instances until it has so many
    Scale {
        /// Availability group, by name or id
        name: String,
        /// How many
        #[arg(long)]
        to: usize,
        /// Return when all of them run
        #[arg(long)]
        wait: bool,
    },
}

pub(crate) fn ag(api: &Api, command: AgCommand, format: Format) -> Result<()> {
    match command {
        AgCommand::Common(command) => common(api, &AG, command, format),
        AgCommand::Create { name, template, azs } => {
            let template = api.id(&TEMPLATE, &template)?;
            let azs = if azs.is_empty() { api.status()?["azs"].take() } else { json!(azs) };
            let body = json!({"agName": name, "agType": "vm", "azs": azs, "instanceTemplateId": template});
            create(api, &AG, body, format).map(drop)
        }
        AgCommand::Scale { name, to, wait } => {
            let group = api.find(&AG, &name)?;
            let (id, name) = (text(&group, AG.id)?, text(&group, AG.name)?);
            scale(api, &id, &name, to)?;
            if wait {
                wait_running(api, &[("agId", &id)])?;
            }
            print::resources(format, &INSTANCE, &api.list(&INSTANCE, &[("agId", &id)])?);
            Ok(())
        }
    }
}

/// Creates instances of a group, all or none of a hundred whose numbers follow each other, or deletes some, one after
/// the other. What was done stays done if the next is refused.
fn scale(api: &Api, id: &str, name: &str, to: usize) -> Result<()> {
    let instances = api.list(&INSTANCE, &[("agId", id)])?;
    for (name, count) in new_names(&instances, name, to.saturating_sub(instances.len())) {
        api.create(&INSTANCE, json!({"instanceSpec": {"name": name, "agId": id}, "maxCount": count}))?;
    }
    for id in surplus(&instances, to) {
        api.delete(&INSTANCE, &id)?;
    }
    Ok(())
}

/// As many instances as one request may create.
const BATCH_MAX: usize = 100;

/// Names for more instances, as the API takes them: `web-[3]` and how many from there on. They are the group's name and
/// the smallest numbers that are free.
fn new_names(instances: &[Value], group: &str, count: usize) -> Vec<(String, usize)> {
    let taken: Vec<_> = instances.iter().filter_map(|instance| instance[INSTANCE.name].as_str()).collect();
    let free = (1usize..).filter(|n| !taken.contains(&format!("{group}-{n}").as_str())).take(count);
    let mut batches: Vec<(usize, usize)> = Vec::new();
    for number in free {
        match batches.last_mut() {
            Some((first, length)) if *first + *length == number && *length < BATCH_MAX => *length += 1,
            _ => batches.push((number, 1)),
        }
    }
    batches.into_iter().map(|(first, length)| (format!("{group}-[{first}]"), length)).collect()
}

/// Which instances go when `to` stay: each time the newest of the fullest host of the fullest rack
/// of the fullest zone.
fn surplus(instances: &[Value], to: usize) -> Vec<String> {
    let mut left: Vec<&Value> = instances.iter().collect();
    let mut gone = Vec::new();
    while left.len() > to {
        let mut zones: BTreeMap<&str, usize> = BTreeMap::new();
        let mut racks: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        let mut hosts: BTreeMap<&str, usize> = BTreeMap::new();
        let place = |item: &&Value| -> (String, String, String) {
            let field = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
            (field("az"), field("faultDomain"), field("hostId"))
        };
        let places: Vec<_> = left.iter().map(place).collect();
        for (az, rack, host) in &places {
            *zones.entry(az).or_default() += 1;
            *racks.entry((az, rack)).or_default() += 1;
            *hosts.entry(host).or_default() += 1;
        }
        let rank = |index: &usize| {
            let (az, rack, host) = &places[*index];
            let created = left[*index]["launchTime"].as_str().unwrap_or_default();
            let racks = racks[&(az.as_str(), rack.as_str())];
            (zones[az.as_str()], racks, hosts[host.as_str()], created, *index)
        };
        let Some(chosen) = (0..left.len()).max_by_key(rank) else { break };
        gone.extend(left.remove(chosen)[INSTANCE.id].as_str().map(str::to_owned));
    }
    gone
}

#[derive(Subcommand)]
pub(crate) enum InstanceCommand {
    #[command(flatten)]
    Common(Common),
    /// Create one, in a group or on its own
    Create {
        /// Name
        name: String,
        /// Availability group, by name or id: everything comes from its template
        #[arg(long, conflicts_with_all = ["template", "az"])]
        ag: Option<String>,
        /// Instance template, by name or id
        #[arg(long, requires = "az")]
        template: Option<String>,
        /// Zone, with a template
        #[arg(long)]
        az: Option<String>,
        /// This address of the subnet and no other
        #[arg(long)]
        address: Option<String>,
        /// Return when it runs
        #[arg(long)]
        wait: bool,
    },
    /// Start one that is stopped
    Start {
        /// Name or id
        name: String,
    },
    /// Stop one
    Stop {
        /// Name or id
        name: String,
    },
    /// Stop and start one
    Reboot {
        /// Name or id
        name: String,
    },
}

pub(crate) fn instance(api: &Api, command: InstanceCommand, format: Format) -> Result<()> {
    match command {
        InstanceCommand::Common(command) => common(api, &INSTANCE, command, format),
        InstanceCommand::Create { name, ag, template, az, address, wait } => {
            let mut spec = json!({"name": name});
            match (ag, template) {
                (Some(ag), _) => spec["agId"] = api.id(&AG, &ag)?.into(),
                (None, Some(template)) => {
                    spec["instanceTemplateId"] = api.id(&TEMPLATE, &template)?.into();
                    spec["az"] = az.into();
                }
                (None, None) => bail!("say in which --ag, or by which --template and in which --az"),
            }
            if let Some(address) = address {
                spec["primaryNetworkInterface"] = json!({"networkInterface": {"primaryIpAddress": address}});
            }
            let made = api.create(&INSTANCE, json!({"instanceSpec": spec, "maxCount": 1}))?;
            let id = text(&made, INSTANCE.id)?;
            if wait {
                wait_running(api, &[("instanceId", &id)])?;
            }
            print::resource(format, &INSTANCE, &api.show(&INSTANCE, &id)?);
            Ok(())
        }
        InstanceCommand::Start { name } => power(api, &name, "startInstance", "starts", format),
        InstanceCommand::Stop { name } => power(api, &name, "stopInstance", "stops", format),
        InstanceCommand::Reboot { name } => power(api, &name, "rebootInstance", "starts again", format),
    }
}

fn power(api: &Api, name: &str, action: &str, word: &str, format: Format) -> Result<()> {
    let id = api.id(&INSTANCE, name)?;
    api.act(&INSTANCE, &id, action, json!({}))?;
    done(format, &format!("instance {name} {word}"));
    Ok(())
}

/// Waits until all instances that pass the filters run, and every host knows it.
fn wait_running(api: &Api, filters: &[(&str, &str)]) -> Result<()> {
    let mut waiting = Vec::new();
    wait_until(PATIENCE, || {
        let instances = api.list(&INSTANCE, filters)?;
        if let Some(broken) = instances.iter().find(|instance| instance["status"] == "error") {
            bail!("instance {}: {}", broken["instanceId"], broken["statusReason"]);
        }
        waiting = instances
            .iter()
            .filter(|instance| instance["status"] != "running")
            .map(|instance| format!("{} is {}", instance["instanceId"], instance["status"]))
            .collect();
        Ok(waiting.is_empty())
    })
    .with_context(|| format!("waiting for instances to run: {}", waiting.join(", ")))?;
    api.wait_converged()
}

fn text(item: &Value, field: &str) -> Result<String> {
    Ok(item[field].as_str().with_context(|| format!("a reply without {field}"))?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(id: &str, az: &str, rack: &str, created: &str) -> Value {
        json!({"instanceId": id, "instanceName": id, "az": az, "faultDomain": rack, "launchTime": created})
    }

    #[test]
    fn the_newest_of_the_fullest_rack_of_the_fullest_zone_goes_first() {
        let instances = [
            instance("old", "a", "r1", "1"),
            instance("new", "a", "r1", "2"),
            instance("alone", "a", "r2", "4"),
            instance("other", "b", "r1", "3"),
        ];
        assert_eq!(surplus(&instances, 3), ["new"]);
        assert_eq!(surplus(&instances, 2), ["new", "alone"]);
        assert_eq!(surplus(&instances, 4), [""; 0]);
        assert_eq!(surplus(&instances, 0).len(), 4);
    }

    #[test]
    fn new_instances_take_the_free_numbers() {
        let instances = [instance("web-2", "a", "r", "1")];
        let named = |name: &str, count| (name.to_owned(), count);
        assert_eq!(new_names(&instances, "web", 0), []);
        assert_eq!(new_names(&instances, "web", 2), [named("web-[1]", 1), named("web-[3]", 1)]);
        assert_eq!(
            new_names(&instances, "web", 103),
            [named("web-[1]", 1), named("web-[3]", 100), named("web-[103]", 2)]
        );
    }

    #[test]
    fn who_stays_is_on_as_many_hosts_as_before() {
        let on = |id: &str, az: &str, host: &str| json!({"instanceId": id, "az": az, "faultDomain": az, "hostId": host, "launchTime": "1"});
        // By id, as a list has them that were made in the same second.
        let instances = [
            on("1", "a", "a1"),
            on("2", "a", "a1"),
            on("3", "a", "a2"),
            on("4", "a", "a2"),
            on("5", "b", "b1"),
            on("6", "b", "b1"),
            on("7", "b", "b2"),
            on("8", "b", "b2"),
        ];
        let mut gone = surplus(&instances, 4);
        gone.sort();
        assert_eq!(gone, ["2", "4", "6", "8"]);
    }
}
