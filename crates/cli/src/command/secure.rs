//! Securing a document in one of the formats, shared by the commands that sign.

use std::path::Path;

use bonafide_core::json::{Value, to_pretty_string};
use bonafide_core::key::KeyType;
use bonafide_issuer::format::{self, Format, MOST_DECOYS, SecureError, Selective};
use bonafide_issuer::keys::SigningKey;
use bonafide_proof::Signer;
use bonafide_proof::data_integrity::{ProofOptions, Suite, add_proof_with};
use clap::ValueEnum;
use clap::builder::PossibleValue;
use serde_json::json;

use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files::{self, Access};

/// How to secure a credential, as the command line offers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CredentialFormat(pub(crate) Format);

impl ValueEnum for CredentialFormat {
    fn value_variants<'a>() -> &'a [Self] {
        const OFFERED: [CredentialFormat; 9] = [
            CredentialFormat(Format::EddsaJcs2022),
            CredentialFormat(Format::EcdsaJcs2019),
            CredentialFormat(Format::EddsaRdfc2022),
            CredentialFormat(Format::EcdsaRdfc2019),
            CredentialFormat(Format::EcdsaSd2023),
            CredentialFormat(Format::Bbs2023),
            CredentialFormat(Format::VcJwt),
            CredentialFormat(Format::VcSdJwt),
            CredentialFormat(Format::DcSdJwt),
        ];
        &OFFERED
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()).aliases(self.0.alias()))
    }
}

/// What was refused, in the words of the command line.
impl From<SecureError> for Failure {
    fn from(error: SecureError) -> Self {
        let same = Self::usage(error.to_string());
        match error {
            SecureError::NothingToHide => Self::usage(format!("--mandatory: {error}"))
                .with_help("--format ecdsa-sd-2023, bbs-2023, vc+sd-jwt or dc+sd-jwt"),
            SecureError::NoDecoys => Self::usage("--decoys: only SD-JWTs have them")
                .with_help("--format vc+sd-jwt or dc+sd-jwt"),
            SecureError::TooManyDecoys => {
                Self::usage(format!("--decoys: expected at most {MOST_DECOYS}"))
            }
            SecureError::MandatoryUnknown { pointer } => {
                Self::usage(format!("--mandatory {pointer} leads nowhere"))
            }
            SecureError::BbsAlone => {
                same.with_help("another key; this one is for issue --format bbs-2023")
            }
            SecureError::RefusedInToken { member } => same.with_help(format!("leave {member} out")),
            SecureError::ConfirmationGiven => same.with_help("leave cnf out"),
            SecureError::KeyMismatch { fitting, .. } => {
                same.with_help(format!("--format {fitting}"))
            }
            SecureError::Random(error) => Self::fault(error.0),
            _ => same,
        }
    }
}

/// BLS12-381 has no algorithm for JWTs.
pub(crate) fn refuse_bls(signer: &SigningKey) -> Result<(), Failure> {
    match signer.key.public_key().key_type() {
        KeyType::Bls12381G2 => Err(SecureError::BbsAlone.into()),
        _ => Ok(()),
    }
}

/// The format chosen, or the one that goes with the key.
pub(crate) fn format_for(
    chosen: Option<CredentialFormat>,
    signer: &SigningKey,
) -> Result<Format, Failure> {
    let key_type = signer.key.public_key().key_type();
    let format = chosen.map(|chosen| chosen.0).or_else(|| Format::default_for(key_type));
    format.ok_or_else(|| SecureError::NoSuite { key_type }.into())
}

/// Signs a credential.
pub(crate) fn credential(
    document: Value<'static>,
    format: Format,
    selective: &Selective,
    signer: &SigningKey,
    app: &App<'_>,
) -> Result<Value<'static>, Failure> {
    let mut random = app.random_source();
    Ok(format::secure(document, format, selective, signer, app.now, &mut random)?)
}

/// The named suite, or the one that goes with the key.
pub(crate) fn suite_for(
    name: Option<&str>,
    signer: &SigningKey,
) -> Result<&'static dyn Suite, Failure> {
    Ok(format::suite_for(name, signer.key.public_key().key_type())?)
}

/// Adds a proof.
pub(crate) fn with_proof(
    document: Value<'static>,
    suite: &'static dyn Suite,
    options: &ProofOptions<'_>,
    signer: &SigningKey,
    app: &App<'_>,
) -> Result<Value<'static>, Failure> {
    add_proof_with(document, options, suite, &signer.key, &mut app.random_source())
        .map_err(|error| Failure::usage(error.to_string()))
}

/// The text of a secured document: indented JSON, or the compact JWT.
pub(crate) fn to_text(document: &Value<'_>) -> String {
    match document {
        Value::String(token) => format!("{token}\n"),
        other => to_pretty_string(other),
    }
}

/// Writes a result to a file or to standard output, and says so.
pub(crate) fn deliver(
    what: &str,
    text: &str,
    out: Option<&Path>,
    app: &mut App<'_>,
) -> Result<Exit, Failure> {
    deliver_to(what, text, out, Access::Public, app)
}

/// The same; a new file gets the permissions of `access`.
pub(crate) fn deliver_to(
    what: &str,
    text: &str,
    out: Option<&Path>,
    access: Access,
    app: &mut App<'_>,
) -> Result<Exit, Failure> {
    let out = out.filter(|path| !files::is_standard_output(path));
    if let Some(path) = out {
        files::write(path, text, access)?;
    }
    let shown = out.map(|path| path.display().to_string());
    if app.json {
        let content = serde_json::from_str(text).unwrap_or_else(|_| json!(text.trim_end()));
        app.print_json(&json!({ what: content, "out": shown }))?;
    } else if let Some(shown) = shown {
        writeln!(app.out, "{what} written to {shown}")?;
    } else {
        app.out.write_all(text.as_bytes())?;
    }
    Ok(Exit::Accepted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_offers_every_format_but_the_older_one() {
        let offered: Vec<Format> =
            CredentialFormat::value_variants().iter().map(|offered| offered.0).collect();
        let all = Format::ALL.into_iter().filter(|format| *format != Format::Ed25519Signature2020);
        assert_eq!(offered, all.collect::<Vec<_>>());
        for format in offered {
            for name in [Some(format.name()), format.alias()].into_iter().flatten() {
                assert_eq!(CredentialFormat::from_str(name, false), Ok(CredentialFormat(format)));
            }
        }
    }
}
