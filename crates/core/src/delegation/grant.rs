//! The claims of one link: a grant at the root, a delegation below it.

use super::{MOST_CHILDREN, Rights};
use crate::Malformed;
use crate::json::{Object, Value};

/// What a link of a chain says. At the root (`TaskGrantCredential`) it may name a principal, below
/// (`DelegationCredential`) it names its parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The task that it is for.
    pub task: String,
    /// What it allows.
    pub rights: Rights,
    /// The DID URL of the holder's key (`cnf.kid`, RFC 7800), a key of the subject.
    pub holder_key: String,
    /// On whose behalf the agent acts, if on anybody's.
    pub principal: Option<Principal>,
    /// What it is a part of; never at the root.
    pub parent: Option<ParentLink>,
    /// Where its children's statuses may stand.
    pub child_status: Option<ChildStatus>,
}

/// On whose behalf an agent acts, as its issuer verified it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Who says who it is: an identity provider's issuer, or a DID.
    pub issuer: String,
    /// Who it is there.
    pub subject: String,
    /// `sha256:` and 64 hexadecimal digits: of the token or presentation that was shown.
    pub digest: String,
}

/// The credential that another is a part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParentLink {
    /// Its id.
    pub id: String,
    /// `sha256:` and 64 hexadecimal digits: its digest, which does not depend on its signature.
    pub digest: String,
}

/// Statuses that a grant's issuer set aside for its children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildStatus {
    /// The URL of the revocation list.
    pub list: String,
    /// Indexes in it.
    pub indexes: Vec<u64>,
}

impl Grant {
    /// Reads the claims of a subject; `root` says of which of the two types.
    pub fn from_subject(
        what: &'static str,
        subject: &Object<'_>,
        root: bool,
    ) -> Result<Self, Malformed> {
        let at = |pointer: &str, detail: &str| {
            Malformed::at(what, format!("/credentialSubject{pointer}"), detail)
        };
        let text = |object: &Object<'_>, pointer: &str, name: &str| {
            let text = object.str(name).filter(|text| !text.is_empty()).map(ToOwned::to_owned);
            text.ok_or_else(|| at(&format!("{pointer}/{name}"), "expected a text"))
        };
        let nested = |name: &str| match subject.get(name) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(at(&format!("/{name}"), "expected an object")),
        };
        let rights = Rights::from_claims(subject)
            .map_err(|error| error.within(what, "/credentialSubject"))?;
        let holder_key = match nested("cnf")? {
            Some(cnf) if cnf.len() == 1 => text(cnf, "/cnf", "kid")?,
            _ => return Err(at("/cnf", "expected kid, and nothing else")),
        };
        // The key is the subject's own.
        let of_subject = holder_key.split_once('#').map(|(did, _)| did) == subject.str("id");
        if !of_subject {
            return Err(at("/cnf/kid", "is not a key of the subject"));
        }
        let principal = match nested("principal")? {
            Some(_) if !root => return Err(at("/principal", "belongs to the grant alone")),
            Some(object) => Some(Principal {
                issuer: text(object, "/principal", "issuer")?,
                subject: text(object, "/principal", "subject")?,
                digest: digest(&text(object, "/principal", "digest")?)
                    .ok_or_else(|| at("/principal/digest", "expected sha256: and 64 digits"))?,
            }),
            None => None,
        };
        let parent = match nested("parent")? {
            Some(_) if root => return Err(at("/parent", "a grant has none")),
            None if !root => return Err(at("/parent", "is missing")),
            Some(object) => Some(ParentLink {
                id: text(object, "/parent", "id")?,
                digest: digest(&text(object, "/parent", "digest")?)
                    .ok_or_else(|| at("/parent/digest", "expected sha256: and 64 digits"))?,
            }),
            None => None,
        };
        let child_status = match nested("childStatus")? {
            None => None,
            Some(object) => Some(ChildStatus {
                list: text(object, "/childStatus", "statusListCredential")?,
                indexes: indexes(object).ok_or_else(|| {
                    at("/childStatus/indexes", "expected 1 to 256 whole numbers, each once")
                })?,
            }),
        };
        let task = text(subject, "", "task")?;
        Ok(Self { task, rights, holder_key, principal, parent, child_status })
    }

    /// The claims, without `id`.
    pub fn to_claims(&self) -> Object<'static> {
        let mut claims = self.rights.to_claims();
        claims.insert("task", self.task.clone());
        claims.insert("cnf", Object::from([("kid", self.holder_key.clone())]));
        if let Some(Principal { issuer, subject, digest }) = self.principal.clone() {
            let members = [("issuer", issuer), ("subject", subject), ("digest", digest)];
            claims.insert("principal", Object::from(members));
        }
        if let Some(ParentLink { id, digest }) = self.parent.clone() {
            claims.insert("parent", Object::from([("id", id), ("digest", digest)]));
        }
        if let Some(ChildStatus { list, indexes }) = &self.child_status {
            let indexes: Vec<String> = indexes.iter().map(ToString::to_string).collect();
            let members =
                [("statusListCredential", Value::from(list.clone())), ("indexes", indexes.into())];
            claims.insert("childStatus", Object::from(members));
        }
        claims
    }
}

/// A digest in its one spelling.
fn digest(text: &str) -> Option<String> {
    let digits = text.strip_prefix("sha256:")?;
    let good = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (digits.len() == 64 && digits.bytes().all(good)).then(|| text.to_owned())
}

/// Whole numbers as texts, as `statusListIndex` is one.
fn indexes(object: &Object<'_>) -> Option<Vec<u64>> {
    let list = object.get("indexes")?.as_array()?;
    let read = |value: &Value<'_>| {
        let text = value.as_str()?;
        text.parse().ok().filter(|index: &u64| index.to_string() == text)
    };
    let mut indexes: Vec<u64> = list.iter().map(read).collect::<Option<_>>()?;
    let (given, in_order) = (indexes.clone(), &mut indexes);
    in_order.sort_unstable();
    in_order.dedup();
    let good = (1..=MOST_CHILDREN).contains(&given.len()) && in_order.len() == given.len();
    good.then_some(given)
}
