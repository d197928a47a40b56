//! Parameters of a query: plain ones, numbered arrays, filters, tags, pages.

use std::{collections::BTreeMap, net::IpAddr, ops::Range};

use crate::{
    ApiError,
    shape::{PageNumber, PageSize, SortWord},
    signature::encoding::unquote_plus,
};

/// A decoded query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    values: BTreeMap<String, String>,
}

/// A condition on a list: the values are alternatives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Name.
    pub name: String,
    /// Whether a value matches as a part, too (`like`).
    pub like: bool,
    /// Alternatives.
    pub values: Vec<String>,
}

impl Filter {
    /// Whether a text is one of the values, or with `like` contains one.
    #[must_use]
    pub fn accepts(&self, text: &str) -> bool {
        if self.like { self.accepts_part(text) } else { self.values.iter().any(|value| value == text) }
    }

    /// Whether an address is one of the values, however they are written.
    #[must_use]
    pub fn accepts_address(&self, addr: IpAddr) -> bool {
        self.values.iter().any(|value| value.parse() == Ok(addr)) || self.accepts(&addr.to_string())
    }

    /// Whether a text contains one of the values.
    #[must_use]
    pub fn accepts_part(&self, text: &str) -> bool {
        self.values.iter().any(|value| text.contains(value.as_str()))
    }
}

/// A condition on the tags of a resource: the key must be there, with one of the values if any are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagFilter {
    /// Key.
    pub key: String,
    /// Alternatives.
    pub values: Vec<String>,
}

/// A page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// From 1.
    pub number: usize,
    /// 10 to 100.
    pub size: usize,
}

impl Page {
    /// The items of this page; past the end, those of the last one.
    #[must_use]
    pub fn of<T>(self, items: Vec<T>) -> Vec<T> {
        let range = self.range(items.len());
        items.into_iter().skip(range.start).take(range.len()).collect()
    }

    /// Which of so many items are those of this page; past the end, those of the last one.
    #[must_use]
    pub fn range(self, items: usize) -> Range<usize> {
        let last = items.div_ceil(self.size).max(1);
        let first = (self.number.min(last) - 1) * self.size;
        first..(first + self.size).min(items)
    }
}

/// In which order a list is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub by: SortBy,
    /// Last first.
    pub descending: bool,
}

/// What lists are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortBy {
    /// When it was made.
    Created,
    /// Its name, and what has the same name by when it was made.
    Name,
}

impl Query {
    /// Reads a raw query as it is on the wire. Of a repeated name the last value counts.
    #[must_use]
    pub fn parse(raw: &str) -> Self {
        let values = raw
            .split('&')
            .filter(|part| !part.is_empty())
            .map(|part| part.split_once('=').unwrap_or((part, "")))
            .map(|(name, value)| (unquote_plus(name), unquote_plus(value)))
            .collect();
        Self { values }
    }

