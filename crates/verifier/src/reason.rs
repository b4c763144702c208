//! Why a verdict is not "accepted": every reason has a stable code and carries what was compared.

use std::fmt;

use bonafide_core::json::{MAX_SAFE_INTEGER, Number, Object, Value, to_canonical_string};
use bonafide_core::time::Timestamp;

/// What a reason does to the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is known to be wrong.
    Rejects,
    /// Something is missing that would decide it.
    LeavesUndecided,
}

/// A value in a reason, as it goes into JSON.
trait Compared {
    fn to_json(&self) -> Value<'static>;
}

impl Compared for String {
    fn to_json(&self) -> Value<'static> {
        self.clone().into()
    }
}

impl Compared for Option<String> {
    fn to_json(&self) -> Value<'static> {
        self.clone().map_or(Value::Null, Value::from)
    }
}

impl Compared for Timestamp {
    fn to_json(&self) -> Value<'static> {
        self.to_string().into()
    }
}

impl Compared for u64 {
    fn to_json(&self) -> Value<'static> {
        let integer = i64::try_from(*self).unwrap_or(MAX_SAFE_INTEGER).min(MAX_SAFE_INTEGER);
        Value::Number(Number::Integer(integer))
    }
}

impl Compared for &'static str {
    fn to_json(&self) -> Value<'static> {
        Value::from(*self)
    }
}

macro_rules! reasons {
    ($( $(#[$doc:meta])* $variant:ident $code:literal $effect:ident
        { $($field:ident: $type:ty),* } $says:literal )*) => {
        /// Why something was rejected or left undecided.
        ///
        /// Codes and fields are stable; the wording of [`Display`](fmt::Display) is not.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        #[allow(missing_docs)] // the fields are named after what they hold
        pub enum Reason {
            $( $(#[$doc])* $variant { $($field: $type),* }, )*
        }

        impl Reason {
            /// Every code, in the order of the documentation.
            pub const CODES: &'static [&'static str] = &[$($code),*];

            /// The stable code, in kebab case.
            pub fn code(&self) -> &'static str {
                match self { $( Self::$variant { .. } => $code, )* }
            }

            /// What it does to the outcome.
            pub fn effect(&self) -> Effect {
                match self { $( Self::$variant { .. } => Effect::$effect, )* }
            }

            /// What was compared, by name.
            pub fn values(&self) -> Object<'static> {
                match self { $(
                    Self::$variant { $($field),* } => {
                        #[allow(unused_mut)]
                        let mut values = Object::new();
                        $( values.insert(stringify!($field), $field.to_json()); )*
                        values
                    }
                )* }
            }
        }

        impl fmt::Display for Reason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(
                    #[allow(unused_variables)]
                    Self::$variant { $($field),* } => {
                        $( #[allow(unused_variables)] let $field = Shown($field); )*
                        write!(f, $says)
                    }
                )* }
            }
        }
    };
}

/// Shows a compared value to a person.
struct Shown<'v, T>(&'v T);

impl<T: Compared> fmt::Display for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.to_json() {
            Value::Null => f.write_str("nothing"),
            Value::String(text) => f.write_str(&text),
            other => f.write_str(&to_canonical_string(&other)),
        }
    }
}

