//! Whether URLs, origins and instances can work.

use bonafide_core::did::{Did, web_document_url};
use bonafide_core::key::KeyType;
use url::Url;

use super::{InstanceSettings, KEY_TYPES, SettingsError};

pub(super) fn is_origin(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text
    })
}

pub(super) fn check_public_url(text: &str) -> Result<(), SettingsError> {
    let wrong = || {
        SettingsError(format!(
            "public_url: {text:?} is no http or https URL without query, fragment and slash at its end"
        ))
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && !text.ends_with('/');
    plain.then_some(()).ok_or_else(wrong)
}

pub(super) fn check_instance(instance: &InstanceSettings) -> Result<(), SettingsError> {
    let name = &instance.name;
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if !first || name.len() > 64 || !name.bytes().all(plain) {
        return Err(SettingsError(format!(
            "instance name {name:?}: expected up to 64 of a-z, 0-9, - and ., beginning with one of a-z0-9"
        )));
    }
    if let Some(key) = &instance.key {
        let fits = |known: &KeyType| known.to_string() == *key && instance.format.accepts(*known);
        if instance.did.as_deref() != Some("key") || !KEY_TYPES.iter().any(fits) {
            return Err(SettingsError(format!(
                "instance {name}: key: expected a type that {} takes, and did = \"key\"",
                instance.format.name()
            )));
        }
    }
    match instance.did.as_deref() {
        None | Some("key") => Ok(()),
        Some(did) => Did::parse(did).and_then(web_document_url).map(drop).map_err(|error| {
            SettingsError(format!("instance {name}: did: expected \"key\" or a did:web ({error})"))
        }),
    }
}

/// The did:web of a public URL, and of an instance below it.
pub fn did_web(public_url: &str, instance: Option<&str>) -> Option<String> {
    let url = Url::parse(public_url).ok()?;
    let host = url.host_str()?;
    let port = url.port().map(|port| format!("%3A{port}")).unwrap_or_default();
    let mut did = format!("did:web:{host}{port}");
    for segment in url.path_segments()?.filter(|segment| !segment.is_empty()) {
        did.push(':');
        did.push_str(segment);
    }
    if let Some(instance) = instance {
        did.push_str(":issuers:");
        did.push_str(instance);
    }
    web_document_url(Did::parse(&did).ok()?).ok()?;
    Some(did)
}