    /// A parameter; an empty one counts as absent.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A whole number.
    ///
    /// # Errors
    /// 400 if it is none.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let parse = |text: &str| {
            text.parse().map_err(|_| ApiError::invalid(format!("{name} `{text}` is not a whole number")))
        };
        self.text(name).map(parse).transpose()
    }

    /// A boolean: `true` or `True`, `false` or `False`.
    ///
    /// # Errors
    /// 400 if it is none of these.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.text(name) {
            None => Ok(None),
            Some("true" | "True") => Ok(Some(true)),
            Some("false" | "False") => Ok(Some(false)),
            Some(other) => Err(ApiError::invalid(format!("{name} `{other}` is neither true nor false"))),
        }
    }

    /// An array, `name.1=..&name.2=..`, in the order of its indexes.
    #[must_use]
    pub fn array<'a>(&'a self, name: &str) -> Vec<&'a str> {
        let mut found: Vec<(u32, &str)> = self
            .below(name)
            .filter_map(|(index, rest, value)| rest.is_empty().then_some((index, value)))
            .collect();
        found.sort_unstable_by_key(|(index, _)| *index);
        found.into_iter().map(|(_, value)| value).collect()
    }

    /// `filters.1.name=..&filters.1.values.1=..`. A filter without values is ignored, as unset.
    ///
    /// # Errors
    /// 400 for a filter without a name or with an unknown operator.
    pub fn filters(&self) -> Result<Vec<Filter>, ApiError> {
        let mut filters = Vec::new();
        for (prefix, index) in self.indexes("filters") {
            let name = self
                .text(&format!("{prefix}.name"))
                .ok_or_else(|| ApiError::invalid(format!("filters.{index} has no name")))?;
            let like = match self.text(&format!("{prefix}.operator")) {
                None | Some("eq" | "in") => false,
                Some("like") => true,
                Some(other) => {
                    return Err(ApiError::invalid(format!(
                        "filter {name}: unknown operator `{other}`: eq or like"
                    )));
                }
            };
            let values: Vec<String> =
                self.array(&format!("{prefix}.values")).into_iter().map(str::to_owned).collect();
            if !values.is_empty() {
                filters.push(Filter { name: name.to_owned(), like, values });
            }
        }
        Ok(filters)
    }

    /// `tags.1.key=..&tags.1.values.1=..`.
    ///
    /// # Errors
    /// 400 for a tag without a key.
    pub fn tags(&self) -> Result<Vec<TagFilter>, ApiError> {
        self.indexes("tags")
            .map(|(prefix, index)| {
                let key = self
                    .text(&format!("{prefix}.key"))
                    .ok_or_else(|| ApiError::invalid(format!("tags.{index} has no key")))?;
                let values = self.array(&format!("{prefix}.values")).into_iter().map(str::to_owned).collect();
                Ok(TagFilter { key: key.to_owned(), values })
            })
            .collect()
    }

    /// `pageNumber` and `pageSize`.
    ///
    /// # Errors
    /// 400 if one is out of its range.
    pub fn page(&self) -> Result<Page, ApiError> {
        let number = self.integer("pageNumber")?.unwrap_or(1);
        let size = self.integer("pageSize")?.unwrap_or(20);
        if !PageNumber::RANGE.contains(&number) {
            return Err(ApiError::invalid(format!("pageNumber {number} is out of range: 1 and up")));
        }
        if !PageSize::RANGE.contains(&size) {
            return Err(ApiError::invalid(format!("pageSize {size} is out of range: 10 to 100")));
        }
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        Ok(Page { number, size: usize::try_from(size).unwrap_or(100) })
    }

    /// `sort`: `createdTime`, which is the usual order, or `name`; with `-` before it, last first. An addition of ours.
    ///
    /// # Errors
    /// 400 if it is none of these.
    pub fn sort(&self) -> Result<Sort, ApiError> {
        let (by, descending) = match self.text("sort") {
            None | Some("createdTime") => (SortBy::Created, false),
            Some("-createdTime") => (SortBy::Created, true),
            Some("name") => (SortBy::Name, false),
            Some("-name") => (SortBy::Name, true),
            Some(_) => {
                return Err(ApiError::invalid(format!("sort is none of {}", SortWord::WORDS.join(", "))));
            }
        };
        Ok(Sort { by, descending })
    }

    /// Parameters `name.INDEX` and `name.INDEX.REST`: index, rest, value.
    fn below<'a>(&'a self, name: &str) -> impl Iterator<Item = (u32, &'a str, &'a str)> {
        self.values.iter().filter_map(move |(key, value)| {
            let rest = key.strip_prefix(name)?.strip_prefix('.')?;
            let (index, rest) = rest.split_once('.').unwrap_or((rest, ""));
            Some((index.parse().ok()?, rest, value.as_str()))
        })
    }

    /// The distinct indexes below a name, in order, with what their parameters begin with.
    fn indexes(&self, name: &str) -> impl Iterator<Item = (String, u32)> {
        let found: std::collections::BTreeSet<u32> = self.below(name).map(|(index, ..)| index).collect();
        let name = name.to_owned();
        found.into_iter().map(move |index| (format!("{name}.{index}"), index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_and_tags_of_the_python_client() {
        let query = Query::parse(
            "pageNumber=1&pageSize=10&filters.1.name=loadBalancerType&filters.1.values.1=dnlb\
             &filters.2.name=loadBalancerNames&filters.2.values.1=%E5%90%8D%20%E7%A7%B0\
             &filters.2.values.2=a%2Bb~c%2Ad&filters.2.values.3=x%2Fy&tags.1.key=env&tags.1.values.1=t",
        );
        let filters = query.filters().unwrap();
        assert_eq!(filters.len(), 2);
        assert_eq!(
            (filters[0].name.as_str(), filters[0].values.as_slice()),
            ("loadBalancerType", &["dnlb".to_owned()][..])
        );
        assert_eq!(filters[1].values, ["名 称", "a+b~c*d", "x/y"]);
        assert_eq!(query.tags().unwrap(), [TagFilter { key: "env".into(), values: vec!["t".into()] }]);
        assert_eq!(query.page().unwrap(), Page { number: 1, size: 10 });
    }

    #[test]
    fn arrays_go_by_index_not_by_name() {
        let query = Query::parse("ids.10=c&ids.2=b&ids.1=a&ids.x=no&id.1=no");
        assert_eq!(query.array("ids"), ["a", "b", "c"]);
    }

    #[test]
    fn booleans_of_both_kinds_of_clients() {
        let query = Query::parse("a=True&b=false&c=&d=1");
        assert_eq!(query.boolean("a").unwrap(), Some(true));
        assert_eq!(query.boolean("b").unwrap(), Some(false));
        assert_eq!(query.boolean("c").unwrap(), None);
        assert_eq!(query.boolean("d").unwrap_err().code, 400);
    }

    #[test]
    fn lists_are_sorted_by_known_words() {
        let sort = |text: &str| Query::parse(text).sort();
        assert_eq!(sort("").unwrap(), Sort { by: SortBy::Created, descending: false });
        assert_eq!(sort("sort=-name").unwrap(), Sort { by: SortBy::Name, descending: true });
        assert_eq!(sort("sort=size").unwrap_err().code, 400);
        for word in SortWord::WORDS {
            assert!(sort(&format!("sort={word}")).is_ok(), "{word}");
        }
    }

    #[test]
    fn pages_out_of_range_are_refused_and_past_the_end_is_the_last() {
        for bad in ["pageSize=9", "pageSize=101", "pageNumber=0", "pageNumber=x"] {
            assert_eq!(Query::parse(bad).page().unwrap_err().code, 400, "{bad}");
        }
        let page = |number| Page { number, size: 10 }.of((0..25).collect::<Vec<_>>());
        assert_eq!(page(2), (10..20).collect::<Vec<_>>());
        assert_eq!(page(3), (20..25).collect::<Vec<_>>());
        assert_eq!(page(99), page(3));
        assert!(Page { number: 7, size: 10 }.of(Vec::<u8>::new()).is_empty());
    }

    #[test]
    fn a_filter_without_a_name_is_refused() {
        assert_eq!(Query::parse("filters.1.values.1=x").filters().unwrap_err().code, 400);
        assert_eq!(Query::parse("filters.1.name=a").filters().unwrap(), []);
    }
}
