//! Users of an account.

use std::sync::Arc;

use dnlb_api::{ApiError, time, wire};
use dnlb_model::{Region, Role, User, UserId, remove_where};
use wire::identity::{ChangePassword, CreateUser, UpdateUser};

use super::{
    Call, DONE, Outcome, check, edit, find, fresh,
    list::{Filters, List},
    one, quota,
};
use crate::access::{By, password};

pub(super) const KIND: &str = "user";

pub(super) const FILTERS: Filters<User> = &[
    ("userName", |_, user, filter| filter.accepts(&user.name)),
    ("role", |_, user, filter| filter.accepts(role_word(user.role))),
];

pub(super) fn create(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: CreateUser = call.body()?;
    let name = check::name("userName", spec.user_name)?;
    unused_name(region, &name, None)?;
    quota::within(region.users.len(), 1, call.quotas.users, "users of the account")?;
    let id: UserId = fresh(UserId::PREFIX, |id| call.whole.users.contains_key(id));
    let user = User {
        id: id.clone(),
        account: call.caller.account.clone(),
        name,
        description: check::description(spec.description)?,
        role: role(&spec.role)?,
        password: spec.password.as_deref().map(password::hash).transpose()?,
        enabled: true,
        created: call.now,
    };
    region.users.insert(id.clone(), Arc::new(user));
    one("userId", id)
}

pub(super) fn update(region: &mut Region, call: &Call<'_>) -> Outcome {
    let change: UpdateUser = call.body()?;
    let id: UserId = call.id();
    find(&region.users, KIND, &id)?;
    if let Some(name) = &change.user_name {
        unused_name(region, name, Some(&id))?;
    }
    let ends_sessions = change.password.is_some() || change.enabled == Some(false);
    let user = edit(&mut region.users, KIND, &id)?;
    if let Some(name) = change.user_name {
        user.name = check::name("userName", name)?;
    }
    if change.description.is_some() {
        user.description = check::description(change.description)?;
    }
    if let Some(word) = &change.role {
        user.role = role(word)?;
    }
    if let Some(enabled) = change.enabled {
        user.enabled = enabled;
    }
    if let Some(password) = &change.password {
        user.password = Some(password::hash(password)?);
    }
    if ends_sessions {
        remove_where(&mut region.sessions, |_, session| session.user == id);
    }
    keep_an_admin(region)?;
    DONE
}

/// Its keys and sessions go with it.
pub(super) fn delete(region: &mut Region, call: &Call<'_>) -> Outcome {
    let id: UserId = call.id();
    find(&region.users, KIND, &id)?;
    region.users.remove(&id);
    remove_where(&mut region.access_keys, |_, key| key.user == id);
    remove_where(&mut region.sessions, |_, session| session.user == id);
    keep_an_admin(region)?;
    DONE
}

/// One's own; the other sessions end.
pub(super) fn change_password(region: &mut Region, call: &Call<'_>) -> Outcome {
    let change: ChangePassword = call.body()?;
    let id: UserId = call.id();
    let user = find(&region.users, KIND, &id)?;
    if id != call.caller.user {
        return Err(ApiError::forbidden(
            "changePassword is for one's own; an administrator sets another's by UpdateUser",
        ));
    }
    if !password::verify(&change.old_password, user.password.as_ref()) {
        return Err(ApiError::invalid("oldPassword is not the user's password"));
    }
    let hash = password::hash(&change.new_password)?;
    edit(&mut region.users, KIND, &id)?.password = Some(hash);
    let this = match &call.caller.by {
        By::Session(session) => Some(session),
        By::Key(_) => None,
    };
    remove_where(&mut region.sessions, |session_id, session| session.user == id && Some(session_id) != this);
    DONE
}

pub(super) fn describe(region: &Region, call: &Call<'_>) -> Outcome {
    one("user", view(region, find(&region.users, KIND, &call.id())?))
}

pub(super) fn list(region: &Region, call: &Call<'_>) -> Outcome {
    List {
        key: "users",
        items: &region.users,
        filters: FILTERS,
        order: |user| user.created,
        name: Some(|user| &user.name),
        tags: None,
    }
    .reply(region, call, view)
}

/// Nobody could undo what left an account without one.
fn keep_an_admin(region: &Region) -> Result<(), ApiError> {
    if region.users.values().any(|user| user.enabled && user.role == Role::Admin) {
        return Ok(());
    }
    Err(ApiError::precondition("an account has at least one enabled user with role Admin"))
}

fn unused_name(region: &Region, name: &str, but: Option<&UserId>) -> Result<(), ApiError> {
    match region.users.values().find(|user| user.name == name && Some(&user.id) != but) {
        Some(user) => Err(ApiError::taken(format!("user {} is called `{}`", user.id, check::shown(name)))),
        None => Ok(()),
    }
}

fn role(word: &str) -> Result<Role, ApiError> {
    [Role::Viewer, Role::Operator, Role::Admin].into_iter().find(|role| role_word(*role) == word).ok_or_else(
        || ApiError::invalid(format!("role `{}` is none of Viewer, Operator, Admin", check::shown(word))),
    )
}

/// The API's word for a role.
pub(super) const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "Viewer",
        Role::Operator => "Operator",
        Role::Admin => "Admin",
    }
}

fn view(_: &Region, user: &User) -> wire::identity::User {
    wire::identity::User {
        user_id: user.id.0.clone(),
        user_name: user.name.clone(),
        account_id: user.account.0.clone(),
        description: user.description.clone(),
        role: role_word(user.role).to_owned(),
        enabled: user.enabled,
        has_password: user.password.is_some(),
        created_time: time::iso(user.created),
    }
}
