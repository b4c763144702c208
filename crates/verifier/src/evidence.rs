//! What a verdict may rely on: DID documents and status lists, and how proofs are checked.

use std::borrow::Cow;
use std::collections::HashMap;

use bonafide_core::Malformed;
use bonafide_core::did::{
    Did, DidDocument, DidUrl, Relationship, VerificationMethod, resolve_self_certifying,
};
use bonafide_core::key::PublicKey;
use bonafide_core::schema::Schema;
use bonafide_core::time::Timestamp;
use bonafide_proof::data_integrity::Suites;
use bonafide_proof::{SignatureCheck, Unremembered, VerifyingKey};

use crate::{Bundle, DidVersion, KeyCache, Reason, SignatureCache};

/// Everything a verdict may rely on besides the policy. Nothing is ever fetched.
#[derive(Clone)]
pub struct Evidence<'e> {
    pub(crate) bundle: Option<&'e Bundle>,
    documents: Documents,
    pub(crate) schemas: HashMap<String, std::sync::Arc<Schema>>,
    pub(crate) suites: Suites,
    pub(crate) check: &'e dyn SignatureCheck,
    keys: Option<&'e KeyCache>,
}

impl<'e> Evidence<'e> {
    /// No evidence: only DIDs that hold their own key resolve, and no status is known. Proofs are
    /// checked with the suites of `bonafide-proof`.
    pub fn new() -> Self {
        Self {
            bundle: None,
            documents: Documents::default(),
            schemas: HashMap::new(),
            suites: Suites::JCS,
            check: &Unremembered,
            keys: None,
        }
    }

    /// Relies on a trust bundle.
    pub fn with_bundle(mut self, bundle: &'e Bundle) -> Self {
        self.bundle = Some(bundle);
        self
    }

    /// Relies on a DID document that the caller vouches for. The bundle's goes first, and a DID
    /// that holds its own key never needs one. For a did:webvh nobody can vouch: it is refused
    /// unless a bundle holds its history.
    pub fn with_document(mut self, document: DidDocument) -> Self {
        self.documents.insert(document);
        self
    }

    /// Knows another schema, for credentials beyond the built-in attestations.
    pub fn with_schema(mut self, id: impl Into<String>, text: &str) -> Result<Self, Malformed> {
        self.schemas.insert(id.into(), Schema::compile(text)?.into());
        Ok(self)
    }

    /// Knows these cryptosuites instead.
    pub fn with_suites(mut self, suites: Suites) -> Self {
        self.suites = suites;
        self
    }

    /// Remembers good signatures, and the keys of DIDs that hold their own, in `cache`.
    pub fn with_cache(self, cache: &'e SignatureCache) -> Self {
        self.with_key_cache(&cache.keys).with_signature_check(cache)
    }

    /// Remembers the keys of DIDs that hold their own in `keys`.
    pub fn with_key_cache(mut self, keys: &'e KeyCache) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Has signatures checked by `check`, which must answer as
    /// [`VerifyingKey::verify`](bonafide_proof::VerifyingKey::verify) does.
    pub fn with_signature_check(mut self, check: &'e dyn SignatureCheck) -> Self {
        self.check = check;
        self
    }
}

/// Where keys come from.
pub(crate) trait Keys {
    /// The documents that speak for a DID.
    fn documents_for(&self, did: Did<'_>) -> &Documents;

    /// Where decoded keys are remembered, if anywhere.
    fn key_cache(&self) -> Option<&KeyCache> {
        None
    }

    /// The key that a DID URL names, if it may be used for `relationship`.
    fn resolve(&self, method: &str, relationship: Relationship) -> Result<ResolvedKey<'_>, Reason> {
        let url = method_url(method)?;
        if let Some(cache) = self.key_cache().filter(|_| url.did.method() == "key") {
            let key = cache.decode(url.did.method_specific_id());
            let key = key.map_err(|error| Reason::DidDocumentInvalid {
                did: short(url.did.as_str()),
                detail: error.to_string(),
            })?;
            return did_key(url, key, method, relationship);
        }
        self.documents_for(url.did).resolve_url(url, method, relationship)
    }

    /// The DID URL of a key of this DID, if it has it and may use it for `relationship`.
    fn method_of(&self, did: &str, key: &PublicKey, relationship: Relationship) -> Option<String> {
        let did = Did::parse(did).ok()?;
        let found = |document: &DidDocument| {
            let is_it = |method: &&VerificationMethod| {
                method.key.as_ref() == Some(key) && method.is_for(relationship)
            };
            document.methods().iter().find(is_it).map(|method| method.id.clone())
        };
        match resolve_self_certifying(did) {
            Some(document) => found(&document.ok()?),
            None => found(&self.documents_for(did).good.get(did.as_str())?.content),
        }
    }
}

impl Keys for Evidence<'_> {
    fn key_cache(&self) -> Option<&KeyCache> {
        self.keys
    }

