//! The whole content of a wallet in memory, and its text: strict JSON, version 1.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bonafide_core::Malformed;
use bonafide_core::encoding::{decode_base64url, encode_base64url};
use bonafide_core::json::{Limits, Object, Value, canonical_length, canonicalize, parse};
use bonafide_core::key::PublicKey;
use bonafide_core::time::Timestamp;
use bonafide_proof::{SecretKey, Signer as _};
use zeroize::Zeroizing;

use crate::error::SealError;
use crate::record::{Held, KeyEntry, KeyPlace, KeyState, KnownIssuer};

/// The most that one wallet holds, in bytes of its JSON text.
pub const MOST_CONTENT: usize = 64 << 20;

const WHAT: &str = "wallet";
const VERSION: u32 = 1;

// Every value takes two bytes at least, so that whatever is short enough to be saved can be read.
const LIMITS: Limits = Limits { bytes: MOST_CONTENT, depth: 8, values: MOST_CONTENT / 2 };

/// Cloning shares the secrets, which are wiped with the last clone.
#[derive(Clone, Default)]
pub(crate) struct Content {
    pub(crate) keys: Vec<StoredKey>,
    pub(crate) default_key: Option<String>,
    /// In the order in which they came.
    pub(crate) credentials: Vec<Held>,
    pub(crate) issuers: BTreeMap<String, KnownIssuer>,
    /// Of each status list the indexes that were given to children.
    pub(crate) used: BTreeMap<String, BTreeSet<u64>>,
    pub(crate) settings: BTreeMap<String, String>,
}

#[derive(Clone)]
pub(crate) struct StoredKey {
    pub(crate) entry: KeyEntry,
    /// There is one exactly if the entry's place is here.
    pub(crate) secret: Option<Arc<SecretKey>>,
}

impl Content {
    pub(crate) fn key(&self, name: &str) -> Option<&StoredKey> {
        self.keys.iter().find(|key| key.entry.name == name)
    }

    pub(crate) fn key_mut(&mut self, name: &str) -> Option<&mut StoredKey> {
        self.keys.iter_mut().find(|key| key.entry.name == name)
    }

