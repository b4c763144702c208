//! Access tokens (RFC 9068): how they are written, and how the service knows its own again.

use bonafide_core::delegation::Constraint;
use bonafide_core::encoding::hex;
use bonafide_core::json::{Limits, Number, Object, Value, parse, to_canonical_string};
use bonafide_core::time::Timestamp;
use bonafide_proof::jose::{CompactJws, TokenType, numeric_date, sign, thumbprint};
use bonafide_proof::{SignError, Signer as _, Unremembered, VerifyingKey};

use super::exchange::{Allowed, Decision, GRANT_DETAILS};
use crate::id::Id;
use crate::keys::SigningKey;
use crate::signer::{Issuing, Key};
use crate::store::KeyState;

/// No token of ours is longer, in bytes.
pub(crate) const LONGEST: usize = 64 << 10;

/// An access token that was signed and is not given yet.
pub(crate) struct Signed {
    /// The token.
    pub(crate) text: String,
    /// SHA-256 of what was signed.
    pub(crate) digest: [u8; 32],
    /// Its actions, as OAuth writes them.
    pub(crate) scope: String,
    /// Its authorization details.
    pub(crate) details: Value<'static>,
}

/// Signs the token of a decision.
pub(crate) fn sign_token(
    decision: &Decision,
    issuer: &str,
    id: Id,
    key: &SigningKey,
    now: Timestamp,
) -> Result<Signed, SignError> {
    let kid = thumbprint(key.key.public_key());
    let kid = kid.ok_or_else(|| SignError("a key that has no thumbprint".to_owned()))?;
    let (scope, details) = (scope(&decision.allowed), details(decision));
    let claims = claims(decision, issuer, id, &scope, &details, now);
    let text = sign(&claims.into(), TokenType::AT, &kid, &key.key)?;
    let digest = CompactJws::parse(&text, TokenType::AT)
        .map_err(|error| SignError(error.to_string()))?
        .digest();
    Ok(Signed { text, digest, scope, details })
}

/// The claims of a token (RFC 9068, 2.2; RFC 8693, 4.1; RFC 9396, 9.1).
fn claims(
    decision: &Decision,
    issuer: &str,
    id: Id,
    scope: &str,
    details: &Value<'static>,
    now: Timestamp,
) -> Object<'static> {
    let subject = decision.principal.as_ref().map_or(&decision.client, |known| &known.subject);
    let audience = match decision.allowed.audience.as_slice() {
        [one] => Value::from(one.clone()),
        several => several.to_vec().into(),
    };
    let mut claims = Object::from([
        ("iss", Value::from(issuer.to_owned())),
        ("sub", subject.clone().into()),
        ("aud", audience),
        ("exp", seconds(decision.expires)),
        ("iat", seconds(now)),
        ("jti", id.to_string().into()),
        ("client_id", decision.client.clone().into()),
        ("cnf", decision.binding.to_cnf().into()),
        ("authorization_details", details.clone()),
    ]);
    if !scope.is_empty() {
        claims.insert("scope", scope.to_owned());
    }
    if let Some(principal) = &decision.principal {
        // `sub` is unique with its issuer alone (RFC 9493, 3.2.4).
        let members = [
            ("format", "iss_sub".to_owned()),
            ("iss", principal.issuer.clone()),
            ("sub", principal.subject.clone()),
        ];
        claims.insert("sub_id", Object::from(members));
    }
    if let Some(act) = act(decision) {
        claims.insert("act", act);
    }
    claims
}

/// The agents, the presenter outermost, the first of the chain innermost. An agent that acts for
/// nobody and by itself is the subject, and no actor.
fn act(decision: &Decision) -> Option<Object<'static>> {
    if decision.principal.is_none() && decision.agents.len() < 2 {
        return None;
    }
    decision.agents.iter().fold(None, |inner, agent| {
        let mut act = Object::from([("sub", agent.clone())]);
        if let Some(inner) = inner {
            act.insert("act", inner);
        }
        Some(act)
    })
}

