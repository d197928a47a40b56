//! A server that accepts connections and cannot serve: only a check by HTTP sees it, and it gets no new connections then.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod common;

use std::{
    thread,
    time::{Duration, Instant},
};

use common::{Region, text};
use serde_json::Value;

/// For the web image's server: it answers 503 while this file is there.
const UNAVAILABLE: &str = "/run/dnlb/unavailable";

#[test]
#[ignore = "needs root and a release build"]
fn an_instance_that_turns_from_200_to_503_loses_new_connections_and_gets_them_back() {
    let region = Region::up_with("httpchecks", "up --azs 1 --edges 1");
    let ids = region.web(3);
    let (_, eip) = region.balancer("quintuple-hash", 3);
    let url = format!("http://{eip}/");
    let serving = || {
        let served = region.load("client", &url, 300);
        assert_eq!(served.failed, 0, "{}", served.errors);
        served.instances.keys().cloned().collect::<Vec<_>>()
    };
    let sick = &ids[0];
    let others: Vec<String> = ids[1..].to_vec();

    // By TCP nobody sees it: two checks later it still gets connections, and clients suffer.
    region.exec(sick, &format!("touch {UNAVAILABLE}"));
    thread::sleep(Duration::from_secs(11));
    let served = region.load("client", &url, 300);
    let errors = served.errors.to_string();
    assert!(served.failed > 0 && errors.contains("503"), "who accepts connections is fit: {errors}");

    region.dnlb(
        "backend update b --check-protocol http --check-path /health?deep=1 --check-domain shop.example",
    );
    let told = until(&region, sick, "unhealthy");
    assert_eq!(
        told["unhealthReason"],
        serde_json::json!({"reason": "HTTP_CODE_MISMATCH", "detail": "status 503"})
    );
    region.dnlb("health b --wait 2");
    region.dnlb("status --wait");
    assert_eq!(sorted(serving()), sorted(others), "new connections go to who answers well");

    region.exec(sick, &format!("rm {UNAVAILABLE}"));
    until(&region, sick, "healthy");
    region.dnlb("health b --wait 3");
    assert_eq!(sorted(serving()), sorted(ids.clone()), "and come back");

    // Nobody answers 404: the codes are really asked for.
    region.dnlb("backend update b --check-codes 404");
    let told = until(&region, &ids[1], "unhealthy");
    assert_eq!(told["unhealthReason"]["detail"], "status 200");
    // What does not come to a connection ends as a check by TCP does.
    region.dnlb("backend update b --check-codes 2xx --check-port 9");
    refused(&region, &ids[1]);
}

/// Waits until a target of `b` is what is said, and returns it.
fn until(region: &Region, instance: &str, status: &str) -> Value {
    find(region, instance, status, |target| target["status"] == status)
}

/// Waits until a target's check says that its security group lets nothing in there.
fn refused(region: &Region, instance: &str) {
    let found = find(region, instance, "out of reach", |target| {
        target["unhealthReason"]["reason"] == "CONNECT_TIMEOUT"
    });
    assert_eq!(text(&found, "/unhealthReason/detail"), "no answer within 2 s");
}

/// Waits until a target of `b` is as wanted, and returns it.
fn find(region: &Region, instance: &str, wanted: &str, is: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let targets = region.dnlb("health b");
        let target = targets.as_array().unwrap().iter().find(|one| one["instanceId"] == instance).unwrap();
        if is(target) {
            return target.clone();
        }
        assert!(Instant::now() < end, "{instance} does not get {wanted}: {targets}");
        thread::sleep(Duration::from_millis(200));
    }
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}
