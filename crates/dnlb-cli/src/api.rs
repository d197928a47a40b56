//! Calls of the API in the words of the command line: by name or id, whole lists.

use std::{cell::Cell, thread::sleep, time::Duration};

use anyhow::{Context, Result, bail};
use dnlb_api::client::{CallError, Client};
use serde_json::Value;

use crate::{
    access::Access,
    failure::{Failure, Located},
    kind::Kind,
    suggest::did_you_mean,
    wait::{self, Patience},
};

/// The longest page that the API gives.
const PAGE: usize = 100;

/// How long to pause when requests come too fast: twice as long each time, six seconds in all.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_millis(3200);

/// A region's API.
pub(crate) struct Api {
    client: Client,
    /// Whom we talk to and why, for messages.
    words: String,
    /// How long to wait for the hosts after a change, if at all.
    patience: Option<Patience>,
    wrote: Cell<bool>,
}

impl Api {
    pub(crate) fn new(access: Access) -> Self {
        Self { client: access.client, words: access.words, patience: None, wrote: Cell::new(false) }
    }

    /// The same, with what the command line says about waiting.
    pub(crate) fn waiting(self, patience: Option<Patience>) -> Self {
        Self { patience, ..self }
    }

    /// How long to wait for what is done, if at all.
    pub(crate) fn patience(&self) -> Option<Patience> {
        self.patience
    }

    /// Waits for the hosts, if something was written and it was asked for.
    pub(crate) fn settle(&self) -> Result<()> {
        match self.patience {
            Some(patience) if self.wrote.get() => wait::converged(self, patience),
            _ => Ok(()),
        }
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
        let mut pause = PAUSE;
        loop {
            let outcome = self.call_once(service, method, path, query, body);
            // Whoever is refused because of others in a hurry has not been heard: it can be said again.
            let hurried = |error: &anyhow::Error| {
                error.downcast_ref::<Located>().is_some_and(|located| located.failure.is_too_fast())
            };
            match outcome {
                Err(error) if hurried(&error) && pause <= PAUSE_MAX => {
                    sleep(pause);
                    pause *= 2;
                }
                outcome => return outcome,
            }
        }
    }

    fn call_once(
        &self,
        service: &str,
        method: &str,
        path: &str,
        query: &[(String, String)],
        body: Option<&Value>,
    ) -> Result<Value> {
        let located = |failure| Located { failure, access: self.words.clone() };
        let reply = match self.client.reply(service, method, path, query, body) {
            // Made here, for a request that could not be written.
            Err(CallError::Api(error)) => bail!("{error}"),
            other => other.map_err(|error| located(Failure::NoAnswer { error, write: method != "GET" }))?,
        };
        let request_id = reply.request_id.clone();
        let by_session = self.client.token.is_some();
        let refused = |error| located(Failure::Refused { error, request_id, by_session });
        let result = reply.into_result().map_err(refused)?;
        if method != "GET" {
            self.wrote.set(true);
        }
        Ok(result)
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
        self.list_some(kind, filters, usize::MAX)
    }

    /// The first resources of a kind that pass the filters. Values of one name are alternatives.
    pub(crate) fn list_some(
        &self,
        kind: &Kind,
        filters: &[(&str, &str)],
        limit: usize,
    ) -> Result<Vec<Value>> {
        let all: Vec<_> = kind.filters.iter().chain(filters).copied().collect();
        let mut found = self.pages(kind.service, kind.path, kind.list, &filter_query(&all), limit)?;
        found.truncate(limit);
        Ok(found)
    }

    /// A list, page by page, until there are enough.
    pub(crate) fn pages(
        &self,
        service: &str,
        path: &str,
        key: &str,
        filters: &[(String, String)],
        enough: usize,
    ) -> Result<Vec<Value>> {
        let mut found = Vec::new();
        for page in 1.. {
            let mut query =
                vec![("pageNumber".to_owned(), page.to_string()), ("pageSize".to_owned(), PAGE.to_string())];
            query.extend_from_slice(filters);
            let mut reply = self.call(service, "GET", path, &query, None)?;
            let total = reply["totalCount"].as_u64().and_then(|total| usize::try_from(total).ok());
            found.extend(reply[key].as_array_mut().map(std::mem::take).unwrap_or_default());
            // A page past the end would be the last one again.
            if page * PAGE >= total.unwrap_or(0) || found.len() >= enough {
                break;
            }
        }
        Ok(found)
    }

