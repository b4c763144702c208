//! The private audit records, for auditors.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::agents::bad_query;
use super::answer;
use super::openapi::Refusals;
use crate::event::Caller;
use crate::id::Id;
use crate::problem::Problem;
use crate::service::Service;
use crate::store::Role;

/// A record with its place on the log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditRecord {
    /// Its place on the log, from 0.
    sequence: u64,
    /// The log's entry: digests and a commitment.
    #[schema(value_type = Object)]
    entry: Box<RawValue>,
    /// The record, to the byte: the entry's commitment is its SHA-256.
    #[schema(value_type = Object)]
    record: Box<RawValue>,
}

/// A page of records.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditPage {
    /// The records, oldest first.
    pub(super) items: Vec<AuditRecord>,
    /// From which sequence the next page goes on, if there is one.
    pub(super) next: Option<u64>,
}

/// Which records are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// From this sequence on.
    from: Option<u64>,
    /// How many records at most; 1 to 1000, 100 if left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// Of this agent.
    #[param(value_type = Option<String>)]
    agent: Option<Id>,
    /// Of this kind, such as credential-issued.
    event: Option<String>,
    /// Of this token.
    #[param(value_type = Option<String>)]
    token: Option<Id>,
    /// Not before this time, such as 2026-01-31T12:00:00Z.
    since: Option<String>,
    /// Before this time.
    until: Option<String>,
}

/// How many records one request looks at.
const MOST_LOOKED_AT: u64 = 5_000;

/// What the filters look at.
#[derive(Debug, Deserialize)]
struct Head {
    event: String,
    time: String,
    actor: Actor,
}

#[derive(Debug, Deserialize)]
struct Actor {
    token: Option<String>,
}

/// Lists audit records. A page may have fewer items than asked for, and still be followed by more.
#[utoipa::path(get, path = "/audit", tag = "audit", params(AuditQuery),
    security(("token" = [])), responses((status = 200, body = AuditPage), Refusals))]
pub(super) async fn list(
    State(service): State<Arc<Service>>,
    caller: Caller,
    query: Result<Query<AuditQuery>, QueryRejection>,
) -> Result<Json<AuditPage>, Problem> {
    caller.require(&[Role::Auditor])?;
    let Query(query) = query.map_err(|error| bad_query(&error))?;
    let limit = answer::limit(query.limit)?;
    let time = |name: &str, text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => bonafide_core::time::Timestamp::parse(text)
            .map(Some)
            .map_err(|error| Problem::malformed("", format!("{name}: {}", error.detail))),
    };
    let (since, until) = (time("since", &query.since)?, time("until", &query.until)?);
    let token = query.token.map(|id| id.to_string());
    let wanted = |record: &[u8]| {
        let Ok(head) = serde_json::from_slice::<Head>(record) else { return true };
        let at = bonafide_core::time::Timestamp::parse(&head.time).ok();
        query.event.as_ref().is_none_or(|event| head.event == *event)
            && token.as_ref().is_none_or(|token| head.actor.token.as_ref() == Some(token))
            && since.is_none_or(|since| at.is_none_or(|at| at >= since))
            && until.is_none_or(|until| at.is_none_or(|at| at < until))
    };
    let from = query.from.unwrap_or(0);
    let end = service.store.next_event()?;
    let most = usize::try_from(MOST_LOOKED_AT).unwrap_or(usize::MAX);
    let (sequences, after) = if let Some(agent) = query.agent {
        let mut sequences = service.store.history(agent, from, most + 1)?;
        let after = (sequences.len() > most).then(|| sequences.pop()).flatten();
        (sequences, after)
    } else {
        let last = end.min(from.saturating_add(MOST_LOOKED_AT));
        ((from..last).collect(), (last < end && from < end).then_some(last))
    };
    let mut items = Vec::new();
    for sequence in sequences {
        let Some(event) = service.store.event(sequence)? else { continue };
        if !wanted(&event.record) {
            continue;
        }
        if items.len() == limit {
            return Ok(Json(AuditPage { items, next: Some(sequence) }));
        }
        items.push(record(event)?);
    }
    Ok(Json(AuditPage { items, next: after }))
}

/// The record with this sequence.
pub(super) fn read_record(service: &Service, sequence: u64) -> Result<AuditRecord, Problem> {
    let event = service.store.event(sequence)?;
    record(event.ok_or_else(|| Problem::fault("an event of a history is missing"))?)
}

fn record(event: crate::store::StoredEvent) -> Result<AuditRecord, Problem> {
    let raw = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).map_err(|_| Problem::fault("an event is not UTF-8"))?;
        RawValue::from_string(text).map_err(|_| Problem::fault("an event is not JSON"))
    };
    let sequence = event.sequence;
    Ok(AuditRecord { sequence, entry: raw(event.entry)?, record: raw(event.record)? })
}
