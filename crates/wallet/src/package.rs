//! What an agent hands to its child: the delegation, the chain above it, and what is known of the
//! chain's agents.

use std::fmt;

use bonafide_core::Malformed;
use bonafide_core::delegation::LONGEST_CHAIN;
use bonafide_core::json::{Limits, Object, Value, parse, to_canonical_string};

use crate::error::WalletError;
use crate::reading::LONGEST;
use crate::receive::as_value;

const WHAT: &str = "delegation package";
const TYPE: &str = "DelegationPackage";

/// The most credentials about the chain's agents.
const MOST_CREDENTIALS: usize = 32;

/// A delegation on its way to the agent that receives it. It holds no secret: without the
/// receiver's key nobody can make use of it.
#[derive(Clone, PartialEq, Eq)]
pub struct DelegationPackage {
    /// The grant and the delegations under it, in order, each as it was signed.
    pub chain: Vec<Vec<u8>>,
    /// Credentials of the chain's agents, each as it was signed.
    pub credentials: Vec<Vec<u8>>,
}

/// Without the bytes: they say much about people.
impl fmt::Debug for DelegationPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelegationPackage")
            .field("chain", &self.chain.len())
            .field("credentials", &self.credentials.len())
            .finish()
    }
}

impl DelegationPackage {
    /// The package as JSON: `type`, `version`, `chain`, `credentials`.
    pub fn to_json(&self) -> Result<String, WalletError> {
        let values = |all: &[Vec<u8>]| {
            all.iter().map(|bytes| as_value(bytes)).collect::<Result<Vec<_>, _>>()
        };
        let package = Object::from([
            ("type", Value::from(TYPE)),
            ("version", Value::from(1_u32)),
            ("chain", Value::Array(values(&self.chain)?)),
            ("credentials", Value::Array(values(&self.credentials)?)),
        ]);
        Ok(to_canonical_string(&package.into()))
    }

    /// Where the delegation stands that this package hands on: the id of what it was made under,
    /// and the index on the grant's status list by which it can be taken back. As it says itself.
    pub fn taken_back_by(&self) -> Option<(String, u64)> {
        let leaf = parse(self.chain.last()?, &Limits::for_size(LONGEST)).ok()?;
        let parent = leaf.get("credentialSubject")?.get("parent")?.get("id")?.as_str()?;
        let index = leaf.get("credentialStatus")?.get("statusListIndex")?.as_str()?;
        Some((parent.to_owned(), index.parse().ok()?))
    }

    /// Reads a package. Nothing in it is believed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WalletError> {
        let malformed = |pointer: &str, detail: &str| {
            WalletError::Credential(Malformed::at(WHAT, pointer, detail))
        };
        if bytes.len() > 4 * LONGEST {
            return Err(malformed("", "longer than 4 MiB"));
        }
        let value = parse(bytes, &Limits::for_size(4 * LONGEST))
            .map_err(|error| WalletError::Credential(Malformed::json(WHAT, &error)))?;
        if value.get("type").and_then(Value::as_str) != Some(TYPE) {
            return Err(malformed("/type", "expected DelegationPackage"));
        }
        if value.get("version").and_then(Value::as_integer) != Some(1) {
            return Err(malformed("/version", "this wallet reads version 1"));
        }
        let list = |name: &str, most: usize| {
            let pointer = format!("/{name}");
            let list = value.get(name).and_then(Value::as_array);
            let list = list.ok_or_else(|| malformed(&pointer, "expected a list"))?;
            if list.len() > most {
                return Err(malformed(&pointer, &format!("expected {most} at most")));
            }
            let one = |value: &Value<'_>| match value {
                Value::String(token) => Ok(token.as_bytes().to_vec()),
                Value::Object(_) => Ok(to_canonical_string(value).into_bytes()),
                _ => Err(malformed(&pointer, "expected objects and tokens")),
            };
            list.iter().map(one).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            chain: list("chain", LONGEST_CHAIN)?,
            credentials: list("credentials", MOST_CREDENTIALS)?,
        })
    }
}
