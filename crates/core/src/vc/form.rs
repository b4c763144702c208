//! Checks of form that credentials and presentations share (VCDM 2.0, section 4; VCDM 1.1,
//! sections 4 and 5, where it says something else).

use super::{CREDENTIALS_V1, CREDENTIALS_V2, DataModel};
use crate::Malformed;
use crate::json::{Object, Value};
use crate::time::Timestamp;

/// Types, subjects, status entries and the like: more of one kind are refused, so that what is
/// reported of each stays in proportion.
pub(super) const MOST_ENTRIES: usize = 16;

/// No URL or DID is longer.
const LONGEST_URL: usize = 2048;

/// Reads members of one object and says where a fault is.
pub(super) struct Form<'v> {
    pub(super) what: &'static str,
    pub(super) object: &'v Object<'v>,
    /// The version whose rules hold.
    pub(super) model: DataModel,
}

impl<'v> Form<'v> {
    /// The form of a whole document.
    ///
    /// VCDM 2.0, 4.3 and VCDM 1.1, 4.1: its context is an ordered set whose first item is the base
    /// context; the others are URLs or inline contexts.
    pub(super) fn of_document(
        what: &'static str,
        object: &'v Object<'v>,
    ) -> Result<Self, Malformed> {
        let Some(Value::Array(items)) = object.get("@context") else {
            return Err(Malformed::at(what, "/@context", "expected a list"));
        };
        let base = items.first().and_then(Value::as_str);
        let Some(model) = base.and_then(DataModel::of_context) else {
            let detail = format!("expected {CREDENTIALS_V2}, or {CREDENTIALS_V1}");
            return Err(Malformed::at(what, "/@context/0", detail));
        };
        let form = Self { what, object, model };
        for (index, item) in items.iter().enumerate().skip(1) {
            let pointer = || format!("/@context/{index}");
            match item {
                Value::String(url) if is_url(url) => {}
                Value::Object(inline) => form.inline_context(inline, &pointer())?,
                _ => return form.fail(pointer(), "expected a URL or an inline context"),
            }
        }
        Ok(form)
    }

    /// An object inside of this one.
    pub(super) fn inside(&self, object: &'v Object<'v>) -> Self {
        Self { what: self.what, object, model: self.model }
    }

    pub(super) fn fail<T>(&self, pointer: impl Into<String>, detail: &str) -> Result<T, Malformed> {
        Err(Malformed::at(self.what, pointer, detail))
    }

    /// The terms of an inline context map to URLs and leave the base's own terms alone.
    fn inline_context(&self, context: &Object<'_>, pointer: &str) -> Result<(), Malformed> {
        const PROTECTED: [&str; 11] = [
            "id",
            "type",
            "VerifiableCredential",
            "VerifiablePresentation",
            "EnvelopedVerifiableCredential",
            "EnvelopedVerifiablePresentation",
            "JsonSchema",
            "JsonSchemaCredential",
            "BitstringStatusList",
            "BitstringStatusListCredential",
            "DataIntegrityProof",
        ];
        for (term, definition) in context.iter() {
            if PROTECTED.contains(&term) {
                return self.fail(pointer, "redefines a protected term");
            }
            let url = definition.as_str().or_else(|| definition.get("@id")?.as_str());
            let blank = |url: &str| url.chars().any(|c| c.is_whitespace() || c.is_control());
            if url.is_some_and(blank) {
                return self.fail(format!("{pointer}/{term}"), "is not mapped to a URL");
            }
        }
        Ok(())
    }

