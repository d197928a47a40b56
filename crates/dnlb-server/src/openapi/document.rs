//! The document: what all operations have in common, and the operations by their paths.

use std::collections::BTreeMap;

use dnlb_api::ApiError;
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::operation::{Described, merge, object};
use crate::ops;

/// Errors that any operation may reply with: code, words, when.
pub(super) const ERRORS: &[(u16, &[&str], &str)] = &[
    (
        400,
        &["INVALID_ARGUMENT", "FAILED_PRECONDITION", "HTTP_BAD_REQUEST"],
        "The request is malformed, out of range, or asks for what cannot be honoured; or the state of things forbids it.",
    ),
    (
        401,
        &["ACCESS_ERROR"],
        "The request is not signed as it should be. The log says why, the reply does not.",
    ),
    (403, &["HTTP_FORBIDDEN"], "The caller's role does not allow it."),
    (404, &["NOT_FOUND"], "There is no such resource, or no such operation."),
    (409, &["ALREADY_EXISTS"], "Something else has what the request wants for itself."),
    (413, &["HTTP_REQUEST_ENTITY_TOO_LARGE"], "The body is longer than 1,048,576 bytes."),
    (414, &["HTTP_URI_TOO_LONG"], "Path and query are longer than 8,192 bytes."),
    (429, &["QUOTA_EXCEEDED", "HTTP_RATE_LIMIT_EXCEEDED"], "A quota is used up, or requests come too fast."),
    (500, &["HTTP_INTERNAL_SERVER_ERROR"], "The server's fault; its log says more, by the request id."),
    (
        503,
        &["HTTP_SERVICE_UNAVAILABLE"],
        "The store takes no changes for now, such as with a full disk. Nothing was changed.",
    ),
];

/// The OpenAPI 3.1 document of some services.
///
/// Operations of different services that share a path and a method are merged into one.
#[must_use]
pub fn document(services: &[&'static str]) -> Value {
    let mut requests = generator(SchemaSettings::for_deserialize);
    let mut replies = generator(SchemaSettings::for_serialize);
    let mut paths: BTreeMap<(String, &str), Vec<Described>> = BTreeMap::new();
    for service in services {
        let descriptions = ops::describe_service(service);
        for route in ops::routes().iter().filter(|route| route.service == *service) {
            let description = descriptions.iter().find(|description| description.name == route.name);
            let described = Described::new(route, description, &mut requests, &mut replies);
            let path = format!("/v1/regions/{{regionId}}/{}", route.path);
            paths.entry((path, route.method)).or_default().push(described);
        }
    }
    link(&mut paths);
    let mut items = Map::new();
    for ((path, method), described) in paths {
        let item = items.entry(path).or_insert_with(|| json!({}));
        item[method.to_lowercase()] = merge(described);
    }
    let error = replies.subschema_for::<ApiError>();
    let mut schemas = definitions(requests, |schema, required| nullable(schema, !required));
    schemas.extend(definitions(replies, |schema, _| nullable(schema, false)));
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": {
            "title": title(services),
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "A distributed layer-4 network load balancer",
            "description": INTRODUCTION,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "The server that gave this document" }],
        "security": [{ "signature": [] }, { "session": [] }],
        "tags": services.iter().map(|name| json!({ "name": name, "description": about(name) })).collect::<Vec<_>>(),
        "paths": items,
        "components": {
            "parameters": { "regionId": region_id() },
            "headers": { "requestId": {
                "description": "The request's id, as in the body; the server's log has it, too.",
                "required": true,
                "schema": { "type": "string", "minLength": 1 },
            } },
            "responses": errors(error.as_value()),
            "schemas": schemas,
            "securitySchemes": security_schemes(),
        },
    })
}

fn generator(contract: fn(SchemaSettings) -> SchemaSettings) -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    contract(settings).into_generator()
}

