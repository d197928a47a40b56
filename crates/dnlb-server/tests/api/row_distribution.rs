//! How the rows of a backend service are divided.

use dnlb_model::InstanceState;
use serde_json::{Value, json};

use crate::server::{Network, Server};

#[test]
fn rows_are_divided_by_weight_among_those_who_get_new_connections() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let balancer = network.load_balancer(&server);
    let backend = network.backend(&server, &balancer);
    let path = format!("backends/{backend}");
    let look = || server.get("lb", &format!("{path}/rowDistribution"), &[])["rowDistribution"].clone();
    let empty = json!({"backendId": backend, "algorithm": "IpHash", "rows": 0, "targets": []});
    assert_eq!(look(), empty);

    let ids = network.grow(&server, 4);
    server.patch("lb", &path, json!({"closeHealthCheck": true, "algorithm": "QuintupleHash"}));
    let targets = server.get("lb", &format!("{path}/agTargets"), &[])["agTargets"].clone();
    let weigh = |(at, weight): (usize, u32)| json!({"targetId": targets[at]["targetId"], "weight": weight});
    let weights: Vec<Value> = [(0, 10), (1, 20), (2, 40)].into_iter().map(weigh).collect();
    server.patch("lb", &format!("{path}:updateAgTargets"), json!({"targetUpdateSpecs": weights}));
    // The last one does not run.
    ids[..3].iter().for_each(|id| server.report(id, InstanceState::Running));

    let seen = look();
    assert_eq!((&seen["algorithm"], &seen["rows"]), (&json!("QuintupleHash"), &json!(1024)));
    let field = |name: &str| -> Vec<Value> {
        seen["targets"].as_array().unwrap().iter().map(|target| target[name].clone()).collect()
    };
    assert_eq!(field("instanceId"), ids);
    assert_eq!(field("status"), ["N/A", "N/A", "N/A", "unhealthy"]);
    let rows: Vec<i64> = field("rows").iter().map(|rows| rows.as_i64().unwrap()).collect();
    assert_eq!((rows.iter().sum::<i64>(), rows[3]), (1024, 0));
    for (rows, wanted) in rows.iter().zip(field("wantedRows")) {
        assert!((*rows as f64 - wanted.as_f64().unwrap()).abs() < 1.0, "{rows} of {wanted}");
    }
    assert_eq!(field("wantedRows")[3], 0.0);
    server.refused(404, "backend", "lb", "GET", "backends/backend-none/rowDistribution", Value::Null);
}
