//! The document against the code that it describes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::ops;

fn whole() -> Value {
    document(SERVICES)
}

/// Every operation with its path.
fn operations(document: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push((format!("{method} {path}"), operation.clone()));
        }
    }
    all
}

/// Every value under this key, however deep.
fn under<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(key));
            fields.values().for_each(|value| under(value, key, found));
        }
        Value::Array(values) => values.iter().for_each(|value| under(value, key, found)),
        _ => {}
    }
}

#[test]
fn every_operation_is_described_once_and_nothing_else_is() {
    for service in SERVICES {
        let routes: Vec<&str> =
            ops::routes().iter().filter(|route| route.service == *service).map(|route| route.name).collect();
        let mut described: Vec<&str> = ops::describe_service(service).iter().map(|one| one.name).collect();
        for name in &routes {
            let at = described.iter().position(|one| one == name);
            described.remove(at.unwrap_or_else(|| panic!("{service}.{name} is not described")));
        }
        assert!(described.is_empty(), "{service} has no {described:?}");
    }
}

#[test]
fn every_operation_is_in_its_service_s_document_and_in_the_whole() {
    for service in SERVICES {
        let count = ops::routes().iter().filter(|route| route.service == *service).count();
        assert_eq!(operations(&document(&[service])).len(), count, "{service}");
        let names = |one: &Value| one["x-dnlb-services"].as_array().unwrap().contains(&json!(service));
        assert_eq!(operations(&whole()).iter().filter(|(_, one)| names(one)).count(), count, "{service}");
    }
}

#[test]
fn every_operation_has_what_a_reader_needs() {
    let mut ids = BTreeSet::new();
    for (path, operation) in operations(&whole()) {
        assert!(ids.insert(operation["operationId"].to_string()), "{path}");
        assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 5), "{path}");
        let ok = &operation["responses"]["200"]["content"]["application/json"];
        assert!(
            ok.get("example").is_some() || ok["examples"].is_object(),
            "{path} has no example of a reply"
        );
        assert!(operation["x-dnlb-example"]["request"].is_string(), "{path} has no example of a request");
        if let Some(body) = operation.get("requestBody") {
            assert!(
                body["content"]["application/json"]["example"].is_object(),
                "{path} has no example of a body"
            );
        }
        for code in ["400", "401", "403", "404", "500"] {
            assert!(operation["responses"][code]["$ref"].is_string(), "{path} does not reply {code}");
        }
        for parameter in operation["parameters"].as_array().unwrap().iter().filter(|one| one["in"] == "path")
        {
            assert!(parameter["example"].is_string(), "{path}: {parameter}");
        }
    }
}

#[test]
fn every_identifier_in_a_path_has_a_name_and_is_a_parameter() {
    for (path, operation) in operations(&whole()) {
        let parameters = operation["parameters"].as_array().unwrap();
        let named: BTreeSet<&str> = parameters.iter().filter_map(|one| one["name"].as_str()).collect();
        for name in path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()) {
            assert!(!name.is_empty(), "{path}");
            assert!(name == "regionId" || named.contains(name), "{path} does not say what {name} is");
        }
    }
}

