//! Models in the words of the wire, one module a service.
//!
//! The fields carry the wire format's names in snake case. Requests have an [`Option`] for whatever may be left
//! out; integers are wide, so that a number out of range gets an answer that says so. Fields that we know only
//! in order to refuse them are here, too: what cannot be honoured is never dropped in silence.
//!
//! What is said of a field here is what the API's document says of it, and `as` names its [shape](crate::shape).

pub mod ag;
pub mod dnlb;
pub mod identity;
pub mod journal;
pub mod lb;
pub mod vm;
pub mod vpc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::shape::*;

/// Declares models: camelCase on the wire, and what is none is left out.
macro_rules! models {
    ($($(#[$about:meta])+ $name:ident {
        $($(#[$attribute:meta])* $field:ident: $type:ty $(as $shape:literal)?,)*
        $(? $($(#[$other:meta])* $optional:ident: $inner:ty $(as $kind:literal)?,)*)?
    })*) => {$(
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        $(#[$about])+
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            $($(#[$attribute])* $(#[schemars(with = $shape)])? pub $field: $type,)*
            $($(
                $(#[$other])*
                $(#[schemars(with = $kind)])?
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $optional: Option<$inner>,
            )*)?
        }
    )*};
}
pub(crate) use models;

models! {
    /// A label that a resource carries.
    Tag {
        /// What it is about.
        key: String as "TagKey",
        /// What it says.
        value: String as "TagValue",
    }

    /// A key and a value of metadata or user data.
    KeyValue {
        /// The key.
        key: String,
        /// The value.
        value: String,
    }

    /// What a resource costs: nothing.
    Charge {
        /// Always `postpaid_by_duration`.
        charge_mode: String,
        /// Always `normal`.
        charge_status: String,
    }

    /// Rules to remove.
    RuleIds {
        /// Their ids.
        rule_ids: Vec<String>,
    }
}

impl Charge {
    /// What every resource says of its price.
    #[must_use]
    pub fn none() -> Self {
        Self { charge_mode: "postpaid_by_duration".into(), charge_status: "normal".into() }
    }
}

/// An object of which only the presence matters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Anything(pub Value);
