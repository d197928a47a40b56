//! The document as a page for people: plain HTML, no script, nothing from elsewhere.

use std::sync::LazyLock;

use base64::{Engine, prelude::BASE64_STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("page.css");

/// What a browser may load for the page: its own style, which it knows by its hash.
pub(super) static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
});

/// The page of a document with these services.
pub(super) fn page(document: &Value, services: &[&str]) -> String {
    let operations = operations(document);
    let of = |service: &str| {
        let has = |one: &&Operation<'_>| {
            one.value["tags"].as_array().is_some_and(|tags| tags.iter().any(|tag| tag == service))
        };
        operations.iter().filter(has).collect::<Vec<_>>()
    };
    let no_schemas = Map::new();
    let schemas = document["components"]["schemas"].as_object().unwrap_or(&no_schemas);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { (text(&document["info"]["title"])) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                nav aria-label="Operations" {
                    p.home { a href="#top" { (text(&document["info"]["title"])) } " " span.quiet { (text(&document["info"]["version"])) } }
                    ul { li { a href="#signing" { "Signing" } } li { a href="#errors" { "Errors" } } li { a href="#models" { "Models" } } }
                    @for service in services {
                        h2 { a href={ "#" (service) } { (service) } }
                        ul { @for operation in of(service) { li { a href={ "#" (operation.id) } { (operation.id) } } } }
                    }
                }
                main id="top" {
                    h1 { (text(&document["info"]["title"])) }
                    p.lead { (text(&document["info"]["summary"])) "." }
                    (paragraphs(text(&document["info"]["description"])))
                    p { "For programs: " a href="/openapi.json" { "openapi.json" }
                        @for service in services { ", " a href={ "/openapi/" (service) ".json" } { (service) ".json" } } "." }
                    h2 id="signing" { "Signing" }
                    @for (_, scheme) in entries(&document["components"]["securitySchemes"]) { (paragraphs(text(&scheme["description"]))) }
                    h2 id="errors" { "Errors" }
                    p { "An error is " code { "{\"requestId\": .., \"error\": {\"code\": .., \"status\": .., \"message\": ..}}" } "; " code { "code" } " is the HTTP status." }
                    (errors(&document["components"]["responses"]))
                    @for tag in document["tags"].as_array().into_iter().flatten() {
                        h2 id=(text(&tag["name"])) { "Service " code { (text(&tag["name"])) } }
                        (paragraphs(text(&tag["description"])))
                        // One that several services share stands with the first.
                        @for operation in of(text(&tag["name"])) {
                            @if operation.value["tags"][0] == tag["name"] { (operation.markup()) }
                        }
                    }
                    h2 id="models" { "Models" }
                    @for (name, schema) in schemas { (model(name, schema)) }
                }
            }
        }
    };
    page.into_string()
}

/// An operation and where it is.
struct Operation<'a> {
    id: &'a str,
    method: &'a str,
    path: &'a str,
    value: &'a Value,
}

/// All operations, in the order of their paths.
fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut all = Vec::new();
    for (path, item) in entries(&document["paths"]) {
        // As people think of it: look, make, change, remove.
        for method in ["get", "post", "put", "patch", "delete"] {
            if let Some(value) = item.get(method) {
                all.push(Operation { id: text(&value["operationId"]), method, path, value });
            }
        }
    }
    all
}

impl Operation<'_> {
    fn markup(&self) -> Markup {
        let value = self.value;
        // Of what is numbered, the first says it all.
        let again = |one: &&Value| {
            ["filters.2", "tags.2", "ids.2"].iter().any(|name| text(&one["name"]).starts_with(name))
        };
        let parameters: Vec<&Value> = value["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|one| one.get("$ref").is_none() && !again(one))
            .collect();
        let body = &value["requestBody"]["content"]["application/json"];
        let reply = &value["responses"]["200"]["content"]["application/json"];
        html! {
            section id=(self.id) {
                h3 { a href={ "#" (self.id) } { (self.id) } " " span.quiet { (text(&value["summary"])) } }
                p.line { span.method { (self.method.to_uppercase()) } " " code { (self.path) } }
                (paragraphs(text(&value["description"])))
                @if !parameters.is_empty() {
                    table {
                        thead { tr { th { "Parameter" } th { "Type" } th { "Meaning" } } }
                        tbody { @for one in parameters { tr {
                            td { code { (text(&one["name"])) } @if one["required"] == true { span.needed title="required" { "*" } } }
                            td { (kind(&one["schema"])) }
                            td { (inline(text(&one["description"]))) }
                        } } }
                    }
                }
                @if body["schema"].is_object() { p { "Body: " (kind(&body["schema"])) } }
                p { "Result: " (result(&reply["schema"])) }
                p.quiet { "Errors: " (codes(&value["responses"])) }
                (example(&value["x-dnlb-example"]["request"], &body["example"], reply))
            }
        }
    }
}

