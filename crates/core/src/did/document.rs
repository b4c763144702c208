//! DID documents (DID 1.0, 5; Controlled Identifiers 1.0, 2).

use super::{Did, DidUrl};
use crate::Malformed;
use crate::json::{Object, Value};
use crate::key::{PublicKey, of_verification_method};
use crate::time::Timestamp;

const WHAT: &str = "DID document";

/// What a key may be used for (Controlled Identifiers 1.0, 2.3); also the purpose of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relationship {
    /// Showing control of the DID: presentations.
    Authentication,
    /// Making claims: credentials.
    AssertionMethod,
    /// Agreeing on keys.
    KeyAgreement,
    /// Using a capability.
    CapabilityInvocation,
    /// Handing a capability on.
    CapabilityDelegation,
}

impl Relationship {
    /// All of them, in the order of the specification.
    pub const ALL: [Self; 5] = [
        Self::Authentication,
        Self::AssertionMethod,
        Self::KeyAgreement,
        Self::CapabilityInvocation,
        Self::CapabilityDelegation,
    ];

    /// The member's name in a DID document, and the `proofPurpose`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::AssertionMethod => "assertionMethod",
            Self::KeyAgreement => "keyAgreement",
            Self::CapabilityInvocation => "capabilityInvocation",
            Self::CapabilityDelegation => "capabilityDelegation",
        }
    }
}

/// A key in a DID document.
#[derive(Clone, Debug)]
pub struct VerificationMethod {
    /// Its absolute DID URL.
    pub id: String,
    /// The key, unless it can't be used here.
    pub key: Option<PublicKey>,
    /// From when on the key may not be relied on.
    pub expires: Option<Timestamp>,
    /// From when on everything the key signed falls.
    pub revoked: Option<Timestamp>,
    relationships: Vec<Relationship>,
}

impl VerificationMethod {
    /// Whether the document lists this key under `relationship`.
    pub fn is_for(&self, relationship: Relationship) -> bool {
        self.relationships.contains(&relationship)
    }
}

/// A DID document: who controls which keys, for what.
#[derive(Clone, Debug)]
pub struct DidDocument {
    id: String,
    methods: Vec<VerificationMethod>,
    source: Value<'static>,
}

/// More keys than this in one document are refused.
const MOST_METHODS: usize = 256;

impl DidDocument {
    /// Reads a DID document and checks it: ids are unique and absolute (a relative `#key` is
    /// resolved against the document), and every reference of its own leads to one of its methods.
    ///
    /// A key that can't be used here stays without spoiling the others: one of an unknown type, one
    /// that is broken, one that another DID controls (Controlled Identifiers 1.0, 3.3).
    pub fn from_value(value: Value<'_>) -> Result<Self, Malformed> {
        let Value::Object(object) = &value else {
            return Err(Malformed::new(WHAT, "expected an object"));
        };
        let id = object.str("id").ok_or_else(|| Malformed::at(WHAT, "/id", "expected a DID"))?;
        let did = Did::parse(id).map_err(|error| error.within(WHAT, "/id"))?;
        let mut methods = Vec::new();
        for (pointer, item) in items(object, "verificationMethod")? {
            let method = item
                .as_object()
                .ok_or_else(|| Malformed::at(WHAT, pointer.as_str(), "expected an object"))?;
            add_method(&mut methods, did, method, &pointer)?;
        }
        for relationship in Relationship::ALL {
            for (pointer, item) in items(object, relationship.name())? {
                let index = match item {
                    Value::String(reference) => {
                        // A key of another DID never speaks for this one.
                        let Some(id) = absolute(did, reference, &pointer)? else { continue };
                        methods.iter().position(|method| method.id == id).ok_or_else(|| {
                            Malformed::at(WHAT, pointer.as_str(), "names a key that is not here")
                        })?
                    }
                    Value::Object(method) => add_method(&mut methods, did, method, &pointer)?,
                    _ => {
                        return Err(Malformed::at(WHAT, pointer, "expected a reference or a key"));
                    }
                };
                methods[index].relationships.push(relationship);
            }
        }
        let id = id.to_owned();
        Ok(Self { id, methods, source: value.into_owned() })
    }

    /// The DID that it describes.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The keys.
    pub fn methods(&self) -> &[VerificationMethod] {
        &self.methods
    }

    /// The key with this absolute DID URL.
    pub fn method(&self, id: &str) -> Option<&VerificationMethod> {
        self.methods.iter().find(|method| method.id == id)
    }

    /// The document as it was read.
    pub fn as_value(&self) -> &Value<'static> {
        &self.source
    }
}

type Items<'v, 'a> = Vec<(String, &'v Value<'a>)>;

fn items<'v, 'a>(object: &'v Object<'a>, member: &str) -> Result<Items<'v, 'a>, Malformed> {
    match object.get(member) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) if items.len() <= MOST_METHODS => Ok(items
            .iter()
            .enumerate()
            .map(|(index, item)| (format!("/{member}/{index}"), item))
            .collect()),
        Some(_) => Err(Malformed::at(WHAT, format!("/{member}"), "expected a list of at most 256")),
    }
}

/// The absolute form of a reference; `None` where it leads to another DID.
fn absolute(did: Did<'_>, reference: &str, pointer: &str) -> Result<Option<String>, Malformed> {
    let id = match reference.strip_prefix('#') {
        Some(fragment) => format!("{did}#{fragment}"),
        None => reference.to_owned(),
    };
    let url = DidUrl::parse(&id).map_err(|error| error.within(WHAT, pointer))?;
    if url.fragment.is_none_or(str::is_empty) {
        return Err(Malformed::at(WHAT, pointer, "expected the DID URL of a key"));
    }
    Ok((url.did == did).then_some(id))
}

/// Reads one verification method and returns its place in `methods`.
fn add_method(
    methods: &mut Vec<VerificationMethod>,
    did: Did<'_>,
    object: &Object<'_>,
    pointer: &str,
) -> Result<usize, Malformed> {
    let at =
        |member: &str, detail: &str| Malformed::at(WHAT, format!("{pointer}/{member}"), detail);
    let text = |member| object.str(member).ok_or_else(|| at(member, "expected a string"));
    let id = absolute(did, text("id")?, &format!("{pointer}/id"))?
        .ok_or_else(|| at("id", "is of another DID"))?;
    if methods.iter().any(|method| method.id == id) {
        return Err(at("id", "occurs twice"));
    }
    if methods.len() == MOST_METHODS {
        return Err(Malformed::at(WHAT, pointer, "more than 256 keys"));
    }
    let ours = text("controller")? == did.as_str();
    let key = of_verification_method(text("type")?, object).filter(|_| ours);
    let time = |member: &str| match object.get(member) {
        None => Ok(None),
        Some(Value::String(text)) => Timestamp::parse(text)
            .map(Some)
            .map_err(|error| error.within(WHAT, &format!("{pointer}/{member}"))),
        Some(_) => Err(at(member, "expected a date-time")),
    };
    let (expires, revoked) = (time("expires")?, time("revoked")?);
    methods.push(VerificationMethod { id, key, expires, revoked, relationships: Vec::new() });
    Ok(methods.len() - 1)
}
