//! What an active agent renews for itself: its identity attestation before it ends, and its key.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bonafide_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::enrolment::{answered, check_did};
use super::links::{SelfEnrolled, identity_answer, identity_order};
use super::openapi::Refusals;
use super::presenter::Presented;
use crate::environment::Moment;
use crate::event::EventDraft;
use crate::problem::Problem;
use crate::service::Service;
use crate::store::{Agent, Credential, Phase, Status, With};

/// Nothing is said with a renewal.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Renewal {}

/// Renews the identity attestation of the agent that asks, in the last third of its life, for as
/// long as that one was valid. The agent has to be active and as it was attested.
#[utoipa::path(post, path = "/credentials/renew", tag = "agents", request_body = Option<Renewal>,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeated with the same body, the request gets the first answer.")),
    security(("presentation" = [])), responses((status = 201, body = SelfEnrolled), Refusals))]
pub(super) async fn renew(
    State(service): State<Arc<Service>>,
    Presented { presenter, body }: Presented,
) -> Result<Response, Problem> {
    let agent = presenter.active()?.clone();
    let _: Renewal = body.read_or_empty()?;
    let idempotency = body.idempotency(&presenter.caller)?;
    if let Some(answer) = service.repeated(idempotency.as_ref()).await? {
        return Ok(answer.into_response());
    }
    let at = presenter.caller.at;
    let (asked, of) = (Arc::clone(&service), agent.clone());
    // Looks through the store.
    let last = tokio::task::spawn_blocking(move || asked.last_identity(&of));
    let last = last.await.map_err(|_| Problem::fault("a search did not come to its end"))??;
    let valid_for = renewable(&last, at)?;
    let order = identity_order(&service, &agent, Some(valid_for), &presenter.caller)?;
    let asked = Arc::clone(&service);
    let outcome = service.issue(vec![order], &presenter.caller, idempotency.as_ref(), {
        move |outcomes| identity_answer(&asked, &agent, outcomes)
    });
    Ok(outcome.await?.0.into_response())
}

/// For how long an attestation is renewed, if it is time.
fn renewable(last: &Credential, now: Moment) -> Result<Duration, Problem> {
    let (ends, life) = life_of(last)?;
    let from = ends.saturating_sub(life / 3);
    match now.second() < from {
        true => Err(Problem::conflict(
            "renewal-too-early",
            format!("this identity attestation ends at {ends}; renew it from {from} on"),
        )),
        false => Ok(life),
    }
}

/// When an attestation ends, and how long it is valid in all.
fn life_of(credential: &Credential) -> Result<(Timestamp, Duration), Problem> {
    let ends = credential.valid_until.map(Timestamp::from_unix_clamped);
    let ends = ends.ok_or_else(|| Problem::fault("an identity attestation has no end"))?;
    Ok((ends, ends.saturating_since(credential.prepared_at.second())))
}

impl Service {
    /// The attestation that says what the agent is now.
    fn last_identity(&self, agent: &Agent) -> Result<Credential, Problem> {
        let is_it = |credential: &Credential| {
            credential.attests_identity
                && credential.phase == Phase::Issued
                && credential.status == Status::Valid
                && credential.valid_until == agent.identity_until
        };
        let mut after = None;
        loop {
            let page = self.store.credentials(Some(agent.id), after, 1, &is_it)?;
            if let Some(found) = page.items.into_iter().next() {
                return Ok(found);
            }
            after = page.next;
            if after.is_none() {
                return Err(Problem::conflict(
                    "identity-attestation-required",
                    "this agent has no identity attestation that could be renewed",
                ));
            }
        }
    }
}

/// A new key for the agent that asks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    /// The DID of the new key.
    #[schema(max_length = 2048)]
    did: String,
    /// A presentation that the new key signed and that answers a challenge, as for POST /agents.
    #[schema(value_type = Object)]
    #[allow(dead_code)]
    proof: serde::de::IgnoredAny,
}

/// Gives the agent that asks, with its old key, the DID of a new one. All that was issued to the
/// old DID is revoked, and its identity attested anew, for as long as that one was valid.
#[utoipa::path(post, path = "/agents/me/keys", tag = "agents", request_body = NewKey,
    security(("presentation" = [])), responses((status = 201, body = SelfEnrolled), Refusals))]
pub(super) async fn rekey(
    State(service): State<Arc<Service>>,
    Presented { presenter, body }: Presented,
) -> Result<Response, Problem> {
    let agent = presenter.active()?.clone();
    let mut object = body.object()?;
    let proof = object.remove("proof").ok_or_else(|| Problem::malformed("/proof", "is missing"))?;
    let asked: NewKey = body.read_parsed()?;
    check_did("/did", &asked.did)?;
    if !agent.did.starts_with("did:key:") && !agent.did.starts_with("did:jwk:") {
        let detail = "the DID of this agent has a document; change its keys there";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "keys-in-document", detail));
    }
    let caller = &presenter.caller;
    let (searched, of) = (Arc::clone(&service), agent.clone());
    // Looks through the store.
    let last = tokio::task::spawn_blocking(move || searched.last_identity(&of));
    let last = last.await.map_err(|_| Problem::fault("a search did not come to its end"))??;
    // What is longest may have changed since.
    let valid_for = life_of(&last)?.1.min(service.settings.issuance.longest);
    let (challenge, with_proof) = answered(&service, &asked.did, &proof, caller)?;
    let event = EventDraft::new("agent-rekeyed")
        .agent(agent.id)
        .with("did", &asked.did)
        .with("was", &agent.did)
        .with("proof", &with_proof)
        .finish(caller, &service.environment)?;
    let reason = Some("the agent has another key".to_owned());
    let with = With {
        events: vec![event],
        each: Some(service.each_changed(caller, reason.clone())),
        answers: Some((challenge.digest, challenge.until)),
        ..With::default()
    };
    let agent = service.store.change_did(agent.id, asked.did, caller.at, with).await?;
    service.settle(agent.id, caller, reason).await?;
    let order = identity_order(&service, &agent, Some(valid_for), caller)?;
    let asked = Arc::clone(&service);
    let outcome = service.issue(vec![order], caller, None, move |outcomes| {
        identity_answer(&asked, &agent, outcomes)
    });
    Ok(outcome.await?.0.into_response())
}
