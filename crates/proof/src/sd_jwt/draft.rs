//! Issuing (RFC 9901, 4.1 and 4.2).

use std::collections::BTreeSet;

use bonafide_core::Malformed;
use bonafide_core::encoding::encode_base64url;
use bonafide_core::json::{Object, Value, to_canonical_string};
use sha2::{Digest, Sha256};

use super::{
    DIGESTS, ELEMENT, HASH, LONGEST_NAME, MOST_DISCLOSURES, RESERVED, SHA_256, SdJwtError, descend,
    digest_text, short, within_depth,
};
use crate::jose::{self, TokenType};
use crate::signer::Signer;

/// What is to be issued as an SD-JWT.
#[derive(Clone, Copy, Debug)]
pub struct SdJwtDraft<'a> {
    /// All claims, in plain.
    pub payload: &'a Object<'a>,
    /// RFC 6901 pointers to the members and elements that the holder may withhold, in any order.
    /// One may lie below another: then it can be disclosed only together with the other
    /// (RFC 9901, 4.2.6).
    pub disclosable: &'a [&'a str],
    /// How many decoy digests each object gets that has something to withhold (RFC 9901, 4.2.5).
    pub decoys: usize,
}

impl SdJwtDraft<'_> {
    /// Signs it; gives the compact form with all disclosures.
    ///
    /// `salt` draws 128 random bits at each call, from a source fit for keys. The digests of an
    /// object are sorted, so that their order tells nothing.
    ///
    /// Refused: a pointer that leads nowhere, claims with reserved names at any depth, names of
    /// more than [`LONGEST_NAME`] bytes to be withheld, and a salt that comes twice.
    pub fn issue(
        &self,
        token_type: TokenType,
        kid: &str,
        signer: &dyn Signer,
        salt: &mut dyn FnMut() -> [u8; 16],
    ) -> Result<String, SdJwtError> {
        let mut hider = Hider {
            disclosable: self.disclosable.iter().copied().collect(),
            decoys: self.decoys,
            salt,
            salts: BTreeSet::new(),
            disclosures: Vec::new(),
            pointer: String::new(),
        };
        let mut payload = hider.object(self.payload, 1)?;
        if let Some(pointer) = hider.disclosable.first() {
            return Err(SdJwtError::PointerUnknown { pointer: (*pointer).to_owned() });
        }
        payload.insert(HASH, SHA_256);
        let mut token = jose::sign(&Value::from(payload), token_type, kid, signer)?;
        token.push('~');
        for disclosure in &hider.disclosures {
            token.push_str(disclosure);
            token.push('~');
        }
        Ok(token)
    }
}

struct Hider<'d, 's> {
    /// Pointers that were not met so far.
    disclosable: BTreeSet<&'d str>,
    decoys: usize,
    salt: &'s mut dyn FnMut() -> [u8; 16],
    salts: BTreeSet<[u8; 16]>,
    disclosures: Vec<String>,
    /// Where we are in the plain payload.
    pointer: String,
}

impl Hider<'_, '_> {
    /// What stands for `value`, which may itself hold digests; and whether it is to be withheld.
    fn below(
        &mut self,
        token: &str,
        value: &Value<'_>,
        depth: usize,
    ) -> Result<(Value<'static>, bool), SdJwtError> {
        let before = descend(&mut self.pointer, token);
        let hidden = match value {
            Value::Array(items) => Value::Array(self.array(items, depth + 1)?),
            Value::Object(object) => Value::Object(self.object(object, depth + 1)?),
            plain => plain.clone().into_owned(),
        };
        let withheld = self.disclosable.remove(self.pointer.as_str());
        self.pointer.truncate(before);
        Ok((hidden, withheld))
    }

    fn object(&mut self, object: &Object<'_>, depth: usize) -> Result<Object<'static>, SdJwtError> {
        within_depth(depth)?;
        let mut shown = Object::new();
        let mut digests = Vec::new();
        for (name, value) in object.iter() {
            if RESERVED.contains(&name) {
                return Err(SdJwtError::DisclosureNameReserved { name: short(name) });
            }
            let (value, withheld) = self.below(name, value, depth)?;
            if withheld {
                digests.push(self.withhold(Some(name), value)?);
            } else {
                shown.insert(name.to_owned(), value);
            }
        }
        if !digests.is_empty() {
            for _ in 0..self.decoys {
                digests.push(encode_base64url(&Sha256::digest(self.fresh_salt()?)));
            }
            digests.sort_unstable();
            shown.insert(DIGESTS, digests);
        }
        Ok(shown)
    }

    fn array(
        &mut self,
        items: &[Value<'_>],
        depth: usize,
    ) -> Result<Vec<Value<'static>>, SdJwtError> {
        within_depth(depth)?;
        let mut shown = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let (item, withheld) = self.below(&index.to_string(), item, depth)?;
            if withheld {
                let digest = self.withhold(None, item)?;
                shown.push(Object::from([(ELEMENT, digest)]).into());
            } else {
                shown.push(item);
            }
        }
        Ok(shown)
    }

    /// Makes a disclosure and gives its digest.
    fn withhold(
        &mut self,
        name: Option<&str>,
        value: Value<'static>,
    ) -> Result<String, SdJwtError> {
        if self.disclosures.len() == MOST_DISCLOSURES {
            return Err(SdJwtError::TooMany { what: "disclosures", limit: MOST_DISCLOSURES });
        }
        if name.is_some_and(|name| name.len() > LONGEST_NAME) {
            return Err(Malformed::new("claim", "its name is too long to be withheld").into());
        }
        let mut parts: Vec<Value<'static>> = vec![encode_base64url(&self.fresh_salt()?).into()];
        parts.extend(name.map(|name| Value::from(name.to_owned())));
        parts.push(value);
        let disclosure = to_canonical_string(&Value::Array(parts));
        let disclosure = encode_base64url(disclosure.as_bytes());
        let digest = digest_text(&disclosure);
        self.disclosures.push(disclosure);
        Ok(digest)
    }

    /// A salt that was not drawn before: one that repeats comes from a broken source.
    fn fresh_salt(&mut self) -> Result<[u8; 16], SdJwtError> {
        let salt = (self.salt)();
        if !self.salts.insert(salt) {
            return Err(Malformed::new("salt", "drawn twice: the source is not random").into());
        }
        Ok(salt)
    }
}
