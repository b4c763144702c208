//! From a decision to a credential: reserve, persist exactly what will be signed, sign, have our own
//! verifier check it, store, answer.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bonafide_core::attestation::{AttestationType, Draft};
use bonafide_core::json::{Limits, Object, Value, parse, to_canonical_string};
use bonafide_core::status::StatusPurpose;
use bonafide_core::vc::{CREDENTIALS_V2, Unverified};
use bonafide_proof::data_integrity::{DeriveInput, proofs_of};
use bonafide_verifier::{Outcome, Request, verify_proof};
use sha2::{Digest, Sha256};

use crate::authority::IDENTITY;
use crate::environment::{Environment, Moment};
use crate::event::{Caller, EventDraft};
use crate::format::{Format, SecureError, Selective, secure_with};
use crate::id::Id;
use crate::problem::Problem;
use crate::signer::{Issuing, Key};
use crate::status::StatusList;
use crate::store::{
    Agent, Credential, Issued, Phase, Place, Requires, Reservation, Status, StatusPlace,
};

/// What is to be issued, decided and not yet reserved.
pub struct Order {
    /// Who issues.
    pub issuing: Arc<Issuing>,
    /// How it is secured.
    pub format: Format,
    /// What its holder can't hide.
    pub selective: Selective,
    /// What it says.
    pub content: Content,
    /// When it was decided.
    pub at: Moment,
}

/// What a credential says.
pub enum Content {
    /// An attestation of an enrolled agent.
    Attestation {
        /// Which.
        known: &'static AttestationType,
        /// The agent, as the decision saw it.
        agent: Box<Agent>,
        /// The claims.
        claims: Object<'static>,
        /// For how long.
        valid_for: Duration,
        /// How many status indexes are set aside for what is delegated under it.
        children: usize,
    },
    /// A whole credential, checked for its form.
    Whole {
        /// Without a proof, or with those that it gets a further one beside.
        document: Value<'static>,
        /// Whether it is found by its own id, which no other may have then.
        named: bool,
    },
}

impl Order {
    /// Whether it gets an entry in a status list: every attestation must be revocable, and so is
    /// every other credential that brings no entry of its own and can have one.
    pub fn wants_status(&self) -> bool {
        match &self.content {
            Content::Attestation { .. } => true,
            Content::Whole { document, .. } => {
                // Version 1.1 has no terms for entries of Bitstring lists.
                let context = document.get("@context").map(Value::one_or_more).unwrap_or_default();
                let v2 = context.first().and_then(Value::as_str) == Some(CREDENTIALS_V2);
                v2 && document.get("credentialStatus").is_none() && document.get("proof").is_none()
            }
        }
    }
}

/// A reservation in the making, and what is needed to sign it. Becomes [`Signed`] once.
pub(crate) struct Prepared {
    /// Its id.
    pub id: Id,
    /// Its id in the document.
    pub document_id: Option<String>,
    /// Its narrowest type.
    pub credential_type: String,
    credential: Credential,
    order_format: Format,
    selective: Selective,
    issuing: Arc<Issuing>,
    document: Value<'static>,
    at: Moment,
}

/// A signed credential that our own verifier has found good.
pub struct Signed {
    /// Its id.
    pub id: Id,
    /// Its id in the document.
    pub document_id: Option<String>,
    /// Its narrowest type.
    pub credential_type: String,
    /// How it is secured.
    pub format: Format,
    /// When it ends, if it does, in seconds since 1970.
    pub valid_until: Option<i64>,
    /// The bytes that are handed out: JSON in RFC 8785 form, or the token.
    pub secured: Vec<u8>,
}

impl Signed {
    /// What is handed out as a value of JSON: a token stands in quotes.
    pub(crate) fn as_json(&self) -> Vec<u8> {
        match self.format.is_token() {
            // Tokens are base64url, dots and tildes: nothing to escape.
            true => [b"\"", &self.secured[..], b"\""].concat(),
            false => self.secured.clone(),
        }
    }
}

