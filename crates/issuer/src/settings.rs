//! The settings: one TOML file, every member documented with its default, unknown ones refused.

mod check;
mod grants;
mod oauth;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bonafide_core::key::KeyType;
use bonafide_core::time::parse_duration;
use serde::{Deserialize, Deserializer};
use url::Url;

pub use self::check::did_web;
use self::check::{check_instance, check_public_url, is_origin};
use self::grants::check_providers;
pub use self::grants::{GrantSettings, ProviderSettings};
pub use self::oauth::OAuthSettings;
use crate::format::Format;

/// The types of keys that sign; a did:web has one of each, for every format.
pub const KEY_TYPES: [KeyType; 4] =
    [KeyType::Ed25519, KeyType::P256, KeyType::P384, KeyType::Bls12381G2];

/// Every setting with its default, as a file to begin with.
pub const DEFAULTS: &str = include_str!("settings.toml");

/// Settings that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(pub String);

/// How the service runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The address to listen at.
    pub listen: SocketAddr,
    /// The URL under which the service is reached, without a slash at its end; from `listen`, if
    /// left out.
    pub public_url: Option<String>,
    /// The data folder.
    pub data: PathBuf,
    /// TLS; plain HTTP without it.
    pub tls: Option<Tls>,
    /// How keys are sealed at rest.
    pub seal: Seal,
    /// The issuing instances; one called `default` without any.
    #[serde(rename = "instance")]
    pub instances: Vec<InstanceSettings>,
    /// External identity providers.
    #[serde(rename = "provider")]
    pub providers: Vec<ProviderSettings>,
    /// Just-in-time grants.
    pub grants: GrantSettings,
    /// What one client may ask for.
    pub limits: Limits,
    /// What is issued.
    pub issuance: Issuance,
    /// Status lists.
    pub status: StatusSettings,
    /// Trust bundles.
    pub bundle: BundleSettings,
    /// The token endpoint.
    pub oauth: OAuthSettings,
    /// The transparency log.
    pub log: LogSettings,
    /// Browsers of other sites.
    pub cors: Cors,
    /// The store.
    pub store: StoreSettings,
    /// Logs and metrics.
    pub telemetry: Telemetry,
    /// For test suites: loopback only, throwaway keys. Set by `bonafide serve --conformance`.
    #[serde(skip)]
    pub conformance: bool,
}

/// TLS by files in PEM.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authority whose client certificates are accepted.
    pub client_ca: Option<PathBuf>,
    /// Whether clients without a certificate are refused.
    #[serde(default)]
    pub require_client_certificate: bool,
}

/// How keys are sealed at rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seal {
    /// A file with a passphrase.
    pub passphrase_file: Option<PathBuf>,
    /// A file with a random key; `seal.key` in the data folder, made at the first start, if neither
    /// is given.
    pub key_file: Option<PathBuf>,
}

/// An issuing instance.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceSettings {
    /// Its name, part of its URLs.
    pub name: String,
    /// Its DID: `key` for a did:key of its own, a whole did:web; a did:web of the public URL, if
    /// left out.
    pub did: Option<String>,
    /// The format it signs in.
    #[serde(default = "default_format", deserialize_with = "format")]
    pub format: Format,
    /// For a did:key the type of its key, such as P-384; the first that the format takes, if left
    /// out.
    pub key: Option<String>,
}

fn default_format() -> Format {
    Format::EddsaJcs2022
}

fn format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Format, D::Error> {
    let name = String::deserialize(deserializer)?;
    Format::parse(&name).ok_or_else(|| {
        let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
        serde::de::Error::custom(format!("expected one of {}", names.join(", ")))
    })
}

fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    // Policies know no milliseconds, but how often something is written to disk is told in them.
    let milliseconds = text.strip_suffix("ms").filter(|number| number.len() < 10);
    match milliseconds.and_then(|number| number.parse().ok()) {
        Some(milliseconds) => Ok(Duration::from_millis(milliseconds)),
        None => parse_duration(&text).map_err(serde::de::Error::custom),
    }
}

/// What one client may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Requests a second with one token.
    pub requests_per_second: u32,
    /// Requests at once with one token, after a pause.
    pub burst: u32,
    /// Requests a second without a token from one address.
    pub anonymous_per_second: u32,
    /// Attestations in one batch.
    pub batch: usize,
    /// How long a request may take.
    #[serde(deserialize_with = "span")]
    pub request_timeout: Duration,
}

