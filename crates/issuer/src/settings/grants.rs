//! Settings of grants: who may say on whose behalf an agent asks, and what it may be granted.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Deserialize;

use super::{Settings, SettingsError};
use crate::grants::GrantPolicy;
use crate::providers::Providers;

/// An external identity provider whose tokens say on whose behalf an agent asks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderSettings {
    /// What its tokens say in `iss`.
    pub issuer: String,
    /// What its tokens have to say in `aud`.
    pub audience: String,
    /// A file with its keys, a JWK set (RFC 7517, 5).
    pub jwks: PathBuf,
}

/// Just-in-time grants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GrantSettings {
    /// The file that says which agent may be granted what; nothing is granted without one.
    pub policy: Option<PathBuf>,
}

pub(super) fn check_providers(providers: &[ProviderSettings]) -> Result<(), SettingsError> {
    let mut issuers = BTreeSet::new();
    for provider in providers {
        if provider.issuer.is_empty() || provider.audience.is_empty() {
            return Err(SettingsError("provider: issuer and audience can't be empty".to_owned()));
        }
        if !issuers.insert(&provider.issuer) {
            return Err(SettingsError(format!("the provider {} occurs twice", provider.issuer)));
        }
    }
    Ok(())
}

impl Settings {
    /// Reads the files that decide about grants: the keys of providers, and the grant policy.
    pub fn files(&self) -> Result<(Providers, GrantPolicy), SettingsError> {
        let providers = Providers::load(&self.providers)?;
        let Some(path) = &self.grants.policy else {
            return Ok((providers, GrantPolicy::default()));
        };
        let wrong = |error: &dyn std::fmt::Display| {
            SettingsError(format!("grants.policy: {}: {error}", path.display()))
        };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
        Ok((providers, GrantPolicy::from_toml(&text).map_err(|error| wrong(&error))?))
    }
}