    pub(crate) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, SealError> {
        // The tree borrows the secrets, so that there is one copy beside the text, and it is wiped.
        let secrets: Vec<Option<Zeroizing<String>>> = self
            .keys
            .iter()
            .map(|key| key.secret.as_ref().map(|secret| secret.to_multikey()))
            .collect();
        let keys = self.keys.iter().zip(&secrets);
        let keys: Vec<Object<'_>> =
            keys.map(|(key, secret)| write_key(key, secret.as_ref())).collect();
        let mut object = Object::from([
            (
                "credentials",
                Value::from(self.credentials.iter().map(write_held).collect::<Vec<_>>()),
            ),
            ("issuers", self.issuers.values().map(write_issuer).collect::<Vec<_>>().into()),
            ("keys", keys.into()),
            ("settings", write_map(&self.settings, |text| text.as_str().into())),
            (
                "usedIndexes",
                write_map(&self.used, |used| {
                    used.iter().map(ToString::to_string).collect::<Vec<_>>().into()
                }),
            ),
            ("version", VERSION.into()),
        ]);
        put(&mut object, "defaultKey", self.default_key.as_deref());
        let value = Value::Object(object);
        let length = canonical_length(&value);
        if length > MOST_CONTENT {
            return Err(SealError::TooLong);
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        canonicalize(&value, &mut *bytes);
        Ok(bytes)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let value = parse(bytes, &LIMITS).map_err(|error| Malformed::json(WHAT, &error))?;
        let read = Reader::new(&value)?;
        if read.get("version")?.as_integer() != Some(i64::from(VERSION)) {
            return Err(read.wrong("version"));
        }
        let mut content =
            Self { default_key: read.optional_text("defaultKey")?, ..Self::default() };
        for item in read.items("keys")? {
            content.keys.push(read_key(&Reader::new(item)?)?);
        }
        for item in read.items("credentials")? {
            content.credentials.push(read_held(&Reader::new(item)?)?);
        }
        for item in read.items("issuers")? {
            let issuer = read_issuer(&Reader::new(item)?)?;
            content.issuers.insert(issuer.name.clone(), issuer);
        }
        for (name, value) in read.object("settings")?.iter() {
            let text = value.as_str().ok_or_else(|| read.wrong("settings"))?;
            content.settings.insert(name.to_owned(), text.to_owned());
        }
        for (list, indexes) in read.object("usedIndexes")?.iter() {
            let number = |index: &Value<'_>| index.as_str()?.parse().ok();
            let indexes = indexes.as_array().and_then(|all| all.iter().map(number).collect());
            content.used.insert(list.to_owned(), indexes.ok_or_else(|| read.wrong("usedIndexes"))?);
        }
        read.nothing_else(&[
            "credentials",
            "defaultKey",
            "issuers",
            "keys",
            "settings",
            "usedIndexes",
            "version",
        ])?;
        Ok(content)
    }
}

fn write_map<T>(map: &BTreeMap<String, T>, write: impl Fn(&T) -> Value<'_>) -> Value<'_> {
    let mut object = Object::new();
    for (name, value) in map {
        object.insert(name.as_str(), write(value));
    }
    object.into()
}

fn put<'a>(object: &mut Object<'a>, name: &'a str, value: Option<impl Into<Value<'a>>>) {
    if let Some(value) = value {
        object.insert(name, value);
    }
}

fn write_key<'a>(key: &'a StoredKey, secret: Option<&'a Zeroizing<String>>) -> Object<'a> {
    let entry = &key.entry;
    let mut object = Object::from([
        ("did", Value::from(entry.did.as_str())),
        ("method", entry.method.as_str().into()),
        ("name", entry.name.as_str().into()),
        ("public", entry.public.to_multikey().into()),
        ("retired", (entry.state == KeyState::Retired).into()),
    ]);
    put(&mut object, "created", entry.created.map(|time| time.to_string()));
    put(&mut object, "secret", secret.map(|secret| secret.as_str()));
    object
}

fn read_key(read: &Reader<'_>) -> Result<StoredKey, Malformed> {
    let public = PublicKey::from_multikey(&read.text("public")?)?;
    let secret = match read.object.str("secret") {
        Some(secret) => Some(Arc::new(SecretKey::from_multikey(secret)?)),
        None => None,
    };
    if secret.as_ref().is_some_and(|secret| *secret.public_key() != public) {
        return Err(read.wrong("public"));
    }
    let retired = read.get("retired")?.as_bool().ok_or_else(|| read.wrong("retired"))?;
    let entry = KeyEntry {
        name: read.text("name")?,
        public,
        did: read.text("did")?,
        method: read.text("method")?,
        created: read.optional_time("created")?,
        state: if retired { KeyState::Retired } else { KeyState::Current },
        place: if secret.is_some() { KeyPlace::Here } else { KeyPlace::Elsewhere },
    };
    read.nothing_else(&["created", "did", "method", "name", "public", "retired", "secret"])?;
    Ok(StoredKey { entry, secret })
}

fn write_held(held: &Held) -> Object<'_> {
    let mut object = Object::from([
        ("bytes", Value::from(encode_base64url(&held.bytes))),
        ("digest", held.digest.as_str().into()),
        ("format", held.format.as_str().into()),
        ("id", held.id.as_str().into()),
        ("issuer", held.issuer.as_str().into()),
        ("receivedAt", held.received_at.to_string().into()),
        ("types", held.types.iter().map(String::as_str).collect::<Vec<_>>().into()),
    ]);
    put(&mut object, "key", held.key.as_deref());
    put(&mut object, "subject", held.subject.as_deref());
    put(&mut object, "validUntil", held.valid_until.map(|time| time.to_string()));
    object
}

