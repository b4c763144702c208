//! An agent that asks for itself: a presentation made for this very request takes the place of a
//! token.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use bonafide_core::attestation::Attestation;
use bonafide_core::delegation::Grant;
use bonafide_core::json::{Limits, Value, parse};
use bonafide_proof::jose::{CompactJws, TokenType};
use bonafide_verifier::{ChainLink, Outcome, Verdict, Verified};
use sha2::{Digest, Sha256};

use super::extract::{Asker, Body, request_id, source};
use crate::environment::Moment;
use crate::event::Caller;
use crate::grants::principal::reasons;
use crate::problem::Problem;
use crate::service::Service;
use crate::store::{Agent, AgentState, StoreError, With};

/// The header with the presentation: a compact `vp+jwt` whose `htm`, `htu` and `body_sha256` name
/// the request.
pub(super) const HEADER: &str = "bonafide-presentation";

/// How much longer than it lives a presentation is remembered, for clocks that are apart.
const SKEW: Duration = Duration::from_secs(60);

/// Whoever presented itself: an enrolled agent, or one that a chain leads to.
pub(super) struct Presenter {
    /// Its DID.
    pub(super) did: String,
    /// The DID URL of the key that signed the presentation.
    pub(super) key: String,
    /// The agent, if it is enrolled here.
    pub(super) agent: Option<Agent>,
    /// The credentials that were shown and count.
    pub(super) verified: Vec<Verified>,
    /// The chain that was shown, from the grant down.
    pub(super) chain: Vec<ChainLink>,
    /// Who asks, for the log.
    pub(super) caller: Caller,
}

/// A request with a presentation made for it. The presentation is used up.
pub(super) struct Presented {
    /// Who presented itself.
    pub(super) presenter: Presenter,
    /// What it asks.
    pub(super) body: Body,
}

impl FromRequest<Arc<Service>> for Presented {
    type Rejection = Problem;

    async fn from_request(request: Request, service: &Arc<Service>) -> Result<Self, Problem> {
        let (parts, rest) = request.into_parts();
        let (source, asker) = (source(&parts), parts.extensions.get::<Asker>().cloned());
        let mut caller = Caller {
            token: None,
            agent: None,
            name: "somebody with a presentation".to_owned(),
            role: None,
            source,
            request: request_id(&parts),
            at: service.environment.now(),
        };
        // Whoever it is: signatures are checked before anything is known.
        if let Some(source) = source {
            service.limits.anonymous(source)?;
        }
        let body = Body::from_request(Request::from_parts(parts, rest), service).await?;
        let token = body.header(HEADER)?.ok_or_else(|| {
            let detail = "a presentation made for this request is needed: Bonafide-Presentation";
            Problem::new(StatusCode::UNAUTHORIZED, "presentation-required", detail)
        })?;
        let (key, used) = claimed(token)?;
        let verdict = judged(service, token, &body, caller.at).await?;
        if verdict.outcome() != Outcome::Accepted {
            return Err(refused(&verdict));
        }
        let did = verdict.presenter().ok_or_else(|| refused(&verdict))?.to_owned();
        let digest = used.digest(&did);
        match service.store.redeem(digest, used.until, With::default()).await {
            Ok(()) => {}
            Err(StoreError::Exists(_)) => {
                let detail = "this presentation was used before; make a new one for each request";
                return Err(Problem::new(
                    StatusCode::UNAUTHORIZED,
                    "presentation-replayed",
                    detail,
                ));
            }
            Err(error) => return Err(error.into()),
        }
        let agent = service.store.agent_by_did(&did)?;
        caller.name.clone_from(&did);
        caller.agent = agent.as_ref().map(|agent| agent.id);
        if let Some(asker) = asker {
            let _ = asker.0.set(caller.clone());
        }
        if let Some(agent) = &agent {
            service.limits.token(agent.id)?;
        }
        let (verified, chain) = (verdict.verified().to_vec(), verdict.chain().to_vec());
        let presenter = Presenter { did, key, agent, verified, chain, caller };
        Ok(Self { presenter, body })
    }
}

