//! What the API's document says of operations beside their paths: one module a service.
//!
//! Kept apart from the table of operations, whose rows would not fit a line any more. A test in [`crate::openapi`]
//! finds rows without a description and descriptions without a row.

mod ag;
mod dnlb;
mod lb;
mod vm;
mod vpc;

use dnlb_api::shape::{PageNumber, PageSize, Results, SortWord};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::list::Filters;

/// How the schema of a type is made.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// How many filters, tags and values of an array the document names; clients count on from there.
const NUMBERED: u32 = 2;

/// What the document says of an operation.
pub(crate) struct Description {
    /// The operation's name.
    pub(crate) name: &'static str,
    /// A line.
    pub(crate) summary: &'static str,
    /// What else there is to know.
    pub(crate) details: &'static str,
    /// Parameters of its query.
    pub(crate) query: Vec<Parameter>,
    /// Its body.
    pub(crate) body: Option<SchemaOf>,
    /// Keys of its result.
    pub(crate) result: Vec<(&'static str, SchemaOf)>,
}

/// A parameter of a query.
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) about: String,
    /// What it may be.
    pub(crate) schema: Schema,
    /// Whether it must be there.
    pub(crate) required: bool,
}

/// The descriptions of a service's operations.
pub(crate) fn service(name: &str) -> Vec<Description> {
    match name {
        "ag" => ag::operations(),
        "dnlb" => dnlb::operations(),
        "lb" => lb::operations(),
        "vm" => vm::operations(),
        "vpc" => vpc::operations(),
        _ => Vec::new(),
    }
}

/// The names of a list's filters.
fn names<T>(filters: Filters<T>) -> Vec<&'static str> {
    filters.iter().map(|(name, _)| *name).collect()
}

/// Begins a description.
fn operation(name: &'static str, summary: &'static str) -> Description {
    Description { name, summary, details: "", query: Vec::new(), body: None, result: Vec::new() }
}

impl Description {
    fn details(mut self, details: &'static str) -> Self {
        self.details = details;
        self
    }

    fn body<T: JsonSchema>(mut self) -> Self {
        self.body = Some(SchemaGenerator::subschema_for::<T>);
        self
    }

    fn gives<T: JsonSchema>(mut self, key: &'static str) -> Self {
        self.result.push((key, SchemaGenerator::subschema_for::<T>));
        self
    }

    /// All items of a list.
    fn gives_all<T: JsonSchema>(self, key: &'static str) -> Self {
        self.gives::<Vec<T>>(key).gives::<u64>("totalCount")
    }

    /// A page of a list.
    fn gives_page<T: JsonSchema>(self, key: &'static str) -> Self {
        self.parameter::<PageNumber>(
            "pageNumber",
            "Page, from 1. Past the end, the last one is given. Default 1.",
        )
        .parameter::<PageSize>("pageSize", "Items of a page. Default 20.")
        .parameter::<SortWord>("sort", "Order of the list. Default `createdTime`.")
        .gives_all::<T>(key)
    }

    /// A list of records, newest first.
    fn records<T: JsonSchema>(self, key: &'static str, filters: &[&str]) -> Self {
        self.parameter::<String>("beginTime", "From this time on, such as 2026-11-22T21:04:31Z.")
            .parameter::<String>("endTime", "Before this time.")
            .parameter::<Results>("maxResults", "Records of the reply at most. Default 100.")
            .parameter::<String>("nextToken", "Where the former reply has ended, if it said so.")
            .filters(filters)
            .gives::<Vec<T>>(key)
            .gives::<String>("nextToken")
    }

    fn parameter<T: JsonSchema>(self, name: &str, about: &str) -> Self {
        self.with(name.to_owned(), about.to_owned(), inline::<T>())
    }

    fn required<T: JsonSchema>(self, name: &str, about: &str) -> Self {
        let mut described = self.parameter::<T>(name, about);
        if let Some(last) = described.query.last_mut() {
            last.required = true;
        }
        described
    }

    /// A plain array: `ids.1`, `ids.2`.
    fn array(mut self, name: &str, about: &str) -> Self {
        for number in 1..=NUMBERED {
            let text = format!("{about} Further ones are numbered on.");
            self = self.with(format!("{name}.{number}"), text, inline::<String>());
        }
        self
    }

    /// Filters by name; values of one filter are alternatives, filters must all fit.
    fn filters(mut self, names: &[&str]) -> Self {
        let name = json_schema!({ "type": "string", "enum": names });
        let operator = json_schema!({ "type": "string", "enum": ["eq", "in", "like"] });
        for number in 1..=NUMBERED {
            let prefix = format!("filters.{number}");
            let all = "All filters must let a resource through; further ones are numbered on.";
            self = self
                .with(format!("{prefix}.name"), format!("By what to filter. {all}"), name.clone())
                .with(
                    format!("{prefix}.operator"),
                    "`eq`, the default, and `in`: one of the values. `like`: a part of it, too.".to_owned(),
                    operator.clone(),
                )
                .with(
                    format!("{prefix}.values.1"),
                    format!("A value of the filter; alternatives are `{prefix}.values.2` and so on. Needs `{prefix}.name`."),
                    inline::<String>(),
                );
        }
        self
    }

    /// Filters by tags.
    fn tags(mut self) -> Self {
        for number in 1..=NUMBERED {
            let prefix = format!("tags.{number}");
            self = self
                .with(
                    format!("{prefix}.key"),
                    "Key of a tag that resources must have. Further ones are numbered on.".to_owned(),
                    inline::<String>(),
                )
                .with(
                    format!("{prefix}.values.1"),
                    format!("A value that the tag may have; alternatives are `{prefix}.values.2` and so on. Needs `{prefix}.key`."),
                    inline::<String>(),
                );
        }
        self
    }

    fn with(mut self, name: String, about: String, schema: Schema) -> Self {
        self.query.push(Parameter { name, about, schema, required: false });
        self
    }
}

/// The schema of a type that stands for itself.
fn inline<T: JsonSchema>() -> Schema {
    T::json_schema(&mut SchemaGenerator::default())
}