/// The result inside a reply's envelope; of several alternatives, each.
fn result(schema: &Value) -> Markup {
    let one = |envelope: &Value| {
        let fields = &envelope["properties"]["result"]["properties"];
        let keys: Vec<(&String, &Value)> = entries(fields).collect();
        html! {
            @if keys.is_empty() { code { "{}" } }
            @for (index, (key, schema)) in keys.iter().enumerate() {
                @if index > 0 { ", " }
                code { (key) } ": " (kind(schema))
            }
        }
    };
    match schema["anyOf"].as_array() {
        None => one(schema),
        Some(several) => {
            html! { @for (index, envelope) in several.iter().enumerate() { @if index > 0 { "; or " } (one(envelope)) } }
        }
    }
}

fn codes(responses: &Value) -> Markup {
    let codes: Vec<&String> =
        entries(responses).map(|(code, _)| code).filter(|code| *code != "200").collect();
    html! {
        @for (index, code) in codes.iter().enumerate() {
            @if index > 0 { ", " }
            a href={ "#error" (code) } { (code) }
        }
    }
}

fn example(request: &Value, body: &Value, reply: &Value) -> Markup {
    let several = entries(&reply["examples"]).map(|(_, example)| &example["value"]);
    let replies: Vec<&Value> = reply.get("example").into_iter().chain(several).collect();
    html! {
        @if request.is_string() {
            details {
                summary { "Example" }
                pre {
                    (text(request)) "\n"
                    @if !body.is_null() { "\n" (format!("{body:#}")) }
                }
                @for reply in replies { pre { (format!("{reply:#}")) } }
            }
        }
    }
}

fn errors(responses: &Value) -> Markup {
    html! {
        table {
            thead { tr { th { "Code" } th { "Status" } th { "When" } } }
            tbody { @for (name, response) in entries(responses) { tr id=(name) {
                @let parts = &response["content"]["application/json"]["schema"]["properties"]["error"]["allOf"][1]["properties"];
                td { (parts["code"]["const"].to_string()) }
                td { @for word in parts["status"]["enum"].as_array().into_iter().flatten() { code { (text(word)) } " " } }
                td { (inline(text(&response["description"]))) }
            } } }
        }
    }
}

fn model(name: &str, schema: &Value) -> Markup {
    let required =
        |field: &str| schema["required"].as_array().is_some_and(|list| list.iter().any(|one| one == field));
    html! {
        section id={ "model-" (name) } {
            h3 { a href={ "#model-" (name) } { (name) } }
            (paragraphs(text(&schema["description"])))
            @if schema["properties"].is_object() {
                table {
                    thead { tr { th { "Field" } th { "Type" } th { "Meaning" } } }
                    tbody { @for (field, schema) in entries(&schema["properties"]) { tr {
                        td { code { (field) } @if required(field) { span.needed title="required" { "*" } } }
                        td { (kind(schema)) }
                        td { (inline(text(&schema["description"]))) }
                    } } }
                }
            }
        }
    }
}

/// What a value may be, in a few words. Null is left out: it means the same as nothing everywhere.
fn kind(schema: &Value) -> Markup {
    if let Some(name) = text(&schema["$ref"]).strip_prefix("#/components/schemas/") {
        return html! { a href={ "#model-" (name) } { (name) } };
    }
    let either = schema["anyOf"].as_array().into_iter().flatten();
    if let Some(referred) = either.clone().find(|one| one.get("$ref").is_some()) {
        return kind(referred);
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words
            .iter()
            .filter(|word| !word.is_null())
            .map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned))
            .collect();
        return html! { @for (index, word) in words.iter().enumerate() { @if index > 0 { ", " } code { (word) } } };
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().map(text).filter(|one| *one != "null").collect(),
        _ => vec![],
    };
    let bound = |key: &str| schema.get(key).map(Value::to_string);
    match types.as_slice() {
        ["array"] if schema["maxItems"] == 0 => html! { "empty list" },
        ["array"] => {
            html! { "list of " (kind(&schema["items"])) @if let Some(most) = bound("maxItems") { ", at most " (most) } }
        }
        ["integer"] => match (bound("minimum"), bound("maximum")) {
            (Some(least), Some(most)) if most.len() < 12 => html! { "integer " (least) " to " (most) },
            _ => html! { "integer" },
        },
        ["null"] => html! { "never" },
        ["string"] if schema["maxLength"] == 0 => html! { "empty" },
        ["string"] => html! {
            "string"
            @if let Some(most) = bound("maxLength") { ", at most " (most) " characters" }
            @if let Some(pattern) = schema["pattern"].as_str() { " " code.pattern { (pattern) } }
        },
        [other] => html! { (other) },
        _ => html! { "anything" },
    }
}

/// Text with `code` in it.
fn inline(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

fn paragraphs(text: &str) -> Markup {
    html! { @for part in text.split("\n\n").filter(|part| !part.is_empty()) { p { (inline(part)) } } }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
