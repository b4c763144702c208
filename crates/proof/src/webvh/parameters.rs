//! The parameters of a log entry (did:webvh 1.0, "DID Method Parameters").

use std::sync::Arc;

use bonafide_core::json::{Object, Value, to_canonical_string};
use sha2::{Digest, Sha256};

use super::budget::Budget;
use super::entry::multihash;
use super::error::{WebvhError, excerpt};
use crate::algorithm::VerifyingKey;

/// The one version of the specification that is known here.
const METHOD: &str = "did:webvh:1.0";

const KNOWN: [&str; 9] = [
    "method",
    "scid",
    "updateKeys",
    "nextKeyHashes",
    "witness",
    "watchers",
    "portable",
    "deactivated",
    "ttl",
];

/// More update keys, hashes of keys or watchers than this in one entry are refused.
pub const MOST_UPDATE_KEYS: usize = 64;

/// More witnesses than this are refused.
pub const MOST_WITNESSES: usize = 32;

/// One hour: what holds where a log says nothing.
const DEFAULT_TTL: u32 = 3600;

/// The parameters that hold from a version on: its own and those carried forward. Lists that are
/// carried forward are shared, so a long log of short entries stays small.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// The keys that may sign the next entry, as Multikeys. Empty: there will be none.
    pub update_keys: Arc<[String]>,
    /// What the keys of the next entry hash to; empty without pre-rotation.
    pub next_key_hashes: Arc<[String]>,
    /// Who witnesses the next entry.
    pub witness: Option<Arc<Witnesses>>,
    /// URLs of those who watch the DID.
    pub watchers: Arc<[String]>,
    /// Whether the DID may move to another host.
    pub portable: bool,
    /// Whether this is the end of the DID.
    pub deactivated: bool,
    /// How long the result may be kept, in seconds; 0 to 2^31.
    pub ttl: u32,
}

/// Who must approve a version, and how many of them ("DID Witnesses").
#[derive(Clone, Debug)]
pub struct Witnesses {
    /// How many of them must; from 1 to how many there are.
    pub threshold: usize,
    /// Their ids as the log gives them.
    pub ids: Vec<String>,
    /// Their keys, in the same order, with the Multikey of each.
    pub(super) keys: Vec<(String, Arc<VerifyingKey>)>,
}

impl Parameters {
    /// The parameters after an entry that gives `given`; `previous` is `None` for the first.
    pub(super) fn next(
        previous: Option<&Self>,
        given: &Object<'_>,
        version: u64,
        scid: &str,
        budget: &mut Budget,
    ) -> Result<Self, WebvhError> {
        let invalid = |name, detail| Err(WebvhError::ParameterInvalid { version, name, detail });
        // First of all: an entry of a later version of the specification has to be read by that.
        match given.get("method") {
            Some(Value::String(method)) if method == METHOD => {}
            None if previous.is_some() => {}
            found => {
                let found = found.map_or_else(|| "nothing".to_owned(), to_canonical_string);
                return Err(WebvhError::MethodUnknown { version, found: excerpt(&found) });
            }
        }
        if let Some((name, _)) = given.iter().find(|(name, _)| !KNOWN.contains(name)) {
            return Err(WebvhError::ParameterUnknown { version, name: excerpt(name) });
        }
        match (previous, given.get("scid")) {
            (None, Some(Value::String(found))) if found == scid => {}
            (None, Some(Value::String(found))) => {
                let (expected, found) = (scid.to_owned(), excerpt(found));
                return Err(WebvhError::ScidMismatch { version, expected, found });
            }
            (None, _) => return invalid("scid", "the first entry must give it"),
            (Some(_), Some(_)) => return invalid("scid", "only the first entry may give it"),
            (Some(_), None) => {}
        }
        if previous.is_none() && !given.contains("updateKeys") {
            return invalid("updateKeys", "the first entry must give them");
        }
        let mut next = previous.cloned().unwrap_or_else(Self::by_default);
        if let Some(keys) = strings(given, "updateKeys", version)? {
            next.update_keys = keys;
        }
        if let Some(hashes) = strings(given, "nextKeyHashes", version)? {
            next.next_key_hashes = hashes;
        }
        if let Some(watchers) = strings(given, "watchers", version)? {
            next.watchers = watchers;
        }
        if let Some(witness) = given.get("witness") {
            next.witness = Witnesses::read(witness, version, budget)?.map(Arc::new);
        }
        match given.get("portable") {
            None => {}
            Some(Value::Bool(true)) if previous.is_some() => {
                return invalid("portable", "only the first entry may set it to true");
            }
            Some(Value::Bool(portable)) => next.portable = *portable,
            Some(_) => return invalid("portable", "expected true or false"),
        }
        match given.get("deactivated") {
            None => {}
            Some(Value::Bool(deactivated)) => next.deactivated = *deactivated,
            Some(_) => return invalid("deactivated", "expected true or false"),
        }
        if let Some(ttl) = given.get("ttl") {
            let seconds = ttl.as_integer().and_then(|ttl| u32::try_from(ttl).ok());
            match seconds {
                Some(seconds) if seconds <= 1 << 31 => next.ttl = seconds,
                _ => return invalid("ttl", "expected an integer from 0 to 2^31"),
            }
        }
        if let Some(previous) = previous {
            next.keeps_commitment_of(previous, given, version)?;
        }
        Ok(next)
    }

