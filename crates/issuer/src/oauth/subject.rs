//! What a subject token turns out to be once it is verified: a presentation of the client, with a
//! chain or without, one of a principal, or a token of an identity provider.

use bonafide_core::delegation::{Constraint, Principal, Rights};
use bonafide_core::encoding::{decode_base64url, hex};
use bonafide_core::json::{Limits, Object, Value, parse};
use bonafide_core::status::{BitstringStatusEntry, StatusPurpose, TokenStatusReference};
use bonafide_core::time::Timestamp;
use bonafide_core::vc::Enveloped;
use bonafide_proof::jose::{CompactJws, TokenType, numeric_date};
use bonafide_verifier::{
    ChainLink, Check, CheckName, Evidence, Outcome, Reason, Request, Verdict, Verified,
    verify_proof,
};
use sha2::{Digest, Sha256};

use super::client::{Client, SKEW};
use super::error::{OAuthError, told};
use super::exchange::{JWT, Limit, PRESENTATION, Source};
use super::once::{ACTOR, SUBJECT, once};
use super::refused::Refused;
use crate::environment::Moment;
use crate::providers::{ExternalIdentity, ProviderError};
use crate::service::Service;
use crate::store::{AgentState, Once, StatusPlace};

/// No presentation here is longer, in bytes.
const LONGEST: usize = 256 << 10;

/// A subject token that is good, and what an access token will rest on.
#[derive(Debug)]
pub(crate) struct Subject {
    /// What it gives.
    pub(crate) source: Source,
    /// The ids of its credentials.
    pub(crate) credentials: Vec<String>,
    /// Where their statuses stand.
    pub(crate) places: Vec<StatusPlace>,
    /// The client's own credentials that it shows.
    pub(crate) verified: Vec<Verified>,
    /// What is used up with it.
    pub(crate) once: Option<Once>,
    /// `sha256:` and SHA-256 of its text in hexadecimal.
    pub(crate) digest: String,
}

impl Subject {
    /// One that shows no credentials of the client.
    fn of_nobody(source: Source, once: Option<Once>, digest: String) -> Self {
        let (credentials, places, verified) = (Vec::new(), Vec::new(), Vec::new());
        Self { source, credentials, places, verified, once, digest }
    }
}

/// Verifies a subject token of the type that the client says.
pub(crate) fn open(
    service: &Service,
    kind: &str,
    text: &str,
    client: &Client,
    now: Moment,
) -> Result<Subject, Refused> {
    // A token that was exchanged is not exchanged again, or it would never end.
    if CompactJws::peek_typ(text).is_some_and(|typ| typ.ends_with("at+jwt")) {
        let detail = "subject_token: an access token is not exchanged for another";
        return Err(OAuthError::grant("subject-token-renewal", detail).into());
    }
    match kind {
        PRESENTATION => presented(service, text, client, now),
        JWT => external(service, text, client, now),
        _ => {
            let detail = format!("subject_token_type: expected {PRESENTATION} or {JWT}");
            Err(OAuthError::request("token-type-unsupported", detail).into())
        }
    }
}

/// Verifies an actor token: a presentation of the client itself. What it shows is used up.
pub(crate) fn actor(
    service: &Service,
    kind: &str,
    text: &str,
    client: &Client,
    now: Moment,
) -> Result<Once, Refused> {
    if kind != PRESENTATION {
        let detail = format!("actor_token_type: expected {PRESENTATION}");
        return Err(OAuthError::request("token-type-unsupported", detail).into());
    }
    let opened = Presentation::read(service, text, ACTOR, now)?;
    if opened.holder != client.did {
        let detail = "the actor token is of another agent than the one that asks";
        return Err(OAuthError::grant("actor-mismatch", detail).into());
    }
    opened.check_proof(service, now.timestamp())?;
    Ok(opened.once)
}

/// A presentation whose claims were read, and nothing more.
struct Presentation<'t> {
    text: &'t str,
    what: &'static str,
    claims: Object<'static>,
    holder: String,
    request: Request,
    once: Once,
    expires: Option<Timestamp>,
}

