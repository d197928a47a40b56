//! To log in: the one request that nobody has to sign.

use std::net::IpAddr;

use dnlb_api::{ApiError, body, wire::identity::CreateSession};
use dnlb_model::Role;
use serde_json::Value;

use super::{Api, unchanged};
use crate::{
    access::{By, Caller, password, session_id},
    journal::Actor,
    ops,
};

/// Begins a session, if the password is right. Says nothing about what was wrong.
pub(super) async fn answer(
    api: &Api,
    request_id: &str,
    from: IpAddr,
    body: &[u8],
    now: u64,
) -> Result<Value, ApiError> {
    let request: CreateSession = body::parse(body)?;
    let account = request.account_name.clone().unwrap_or_default();
    let named = format!("{account}/{}", request.user_name);
    if !api.limits.may_log_in(from, &named) {
        return Err(ApiError::new(
            429,
            "HTTP_RATE_LIMIT_EXCEEDED",
            "too many attempts to log in: wait a minute",
        ));
    }
    let known = ops::named_user(&api.region.snapshot(), &request);
    let hash = known.as_ref().and_then(|(_, hash)| hash.clone());
    // Some dozen milliseconds of work, on purpose: not on a thread that others wait for.
    let verified = tokio::task::spawn_blocking(move || password::verify(&request.password, hash.as_ref()));
    let right = verified.await.map_err(|_| ApiError::internal())?;
    let Some((user, _)) = known.filter(|_| right) else {
        tracing::warn!(request_id, %from, "a log-in failed");
        return Err(ApiError::access());
    };
    let token = hex::encode(rand::random::<[u8; 32]>());
    let snapshot = api.region.snapshot();
    let (account, user_name) = snapshot
        .users
        .get(&user)
        .map(|user| (user.account.clone(), user.name.clone()))
        .ok_or_else(ApiError::access)?;
    tracing::info!(request_id, %from, %account, user = user_name, "logged in");
    let actor = Actor {
        caller: Caller {
            account,
            user: user.clone(),
            user_name,
            role: Role::Viewer,
            by: By::Session(session_id(&token)),
        },
        request_id: request_id.to_owned(),
        source: from.to_string(),
        service: "dnlb".to_owned(),
        operation: "CreateSession".to_owned(),
    };
    let begun = api.region.transact_whole_as(&actor, |region| ops::begin_session(region, &user, &token, now));
    begun.await.map_err(|error| unchanged(request_id, error))
}
