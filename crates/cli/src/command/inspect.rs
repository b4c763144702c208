//! `bonafide inspect`: decodes, and verifies nothing.

use std::path::PathBuf;

use bonafide_core::Malformed;
use bonafide_core::encoding::decode_base64url;
use bonafide_core::json::{Limits, Object, Value, parse, to_pretty_string};
use bonafide_core::vc::Enveloped;
use bonafide_proof::jose::TokenType;
use bonafide_proof::sd_jwt::SdJwt;
use clap::Args;

use super::bundle::looks_like_bundle;
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::human::{BOLD, PLAIN, YELLOW, shown_lines};

#[derive(Debug, Args)]
#[command(after_help = "Example: bonafide inspect score.vc")]
pub(crate) struct Inspect {
    /// A credential, presentation, status list, DID document or bundle; - for standard input.
    file: PathBuf,
}

impl Inspect {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        let secured = files::read_secured(&self.file)?;
        let mut decoded = Object::new();
        let kind = kind(&secured)?;
        decoded.insert("kind", kind);
        decoded.insert("verified", false);
        if let Value::String(token) = &secured {
            decoded.insert("header", part(token, 0)?);
        }
        if let Value::String(token) = &secured
            && let Some((head, binding)) = token.rsplit_once('~')
        {
            decoded.insert("disclosures", u32::try_from(head.matches('~').count()).unwrap_or(0));
            if !binding.is_empty() {
                decoded.insert("keyBinding", part(binding, 1)?);
            }
        }
        decoded.insert("content", opened(payload_of(&secured)?)?);
        let decoded = Value::Object(decoded);
        if app.json {
            write!(app.out, "{}", to_pretty_string(&decoded))?;
            return Ok(Exit::Accepted);
        }
        writeln!(
            app.out,
            "{YELLOW}Nothing here is verified:{PLAIN} anybody could have written it.\n\n{BOLD}{kind}{PLAIN}"
        )?;
        if let Some(header) = decoded.get("header") {
            write!(app.out, "header {}", shown_lines(&to_pretty_string(header)))?;
        }
        for (member, title) in [("disclosures", "disclosures"), ("keyBinding", "key binding")] {
            if let Some(value) = decoded.get(member) {
                writeln!(app.out, "{title} {}", shown_lines(to_pretty_string(value).trim_end()))?;
            }
        }
        if let Some(content) = decoded.get("content") {
            write!(app.out, "{}", shown_lines(&to_pretty_string(content)))?;
        }
        Ok(Exit::Accepted)
    }
}

fn kind(secured: &Value<'_>) -> Result<&'static str, Failure> {
    let payload = payload_of(secured)?;
    let types = payload.get("type").map(Value::one_or_more).unwrap_or_default();
    let is = |name: &str| types.iter().any(|value| value.as_str() == Some(name));
    Ok(if is("BitstringStatusListCredential") {
        "status list"
    } else if is("VerifiablePresentation") {
        "presentation"
    } else if is("VerifiableCredential") {
        "credential"
    } else if is("EnvelopedVerifiableCredential") || is("EnvelopedVerifiablePresentation") {
        "envelope"
    } else if looks_like_bundle(&payload) {
        "trust bundle"
    } else if payload.get("vct").is_some() {
        "credential"
    } else if payload.get("status_list").is_some() {
        "status list token"
    } else if payload.get("verificationMethod").is_some() {
        "DID document"
    } else {
        "JSON"
    })
}

/// Opens envelopes, so that what they hold can be read.
fn opened(value: Value<'static>) -> Result<Value<'static>, Failure> {
    let Value::Object(mut object) = value else { return Ok(value) };
    if let Some(Value::Array(items)) = object.remove("verifiableCredential") {
        let items: Result<Vec<_>, Failure> = items.into_iter().map(opened).collect();
        object.insert("verifiableCredential", items?);
    }
    let value = Value::Object(object);
    match Enveloped::from_value(&value) {
        Some(Ok(enveloped)) => opened(payload_of(&Value::from(enveloped.data))?),
        _ => Ok(value),
    }
}

/// The payload of a compact JWT, or the document itself; unverified.
pub(crate) fn payload_of(secured: &Value<'_>) -> Result<Value<'static>, Failure> {
    match secured {
        Value::String(token) if token.contains('~') => disclosed(token),
        Value::String(token) => part(token, 1),
        document => Ok(document.clone().into_owned()),
    }
}

/// The claims of an SD-JWT with its disclosures in place; unverified.
fn disclosed(token: &str) -> Result<Value<'static>, Failure> {
    let typ = SdJwt::peek_typ(token).unwrap_or_default();
    let known = [TokenType::VC_SD_JWT, TokenType::DC_SD_JWT, TokenType::VP_SD_JWT];
    let token_type = known.into_iter().find(|known| known.typ == typ);
    let token_type = token_type.unwrap_or(TokenType::VC_SD_JWT);
    SdJwt::parse(token, token_type)
        .and_then(|token| token.disclose())
        .map(Value::from)
        .map_err(|error| Failure::usage(format!("not an SD-JWT: {error}")))
}

fn part(token: &str, index: usize) -> Result<Value<'static>, Failure> {
    let wrong = |error: Malformed| Failure::usage(format!("not a compact JWT: {error}"));
    let encoded = token.split('.').nth(index).unwrap_or_default();
    let bytes = decode_base64url(encoded).map_err(wrong)?;
    parse(&bytes, &Limits::for_size(256 << 20))
        .map(Value::into_owned)
        .map_err(|error| wrong(Malformed::json("JWT", &error)))
}
