//! Lists: in which order, and in pages of it.

use dnlb_api::client::CallError;
use serde_json::{Value, json};

use crate::server::Server;

fn names(server: &Server, query: &[(&str, &str)]) -> Vec<String> {
    let found = server.get("dnlb", "users", query);
    let name = |user: &Value| user["userName"].as_str().unwrap().to_owned();
    found["users"].as_array().unwrap().iter().map(name).collect()
}

#[test]
fn a_list_is_sorted_before_it_is_cut_into_pages() {
    let server = Server::start();
    let mut by_name: Vec<String> = (0..12).map(|number| format!("user-{:02}", number * 5 % 12)).collect();
    for name in &by_name {
        server.create("dnlb", "users", "userId", json!({"userName": name, "role": "Viewer"}));
    }
    // Who is there from the start.
    by_name.push("admin".to_owned());
    by_name.sort();
    let page = |sort, number| names(&server, &[("sort", sort), ("pageSize", "10"), ("pageNumber", number)]);
    assert_eq!(page("name", "1"), by_name[..10]);
    assert_eq!(page("name", "2"), by_name[10..]);
    by_name.reverse();
    assert_eq!(page("-name", "1"), by_name[..10]);
    // Made within few seconds: among equal ones the ids decide, in whatever order, but the same for both pages.
    for sort in ["createdTime", "-createdTime"] {
        let mut all = [page(sort, "1"), page(sort, "2")].concat();
        all.sort();
        assert!(all.iter().rev().eq(&by_name), "{sort}: {all:?}");
    }
}

#[test]
fn an_unknown_order_is_refused_with_the_known_ones() {
    let server = Server::start();
    let sorted = |path: &str, sort: &str| {
        let query = [("sort".to_owned(), sort.to_owned())];
        match server.client.call("vpc", "GET", path, &query, None::<&Value>) {
            Err(CallError::Api(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    let error = sorted("vpcs/", "size");
    assert_eq!((error.code, error.message.contains("createdTime, -createdTime, name, -name")), (400, true));
    assert_eq!(sorted("elasticIps/", "name").message, "these resources have no names to sort by");
}
