//! Opening a status list of the bundle: its form and its signature, once. What depends on time is
//! judged when the list is used.

use std::time::Duration;

use bonafide_core::did::Relationship;
use bonafide_core::json::{Limits, Object, Value, parse};
use bonafide_core::status::{
    BitstringStatusListCredential, FEWEST_ENTRIES, StatusBits, StatusListError, StatusPurpose,
};
use bonafide_core::time::Timestamp;
use bonafide_core::vc::Unverified;
use bonafide_proof::Unremembered;
use bonafide_proof::data_integrity::Suites;
use bonafide_proof::jose::{CompactJws, TokenType, numeric_date};

use super::proof::{Budget, Checker, Proofs, jose_reason};
use crate::Reason;
use crate::bundle::LARGEST_LISTS;
use crate::evidence::{Documents, short};

/// A status list whose signature is good.
#[derive(Debug)]
pub(crate) struct OpenList {
    pub(crate) issuer: String,
    pub(crate) purposes: Vec<StatusPurpose>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) bits: StatusBits,
    pub(crate) valid_from: Option<Timestamp>,
    pub(crate) valid_until: Option<Timestamp>,
    pub(crate) proofs: Proofs,
}

/// The longest list credential, before decompression.
const LARGEST_CREDENTIAL: usize = 8 << 20;

/// Opens a list. An error means that not even its id can be read; a list that is known but not
/// good comes back as the reason why.
pub(crate) fn open_list(
    credential: &Value<'_>,
    documents: &Documents,
    suites: Suites,
    room: &mut usize,
) -> Result<(String, Result<OpenList, Reason>), Reason> {
    let budget = Budget::new();
    let checker = Checker { keys: documents, suites, check: &Unremembered, budget: &budget };
    match credential {
        Value::String(token) => {
            let unreadable = |reason: Reason| Reason::BundleInvalid {
                detail: format!("a status list can't be read: {reason}"),
            };
            let jws = CompactJws::parse(token, TokenType::VC)
                .map_err(|error| unreadable(jose_reason(error, "")))?;
            let payload = jws.decode_payload().map_err(|error| unreadable(jose_reason(error, "")))?;
            let value = parse(&payload, &Limits::for_size(LARGEST_CREDENTIAL)).map_err(|error| {
                unreadable(Reason::malformed(bonafide_core::Malformed::json("status list", &error)))
            })?;
            let proofs = checker.compact(&jws, Relationship::AssertionMethod);
            open(&value, proofs, room)
        }
        value => {
            let empty = Object::new();
            let object = value.as_object().unwrap_or(&empty);
            let proofs = checker.embedded(object, Relationship::AssertionMethod, |_| Vec::new());
            open(value, proofs, room)
        }
    }
}

fn open(
    value: &Value<'_>,
    mut proofs: Proofs,
    room: &mut usize,
) -> Result<(String, Result<OpenList, Reason>), Reason> {
    let id = value.get("id").and_then(Value::as_str).ok_or_else(|| Reason::BundleInvalid {
        detail: "a status list has no id".to_owned(),
    })?;
    let invalid = |detail: String| Reason::StatusListInvalid { list: short(id), detail };
    let read = || {
        let unverified =
            Unverified::from_value(value).map_err(|error| invalid(error.to_string()))?;
        if let Some(reason) = proofs.reasons.pop() {
            return Err(invalid(reason.to_string()));
        }
        let issuer = unverified.claimed_issuer().to_owned();
        if !proofs.signed_by(&issuer) {
            return Err(invalid(format!("it is by {issuer}, but not signed by them")));
        }
        let list = BitstringStatusListCredential::from_unverified(&unverified)
            .map_err(|error| list_reason(id, error))?;
        let bytes = list.bits.entries() / 8;
        *room = room.checked_sub(bytes).ok_or_else(|| Reason::StatusListTooLarge {
            list: short(id),
            limit: LARGEST_LISTS as u64,
        })?;
        let claims = unverified.unverified_document();
        let exp = numeric_date(claims, "exp").map_err(|error| invalid(error.to_string()))?;
        let exp = exp.and_then(Timestamp::from_unix);
        let until = unverified.claimed_valid_until();
        Ok(OpenList {
            issuer,
            purposes: list.purposes,
            ttl: list.ttl,
            bits: list.bits,
            valid_from: unverified.claimed_valid_from(),
            valid_until: until.into_iter().chain(exp).min(),
            proofs,
        })
    };
    let state = read();
    Ok((id.to_owned(), state))
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
        StatusListError::OutOfRange { index, entries } => Reason::StatusIndexOutOfRange {
            list,
            index: index as u64,
            entries: entries as u64,
        },
    }
}
