//! Lists of what is remembered: records of changes, and events. They come from the store, not from the region.

use dnlb_api::{ApiError, Query, shape::Results, time, wire};
use dnlb_model::AccountId;
use dnlb_store::{Store, StoreError};
use serde_json::Value;
use wire::journal::{AuditRecord, Event};

use super::check;
use crate::journal::{self, Search};

/// Records of one reply, if nobody says.
const LIMIT: i64 = 100;

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Records {
    /// Who changed what.
    Audit,
    /// What happened by itself.
    Events,
}

pub(super) const AUDIT_RECORDS: Records = Records::Audit;
pub(super) const EVENTS: Records = Records::Events;

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// It was asked for wrongly.
    #[error(transparent)]
    Refused(#[from] ApiError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Records {
    /// The page that a query asks for, newest first: `beginTime` and `endTime`, `maxResults`, `nextToken` of the page before, and filters
    /// by `resourceId`, `resourceType`, and `userName` and `operation`, or `kind`.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub async fn list(
        self,
        store: &dyn Store,
        account: &AccountId,
        query: &Query,
    ) -> Result<Value, RecordsError> {
        let (search, filters) = self.search(query)?;
        let passes = |name: &str, values: &[&str]| {
            let mut of_name = filters.iter().filter(|filter| filter.name == name);
            of_name.all(|filter| values.iter().any(|value| filter.accepts(value)))
        };
        let (key, items, next) = match self {
            Self::Audit => {
                let wanted = |record: &AuditRecord| {
                    let of_changes = |field: fn(&wire::journal::ChangedResource) -> &str| {
                        record.changes.iter().map(field).collect::<Vec<_>>()
                    };
                    passes("resourceId", &of_changes(|change| &change.resource_id))
                        && passes("resourceType", &of_changes(|change| &change.resource_type))
                        && passes("userName", &[&record.user_name])
                        && passes("operation", &[&record.operation])
                };
                let (found, next) = journal::search(store, journal::AUDIT, account, &search, wanted).await?;
                ("auditRecords", serde_json::to_value(found), next)
            }
            Self::Events => {
                let wanted = |event: &Event| {
                    passes("resourceId", &[&event.resource_id])
                        && passes("resourceType", &[&event.resource_type])
                        && passes("kind", &[&event.kind])
                };
                let (found, next) = journal::search(store, journal::EVENTS, account, &search, wanted).await?;
                ("events", serde_json::to_value(found), next)
            }
        };
        let items = items.map_err(|_| ApiError::internal())?;
        // Without more to come the token is empty: the field is there always, as others are.
        Ok(serde_json::json!({ key: items, "nextToken": next.unwrap_or_default() }))
    }

    fn search(self, query: &Query) -> Result<(Search, Vec<dnlb_api::query::Filter>), ApiError> {
        let known: &[&str] = match self {
            Self::Audit => &["resourceId", "resourceType", "userName", "operation"],
            Self::Events => &["resourceId", "resourceType", "kind"],
        };
        let filters = query.filters()?;
        if let Some(other) = filters.iter().find(|filter| !known.contains(&filter.name.as_str())) {
            return Err(ApiError::invalid(format!(
                "there is no filter `{}` here: {}",
                check::shown(&other.name),
                known.join(", ")
            )));
        }
        let moment = |field: &str| -> Result<Option<u64>, ApiError> {
            let Some(text) = query.text(field) else { return Ok(None) };
            time::parse_iso(text).map(Some).ok_or_else(|| {
                ApiError::invalid(format!(
                    "{field} `{}` is not a time such as 2026-11-22T21:04:31Z",
                    check::shown(text)
                ))
            })
        };
        let limit =
            check::number("maxResults", query.integer("maxResults")?.unwrap_or(LIMIT), Results::RANGE)?;
        let token = query.text("nextToken").filter(|token| !token.is_empty()).map(str::to_owned);
        let strange = |token: &String| {
            token.len() > 100 || !token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if token.as_ref().is_some_and(strange) {
            return Err(ApiError::invalid("nextToken is none that a page has ended with"));
        }
        Ok((Search { begin: moment("beginTime")?, end: moment("endTime")?, token, limit }, filters))
    }
}
