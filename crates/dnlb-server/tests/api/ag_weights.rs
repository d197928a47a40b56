//! Weights of the members of an availability group, as newer clients set them.

use dnlb_model::BackendId;
use serde_json::{Value, json};

use crate::server::{Network, Server};

/// A backend service that a group of three serves.
struct Scene {
    server: Server,
    network: Network,
    ids: Vec<String>,
    backend: String,
}

impl Scene {
    fn new() -> Self {
        let server = Server::start();
        let network = Network::new(&server, "n");
        let ids = network.grow(&server, 3);
        let balancer = network.load_balancer(&server);
        let backend = network.backend(&server, &balancer);
        Self { server, network, ids, backend }
    }

    fn path(&self) -> String {
        format!("backends/{}", self.backend)
    }

    fn update(&self, info: Value) {
        self.server.patch("lb", &self.path(), json!({"agInfoSpec": info}));
    }

    fn targets(&self, query: &[(&str, &str)]) -> Vec<Value> {
        let path = format!("{}/agTargets", self.path());
        self.server.get("lb", &path, query)["agTargets"].as_array().unwrap().clone()
    }

    fn weights(&self) -> Vec<u64> {
        self.targets(&[]).iter().map(|target| target["weight"].as_u64().unwrap()).collect()
    }

    fn weigh(&self, number: usize, weight: u32) {
        let change = json!({"targetId": self.targets(&[])[number]["targetId"], "weight": weight});
        let path = format!("{}:updateAgTargets", self.path());
        self.server.patch("lb", &path, json!({"targetUpdateSpecs": [change]}));
    }
}

#[test]
fn members_weigh_the_same_until_somebody_says_otherwise() {
    let scene = Scene::new();
    let shown = scene.server.get("lb", &scene.path(), &[])["backend"].clone();
    assert_eq!(shown["agInfos"], json!([{"agId": scene.network.ag, "defaultWeight": 10}]));
    let targets = scene.targets(&[]);
    assert_eq!(targets.len(), 3);
    assert_eq!(
        targets[0],
        json!({"targetId": targets[0]["targetId"], "agId": scene.network.ag, "type": "vm", "instanceId": scene.ids[0],
               "port": 8080, "weight": 10, "privateIpAddress": "10.77.1.3", "ipAddress": "10.77.1.3"})
    );
    scene.weigh(1, 70);
    scene.update(json!({"agId": scene.network.ag, "defaultWeight": 20}));
    assert_eq!(scene.weights(), [20, 70, 20]);
    let heavy = scene.targets(&[("filters.1.name", "weight"), ("filters.1.values.1", "70")]);
    assert_eq!(heavy.iter().map(|one| &one["instanceId"]).collect::<Vec<_>>(), [&json!(scene.ids[1])]);
    // Nothing said of weights: nothing changes.
    scene.update(json!({"agId": scene.network.ag}));
    scene.server.patch("lb", &scene.path(), json!({"agIds": [scene.network.ag], "description": "d"}));
    assert_eq!(scene.weights(), [20, 70, 20]);
    let health = scene.server.get("lb", &format!("{}/health", scene.path()), &[])["targetHealths"].clone();
    assert_eq!(health.as_array().unwrap().iter().map(|one| &one["weight"]).collect::<Vec<_>>(), [20, 70, 20]);
}

#[test]
fn another_server_group_begins_anew() {
    let scene = Scene::new();
    scene.weigh(0, 100);
    scene.server.patch("lb", &scene.path(), json!({"agIds": []}));
    let path = format!("{}/agTargets", scene.path());
    scene.server.refused(400, "not served by an availability group", "lb", "GET", &path, Value::Null);
    assert_eq!(scene.server.get("lb", &scene.path(), &[])["backend"]["agInfos"], json!([]));
    scene.update(json!({"agId": scene.network.ag}));
    assert_eq!(scene.weights(), [10; 3]);
}

#[test]
fn who_leaves_the_group_leaves_no_weight() {
    let scene = Scene::new();
    scene.weigh(0, 30);
    scene.weigh(1, 40);
    scene.server.delete("vm", &format!("instances/{}", scene.ids[0]));
    let path = format!("availabilityGroups/{}:abandonInstances", scene.network.ag);
    scene.server.post("ag", &path, json!({"instanceIds": [scene.ids[1]]}));
    assert_eq!(scene.weights(), [10]);
    let region = scene.server.snapshot();
    let weights = &region.backends[&BackendId::from(scene.backend.as_str())].ag_weights;
    assert!(weights.members.is_empty(), "{weights:?}");
}

#[test]
fn weights_are_all_taken_or_none() {
    let scene = Scene::new();
    let path = format!("{}:updateAgTargets", scene.path());
    let id = scene.targets(&[])[0]["targetId"].clone();
    let refused = |code, words: &str, other: Value| {
        let body = json!({"targetUpdateSpecs": [{"targetId": id, "weight": 5}, other]});
        scene.server.refused(code, words, "lb", "PATCH", &path, body);
    };
    refused(404, "target target-x not found", json!({"targetId": "target-x", "weight": 5}));
    refused(400, "weight 0 is out of range: 1 to 100", json!({"targetId": id, "weight": 0}));
    refused(400, "weight 101 is out of range", json!({"targetId": id, "weight": 101}));
    refused(400, "port is not supported", json!({"targetId": id, "port": 8081}));
    let info = json!({"agInfoSpec": {"agId": scene.network.ag, "defaultWeight": 101}});
    scene.server.refused(400, "agInfoSpec.defaultWeight 101", "lb", "PATCH", &scene.path(), info);
    let unknown = [("filters.1.name", "x"), ("filters.1.values.1", "y")];
    let unknown = unknown.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let path = format!("{}/agTargets", scene.path());
    let error = scene.server.client.call("lb", "GET", &path, &unknown, None::<&Value>).unwrap_err();
    assert!(error.to_string().contains("the only filter is weight"), "{error}");
    assert_eq!(scene.weights(), [10; 3]);
}

#[test]
fn health_has_pages_for_those_who_ask() {
    let scene = Scene::new();
    scene.network.grow(&scene.server, 9);
    let health = |query: &[(&str, &str)]| {
        let shown = scene.server.get("lb", &format!("{}/health", scene.path()), query);
        (shown["targetHealths"].as_array().unwrap().len(), shown["totalCount"].as_u64())
    };
    assert_eq!(health(&[]), (12, Some(12)));
    assert_eq!(health(&[("pageSize", "10")]), (10, Some(12)));
    assert_eq!(health(&[("pageNumber", "2"), ("pageSize", "10")]), (2, Some(12)));
}
