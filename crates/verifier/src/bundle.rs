//! The trust bundle: DID documents, did:webvh histories and status lists in one signed file. It is
//! never unpacked.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use bonafide_core::Malformed;
use bonafide_core::did::{DidDocument, DidUrl, Relationship};
use bonafide_core::encoding::hex;
use bonafide_core::json::{Limits, MAX_SAFE_INTEGER, Number, Object, Value, parse};
use bonafide_core::time::Timestamp;
use bonafide_proof::data_integrity::Suites;
use bonafide_proof::jose::{self, CompactJws, TokenType};
use bonafide_proof::{SignError, Signer, Unremembered};

use crate::check::status_list::{OpenList, open_list};
use crate::evidence::{Documents, Keys, is_self_certifying, short};
use crate::history::HistoryEntry;
use crate::{DidVersion, Policy, Reason};

/// The `typ` of a bundle: nothing else is ever taken for one.
pub const BUNDLE_TOKEN: TokenType = TokenType { typ: "bonafide-bundle+jwt", cty: None };

/// A trust bundle whose signature and content were checked. Open it once, use it for many
/// verdicts.
#[derive(Debug)]
pub struct Bundle {
    signer: String,
    sequence: u64,
    issued_at: Timestamp,
    expires: Timestamp,
    /// The latest date in it.
    newest: Timestamp,
    digest: String,
    documents: Documents,
    lists: HashMap<String, ListEntry>,
}

/// A status list and since when it was known to be current.
#[derive(Debug)]
pub(crate) struct ListEntry {
    pub(crate) fetched_at: Timestamp,
    pub(crate) state: Result<OpenList, Reason>,
}

/// What lists may decompress to together, in bytes.
pub(crate) const LARGEST_LISTS: usize = 256 << 20;

impl Bundle {
    /// Opens a bundle: a compact JWS by a signer that the policy names.
    ///
    /// The signer is looked at before the signature, and the signature before the content. A
    /// document, history or status list that is not good does not spoil the others: what depends on
    /// it is refused. Each history is verified as of the time it was fetched, and the document of
    /// its newest version counts.
    pub fn open(bytes: &[u8], policy: &Policy) -> Result<Self, Reason> {
        Self::open_with(bytes, policy, Suites::JCS)
    }

    /// Opens a bundle whose status lists may be secured with these suites.
    pub fn open_with(bytes: &[u8], policy: &Policy, suites: Suites) -> Result<Self, Reason> {
        let limit = policy.limits.bundle;
        Reason::within("the bundle", bytes.len(), limit)?;
        let text = std::str::from_utf8(bytes).map_err(|_| invalid("not UTF-8"))?.trim_end();
        let jws =
            CompactJws::parse(text, BUNDLE_TOKEN).map_err(|error| invalid(error.to_string()))?;
        let signer = trusted_signer(&jws, policy)?;
        let payload = jws.decode_payload().map_err(|error| invalid(error.to_string()))?;
        let value = parse(&payload, &Limits::for_size(limit))
            .map_err(|error| invalid(format!("not strict JSON: {error}")))?;
        let content = Content::read(&value).map_err(|error| invalid(error.to_string()))?;

        let mut documents = Documents::default();
        for (did, document) in content.documents {
            let new = match document {
                Ok(document) => documents.insert(document),
                Err(error) => {
                    let detail = error.to_string();
                    let reason = Reason::DidDocumentInvalid { did: short(&did), detail };
                    documents.insert_broken(&did, reason)
                }
            };
            only_one(&did, new)?;
        }
        for history in content.histories {
            let new = match history.open() {
                Ok((document, version)) => documents.insert_version(document, version),
                Err(reason) => documents.insert_broken(history.did, reason),
            };
            only_one(history.did, new)?;
        }
        let mut lists = HashMap::new();
        let mut room = LARGEST_LISTS;
        for (number, (credential, fetched_at)) in content.lists.into_iter().enumerate() {
            let (id, state) = open_list(credential, &documents, suites, &mut room);
            // A list whose id can't be read is of use to nobody, and spoils nothing.
            let id = id.unwrap_or_else(|| format!("(unreadable list {})", number + 1));
            let twice = Reason::StatusListInvalid {
                list: short(&id),
                detail: "the bundle holds two lists with this id".to_owned(),
            };
            // Whoever publishes a list under another's URL spoils that one and no other.
            match lists.entry(id) {
                Entry::Vacant(place) => drop(place.insert(ListEntry { fetched_at, state })),
                Entry::Occupied(mut place) => place.get_mut().state = Err(twice),
            }
        }
        let digest = hex(&jws.digest());
        let Content { sequence, issued_at, expires, newest, .. } = content;
        Ok(Self { signer, sequence, issued_at, expires, newest, digest, documents, lists })
    }

    /// The DID that signed it.
    pub fn signer(&self) -> &str {
        &self.signer
    }

    /// Its number; it rises with each bundle of a signer.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// When it was made.
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// When it ends.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// SHA-256 of what is signed, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// How many DID documents it holds.
    pub fn document_count(&self) -> usize {
        self.documents.len()
    }

