//! Accounts: for who operates the region.

use std::sync::Arc;

use dnlb_api::{ApiError, time, wire};
use dnlb_model::{AccessKeyId, Account, AccountId, Region, Role, User, UserId, remove_where};
use wire::identity::{AccountCreated, CreateAccount, UpdateAccount};

use super::{
    Call, DONE, Outcome, access_key, check, edit, find, fresh,
    list::{Filters, List},
    one, quota, user,
};
use crate::access::password;

pub(super) const KIND: &str = "account";

pub(super) const FILTERS: Filters<Account> =
    &[("accountName", |_, account, filter| filter.accepts(&account.name))];

/// An account with an administrator and its first key, so that somebody can begin.
pub(super) fn create(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: CreateAccount = call.body()?;
    let name = check::name("accountName", spec.account_name)?;
    unused_name(region, &name, None)?;
    let admin = check::name("adminName", spec.admin_name.unwrap_or_else(|| "admin".to_owned()))?;
    let password = spec.admin_password.as_deref().map(password::hash).transpose()?;
    quota::within(region.accounts.len(), 1, call.quotas.accounts, "accounts of the region")?;
    let id: AccountId = fresh(AccountId::PREFIX, |id| region.accounts.contains_key(id));
    let account = Account {
        id: id.clone(),
        name,
        description: check::description(spec.description)?,
        enabled: true,
        created: call.now,
    };
    let user = User {
        id: fresh(UserId::PREFIX, |id| region.users.contains_key(id)),
        account: id.clone(),
        name: admin,
        description: String::new(),
        role: Role::Admin,
        password,
        enabled: true,
        created: call.now,
    };
    let user_id = user.id.clone();
    region.accounts.insert(id.clone(), Arc::new(account));
    region.users.insert(user_id.clone(), Arc::new(user));
    let (AccessKeyId(access_key_id), secret_key) =
        access_key::add(region, &user_id, String::new(), call.now)?;
    let (account_id, user_id) = (id.0, user_id.0);
    super::object(AccountCreated { account_id, user_id, access_key_id, secret_key })
}

pub(super) fn update(region: &mut Region, call: &Call<'_>) -> Outcome {
    let change: UpdateAccount = call.body()?;
    let id: AccountId = call.id();
    find(&region.accounts, KIND, &id)?;
    if id.is_operating() && change.enabled == Some(false) {
        return Err(ApiError::precondition("the account that operates the region cannot be disabled"));
    }
    if let Some(name) = &change.account_name {
        unused_name(region, name, Some(&id))?;
    }
    let account = edit(&mut region.accounts, KIND, &id)?;
    if let Some(name) = change.account_name {
        account.name = check::name("accountName", name)?;
    }
    if change.description.is_some() {
        account.description = check::description(change.description)?;
    }
    if let Some(enabled) = change.enabled {
        account.enabled = enabled;
    }
    DONE
}

/// Its users, keys and sessions go with it; resources keep it.
pub(super) fn delete(region: &mut Region, call: &Call<'_>) -> Outcome {
    let id: AccountId = call.id();
    find(&region.accounts, KIND, &id)?;
    if id.is_operating() {
        return Err(ApiError::precondition("the account that operates the region cannot be deleted"));
    }
    let count = owned(region, &id).count();
    if let Some(first) = owned(region, &id).next() {
        return Err(ApiError::precondition(format!(
            "account {id} is in use by {count} resources, {first} among them: delete them first"
        )));
    }
    region.accounts.remove(&id);
    remove_where(&mut region.users, |_, user| user.account == id);
    remove_where(&mut region.access_keys, |_, key| key.account == id);
    remove_where(&mut region.sessions, |_, session| session.account == id);
    DONE
}

/// With counts, for which everything that has an owner is looked through: too much for each account of a list.
pub(super) fn describe(region: &Region, call: &Call<'_>) -> Outcome {
    let account = find(&region.accounts, KIND, &call.id())?;
    let users = region.users.values().filter(|user| user.account == account.id).count();
    let resources = owned(region, &account.id).count();
    let counted = wire::identity::Account {
        user_count: Some(users as u64),
        resource_count: Some(resources as u64),
        ..view(region, account)
    };
    one("account", counted)
}

pub(super) fn list(region: &Region, call: &Call<'_>) -> Outcome {
    List {
        key: "accounts",
        items: &region.accounts,
        filters: FILTERS,
        order: |account| account.created,
        name: Some(|account| &account.name),
        tags: None,
    }
    .reply(region, call, view)
}

/// Names of what belongs to an account.
fn owned<'a>(region: &'a Region, id: &'a AccountId) -> impl Iterator<Item = &'a str> {
    region.owners.iter().filter(move |(_, owner)| ***owner == *id).map(|(resource, _)| resource.as_str())
}

fn unused_name(region: &Region, name: &str, but: Option<&AccountId>) -> Result<(), ApiError> {
    match region.accounts.values().find(|account| account.name == name && Some(&account.id) != but) {
        Some(_) => Err(ApiError::taken(format!("there is an account `{}`", check::shown(name)))),
        None => Ok(()),
    }
}

fn view(_: &Region, account: &Account) -> wire::identity::Account {
    wire::identity::Account {
        account_id: account.id.0.clone(),
        account_name: account.name.clone(),
        description: account.description.clone(),
        enabled: account.enabled,
        created_time: time::iso(account.created),
        user_count: None,
        resource_count: None,
    }
}

/// Who calls, in the API's words.
pub(super) fn caller_view(region: &Region, id: &UserId) -> Result<wire::identity::Caller, ApiError> {
    let user = find(&region.users, user::KIND, id)?;
    let account = find(&region.accounts, KIND, &user.account)?;
    Ok(wire::identity::Caller {
        account_id: account.id.0.clone(),
        account_name: account.name.clone(),
        user_id: user.id.0.clone(),
        user_name: user.name.clone(),
        role: user::role_word(user.role).to_owned(),
        operates_region: account.id.is_operating(),
    })
}
