//! What hosts are asked: consoles of instances, and ways of packets.

use dnlb_model::HostId;
use dnlb_proto::{Answer, ConsoleAnswer, Packet, PacketAnswer, PacketFate, PacketStep, Question};
use serde_json::{Value, json};

use crate::{
    accounts::account,
    server::{Network, Server},
};

const ALL: [&str; 4] = ["h1", "h2", "h3", "h4"];

fn instance(server: &Server, id: &str) -> Value {
    server.get("vm", &format!("instances/{id}"), &[])["instance"].clone()
}

/// Of 20 bytes the last ones.
fn console(question: Question) -> Result<Answer, String> {
    let Question::Console { instance, bytes_max } = question else { return Err("no console".to_owned()) };
    let text = format!("{instance}\n").into_bytes();
    let text = text[text.len().saturating_sub(bytes_max as usize)..].to_vec();
    Ok(Answer::Console(ConsoleAnswer { text, written: 13 }))
}

#[test]
fn a_console_log_comes_from_the_instances_host() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let id = network.grow(&server, 1).remove(0);
    let path = format!("instances/{id}:describeConsoleLog");
    // The test's region has hosts, and none of them is connected.
    server.refused(
        400,
        "the instance's host, h1, was asked: it is not connected",
        "vm",
        "GET",
        &path,
        Value::Null,
    );

    server.answering("h1", console);
    let log = |query: &[(&str, &str)]| server.get("vm", &path, query)["consoleLog"].clone();
    let whole = json!({"instanceId": id, "text": format!("{id}\n"), "truncated": false, "writtenBytes": 13});
    assert_eq!(log(&[]), whole);
    assert_eq!(log(&[("maxBytes", "5")])["truncated"], true);
    let wide = [("maxBytes".to_owned(), "65537".to_owned())];
    let refused = server.client.call("vm", "GET", &path, &wide, None::<&Value>).unwrap_err();
    assert!(refused.to_string().contains("maxBytes"), "{refused}");
    server.refused(404, "i-none", "vm", "GET", "instances/i-none:describeConsoleLog", Value::Null);

    // An agent that has nothing to say says so.
    server.answering("h1", |_| Err("the disk is gone".to_owned()));
    server.refused(400, "the disk is gone", "vm", "GET", &path, Value::Null);
}

/// A chain of hosts: the first sends it to h3, h3 to h4, and h4 drops it.
fn way(question: Question) -> Result<Answer, String> {
    let Question::Packet { packet, hides_hosts } = question else { return Err("no packet".to_owned()) };
    let sent = |last: u8| PacketFate::Sent { to: [10, 255, 0, last].into(), vni: 1, frame: vec![last; 60] };
    let (program, outcome, advice, fate) = match packet {
        Packet::New(new) if new.vni.is_none() => ("edge", "forwarded", "", sent(3)),
        Packet::New(_) => ("from_instance", "tunnelled", "", sent(3)),
        Packet::Arrived(it) if it.frame[0] == 3 => ("from_overlay", "tunnelled", "", sent(4)),
        Packet::Arrived(it) => {
            assert_eq!((it.vni, it.from), (1, [10, 255, 0, 3].into()));
            ("from_overlay", "drop_acl_in", "The network ACL.", PacketFate::Ended)
        }
    };
    let text = if hides_hosts { "on a host" } else { "on h3" };
    let step = PacketStep { code: "row".to_owned(), text: text.to_owned() };
    let (program, outcome, advice) = (program.to_owned(), outcome.to_owned(), advice.to_owned());
    Ok(Answer::Packet(PacketAnswer { program, steps: vec![step], outcome, advice, instance: 1, fate }))
}

/// A region with an edge, an instance at 10.77.1.3 and an elastic IP.
struct Scene {
    server: Server,
    network: Network,
    instance: String,
}

impl Scene {
    fn new() -> Self {
        let server = Server::start();
        server.transact(|region| {
            std::sync::Arc::make_mut(region.hosts.get_mut(&HostId::from("h2")).unwrap()).edge = true;
        });
        let network = Network::new(&server, "n");
        let instance = network.grow(&server, 1).remove(0);
        let eips = json!({"maxCount": 1, "elasticIpSpec": {"bandwidthMbps": 5}});
        server.post("vpc", "elasticIps", eips);
        Self { server, network, instance }
    }

    /// From the instance.
    fn inside(&self) -> Value {
        let addr = instance(&self.server, &self.instance)["privateIpAddress"].clone();
        json!({"vpcId": self.network.vpc, "sourceAddress": addr, "destinationAddress": "10.77.1.100",
               "protocol": "Tcp", "destinationPort": 80})
    }

    fn explain(&self, body: Value) -> Value {
        self.server.post("dnlb", "flows:explain", body)["flowExplanation"].clone()
    }

    #[track_caller]
    fn refused(&self, code: u16, words: &str, body: Value) {
        self.server.refused(code, words, "dnlb", "POST", "flows:explain", body);
    }
}