impl<'t> Presentation<'t> {
    /// Reads it, and what it has to answer: a challenge of this service, or else this very request
    /// by its `htm`, `htu` and `jti`.
    fn read(
        service: &Service,
        text: &'t str,
        what: &'static str,
        now: Moment,
    ) -> Result<Self, OAuthError> {
        let refuse = |code, detail: &str| OAuthError::grant(code, format!("{what}: {detail}"));
        if text.len() > LONGEST {
            return Err(refuse("malformed", "longer than 256 KiB"));
        }
        let jws = CompactJws::parse(text, TokenType::VP)
            .map_err(|error| refuse(error.code(), &error.to_string()))?;
        let payload =
            jws.decode_payload().map_err(|error| refuse(error.code(), &error.to_string()))?;
        let Value::Object(claims) = parse(&payload, &Limits::for_size(LONGEST))
            .map_err(|error| refuse("malformed", &error.to_string()))?
            .into_owned()
        else {
            return Err(refuse("malformed", "expected an object"));
        };
        let issuer = service.settings.public_url();
        // One audience: what is for two can be shown by either to the other.
        if claims.str("aud") != Some(issuer.as_str()) {
            return Err(refuse("audience-mismatch", &format!("aud: expected {issuer} alone")));
        }
        let expires = numeric_date(&claims, "exp")
            .map_err(|error| refuse("malformed", &told(&error)))?
            .map(Timestamp::from_unix_clamped);
        let holder = claims.get("holder");
        let holder =
            holder.and_then(|holder| holder.as_str().or_else(|| holder.get("id")?.as_str()));
        let holder = claims.str("iss").or(holder).map(ToOwned::to_owned);
        let holder = holder.ok_or_else(|| refuse("malformed", "names no holder"))?;
        let request = Request::new().audience(issuer.clone()).shows_chain();
        let (request, once) = if let Some(nonce) = claims.str("nonce") {
            let known = service.challenges.know(nonce, now);
            let known = known.map_err(|error| refuse("nonce-mismatch", &error.to_string()))?;
            let once = Once { what, digest: known.digest, until: known.until };
            (request.nonce(nonce), once)
        } else {
            let (Some(jti), Some(expires)) = (claims.str("jti"), expires) else {
                let detail = "needs the nonce of a challenge, or jti and exp";
                return Err(refuse("presentation-unbound", detail));
            };
            let once = once(what, &[&holder, jti], expires.saturating_add(SKEW));
            (request.http("POST", format!("{issuer}/oauth/token")), once)
        };
        Ok(Self { text, what, claims, holder, request, once, expires })
    }

    /// Whether its holder signed it for this.
    fn check_proof(&self, service: &Service, now: Timestamp) -> Result<(), OAuthError> {
        let evidence = Evidence::new().with_suites(service.state.signers.suites());
        let report = verify_proof(self.text.as_bytes(), &self.request, &evidence, now);
        match report.outcome {
            Outcome::Accepted => Ok(()),
            _ => Err(not_good(self.what, report.checks.iter().flat_map(|check| &check.reasons))),
        }
    }

    fn digest(&self) -> String {
        digest(self.text)
    }
}

fn digest(text: &str) -> String {
    format!("sha256:{}", hex(&Sha256::digest(text)))
}

fn not_good<'r>(what: &str, reasons: impl Iterator<Item = &'r Reason>) -> OAuthError {
    let reasons: Vec<&Reason> = reasons.collect();
    let code = reasons.first().map_or("undecided", |reason| reason.code());
    let told: Vec<String> =
        reasons.iter().map(|reason| format!("{} ({reason})", reason.code())).collect();
    OAuthError::grant(code, format!("{what} is not good: {}", told.join("; ")))
}

fn presented(
    service: &Service,
    text: &str,
    client: &Client,
    now: Moment,
) -> Result<Subject, Refused> {
    let opened = Presentation::read(service, text, SUBJECT, now)?;
    match opened.holder == client.did {
        true => of_client(service, &opened, client, now),
        false => of_principal(service, &opened, client, now),
    }
}

