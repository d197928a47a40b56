//! Lists: filters, tags, pages.

use dnlb_api::{ApiError, query::Filter};
use dnlb_model::{Map, Region, Tag};
use serde::Serialize;
use serde_json::Value;

use super::{Call, Outcome};

/// What a filter of that name lets through.
pub(super) type Filters<T> = &'static [(&'static str, fn(&Region, &T, &Filter) -> bool)];

/// A list of resources, oldest first.
pub(super) struct List<'a, K, T: 'static> {
    /// Its key in the reply.
    pub key: &'static str,
    /// All resources of the kind.
    pub items: &'a Map<K, T>,
    /// What may be filtered by.
    pub filters: Filters<T>,
    /// Greater for what was made later: a sequence number, or the second, in which several may have been made.
    pub order: fn(&T) -> u64,
    /// Its tags, if resources of the kind have any.
    pub tags: Option<fn(&T) -> &[Tag]>,
}

impl<K: Ord, T> List<'_, K, T> {
    /// The page that a call asks for.
    pub(super) fn reply<W: Serialize>(
        &self,
        region: &Region,
        call: &Call<'_>,
        view: impl Fn(&Region, &T) -> W,
    ) -> Outcome {
        let page = call.query.page()?;
        let found = self.matching(region, call)?;
        let total = found.len();
        let items: Vec<W> = page.of(found).into_iter().map(|item| view(region, item)).collect();
        reply(self.key, &items, total)
    }

    /// All resources that the filters and tags of a call let through.
    pub(super) fn matching(&self, region: &Region, call: &Call<'_>) -> Result<Vec<&T>, ApiError> {
        let mut conditions = Vec::new();
        for filter in call.query.filters()? {
            let Some((_, accepts)) = self.filters.iter().find(|(name, _)| *name == filter.name) else {
                let known: Vec<_> = self.filters.iter().map(|(name, _)| *name).collect();
                return Err(ApiError::invalid(format!(
                    "filter `{}` is not known: {}",
                    super::check::shown(&filter.name),
                    known.join(", ")
                )));
            };
            conditions.push((filter, accepts));
        }
        let tags = call.query.tags()?;
        let tags_of = match self.tags {
            None if !tags.is_empty() => {
                return Err(ApiError::invalid("these resources have no tags to filter by"));
            }
            tags_of => tags_of.unwrap_or(|_| &[]),
        };
        let mut found: Vec<&T> = self
            .items
            .values()
            .map(|item| &**item)
            .filter(|item| conditions.iter().all(|(filter, accepts)| accepts(region, item, filter)))
            .filter(|item| {
                tags.iter().all(|wanted| {
                    let value_fits =
                        |tag: &Tag| wanted.values.is_empty() || wanted.values.contains(&tag.value);
                    tags_of(item).iter().any(|tag| tag.key == wanted.key && value_fits(tag))
                })
            })
            .collect();
        found.sort_by_key(|item| (self.order)(item));
        Ok(found)
    }

    /// As [`Self::reply`], for resources of load balancers: without the filter `loadBalancerType` only those of
    /// the type `alb` are meant, of which we have none.
    pub(super) fn reply_dnlb<W: Serialize>(
        &self,
        region: &Region,
        call: &Call<'_>,
        view: impl Fn(&Region, &T) -> W,
    ) -> Outcome {
        let full = self.reply(region, call, view)?;
        if call.query.filters()?.iter().any(|filter| filter.name == "loadBalancerType") {
            return Ok(full);
        }
        reply::<()>(self.key, &[], 0)
    }
}

/// `{"key": [..], "totalCount": n}`.
pub(super) fn reply<W: Serialize>(key: &str, items: &[W], total: usize) -> Outcome {
    let items = serde_json::to_value(items).map_err(|_| ApiError::internal())?;
    Ok(Value::Object(
        [(key.to_owned(), items), ("totalCount".to_owned(), total.into())].into_iter().collect(),
    ))
}