    fn by_default() -> Self {
        Self {
            update_keys: Arc::default(),
            next_key_hashes: Arc::default(),
            witness: None,
            watchers: Arc::default(),
            portable: false,
            deactivated: false,
            ttl: DEFAULT_TTL,
        }
    }

    /// "Pre-Rotation Key Hash Generation and Verification": every key, not only the new ones.
    fn keeps_commitment_of(
        &self,
        previous: &Self,
        given: &Object<'_>,
        version: u64,
    ) -> Result<(), WebvhError> {
        if previous.next_key_hashes.is_empty() {
            return Ok(());
        }
        for name in ["updateKeys", "nextKeyHashes"] {
            if !given.contains(name) {
                return Err(WebvhError::PreRotationOmitted { version, name });
            }
        }
        if self.update_keys.is_empty() {
            return Err(WebvhError::PreRotationOmitted { version, name: "updateKeys" });
        }
        for key in self.update_keys.iter() {
            let hash = multihash(Sha256::digest(key.as_bytes()).into());
            if !previous.next_key_hashes.contains(&hash) {
                return Err(WebvhError::PreRotationMismatch { version, key: excerpt(key), hash });
            }
        }
        Ok(())
    }

    /// The keys that may sign the entry with these parameters ("Authorized Keys"): its own in the
    /// first entry and with pre-rotation, else those from before.
    pub(super) fn signers<'p>(&'p self, previous: Option<&'p Self>) -> &'p [String] {
        match previous {
            Some(previous) if previous.next_key_hashes.is_empty() => &previous.update_keys,
            _ => &self.update_keys,
        }
    }

    /// Who must have witnessed the entry with these parameters. A list holds only after its entry,
    /// so those whom it takes the place of approve it; where there were none it holds at once.
    pub(super) fn witnessed_by(&self, previous: Option<&Self>) -> Option<Arc<Witnesses>> {
        previous.and_then(|previous| previous.witness.clone()).or_else(|| self.witness.clone())
    }
}

impl Witnesses {
    /// Reads the `witness` parameter; `None` for `{}`. Anything else is whole or refused: a list
    /// that is half read must not turn into no list.
    fn read(
        value: &Value<'_>,
        version: u64,
        budget: &mut Budget,
    ) -> Result<Option<Self>, WebvhError> {
        let invalid =
            |detail| Err(WebvhError::ParameterInvalid { version, name: "witness", detail });
        let Value::Object(object) = value else { return invalid("expected an object") };
        if object.is_empty() {
            return Ok(None);
        }
        if object.iter().any(|(name, _)| !matches!(name, "threshold" | "witnesses")) {
            return invalid("a member other than threshold and witnesses");
        }
        let Some(threshold) = object.get("threshold").and_then(Value::as_integer) else {
            return invalid("expected an integer as threshold");
        };
        let Some(items) = object.get("witnesses").and_then(Value::as_array) else {
            return invalid("expected a list of witnesses");
        };
        if items.len() > MOST_WITNESSES {
            return invalid("more than 32 witnesses");
        }
        let mut witnesses = Self { threshold: 0, ids: Vec::new(), keys: Vec::new() };
        for item in items {
            let id =
                item.as_object().filter(|item| item.len() == 1).and_then(|item| item.str("id"));
            let Some(id) = id else { return invalid("expected a witness with an id alone") };
            // The specification wants did:key; the log writer of its Rust implementation leaves
            // the prefix out. It is the same key, and compared as such.
            let multikey = id.strip_prefix("did:key:").unwrap_or(id);
            let Some(key) = budget.key(multikey)? else {
                return invalid("a witness that is not the did:key of an Ed25519 key");
            };
            if witnesses.keys.iter().any(|(known, _)| known == multikey) {
                return Err(WebvhError::WitnessDuplicate { version, id: excerpt(id) });
            }
            witnesses.ids.push(id.to_owned());
            witnesses.keys.push((multikey.to_owned(), key));
        }
        let count = items.len();
        match usize::try_from(threshold) {
            Ok(needed) if (1..=count).contains(&needed) => witnesses.threshold = needed,
            _ => {
                return Err(WebvhError::ThresholdOutOfRange {
                    version,
                    threshold,
                    witnesses: count,
                });
            }
        }
        Ok(Some(witnesses))
    }
}

/// A list of strings, if it is given.
fn strings(
    given: &Object<'_>,
    name: &'static str,
    version: u64,
) -> Result<Option<Arc<[String]>>, WebvhError> {
    let invalid = |detail| Err(WebvhError::ParameterInvalid { version, name, detail });
    let items = match given.get(name) {
        None => return Ok(None),
        Some(Value::Array(items)) => items,
        Some(_) => return invalid("expected a list of strings"),
    };
    if items.len() > MOST_UPDATE_KEYS {
        return invalid("more than 64 items");
    }
    let owned = |item: &Value<'_>| item.as_str().map(str::to_owned);
    match items.iter().map(owned).collect::<Option<Vec<String>>>() {
        Some(strings) => Ok(Some(strings.into())),
        None => invalid("expected a list of strings"),
    }
}
