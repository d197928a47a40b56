//! Lists: filters, tags, pages.

use std::ops::Range;

use dnlb_api::{
    ApiError,
    query::{Filter, Sort, SortBy},
};
use dnlb_model::{Map, Region, Tag};
use serde::Serialize;
use serde_json::Value;

use super::{Call, Outcome};

/// What a filter of that name lets through.
pub(super) type Filters<T> = &'static [(&'static str, fn(&Region, &T, &Filter) -> bool)];

/// A list of resources, oldest first unless a call asks for another order.
pub(super) struct List<'a, K, T: 'static> {
    /// Its key in the reply.
    pub key: &'static str,
    /// All resources of the kind.
    pub items: &'a Map<K, T>,
    /// What may be filtered by.
    pub filters: Filters<T>,
    /// Greater for what was made later: a sequence number, or the second, in which several may have been made.
    pub order: fn(&T) -> u64,
    /// Its name, if resources of the kind have one.
    pub name: Option<fn(&T) -> &str>,
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
        let Sort { by, descending } = call.query.sort()?;
        let found = self.matching(region, call)?;
        let range = page.range(found.len());
        let total = found.len();
        // Among equal ones the order of their ids decides.
        let places = found.into_iter().enumerate();
        let shown = match (by, self.name) {
            (SortBy::Name, None) => {
                return Err(ApiError::invalid("these resources have no names to sort by"));
            }
            (SortBy::Name, Some(name)) => {
                let place = |(id, item)| ((name(item), (self.order)(item), id), item);
                select(places.map(place).collect(), range, descending)
            }
            (SortBy::Created, _) => {
                let place = |(id, item)| (((self.order)(item), id), item);
                select(places.map(place).collect(), range, descending)
            }
        };
        let items: Vec<W> = shown.into_iter().map(|item| view(region, item)).collect();
        reply(self.key, &items, total)
    }

    /// All resources that the filters and tags of a call let through, in the order of their ids.
    fn matching(&self, region: &Region, call: &Call<'_>) -> Result<Vec<&T>, ApiError> {
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
        let found = self
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
            });
        Ok(found.collect())
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

/// The items of a range, in the order of their places, each of which is that of one item: what a page shows is sorted, not what there is.
fn select<P: Ord + Copy, T>(mut items: Vec<(P, T)>, range: Range<usize>, descending: bool) -> Vec<T> {
    let order = |one: &(P, T), other: &(P, T)| {
        if descending { other.0.cmp(&one.0) } else { one.0.cmp(&other.0) }
    };
    if range.end < items.len() {
        items.select_nth_unstable_by(range.end, order);
        items.truncate(range.end);
    }
    if 0 < range.start && range.start < items.len() {
        items.select_nth_unstable_by(range.start, order);
    }
    let mut page = items.split_off(range.start.min(items.len()));
    page.sort_unstable_by(order);
    page.into_iter().map(|(_, item)| item).collect()
}

/// `{"key": [..], "totalCount": n}`.
pub(super) fn reply<W: Serialize>(key: &str, items: &[W], total: usize) -> Outcome {
    let items = serde_json::to_value(items).map_err(|_| ApiError::internal())?;
    Ok(Value::Object(
        [(key.to_owned(), items), ("totalCount".to_owned(), total.into())].into_iter().collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_that_of_the_whole_list_in_its_order() {
        // Orders with ties, mixed up: multiples of a number that has nothing in common with 257.
        let items: Vec<_> = (0..257).map(|n| ((n * 100 % 257 / 3, n), n)).collect();
        for descending in [false, true] {
            let mut sorted = items.clone();
            sorted.sort();
            if descending {
                sorted.reverse();
            }
            let sorted: Vec<_> = sorted.into_iter().map(|(_, item)| item).collect();
            for range in [0..0, 0..1, 0..100, 99..199, 200..257, 256..257, 0..257] {
                assert_eq!(select(items.clone(), range.clone(), descending), &sorted[range]);
            }
        }
        assert!(select(Vec::<(u64, u8)>::new(), 0..0, false).is_empty());
    }
}