    fn documents_for(&self, did: Did<'_>) -> &Documents {
        let bundled = self.bundle.map(Bundle::documents).filter(|documents| documents.know(did));
        bundled.unwrap_or(&self.documents)
    }
}

impl Keys for Documents {
    fn documents_for(&self, _: Did<'_>) -> &Documents {
        self
    }
}

impl Default for Evidence<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Evidence<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evidence")
            .field("bundle", &self.bundle)
            .field("suites", &self.suites)
            .finish_non_exhaustive()
    }
}

/// DID documents by DID, with their keys decoded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Documents {
    good: HashMap<String, Document>,
    /// Why the document of a DID can't be used.
    broken: HashMap<String, Reason>,
}

#[derive(Clone, Debug)]
pub(crate) struct Document {
    content: DidDocument,
    /// For each method of the document, in its order; `None` where it does not sign here.
    keys: Vec<Option<VerifyingKey>>,
    /// Of the document of a did:webvh: which version of it this is.
    version: Option<DidVersion>,
}

impl Documents {
    /// Adds a document; returns whether there was none for its DID. One of a did:webvh counts as
    /// broken: such a DID proves itself by its history, and by nothing else.
    pub(crate) fn insert(&mut self, document: DidDocument) -> bool {
        let did = document.id();
        if Did::parse(did).is_ok_and(|did| did.method() == "webvh") {
            let detail = "a did:webvh proves itself by its history, not by a document".to_owned();
            let reason = Reason::DidDocumentInvalid { did: short(did), detail };
            return self.insert_broken(did, reason);
        }
        self.insert_good(document, None)
    }

    /// Adds the document of a version of a did:webvh; returns whether there was none for its DID.
    pub(crate) fn insert_version(&mut self, document: DidDocument, version: DidVersion) -> bool {
        self.insert_good(document, Some(version))
    }

    fn insert_good(&mut self, document: DidDocument, version: Option<DidVersion>) -> bool {
        let keys = decoded(&document);
        let did = document.id().to_owned();
        let new = !self.broken.contains_key(&did);
        self.good.insert(did, Document { content: document, keys, version }).is_none() && new
    }

    /// Notes why the document of a DID can't be used; returns whether there was none.
    pub(crate) fn insert_broken(&mut self, did: &str, reason: Reason) -> bool {
        let new = !self.good.contains_key(did);
        self.broken.insert(did.to_owned(), reason).is_none() && new
    }

    /// The versions of did:webvh DIDs among them, in no order.
    pub(crate) fn versions(&self) -> impl Iterator<Item = &DidVersion> {
        self.good.values().filter_map(|document| document.version.as_ref())
    }

    /// The DIDs whose documents can't be used, and why, in no order.
    pub(crate) fn broken(&self) -> impl Iterator<Item = (&str, &Reason)> {
        self.broken.iter().map(|(did, reason)| (did.as_str(), reason))
    }

    fn know(&self, did: Did<'_>) -> bool {
        self.good.contains_key(did.as_str()) || self.broken.contains_key(did.as_str())
    }

    pub(crate) fn len(&self) -> usize {
        self.good.len()
    }

    /// The key that a DID URL names, from these documents or from the DID itself.
    fn resolve_url(
        &self,
        url: DidUrl<'_>,
        method: &str,
        relationship: Relationship,
    ) -> Result<ResolvedKey<'_>, Reason> {
        let did = url.did.as_str();
        if holds_its_key(url.did) {
            return resolve_without_document(url, method, relationship);
        }
        match (self.good.get(did), self.broken.get(did)) {
            (Some(document), _) => document.resolve(method, relationship),
            (None, Some(reason)) => Err(reason.clone()),
            (None, None) => resolve_without_document(url, method, relationship),
        }
    }
}

/// A key, who controls it, and until when.
#[derive(Debug)]
pub(crate) struct ResolvedKey<'e> {
    pub(crate) key: Cow<'e, VerifyingKey>,
    pub(crate) controller: String,
    pub(crate) life: KeyLife,
}

/// When a key stops being good. Kept apart, so that it can be judged at any later time.
#[derive(Clone, Debug)]
pub(crate) struct KeyLife {
    pub(crate) method: String,
    /// The version of the did:webvh that lists it.
    pub(crate) version: Option<DidVersion>,
    expires: Option<Timestamp>,
    revoked: Option<Timestamp>,
}