    /// The one resource of that id or name.
    pub(crate) fn find(&self, kind: &Kind, name: &str) -> Result<Value> {
        choose(kind, name, self.list(kind, &[])?)
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

    /// Creates a resource and returns its id.
    pub(crate) fn make(&self, kind: &Kind, body: Value) -> Result<String> {
        let reply = self.post(kind.service, kind.path, body)?;
        // The reply holds the new id alone, under a name that depends on the operation.
        let id = reply.as_object().and_then(|reply| {
            let mut ids = reply.iter().filter(|(name, _)| *name != "requestId");
            ids.find_map(|(_, id)| id.as_str().or_else(|| id[0].as_str()))
        });
        Ok(id.context("the reply names no new resource")?.to_owned())
    }

    /// Creates a resource and returns it.
    pub(crate) fn create(&self, kind: &Kind, body: Value) -> Result<Value> {
        self.show(kind, &self.make(kind, body)?)
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
}

/// The one resource of that id or name among all of a kind.
fn choose(kind: &Kind, name: &str, items: Vec<Value>) -> Result<Value> {
    let mut named = Vec::new();
    for item in &items {
        if item[kind.id] == name {
            return Ok(item.clone());
        }
        if item[kind.name] == name {
            named.push(item);
        }
    }
    match named.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let known = items.iter().filter_map(|item| item[kind.name].as_str());
            bail!("there is no {} `{name}`{}", kind.word, did_you_mean(name, known))
        }
        several => {
            let ids: Vec<_> = several.iter().filter_map(|item| item[kind.id].as_str()).collect();
            bail!("there are several {}s `{name}`: say which by its id, {}", kind.word, ids.join(", "))
        }
    }
}

/// Filters as the API takes them.
pub(crate) fn filter_query(filters: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in filters {
        if !names.contains(name) {
            names.push(name);
        }
    }
    let mut query = Vec::new();
    for (number, name) in (1..).zip(names) {
        query.push((format!("filters.{number}.name"), name.to_owned()));
        let values = filters.iter().filter(|(other, _)| *other == name).map(|(_, value)| *value);
        for (index, value) in (1..).zip(values) {
            query.push((format!("filters.{number}.values.{index}"), value.to_owned()));
        }
    }
    query
}

/// Path of one resource.
fn member(kind: &Kind, id: &str) -> String {
    format!("{}/{id}", kind.path.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kind::VPC;

    #[test]
    fn a_name_or_an_id_names_one_resource() {
        let items = || {
            [("vpc-1", "web"), ("vpc-2", "twin"), ("vpc-3", "twin"), ("vpc-4", "vpc-1")]
                .map(|(id, name)| json!({"vpcId": id, "vpcName": name}))
                .to_vec()
        };
        let found = |name: &str| choose(&VPC, name, items()).map(|item| item["vpcId"].clone());
        assert_eq!(found("web").unwrap(), "vpc-1");
        assert_eq!(found("vpc-1").unwrap(), "vpc-1", "an id wins over a name");
        assert_eq!(found("wbe").unwrap_err().to_string(), "there is no VPC `wbe`, did you mean `web`?");
        assert_eq!(found("other").unwrap_err().to_string(), "there is no VPC `other`");
        assert_eq!(
            found("twin").unwrap_err().to_string(),
            "there are several VPCs `twin`: say which by its id, vpc-2, vpc-3"
        );
    }

    #[test]
    fn values_of_one_filter_are_alternatives() {
        let query = filter_query(&[("vpcId", "a"), ("name", "x"), ("vpcId", "b")]);
        let words: Vec<_> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            words,
            [
                "filters.1.name=vpcId",
                "filters.1.values.1=a",
                "filters.1.values.2=b",
                "filters.2.name=name",
                "filters.2.values.1=x"
            ]
        );
    }
}
