use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::region_file::{
    RegionFile,
    file::{
        Acl, AvailabilityGroup, Backend, ElasticIp, Instance, Listener, LoadBalancer, SecurityGroup, Subnet,
        Target, TargetGroup, Template, Vpc,
    },
    parse::{parse, write},
    resource::resources,
};

/// Chooses by the numbers of a test case; of no more numbers, always the first.
struct Choice(std::vec::IntoIter<u16>);

impl Choice {
    /// One of so many.
    fn of(&mut self, count: usize) -> usize {
        usize::from(self.0.next().unwrap_or(0)) % count
    }

    fn yes(&mut self) -> bool {
        self.of(2) == 1
    }

    /// Some of the names.
    fn some<'a>(&mut self, names: &[&'a str]) -> Vec<&'a str> {
        names.iter().copied().filter(|_| self.yes()).collect()
    }

    /// One of the names, if there are any and if it is not left open.
    fn maybe(&mut self, names: &[&str]) -> Option<String> {
        let at = self.of(names.len() + 1);
        names.get(at).map(|name| (*name).to_owned())
    }
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_saphyr::from_str(text).unwrap()
}

fn text(choice: &mut Choice) -> String {
    ["", "one", "two: #\n three"][choice.of(3)].to_owned()
}

/// A region in which everything that is named is there. What the API fixes depends on names alone.
fn region(choice: &mut Choice) -> RegionFile {
    let mut file = RegionFile::default();
    let mut places = Vec::new();
    for vpc in choice.some(&["v", "w"]) {
        let mut content: Vpc = read("prefix: 10.0.0.0/8");
        content.description = text(choice);
        for name in choice.some(&["in", "out"]) {
            let mut group: SecurityGroup = read("{}");
            group.description = text(choice);
            for port in 0..choice.of(3) {
                let rule = format!("{{direction: in, protocol: tcp, ports: {}, prefix: '::/0'}}", 80 + port);
                group.rules.push(read(&rule));
            }
            content.security_groups.insert(name.to_owned(), group);
        }
        for name in choice.some(&["open", "shut"]) {
            let mut acl: Acl = read("{}");
            for priority in 0..choice.of(3) {
                let rule = format!(
                    "{{direction: out, priority: {}, action: deny, protocol: icmp, prefix: 0.0.0.0/0}}",
                    1 + priority
                );
                acl.rules.push(read(&rule));
            }
            content.acls.insert(name.to_owned(), acl);
        }
        for name in choice.some(&["a", "b"]) {
            let mut subnet: Subnet = read("prefix: 10.1.0.0/16");
            let acls: Vec<&str> = content.acls.keys().map(String::as_str).collect();
            subnet.acl = choice.maybe(&acls);
            content.subnets.insert(name.to_owned(), subnet);
            let groups: Vec<String> = content.security_groups.keys().cloned().collect();
            places.push((vpc.to_owned(), name.to_owned(), groups));
        }
        file.vpcs.insert(vpc.to_owned(), content);
    }
    let mut eips = choice.some(&["203.0.113.1", "203.0.113.2", "203.0.113.3"]);
    for address in &eips {
        let mut eip: ElasticIp = read("{}");
        eip.mbps = 1 + u32::try_from(choice.of(3)).unwrap();
        file.elastic_ips.insert(address.parse().unwrap(), eip);
    }
    if places.is_empty() {
        return file;
    }
    for name in choice.some(&["t", "u"]) {
        let (vpc, subnet, groups) = &places[choice.of(places.len())];
        let mut template: Template = read(&format!("{{vpc: {vpc}, subnet: {subnet}}}"));
        template.security_groups = groups.iter().filter(|_| choice.yes()).cloned().collect();
        template.script = text(choice);
        file.templates.insert(name.to_owned(), template);
    }
    let templates: Vec<String> = file.templates.keys().cloned().collect();
    for name in choice.some(&["g", "h"]).into_iter().filter(|_| !templates.is_empty()) {
        let template = &templates[choice.of(templates.len())];
        let mut group: AvailabilityGroup = read(&format!("{{template: {template}, azs: [r1a]}}"));
        group.size = [None, Some(0), Some(3)][choice.of(3)];
        file.availability_groups.insert(name.to_owned(), group);
    }
    // An instance cannot move: its name says where it is.
    for (vpc, subnet, _) in places.clone() {
        if choice.yes() {
            let instance: Instance = read(&format!("{{az: r1a, vpc: {vpc}, subnet: {subnet}}}"));
            file.instances
                .insert(format!("{vpc}-{subnet}"), Instance { description: text(choice), ..instance });
        }
    }
    let ags: Vec<String> = file.availability_groups.keys().cloned().collect();
    let instances: Vec<String> = file.instances.keys().cloned().collect();
    for (vpc, subnet, _) in places {
        if choice.yes() {
            let mut lb: LoadBalancer = read(&format!("{{vpc: {vpc}, subnet: {subnet}}}"));
            lb.enabled = choice.yes();
            lb.elastic_ip = eips.pop().filter(|_| choice.yes()).map(|address| address.parse().unwrap());
            parts(choice, &mut lb, &ags, &instances);
            file.load_balancers.insert(format!("{vpc}-{subnet}"), lb);
        }
    }
    file.canonical()
}

