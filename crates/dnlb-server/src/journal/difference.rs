//! What differs between two regions, resource by resource and field by field.

use dnlb_api::wire::journal::ChangedResource;
use dnlb_model::{Map, Region, changes};
use serde::Serialize;
use serde_json::{Map as Object, Value, json};

use crate::region_store::{with_identities, with_resources};

/// Fields that no record shows.
const SECRETS: &[&str] = &["password", "secret"];
/// Most bytes of a change's values; what is longer is told to be so.
const BYTES_MAX: usize = 16 << 10;

/// Everything that somebody changed. What follows from it, such as health and member sets, is not among it.
pub(super) fn changed_resources(old: &Region, new: &Region) -> Vec<ChangedResource> {
    let mut all = Vec::new();
    macro_rules! collect {
        ($($name:ident),*) => {$(
            collect(&mut all, kind(stringify!($name)), &old.$name, &new.$name);
        )*};
    }
    with_resources!(collect);
    with_identities!(collect);
    collect(&mut all, "account", &old.accounts, &new.accounts);
    all
}

/// The API's word for what a collection holds.
fn kind(collection: &str) -> &str {
    match collection {
        "access_keys" => "accessKey",
        "acls" => "networkAcl",
        "ags" => "availabilityGroup",
        "eips" => "elasticIp",
        "load_balancers" => "loadBalancer",
        "security_groups" => "networkSecurityGroup",
        "target_groups" => "targetGroup",
        "templates" => "instanceTemplate",
        other => other.trim_end_matches('s'),
    }
}

fn collect<K: Ord + std::fmt::Display, V: Serialize + PartialEq>(
    all: &mut Vec<ChangedResource>,
    kind: &str,
    old: &Map<K, V>,
    new: &Map<K, V>,
) {
    for (id, was, is) in changes(old, new) {
        let value = |object: Option<&std::sync::Arc<V>>| object.map_or(Value::Null, |it| shown(&**it));
        let (before, after) = differing(value(was), value(is));
        all.push(ChangedResource {
            resource_type: kind.to_owned(),
            resource_id: id.to_string(),
            before: bounded(before),
            after: bounded(after),
        });
    }
}

/// An object without its secrets.
fn shown(object: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(object).unwrap_or(Value::Null);
    if let Value::Object(fields) = &mut value {
        for (_, secret) in fields.iter_mut().filter(|(name, _)| SECRETS.contains(&name.as_str())) {
            // That it is another one is worth knowing, and a hash of it would tell too much.
            *secret = if secret.is_null() { Value::Null } else { "(secret)".into() };
        }
    }
    value
}

/// The fields that are not equal, at every depth. Something and nothing differ as a whole.
fn differing(before: Value, after: Value) -> (Value, Value) {
    match (before, after) {
        (Value::Object(before), Value::Object(mut after)) => {
            let (mut was, mut is) = (Object::new(), Object::new());
            for (name, old) in before {
                match after.remove(&name) {
                    None => {
                        was.insert(name, old);
                    }
                    Some(new) if new == old => {}
                    Some(new) => {
                        let (old, new) = differing(old, new);
                        was.insert(name.clone(), old);
                        is.insert(name, new);
                    }
                }
            }
            is.extend(after);
            (Value::Object(was), Value::Object(is))
        }
        other => other,
    }
}

fn bounded(value: Value) -> Value {
    let length = value.to_string().len();
    if length > BYTES_MAX { json!({ "tooLong": length }) } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let before = json!({"name": "a", "same": 1, "deep": {"x": 1, "y": 2}, "gone": true});
        let after = json!({"name": "b", "same": 1, "deep": {"x": 1, "y": 3}, "new": [1]});
        assert_eq!(
            differing(before.clone(), after),
            (
                json!({"name": "a", "deep": {"y": 2}, "gone": true}),
                json!({"name": "b", "deep": {"y": 3}, "new": [1]})
            )
        );
        assert_eq!(differing(before.clone(), Value::Null), (before, Value::Null));
    }

    #[test]
    fn what_is_too_long_is_told_to_be() {
        assert_eq!(bounded("x".repeat(BYTES_MAX).into()), json!({ "tooLong": BYTES_MAX + 2 }));
        assert_eq!(bounded(json!("x")), json!("x"));
    }
}