/// The client presents what it has itself: a chain that ends with it, or what is attested of it.
fn of_client(
    service: &Service,
    opened: &Presentation<'_>,
    client: &Client,
    at: Moment,
) -> Result<Subject, Refused> {
    let now = at.timestamp();
    let verdict = service.judge(opened.text.as_bytes(), &opened.request, at)?;
    if verdict.outcome() != Outcome::Accepted || verdict.presenter() != Some(&client.did) {
        // That a credential speaks of somebody else follows from what is amiss with the chain.
        let (borrowed, others): (Vec<&Check>, Vec<&Check>) =
            verdict.checks().iter().partition(|check| check.name == CheckName::OneAgent);
        let checks = others.into_iter().chain(borrowed);
        return Err(not_good(SUBJECT, checks.flat_map(|check| &check.reasons)).into());
    }
    let Shown { credentials, places, ends } = rests_on(service, &opened.claims)?;
    let chain = verdict.chain();
    let agents = match chain {
        [] => vec![client.did.clone()],
        links => links.iter().map(|link| link.subject.clone()).collect(),
    };
    check_agents(service, &agents)?;
    let ends = ends.into_iter().chain(opened.expires).min();
    let source = Source {
        principal: verdict.principal().cloned(),
        agents,
        key: client.key.clone(),
        rights: verdict.chain_rights().last().cloned(),
        limits: limits(&verdict),
        task: chain.last().map(|link| link.task.clone()),
        ends: ends.unwrap_or(now.saturating_add(service.settings.oauth.token_valid_for)),
    };
    Ok(Subject {
        source,
        credentials,
        places,
        verified: verdict.verified().to_vec(),
        once: Some(opened.once),
        digest: opened.digest(),
    })
}

/// The constraints of every link: what a later one tightens stays the earlier one's limit over all
/// that is done under it.
fn limits(verdict: &Verdict) -> Vec<Limit> {
    let links = verdict.chain().iter().zip(verdict.chain_rights());
    let of_link = |(link, rights): (&ChainLink, &Rights)| {
        let credential = link.id.clone();
        let limit = |constraint: &Constraint| Limit {
            credential: credential.clone(),
            constraint: constraint.clone(),
        };
        rights.constraints.iter().map(limit).collect::<Vec<_>>()
    };
    links.flat_map(of_link).collect()
}

/// A principal presents itself, so that the client may act on its behalf. Without credentials it
/// speaks for itself; with them, their issuer says who it is.
fn of_principal(
    service: &Service,
    opened: &Presentation<'_>,
    client: &Client,
    at: Moment,
) -> Result<Subject, Refused> {
    let now = at.timestamp();
    let mut issuer = opened.holder.clone();
    let mut shown = Shown::default();
    if opened.claims.contains("verifiableCredential") {
        let verdict = service.judge(opened.text.as_bytes(), &opened.request, at)?;
        if !verdict.chain().is_empty() {
            let detail = "a chain is exchanged by the agent that it ends with, and by no other";
            return Err(OAuthError::grant("actor-mismatch", detail).into());
        }
        let own = verdict.verified().iter().find(|held| held.subject() == Some(&opened.holder));
        let Some(own) = own.filter(|_| verdict.outcome() == Outcome::Accepted) else {
            return Err(not_good(SUBJECT, verdict.reasons()).into());
        };
        own.issuer().clone_into(&mut issuer);
        shown = rests_on(service, &opened.claims)?;
    } else {
        opened.check_proof(service, now)?;
    }
    let (subject, digest) = (opened.holder.clone(), opened.digest());
    let principal = Principal { issuer, subject, digest: digest.clone() };
    let longest = now.saturating_add(service.settings.oauth.token_valid_for);
    let ends = shown.ends.into_iter().chain(opened.expires).min().unwrap_or(longest);
    let source = for_principal(principal, client, ends);
    let subject = Subject::of_nobody(source, Some(opened.once), digest);
    Ok(Subject { credentials: shown.credentials, places: shown.places, ..subject })
}

/// A provider says on whose behalf the client acts.
fn external(
    service: &Service,
    text: &str,
    client: &Client,
    now: Moment,
) -> Result<Subject, Refused> {
    let refuse =
        |error: ProviderError| OAuthError::grant(error.code(), format!("subject_token: {error}"));
    let found = service.providers.check(text, now.timestamp()).map_err(refuse)?;
    found.check_actor(&client.did).map_err(refuse)?;
    let ExternalIdentity { issuer, subject, expires, digest, .. } = found;
    let principal = Principal { issuer, subject, digest: digest.clone() };
    let source = for_principal(principal, client, expires);
    Ok(Subject::of_nobody(source, None, digest))
}