fn read_held(read: &Reader<'_>) -> Result<Held, Malformed> {
    let text = |value: &Value<'_>| value.as_str().map(ToOwned::to_owned);
    let types: Option<Vec<String>> = read.items("types")?.iter().map(text).collect();
    let held = Held {
        id: read.text("id")?,
        bytes: decode_base64url(&read.text("bytes")?)?,
        format: read.text("format")?,
        digest: read.text("digest")?,
        types: types.ok_or_else(|| read.wrong("types"))?,
        issuer: read.text("issuer")?,
        subject: read.optional_text("subject")?,
        key: read.optional_text("key")?,
        received_at: read.optional_time("receivedAt")?.ok_or_else(|| read.wrong("receivedAt"))?,
        valid_until: read.optional_time("validUntil")?,
    };
    read.nothing_else(&[
        "bytes",
        "digest",
        "format",
        "id",
        "issuer",
        "key",
        "receivedAt",
        "subject",
        "types",
        "validUntil",
    ])?;
    Ok(held)
}

fn write_issuer(issuer: &KnownIssuer) -> Object<'_> {
    let mut object = Object::from([
        ("did", issuer.did.as_str()),
        ("name", issuer.name.as_str()),
        ("url", issuer.url.as_str()),
    ]);
    put(&mut object, "bundle", issuer.bundle.as_deref().map(encode_base64url));
    put(&mut object, "bundleSigner", issuer.bundle_signer.as_deref());
    object
}

fn read_issuer(read: &Reader<'_>) -> Result<KnownIssuer, Malformed> {
    let bundle = read.optional_text("bundle")?;
    let issuer = KnownIssuer {
        name: read.text("name")?,
        url: read.text("url")?,
        did: read.text("did")?,
        bundle_signer: read.optional_text("bundleSigner")?,
        bundle: bundle.map(|bundle| decode_base64url(&bundle)).transpose()?,
    };
    read.nothing_else(&["bundle", "bundleSigner", "did", "name", "url"])?;
    Ok(issuer)
}

/// Reads the members of one object. Its errors name members, never what is in them.
struct Reader<'v> {
    object: &'v Object<'v>,
}

impl<'v> Reader<'v> {
    fn new(value: &'v Value<'v>) -> Result<Self, Malformed> {
        let object = value.as_object();
        let object = object.ok_or_else(|| Malformed::new(WHAT, "expected an object"))?;
        Ok(Self { object })
    }

    fn wrong(&self, name: &str) -> Malformed {
        let detail =
            if self.object.contains(name) { "is not what it should be" } else { "is missing" };
        Malformed::at(WHAT, format!("/{name}"), detail)
    }

    fn get(&self, name: &str) -> Result<&'v Value<'v>, Malformed> {
        self.object.get(name).ok_or_else(|| self.wrong(name))
    }

    fn text(&self, name: &str) -> Result<String, Malformed> {
        self.object.str(name).map(ToOwned::to_owned).ok_or_else(|| self.wrong(name))
    }

    fn optional_text(&self, name: &str) -> Result<Option<String>, Malformed> {
        if self.object.contains(name) { self.text(name).map(Some) } else { Ok(None) }
    }

    fn optional_time(&self, name: &str) -> Result<Option<Timestamp>, Malformed> {
        let text = self.optional_text(name)?;
        text.map(|text| Timestamp::parse(&text)).transpose()
    }

    fn items(&self, name: &str) -> Result<&'v [Value<'v>], Malformed> {
        self.get(name)?.as_array().ok_or_else(|| self.wrong(name))
    }

    fn object(&self, name: &str) -> Result<&'v Object<'v>, Malformed> {
        self.get(name)?.as_object().ok_or_else(|| self.wrong(name))
    }

    /// What is not known here would be lost with the next write.
    fn nothing_else(&self, known: &[&str]) -> Result<(), Malformed> {
        match self.object.iter().find(|(name, _)| !known.contains(name)) {
            Some(_) => Err(Malformed::new(WHAT, "has a member that is not known here")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