/// Prepares what was ordered, with an entry of `list` if there is one.
pub(crate) fn prepare(
    order: Order,
    list: Option<&StatusList>,
    caller: &Caller,
    environment: &Environment,
) -> Result<(Prepared, Reservation), Problem> {
    let Order { issuing, format, selective, content, at } = order;
    let key = issuing.key_for(format).ok_or_else(|| no_key(&issuing, format))?;
    let key_name = issuing.keys.iter().find(|known| is_key(known, &key.method));
    let key_name = key_name.map(|known| known.record.name.clone()).unwrap_or_default();
    let id = Id::new(environment)?;
    let drawn = list.map(|list| list.draw().ok_or_else(full).map(|drawn| (list, drawn)));
    let (place, mut used, entries) = match drawn.transpose()? {
        None => (None, 0, Vec::new()),
        Some((list, (place, used))) => {
            (Some(place), used, list.entries(place.index, format == Format::DcSdJwt))
        }
    };
    let mut child_indexes = Vec::new();
    let (document, parts) = match content {
        Content::Attestation { known, agent, mut claims, valid_for, children } => {
            if children > 0 {
                (child_indexes, used) = draw_children(list, children)?;
                claims.insert("childStatus", child_status(list, &child_indexes));
            }
            attestation(known, &agent, claims, valid_for, id, &key.did, entries, at)?
        }
        Content::Whole { document, named } => whole(document, named, entries)?,
    };
    let credential = Credential {
        id,
        document_id: parts.document_id.clone(),
        agent: parts.requires.map(|requires| requires.agent),
        credential_type: parts.credential_type.clone(),
        instance: issuing.instance.name.clone(),
        key: key_name,
        format: format.name().to_owned(),
        status_place: place,
        child_indexes,
        phase: Phase::Prepared,
        status: Status::Valid,
        suspended_itself: false,
        suspended_with_agent: false,
        attests_identity: parts.requires.is_some_and(|requires| requires.identity),
        agent_as_of: parts.requires.map(|requires| requires.changed_at),
        prepared_at: at,
        valid_until: parts.valid_until,
        payload: Place::default(),
        secured: None,
    };
    let payload = to_canonical_string(&document).into_bytes();
    let event = event("credential-prepared", &credential, &payload, caller, environment)?;
    let prepared = Prepared {
        id,
        document_id: parts.document_id,
        credential_type: parts.credential_type,
        credential: credential.clone(),
        order_format: format,
        selective,
        issuing,
        document,
        at,
    };
    let requires = parts.requires;
    Ok((prepared, Reservation { credential, payload, list_used: used, requires, event }))
}

/// Indexes for the children of a grant, and how many of the list are used up with them. They are of
/// the list of the grant's own, after it.
fn draw_children(list: Option<&StatusList>, count: usize) -> Result<(Vec<u32>, u64), Problem> {
    let list = list.ok_or_else(|| {
        Problem::malformed("/children", "this instance signs no status lists; it sets none aside")
    })?;
    let (mut indexes, mut used) = (Vec::with_capacity(count), 0);
    for _ in 0..count {
        let (place, with_it) = list.draw().ok_or_else(full)?;
        indexes.push(place.index);
        used = with_it;
    }
    Ok((indexes, used))
}

/// The claim that says which they are.
fn child_status(list: Option<&StatusList>, indexes: &[u32]) -> Object<'static> {
    let url = list.map(|list| list.url(Some(StatusPurpose::Revocation))).unwrap_or_default();
    let indexes: Vec<String> = indexes.iter().map(ToString::to_string).collect();
    Object::from([("statusListCredential", Value::from(url)), ("indexes", indexes.into())])
}

fn is_key(key: &Key, method: &str) -> bool {
    key.signing.as_ref().is_some_and(|signing| signing.method == method)
}

fn full() -> Problem {
    Problem::new(
        axum::http::StatusCode::SERVICE_UNAVAILABLE,
        "status-list-full",
        "the status list is full; a new one is being made, try again",
    )
}

fn no_key(issuing: &Issuing, format: Format) -> Problem {
    Problem::malformed(
        "/format",
        format!("the instance {} has no key for {}", issuing.instance.name, format.name()),
    )
}

/// What is kept of a document beside its bytes.
struct Parts {
    document_id: Option<String>,
    credential_type: String,
    valid_until: Option<i64>,
    requires: Option<Requires>,
}

