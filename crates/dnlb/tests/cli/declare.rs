//! A region as a file, from nothing to everything and back.

use serde_json::Value;

use crate::region::Region;

const FILE: &str = "\
region: lab-1
vpcs:
  shop:
    prefix: 10.0.0.0/16
    security_groups:
      web:
        description: who may call
        rules:
        - {direction: in, protocol: tcp, ports: 8000-8080, prefix: 0.0.0.0/0}
        - {direction: out, protocol: all, prefix: 0.0.0.0/0}
    acls:
      border:
        rules:
        - {direction: in, priority: 100, action: allow, protocol: tcp, ports: 8080, prefix: 0.0.0.0/0}
        - {direction: out, priority: 100, action: allow, protocol: all, prefix: 0.0.0.0/0}
    subnets:
      web: {prefix: 10.0.1.0/24, acl: border}
      db: {prefix: 10.0.2.0/24}
elastic_ips:
  203.0.113.7: {mbps: 20}
templates:
  web:
    vpc: shop
    subnet: web
    security_groups: [web]
    metadata: {role: web}
    script: |
      #!/bin/sh
      echo hello
availability_groups:
  web: {template: web, azs: [lab-1a, lab-1b], size: 2}
instances:
  hand:
    az: lab-1a
    vpc: shop
    subnet: web
    security_groups: [web]
    image: img-blank
    script: '#!/bin/true'
    tags: {by: hand}
load_balancers:
  shop:
    vpc: shop
    subnet: web
    vip: 10.0.1.100
    elastic_ip: 203.0.113.7
    delete_protection: true
    tags: {env: test}
    target_groups:
      some:
        targets:
          hand: {weight: 50}
          web-2: {port: 8081}
    backends:
      all: {protocol: tcp, port: 8080, availability_group: web}
      some:
        protocol: tcp
        port: 8080
        target_group: some
        algorithm: quintuple-hash
        without_member: fail-open
        health_check: {enabled: false}
      names: {protocol: udp, port: 53}
    listeners:
      http: {protocol: tcp, port: 80, backend: all}
      test: {protocol: tcp, port: 81, backend: some, enabled: false, description: 'on demand'}
";

fn changed(from: &str, to: &str) -> String {
    assert!(FILE.contains(from), "{from}");
    FILE.replacen(from, to, 1)
}

#[test]
fn a_file_makes_a_region_and_an_unchanged_one_writes_nothing() {
    let region = Region::start();
    region.file("region.yaml", FILE);
    let diff = region.run("diff -f region.yaml");
    assert_eq!((diff.code, diff.error.as_str()), (1, ""), "{}", diff.out);
    assert!(diff.out.contains("+ load balancer shop\n") && diff.out.ends_with("to do\n"), "{}", diff.out);
    let before = region.revision();
    assert_eq!(region.done("apply -f region.yaml --dry-run"), diff.out);
    assert_eq!(region.revision(), before, "a dry run writes nothing");

    let applied = region.done("apply -f region.yaml --wait");
    assert!(applied.ends_with("17 steps done\n"), "{applied}");
    let shop = region.show("lb", "shop");
    assert_eq!(shop.pointer("/privateIp/elasticIpAddress"), Some(&Value::from("203.0.113.7")));
    assert_eq!(region.show("ag", "web")["count"], 2);
    assert_eq!(region.show("listener", "test")["status"], "Off");
    assert_eq!(region.show("backend", "some")["closeHealthCheck"], true);

    region.done("status --wait");
    let before = region.revision();
    let again = region.run("apply -f region.yaml --prune");
    assert_eq!((again.code, again.out.as_str()), (0, "nothing would change\n"), "{}", again.error);
    let diff = region.run("diff -f region.yaml --prune");
    assert_eq!((diff.code, diff.out.as_str()), (0, "nothing would change\n"), "{}", diff.error);
    region.done("export -f exported.yaml");
    assert_eq!(region.done("apply -f exported.yaml --prune"), "nothing would change\n");
    assert_eq!(region.revision(), before, "an unchanged file writes nothing");
    let exported = std::fs::read_to_string(region.dir().join("exported.yaml")).unwrap();
    assert!(!exported.contains("vpc-") && !exported.contains("subnet-"), "ids in the file: {exported}");

    region.done("lb update shop --delete-protection off");
    region.done("apply -f /dev/null --prune");
    region.done("apply -f exported.yaml");
    let diff = region.run("diff -f exported.yaml --prune");
    assert_eq!(
        (diff.code, diff.out.as_str()),
        (0, "nothing would change\n"),
        "a region is made anew: {}",
        diff.error
    );
}

