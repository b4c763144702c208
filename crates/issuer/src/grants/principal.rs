//! On whose behalf an agent asks: a token of a configured provider, or a presentation that answers a
//! challenge of this service.

use bonafide_core::delegation::Principal;
use bonafide_core::encoding::hex;
use bonafide_core::json::{Limits, Object, Value, parse, to_canonical_string};
use bonafide_core::time::Timestamp;
use bonafide_proof::jose::{CompactJws, TokenType};
use bonafide_verifier::{Check, Outcome, Request, verify_proof};
use sha2::{Digest, Sha256};

use crate::challenge::Known;
use crate::environment::Moment;
use crate::providers::ProviderError;
use crate::service::Service;

/// A principal that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    /// As it is recorded.
    pub(crate) principal: Principal,
    /// The challenge that its presentation answers, to be used up with what follows.
    pub(crate) challenge: Option<Known>,
    /// When the word of the provider that says so ends: no grant outlives it.
    pub(crate) until: Option<Timestamp>,
}

/// A presentation as it came, unverified.
pub(crate) struct Presentation {
    /// Its text: the token, or the object in RFC 8785 form.
    pub(crate) text: String,
    /// What it answers.
    pub(crate) challenge: Option<String>,
    /// Who holds it, as it says.
    pub(crate) holder: Option<String>,
    /// Whether it holds credentials.
    holds: bool,
}

impl Presentation {
    /// Reads a `vp+jwt`, or an object with a Data Integrity proof.
    pub(crate) fn read(value: &Value<'_>) -> Result<Self, String> {
        let holds = |document: &Value<'_>| {
            let held = document.get("verifiableCredential").map(Value::one_or_more);
            held.is_some_and(|held| !held.is_empty())
        };
        let Value::String(token) = value else {
            let one = value.get("proof").map(Value::one_or_more).unwrap_or_default().first();
            let challenge = one.and_then(|one| one.get("challenge")).and_then(Value::as_str);
            return Ok(Self {
                text: to_canonical_string(value),
                challenge: challenge.map(ToOwned::to_owned),
                holder: holder_of(value),
                holds: holds(value),
            });
        };
        let payload = CompactJws::parse(token, TokenType::VP)
            .and_then(|jws| jws.decode_payload())
            .map_err(|error| error.to_string())?;
        let limits = Limits::for_size(payload.len());
        let payload = parse(&payload, &limits).map_err(|error| error.to_string())?;
        let of = |name: &str| payload.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        Ok(Self {
            text: token.to_string(),
            challenge: of("nonce"),
            holder: of("iss").or_else(|| holder_of(&payload)),
            holds: holds(&payload),
        })
    }
}

fn holder_of(presentation: &Value<'_>) -> Option<String> {
    let holder = presentation.get("holder")?;
    let id = holder.as_str().or_else(|| holder.get("id").and_then(Value::as_str));
    id.map(ToOwned::to_owned)
}

/// What speaks against a presentation, in words.
pub(crate) fn reasons<'c>(checks: impl IntoIterator<Item = &'c Check>) -> String {
    let reasons = checks.into_iter().flat_map(|check| &check.reasons);
    let reasons: Vec<String> =
        reasons.map(|reason| format!("{} ({reason})", reason.code())).collect();
    reasons.join("; ")
}

impl Service {
    /// Verifies what is shown of a principal to `agent`, by DID: `{"token": …}` or
    /// `{"presentation": …}`. The error says why it does not count. Takes as long as checking
    /// signatures does.
    pub(crate) fn principal(
        &self,
        shown: &Object<'_>,
        agent: &str,
        now: Moment,
    ) -> Result<Verified, String> {
        match (shown.get("token"), shown.get("presentation"), shown.len()) {
            (Some(Value::String(token)), None, 1) => self.principal_by_token(token, agent, now),
            (None, Some(presentation), 1) => self.principal_by_presentation(presentation, now),
            _ => Err("expected either token, a text, or presentation".to_owned()),
        }
    }

    fn principal_by_token(
        &self,
        token: &str,
        agent: &str,
        now: Moment,
    ) -> Result<Verified, String> {
        let refuse = |error: ProviderError| format!("{} ({error})", error.code());
        let found = self.providers.check(token, now.timestamp()).map_err(refuse)?;
        found.check_actor(agent).map_err(refuse)?;
        if found.expires <= now.second() {
            return Err("token-ended (the token has ended)".to_owned());
        }
        let (issuer, subject, digest) = (found.issuer, found.subject, found.digest);
        let principal = Principal { issuer, subject, digest };
        Ok(Verified { principal, challenge: None, until: Some(found.expires) })
    }

    /// Without credentials it shows that its holder has the key: then the DID speaks for itself.
    /// With credentials all of them have to be good, and of this service; then it is the issuer
    /// who says who the holder is.
    fn principal_by_presentation(
        &self,
        value: &Value<'_>,
        now: Moment,
    ) -> Result<Verified, String> {
        let shown = Presentation::read(value)?;
        let challenge =
            shown.challenge.ok_or("answers no challenge; ask for one at POST /challenges")?;
        let known = self.challenges.know(&challenge, now).map_err(|error| error.to_string())?;
        let request =
            Request::new().nonce(challenge).audience(self.settings.public_url()).shows_chain();
        let digest = format!("sha256:{}", hex(&Sha256::digest(&shown.text)));
        let (issuer, subject) = if shown.holds {
            let verdict = self
                .judge(shown.text.as_bytes(), &request, now)
                .map_err(|problem| problem.detail)?;
            if verdict.outcome() != Outcome::Accepted {
                return Err(reasons(verdict.checks()));
            }
            let subject = verdict.presenter().unwrap_or_default().to_owned();
            let own = verdict.verified().iter().find(|held| held.subject() == Some(&subject));
            let issuer = own.map(|held| held.issuer().to_owned());
            (issuer.ok_or("holds no credential of its holder")?, subject)
        } else {
            let suites = self.state.signers.suites();
            let evidence = bonafide_verifier::Evidence::new().with_suites(suites);
            let report = verify_proof(shown.text.as_bytes(), &request, &evidence, now.timestamp());
            if report.outcome != Outcome::Accepted {
                return Err(reasons(&report.checks));
            }
            let holder = shown.holder.ok_or("names no holder")?;
            (holder.clone(), holder)
        };
        let principal = Principal { issuer, subject, digest };
        Ok(Verified { principal, challenge: Some(known), until: None })
    }
}
