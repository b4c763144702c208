//! Presenting (RFC 9901, 7.2).

use std::collections::BTreeSet;

use bonafide_core::encoding::encode_base64url;
use bonafide_core::json::{Number, Object, Value, to_canonical_string};
use bonafide_core::time::Timestamp;

use super::{SdJwt, SdJwtError, descend, sha256};
use crate::jose::{TokenType, sign_with};
use crate::signer::Signer;

impl SdJwt<'_> {
    /// The same SD-JWT with as few disclosures as what `reveal` leads to needs; in compact form.
    ///
    /// `reveal` holds RFC 6901 pointers into the payload that [`SdJwt::disclose`] gives. What a
    /// disclosed claim stands in is disclosed with it. What stands in a revealed claim and can be
    /// withheld by itself is not: it wants a pointer of its own.
    pub fn present(&self, reveal: &[&str]) -> Result<String, SdJwtError> {
        self.refuse_bound()?;
        let mut wanted = BTreeSet::new();
        for &pointer in reveal {
            wanted.insert(pointer);
            for (end, _) in pointer.match_indices('/') {
                wanted.insert(&pointer[..end]);
            }
        }
        let processed = self.process(&wanted)?;
        let payload = Value::from(processed.claims);
        if let Some(pointer) = reveal.iter().find(|pointer| !leads_somewhere(&payload, pointer)) {
            return Err(SdJwtError::PointerUnknown { pointer: (*pointer).to_owned() });
        }
        let mut presented = format!("{}~", self.issuer_text());
        for (index, disclosure) in self.disclosures.iter().enumerate() {
            if processed.found.contains(&index) {
                presented.push_str(disclosure);
                presented.push('~');
            }
        }
        Ok(presented)
    }

    /// The same SD-JWT with a key binding JWT (RFC 9901, 4.3): the holder of the key meant these
    /// disclosures for this audience, in answer to this nonce. In compact form.
    pub fn bind_key(
        &self,
        audience: &str,
        nonce: &str,
        issued_at: Timestamp,
        signer: &dyn Signer,
    ) -> Result<String, SdJwtError> {
        // No `kid`: the issuer named the key.
        self.bind(None, audience, nonce, issued_at, signer)
    }

    /// The same where the issuer named no key in `cnf`: the key binding names its own, by its DID
    /// URL.
    pub fn bind_key_as(
        &self,
        kid: &str,
        audience: &str,
        nonce: &str,
        issued_at: Timestamp,
        signer: &dyn Signer,
    ) -> Result<String, SdJwtError> {
        self.bind(Some(kid), audience, nonce, issued_at, signer)
    }

    fn bind(
        &self,
        kid: Option<&str>,
        audience: &str,
        nonce: &str,
        issued_at: Timestamp,
        signer: &dyn Signer,
    ) -> Result<String, SdJwtError> {
        self.refuse_bound()?;
        let claims = Object::from([
            ("aud", Value::from(audience)),
            ("iat", Value::Number(Number::Integer(issued_at.unix()))),
            ("nonce", nonce.into()),
            ("sd_hash", encode_base64url(&sha256(self.unbound)).into()),
        ]);
        let claims = to_canonical_string(&claims.into());
        let binding = sign_with(claims.as_bytes(), TokenType::KB_JWT, kid, signer)?;
        Ok(format!("{}{binding}", self.unbound))
    }

    fn refuse_bound(&self) -> Result<(), SdJwtError> {
        match self.key_binding {
            Some(_) => Err(SdJwtError::AlreadyBound),
            None => Ok(()),
        }
    }
}

/// Whether there is something at `pointer`, spelled as [`descend`] spells it: `/01` and `/~2` are
/// no pointers, since what they mean would be looked for under another spelling.
fn leads_somewhere(payload: &Value<'_>, pointer: &str) -> bool {
    let mut spelled = String::with_capacity(pointer.len());
    let mut here = payload;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        let below = match here {
            Value::Object(object) => object.get(&token),
            Value::Array(items) => token
                .parse::<usize>()
                .ok()
                .filter(|index| index.to_string() == token)
                .and_then(|index| items.get(index)),
            _ => None,
        };
        let Some(below) = below else { return false };
        descend(&mut spelled, &token);
        here = below;
    }
    spelled == pointer
}
