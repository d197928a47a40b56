//! One operation of the document, and several in one where services share a path.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::{
    document::ERRORS,
    examples::{self, Example},
};
use crate::ops::{Description, Route};

/// An operation on its way into the document.
pub(super) struct Described {
    /// Its id in the document.
    pub(super) id: String,
    /// Parameters of its path, but the region.
    pub(super) path_parameters: Vec<String>,
    /// Keys of its result.
    pub(super) result_keys: Vec<String>,
    /// Operations that take what it made: id, path parameter, where in the result.
    pub(super) links: Vec<(String, String, String)>,
    service: &'static str,
    method: &'static str,
    summary: String,
    details: String,
    query: Vec<Value>,
    body: Option<Value>,
    result: Value,
    /// Whether it needs neither signature nor token.
    is_open: bool,
    example: Option<&'static Example>,
}

impl Described {
    pub(super) fn new(
        route: &Route,
        description: Option<&Description>,
        requests: &mut SchemaGenerator,
        replies: &mut SchemaGenerator,
    ) -> Self {
        let example = examples::of(route.service, route.name);
        let path_parameters = route
            .path
            .split(['/', ':'])
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(str::to_owned)
            .collect();
        let mut described = Self {
            id: route.name.to_owned(),
            path_parameters,
            result_keys: Vec::new(),
            links: Vec::new(),
            service: route.service,
            method: route.method,
            summary: String::new(),
            details: String::new(),
            query: Vec::new(),
            body: None,
            result: object(&[]),
            example,
            is_open: matches!(route.operation, crate::ops::Operation::Login(())),
        };
        let Some(description) = description else { return described };
        description.summary.clone_into(&mut described.summary);
        description.details.clone_into(&mut described.details);
        described.query = description.query.iter().map(|one| query_parameter(one, example)).collect();
        described.body = description.body.map(|schema| schema(requests).to_value());
        let keys: Vec<(&str, Value)> =
            description.result.iter().map(|(key, schema)| (*key, schema(replies).to_value())).collect();
        described.result_keys = keys.iter().map(|(key, _)| (*key).to_owned()).collect();
        described.result = object(&keys);
        described
    }

    fn value(&self) -> Value {
        let mut parameters = vec![json!({ "$ref": "#/components/parameters/regionId" })];
        parameters.extend(self.path_parameters.iter().map(|name| path_parameter(name, self.example)));
        parameters.extend(self.query.iter().cloned());
        let mut operation = json!({
            "operationId": self.id,
            "tags": [self.service],
            "summary": self.summary,
            "parameters": parameters,
            "responses": self.responses(),
            "x-dnlb-services": [self.service],
        });
        if self.is_open {
            operation["security"] = json!([]);
        }
        if !self.details.is_empty() {
            operation["description"] = json!(self.details);
        }
        if let Some(schema) = &self.body {
            let mut content = json!({ "schema": schema });
            if let Some(body) = self.example.and_then(|example| example.body.as_ref()) {
                content["example"] = body.clone();
            }
            operation["requestBody"] =
                json!({ "required": true, "content": { "application/json": content } });
        }
        if let Some(example) = self.example {
            operation["x-dnlb-example"] = json!({ "request": example.request_line() });
        }
        operation
    }

    fn responses(&self) -> Value {
        let mut content = json!({ "schema": envelope(&self.result) });
        if let Some(example) = self.example {
            content["example"] = example.reply.clone();
        }
        let mut done = json!({
            "description": "Done.",
            "headers": { "x-jdcloud-request-id": { "$ref": "#/components/headers/requestId" } },
            "content": { "application/json": content },
        });
        if !self.links.is_empty() {
            let link = |(taker, parameter, place): &(String, String, String)| {
                let from = format!("$response.body#/result/{place}");
                (taker.clone(), json!({ "operationId": taker, "parameters": { parameter: from } }))
            };
            done["links"] = Value::Object(self.links.iter().map(link).collect());
        }
        let mut responses = Map::from_iter([("200".to_owned(), done)]);
        for (code, ..) in ERRORS {
            // What has no body has none that is too long; what changes nothing takes nothing from anybody.
            let fits = match code {
                409 | 503 => self.method != "GET",
                413 => self.body.is_some(),
                _ => true,
            };
            if fits {
                responses.insert(
                    code.to_string(),
                    json!({ "$ref": format!("#/components/responses/error{code}") }),
                );
            }
        }
        Value::Object(responses)
    }
}