#[test]
fn changes_are_made_and_what_is_not_named_is_deleted_only_when_asked() {
    let region = Region::start();
    region.file("region.yaml", FILE);
    region.done("apply -f region.yaml");
    for (from, to, kind, name, pointer, value) in [
        ("ports: 8000-8080", "ports: 9000", "sg", "web", "/securityGroupRules/1/toPort", Value::from(9000)),
        (", acl: border", "", "subnet", "web", "/aclId", Value::Null),
        ("mbps: 20", "mbps: 30", "eip", "203.0.113.7", "/bandwidthMbps", Value::from(30)),
        ("size: 2", "size: 3", "ag", "web", "/count", Value::from(3)),
        (
            "vip: 10.0.1.100",
            "vip: 10.0.1.101",
            "lb",
            "shop",
            "/privateIp/privateIpAddress",
            "10.0.1.101".into(),
        ),
        ("    elastic_ip: 203.0.113.7\n", "", "lb", "shop", "/privateIp/elasticIpAddress", Value::Null),
        ("enabled: false, desc", "desc", "listener", "test", "/status", "On".into()),
        (
            "80, backend: all",
            "80, backend: some",
            "listener",
            "http",
            "/backendId",
            region.show("backend", "some")["backendId"].clone(),
        ),
        (
            "availability_group: web",
            "draining_seconds: 7",
            "backend",
            "all",
            "/agIds",
            Value::Array(Vec::new()),
        ),
        (
            "health_check: {enabled: false}",
            "health_check: {interval_seconds: 9}",
            "backend",
            "some",
            "/closeHealthCheck",
            false.into(),
        ),
        (
            "health_check: {enabled: false}",
            "health_check: {protocol: http, path: /health, domain: shop.example, codes: 200}",
            "backend",
            "some",
            "/healthCheck/httpCode",
            Value::from(vec!["200"]),
        ),
        (
            "availability_group: web}",
            "availability_group: web, weights: {default: 20}}",
            "backend",
            "all",
            "/agInfos/0/defaultWeight",
            Value::from(20),
        ),
        (
            "    metadata: {role: web}\n",
            "",
            "template",
            "web",
            "/instanceTemplateData/metadata",
            Value::Array(Vec::new()),
        ),
        ("    script: '#!/bin/true'\n", "", "instance", "hand", "/userdata", Value::Array(Vec::new())),
    ] {
        region.file("changed.yaml", &changed(from, to));
        region.done("apply -f changed.yaml");
        let shown = region.show(kind, name);
        assert_eq!(shown.pointer(pointer).unwrap_or(&Value::Null), &value, "{to}: {shown}");
        assert_eq!(region.run("diff -f changed.yaml --prune").code, 0, "{to}");
        region.done("apply -f region.yaml");
        assert_eq!(region.run("diff -f region.yaml --prune").code, 0, "back from {to}");
    }
    region.file(
        "targets.yaml",
        &changed("          hand: {weight: 50}\n          web-2: {port: 8081}\n", "          web-1: {}\n"),
    );
    region.done("apply -f targets.yaml");
    let targets: Value = serde_json::from_str(&region.done("target-group targets some -o json")).unwrap();
    assert_eq!(targets.as_array().unwrap().len(), 1, "{targets}");

    region.file("empty.yaml", "region: lab-1\n");
    assert_eq!(region.done("apply -f empty.yaml"), "nothing would change\n");
    let error = region.refused("apply -f empty.yaml --prune");
    assert!(error.contains("dnlb lb update shop --delete-protection off"), "{error}");
    region.done("lb update shop --delete-protection off");
    region.done("apply -f empty.yaml --prune");
    for kind in ["vpc", "eip", "template", "ag", "instance", "lb"] {
        let list: Value = serde_json::from_str(&region.done(&format!("{kind} list -o json"))).unwrap();
        assert_eq!(list, Value::Array(Vec::new()), "{kind}");
    }
}

