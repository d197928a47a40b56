//! Where an edge takes packets from its uplink.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod common;

use common::Region;
use serde_json::Value;

#[test]
#[ignore = "needs root and a release build"]
fn edges_take_the_form_that_they_are_told() {
    for form in ["xdp", "tcx"] {
        let up = format!("up --azs 1 --hosts-per-rack 1 --edges 1 --edge-form {form}");
        let region = Region::up_with("forms", &up);
        assert_eq!(status(&region, "edge-1")["edge_form"], form);
        assert_eq!(status(&region, "host-a1")["edge_form"], Value::Null);
        region.web(1);
        let (_, eip) = region.balancer("quintuple-hash", 1);
        assert_eq!(region.load("client", &format!("http://{eip}/"), 100).failed, 0, "{form}");
        let link = region.exec("edge-1", "ip -o link show dev up0");
        assert_eq!(link.contains("xdp"), form == "xdp", "{link}");
    }
}

fn status(region: &Region, node: &str) -> Value {
    let path = region.lab().files().node(node).join("status.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