fn parts(choice: &mut Choice, lb: &mut LoadBalancer, ags: &[String], instances: &[String]) {
    for name in choice.some(&["x", "y"]) {
        let mut group: TargetGroup = read("{}");
        let chosen: Vec<_> = instances.iter().filter(|_| choice.yes()).collect();
        for instance in chosen {
            let target: Target = read(&format!("{{weight: {}}}", 1 + choice.of(3)));
            group.targets.insert(instance.clone(), target);
        }
        lb.target_groups.insert(name.to_owned(), group);
    }
    for name in choice.some(&["b", "c"]) {
        let mut backend: Backend = read("{protocol: tcp, port: 80}");
        let groups: Vec<&str> = lb.target_groups.keys().map(String::as_str).collect();
        let ags: Vec<&str> = ags.iter().map(String::as_str).collect();
        if choice.yes() {
            backend.target_group = choice.maybe(&groups);
        } else {
            backend.availability_group = choice.maybe(&ags);
        }
        backend.health_check.enabled = choice.yes();
        lb.backends.insert(name.to_owned(), backend);
    }
    let backends: Vec<String> = lb.backends.keys().cloned().collect();
    if backends.is_empty() {
        return;
    }
    // The first two have one port, as when a listener gets another name.
    for (name, port) in [(["old", "new"][choice.of(2)], 80), ("tls", 443)] {
        if choice.yes() {
            let backend = &backends[choice.of(backends.len())];
            let mut listener: Listener =
                read(&format!("{{protocol: tcp, port: {port}, backend: {backend}}}"));
            listener.enabled = choice.yes();
            lb.listeners.insert(name.to_owned(), listener);
        }
    }
}

fn choices() -> impl Strategy<Value = Vec<u16>> {
    prop::collection::vec(any::<u16>(), 0..200)
}

fn regions() -> impl Strategy<Value = RegionFile> {
    choices().prop_map(|numbers| region(&mut Choice(numbers.into_iter())))
}

/// Two regions: alike but for a few choices, or nothing to do with each other.
fn pairs() -> impl Strategy<Value = (RegionFile, RegionFile)> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u16>()), 1..6);
    let alike = (prop::collection::vec(any::<u16>(), 100..200), edits).prop_map(|(numbers, edits)| {
        let mut edited = numbers.clone();
        edits.into_iter().for_each(|(index, number)| *index.get_mut(&mut edited) = number);
        (region(&mut Choice(numbers.into_iter())), region(&mut Choice(edited.into_iter())))
    });
    prop_oneof![2 => alike, 1 => (regions(), regions())]
}

/// What the API does and refuses, as far as plans depend on it.
struct Simulated(Resources);

impl Simulated {
    fn apply(&mut self, step: &Step) {
        match step {
            Step::Create { key, fields } => {
                assert!(self.0.insert(key.clone(), fields.clone()).is_none(), "there twice: {key}");
            }
            Step::Update { key, changes } => {
                let fields = self.0.get_mut(key).unwrap_or_else(|| panic!("changed, not there: {key}"));
                for (name, change) in changes {
                    assert_eq!(fields.get(name).unwrap_or(&Value::Null), &change.from, "{key}: {name}");
                    assert!(!key.noun.fixes(name), "{key}: {name} cannot change");
                    if change.to.is_null() {
                        fields.remove(name);
                    } else {
                        fields.insert(name.clone(), change.to.clone());
                    }
                }
            }
            Step::Delete { key } => {
                let gone = self.0.remove(key).unwrap_or_else(|| panic!("deleted, not there: {key}"));
                let has_members = key.noun == Noun::AvailabilityGroup
                    && gone.get("size").is_some_and(|size| *size != json!(0));
                assert!(!has_members, "{key} is not empty");
            }
        }
        self.check(step);
    }