    /// One or more types, `required` among them.
    pub(super) fn types(&self, required: &str) -> Result<Vec<&'v str>, Malformed> {
        let types = self.strings("type")?;
        if !types.contains(&required) {
            return self.fail("/type", &format!("{required} is missing"));
        }
        Ok(types)
    }

    /// One or more strings; at least one.
    fn strings(&self, member: &str) -> Result<Vec<&'v str>, Malformed> {
        let pointer = || format!("/{member}");
        let Some(value) = self.object.get(member) else {
            return self.fail(pointer(), "is missing");
        };
        let strings: Option<Vec<&str>> = value.one_or_more().iter().map(Value::as_str).collect();
        let Some(strings) = strings.filter(|strings| !strings.is_empty() && !strings.contains(&""))
        else {
            return self.fail(pointer(), "expected a string or a list of strings");
        };
        if strings.len() > MOST_ENTRIES {
            return self.fail(pointer(), "more than 16 entries");
        }
        let twice = |(index, entry)| strings[..index].contains(entry);
        if strings.iter().enumerate().any(twice) {
            return self.fail(pointer(), "an entry occurs twice");
        }
        Ok(strings)
    }

    /// An optional member that is one URL.
    pub(super) fn optional_url(&self, member: &str) -> Result<Option<&'v str>, Malformed> {
        match self.object.get(member) {
            None => Ok(None),
            Some(Value::String(url)) if is_url(url) => Ok(Some(url)),
            Some(_) => self.fail(format!("/{member}"), "expected one URL"),
        }
    }

    /// A member that is one URL, or an object with a URL as `id`.
    pub(super) fn url_or_object(&self, member: &str) -> Result<Option<&'v str>, Malformed> {
        let url = match self.object.get(member) {
            None => return Ok(None),
            Some(Value::Object(object)) => {
                let nested = self.inside(object);
                nested.names().map_err(|error| error.within(self.what, &format!("/{member}")))?;
                object.str("id")
            }
            Some(value) => value.as_str(),
        };
        match url {
            Some(url) if is_url(url) => Ok(Some(url)),
            _ => self.fail(format!("/{member}"), "expected a URL, or an object with a URL as id"),
        }
    }

    /// An optional date-time (VCDM 2.0, 4.9). Version 1.1 would let the offset be left out; what
    /// has none names no point in time.
    pub(super) fn time(&self, member: &str) -> Result<Option<Timestamp>, Malformed> {
        match self.object.get(member) {
            None => Ok(None),
            Some(Value::String(text)) => Timestamp::parse(text)
                .map(Some)
                .map_err(|error| error.within(self.what, &format!("/{member}"))),
            Some(_) => self.fail(format!("/{member}"), "expected a date-time"),
        }
    }

    /// One or more objects, each with a `type`, an optional URL `id`; checked further by `check`.
    pub(super) fn typed(
        &self,
        member: &str,
        mut check: impl FnMut(&Form<'v>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let Some(value) = self.object.get(member) else { return Ok(()) };
        let items = value.one_or_more();
        if items.len() > MOST_ENTRIES {
            return self.fail(format!("/{member}"), "more than 16 entries");
        }
        for (index, item) in items.iter().enumerate() {
            let pointer = || match value {
                Value::Array(_) => format!("/{member}/{index}"),
                _ => format!("/{member}"),
            };
            let Value::Object(object) = item else {
                return self.fail(pointer(), "expected an object");
            };
            let form = self.inside(object);
            let checked = form
                .strings("type")
                .and_then(|_| form.optional_url("id"))
                .and_then(|_| check(&form));
            checked.map_err(|error| error.within(self.what, &pointer()))?;
        }
        Ok(())
    }

    /// Version 1.1 asks status entries and refresh services for an `id` (VCDM 1.1, 4.9 and 5.5).
    pub(super) fn id_in_v1(&self) -> Result<(), Malformed> {
        match self.model {
            DataModel::V1 if !self.object.contains("id") => self.fail("/id", "is missing"),
            _ => Ok(()),
        }
    }

    /// `name` and `description` (VCDM 2.0, 4.6 and 11.1): strings or language values. Version 1.1
    /// does not know them: there they are whatever another context says.
    pub(super) fn names(&self) -> Result<(), Malformed> {
        if self.model == DataModel::V1 {
            return Ok(());
        }
        for member in ["name", "description"] {
            let Some(value) = self.object.get(member) else { continue };
            if !value.one_or_more().iter().all(is_language_value) {
                return self.fail(format!("/{member}"), "expected text or a language value object");
            }
        }
        Ok(())
    }
}

fn is_language_value(value: &Value<'_>) -> bool {
    match value {
        Value::String(_) => true,
        Value::Object(object) => {
            object.str("@value").is_some()
                && object.iter().all(|(name, value)| match name {
                    "@value" => value.as_str().is_some(),
                    "@language" => value.as_str().is_some_and(is_language_tag),
                    "@direction" => matches!(value.as_str(), Some("ltr" | "rtl")),
                    _ => false,
                })
        }
        _ => false,
    }
}

/// Whether `tag` has the form of a language tag (BCP 47): letters, then letters and digits, in parts
/// of at most eight.
pub fn is_language_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let is_part = |part: &str| (1..=8).contains(&part.len());
    let is_first = |part: &str| is_part(part) && part.bytes().all(|b| b.is_ascii_alphabetic());
    parts.next().is_some_and(is_first)
        && parts.all(|part| is_part(part) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// The bytes of RFC 3986, section 2.
const URL_BYTES: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte: u8 = 0x21;
    while byte < 0x7f {
        allowed[byte as usize] =
            !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}');
        byte += 1;
    }
    allowed
};

/// Whether `text` is an absolute URL as VCDM 2.0 uses the word: a scheme, a colon, and characters
/// of RFC 3986; `did:` and `urn:` as well.
pub(crate) fn is_url(text: &str) -> bool {
    if text.len() > LONGEST_URL {
        return false;
    }
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut letters = scheme.bytes();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        && !rest.is_empty()
        && rest.bytes().all(|byte| URL_BYTES[usize::from(byte)])
}