    /// The did:webvh DIDs in it, each with its newest version, in the order of the DIDs. Those that
    /// came to their end or moved are not among them.
    pub fn did_versions(&self) -> Vec<&DidVersion> {
        let mut versions: Vec<&DidVersion> = self.documents.versions().collect();
        versions.sort();
        versions
    }

    /// The DIDs that can't be used, and why, in their order.
    pub fn unusable_dids(&self) -> Vec<(&str, &Reason)> {
        let mut broken: Vec<(&str, &Reason)> = self.documents.broken().collect();
        broken.sort_by_key(|(did, _)| *did);
        broken
    }

    /// The status lists in it: the URL, as of when, and why it can't be relied on, if so.
    pub fn status_lists(&self) -> impl Iterator<Item = (&str, Timestamp, Option<&Reason>)> {
        self.lists
            .iter()
            .map(|(id, entry)| (id.as_str(), entry.fetched_at, entry.state.as_ref().err()))
    }

    /// The latest date in it: none of its evidence is newer.
    pub(crate) fn newest(&self) -> Timestamp {
        self.newest
    }

    pub(crate) fn documents(&self) -> &Documents {
        &self.documents
    }

    pub(crate) fn list(&self, id: &str) -> Option<&ListEntry> {
        self.lists.get(id)
    }
}

fn invalid(detail: impl Into<String>) -> Reason {
    Reason::BundleInvalid { detail: detail.into() }
}

/// Refuses a second document for a DID, and any for one that holds its own key.
fn only_one(did: &str, new: bool) -> Result<(), Reason> {
    if is_self_certifying(did) {
        return Err(invalid(format!("{did} is its own document and can't have another")));
    }
    match new {
        true => Ok(()),
        false => Err(invalid(format!("two documents for {did}"))),
    }
}

fn trusted_signer(jws: &CompactJws<'_>, policy: &Policy) -> Result<String, Reason> {
    let kid = jws.kid().unwrap_or_default();
    let untrusted = || Reason::BundleUntrusted { signer: short(kid) };
    let did = DidUrl::parse(kid).map_err(|_| untrusted())?.did.as_str();
    if !policy.names_signer(did) {
        return Err(untrusted());
    }
    let key = Documents::default()
        .resolve(kid, Relationship::AssertionMethod)
        .map_err(|reason| invalid(reason.to_string()))?
        .key
        .into_owned();
    jws.verify(&key, &Unremembered).map_err(|error| invalid(error.to_string()))?;
    Ok(did.to_owned())
}

/// The content of a bundle, read but for the lists' own signatures.
struct Content<'v> {
    sequence: u64,
    issued_at: Timestamp,
    expires: Timestamp,
    newest: Timestamp,
    documents: Vec<(String, Result<DidDocument, Malformed>)>,
    histories: Vec<HistoryEntry<'v>>,
    lists: Vec<(&'v Value<'v>, Timestamp)>,
}

const WHAT: &str = "bundle";

impl<'v> Content<'v> {
    fn read(value: &'v Value<'v>) -> Result<Self, Malformed> {
        let Value::Object(object) = value else {
            return Err(Malformed::new(WHAT, "expected an object"));
        };
        if object.get("version").and_then(Value::as_integer) != Some(1) {
            return Err(Malformed::at(WHAT, "/version", "this verifier reads version 1"));
        }
        let sequence = object.get("sequence").and_then(Value::as_integer);
        let sequence = sequence
            .and_then(|sequence| u64::try_from(sequence).ok())
            .ok_or_else(|| Malformed::at(WHAT, "/sequence", "expected a whole number"))?;
        let (issued_at, expires) = (time(object, "issuedAt")?, time(object, "expires")?);
        if expires <= issued_at {
            return Err(Malformed::at(WHAT, "/expires", "is not after issuedAt"));
        }
        let mut newest = issued_at;
        let mut documents = Vec::new();
        for (entry, fetched_at) in entries(object, "didDocuments", "document")? {
            newest = newest.max(fetched_at);
            let did = entry
                .get("id")
                .and_then(Value::as_str)
                .ok_or_else(|| Malformed::at(WHAT, "/didDocuments", "a document without id"))?;
            // A broken document spoils nothing but its own DID.
            documents.push((did.to_owned(), DidDocument::from_value(entry.clone())));
        }
        let histories = histories(object)?;
        let lists = entries(object, "statusLists", "credential")?;
        let fetched = histories.iter().map(|history| history.fetched_at);
        let fetched = fetched.chain(lists.iter().map(|(_, fetched_at)| *fetched_at));
        let newest = fetched.fold(newest, Timestamp::max);
        Ok(Self { sequence, issued_at, expires, newest, documents, histories, lists })
    }
}

fn time(object: &Object<'_>, member: &str) -> Result<Timestamp, Malformed> {
    let text = object
        .str(member)
        .ok_or_else(|| Malformed::at(WHAT, format!("/{member}"), "expected a date-time"))?;
    Timestamp::parse(text).map_err(|error| error.within(WHAT, &format!("/{member}")))
}

