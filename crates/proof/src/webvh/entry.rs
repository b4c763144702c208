//! One line of the log: its form, its hash, its proofs.

use bonafide_core::Malformed;
use bonafide_core::did::Relationship;
use bonafide_core::encoding::encode_base58btc;
use bonafide_core::json::{JsonError, Limits, Object, Value, parse, to_canonical_string};
use bonafide_core::time::Timestamp;

use super::MOST_BYTES;
use super::budget::{Budget, MOST_ENTRY_PROOFS};
use super::error::{WebvhError, excerpt};
use crate::algorithm::{SignatureCheck, VerifyingKey};
use crate::data_integrity::{
    Proof, ProofError, Suites, VerifyInput, Work, document_digest, proofs_of,
};

const WHAT: &str = "did:webvh log entry";

/// "The DID Log File": these members and no others.
const MEMBERS: [&str; 5] = ["versionId", "versionTime", "parameters", "state", "proof"];

/// The one suite of did:webvh 1.0, for entries and for witnesses.
const CRYPTOSUITE: &str = "eddsa-jcs-2022";

/// What stands for the SCID while it is calculated.
const PLACEHOLDER: &str = "{SCID}";

/// An entry whose form is right.
pub(super) struct Entry<'a> {
    version: u64,
    /// Of its line; its canonical form is about as long.
    bytes: usize,
    object: Object<'a>,
}

impl<'a> Entry<'a> {
    /// Reads the line of version number `version`.
    pub(super) fn read(line: &'a [u8], version: u64) -> Result<Self, WebvhError> {
        // A log is many short documents, so each gets values after its own length: all together
        // stay within one value per 8 bytes of the cap.
        let values = (line.len() / 16).max(256);
        let limits = Limits { values, ..Limits::for_size(MOST_BYTES) };
        let fault = |fault| WebvhError::Entry { version, fault };
        let json = |error: JsonError| fault(Malformed::json(WHAT, &error));
        let Value::Object(object) = parse(line, &limits).map_err(json)? else {
            return Err(fault(Malformed::new(WHAT, "expected an object")));
        };
        if let Some((name, _)) = object.iter().find(|(name, _)| !MEMBERS.contains(name)) {
            let detail = format!("the member {:?} is not known", excerpt(name));
            return Err(fault(Malformed::new(WHAT, detail)));
        }
        Ok(Self { version, bytes: line.len(), object })
    }

    fn malformed(&self, pointer: &'static str, detail: &'static str) -> WebvhError {
        let fault = Malformed::at(WHAT, pointer, detail);
        WebvhError::Entry { version: self.version, fault }
    }

    pub(super) fn parameters(&self) -> Result<&Object<'a>, WebvhError> {
        let parameters = self.object.get("parameters").and_then(Value::as_object);
        parameters.ok_or_else(|| self.malformed("/parameters", "expected an object"))
    }

    pub(super) fn state(&self) -> Result<&Object<'a>, WebvhError> {
        let state = self.object.get("state").and_then(Value::as_object);
        state.ok_or_else(|| self.malformed("/state", "expected a DID document"))
    }

    /// The time, which must be later than `previous` and not later than `now` ("Read", step 4).
    pub(super) fn time(
        &self,
        previous: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Timestamp, WebvhError> {
        let version = self.version;
        // UTC alone, though the type that reads it knows every zone.
        let text = self.object.str("versionTime");
        let time = text
            .filter(|text| text.ends_with('Z') || text.ends_with("+00:00"))
            .and_then(|text| Timestamp::parse(text).ok())
            .ok_or_else(|| self.malformed("/versionTime", "expected a date-time in UTC"))?;
        if let Some(previous) = previous.filter(|previous| *previous >= time) {
            return Err(WebvhError::TimeNotAfter { version, time, previous });
        }
        if time > now {
            return Err(WebvhError::TimeInFuture { version, time, now });
        }
        Ok(time)
    }

    /// The versionId, once it is shown to be number and hash of this entry after `predecessor`:
    /// the versionId before, or the SCID ("Verify The Entry Hash").
    pub(super) fn version_id(
        &mut self,
        predecessor: &str,
        budget: &mut Budget,
    ) -> Result<String, WebvhError> {
        let version = self.version;
        let Some(id) = self.object.str("versionId").map(str::to_owned) else {
            return Err(self.malformed("/versionId", "expected a string"));
        };
        let Some(claimed) = id.strip_prefix(&format!("{version}-")) else {
            return Err(WebvhError::VersionNumber { version, found: excerpt(&id) });
        };
        self.object.insert("versionId", predecessor.to_owned());
        budget.hash(self.bytes)?;
        // The digest leaves the proof out, as the hash of an entry does.
        let computed = multihash(document_digest(&self.object));
        if claimed != computed {
            let claimed = excerpt(claimed);
            return Err(WebvhError::EntryHash { version, claimed, computed });
        }
        self.object.insert("versionId", id.clone());
        Ok(id)
    }

    /// Checks that the SCID is the hash of this, the first entry ("Verify SCID").
    pub(super) fn check_scid(&mut self, scid: &str, budget: &mut Budget) -> Result<(), WebvhError> {
        budget.hash(self.bytes)?;
        let id = self.object.insert("versionId", PLACEHOLDER);
        let with_placeholder = replaced(&self.object, scid);
        match id {
            Some(id) => drop(self.object.insert("versionId", id)),
            None => return Err(self.malformed("/versionId", "expected a string")),
        }
        // Else an entry with the placeholder in place of the SCID would hash to the same.
        let shown = self.object.iter().any(|(name, member)| {
            name.contains(PLACEHOLDER) || to_canonical_string(member).contains(PLACEHOLDER)
        });
        if shown {
            return Err(WebvhError::ScidPlaceholder);
        }
        let computed = multihash(document_digest(&with_placeholder));
        if computed != scid {
            return Err(WebvhError::ScidInvalid { claimed: scid.to_owned(), computed });
        }
        Ok(())
    }

    /// Checks that every proof is good and made by one of `signers` ("Authorized Keys").
    pub(super) fn check_proofs(
        &self,
        signers: &[String],
        now: Timestamp,
        check: &dyn SignatureCheck,
        budget: &mut Budget,
    ) -> Result<(), WebvhError> {
        let version = self.version;
        let bad = |fault| WebvhError::Proof { version, fault };
        let proofs = proofs_of(&self.object).map_err(bad)?;
        if proofs.len() > MOST_ENTRY_PROOFS {
            return Err(bad(ProofError::TooMany { limit: MOST_ENTRY_PROOFS }));
        }
        for proof in &proofs {
            let multikey = signer_of(proof, version, now)?;
            // As written, and before the key is decoded: only one that may sign is worth it.
            let authorized = signers.iter().any(|signer| signer == multikey);
            let key = if authorized { budget.key(multikey)? } else { None };
            let Some(key) = key else {
                return Err(WebvhError::KeyNotAuthorized { version, key: excerpt(multikey) });
            };
            budget.hash(self.bytes)?;
            budget.signature()?;
            check_proof(&self.object, proof, &key, check, version)?;
        }
        Ok(())
    }
}

