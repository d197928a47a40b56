//! Who changed what, and what happened by itself.

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::parse_pair;
use crate::{
    api::{Api, filter_query},
    print::{self, Format},
};

/// Which records.
#[derive(Args)]
pub(crate) struct Options {
    /// Only those with this value; the error for an unknown name lists those that there are
    #[arg(long = "filter", value_name = "NAME=VALUE", value_parser = parse_pair)]
    filters: Vec<(String, String)>,
    /// Not before this time, such as 2026-11-22T21:04:31Z
    #[arg(long)]
    begin: Option<String>,
    /// Before this time
    #[arg(long)]
    end: Option<String>,
    /// No more than so many, the newest
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

/// A list of records.
struct Records {
    path: &'static str,
    list: &'static str,
    /// Heading and JSON pointer of each column.
    columns: &'static [(&'static str, &'static str)],
}

const AUDIT: Records = Records {
    path: "auditRecords",
    list: "auditRecords",
    columns: &[
        ("TIME", "/time"),
        ("USER", "/userName"),
        ("OPERATION", "/operation"),
        ("OF", "/changed"),
        ("FROM", "/sourceAddress"),
        ("REQUEST", "/requestId"),
    ],
};

const EVENTS: Records = Records {
    path: "events",
    list: "events",
    columns: &[("TIME", "/time"), ("KIND", "/kind"), ("OF", "/resourceId"), ("WHAT", "/message")],
};

/// Most records of one reply.
const PAGE: usize = 1000;

pub(crate) fn audit(api: &Api, options: &Options, format: Format) -> Result<()> {
    show(api, &AUDIT, options, format)
}

pub(crate) fn events(api: &Api, options: &Options, format: Format) -> Result<()> {
    show(api, &EVENTS, options, format)
}

fn show(api: &Api, records: &Records, options: &Options, format: Format) -> Result<()> {
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    while found.len() < options.limit {
        let filters: Vec<_> =
            options.filters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut query = filter_query(&filters);
        let most = (options.limit - found.len()).min(PAGE);
        query.push(("maxResults".to_owned(), most.to_string()));
        for (name, value) in [("beginTime", &options.begin), ("endTime", &options.end), ("nextToken", &token)]
        {
            query.extend(value.iter().map(|value| (name.to_owned(), value.clone())));
        }
        let mut reply = api.call("dnlb", "GET", records.path, &query, None)?;
        found.extend(reply[records.list].as_array_mut().map(std::mem::take).unwrap_or_default());
        token = reply["nextToken"].as_str().filter(|token| !token.is_empty()).map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    if format != Format::Table {
        print::data(format, &Value::Array(found));
        return Ok(());
    }
    found.iter_mut().for_each(|record| record["changed"] = changed(record).into());
    print::table(records.columns, &found);
    Ok(())
}

/// The resources that a record is about, in one cell.
fn changed(record: &Value) -> String {
    let changes = record["changes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ids: Vec<_> = changes.iter().filter_map(|change| change["resourceId"].as_str()).collect();
    match ids.as_slice() {
        [first, _, _, rest @ ..] => format!("{first} and {} more", rest.len() + 2),
        few => few.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_of_many_changes_names_the_first() {
        let record = |ids: &[&str]| {
            let changes: Vec<_> = ids.iter().map(|id| json!({"resourceId": id})).collect();
            json!({"changes": changes})
        };
        assert_eq!(changed(&record(&["a", "b"])), "a, b");
        assert_eq!(changed(&record(&["a", "b", "c"])), "a and 2 more");
        assert_eq!(changed(&json!({})), "");
    }
}
