//! Opening a status list of the bundle: its form and its signature, once. What depends on time is
//! judged when the list is used.

use std::time::Duration;

use bonafide_core::Malformed;
use bonafide_core::did::Relationship;
use bonafide_core::json::{Limits, Object, Value, canonical_length, parse};
use bonafide_core::status::{
    BitstringStatusListCredential, FEWEST_ENTRIES, StatusBits, StatusListError, StatusPurpose,
    TokenStatusBits, TokenStatusListClaims,
};
use bonafide_core::time::Timestamp;
use bonafide_core::vc::Unverified;
use bonafide_proof::Unremembered;
use bonafide_proof::data_integrity::Suites;
use bonafide_proof::jose::{CompactJws, TokenType};

use super::credential::JwtClaims;
use super::proof::{Budget, Checker, Proofs, jose_reason};
use crate::Reason;
use crate::bundle::LARGEST_LISTS;
use crate::evidence::{Documents, short};

/// A status list whose signature is good.
#[derive(Debug)]
pub(crate) struct OpenList {
    pub(crate) issuer: String,
    pub(crate) content: ListContent,
    pub(crate) ttl: Option<Duration>,
    /// Its date, by which a newer list is told from an older one.
    pub(crate) stamp: Timestamp,
    pub(crate) valid_until: Option<Timestamp>,
    pub(crate) proofs: Proofs,
}

/// What a list says. One kind is never read as the other.
#[derive(Debug)]
pub(crate) enum ListContent {
    /// A `BitstringStatusListCredential`.
    Bitstring { purposes: Vec<StatusPurpose>, bits: StatusBits },
    /// A `statuslist+jwt`.
    Token(TokenStatusBits),
}

/// The longest list credential, before decompression.
const LARGEST_CREDENTIAL: usize = 8 << 20;

/// A list and its id, if that can be read. A list that is not good comes back as the reason why.
type Opened = (Option<String>, Result<OpenList, Reason>);

pub(crate) fn open_list(
    credential: &Value<'_>,
    documents: &Documents,
    suites: Suites,
    room: &mut usize,
) -> Opened {
    if *room < FEWEST_ENTRIES / 8 {
        // Nothing more is decompressed, nor looked at first.
        let id = credential.get("id").and_then(Value::as_str).map(ToOwned::to_owned);
        let list = short(id.as_deref().unwrap_or_default());
        return (id, Err(Reason::StatusListTooLarge { list, limit: LARGEST_LISTS as u64 }));
    }
    let budget = Budget::new();
    let checker = Checker { keys: documents, suites, check: &Unremembered, budget: &budget };
    let purpose = Relationship::AssertionMethod;
    let Value::String(token) = credential else {
        let empty = Object::new();
        let document = credential.as_object().unwrap_or(&empty);
        let bytes = canonical_length(credential);
        let proofs = match Reason::within("the status list", bytes, LARGEST_CREDENTIAL) {
            Ok(()) => checker.embedded(document, bytes, purpose, |_| ()),
            Err(reason) => Proofs::refused(reason),
        };
        return open(credential, proofs, None, room);
    };
    let unreadable = |reason: Reason| {
        let list = "a compact JWT".to_owned();
        (None, Err(Reason::StatusListInvalid { list, detail: reason.to_string() }))
    };
    let is_token = CompactJws::peek_typ(token).as_deref() == Some(TokenType::STATUS_LIST.typ);
    let kind = if is_token { TokenType::STATUS_LIST } else { TokenType::VC };
    let read = CompactJws::parse(token, kind)
        .and_then(|jws| Ok((jws.decode_payload()?, jws)))
        .map_err(|error| jose_reason(error, ""));
    let (payload, jws) = match read {
        Ok(read) => read,
        Err(reason) => return unreadable(reason),
    };
    match parse(&payload, &Limits::for_size(LARGEST_CREDENTIAL)) {
        Ok(value) if is_token => open_token(&value, checker.compact(&jws, purpose), &jws, room),
        Ok(value) => open(&value, checker.compact(&jws, purpose), Some(&jws), room),
        Err(error) => unreadable(Reason::malformed(Malformed::json("status list", &error))),
    }
}

fn open(
    value: &Value<'_>,
    proofs: Proofs,
    jws: Option<&CompactJws<'_>>,
    room: &mut usize,
) -> Opened {
    let Some(id) = value.get("id").and_then(Value::as_str) else {
        let reason = Reason::malformed(Malformed::at("status list", "/id", "is missing"));
        return (None, Err(reason));
    };
    (Some(id.to_owned()), read(id, value, proofs, jws, room))
}