impl KeyLife {
    /// Why the key is not good at `now`. When a proof says it was made does not matter: whoever
    /// stole a key can write any date.
    pub(crate) fn ended(&self, now: Timestamp) -> Option<Reason> {
        let method = || self.method.clone();
        match (self.revoked, self.expires) {
            (Some(revoked), _) if now >= revoked => {
                Some(Reason::KeyRevoked { method: method(), revoked, now })
            }
            (_, Some(expires)) if now >= expires => {
                Some(Reason::KeyExpired { method: method(), expires, now })
            }
            _ => None,
        }
    }
}

impl Document {
    fn resolve(&self, id: &str, relationship: Relationship) -> Result<ResolvedKey<'_>, Reason> {
        let methods = self.content.methods();
        let Some(index) = methods.iter().position(|method| method.id == id) else {
            return Err(unknown(id));
        };
        let method = &methods[index];
        let Some(key) = &self.keys[index] else {
            return Err(Reason::KeyUnsupported { method: id.to_owned() });
        };
        if !method.is_for(relationship) {
            return Err(not_for(id, relationship));
        }
        Ok(ResolvedKey {
            key: Cow::Borrowed(key),
            controller: self.content.id().to_owned(),
            life: KeyLife {
                method: id.to_owned(),
                version: self.version.clone(),
                expires: method.expires,
                revoked: method.revoked,
            },
        })
    }
}

fn decoded(document: &DidDocument) -> Vec<Option<VerifyingKey>> {
    let methods = document.methods().iter();
    methods.map(|method| method.key.clone().and_then(VerifyingKey::new)).collect()
}

fn method_url(method: &str) -> Result<DidUrl<'_>, Reason> {
    DidUrl::parse(method)
        .ok()
        .filter(|url| {
            let plain = url.path.is_empty() && url.query.is_none();
            plain && url.fragment.is_some_and(|fragment| !fragment.is_empty())
        })
        .ok_or_else(|| unknown(method))
}

fn resolve_without_document(
    url: DidUrl<'_>,
    method: &str,
    relationship: Relationship,
) -> Result<ResolvedKey<'static>, Reason> {
    let invalid = |error: Malformed| Reason::DidDocumentInvalid {
        did: short(url.did.as_str()),
        detail: error.to_string(),
    };
    if url.did.method() == "key" {
        let multikey = url.did.method_specific_id();
        let key = PublicKey::from_multikey(multikey).map_err(invalid)?;
        return did_key(url, VerifyingKey::new(key), method, relationship);
    }
    match resolve_self_certifying(url.did) {
        None => Err(Reason::DidDocumentMissing { did: url.did.as_str().to_owned() }),
        Some(Err(error)) => Err(invalid(error)),
        Some(Ok(document)) => {
            let keys = decoded(&document);
            let document = Document { content: document, keys, version: None };
            let resolved = document.resolve(method, relationship)?;
            Ok(ResolvedKey {
                key: Cow::Owned(resolved.key.into_owned()),
                controller: resolved.controller,
                life: resolved.life,
            })
        }
    }
}

/// A did:key without building its document: it has one key, which signs for every purpose.
fn did_key(
    url: DidUrl<'_>,
    key: Option<VerifyingKey>,
    method: &str,
    relationship: Relationship,
) -> Result<ResolvedKey<'static>, Reason> {
    if url.fragment != Some(url.did.method_specific_id()) {
        return Err(unknown(method));
    }
    let Some(key) = key else {
        return Err(Reason::KeyUnsupported { method: short(method) });
    };
    if relationship == Relationship::KeyAgreement {
        return Err(not_for(method, relationship));
    }
    Ok(ResolvedKey {
        key: Cow::Owned(key),
        controller: url.did.as_str().to_owned(),
        life: KeyLife { method: method.to_owned(), version: None, expires: None, revoked: None },
    })
}

fn unknown(method: &str) -> Reason {
    Reason::UnknownKey { method: short(method) }
}

fn not_for(method: &str, relationship: Relationship) -> Reason {
    Reason::KeyNotForPurpose { method: short(method), purpose: relationship.name() }
}

/// Names in reasons are cut, so that a hostile one does not flood a log.
pub(crate) fn short(text: &str) -> String {
    match text.char_indices().nth(256) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Whether this DID holds its own key, so that nobody else's document may speak for it.
pub(crate) fn is_self_certifying(did: &str) -> bool {
    Did::parse(did).is_ok_and(holds_its_key)
}

fn holds_its_key(did: Did<'_>) -> bool {
    matches!(did.method(), "key" | "jwk")
}
