//! Models in the words of the wire, one module a service.
//!
//! The fields carry the wire format's names in snake case. Requests have an [`Option`] for whatever may be left
//! out; integers are wide, so that a number out of range gets an answer that says so. Fields that we know only
//! in order to refuse them are here, too: what cannot be honoured is never dropped in silence.
#![expect(missing_docs, reason = "a field means what the wire format's document says of its name")]

pub mod ag;
pub mod dnlb;
pub mod identity;
pub mod journal;
pub mod lb;
pub mod vm;
pub mod vpc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Declares models: camelCase on the wire, and what is none is left out.
macro_rules! models {
    ($($(#[doc = $doc:literal])+ $name:ident {
        $($(#[$attribute:meta])* $field:ident: $type:ty,)*
        $(? $($(#[$other:meta])* $optional:ident: $inner:ty,)*)?
    })*) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            $($(#[$attribute])* pub $field: $type,)*
            $($(
                $(#[$other])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $optional: Option<$inner>,
            )*)?
        }
    )*};
}
pub(crate) use models;

models! {
    /// A tag.
    Tag { key: String, value: String, }

    /// A key and a value of metadata or user data.
    KeyValue { key: String, value: String, }

    /// What a resource costs: nothing.
    Charge { charge_mode: String, charge_status: String, }

    /// Names or ids of rules to remove.
    RuleIds { rule_ids: Vec<String>, }
}

impl Charge {
    /// What every resource says of its price.
    #[must_use]
    pub fn none() -> Self {
        Self { charge_mode: "postpaid_by_duration".into(), charge_status: "normal".into() }
    }
}

/// An object of which only the presence matters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Anything(pub Value);