/// What is issued.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Issuance {
    /// How long an attestation is valid unless asked otherwise.
    #[serde(deserialize_with = "span")]
    pub valid_for: Duration,
    /// For how long one may be asked for at most.
    #[serde(deserialize_with = "span")]
    pub longest: Duration,
    /// How long a challenge may be answered.
    #[serde(deserialize_with = "span")]
    pub challenge_for: Duration,
    /// How long the answer to an Idempotency-Key is kept.
    #[serde(deserialize_with = "span")]
    pub remember_requests: Duration,
}

/// Status lists.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StatusSettings {
    /// How long a copy may be used.
    #[serde(deserialize_with = "span")]
    pub ttl: Duration,
    /// How long a list is valid.
    #[serde(deserialize_with = "span")]
    pub valid_for: Duration,
}

/// Trust bundles.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BundleSettings {
    /// How long a bundle is valid.
    #[serde(deserialize_with = "span")]
    pub valid_for: Duration,
}

/// The transparency log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// The name of the log; host and `/log` of the public URL, if left out. Fixed at the first
    /// start.
    pub origin: Option<String>,
    /// How many milliseconds lie between two checkpoints at least.
    pub publish_milliseconds: u64,
    /// Where a copy of each checkpoint is kept, on another disk: with it a restored old backup is
    /// noticed.
    pub checkpoint_copy: Option<PathBuf>,
}

/// Browsers of other sites.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cors {
    /// The origins that may ask.
    pub origins: Vec<String>,
}

/// The store.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSettings {
    /// Bytes of the database that are kept in memory.
    pub cache_bytes: u64,
}

/// Logs and metrics.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// `text` or `json`.
    pub format: LogFormat,
    /// What is logged: error, warn, info, debug or trace.
    pub level: LogLevel,
    /// Whether `/metrics` is for everybody, and not for administrators and auditors alone.
    pub open_metrics: bool,
}

/// How the service's own log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What the service's own log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// As filters write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8700)),
            public_url: None,
            data: PathBuf::from("bonafide-data"),
            tls: None,
            seal: Seal::default(),
            instances: Vec::new(),
            providers: Vec::new(),
            grants: GrantSettings::default(),
            limits: Limits::default(),
            issuance: Issuance::default(),
            status: StatusSettings::default(),
            bundle: BundleSettings::default(),
            oauth: OAuthSettings::default(),
            log: LogSettings::default(),
            cors: Cors::default(),
            store: StoreSettings::default(),
            telemetry: Telemetry::default(),
            conformance: false,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 4 << 20,
            requests_per_second: 1000,
            burst: 2000,
            anonymous_per_second: 200,
            batch: 1000,
            request_timeout: Duration::from_secs(30),
        }
    }
}

impl Default for Issuance {
    fn default() -> Self {
        Self {
            valid_for: 30 * DAY,
            longest: 366 * DAY,
            challenge_for: 5 * MINUTE,
            remember_requests: DAY,
        }
    }
}

impl Default for StatusSettings {
    fn default() -> Self {
        Self { ttl: 5 * MINUTE, valid_for: DAY }
    }
}

impl Default for BundleSettings {
    fn default() -> Self {
        Self { valid_for: DAY }
    }
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { origin: None, publish_milliseconds: 100, checkpoint_copy: None }
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { cache_bytes: 32 << 20 }
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: LogLevel::Info, open_metrics: false }
    }
}

impl Settings {
    /// Reads a file; errors point at the line.
    pub fn from_toml(text: &str) -> Result<Self, SettingsError> {
        let settings: Self =
            toml::from_str(text).map_err(|error| SettingsError(error.to_string()))?;
        settings.check()?;
        Ok(settings)
    }