#[test]
fn weights_of_members_come_with_the_file() {
    let region = Region::start();
    let weighed = |weights: &str| {
        changed("availability_group: web}", &format!("availability_group: web, weights: {{{weights}}}}}"))
    };
    let is = |text: &str, weights: [(&str, u64); 2]| {
        region.file("region.yaml", text);
        region.done("apply -f region.yaml");
        let targets: Value = serde_json::from_str(&region.done("backend targets all -o json")).unwrap();
        let mut found: Vec<_> = targets
            .as_array()
            .unwrap()
            .iter()
            .map(|target| {
                let instance = region.show("instance", target["instanceId"].as_str().unwrap());
                (instance["instanceName"].as_str().unwrap().to_owned(), target["weight"].as_u64().unwrap())
            })
            .collect();
        found.sort();
        assert_eq!(found, weights.map(|(name, weight)| (name.to_owned(), weight)), "{text}");
        let diff = region.run("diff -f region.yaml");
        assert_eq!((diff.code, diff.out.as_str()), (0, "nothing would change\n"), "{}", diff.error);
    };
    is(&weighed("default: 20, members: {web-2: 50}"), [("web-1", 20), ("web-2", 50)]);
    region.done("export -f exported.yaml");
    let exported = std::fs::read_to_string(region.dir().join("exported.yaml")).unwrap();

    // Another default leaves nobody behind, also who had just that weight for himself.
    is(&weighed("default: 50, members: {web-1: 7}"), [("web-1", 7), ("web-2", 50)]);
    is(&weighed("members: {web-1: 7}"), [("web-1", 7), ("web-2", 10)]);
    // Another group, too, begins with the weights of the file.
    let group = "availability_groups:\n  two: {template: web, azs: [lab-1a], size: 2}\n";
    let moved = weighed("members: {web-1: 7}").replacen("availability_groups:\n", group, 1).replacen(
        "availability_group: web,",
        "availability_group: two,",
        1,
    );
    is(&moved.replace("{web-1: 7}", "{two-1: 7}"), [("two-1", 7), ("two-2", 10)]);
    is(&moved.replace("members: {web-1: 7}", "default: 30"), [("two-1", 30), ("two-2", 30)]);
    is(&weighed("default: 30"), [("web-1", 30), ("web-2", 30)]);
    is(FILE, [("web-1", 10), ("web-2", 10)]);
    is(&exported, [("web-1", 20), ("web-2", 50)]);

    region.file("wrong.yaml", &weighed("members: {hand: 7}"));
    let error = region.refused("apply -f wrong.yaml");
    assert!(
        error.contains("backend service shop/all: weights: no availability group has an instance hand"),
        "{error}"
    );
    region.file("wrong.yaml", &weighed("members: {web-9: 7}"));
    let error = region.refused("apply -f wrong.yaml");
    assert!(error.contains("the availability group has no instance web-9"), "{error}");
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_written() {
    let region = Region::start();
    region.file("region.yaml", FILE);
    region.done("apply -f region.yaml");
    region.done("status --wait");
    let before = region.revision();
    for (text, words) in [
        (
            changed("port: 81", "port: 82"),
            "listener shop/test: port is 81 and cannot become 82: give it another name",
        ),
        (
            changed("vip: 10.0.1.100", "vpi: 10.0.1.100"),
            "line 45, column 5: there is no `vpi` here, did you mean `vip`?",
        ),
        (
            changed("backend: some", "backend: smoe"),
            "there is no backend service shop/smoe, did you mean `some`?",
        ),
        (changed("region: lab-1", "region: lab-2"), "the file is for region lab-2, and this is lab-1"),
        (changed("mbps: 20", "mbps: x"), "line 20, column 23: a whole number is expected here"),
    ] {
        region.file("wrong.yaml", &text);
        let error = region.refused("apply -f wrong.yaml");
        assert!(error.contains(words), "{error}");
        let diff = region.run("diff -f wrong.yaml");
        assert_eq!(diff.code, 2, "{}", diff.out);
        assert!(diff.error.contains(words), "{}", diff.error);
    }
    assert_eq!(region.revision(), before);

    region.done("subnet create twin --vpc shop --prefix 10.0.3.0/24");
    region.done("subnet create twin --vpc shop --prefix 10.0.4.0/24");
    let error = region.refused("export");
    assert!(error.contains("there are two of subnet shop/twin, subnet-"), "{error}");
}

#[test]
fn what_was_done_stays_done_and_applying_again_goes_on() {
    let region = Region::start();
    let too_much = "vpcs: {a: {}, b: {}, c: {}}\n";
    region.file("three.yaml", too_much);
    let said = region.run("apply -f three.yaml");
    assert_eq!(said.code, 1);
    assert!(said.out.contains("+ VPC a") && said.out.contains("+ VPC b"), "{}", said.out);
    assert!(
        said.error.contains("step 3 of 3, + VPC c") && said.error.contains("QUOTA_EXCEEDED"),
        "{}",
        said.error
    );
    region.done("vpc delete a");
    region.file("two.yaml", "vpcs: {b: {}, c: {}}\n");
    assert!(region.done("apply -f two.yaml").ends_with("1 step done\n"));
    assert_eq!(region.done("diff -f two.yaml --prune"), "nothing would change\n");
}
