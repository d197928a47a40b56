//! Access keys: one's own, and for an administrator those of all users of the account.

use std::sync::Arc;

use dnlb_api::{ApiError, shape::Grace, time, wire};
use dnlb_model::{AccessKey, AccessKeyId, Region, Role, Secret, UserId};
use wire::identity::{AccessKeyCreated, CreateAccessKey, RotateAccessKey, UpdateAccessKey};

use super::{
    Call, DONE, Outcome, check, edit, find,
    list::{Filters, List},
    object, quota, user,
};
use crate::access::{Caller, bootstrap::new_key};

const KIND: &str = "access key";

/// Seconds for which a rotated key counts beside its successor, if nobody says.
const GRACE_SECONDS: i64 = 86_400;

pub(super) const FILTERS: Filters<AccessKey> =
    &[("userId", |_, key, filter| filter.accepts(key.user.as_str()))];

pub(super) fn create(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: CreateAccessKey = call.body()?;
    let user = spec.user_id.map_or_else(|| call.caller.user.clone(), UserId);
    find(&region.users, user::KIND, &user)?;
    own(call.caller, &user)?;
    within(region, &user, call)?;
    let description = check::description(spec.description)?;
    let (id, secret_key) = add(region, &user, description, call.now)?;
    object(AccessKeyCreated { access_key_id: id.0, secret_key })
}

/// A new key of a user.
pub(super) fn add(
    region: &mut Region,
    user: &UserId,
    description: String,
    now: u64,
) -> Result<(AccessKeyId, String), ApiError> {
    let account = find(&region.users, user::KIND, user)?.account.clone();
    let (id, secret) = new_key();
    let id = AccessKeyId(id);
    let key = AccessKey {
        id: id.clone(),
        account,
        user: user.clone(),
        secret: Secret(secret.clone()),
        description,
        enabled: true,
        expires: None,
        created: now,
    };
    region.access_keys.insert(id.clone(), Arc::new(key));
    Ok((id, secret))
}

pub(super) fn update(region: &mut Region, call: &Call<'_>) -> Outcome {
    let change: UpdateAccessKey = call.body()?;
    let id = existing(region, call)?;
    let key = edit(&mut region.access_keys, KIND, &id)?;
    if change.description.is_some() {
        key.description = check::description(change.description)?;
    }
    if let Some(enabled) = change.enabled {
        key.enabled = enabled;
    }
    DONE
}

pub(super) fn delete(region: &mut Region, call: &Call<'_>) -> Outcome {
    let id = existing(region, call)?;
    region.access_keys.remove(&id);
    DONE
}

/// A new key in the place of an old one, which counts for a while yet: until every program has the new one.
pub(super) fn rotate(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: RotateAccessKey = call.body()?;
    let grace = spec.grace_seconds.unwrap_or(GRACE_SECONDS);
    let grace: u64 = check::number("graceSeconds", grace, Grace::RANGE)?;
    let id = existing(region, call)?;
    let old = edit(&mut region.access_keys, KIND, &id)?;
    let until = call.now + grace;
    old.expires = Some(old.expires.map_or(until, |already| already.min(until)));
    let (user, description) = (old.user.clone(), old.description.clone());
    within(region, &user, call)?;
    let (id, secret_key) = add(region, &user, description, call.now)?;
    object(AccessKeyCreated { access_key_id: id.0, secret_key })
}

pub(super) fn list(region: &Region, call: &Call<'_>) -> Outcome {
    let mut items = region.access_keys.clone();
    dnlb_model::remove_where(&mut items, |_, key| own(call.caller, &key.user).is_err());
    let (key, filters) = ("accessKeys", FILTERS);
    List { key, items: &items, filters, order: |key| key.created, name: None, tags: None }
        .reply(region, call, view)
}

/// The key in the path, if the caller may change it.
fn existing(region: &Region, call: &Call<'_>) -> Result<AccessKeyId, ApiError> {
    let id: AccessKeyId = call.id();
    let key = find(&region.access_keys, KIND, &id)?;
    // To who may not change it, it is not there.
    own(call.caller, &key.user).map_err(|_| ApiError::not_found(KIND, &id))?;
    Ok(id)
}

fn own(caller: &Caller, user: &UserId) -> Result<(), ApiError> {
    if caller.user == *user || caller.may(Role::Admin) {
        return Ok(());
    }
    Err(ApiError::forbidden("access keys of other users are for administrators"))
}

fn within(region: &Region, user: &UserId, call: &Call<'_>) -> Result<(), ApiError> {
    let past = |key: &AccessKey| key.expires.is_some_and(|expires| expires <= call.now);
    let have = region.access_keys.values().filter(|key| key.user == *user && !past(key)).count();
    quota::within(have, 1, call.quotas.access_keys, "access keys of the user")
}

fn view(region: &Region, key: &AccessKey) -> wire::identity::AccessKey {
    wire::identity::AccessKey {
        access_key_id: key.id.0.clone(),
        user_id: key.user.0.clone(),
        user_name: region.users.get(&key.user).map(|user| user.name.clone()).unwrap_or_default(),
        description: key.description.clone(),
        enabled: key.enabled,
        created_time: time::iso(key.created),
        expires_time: key.expires.map(time::iso),
    }
}