    fn check(&self, step: &Step) {
        let (mut addresses, mut ports) = (BTreeSet::new(), BTreeSet::new());
        for (key, fields) in &self.0 {
            for reference in references(key, fields) {
                assert!(self.0.contains_key(&reference.to), "{key} lacks {} after {step}", reference.to);
            }
            if let Some(address) = fields.get("elastic_ip") {
                assert!(addresses.insert(address.to_string()), "{address} is had twice after {step}");
            }
            if key.noun == Noun::Listener {
                let place = (key.parent.clone(), fields["port"].to_string());
                assert!(ports.insert(place), "a port is taken twice after {step}");
            }
        }
    }
}

/// A region as it would be read: nothing is left open.
fn present(file: &RegionFile) -> Present {
    let mut file = file.clone();
    for group in file.availability_groups.values_mut() {
        group.size.get_or_insert(1);
    }
    for (number, lb) in file.load_balancers.values_mut().enumerate() {
        lb.vip.get_or_insert([10, 1, 1, u8::try_from(number).unwrap()].into());
    }
    for (number, instance) in file.instances.values_mut().enumerate() {
        instance.address.get_or_insert([10, 1, 2, u8::try_from(number).unwrap()].into());
    }
    Present { resources: resources(&file), members: BTreeSet::new() }
}

/// What a file wants of a region, and is not so.
fn differences(wanted: &Resources, region: &Resources) -> Vec<String> {
    let mut found = Vec::new();
    for (key, fields) in wanted {
        let there = region.get(key);
        let names: BTreeSet<&String> =
            fields.keys().chain(there.into_iter().flat_map(BTreeMap::keys)).collect();
        for name in names {
            let open = key.noun.leaves_open(name) && !fields.contains_key(name);
            if !open && there.and_then(|there| there.get(name)) != fields.get(name) {
                found.push(format!("{key}: {name}"));
            }
        }
        if there.is_none() {
            found.push(format!("{key} is missing"));
        }
    }
    found
}

proptest! {
    #[test]
    fn what_is_exported_changes_nothing(file in regions()) {
        prop_assert_eq!(&parse(&write(&file)).unwrap(), &file);
        let steps = plan(&resources(&file), &present(&file), true).unwrap();
        prop_assert!(steps.is_empty(), "{}", steps[0]);
    }

    #[test]
    fn a_pruning_plan_leads_to_the_file_and_every_prefix_is_safe((before, after) in pairs()) {
        let wanted = resources(&after);
        let present = present(&before);
        let mut region = Simulated(present.resources.clone());
        for step in plan(&wanted, &present, true).unwrap() {
            region.apply(&step);
        }
        prop_assert_eq!(differences(&wanted, &region.0), Vec::<String>::new());
        prop_assert!(region.0.keys().eq(wanted.keys()));
        let reached = Present { resources: region.0, members: BTreeSet::new() };
        let steps = plan(&wanted, &reached, true).unwrap();
        prop_assert!(steps.is_empty(), "{}", steps[0]);
    }

    #[test]
    fn without_pruning_nothing_is_deleted((before, after) in pairs()) {
        let wanted = resources(&after);
        let present = present(&before);
        let mut region = Simulated(present.resources.clone());
        // A listener may want a port, or a load balancer an address, of one that stays: the API or the plan says so.
        let same_port = |(key, fields): (&Key, &Fields)| {
            key.noun == Noun::Listener && wanted.iter().any(|(other, wish)| {
                other != key && other.noun == key.noun && other.parent == key.parent && wish["port"] == fields["port"]
            })
        };
        prop_assume!(!present.resources.iter().any(same_port));
        let Ok(steps) = plan(&wanted, &present, false) else { return Ok(()) };
        for step in steps {
            region.apply(&step);
        }
        prop_assert_eq!(differences(&wanted, &region.0), Vec::<String>::new());
        for (key, fields) in &present.resources {
            if !wanted.contains_key(key) {
                prop_assert_eq!(region.0.get(key), Some(fields));
            }
        }
    }
}