#[allow(clippy::too_many_arguments)]
fn attestation(
    known: &'static AttestationType,
    agent: &Agent,
    claims: Object<'static>,
    valid_for: Duration,
    id: Id,
    issuer: &str,
    status: Vec<Object<'static>>,
    at: Moment,
) -> Result<(Value<'static>, Parts), Problem> {
    let valid_from = at.second();
    let valid_until = valid_from.saturating_add(valid_for);
    let claims = match known.name == IDENTITY {
        true => identity_claims(agent, claims)?,
        false => claims_of_this_version(agent, claims)?,
    };
    let draft = Draft {
        attestation_type: known,
        id: &id.to_urn(),
        issuer,
        subject: &agent.did,
        claims,
        valid_from,
        valid_until,
        status,
    };
    let document = draft.into_credential().map_err(in_claims)?;
    let requires = Requires {
        agent: agent.id,
        identity: known.name == IDENTITY,
        changed_at: agent.changed_at,
    };
    let parts = Parts {
        document_id: None,
        credential_type: known.name.to_owned(),
        valid_until: Some(valid_until.unix()),
        requires: Some(requires),
    };
    Ok((document, parts))
}

/// What is wrong in the subject is wrong in the claims that were sent.
fn in_claims(error: bonafide_core::Malformed) -> Problem {
    let pointer = error.pointer.replacen("/credentialSubject", "/claims", 1);
    Problem::malformed(&pointer, error.detail)
}

/// What is attested of a version is attested of the one that is enrolled: of another nobody here
/// knows anything.
fn claims_of_this_version(
    agent: &Agent,
    claims: Object<'static>,
) -> Result<Object<'static>, Problem> {
    for (name, enrolled) in [("agentVersion", &agent.version), ("modelDigest", &agent.model_digest)]
    {
        if claims.get(name).is_some_and(|claimed| claimed.as_str() != Some(enrolled)) {
            let detail = format!("the agent is enrolled with {enrolled}");
            return Err(Problem::malformed(&format!("/claims/{name}"), detail));
        }
    }
    Ok(claims)
}

/// The identity of an agent is what it was enrolled with. Claims may repeat it, never differ.
fn identity_claims(agent: &Agent, mut claims: Object<'static>) -> Result<Object<'static>, Problem> {
    let enrolled = [
        ("name", Some(&agent.name)),
        ("kind", Some(&agent.kind)),
        ("agentVersion", Some(&agent.version)),
        ("modelDigest", Some(&agent.model_digest)),
        ("codeDigest", Some(&agent.code_digest)),
        ("sponsor", Some(&agent.sponsor)),
        ("trustDomain", Some(&agent.trust_domain)),
        ("spiffeId", agent.spiffe_id.as_ref()),
    ];
    for (name, value) in enrolled {
        let Some(value) = value else { continue };
        if claims.get(name).is_some_and(|claimed| claimed.as_str() != Some(value)) {
            return Err(Problem::malformed(
                &format!("/claims/{name}"),
                "is not what the agent was enrolled with; change the agent first",
            ));
        }
        claims.insert(name, value.clone());
    }
    Ok(claims)
}

fn whole(
    mut document: Value<'static>,
    named: bool,
    entries: Vec<Object<'static>>,
) -> Result<(Value<'static>, Parts), Problem> {
    if let Value::Object(object) = &mut document
        && !entries.is_empty()
    {
        let mut all: Vec<Value<'static>> = match object.remove("credentialStatus") {
            None => Vec::new(),
            Some(Value::Array(entries)) => entries,
            Some(one) => vec![one],
        };
        all.extend(entries.into_iter().map(Value::Object));
        object.insert("credentialStatus", all);
    }
    let unverified = Unverified::from_value(&document)?;
    let types = unverified.claimed_types();
    let narrow = types.iter().find(|name| **name != "VerifiableCredential").or(types.first());
    let credential_type = narrow.map(|name| (*name).to_owned()).unwrap_or_default();
    let parts = Parts {
        document_id: unverified.claimed_id().filter(|_| named).map(ToOwned::to_owned),
        credential_type,
        valid_until: unverified.claimed_valid_until().map(bonafide_core::time::Timestamp::unix),
        requires: None,
    };
    Ok((document, parts))
}

impl Prepared {
    /// Whether signing and checking it is a matter of microseconds: neither RDF nor a proof for each
    /// statement.
    pub(crate) fn is_quick(&self) -> bool {
        self.order_format.is_token()
            || matches!(self.order_format, Format::EddsaJcs2022 | Format::EcdsaJcs2019)
    }