/// Operations that share a path and a method, as one.
pub(super) fn merge(mut described: Vec<Described>) -> Value {
    if described.len() == 1 {
        return described.remove(0).value();
    }
    let mut parts = described.iter();
    let Some(first) = parts.next() else { return json!({}) };
    let mut whole = first.value();
    let content = &mut whole["responses"]["200"]["content"]["application/json"];
    let examples: Map<String, Value> = described
        .iter()
        .filter_map(|one| Some((one.service.to_owned(), json!({ "value": one.example?.reply }))))
        .collect();
    // Each shape of a result once: `oneOf` would refuse what two services reply alike.
    let mut results: Vec<Value> = described.iter().map(|one| envelope(&one.result)).collect();
    results.dedup();
    *content = json!({ "schema": { "anyOf": results }, "examples": examples });
    for other in parts {
        for parameter in &other.query {
            merge_parameter(&mut whole["parameters"], parameter);
        }
        push(&mut whole["tags"], json!(other.service));
        push(&mut whole["x-dnlb-services"], json!(other.service));
    }
    let services: String = described.iter().map(|one| capital(one.service)).collect();
    let about = described
        .iter()
        .map(|one| format!("`{}`: {} ({}). {}", one.service, one.id, one.summary, one.details));
    whole["operationId"] = json!(format!("{}Of{services}", first.id));
    whole["summary"] = json!(format!("{}, or what the signature's service says", first.summary));
    whole["description"] = json!(format!(
        "{} services have an operation of their own here; the one that the request is signed for is meant.\n\n{}",
        described.len(),
        about.map(|line| line.trim().to_owned()).collect::<Vec<_>>().join("\n\n"),
    ));
    whole
}

/// A word with a capital letter.
fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// Adds a parameter that is not there yet; it is optional, since not every service has it.
fn merge_parameter(parameters: &mut Value, parameter: &Value) {
    let Some(list) = parameters.as_array_mut() else { return };
    if list.iter().all(|known| known["name"] != parameter["name"]) {
        let mut parameter = parameter.clone();
        parameter["required"] = json!(false);
        list.push(parameter);
    }
}

fn push(list: &mut Value, item: Value) {
    if let Some(list) = list.as_array_mut() {
        list.push(item);
    }
}

fn path_parameter(name: &str, example: Option<&Example>) -> Value {
    let mut parameter = json!({
        "name": name,
        "in": "path",
        "required": true,
        "description": format!("Id of the {}.", thing(name)),
        "schema": { "type": "string", "minLength": 1 },
    });
    if let Some(id) = example.and_then(|example| example.ids.get(name)) {
        parameter["example"] = json!(id);
    }
    parameter
}

/// What a path parameter is the id of, in words.
fn thing(parameter: &str) -> String {
    match parameter {
        "agId" => "availability group".to_owned(),
        "backendId" => "backend service".to_owned(),
        "elasticIpId" => "elastic IP".to_owned(),
        "networkAclId" => "network ACL".to_owned(),
        "networkSecurityGroupId" => "security group".to_owned(),
        "vpcId" => "VPC".to_owned(),
        other => {
            let stem = other.strip_suffix("Id").unwrap_or(other);
            let words =
                stem.chars().map(|c| if c.is_ascii_uppercase() { format!(" {c}") } else { c.to_string() });
            words.collect::<String>().to_lowercase()
        }
    }
}

fn query_parameter(parameter: &crate::ops::Parameter, example: Option<&Example>) -> Value {
    let mut value = json!({
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.about,
        "schema": parameter.schema,
    });
    if let Some((_, text)) =
        example.and_then(|one| one.query.iter().find(|(name, _)| *name == parameter.name))
    {
        let number = text.parse::<i64>().ok().filter(|_| value["schema"]["type"] == "integer");
        value["example"] = number.map_or_else(|| json!(text), |number| json!(number));
    }
    value
}

/// What every reply that is no error looks like.
fn envelope(result: &Value) -> Value {
    object(&[("requestId", json!({ "type": "string", "minLength": 1 })), ("result", result.clone())])
}

/// An object that has these keys.
pub(super) fn object(keys: &[(&str, Value)]) -> Value {
    let properties: Map<String, Value> =
        keys.iter().map(|(key, schema)| ((*key).to_owned(), schema.clone())).collect();
    let required: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
    json!({ "type": "object", "required": required, "properties": properties })
}