/// The plan from one text to another, as people read it, or what stands in its way.
fn planned(before: &str, after: &str, prune: bool) -> Result<Vec<String>, Vec<String>> {
    let present = present(&parse(before).unwrap());
    let steps = plan(&resources(&parse(after).unwrap()), &present, prune);
    steps
        .map(|steps| steps.iter().map(Step::to_string).collect())
        .map_err(|problems| problems.iter().map(Problem::to_string).collect())
}

const NETWORK: &str = "\
vpcs:
  v:
    prefix: 10.0.0.0/16
    subnets: {a: {prefix: 10.0.1.0/24}}
";

fn with_lb(parts: &str) -> String {
    format!("{NETWORK}load_balancers:\n  l:\n    vpc: v\n    subnet: a\n{parts}")
}

#[test]
fn a_plan_is_read_as_a_list_of_changes() {
    let before = with_lb("    backends: {b: {protocol: tcp, port: 80}}\n    description: one\n");
    let after = with_lb(
        "    backends: {b: {protocol: tcp, port: 80, algorithm: quintuple-hash}}\n    listeners: {h: {protocol: tcp, port: 80, backend: b}}\n",
    );
    assert_eq!(
        planned(&before, &after, false).unwrap(),
        [
            "~ load balancer l\n    description: one -> none",
            "~ backend service l/b\n    algorithm: ip-hash -> quintuple-hash",
            "+ listener l/h\n    backend: b\n    enabled: true\n    idle_seconds: 1800\n    port: 80\n    protocol: tcp",
        ]
    );
    assert_eq!(
        planned(&after, NETWORK, true).unwrap(),
        ["- listener l/h", "- backend service l/b", "- load balancer l"]
    );
    assert_eq!(planned(&after, NETWORK, false).unwrap(), [""; 0]);
}

#[test]
fn rules_that_change_are_shown_one_by_one() {
    let rules = |ports: &[u16]| {
        let rule = |port: &u16| format!("{{direction: in, protocol: tcp, ports: {port}, prefix: 0.0.0.0/0}}");
        let rules: Vec<_> = ports.iter().map(rule).collect();
        format!("vpcs:\n  v:\n    security_groups:\n      g: {{rules: [{}]}}\n", rules.join(", "))
    };
    assert_eq!(
        planned(&rules(&[80, 443]), &rules(&[443, 8080]), false).unwrap(),
        [
            "~ security group v/g\n    rules:\n      + {direction: in, ports: 8080, prefix: 0.0.0.0/0, protocol: tcp}\n      - {direction: in, ports: 80, prefix: 0.0.0.0/0, protocol: tcp}"
        ]
    );
    assert_eq!(planned(&rules(&[443, 80]), &rules(&[80, 443]), false).unwrap(), [""; 0]);
}

#[test]
fn of_a_map_only_what_differs_is_shown() {
    let check = |check: &str| {
        with_lb(&format!("    backends: {{b: {{protocol: tcp, port: 80, health_check: {check}}}}}\n"))
    };
    assert_eq!(
        planned(&check("{port: 81}"), &check("{port: 81, interval_seconds: 9}"), false).unwrap(),
        ["~ backend service l/b\n    health_check.interval_seconds: 5 -> 9"]
    );
}

#[test]
fn what_cannot_change_is_refused_with_what_to_do() {
    let port = |port: u16| with_lb(&format!("    backends: {{b: {{protocol: tcp, port: {port}}}}}\n"));
    let problems = planned(&port(80), &port(81), true).unwrap_err();
    assert_eq!(
        problems,
        [
            "backend service l/b: port is 80 and cannot become 81: give it another name in the file (and --prune the old one), or delete it first"
        ]
    );
}

#[test]
fn what_is_not_there_is_refused_with_what_was_meant() {
    let problems =
        planned(NETWORK, &with_lb("    elastic_ip: 203.0.113.1\n").replace("subnet: a", "subnet: b"), false);
    assert_eq!(
        problems.unwrap_err(),
        [
            "load balancer l: subnet: there is no subnet v/b, did you mean `a`?",
            "load balancer l: elastic_ip: there is no elastic IP 203.0.113.1",
        ]
    );
    let targets = with_lb("    target_groups: {t: {targets: {ghost: {}}}}\n");
    assert_eq!(
        planned(NETWORK, &targets, false).unwrap_err(),
        ["target group l/t: targets: there is no instance ghost, and no availability group would make it"]
    );
}

