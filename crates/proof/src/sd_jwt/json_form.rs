//! The JSON forms of an SD-JWT (RFC 9901, 8).

use std::borrow::Cow;

use bonafide_core::Malformed;
use bonafide_core::json::{Limits, Object, Value, parse, to_canonical_string};

use super::{MOST_DISCLOSURES, SdJwt, SdJwtError, short};

const WHAT: &str = "SD-JWT in JSON";

/// The compact form of a text in any of the three: compact, which is given back as it is, and the
/// flattened and the general JSON form, whose parts are put together as `sd_hash` sees them
/// (RFC 9901, 8.1).
///
/// Of unprotected headers only `disclosures`, `kb_jwt` and `kid` are known, and `kid` is ignored:
/// the key is the one that the protected header names. Anything else is refused, since nobody
/// signed it. The general form has exactly one signature: another one would be carried along
/// unchecked.
pub fn compact(text: &str) -> Result<Cow<'_, str>, SdJwtError> {
    if !text.trim_start().starts_with('{') {
        return Ok(Cow::Borrowed(text));
    }
    let value = parse(text.as_bytes(), &Limits::for_size(text.len()))
        .map_err(|error| Malformed::json(WHAT, &error))?;
    let whole = value.as_object().ok_or_else(|| Malformed::new(WHAT, "expected an object"))?;
    let signed = match whole.get("signatures") {
        None => {
            only(whole, &["header", "payload", "protected", "signature"])?;
            whole
        }
        Some(signatures) => {
            only(whole, &["payload", "signatures"])?;
            let signed = match signatures.as_array() {
                Some([signed]) => signed.as_object(),
                Some([_, _, ..]) => {
                    return Err(SdJwtError::TooMany { what: "signatures", limit: 1 });
                }
                _ => None,
            };
            let signed =
                signed.ok_or_else(|| Malformed::at(WHAT, "/signatures", "expected one object"))?;
            only(signed, &["header", "protected", "signature"])?;
            signed
        }
    };
    let mut compact = format!(
        "{}.{}.{}~",
        part(signed, "protected", is_base64url)?,
        part(whole, "payload", is_base64url)?,
        part(signed, "signature", is_base64url)?
    );
    if let Some(header) = signed.get("header") {
        let header = header
            .as_object()
            .ok_or_else(|| Malformed::new(WHAT, "the unprotected header is not an object"))?;
        add_unprotected(&mut compact, header)?;
    }
    Ok(Cow::Owned(compact))
}

fn add_unprotected(compact: &mut String, header: &Object<'_>) -> Result<(), SdJwtError> {
    let known = ["disclosures", "kb_jwt", "kid"];
    if let Some((member, _)) = header.iter().find(|(member, _)| !known.contains(member)) {
        return Err(SdJwtError::UnprotectedHeaderRefused { member: short(member) });
    }
    if let Some(disclosures) = header.get("disclosures") {
        let disclosures = disclosures
            .as_array()
            .ok_or_else(|| Malformed::new(WHAT, "disclosures is not an array of strings"))?;
        if disclosures.len() > MOST_DISCLOSURES {
            return Err(SdJwtError::TooMany { what: "disclosures", limit: MOST_DISCLOSURES });
        }
        for disclosure in disclosures {
            let disclosure = disclosure
                .as_str()
                .filter(|text| is_base64url(text))
                .ok_or_else(|| Malformed::new(WHAT, "a disclosure is not base64url"))?;
            compact.push_str(disclosure);
            compact.push('~');
        }
    }
    if header.contains("kid") {
        part(header, "kid", |_| true)?;
    }
    if header.contains("kb_jwt") {
        compact.push_str(part(header, "kb_jwt", |text| text.split('.').all(is_base64url))?);
    }
    Ok(())
}

fn only(object: &Object<'_>, known: &[&str]) -> Result<(), Malformed> {
    match object.iter().find(|(member, _)| !known.contains(member)) {
        Some((member, _)) => {
            Err(Malformed::new(WHAT, format!("the member {:?} is not known", short(member))))
        }
        None => Ok(()),
    }
}

fn part<'v>(
    object: &'v Object<'_>,
    member: &str,
    is_good: impl Fn(&str) -> bool,
) -> Result<&'v str, Malformed> {
    object
        .str(member)
        .filter(|text| is_good(text))
        .ok_or_else(|| Malformed::new(WHAT, format!("{member} is missing or not of its form")))
}

/// Whether a text can be put beside dots and tildes and stay what it was.
fn is_base64url(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

impl SdJwt<'_> {
    /// The flattened JSON form (RFC 9901, 8.2), canonical (RFC 8785).
    pub fn to_flattened_json(&self) -> String {
        let (mut signed, payload) = self.json_parts();
        signed.insert("payload", payload);
        to_canonical_string(&signed.into())
    }

    /// The general JSON form (RFC 9901, 8.3) with its one signature, canonical (RFC 8785).
    pub fn to_general_json(&self) -> String {
        let (signed, payload) = self.json_parts();
        let whole = Object::from([
            ("payload", Value::from(payload)),
            ("signatures", Value::Array(vec![signed.into()])),
        ]);
        to_canonical_string(&whole.into())
    }

    /// Headers and signature; and the payload.
    fn json_parts(&self) -> (Object<'_>, &str) {
        let mut parts = self.issuer_text().split('.');
        let mut part = || parts.next().unwrap_or_default();
        let (protected, payload, signature) = (part(), part(), part());
        let mut header = Object::from([("disclosures", self.disclosures.clone())]);
        if self.key_binding.is_some() {
            header.insert("kb_jwt", &self.text[self.unbound.len()..]);
        }
        let signed = Object::from([
            ("header", Value::Object(header)),
            ("protected", protected.into()),
            ("signature", signature.into()),
        ]);
        (signed, payload)
    }
}