    /// Refuses what can't work.
    pub fn check(&self) -> Result<(), SettingsError> {
        let wrong = |detail: String| Err(SettingsError(detail));
        if let Some(url) = &self.public_url {
            check_public_url(url)?;
        }
        if self.seal.passphrase_file.is_some() && self.seal.key_file.is_some() {
            return wrong("seal: passphrase_file or key_file, not both".to_owned());
        }
        if let Some(tls) = &self.tls
            && tls.require_client_certificate
            && tls.client_ca.is_none()
        {
            return wrong("tls.require_client_certificate needs tls.client_ca".to_owned());
        }
        let mut names = BTreeSet::new();
        for instance in &self.instances {
            check_instance(instance)?;
            if !names.insert(&instance.name) {
                return wrong(format!("two instances are called {}", instance.name));
            }
        }
        check_providers(&self.providers)?;
        let spans = [
            ("limits.request_timeout", self.limits.request_timeout),
            ("issuance.valid_for", self.issuance.valid_for),
            ("issuance.challenge_for", self.issuance.challenge_for),
            ("status.ttl", self.status.ttl),
            ("status.valid_for", self.status.valid_for),
            ("bundle.valid_for", self.bundle.valid_for),
            ("oauth.token_valid_for", self.oauth.token_valid_for),
        ];
        if let Some((name, _)) = spans.iter().find(|(_, span)| *span < Duration::from_secs(1)) {
            return wrong(format!("{name}: expected a second at least"));
        }
        if self.issuance.valid_for > self.issuance.longest {
            return wrong("issuance.valid_for is longer than issuance.longest".to_owned());
        }
        if self.oauth.token_valid_for > 60 * MINUTE {
            return wrong("oauth.token_valid_for: expected an hour at most".to_owned());
        }
        if self.status.valid_for < 2 * self.status.ttl {
            return wrong("status.valid_for has to be twice status.ttl at least".to_owned());
        }
        let rates = [
            ("limits.requests_per_second", self.limits.requests_per_second),
            ("limits.burst", self.limits.burst),
            ("limits.anonymous_per_second", self.limits.anonymous_per_second),
        ];
        if let Some((name, _)) = rates.iter().find(|(_, rate)| *rate == 0) {
            return wrong(format!("{name}: expected 1 at least"));
        }
        if !(1..=10_000).contains(&self.limits.batch) {
            return wrong("limits.batch: expected 1 to 10000".to_owned());
        }
        if !(1024..=1 << 30).contains(&self.limits.body_bytes) {
            return wrong("limits.body_bytes: expected 1024 to 1073741824".to_owned());
        }
        if let Some(origin) = self.cors.origins.iter().find(|origin| !is_origin(origin)) {
            return wrong(format!(
                "cors.origins: {origin:?} is no origin, such as https://example"
            ));
        }
        if self.conformance && !self.listen.ip().is_loopback() {
            return wrong(
                "--conformance: keys and tokens are for tests; listen on loopback".into(),
            );
        }
        Ok(())
    }

    /// The host of that URL.
    pub fn host(&self) -> String {
        let url = Url::parse(&self.public_url()).ok();
        url.and_then(|url| url.host_str().map(ToOwned::to_owned)).unwrap_or_default()
    }

    /// The URL under which the service is reached.
    pub fn public_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| {
            let scheme = if self.tls.is_some() { "https" } else { "http" };
            let address = self.listen;
            // A did:web has a name, never an address.
            match address.ip().is_loopback() || address.ip().is_unspecified() {
                true => format!("{scheme}://localhost:{}", address.port()),
                false => format!("{scheme}://{address}"),
            }
        })
    }
}

impl Settings {
    /// For test suites: loopback only, a did:key instance for each format and type of key.
    pub fn for_conformance(data: PathBuf, listen: SocketAddr) -> Self {
        let instance = |name: &str, format: Format, key: Option<KeyType>| InstanceSettings {
            name: name.to_owned(),
            did: Some("key".to_owned()),
            format,
            key: key.map(|key| key.to_string()),
        };
        let instances = vec![
            instance("eddsa-rdfc-2022", Format::EddsaRdfc2022, None),
            instance("eddsa-jcs-2022", Format::EddsaJcs2022, None),
            instance("ecdsa-rdfc-2019-p256", Format::EcdsaRdfc2019, Some(KeyType::P256)),
            instance("ecdsa-rdfc-2019-p384", Format::EcdsaRdfc2019, Some(KeyType::P384)),
            instance("ecdsa-jcs-2019-p256", Format::EcdsaJcs2019, Some(KeyType::P256)),
            instance("ecdsa-jcs-2019-p384", Format::EcdsaJcs2019, Some(KeyType::P384)),
            instance("ecdsa-sd-2023", Format::EcdsaSd2023, None),
            instance("bbs-2023", Format::Bbs2023, None),
            instance("ed25519-signature-2020", Format::Ed25519Signature2020, None),
            instance("jwt", Format::VcJwt, Some(KeyType::Ed25519)),
            instance("jwt-es256", Format::VcJwt, Some(KeyType::P256)),
            instance("jwt-es384", Format::VcJwt, Some(KeyType::P384)),
            instance("sd-jwt", Format::VcSdJwt, Some(KeyType::Ed25519)),
            instance("dc-sd-jwt", Format::DcSdJwt, Some(KeyType::Ed25519)),
        ];
        let limits = Limits { anonymous_per_second: 100_000, ..Limits::default() };
        Self { data, listen, instances, limits, conformance: true, ..Self::default() }
    }
}

#[cfg(test)]
mod tests;