#[test]
fn what_the_file_does_not_name_may_be_referred_to_unless_it_is_pruned() {
    let lb = "load_balancers: {l: {vpc: v, subnet: a}}\n";
    assert_eq!(planned(NETWORK, lb, false).unwrap().len(), 1);
    assert_eq!(planned(NETWORK, lb, true).unwrap_err().len(), 2);
}

#[test]
fn a_protected_load_balancer_is_not_pruned() {
    let problems = planned(&with_lb("    delete_protection: true\n"), NETWORK, true).unwrap_err();
    assert!(problems[0].ends_with("dnlb lb update l --delete-protection off"), "{problems:?}");
}

#[test]
fn an_elastic_ip_changes_hands() {
    let lbs = |l: &str, m: &str| {
        format!(
            "{NETWORK}elastic_ips: {{203.0.113.1: {{}}}}\nload_balancers:\n  l: {{vpc: v, subnet: a{l}}}\n  m: {{vpc: v, subnet: a{m}}}\n"
        )
    };
    let eip = ", elastic_ip: 203.0.113.1";
    assert_eq!(
        planned(&lbs(eip, ""), &lbs("", eip), false).unwrap(),
        [
            "~ load balancer l\n    elastic_ip: 203.0.113.1 -> none",
            "~ load balancer m\n    elastic_ip: none -> 203.0.113.1",
        ]
    );
    let problems = planned(&lbs(eip, ""), &lbs(eip, eip), false).unwrap_err();
    assert_eq!(problems, ["load balancer m: elastic_ip: load balancer l has the same one"]);
    let without = format!(
        "{NETWORK}elastic_ips: {{203.0.113.1: {{}}}}\nload_balancers: {{m: {{vpc: v, subnet: a{eip}}}}}\n"
    );
    let problems = planned(&lbs(eip, ""), &without, false).unwrap_err();
    assert!(problems[0].contains("in use by load balancer l, which the file does not name"), "{problems:?}");
}

#[test]
fn a_listener_with_another_name_gets_the_port_at_once() {
    let listener = |name: &str| {
        with_lb(&format!(
            "    backends: {{b: {{protocol: tcp, port: 80}}}}\n    listeners: {{{name}: {{protocol: tcp, port: 80, backend: b}}}}\n"
        ))
    };
    let steps = planned(&listener("old"), &listener("new"), true).unwrap();
    let first_lines: Vec<_> = steps.iter().filter_map(|step| step.lines().next()).collect();
    assert_eq!(first_lines, ["- listener l/old", "+ listener l/new"]);
}

#[test]
fn whoever_wants_a_certain_address_gets_it_before_others_take_any() {
    let text = format!(
        "{NETWORK}templates: {{t: {{vpc: v, subnet: a}}}}
availability_groups: {{g: {{template: t, azs: [r1a], size: 2}}}}
instances:
  any: {{az: r1a, vpc: v, subnet: a}}
  certain: {{az: r1a, vpc: v, subnet: a, address: 10.0.1.3}}
load_balancers:
  any: {{vpc: v, subnet: a}}
  certain: {{vpc: v, subnet: a, vip: 10.0.1.4}}
"
    );
    let steps = planned(NETWORK, &text, false).unwrap();
    let first_lines: Vec<_> = steps.iter().filter_map(|step| step.lines().next()).collect();
    assert_eq!(
        first_lines,
        [
            "+ instance template t",
            "+ availability group g",
            "+ instance certain",
            "+ load balancer certain",
            "+ instance any",
            "+ load balancer any",
            "~ availability group g",
        ]
    );
    assert_eq!(steps[6], "~ availability group g\n    size: 0 -> 2");
}

#[test]
fn members_of_a_group_can_be_targets() {
    let text = format!(
        "{NETWORK}templates: {{t: {{vpc: v, subnet: a}}}}\navailability_groups: {{g: {{template: t, azs: [r1a], size: 2}}}}\nload_balancers: {{l: {{vpc: v, subnet: a, target_groups: {{x: {{targets: {{g-2: {{}}}}}}}}}}}}\n"
    );
    let steps = planned(NETWORK, &text, true).unwrap();
    assert!(steps.iter().any(|step| step.starts_with("+ target group l/x")), "{steps:?}");
}