fn outside() -> Value {
    json!({"sourceAddress": "198.51.100.7", "destinationAddress": "203.0.113.1", "protocol": "Udp",
           "sourcePort": 7, "destinationPort": 53})
}

fn column(explanation: &Value, field: &str) -> Vec<Value> {
    explanation["hops"].as_array().unwrap().iter().map(|hop| hop[field].clone()).collect()
}

#[test]
fn a_way_is_followed_host_by_host_to_its_end() {
    let scene = Scene::new();
    ALL.iter().for_each(|host| scene.server.answering(host, way));
    let told = scene.explain(scene.inside());
    assert_eq!(column(&told, "hostId"), ["h1", "h3", "h4"]);
    assert_eq!(column(&told, "az"), ["lab-1a", "lab-1b", "lab-1b"]);
    assert_eq!(column(&told, "program"), ["from_instance", "from_overlay", "from_overlay"]);
    assert_eq!(column(&told, "outcome"), ["tunnelled", "tunnelled", "drop_acl_in"]);
    assert_eq!(column(&told, "kind"), ["Done", "Done", "Dropped"]);
    assert_eq!(column(&told, "fate"), ["Sent", "Sent", "Ended"]);
    assert_eq!(column(&told, "instanceId"), vec![json!(scene.instance); 3]);
    assert_eq!(told["hops"][2]["advice"], "The network ACL.");
    assert_eq!(told["hops"][0]["steps"], json!([{"code": "row", "text": "on h3"}]));
    assert_eq!((told.get("instanceId"), told.get("unknown")), (None, None));

    let told = scene.explain(outside());
    assert_eq!(column(&told, "hostId"), ["h2", "h3", "h4"]);
    assert_eq!(column(&told, "program")[0], "edge");
}

#[test]
fn what_is_known_is_told_also_when_a_host_on_the_way_is_gone() {
    let scene = Scene::new();
    scene.server.answering("h1", way);
    let told = scene.explain(scene.inside());
    assert_eq!(column(&told, "hostId"), ["h1"]);
    assert_eq!(told["unknown"], "the next host, h3, was asked: it is not connected");
    // In circles.
    scene.server.answering("h3", |_| {
        let fate = PacketFate::Sent { to: [10, 255, 0, 3].into(), vni: 1, frame: Vec::new() };
        let words = ["from_overlay", "tunnelled", ""].map(str::to_owned);
        let [program, outcome, advice] = words;
        Ok(Answer::Packet(PacketAnswer { program, steps: Vec::new(), outcome, advice, instance: 1, fate }))
    });
    let told = scene.explain(scene.inside());
    assert_eq!(column(&told, "hostId").len(), 8);
    assert!(told["unknown"].as_str().unwrap().contains("still goes on"), "{told}");
}

#[test]
fn what_cannot_be_explained_is_refused_with_what_is_wrong() {
    let scene = Scene::new();
    let with = |mut body: Value, field: &str, value: Value| {
        body[field] = value;
        body
    };
    scene.refused(400, "the sender's host, h1, was asked: it is not connected", scene.inside());
    scene.refused(400, "an edge, h2, was asked: it is not connected", outside());
    for (field, value, words) in [
        ("sourceAddress", json!("10.77.1.99"), "no instance of the VPC has the address 10.77.1.99"),
        ("sourceAddress", json!("fd00::1"), "not of one family"),
        ("sourceAddress", json!("ten"), "sourceAddress `ten`"),
        ("protocol", json!("Sctp"), "Tcp, Udp, Icmp"),
        ("destinationPort", json!(0), "destinationPort"),
        ("destinationPort", Value::Null, "missing field `destinationPort`"),
        ("sourcePort", json!(65_536), "sourcePort"),
    ] {
        scene.refused(400, words, with(scene.inside(), field, value));
    }
    scene.refused(404, "VPC vpc-none", with(scene.inside(), "vpcId", json!("vpc-none")));
    let foreign = with(outside(), "destinationAddress", json!("203.0.113.2"));
    scene.refused(400, "no elastic IP of this account", foreign);
    scene.server.transact(|region| {
        std::sync::Arc::make_mut(region.hosts.get_mut(&HostId::from("h2")).unwrap()).edge = false;
    });
    scene.refused(400, "no edge that is up", outside());
}

#[test]
fn another_account_is_told_of_its_own_alone_and_of_no_hosts() {
    let mut scene = Scene::new();
    ALL.iter().for_each(|host| scene.server.answering(host, way));
    let foreign = scene.inside();
    (_, scene.server.client) = account(&scene.server, "team");
    scene.refused(404, "VPC vpc-", foreign);
    scene.refused(400, "no elastic IP of this account", outside());

    scene.network = Network::new(&scene.server, "n");
    scene.instance = scene.network.grow(&scene.server, 1).remove(0);
    let told = scene.explain(scene.inside());
    assert_eq!(column(&told, "az").len(), 3);
    for hop in told["hops"].as_array().unwrap() {
        assert_eq!((hop.get("hostId"), hop.get("instanceId")), (None, None), "of another account's instance");
        assert_eq!(hop["steps"][0]["text"], "on a host");
    }
}
