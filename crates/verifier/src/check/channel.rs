//! Is the presentation made for the very HTTP request that it came with?

use bonafide_core::encoding::encode_base64url;
use bonafide_core::json::{Object, Value};
use bonafide_proof::jose::numeric_date;

use crate::evidence::short;
use crate::{Reason, Request};

/// The longest that a presentation for one HTTP request may live, in seconds.
pub(crate) const LONGEST_LIFE: i64 = 300;

/// The longest `jti`, in bytes.
const LONGEST_JTI: usize = 128;

/// What binds a presentation to one HTTP request (its claims are named as in RFC 9449, 4.2).
const CLAIMS: [&str; 3] = ["htm", "htu", "body_sha256"];

/// Compares the claims of a `vp+jwt` with the request. A presentation that is bound to a request
/// counts for no other use, so its claims have to be asked for.
pub(crate) fn check(claims: &Object<'_>, request: &Request) -> Vec<Reason> {
    let text = |value: &Value<'_>| value.as_str().unwrap_or("no text").to_owned();
    let claimed = |name: &str| claims.get(name).map(text);
    let method = request.method.clone();
    let uri = request.uri.as_deref().map(|uri| without_query(uri).to_owned());
    let body = request.body_digest.map(|digest| encode_base64url(&digest));
    let mut reasons = Vec::new();
    for (claim, expected) in CLAIMS.into_iter().zip([method, uri, body]) {
        let found = claimed(claim);
        if found != expected {
            let found = found.as_deref().map(short);
            reasons.push(Reason::ChannelMismatch { claim, expected, found });
        }
    }
    let peer = request.peer_certificate.map(|digest| encode_base64url(&digest));
    let thumbprint = claims.get("cnf").and_then(|cnf| cnf.get("x5t#S256")).and_then(Value::as_str);
    // One that was made for a certificate comes with it.
    if peer.as_deref() != thumbprint && (thumbprint.is_some() || peer.is_some()) {
        let found = thumbprint.map(short);
        reasons.push(Reason::ChannelMismatch { claim: "cnf", expected: peer, found });
    }
    if request.method.is_some() {
        reasons.extend(lifetime(claims));
    }
    reasons
}

/// Its id, by which it is used once; `None` where it has none that serves.
pub(crate) fn jti<'c>(claims: &'c Object<'_>) -> Option<&'c str> {
    claims.str("jti").filter(|jti| (1..=LONGEST_JTI).contains(&jti.len()))
}

/// It has an id of its own, and minutes to live.
fn lifetime(claims: &Object<'_>) -> Option<Reason> {
    if jti(claims).is_none() {
        let expected = Some("an id of 1 to 128 bytes".to_owned());
        let found = claims.str("jti").map(short);
        return Some(Reason::ChannelMismatch { claim: "jti", expected, found });
    }
    let dates = [numeric_date(claims, "iat"), numeric_date(claims, "exp")];
    let [Ok(Some(issued)), Ok(Some(expires))] = dates else {
        let expected = Some("iat and exp".to_owned());
        return Some(Reason::ChannelMismatch { claim: "exp", expected, found: None });
    };
    let seconds = expires.saturating_sub(issued);
    (seconds > LONGEST_LIFE).then(|| Reason::LifetimeTooLong {
        seconds: seconds.unsigned_abs(),
        limit: LONGEST_LIFE.unsigned_abs(),
    })
}

/// A URI without query and fragment.
pub(crate) fn without_query(uri: &str) -> &str {
    uri.split(['?', '#']).next().unwrap_or(uri)
}