/// The named schemas of a generator, each property settled by `settle`, which learns whether it is required.
fn definitions(mut generator: SchemaGenerator, settle: impl Fn(&mut Value, bool)) -> Map<String, Value> {
    let mut schemas = generator.take_definitions(true);
    for schema in schemas.values_mut() {
        let required: Vec<Value> = schema["required"].as_array().cloned().unwrap_or_default();
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            for (name, property) in properties {
                settle(property, required.iter().any(|one| one == name));
            }
        }
    }
    schemas
}

/// Lets a schema accept null, or no longer. A request's null means the same as nothing; a reply has none.
fn nullable(schema: &mut Value, wanted: bool) {
    let null = json!("null");
    let Some(fields) = schema.as_object_mut() else { return };
    if let Some(either) = fields.get("anyOf").and_then(Value::as_array) {
        // How an optional reference is written.
        let referred = either.iter().find(|one| one.get("$ref").is_some()).cloned();
        if let (false, Some(referred)) = (wanted, referred) {
            fields.remove("anyOf");
            fields.insert("$ref".to_owned(), referred["$ref"].clone());
        }
        return;
    }
    if let (true, Some(target)) = (wanted, fields.get("$ref").cloned()) {
        fields.remove("$ref");
        fields.insert("anyOf".to_owned(), json!([{ "$ref": target }, { "type": "null" }]));
        return;
    }
    let Some(kind) = fields.get("type").cloned() else { return };
    let mut kinds = match kind {
        Value::Array(kinds) => kinds,
        one => vec![one],
    };
    let only_null = kinds == [null.clone()];
    kinds.retain(|kind| *kind != null || only_null);
    if let Some(Value::Array(words)) = fields.get_mut("enum") {
        words.retain(|word| !word.is_null());
        if wanted {
            words.push(Value::Null);
        }
    }
    if wanted && !only_null {
        kinds.push(null);
    }
    let kind = if kinds.len() == 1 { kinds.remove(0) } else { Value::Array(kinds) };
    fields.insert("type".to_owned(), kind);
}

/// Gives every operation that makes something links to those that take its id.
fn link(paths: &mut BTreeMap<(String, &str), Vec<Described>>) {
    let takers: Vec<(Option<String>, String)> = paths
        .values()
        .flatten()
        .map(|taker| (taker.path_parameters.first().cloned(), taker.id.clone()))
        .collect();
    for maker in paths.values_mut().flatten() {
        let keys = maker.result_keys.clone();
        for key in keys {
            let (parameter, place) = match key.strip_suffix("Ids") {
                Some(stem) => (format!("{stem}Id"), format!("{key}/0")),
                None => (key.clone(), key),
            };
            for (taken, taker) in &takers {
                if taken.as_ref() == Some(&parameter) {
                    maker.links.push((taker.clone(), parameter.clone(), place.clone()));
                }
            }
        }
    }
}

/// The error replies, by the names under which operations refer to them.
fn errors(error: &Value) -> Value {
    let reply = |(code, words, when): &(u16, &[&str], &str)| {
        let envelope = object(&[
            ("requestId", json!({ "type": "string", "minLength": 1 })),
            (
                "error",
                json!({ "allOf": [error, {
                    "type": "object",
                    "properties": { "code": { "const": code }, "status": { "enum": words } },
                }] }),
            ),
        ]);
        let response = json!({
            "description": when,
            "headers": { "x-jdcloud-request-id": { "$ref": "#/components/headers/requestId" } },
            "content": { "application/json": { "schema": envelope } },
        });
        (format!("error{code}"), response)
    };
    Value::Object(ERRORS.iter().map(reply).collect())
}

/// How callers show who they are. One entry a way; operations accept any of them.
fn security_schemes() -> Value {
    json!({
        "signature": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": SIGNATURE,
        },
        "session": {
            "type": "http",
            "scheme": "bearer",
            "description": "The token of CreateSession. The header `x-dnlb-service` names the operation's service; without it, `dnlb` is meant.",
        },
    })
}

fn region_id() -> Value {
    json!({
        "name": "regionId",
        "in": "path",
        "required": true,
        "description": "The region's name. A server serves one region; any other is 404.",
        "schema": { "type": "string", "minLength": 1 },
        "example": super::examples::REGION,
    })
}