/// The histories; a bundle without any need not have the member.
fn histories<'v>(object: &'v Object<'v>) -> Result<Vec<HistoryEntry<'v>>, Malformed> {
    const MEMBER: &str = "didHistories";
    let malformed = || {
        let detail = "expected a list of did, log, fetchedAt and, if there are any, witnesses";
        Malformed::at(WHAT, format!("/{MEMBER}"), detail)
    };
    let items = match object.get(MEMBER) {
        None => return Ok(Vec::new()),
        Some(items) => items.as_array().ok_or_else(malformed)?,
    };
    items
        .iter()
        .map(|item| {
            let entry = item.as_object().ok_or_else(malformed)?;
            let witnesses = match entry.get("witnesses") {
                None => None,
                Some(witnesses) => Some(witnesses.as_str().ok_or_else(malformed)?),
            };
            Ok(HistoryEntry {
                did: entry.str("did").ok_or_else(malformed)?,
                log: entry.str("log").ok_or_else(malformed)?,
                witnesses,
                fetched_at: time(entry, "fetchedAt")?,
            })
        })
        .collect()
}

fn entries<'v>(
    object: &'v Object<'v>,
    member: &str,
    what: &str,
) -> Result<Vec<(&'v Value<'v>, Timestamp)>, Malformed> {
    let items = object
        .get(member)
        .and_then(Value::as_array)
        .ok_or_else(|| Malformed::at(WHAT, format!("/{member}"), "expected a list"))?;
    items
        .iter()
        .map(|item| {
            let malformed = || {
                Malformed::at(WHAT, format!("/{member}"), format!("expected fetchedAt and {what}"))
            };
            let entry = item.as_object().ok_or_else(malformed)?;
            let content = entry.get(what).ok_or_else(malformed)?;
            Ok((content, time(entry, "fetchedAt")?))
        })
        .collect()
}

/// What goes into a new bundle.
#[derive(Clone, Debug)]
pub struct BundleDraft {
    /// Higher than that of the signer's last bundle.
    pub sequence: u64,
    /// Now.
    pub issued_at: Timestamp,
    /// When verifiers must have a newer one.
    pub expires: Timestamp,
    /// DID documents, histories and status lists.
    pub content: Vec<BundleContent>,
}

/// A piece of evidence and when it was fetched from its place.
#[derive(Clone, Debug)]
pub enum BundleContent {
    /// A DID document.
    Document {
        /// The document.
        document: Value<'static>,
        /// When it was fetched.
        fetched_at: Timestamp,
    },
    /// The history of a did:webvh, of which nothing but its history counts.
    History {
        /// The DID.
        did: String,
        /// Its `did.jsonl`.
        log: String,
        /// Its `did-witness.json`, if it has one.
        witnesses: Option<String>,
        /// When it was fetched; no version may be later.
        fetched_at: Timestamp,
    },
    /// A status list credential: an object, or the text of a `vc+jwt`.
    StatusList {
        /// The credential.
        credential: Value<'static>,
        /// When it was fetched.
        fetched_at: Timestamp,
    },
}

impl BundleDraft {
    /// Signs the bundle; `kid` is the DID URL of the signer's key.
    pub fn sign(&self, kid: &str, signer: &dyn Signer) -> Result<String, SignError> {
        let (mut documents, mut histories, mut lists) = (Vec::new(), Vec::new(), Vec::new());
        for content in &self.content {
            match content {
                BundleContent::Document { document, fetched_at } => {
                    documents.push(fetched(*fetched_at, "document", document.clone()));
                }
                BundleContent::History { did, log, witnesses, fetched_at } => {
                    let mut history = fetched(*fetched_at, "log", log.clone().into());
                    history.insert("did", did.clone());
                    if let Some(witnesses) = witnesses {
                        history.insert("witnesses", witnesses.clone());
                    }
                    histories.push(history);
                }
                BundleContent::StatusList { credential, fetched_at } => {
                    lists.push(fetched(*fetched_at, "credential", credential.clone()));
                }
            }
        }
        let sequence = i64::try_from(self.sequence).unwrap_or(MAX_SAFE_INTEGER);
        let sequence = sequence.min(MAX_SAFE_INTEGER);
        let mut payload = Object::from([
            ("version", Value::from(1_u32)),
            ("sequence", Value::Number(Number::Integer(sequence))),
            ("issuedAt", self.issued_at.to_string().into()),
            ("expires", self.expires.to_string().into()),
            ("didDocuments", documents.into()),
            ("statusLists", lists.into()),
        ]);
        if !histories.is_empty() {
            payload.insert("didHistories", histories);
        }
        jose::sign(&payload.into(), BUNDLE_TOKEN, kid, signer)
    }
}

/// A piece of content with its date.
fn fetched(at: Timestamp, name: &'static str, value: Value<'static>) -> Object<'static> {
    Object::from([("fetchedAt", Value::from(at.to_string())), (name, value)])
}