/// The actions that can be written as a scope (RFC 6749, 3.3), each once.
fn scope(allowed: &Allowed) -> String {
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    let all = allowed.details.iter().flat_map(|detail| &detail.actions);
    let mut names: Vec<&str> =
        all.map(String::as_str).filter(|name| name.bytes().all(fits)).collect();
    names.sort_unstable();
    names.dedup();
    names.join(" ")
}

fn details(decision: &Decision) -> Value<'static> {
    let details = decision.allowed.details.iter().map(|detail| {
        let locations: Vec<String> =
            detail.locations.iter().map(|location| location.as_str().to_owned()).collect();
        let mut object = Object::from([
            ("type", Value::from(GRANT_DETAILS)),
            ("actions", detail.actions.clone().into()),
            ("locations", locations.into()),
        ]);
        let of_links = decision.allowed.limits.iter().map(|limit| {
            let mut object = limit.constraint.to_object();
            object.insert("credential", limit.credential.clone());
            object
        });
        let asked_for = detail.constraints.iter().map(Constraint::to_object);
        let constraints: Vec<Object<'static>> = of_links.chain(asked_for).collect();
        if !constraints.is_empty() {
            object.insert("constraints", constraints);
        }
        if let Some(task) = &decision.task {
            object.insert("task", task.clone());
        }
        object
    });
    details.collect::<Vec<_>>().into()
}

fn seconds(at: Timestamp) -> Value<'static> {
    Value::Number(Number::Integer(at.unix()))
}

/// A token that this service signed.
pub(crate) struct Known {
    /// Its `jti`.
    pub(crate) id: Id,
    /// SHA-256 of what was signed, in hexadecimal.
    pub(crate) digest: String,
    /// When it ends.
    pub(crate) expires: Timestamp,
    claims: Object<'static>,
}

impl Known {
    /// The token, if one of these keys signed it. A compromised key's do not count.
    pub(crate) fn open(text: &str, issuer: &str, keys: &Issuing) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let jws = CompactJws::parse(text, TokenType::AT).ok()?;
        let is_named = |key: &&Key| {
            key.record.state != KeyState::Compromised
                && thumbprint(&key.public).as_deref() == jws.kid()
        };
        let key = keys.keys.iter().find(is_named)?;
        jws.verify(&VerifyingKey::new(key.public.clone())?, &Unremembered).ok()?;
        let payload = jws.decode_payload().ok()?;
        let Value::Object(claims) = parse(&payload, &Limits::for_size(LONGEST)).ok()?.into_owned()
        else {
            return None;
        };
        let expires = Timestamp::from_unix(numeric_date(&claims, "exp").ok()??)?;
        let id = claims.str("jti")?.parse().ok()?;
        let digest = hex(&jws.digest());
        (claims.str("iss") == Some(issuer)).then_some(Self { id, digest, expires, claims })
    }

    /// The answer of introspection for a token that counts (RFC 7662, 2.2): what it says.
    pub(crate) fn introspection(&self) -> String {
        let mut answer = self.claims.clone();
        answer.insert("active", true);
        let bound = |name| self.claims.get("cnf").and_then(|cnf| cnf.get(name)).is_some();
        answer.insert("token_type", if bound("jkt") { "DPoP" } else { "Bearer" });
        to_canonical_string(&answer.into())
    }
}

/// The public keys as a JSON Web Key Set (RFC 7517, 5): those that sign, and those that did.
pub(crate) fn key_set(keys: &Issuing) -> String {
    let known = keys.keys.iter().filter(|key| key.record.state != KeyState::Compromised);
    let keys: Vec<Object<'static>> = known
        .filter_map(|key| {
            let mut jwk = key.public.to_jwk()?;
            jwk.insert("kid", thumbprint(&key.public)?);
            jwk.insert("use", "sig");
            jwk.insert("alg", VerifyingKey::new(key.public.clone())?.algorithm()?.jose_name);
            Some(jwk)
        })
        .collect();
    to_canonical_string(&Object::from([("keys", Value::from(keys))]).into())
}