fn title(services: &[&str]) -> String {
    match services {
        [service] => format!("dnlb API, service {service}"),
        _ => "dnlb API".to_owned(),
    }
}

fn about(service: &str) -> &'static str {
    match service {
        "ag" => "Availability groups: instances made from one template, spread over zones, racks and hosts.",
        "dnlb" => "Our own additions: hosts, the region at a glance, traces.",
        "lb" => "Load balancers, listeners, backend services and target groups.",
        "vm" => "Instances, their templates, images and sizes.",
        "vpc" => "VPCs, subnets, security groups, network ACLs and elastic IPs.",
        _ => "",
    }
}

const INTRODUCTION: &str = "\
The wire format is that of JD Cloud's OpenAPI, so its official SDKs and command line work unmodified.

Every reply is a JSON object with a `requestId`, and a `result` or an `error`. An operation without a result gives `{}`. In \
a request's body `null` means the same as nothing, keys that are not known are ignored, and path parameters may be repeated. \
A PATCH changes only what is given. A `/` at the end of a path makes no difference.

Lists are paged: `totalCount` counts all that match, a page past the end is the last one. Filters and arrays are numbered from 1: \
`filters.1.name=vpcId&filters.1.values.1=vpc-a&filters.1.values.2=vpc-b`. The values of one filter are alternatives, filters must all fit.

A write returns when it is durable, whole or not at all. Hosts follow within a moment: DescribeStatus of service `dnlb` tells whether \
they have.

Which service a request is for is part of its signature. Where two services have an operation with the same path and method, \
`/openapi.json` merges them into one whose `x-dnlb-services` names both; `/openapi/SERVICE.json` has each alone.";

const SIGNATURE: &str = "\
`JDCLOUD3-HMAC-SHA256 Credential=KEY/YYYYMMDD/REGION/SERVICE/jdcloud3_request, SignedHeaders=NAMES, Signature=HEX`, with the \
header `x-jdcloud-date: YYYYMMDDThhmmssZ` (UTC, at most 15 minutes off) beside it. REGION is the path's, SERVICE the operation's tag, \
NAMES the signed headers, lower case, joined by `;` (usually `content-type;host`).

The canonical request is method, path, query, each signed header as `name:value`, an empty line, NAMES, and the \
SHA-256 of the body in hex, joined by line feeds. Path and query are decoded and encoded anew with only `A-Za-z0-9-._~/` left; the query's parts \
are sorted. The string to sign is `JDCLOUD3-HMAC-SHA256`, the date header, the credential without KEY, and the SHA-256 of the canonical request, \
joined by line feeds. The signing key is HMAC over the date, region, service and `jdcloud3_request`, one after the other, beginning with \
`JDCLOUD3` and the secret. `JDCLOUD2`, as some SDKs write it, is accepted as well.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_comes_and_goes() {
        let settled = |mut schema: Value, wanted| {
            nullable(&mut schema, wanted);
            schema
        };
        let text = json!({ "type": "string" });
        let both = json!({ "type": ["string", "null"] });
        assert_eq!(settled(text.clone(), true), both);
        assert_eq!(settled(both.clone(), true), both);
        assert_eq!(settled(both, false), text);
        let words = json!({ "type": "string", "enum": ["a"] });
        let or_null = json!({ "type": ["string", "null"], "enum": ["a", null] });
        assert_eq!(settled(words.clone(), true), or_null);
        assert_eq!(settled(or_null, false), words);
        let reference = json!({ "$ref": "#/x" });
        let optional = json!({ "anyOf": [{ "$ref": "#/x" }, { "type": "null" }] });
        assert_eq!(settled(reference.clone(), true), optional);
        assert_eq!(settled(optional.clone(), true), optional);
        assert_eq!(settled(optional, false), reference);
        let never = json!({ "type": "null" });
        assert_eq!(settled(never.clone(), true), never);
        assert_eq!(settled(json!(true), true), json!(true));
    }
}
