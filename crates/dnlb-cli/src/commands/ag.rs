//! Availability groups.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    Common, Texts, common, create, done, given, instance::wait_running, show_all, show_one, text, update,
};
use crate::{
    api::Api,
    kind::{AG, INSTANCE, TEMPLATE},
    print::Format,
};

#[derive(Subcommand)]
pub(crate) enum Command {
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
        /// Description
        #[arg(long)]
        description: Option<String>,
    },
    /// Change one's name or description; its zones cannot change
    Update {
        /// Name or id
        name: String,
        #[command(flatten)]
        texts: Texts,
    },
    /// Make later instances from another template of the same VPC
    SetTemplate {
        /// Availability group, by name or id
        name: String,
        /// Instance template, by name or id
        template: String,
    },
    /// Create or delete instances until it has so many; with --wait: return when all of them run
    Scale {
        /// Availability group, by name or id
        name: String,
        /// How many
        #[arg(long)]
        to: usize,
    },
    /// Let go of instances: they live on, for ever outside any group
    Abandon {
        /// Availability group, by name or id
        name: String,
        /// Instances, by name or id
        #[arg(required = true)]
        instances: Vec<String>,
    },
}

pub(crate) fn run(api: &Api, command: Command, format: Format) -> Result<()> {
    match command {
        Command::Common(command) => common(api, &AG, command, format),
        Command::Create { name, template, azs, description } => {
            let template = api.id(&TEMPLATE, &template)?;
            let azs = if azs.is_empty() { api.status()?["azs"].take() } else { json!(azs) };
            let body = json!({
                "agName": name,
                "agType": "vm",
                "azs": azs,
                "instanceTemplateId": template,
                "description": description,
            });
            create(api, &AG, body, format)
        }
        Command::Update { name, texts } => {
            let body = given([
                ("name", texts.new_name.map(Value::from)),
                ("description", texts.description.map(Value::from)),
            ])?;
            update(api, &AG, &name, body, format)
        }
        Command::SetTemplate { name, template } => {
            let id = api.id(&AG, &name)?;
            let template = api.id(&TEMPLATE, &template)?;
            api.act(&AG, &id, "setInstanceTemplate", json!({"instanceTemplateId": template}))?;
            show_one(api, &AG, api.show(&AG, &id)?, format)
        }
        Command::Scale { name, to } => {
            let group = api.find(&AG, &name)?;
            let (id, name) = (text(&group, AG.id)?, text(&group, AG.name)?);
            scale(api, &id, &name, to)?;
            if let Some(patience) = api.patience() {
                wait_running(api, &[("agId", &id)], patience)?;
            }
            show_all(api, &INSTANCE, api.list(&INSTANCE, &[("agId", &id)])?, format)
        }
        Command::Abandon { name, instances } => {
            let id = api.id(&AG, &name)?;
            let ids = api.ids(&INSTANCE, &instances)?;
            api.act(&AG, &id, "abandonInstances", json!({"instanceIds": ids}))?;
            done(format, &format!("availability group {name}: {} let go", instances.join(", ")));
            Ok(())
        }
    }
}

/// Creates instances of a group, all or none of a hundred whose numbers follow each other, or deletes some, one after
/// the other. What was done stays done if the next is refused.
pub(crate) fn scale(api: &Api, id: &str, name: &str, to: usize) -> Result<()> {
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