/// The Multikey that a proof of did:webvh names, once the proof has the form that it must have.
pub(super) fn signer_of<'v>(
    proof: &Proof<'v>,
    version: u64,
    now: Timestamp,
) -> Result<&'v str, WebvhError> {
    let form =
        |member, found: &str| Err(WebvhError::ProofForm { version, member, found: excerpt(found) });
    if proof.cryptosuite != CRYPTOSUITE {
        return form("cryptosuite", proof.cryptosuite);
    }
    if proof.purpose != Relationship::AssertionMethod.name() {
        return form("proofPurpose", proof.purpose);
    }
    if let Some(&previous) = proof.previous.first() {
        return form("previousProof", previous);
    }
    if let Some(expires) = proof.expires.filter(|expires| *expires <= now) {
        return form("expires", &expires.to_string());
    }
    // The body is the key, the fragment only its name: where they differ, one was checked and the
    // other believed ("Witness DIDs and Reputation").
    let method = proof.verification_method;
    match method.strip_prefix("did:key:").and_then(|rest| rest.split_once('#')) {
        Some((body, fragment)) if body == fragment => Ok(body),
        _ => Err(WebvhError::MethodMismatch { version, method: excerpt(method) }),
    }
}

/// Checks the signature of a proof whose form is right.
pub(super) fn check_proof(
    document: &Object<'_>,
    proof: &Proof<'_>,
    key: &VerifyingKey,
    check: &dyn SignatureCheck,
    version: u64,
) -> Result<(), WebvhError> {
    let work = Work::default();
    let input = VerifyInput { document, proof, previous: Vec::new(), key, check, work: &work };
    match Suites::JCS.by_name(CRYPTOSUITE).and_then(|suite| suite.verify(input)) {
        Ok(_) => Ok(()),
        Err(fault) => Err(WebvhError::Proof { version, fault }),
    }
}

/// `base58btc(multihash(…))` of a SHA-256 digest, the one hash of did:webvh 1.0; without the `z`
/// of multibase.
pub(super) fn multihash(digest: [u8; 32]) -> String {
    encode_base58btc(&[&[0x12, 0x20], &digest[..]].concat()).split_off(1)
}

/// The object with the placeholder wherever the SCID stands, in names too. Walked as a tree, since
/// a name may sort elsewhere then.
fn replaced(object: &Object<'_>, scid: &str) -> Object<'static> {
    let mut changed = Object::new();
    for (name, member) in object.iter() {
        changed.insert(name.replace(scid, PLACEHOLDER), replaced_value(member, scid));
    }
    changed
}

fn replaced_value(value: &Value<'_>, scid: &str) -> Value<'static> {
    match value {
        Value::String(text) => text.replace(scid, PLACEHOLDER).into(),
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| replaced_value(item, scid)).collect())
        }
        Value::Object(object) => replaced(object, scid).into(),
        plain => plain.clone().into_owned(),
    }
}
