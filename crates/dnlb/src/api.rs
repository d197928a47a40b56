//! Calls of the API in the words of the command line: by name or id, whole lists, waiting for a state.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use dnlb_api::client::{CallError, Client};
use serde_json::{Value, json};

use crate::kind::Kind;

/// How long `--wait` waits.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// The longest page that the API gives.
const PAGE: usize = 100;

/// A region's API.
pub(crate) struct Api {
    client: Client,
}

impl Api {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Calls an operation; the path begins after the region.
    pub(crate) fn call(
        &self,
        service: &str,
        method: &str,
        path: &str,
        query: &[(String, String)],
        body: Option<&Value>,
    ) -> Result<Value> {
        self.client.call(service, method, path, query, body).map_err(|error| match error {
            CallError::Api(error) => anyhow!("{error}"),
            other => anyhow::Error::new(other),
        })
    }

    pub(crate) fn get(&self, service: &str, path: &str) -> Result<Value> {
        self.call(service, "GET", path, &[], None)
    }

    pub(crate) fn post(&self, service: &str, path: &str, body: Value) -> Result<Value> {
        self.call(service, "POST", path, &[], Some(&body))
    }

    pub(crate) fn patch(&self, service: &str, path: &str, body: Value) -> Result<Value> {
        self.call(service, "PATCH", path, &[], Some(&body))
    }

    /// All resources of a kind that pass the filters, however many pages they fill.
    pub(crate) fn list(&self, kind: &Kind, filters: &[(&str, &str)]) -> Result<Vec<Value>> {
        let mut found = Vec::new();
        for page in 1.. {
            let mut query =
                vec![("pageNumber".to_owned(), page.to_string()), ("pageSize".to_owned(), PAGE.to_string())];
            for (index, (name, value)) in (1..).zip(kind.filters.iter().chain(filters)) {
                query.push((format!("filters.{index}.name"), (*name).to_owned()));
                query.push((format!("filters.{index}.values.1"), (*value).to_owned()));
            }
            let reply = self.call(kind.service, "GET", kind.path, &query, None)?;
            let items = reply[kind.list].as_array().cloned().unwrap_or_default();
            let total = reply["totalCount"].as_u64().and_then(|total| usize::try_from(total).ok());
            found.extend(items);
            // A page past the end would be the last one again.
            if page * PAGE >= total.unwrap_or(0) {
                break;
            }
        }
        Ok(found)
    }

    /// The one resource of that id or name.
    pub(crate) fn find(&self, kind: &Kind, name: &str) -> Result<Value> {
        let mut named = Vec::new();
        for item in self.list(kind, &[])? {
            if item[kind.id] == name {
                return Ok(item);
            }
            if item[kind.name] == name {
                named.push(item);
            }
        }
        let (Some(found), rest) = (named.pop(), named) else { bail!("there is no {} `{name}`", kind.word) };
        if !rest.is_empty() {
            let ids: Vec<_> = rest.iter().chain([&found]).filter_map(|item| item[kind.id].as_str()).collect();
            bail!("there are several {}s `{name}`: say which by its id, {}", kind.word, ids.join(", "));
        }
        Ok(found)
    }

    /// The id of the one resource of that id or name.
    pub(crate) fn id(&self, kind: &Kind, name: &str) -> Result<String> {
        let found = self.find(kind, name)?;
        Ok(found[kind.id].as_str().context("a resource without an id")?.to_owned())
    }

    /// Ids for names.
    pub(crate) fn ids(&self, kind: &Kind, names: &[String]) -> Result<Vec<String>> {
        names.iter().map(|name| self.id(kind, name)).collect()
    }

    /// The resource of that id, as it is now.
    pub(crate) fn show(&self, kind: &Kind, id: &str) -> Result<Value> {
        Ok(self.get(kind.service, &member(kind, id))?[kind.one].take())
    }

    /// Creates a resource and returns it.
    pub(crate) fn create(&self, kind: &Kind, body: Value) -> Result<Value> {
        let reply = self.post(kind.service, kind.path, body)?;
        // The reply holds the new id alone, under a name that depends on the operation.
        let id = reply.as_object().and_then(|reply| {
            let mut ids = reply.iter().filter(|(name, _)| *name != "requestId");
            ids.find_map(|(_, id)| id.as_str().or_else(|| id[0].as_str()))
        });
        self.show(kind, id.context("the reply names no new resource")?)
    }

    /// Deletes a resource.
    pub(crate) fn delete(&self, kind: &Kind, id: &str) -> Result<()> {
        self.call(kind.service, "DELETE", &member(kind, id), &[], None).map(drop)
    }

    /// Calls an operation on a resource.
    pub(crate) fn act(&self, kind: &Kind, id: &str, action: &str, body: Value) -> Result<Value> {
        self.post(kind.service, &format!("{}:{action}", member(kind, id)), body)
    }

    /// Changes fields of a resource.
    pub(crate) fn update(&self, kind: &Kind, id: &str, body: Value) -> Result<()> {
        self.patch(kind.service, &member(kind, id), body).map(drop)
    }

    /// The region at a glance.
    pub(crate) fn status(&self) -> Result<Value> {
        let mut reply = self.get("dnlb", "status")?;
        Ok(if reply["status"].is_object() { reply["status"].take() } else { reply })
    }

    /// Waits until every host that is up shows the present revision.
    pub(crate) fn wait_converged(&self) -> Result<()> {
        let mut last = json!(null);
        wait_until(PATIENCE, || {
            last = self.status()?;
            Ok(last["converged"] == true)
        })
        .with_context(|| format!("hosts that lag: {}", lagging(&last)))
    }
}

/// Waits until `done` says so.
pub(crate) fn wait_until(patience: Duration, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + patience;
    while !done()? {
        if Instant::now() > deadline {
            bail!("not done after {} s", patience.as_secs());
        }
        sleep(LOOK);
    }
    Ok(())
}

/// Path of one resource.
fn member(kind: &Kind, id: &str) -> String {
    format!("{}/{id}", kind.path.trim_end_matches('/'))
}

/// Names of hosts that do not show the wanted revision.
fn lagging(status: &Value) -> String {
    let hosts = status["hosts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let behind = hosts.iter().filter(|host| host["appliedRevision"] != host["wantedRevision"]);
    behind.filter_map(|host| host["hostId"].as_str()).collect::<Vec<_>>().join(", ")
}