fn for_principal(principal: Principal, client: &Client, ends: Timestamp) -> Source {
    Source {
        principal: Some(principal),
        agents: vec![client.did.clone()],
        key: client.key.clone(),
        rights: None,
        limits: Vec::new(),
        task: None,
        ends,
    }
}

/// The credentials of a presentation that was verified.
#[derive(Default)]
struct Shown {
    /// Their ids.
    credentials: Vec<String>,
    /// Where their statuses stand.
    places: Vec<StatusPlace>,
    /// When the first of them ends.
    ends: Option<Timestamp>,
}

fn rests_on(service: &Service, claims: &Object<'_>) -> Result<Shown, OAuthError> {
    let (mut ids, mut places, mut ends) = (Vec::new(), Vec::new(), None);
    let held = claims.get("verifiableCredential").map(Value::one_or_more).unwrap_or_default();
    for credential in held {
        let opened = opened(credential);
        let credential = opened.as_ref().unwrap_or(credential);
        let found = status_places(service, credential);
        let id = ["id", "jti"].into_iter().find_map(|name| credential.get(name)?.as_str());
        let (Some(id), false) = (id, found.is_empty()) else {
            let detail =
                "subject_token: a credential in it has no id or no status that is kept here";
            return Err(OAuthError::grant("status-missing", detail));
        };
        ids.push(id.to_owned());
        places.extend(found);
        ends = ends.into_iter().chain(end_of(credential)?).min();
    }
    places.sort_unstable_by_key(|place| (place.list, place.index));
    places.dedup();
    Ok(Shown { credentials: ids, places, ends })
}

/// When a credential ends, by whichever of its members says so first.
fn end_of(credential: &Value<'_>) -> Result<Option<Timestamp>, OAuthError> {
    let refuse = || OAuthError::grant("malformed", "subject_token: a credential in it has no end");
    let date = |name: &str| match credential.get(name) {
        None => Ok(None),
        Some(date) => {
            let date = date.as_str().ok_or_else(refuse)?;
            Timestamp::parse(date).map(Some).map_err(|_| refuse())
        }
    };
    let claims = credential.as_object().ok_or_else(refuse)?;
    let expires = numeric_date(claims, "exp").map_err(|_| refuse())?;
    let expires = expires.map(Timestamp::from_unix_clamped);
    Ok([date("validUntil")?, date("expirationDate")?, expires].into_iter().flatten().min())
}

/// The places in lists of ours where a credential's statuses stand.
fn status_places(service: &Service, credential: &Value<'_>) -> Vec<StatusPlace> {
    let lists = service.state.lists();
    let place = |purpose: Option<StatusPurpose>, url: &str, index: usize| {
        let list = lists.iter().find(|list| list.url(purpose) == url)?;
        Some(StatusPlace { list: list.list.number, index: u32::try_from(index).ok()? })
    };
    let entries = credential.get("credentialStatus").map(Value::one_or_more).unwrap_or_default();
    let mut places: Vec<StatusPlace> = entries
        .iter()
        .filter_map(Value::as_object)
        .filter_map(|entry| BitstringStatusEntry::from_object(entry).ok())
        .filter_map(|entry| place(Some(entry.purpose), &entry.list, entry.index))
        .collect();
    let token = credential.get("status").map(TokenStatusReference::from_claim);
    if let Some(Ok(Some(reference))) = token {
        places.extend(place(None, &reference.uri, reference.index));
    }
    places
}

/// The claims in an envelope.
fn opened(credential: &Value<'_>) -> Option<Value<'static>> {
    let envelope = Enveloped::from_value(credential)?.ok()?;
    let payload = envelope.data.split('~').next()?.split('.').nth(1)?;
    let payload = decode_base64url(payload).ok()?;
    Some(parse(&payload, &Limits::for_size(payload.len())).ok()?.into_owned())
}

/// Of the agents of a chain, those enrolled here stand where they may act. Others are carried by
/// the chain.
fn check_agents(service: &Service, agents: &[String]) -> Result<(), Refused> {
    for did in agents {
        let Some(agent) = service.store.agent_by_did(did)? else { continue };
        let code = match agent.state {
            AgentState::Active | AgentState::Enrolled => continue,
            AgentState::Suspended => "agent-suspended",
            AgentState::Retired => "agent-retired",
        };
        return Err(OAuthError::grant(code, format!("the agent {did} may not act now")).into());
    }
    Ok(())
}