#[test]
fn every_field_is_described_and_every_reference_leads_somewhere() {
    let document = whole();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        // A digit would mean that two models have one name.
        assert!(!name.ends_with(|c: char| c.is_ascii_digit()), "{name}");
        assert!(schema["description"].is_string() || schema == &json!(true), "{name}");
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            assert!(schema["description"].is_string(), "{name}.{field}");
        }
    }
    let mut references = Vec::new();
    under(&document, "$ref", &mut references);
    assert!(references.len() > 100);
    for reference in references {
        let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn a_shared_path_is_one_operation_that_names_its_services() {
    let document = whole();
    let quotas = &document["paths"]["/v1/regions/{regionId}/quotas"]["get"];
    assert_eq!(quotas["x-dnlb-services"], json!(["ag", "vm", "vpc"]));
    assert_eq!(quotas["operationId"], "DescribeQuotasOfAgVmVpc");
    let results =
        quotas["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"].as_array().unwrap();
    let keys: Vec<&String> = results
        .iter()
        .flat_map(|one| one["properties"]["result"]["properties"].as_object().unwrap().keys())
        .collect();
    assert_eq!(keys, ["quotas", "quota"]);
    let kind = quotas["parameters"].as_array().unwrap().iter().find(|one| one["name"] == "type").unwrap();
    assert_eq!(kind["required"], false);
    let own = document_of("vpc");
    let kind = own["paths"]["/v1/regions/{regionId}/quotas"]["get"]["parameters"].clone();
    assert_eq!(kind.as_array().unwrap().iter().find(|one| one["name"] == "type").unwrap()["required"], true);
}

fn document_of(service: &'static str) -> Value {
    document(&[service])
}

#[test]
fn the_document_says_what_the_checks_say() {
    let document = whole();
    let field =
        |model: &str, field: &str| document["components"]["schemas"][model]["properties"][field].clone();
    let port = field("CreateListener", "port");
    assert_eq!(
        (&port["minimum"], &port["maximum"], &port["type"]),
        (&json!(1), &json!(65_535), &json!("integer"))
    );
    // What may be left out may be null; what a reply leaves out is not.
    assert_eq!(field("UpdateBackend", "port")["type"], json!(["integer", "null"]));
    assert_eq!(field("Listener", "connectionIdleTimeSeconds")["type"], json!("integer"));
    assert_eq!(field("UpdateListener", "status")["enum"], json!(["On", "Off", null]));
    let required = &document["components"]["schemas"]["CreateListener"]["required"];
    assert_eq!(*required, json!(["listenerName", "protocol", "port", "backendId", "loadBalancerId"]));
    let by: Vec<Value> = document["paths"]["/v1/regions/{regionId}/vpcs"]["get"]["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["name"] == "filters.1.name")
        .map(|one| one["schema"]["enum"].clone())
        .collect();
    assert_eq!(by, [json!(["vpcIds", "vpcNames", "azs", "azType"])]);
}

#[test]
fn what_makes_something_links_to_what_takes_it() {
    let document = whole();
    let made = &document["paths"]["/v1/regions/{regionId}/elasticIps"]["post"]["responses"]["200"]["links"];
    assert_eq!(
        made["DescribeElasticIp"]["parameters"]["elasticIpId"],
        "$response.body#/result/elasticIpIds/0"
    );
    let ids: BTreeSet<String> = operations(&document)
        .iter()
        .map(|(_, one)| one["operationId"].as_str().unwrap().to_owned())
        .collect();
    let mut links = Vec::new();
    under(&document, "links", &mut links);
    assert!(links.len() > 10);
    for link in links.iter().flat_map(|links| links.as_object().unwrap().values()) {
        assert!(ids.contains(link["operationId"].as_str().unwrap()), "{link}");
    }
}

#[test]
fn the_page_shows_every_operation_and_model_and_lets_nothing_be_loaded() {
    let document = whole();
    let page = String::from_utf8(PAGE.to_vec()).unwrap();
    for (_, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert_eq!(page.matches(&format!("<section id=\"{id}\">")).count(), 1, "{id}");
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("<section id=\"model-{name}\">")), "{name}");
    }
    for target in page.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(page.contains(&format!("id=\"{target}\"")), "#{target} leads nowhere");
    }
    for forbidden in ["<script", "http://", "https://", " style=", " onclick"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    let reply = reply(&Method::GET, "/docs").unwrap();
    let policy = reply.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
}

#[test]
fn only_these_are_served_and_only_to_be_read() {
    let kind = |path: &str| {
        reply(&Method::GET, path)
            .map(|reply| reply.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned())
    };
    assert_eq!(kind("/openapi.json").as_deref(), Some("application/json"));
    assert_eq!(kind("/openapi/vpc.json").as_deref(), Some("application/json"));
    assert_eq!(kind("/docs").as_deref(), Some("text/html; charset=utf-8"));
    for other in ["/", "/openapi", "/openapi/x.json", "/openapi/", "/v1/regions/lab-1/vpcs"] {
        assert!(kind(other).is_none(), "{other}");
    }
    assert!(reply(&Method::POST, "/openapi.json").is_none());
}
