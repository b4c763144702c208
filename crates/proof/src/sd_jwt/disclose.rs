//! From digests and disclosures to claims (RFC 9901, 7.1).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use bonafide_core::Malformed;
use bonafide_core::encoding::decode_base64url;
use bonafide_core::json::{Limits, Object, Value, parse};

use super::{
    DIGESTS, ELEMENT, HASH, LONGEST_NAME, RESERVED, SHA_256, SdJwt, SdJwtError, descend,
    digest_bytes, sha256, short, within_depth,
};

const PAYLOAD: &str = "SD-JWT payload";
const DISCLOSURE: &str = "disclosure";

/// Where in the claims something may be hidden. A decoy counts as any other digest: nobody can tell
/// them apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hiding {
    /// Whether the payload has digests of its own members.
    pub at_top: bool,
    /// The members of the payload that stand there by a disclosure.
    pub disclosed: Vec<String>,
    /// The members of the payload in which there are digests, however deep.
    pub inside: Vec<String>,
    /// The members of the payload that are arrays of which elements may be hidden.
    pub lists: Vec<String>,
}

impl Hiding {
    /// Whether anything may be hidden at all.
    pub fn is_any(&self) -> bool {
        self.at_top || !self.inside.is_empty()
    }
}

/// What [`SdJwt::process`] gives.
pub(super) struct Processed {
    pub(super) claims: Object<'static>,
    /// The indices of the disclosures that stand at one of the wanted pointers.
    pub(super) found: BTreeSet<usize>,
    hiding: Hiding,
}

impl SdJwt<'_> {
    /// The processed payload (RFC 9901, 7.1): claims in the place of their digests; `_sd`, `...`
    /// and `_sd_alg` gone, and digests without a disclosure with them. Verify the issuer's
    /// signature before relying on it.
    ///
    /// Refused beyond the letter of the RFC: digests that are not SHA-256 in base64url, claims
    /// named `_sd_alg`, disclosed names of more than [`LONGEST_NAME`] bytes, and `...` anywhere but
    /// as the one member of an element.
    ///
    /// The work is n log n in the length of the text: each disclosure is read once and put in
    /// place once, since no digest may occur twice. The values of all parts together are bounded
    /// as those of one document of this length.
    pub fn disclose(&self) -> Result<Object<'static>, SdJwtError> {
        Ok(self.process(&BTreeSet::new())?.claims)
    }

    /// As [`SdJwt::disclose`], and where in the claims something may be hidden.
    pub fn disclose_and_locate(&self) -> Result<(Object<'static>, Hiding), SdJwtError> {
        let processed = self.process(&BTreeSet::new())?;
        Ok((processed.claims, processed.hiding))
    }

    /// The processed payload, and which disclosures stand at one of the `wanted` pointers into it.
    pub(super) fn process(&self, wanted: &BTreeSet<&str>) -> Result<Processed, SdJwtError> {
        // Each disclosure brings an array, a salt, a name and a value.
        let mut values = Limits::for_size(self.text.len()).values + 4 * self.disclosures.len();
        let payload = self.issuer_jws.decode_payload()?;
        let payload = parse_counted(&payload, &mut values, PAYLOAD)?;
        let payload =
            payload.as_object().ok_or_else(|| Malformed::new(PAYLOAD, "expected an object"))?;
        check_hash(payload)?;
        let mut hidden = BTreeMap::new();
        for (index, disclosure) in self.disclosures.iter().enumerate() {
            let read = Hidden::read(index, disclosure, &mut values)?;
            if hidden.insert(sha256(disclosure), read).is_some() {
                return Err(SdJwtError::DisclosureRepeated);
            }
        }
        let mut processor = Processor {
            hidden,
            seen: BTreeSet::new(),
            wanted,
            found: BTreeSet::new(),
            pointer: String::new(),
            digests: 0,
            hiding: Hiding::default(),
        };
        let claims = processor.object(payload, 1)?;
        if !processor.hidden.is_empty() {
            return Err(SdJwtError::DisclosureUnused);
        }
        Ok(Processed { claims, found: processor.found, hiding: processor.hiding })
    }
}

