//! `bonafide key new` and `bonafide key show`.

use std::path::{Path, PathBuf};

use bonafide_core::did::did_key;
use bonafide_core::json::{Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_issuer::keys::AnyKey;
use bonafide_proof::Signer;
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::key_file;

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a key. The file is readable by you alone; an existing file is never overwritten.
    #[command(after_help = "Example: bonafide key new --out registrar.key")]
    New {
        /// What kind of key; bls12381 signs with bbs-2023 alone.
        #[arg(long, visible_alias = "type", value_enum, default_value_t = Algorithm::Ed25519)]
        alg: Algorithm,
        /// Where to keep it.
        #[arg(long)]
        out: PathBuf,
    },
    /// Show the public part of a key: did:key, Multikey, JWK.
    #[command(after_help = "Example: bonafide key show registrar.key")]
    Show {
        /// The key file.
        file: PathBuf,
        /// Print the did:key alone.
        #[arg(long)]
        did: bool,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Algorithm {
    Ed25519,
    P256,
    P384,
    Bls12381,
}

impl Key {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        match self {
            Self::New { alg, out } => {
                let key = generate(alg, app)?;
                key_file::save(&out, &key)?;
                show(&key, Some(&out), app)
            }
            Self::Show { file, did: true } => {
                let key = key_file::load(&file)?;
                writeln!(app.out, "{}", did_key(key.public_key()))?;
                Ok(Exit::Accepted)
            }
            Self::Show { file, did: false } => show(&key_file::load(&file)?, None, app),
        }
    }
}

fn generate(algorithm: Algorithm, app: &App<'_>) -> Result<AnyKey, Failure> {
    let key_type = match algorithm {
        Algorithm::Ed25519 => KeyType::Ed25519,
        Algorithm::P256 => KeyType::P256,
        Algorithm::P384 => KeyType::P384,
        Algorithm::Bls12381 => KeyType::Bls12381G2,
    };
    AnyKey::generate(key_type, &mut app.random_source())
        .map_err(|error| Failure::fault(error.to_string()))
}

fn show(key: &AnyKey, written: Option<&Path>, app: &mut App<'_>) -> Result<Exit, Failure> {
    let public = key.public_key();
    let (did, multikey) = (did_key(public), public.to_multikey());
    let jwk = public.to_jwk().map(|jwk| to_canonical_string(&Value::Object(jwk)));
    let jwk = jwk.unwrap_or_default();
    if app.json {
        let jwk: serde_json::Value = serde_json::from_str(&jwk).unwrap_or_default();
        app.print_json(&json!({
            "did": did,
            "verificationMethod": format!("{did}#{multikey}"),
            "publicKeyMultibase": multikey,
            "publicKeyJwk": jwk,
            "out": written.map(|path| path.display().to_string()),
        }))?;
        return Ok(Exit::Accepted);
    }
    if let Some(path) = written {
        writeln!(app.out, "{} key in {} (keep it secret)", public.key_type(), path.display())?;
    }
    writeln!(app.out, "did:key   {did}\nMultikey  {multikey}")?;
    if !jwk.is_empty() {
        writeln!(app.out, "JWK       {jwk}")?;
    }
    Ok(Exit::Accepted)
}