fn read(
    id: &str,
    value: &Value<'_>,
    mut proofs: Proofs,
    jws: Option<&CompactJws<'_>>,
    room: &mut usize,
) -> Result<OpenList, Reason> {
    let invalid = |detail: String| Reason::StatusListInvalid { list: short(id), detail };
    let malformed = |error: Malformed| invalid(error.to_string());
    let unverified = Unverified::from_value(value).map_err(malformed)?;
    if let Some(reason) = proofs.reasons.pop() {
        return Err(invalid(reason.to_string()));
    }
    let issuer = unverified.claimed_issuer();
    if !proofs.signed_by(issuer) {
        return Err(invalid(format!("it is by {}, but not signed by them", short(issuer))));
    }
    let claims = match jws {
        None => JwtClaims::default(),
        Some(jws) => {
            let claims = JwtClaims::read(unverified.unverified_document()).map_err(malformed)?;
            let named = [claims.issuer, jws.header_issuer()];
            if named.into_iter().flatten().any(|named| named != issuer) {
                return Err(invalid("iss is not its issuer".to_owned()));
            }
            claims
        }
    };
    let list = BitstringStatusListCredential::from_unverified(&unverified)
        .map_err(|error| list_reason(id, error))?;
    take_room(id, list.bits.entries() / 8, room)?;
    let begins = claims.begins().into_iter().chain([unverified.claimed_valid_from()]);
    let ends = [claims.ends(), unverified.claimed_valid_until()];
    Ok(OpenList {
        issuer: issuer.to_owned(),
        content: ListContent::Bitstring { purposes: list.purposes, bits: list.bits },
        ttl: list.ttl,
        stamp: begins.flatten().max().ok_or_else(|| {
            invalid(
                "it says neither validFrom nor iat, so an older one could replace it".to_owned(),
            )
        })?,
        valid_until: ends.into_iter().flatten().min(),
        proofs,
    })
}

fn open_token(value: &Value<'_>, proofs: Proofs, jws: &CompactJws<'_>, room: &mut usize) -> Opened {
    let Some(id) = value.get("sub").and_then(Value::as_str) else {
        let reason = Reason::malformed(Malformed::at("status list token", "/sub", "is missing"));
        return (None, Err(reason));
    };
    (Some(id.to_owned()), read_token(id, value, proofs, jws, room))
}

/// Reads a Token Status List. It names no issuer of its own: that is whoever signed it.
fn read_token(
    id: &str,
    value: &Value<'_>,
    mut proofs: Proofs,
    jws: &CompactJws<'_>,
    room: &mut usize,
) -> Result<OpenList, Reason> {
    let invalid = |detail: String| Reason::StatusListInvalid { list: short(id), detail };
    if let Some(reason) = proofs.reasons.pop() {
        return Err(invalid(reason.to_string()));
    }
    let (Some(payload), [signer]) = (value.as_object(), &proofs.signers[..]) else {
        return Err(invalid("nobody signed it".to_owned()));
    };
    let issuer = signer.controller.clone();
    let claims = JwtClaims::read(payload).map_err(|error| invalid(error.to_string()))?;
    let named = [claims.issuer, jws.header_issuer()];
    if named.into_iter().flatten().any(|named| named != issuer) {
        return Err(invalid("iss is not the one who signed it".to_owned()));
    }
    if payload.contains("aud") {
        // RFC 7519, 4.1.3: whoever is not meant has to refuse it.
        return Err(invalid("it is meant for some, and a list is for everybody".to_owned()));
    }
    let list =
        TokenStatusListClaims::from_payload(payload).map_err(|error| list_reason(id, error))?;
    take_room(id, list.bits.entries() * list.bits.size() / 8, room)?;
    Ok(OpenList {
        issuer,
        content: ListContent::Token(list.bits),
        ttl: list.ttl,
        stamp: claims.begins().into_iter().flatten().fold(list.issued_at, Timestamp::max),
        valid_until: list.expires,
        proofs,
    })
}

/// Counts what a list decompressed to against what all of them may.
fn take_room(id: &str, bytes: usize, room: &mut usize) -> Result<(), Reason> {
    *room = room.checked_sub(bytes).ok_or_else(|| Reason::StatusListTooLarge {
        list: short(id),
        limit: LARGEST_LISTS as u64,
    })?;
    Ok(())
}

/// The reason behind a fault of a list.
pub(crate) fn list_reason(list: &str, error: StatusListError) -> Reason {
    let list = short(list);
    match error {
        StatusListError::Malformed(error) => {
            Reason::StatusListInvalid { list, detail: error.to_string() }
        }
        StatusListError::TooLarge { limit } => {
            Reason::StatusListTooLarge { list, limit: limit as u64 }
        }
        StatusListError::TooShort { entries } => Reason::StatusListTooShort {
            list,
            entries: entries as u64,
            least: FEWEST_ENTRIES as u64,
        },
        StatusListError::OutOfRange { index, entries } => {
            Reason::StatusIndexOutOfRange { list, index: index as u64, entries: entries as u64 }
        }
    }
}