/// Parses one part of a token, and takes its values off those that are left for all parts.
fn parse_counted<'b>(
    bytes: &'b [u8],
    values: &mut usize,
    what: &'static str,
) -> Result<Value<'b>, Malformed> {
    let limits = Limits { values: *values, ..Limits::for_size(bytes.len()) };
    let value = parse(bytes, &limits).map_err(|error| Malformed::json(what, &error))?;
    *values = values.saturating_sub(count(&value));
    Ok(value)
}

/// How many values a tree holds; no deeper than the parser lets it be.
fn count(value: &Value<'_>) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(object) => 1 + object.iter().map(|(_, member)| count(member)).sum::<usize>(),
        _ => 1,
    }
}

fn check_hash(payload: &Object<'_>) -> Result<(), SdJwtError> {
    match payload.get(HASH).map(Value::as_str) {
        None | Some(Some(SHA_256)) => Ok(()),
        Some(Some(found)) => Err(SdJwtError::HashRefused { found: short(found) }),
        Some(None) => Err(Malformed::at(PAYLOAD, "/_sd_alg", "expected a string").into()),
    }
}

/// What a disclosure discloses.
struct Hidden {
    index: usize,
    /// The claim's name; `None` for an element of an array.
    name: Option<String>,
    value: Value<'static>,
}

impl Hidden {
    /// Reads `[salt, name, value]` (RFC 9901, 4.2.1) or `[salt, value]` (4.2.2).
    fn read(index: usize, disclosure: &str, values: &mut usize) -> Result<Self, SdJwtError> {
        let bytes = decode_base64url(disclosure).map_err(|error| error.within(DISCLOSURE, ""))?;
        let Value::Array(parts) = parse_counted(&bytes, values, DISCLOSURE)? else {
            return Err(Malformed::new(DISCLOSURE, "expected an array").into());
        };
        let mut parts = parts.into_iter();
        let (name, value) = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Value::String(_)), Some(value), None, None) => (None, value),
            (Some(Value::String(_)), Some(Value::String(name)), Some(value), None) => {
                (Some(name.into_owned()), value)
            }
            _ => {
                let detail = "expected [salt, name, value] or [salt, value]";
                return Err(Malformed::new(DISCLOSURE, detail).into());
            }
        };
        match name {
            Some(name) if RESERVED.contains(&name.as_str()) => {
                Err(SdJwtError::DisclosureNameReserved { name })
            }
            Some(name) if name.len() > LONGEST_NAME => {
                Err(Malformed::new(DISCLOSURE, "the name of the claim is too long").into())
            }
            name => Ok(Self { index, name, value: value.into_owned() }),
        }
    }
}

struct Processor<'w> {
    /// By digest; taken out when put in place.
    hidden: BTreeMap<[u8; 32], Hidden>,
    /// Every digest so far, those of decoys among them.
    seen: BTreeSet<[u8; 32]>,
    wanted: &'w BTreeSet<&'w str>,
    found: BTreeSet<usize>,
    /// Where we are in the processed payload. One buffer, not a pointer for each disclosure: names
    /// may be long and disclosures many.
    pointer: String,
    /// How many objects and arrays with digests there were so far.
    digests: usize,
    hiding: Hiding,
}

