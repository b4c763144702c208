//! Securing a document in one of the formats, shared by the commands that sign.

use std::path::Path;

use bonafide_core::did::Relationship;
use bonafide_core::json::{Value, to_pretty_string};
use bonafide_proof::Signer;
use bonafide_proof::data_integrity::{ProofOptions, Suites, add_proof};
use bonafide_proof::jose::{self, TokenType};
use clap::ValueEnum;
use serde_json::json;

use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::key_file::SigningKey;

/// How to secure a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CredentialFormat {
    #[value(name = "eddsa-jcs-2022")]
    EddsaJcs2022,
    #[value(name = "ecdsa-jcs-2019")]
    EcdsaJcs2019,
    #[value(name = "vc+jwt", alias = "vc-jwt")]
    VcJwt,
}

impl CredentialFormat {
    /// The cryptosuite; `None` for JWTs.
    pub(crate) fn suite(self) -> Option<&'static str> {
        match self {
            Self::EddsaJcs2022 => Some("eddsa-jcs-2022"),
            Self::EcdsaJcs2019 => Some("ecdsa-jcs-2019"),
            Self::VcJwt => None,
        }
    }
}

/// Signs a credential.
pub(crate) fn credential(
    document: Value<'static>,
    format: Option<CredentialFormat>,
    signer: &SigningKey,
    app: &App<'_>,
) -> Result<Value<'static>, Failure> {
    if format == Some(CredentialFormat::VcJwt) {
        let token = jose::sign(&document, TokenType::VC, &signer.method, &signer.key);
        return Ok(token.map_err(|error| Failure::fault(error.to_string()))?.into());
    }
    let options = ProofOptions {
        created: Some(app.now),
        ..ProofOptions::new(&signer.method, Relationship::AssertionMethod)
    };
    with_proof(document, format.and_then(CredentialFormat::suite), &options, signer)
}

/// Adds a proof with the named suite, or with the one that goes with the key.
pub(crate) fn with_proof(
    document: Value<'static>,
    suite: Option<&str>,
    options: &ProofOptions<'_>,
    signer: &SigningKey,
) -> Result<Value<'static>, Failure> {
    let key_type = signer.key.public_key().key_type();
    let suite = match suite {
        Some(name) => Suites::JCS.by_name(name).ok(),
        None => Suites::JCS.for_key(key_type),
    };
    let suite =
        suite.ok_or_else(|| Failure::usage(format!("no suite signs with {key_type} keys")))?;
    if !suite.key_types().contains(&key_type) {
        let fitting = Suites::JCS.for_key(key_type).map_or("vc+jwt", |suite| suite.name());
        return Err(Failure::usage(format!("{} does not sign with {key_type} keys", suite.name()))
            .with_help(format!("--format {fitting}")));
    }
    add_proof(document, options, suite, &signer.key)
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
    if let Some(path) = out {
        files::write(path, text)?;
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