    /// Signs it, and has it checked as any verifier would.
    pub(crate) fn sign(self, environment: &Environment) -> Result<Signed, Problem> {
        let key = self.issuing.key_for(self.order_format);
        let key = key.ok_or_else(|| no_key(&self.issuing, self.order_format))?;
        let mut random = |bytes: &mut [u8]| environment.fill_for_signing(bytes);
        let now = self.at.second();
        let secured = secure_with(
            self.issuing.suites,
            self.document,
            self.order_format,
            &self.selective,
            key,
            now,
            &mut random,
        )
        .map_err(|error| not_secured(&error))?;
        let secured = match secured {
            Value::String(token) => token.into_owned().into_bytes(),
            other => to_canonical_string(&other).into_bytes(),
        };
        let shown = shown(&secured, self.order_format)?;
        let report = verify_proof(&shown, &Request::new(), self.issuing.evidence(), now);
        if report.outcome != Outcome::Accepted {
            let reasons: Vec<String> = report
                .checks
                .iter()
                .flat_map(|check| check.reasons.iter().map(ToString::to_string))
                .collect();
            return Err(Problem::proof_generation(format!(
                "a verifier would refuse this credential: {}",
                reasons.join("; ")
            )));
        }
        Ok(Signed {
            id: self.id,
            document_id: self.document_id,
            credential_type: self.credential_type,
            format: self.order_format,
            valid_until: self.credential.valid_until,
            secured,
        })
    }

    /// What the log says once it is signed.
    pub(crate) fn issued_event(&self) -> IssuedEvent {
        IssuedEvent { credential: self.credential.clone() }
    }
}

/// What a verifier would be shown: of a base proof, which no verifier takes, one derived from it
/// that hides nothing.
fn shown(secured: &[u8], format: Format) -> Result<Cow<'_, [u8]>, Problem> {
    let Some(suite) = format.suite().filter(|suite| suite.is_selective()) else {
        return Ok(Cow::Borrowed(secured));
    };
    let failed = |error: &dyn std::fmt::Display| Problem::proof_generation(error.to_string());
    let document =
        parse(secured, &Limits::for_size(secured.len())).map_err(|error| failed(&error))?;
    let Value::Object(document) = &document else { return Ok(Cow::Borrowed(secured)) };
    let proofs = proofs_of(document).map_err(|error| failed(&error))?;
    let Some(proof) = proofs.last() else { return Ok(Cow::Borrowed(secured)) };
    let input =
        DeriveInput { document, proof, reveal: &["/credentialSubject"], presentation_header: &[] };
    let derived = suite.derive(input).map_err(|error| failed(&error))?;
    Ok(Cow::Owned(to_canonical_string(&derived.into()).into_bytes()))
}

/// The event of an issuance, but for what was signed.
pub(crate) struct IssuedEvent {
    credential: Credential,
}

impl IssuedEvent {
    /// With what was signed.
    pub(crate) fn of(
        self,
        secured: Vec<u8>,
        caller: &Caller,
        environment: &Environment,
    ) -> Result<Issued, Problem> {
        let mut draft = EventDraft::new("credential-issued")
            .digest(Sha256::digest(&secured).into())
            .with("credential", &self.credential.id)
            .with("type", &self.credential.credential_type);
        if let Some(agent) = self.credential.agent {
            draft = draft.agent(agent);
        }
        let event = draft.finish(caller, environment)?;
        Ok(Issued { credential: self.credential, secured, event })
    }
}

fn not_secured(error: &SecureError) -> Problem {
    match error.is_fault() {
        true => Problem::fault(&error.to_string()),
        false => Problem::proof_generation(error.to_string()),
    }
}

fn event(
    kind: &'static str,
    credential: &Credential,
    payload: &[u8],
    caller: &Caller,
    environment: &Environment,
) -> Result<crate::store::Event, Problem> {
    let mut draft = EventDraft::new(kind)
        .digest(Sha256::digest(payload).into())
        .with("credential", &credential.id)
        .with("type", &credential.credential_type)
        .with("instance", &credential.instance)
        .with("key", &credential.key)
        .with("format", &credential.format)
        .with("status", &credential.status_place.map(status_member));
    if !credential.child_indexes.is_empty() {
        draft = draft.with("children", &credential.child_indexes);
    }
    if let Some(agent) = credential.agent {
        // What became of it is in the agent's history; that it was begun is on the log alone.
        draft = draft.with("agent", &agent);
    }
    Ok(draft.finish(caller, environment)?)
}

fn status_member(place: StatusPlace) -> serde_json::Value {
    serde_json::json!({"list": place.list, "index": place.index})
}
