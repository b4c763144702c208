//! `bonafide status token`: the state of bitstring lists as a Token Status List.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bonafide_core::json::Value;
use bonafide_core::status::{
    StatusBits, StatusPurpose, TokenStatus, TokenStatusBits, TokenStatusListClaims,
};
use bonafide_issuer::keys::SigningKey;
use bonafide_proof::jose::{self, CompactJws, TokenType};
use clap::Args;
use serde_json::json;

use super::inspect::payload_of;
use super::{duration, secure, status};
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::human::shown;
use crate::key_file;

#[derive(Debug, Args)]
#[command(
    after_help = "Example: bonafide status token --from status.json --url https://scorer.example/tokens/1 --key scorer.key --out status.jwt

The bitstring lists stay the only place where a status is set: run this again after each change."
)]
pub(crate) struct Token {
    /// The bitstring list of what is revoked.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// The bitstring list of what is suspended.
    #[arg(long, value_name = "FILE")]
    suspension: Option<PathBuf>,
    /// Where the token will be published; not where a bitstring list is.
    #[arg(long)]
    url: String,
    /// The issuer's key file.
    #[arg(long)]
    key: PathBuf,
    /// Sign as this DID URL of the key instead of as its did:key.
    #[arg(long = "as", value_name = "DID_URL")]
    method: Option<String>,
    /// How long a copy may be used.
    #[arg(long, value_parser = duration, default_value = "10m")]
    ttl: Duration,
    /// How long the token is valid.
    #[arg(long, value_parser = duration, default_value = "24h")]
    valid_for: Duration,
    /// Where to write it, over an older token if there is one.
    #[arg(long)]
    out: PathBuf,
}

impl Token {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        for (name, span) in [("--ttl", self.ttl), ("--valid-for", self.valid_for)] {
            if span.is_zero() {
                return Err(Failure::usage(format!("{name}: expected a second at least")));
            }
        }
        let signer = key_file::signing(&self.key, self.method.as_deref())?;
        secure::refuse_bls(&signer)?;
        // Held until the token is written: whoever writes last has read the lists last.
        let _lock = files::lock(&self.out)?;
        refuse_other(&self.out)?;
        let revoked = self.bits(&self.from, StatusPurpose::Revocation, &signer)?;
        let suspended = match &self.suspension {
            None => None,
            Some(path) => Some(self.bits(path, StatusPurpose::Suspension, &signer)?),
        };
        let bits = TokenStatusBits::project(&revoked, suspended.as_ref())
            .map_err(|error| Failure::usage(error.to_string()))?;
        let claims = TokenStatusListClaims {
            uri: self.url.clone(),
            issued_at: app.now,
            expires: Some(app.now.saturating_add(self.valid_for)),
            ttl: Some(self.ttl),
            aggregation_uri: None,
            bits,
        };
        let payload = claims.to_payload();
        // What a verifier would not read is not written.
        TokenStatusListClaims::from_payload(&payload)
            .map_err(|error| Failure::usage(error.to_string()))?;
        let payload = Value::from(payload);
        let token = jose::sign(&payload, TokenType::STATUS_LIST, &signer.method, &signer.key)
            .map_err(|error| Failure::fault(error.to_string()))?;
        let text = secure::to_text(&Value::from(token));
        secure::deliver("status list token", &text, Some(&self.out), app)
    }

    /// The bits of one bitstring list, which has to be the signer's own.
    fn bits(
        &self,
        path: &Path,
        purpose: StatusPurpose,
        signer: &SigningKey,
    ) -> Result<StatusBits, Failure> {
        let (url, issuer, list) = status::read(path, &files::read_secured(path)?)?;
        let shown = path.display();
        if issuer != signer.did {
            return Err(Failure::usage(format!(
                "{shown}: the list is by {issuer}, the key is {}",
                signer.did
            ))
            .with_help(format!("--as {issuer}#KEY")));
        }
        if !list.purposes.contains(&purpose) {
            return Err(Failure::usage(format!(
                "{shown}: the list does not say anything of {purpose}"
            )));
        }
        if url == self.url {
            // No bundle could hold both.
            return Err(Failure::usage(format!("--url: {url} is where the bitstring list is"))
                .with_help("give the token a URL of its own"));
        }
        Ok(list.bits)
    }
}

/// Only an older token is written over: a bitstring list at this place would be lost.
fn refuse_other(out: &Path) -> Result<(), Failure> {
    if files::is_standard_output(out) || !out.is_file() {
        return Ok(());
    }
    if is_token(&Value::from(files::read_text(out)?.trim())) {
        return Ok(());
    }
    let message = format!("{} exists and is not a status list token", out.display());
    Err(Failure::usage(message).with_help("choose another name for --out"))
}

/// Whether this is a Token Status List, by its header.
pub(super) fn is_token(secured: &Value<'_>) -> bool {
    let typ = secured.as_str().and_then(CompactJws::peek_typ);
    typ.as_deref() == Some(TokenType::STATUS_LIST.typ)
}

/// Shows what a token says, or one entry of it. Verifies nothing.
pub(super) fn show(
    path: &Path,
    secured: &Value<'_>,
    index: Option<usize>,
    app: &mut App<'_>,
) -> Result<Exit, Failure> {
    let wrong = |detail: String| Failure::usage(format!("{}: {detail}", path.display()));
    let payload = payload_of(secured)?;
    let payload = payload.as_object().ok_or_else(|| wrong("expected an object".to_owned()))?;
    let list =
        TokenStatusListClaims::from_payload(payload).map_err(|error| wrong(error.to_string()))?;
    if let Some(index) = index {
        let status =
            list.bits.get(index).map_err(|error| Failure::usage(format!("--index: {error}")))?;
        if app.json {
            app.print_json(&json!({
                "list": list.uri, "index": index, "value": status.value(), "verified": false,
            }))?;
        } else {
            writeln!(app.out, "{index}: {status} (not verified)")?;
        }
        return Ok(Exit::Accepted);
    }
    let count = |wanted: fn(TokenStatus) -> bool| {
        list.bits.set_entries().filter(|(_, status)| wanted(*status)).count()
    };
    let invalid = count(|status| status == TokenStatus::INVALID);
    let suspended = count(|status| status == TokenStatus::SUSPENDED);
    let other = list.bits.set_entries().count() - invalid - suspended;
    let (bits, entries) = (list.bits.size(), list.bits.entries());
    if app.json {
        app.print_json(&json!({
            "list": list.uri, "bits": bits, "entries": entries, "invalid": invalid,
            "suspended": suspended, "other": other, "verified": false,
        }))?;
    } else {
        let uri = shown(&list.uri);
        writeln!(
            app.out,
            "Nothing here is verified.\nlist      {uri}\nbits      {bits}\nentries   {entries}\ninvalid   {invalid}\nsuspended {suspended}\nother     {other}"
        )?;
    }
    Ok(Exit::Accepted)
}