reasons! {
    /// Not what it claims to be.
    Malformed "malformed" Rejects { what: String, pointer: String, detail: String }
        "not a well-formed {what} ({pointer}): {detail}"
    /// Over the cap on its size.
    TooLarge "too-large" Rejects { what: &'static str, bytes: u64, limit: u64 }
        "{what} has {bytes} bytes; the limit is {limit}"
    /// Over the number of signatures, or of bytes under them, that one verdict checks.
    TooManySignatures "too-many-signatures" Rejects { limit: u64 }
        "more to check than a verdict may: {limit} signatures, 16 MiB under them"

    /// Nothing secures it.
    ProofMissing "proof-missing" Rejects {} "there is no proof"
    /// The signature does not fit.
    ProofInvalid "proof-invalid" Rejects { method: String, detail: String }
        "the proof by {method} is not good: {detail}"
    /// The suite is not in the table.
    SuiteUnknown "suite-unknown" Rejects { cryptosuite: String }
        "the cryptosuite {cryptosuite} is not known"
    /// A JSON-LD context that is not pinned, is written into the document, or redefines protected
    /// terms.
    ContextRefused "context-refused" Rejects { method: String, detail: String }
        "the context under the proof by {method} is refused: {detail}"
    /// `DATA_LOSS_DETECTION_ERROR`: something in the document is not signed.
    DataLoss "data-loss" Rejects { method: String, detail: String }
        "the proof by {method} does not sign all of the document: {detail}"
    /// Canonicalizing the document takes more work than is done for anybody.
    TooComplex "too-complex" Rejects { method: String }
        "the document under the proof by {method} is too complex to canonicalize"
    /// The parts of a selective disclosure do not fit together or the document.
    DisclosureInvalid "disclosure-invalid" Rejects { method: String, detail: String }
        "the disclosure signed by {method} is not good: {detail}"
    /// A base proof, which is for the holder alone.
    BaseProof "base-proof" Rejects { method: String }
        "the proof by {method} is a base proof; present one derived from it"
    /// Made for another purpose.
    PurposeMismatch "purpose-mismatch" Rejects { expected: &'static str, found: String }
        "the proof's purpose is {found}, not {expected}"
    /// The proof itself has ended.
    ProofExpired "proof-expired" Rejects { expires: Timestamp, now: Timestamp }
        "the proof expired at {expires}"
    /// A proof that another builds on was taken away.
    PreviousProofMissing "previous-proof-missing" Rejects { id: String }
        "the previous proof {id} is not there"
    /// Previous proofs lead back to themselves.
    PreviousProofCycle "previous-proof-cycle" Rejects { id: String }
        "the chain of previous proofs returns to {id}"
    /// A signature that the policy asks for besides the issuer's is not there.
    CosignerMissing "cosigner-missing" Rejects { cosigner: String }
        "the policy asks for a proof by {cosigner} as well"
    /// `none`, a symmetric or an unknown algorithm.
    AlgorithmRefused "algorithm-refused" Rejects { alg: String }
        "the algorithm {alg} is refused"
    /// The header's algorithm is not the key's.
    AlgorithmMismatch "algorithm-mismatch" Rejects { header: String, key: &'static str }
        "the header says {header}, but the key signs with {key}"
    /// A header that carries keys, points to keys, or must be understood and is not.
    HeaderRefused "header-refused" Rejects { member: &'static str }
        "the header member {member} is refused"
    /// A token of another kind.
    TypMismatch "typ-mismatch" Rejects { expected: String, found: Option<String> }
        "expected a token of type {expected}, found {found}"

    /// The named key is not a key of anybody.
    UnknownKey "unknown-key" Rejects { method: String } "no key is known as {method}"
    /// The DID document that would hold the key is not in the evidence.
    DidDocumentMissing "did-document-missing" LeavesUndecided { did: String }
        "the DID document of {did} is not in the bundle"
    /// The DID or its document is broken.
    DidDocumentInvalid "did-document-invalid" Rejects { did: String, detail: String }
        "the DID document of {did} is not valid: {detail}"
    /// The DID came to its end.
    DidDeactivated "did-deactivated" Rejects { did: String, version: String }
        "{did} came to its end with version {version}"
    /// The DID goes by another name now.
    DidMoved "did-moved" Rejects { did: String, version: String, to: String }
        "{did} became {to} with version {version}"
    /// The key exists but not for this use.
    KeyNotForPurpose "key-not-for-purpose" Rejects { method: String, purpose: &'static str }
        "{method} is not listed under {purpose}"
    /// A key type that does not sign.
    KeyUnsupported "key-unsupported" Rejects { method: String }
        "{method} is of a type that does not sign here"
    /// The key was revoked; everything it signed falls.
    KeyRevoked "key-revoked" Rejects { method: String, revoked: Timestamp, now: Timestamp }
        "{method} was revoked at {revoked}"
    /// The key has ended.
    KeyExpired "key-expired" Rejects { method: String, expires: Timestamp, now: Timestamp }
        "{method} expired at {expires}"

    /// Signed by somebody else than its issuer.
    IssuerMismatch "issuer-mismatch" Rejects { issuer: String, signer: String }
        "issued in the name of {issuer}, but signed by {signer}"
    /// The policy does not let this issuer attest this.
    IssuerUntrusted "issuer-untrusted" Rejects { issuer: String, credential_type: String }
        "the policy does not trust {issuer} to attest {credential_type}"

    /// It has ended.
    Expired "expired" Rejects { valid_until: Timestamp, now: Timestamp }
        "valid until {valid_until}; now it is {now}"
    /// It has not begun.
    NotYetValid "not-yet-valid" Rejects { valid_from: Timestamp, now: Timestamp }
        "valid from {valid_from}; now it is {now}"

    /// It does not fit its schema.
    SchemaViolation "schema-violation" Rejects { schema: String, pointer: String, detail: String }
        "does not fit {schema} at {pointer}: {detail}"
    /// It names another schema than its type has.
    SchemaMismatch "schema-mismatch" Rejects { expected: String, found: String }
        "names the schema {found}, its type has {expected}"
    /// A schema that the verifier does not have.
    SchemaUnknown "schema-unknown" Rejects { schema: String }
        "the schema {schema} is not known"
    /// A claim is missing that its type always discloses.
    ClaimsMissing "claims-missing" Rejects { credential_type: &'static str, pointer: &'static str }
        "a {credential_type} always discloses {pointer}"

    /// Its type needs a revocation entry and it has none.
    StatusMissing "status-missing" Rejects { credential_type: String }
        "a {credential_type} must say where its revocation is published"
    /// A kind of status that the verifier does not read.
    StatusTypeUnknown "status-type-unknown" Rejects { status_type: String }
        "the status type {status_type} is not known"
    /// The list is not in the evidence.
    StatusListMissing "status-list-missing" LeavesUndecided { list: String }
        "the status list {list} is not in the bundle"
    /// The list is too old to rely on.
    StatusStale "status-stale" LeavesUndecided {
        list: String, as_of: Timestamp, stale_since: Timestamp, now: Timestamp }
        "what is known of {list} is as of {as_of} and stale since {stale_since}"
    /// The list is not a good status list.
    StatusListInvalid "status-list-invalid" Rejects { list: String, detail: String }
        "the status list {list} is not good: {detail}"
    /// The list comes from somebody who may not say this.
    StatusListUntrusted "status-list-untrusted" Rejects { list: String, list_issuer: String, issuer: String }
        "the status list {list} is by {list_issuer}, who does not speak for {issuer}"
    /// The list is about something else.
    StatusPurposeMismatch "status-purpose-mismatch" Rejects { list: String, purpose: String }
        "the status list {list} does not say anything of {purpose}"
    /// The list has ended.
    StatusListExpired "status-list-expired" Rejects { list: String, valid_until: Timestamp, now: Timestamp }
        "the status list {list} was valid until {valid_until}"
    /// The list has not begun.
    StatusListFromFuture "status-list-from-future" Rejects { list: String, valid_from: Timestamp, now: Timestamp }
        "the status list {list} is valid from {valid_from} only"
    /// `STATUS_LIST_LENGTH_ERROR`.
    StatusListTooShort "status-list-too-short" Rejects { list: String, entries: u64, least: u64 }
        "the status list {list} has {entries} entries, fewer than {least}"
    /// The list is over the cap when decompressed.
    StatusListTooLarge "status-list-too-large" Rejects { list: String, limit: u64 }
        "the status list {list} decompresses to more than {limit} bytes"
    /// `RANGE_ERROR`.
    StatusIndexOutOfRange "status-index-out-of-range" Rejects { list: String, index: u64, entries: u64 }
        "index {index} is not among the {entries} entries of {list}"
    /// A value of a token list that is reserved, or that only an application knows.
    StatusValueUnknown "status-value-unknown" Rejects { list: String, index: u64, value: u64 }
        "entry {index} of {list} has the value {value}, whose meaning is not known"
    /// Ended for good.
    Revoked "revoked" Rejects { list: String, index: u64 } "revoked, by entry {index} of {list}"
    /// Not valid for now.
    Suspended "suspended" Rejects { list: String, index: u64 }
        "suspended, by entry {index} of {list}"

    /// A request needs a presentation, and a credential came alone.
    PresentationRequired "presentation-required" Rejects {}
        "a credential alone answers no request; present it"
    /// Nothing to hold the presentation against.
    PresentationUnbound "presentation-unbound" LeavesUndecided {}
        "the request names no nonce and audience, so this may be somebody's old presentation"
    /// Nothing is presented.
    PresentationEmpty "presentation-empty" Rejects {} "the presentation holds no credential"
    /// Answers another nonce or challenge, or none.
    NonceMismatch "nonce-mismatch" Rejects { expected: String, found: Option<String> }
        "answers {found}, not the nonce {expected}"
    /// Meant for another audience or domain, or for none.
    AudienceMismatch "audience-mismatch" Rejects { expected: String, found: Option<String> }
        "meant for {found}, not for {expected}"
    /// The holder does not control the key.
    HolderMismatch "holder-mismatch" Rejects { holder: String, signer: String }
        "held by {holder}, but signed by {signer}"
    /// A credential about somebody else.
    SubjectMismatch "subject-mismatch" Rejects { subject: String, presenter: String }
        "it speaks of {subject}, but {presenter} presents it"
    /// A credential about nobody in particular.
    SubjectMissing "subject-missing" Rejects {} "it does not say whom it speaks of"
    /// A credential about several.
    SubjectsMany "subjects-many" Rejects { count: u64 } "it speaks of {count} subjects, not of one"
    /// A presentation for one HTTP request stands before another, or its own claims are not whole.
    ChannelMismatch "channel-mismatch" Rejects { claim: &'static str, expected: Option<String>, found: Option<String> }
        "the presentation's {claim} is {found}, not {expected}"
    /// A presentation for one HTTP request lives longer than one may.
    LifetimeTooLong "lifetime-too-long" Rejects { seconds: u64, limit: u64 }
        "it lives for {seconds} seconds; a presentation for one request may for {limit}"

    /// More links than a chain may have.
    ChainTooLong "chain-too-long" Rejects { links: u64, limit: u64 }
        "a chain of {links} credentials; the limit is {limit}"
    /// A delegation without the grant that it comes from.
    ChainRootMissing "chain-root-missing" Rejects {}
        "a delegation does not count without the grant it comes from, and that one comes first"
    /// More than one grant.
    ChainRootsMany "chain-roots-many" Rejects { count: u64 }
        "{count} grants in one presentation; present one at a time"
    /// A link or an agent occurs twice.
    ChainRepeats "chain-repeats" Rejects { link: u64, repeated: String }
        "link {link} brings {repeated} into the chain a second time"
    /// A link of which the holder may have left something out.
    LinkPartial "link-partial" Rejects { link: u64 }
        "link {link} is not shown whole"
    /// A link that is a part of another credential than the one before it.
    ParentMismatch "parent-mismatch" Rejects { link: u64, expected: String, found: String }
        "link {link} is a part of {found}, but stands under {expected}"
    /// Delegated by another than the one who received.
    DelegatorMismatch "delegator-mismatch" Rejects { link: u64, expected: String, found: String }
        "link {link} is delegated by {found}; what it is a part of was given to {expected}"
    /// Signed by another key than the one that what it is a part of is bound to.
    DelegatorKeyMismatch "delegator-key-mismatch" Rejects { link: u64, expected: String, found: String }
        "link {link} is signed by {found}; what it is a part of is bound to {expected}"
    /// A link that allows more than what it is a part of.
    Widened "widened" Rejects { link: u64, what: &'static str, has: String, parent: String }
        "link {link} widens the {what}: {has}, while its parent has {parent}"
    /// A constraint that is not known.
    ConstraintUnknown "constraint-unknown" Rejects { link: u64, constraint: String }
        "link {link} has a constraint that is not known: {constraint}"
    /// A status that was not set aside for the link.
    ChildStatusMismatch "child-status-mismatch" Rejects { link: u64, detail: String }
        "the status of link {link} is not one that its parent set aside: {detail}"
    /// The key that the last link is bound to did not sign the presentation.
    ChainHolderMismatch "chain-holder-mismatch" Rejects { expected: String, found: String }
        "the chain ends with {expected}, but {found} presents it"
    /// The policy does not let this issuer grant this.
    GrantUntrusted "grant-untrusted" Rejects { issuer: String, what: &'static str, value: String }
        "the policy does not trust {issuer} to grant the {what} {value}"
    /// The action is not among those granted.
    ActionNotGranted "action-not-granted" Rejects { action: String, granted: String }
        "the action {action} is not granted; granted: {granted}"
    /// The resource is not among those granted, nor below one.
    ResourceNotGranted "resource-not-granted" Rejects { resource: String, granted: String }
        "the resource {resource} is not granted; granted: {granted}"
    /// The resource asked for has another spelling than the canonical one.
    ResourceNotCanonical "resource-not-canonical" Rejects { resource: String, detail: String }
        "the resource {resource} is not in canonical form: {detail}"
    /// The service is not among those before which the grant counts.
    AudienceNotGranted "audience-not-granted" Rejects { audience: String, granted: String }
        "the grant does not count before {audience}, only before {granted}"
    /// A constraint that the request does not meet.
    ConstraintUnmet "constraint-unmet" Rejects { link: u64, constraint: String, found: String }
        "link {link} allows {constraint}; this is {found}"
    /// Something that the service has to see to, under a policy that does not leave it to it.
    ObligationOpen "obligation-open" LeavesUndecided { obligation: String }
        "this can't be checked here: {obligation}"

    /// No rung of the ladder holds.
    NoLevel "no-level" Rejects { ladder: String } "none of the levels {ladder} is reached"

    /// Signed by nobody that the policy names.
    BundleUntrusted "bundle-untrusted" Rejects { signer: String }
        "the policy does not name {signer} as a signer of bundles"
    /// Not a good bundle.
    BundleInvalid "bundle-invalid" Rejects { detail: String } "the bundle is not good: {detail}"
    /// The bundle has ended.
    BundleExpired "bundle-expired" LeavesUndecided { expires: Timestamp, now: Timestamp }
        "the bundle expired at {expires}; get a newer one"
    /// The bundle, or something in it, is dated ahead of the clock.
    BundleFromFuture "bundle-from-future" LeavesUndecided { issued_at: Timestamp, now: Timestamp }
        "the bundle is dated {issued_at}, ahead of this clock ({now})"
    /// A newer bundle was seen before.
    BundleRolledBack "bundle-rolled-back" Rejects { sequence: u64, newest: u64 }
        "the bundle has sequence {sequence}; {newest} was seen before"
    /// Two bundles with one sequence number.
    BundleForked "bundle-forked" Rejects { sequence: u64 }
        "another bundle with sequence {sequence} was seen before"
    /// A newer list was seen before.
    StatusListRolledBack "status-list-rolled-back" Rejects { list: String, stamp: Timestamp, newest: Timestamp }
        "the status list {list} is of {stamp}; one of {newest} was seen before"
    /// A newer version of a did:webvh was seen before.
    DidHistoryRolledBack "did-history-rolled-back" Rejects { did: String, version: String, newest: String }
        "the history of {did} ends with version {version}; {newest} was seen before"
    /// Two versions of a did:webvh with one number.
    DidHistoryForked "did-history-forked" Rejects { did: String, version: String }
        "another version of {did} with the number of {version} was seen before"
    /// This nonce was answered before.
    Replayed "replayed" Rejects { nonce: String } "the nonce {nonce} was used before"
    /// What was seen before could not be remembered.
    MemoryFailed "memory-failed" LeavesUndecided { detail: String }
        "what was seen before is not known: {detail}"
}

impl Reason {
    /// Fails with `too-large` where `bytes` are more than `limit`.
    pub(crate) fn within(what: &'static str, bytes: usize, limit: usize) -> Result<(), Self> {
        if bytes <= limit {
            return Ok(());
        }
        Err(Self::TooLarge { what, bytes: bytes as u64, limit: limit as u64 })
    }

    /// The reason that something is malformed.
    pub(crate) fn malformed(error: bonafide_core::Malformed) -> Self {
        let what = error.what.to_owned();
        let pointer = if error.pointer.is_empty() { "/".to_owned() } else { error.pointer };
        Self::Malformed { what, pointer, detail: error.detail }
    }
}

impl std::error::Error for Reason {}