/// By what a presentation is remembered, and how long.
struct Used {
    jti: String,
    until: Moment,
}

impl Used {
    fn digest(&self, did: &str) -> [u8; 16] {
        let whole = Sha256::new()
            .chain_update(b"bonafide presentation\0")
            .chain_update(did)
            .chain_update([0])
            .chain_update(&self.jti)
            .finalize();
        let mut short = [0; 16];
        short.copy_from_slice(&whole[..16]);
        short
    }
}

/// What the token says of itself. Nothing of it counts before it is verified.
fn claimed(token: &str) -> Result<(String, Used), Problem> {
    let refuse = |detail: String| {
        let detail = format!("Bonafide-Presentation: {detail}");
        Problem::new(StatusCode::UNAUTHORIZED, "presentation-refused", detail)
    };
    let jws = CompactJws::parse(token, TokenType::VP).map_err(|error| refuse(error.to_string()))?;
    let payload = jws.decode_payload().map_err(|error| refuse(error.to_string()))?;
    let claims = parse(&payload, &Limits::for_size(payload.len()))
        .map_err(|error| refuse(error.to_string()))?;
    let kid = jws.kid().ok_or_else(|| refuse("its header has no kid".to_owned()))?.to_owned();
    let jti = claims.get("jti").and_then(Value::as_str).unwrap_or_default().to_owned();
    let exp = claims.get("exp").and_then(Value::as_integer).unwrap_or_default();
    let until = Moment(u64::try_from(exp).unwrap_or_default().saturating_mul(1000)).plus(SKEW);
    Ok((kid, Used { jti, until }))
}

/// Verified where it holds up nobody else: some proofs take tens of milliseconds.
async fn judged(
    service: &Arc<Service>,
    token: &str,
    body: &Body,
    now: Moment,
) -> Result<Verdict, Problem> {
    let public_url = service.settings.public_url();
    let mut request = bonafide_verifier::Request::new()
        .http(body.method(), format!("{public_url}{}", body.path()))
        .audience(public_url)
        .shows_chain();
    if let Some(digest) = body.digest() {
        request = request.body_digest(digest);
    }
    let (service, token) = (Arc::clone(service), token.to_owned());
    let work = move || service.judge(token.as_bytes(), &request, now);
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Problem::fault("a verification did not come to its end"))?
}

/// What speaks against a presentation, as a problem.
fn refused(verdict: &Verdict) -> Problem {
    let detail = format!("the presentation is not accepted: {}", reasons(verdict.checks()));
    Problem::new(StatusCode::UNAUTHORIZED, "presentation-refused", detail)
}

impl Presenter {
    /// The agent, which has to be enrolled and active, with an identity that says what it is now.
    pub(super) fn active(&self) -> Result<&Agent, Problem> {
        let agent = self
            .agent
            .as_ref()
            .ok_or_else(|| Problem::forbidden(format!("{} is not enrolled here", self.did)))?;
        let refuse = |code, detail: &str| Err(Problem::conflict(code, detail));
        match agent.state {
            AgentState::Active if agent.has_identity(self.caller.at) => Ok(agent),
            AgentState::Suspended => refuse("agent-suspended", "this agent is suspended"),
            AgentState::Retired => refuse("agent-retired", "this agent is retired, for good"),
            AgentState::Enrolled | AgentState::Active => refuse(
                "identity-attestation-required",
                "this agent has no identity attestation that says what it is now",
            ),
        }
    }

    /// What the last link of the chain says, if it is the presenter's.
    pub(super) fn leaf(&self) -> Option<&Grant> {
        let leaf = self.chain.last().filter(|leaf| leaf.subject == self.did)?;
        let found = self.verified.iter().find(|held| held.id() == Some(&leaf.id))?;
        match found.attestation()? {
            Attestation::TaskGrant(grant) | Attestation::Delegation(grant) => Some(grant),
            _ => None,
        }
    }
}