impl Processor<'_> {
    /// `depth` counts the containers around `value`; recursion ends where it is too deep, however
    /// the disclosures are linked.
    fn value(&mut self, value: &Value<'_>, depth: usize) -> Result<Value<'static>, SdJwtError> {
        match value {
            Value::Array(items) => self.array(items, depth + 1).map(Value::Array),
            Value::Object(object) => self.object(object, depth + 1).map(Value::Object),
            plain => Ok(plain.clone().into_owned()),
        }
    }

    fn below(
        &mut self,
        token: &str,
        value: &Value<'_>,
        depth: usize,
    ) -> Result<Value<'static>, SdJwtError> {
        let before = descend(&mut self.pointer, token);
        let digests = self.digests;
        let processed = self.value(value, depth);
        self.pointer.truncate(before);
        if depth == 1 && self.digests > digests {
            self.hiding.inside.push(token.to_owned());
            if value.as_array().is_some_and(|items| items.iter().any(is_hidden)) {
                self.hiding.lists.push(token.to_owned());
            }
        }
        processed
    }

    /// As [`Processor::below`], for what a disclosure discloses.
    fn revealed(
        &mut self,
        token: &str,
        hidden: &Hidden,
        depth: usize,
    ) -> Result<Value<'static>, SdJwtError> {
        if !self.wanted.is_empty() {
            let before = descend(&mut self.pointer, token);
            if self.wanted.contains(self.pointer.as_str()) {
                self.found.insert(hidden.index);
            }
            self.pointer.truncate(before);
        }
        if depth == 1 {
            self.hiding.disclosed.push(token.to_owned());
        }
        self.below(token, &hidden.value, depth)
    }

    /// What a digest stands for; `None` for a decoy, and for what is not disclosed.
    fn look_up(&mut self, digest: &Value<'_>) -> Result<Option<Hidden>, SdJwtError> {
        let digest = digest
            .as_str()
            .and_then(digest_bytes)
            .ok_or_else(|| Malformed::new(PAYLOAD, "a digest is not SHA-256 in base64url"))?;
        if !self.seen.insert(digest) {
            return Err(SdJwtError::DigestRepeated);
        }
        Ok(self.hidden.remove(&digest))
    }

    fn object(&mut self, object: &Object<'_>, depth: usize) -> Result<Object<'static>, SdJwtError> {
        within_depth(depth)?;
        let mut members = Vec::with_capacity(object.len());
        for (name, value) in object.iter() {
            match name {
                DIGESTS => {}
                HASH if depth == 1 => {}
                HASH => return Err(Malformed::new(PAYLOAD, "_sd_alg below the top").into()),
                ELEMENT => return Err(Malformed::new(PAYLOAD, "... is out of its place").into()),
                _ => {
                    let value = self.below(name, value, depth)?;
                    members.push((Cow::Owned(name.to_owned()), value));
                }
            }
        }
        if let Some(digests) = object.get(DIGESTS) {
            let digests = digests
                .as_array()
                .ok_or_else(|| Malformed::new(PAYLOAD, "_sd is not an array of strings"))?;
            self.digests += 1;
            self.hiding.at_top |= depth == 1;
            for digest in digests {
                let Some(hidden) = self.look_up(digest)? else { continue };
                let Some(name) = &hidden.name else {
                    let detail = "an element is disclosed where a member belongs";
                    return Err(Malformed::new(DISCLOSURE, detail).into());
                };
                let value = self.revealed(name, &hidden, depth)?;
                members.push((Cow::Owned(name.clone()), value));
            }
        }
        Object::from_members(members)
            .map_err(|name| SdJwtError::DisclosureNameCollision { name: short(&name) })
    }

    fn array(
        &mut self,
        items: &[Value<'_>],
        depth: usize,
    ) -> Result<Vec<Value<'static>>, SdJwtError> {
        within_depth(depth)?;
        let mut processed = Vec::with_capacity(items.len());
        for item in items {
            // The index among those that remain.
            let index = processed.len().to_string();
            let Some(digest) = item.get(ELEMENT) else {
                processed.push(self.below(&index, item, depth)?);
                continue;
            };
            if item.as_object().is_some_and(|object| object.len() > 1) {
                return Err(Malformed::new(PAYLOAD, "... is not the only member").into());
            }
            self.digests += 1;
            let Some(hidden) = self.look_up(digest)? else { continue };
            if hidden.name.is_some() {
                let detail = "a member is disclosed where an element belongs";
                return Err(Malformed::new(DISCLOSURE, detail).into());
            }
            processed.push(self.revealed(&index, &hidden, depth)?);
        }
        Ok(processed)
    }
}

/// Whether an element of an array is the digest of one.
fn is_hidden(item: &Value<'_>) -> bool {
    item.get(ELEMENT).is_some()
}
