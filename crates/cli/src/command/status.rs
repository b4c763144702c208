//! `bonafide status new`, `set`, `token` and `show`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bonafide_core::json::Value;
use bonafide_core::status::{
    BitstringStatusListCredential, FEWEST_ENTRIES, LARGEST_LIST_BYTES, StatusBits, StatusPurpose,
};
use bonafide_core::vc::Unverified;
use bonafide_issuer::format::{Format, Selective};
use bonafide_issuer::keys::SigningKey;
use clap::Subcommand;
use serde_json::json;

use super::duration;
use super::inspect::payload_of;
use super::secure::{self, CredentialFormat};
use super::status_token;
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::key_file;

#[derive(Debug, Subcommand)]
pub(crate) enum Status {
    /// Make a status list in which nothing is set.
    #[command(
        after_help = "Example: bonafide status new --key scorer.key --url https://scorer.example/status/1 --out status.json"
    )]
    New {
        /// The issuer's key file.
        #[arg(long)]
        key: PathBuf,
        /// Sign as this DID URL of the key instead of as its did:key.
        #[arg(long = "as", value_name = "DID_URL")]
        method: Option<String>,
        /// Where the list will be published.
        #[arg(long)]
        url: String,
        /// What set bits mean; may be repeated.
        #[arg(long, value_parser = purpose, default_value = "revocation")]
        purpose: Vec<StatusPurpose>,
        /// How many entries.
        #[arg(long, default_value_t = FEWEST_ENTRIES)]
        entries: usize,
        /// How long a copy may be used.
        #[arg(long, value_parser = duration, default_value = "10m")]
        ttl: Duration,
        /// How long the list is valid.
        #[arg(long, value_parser = duration, default_value = "24h")]
        valid_for: Duration,
        /// How to secure it; by default the cryptosuite that goes with the key.
        #[arg(long, value_enum)]
        format: Option<CredentialFormat>,
        /// Where to write it.
        #[arg(long)]
        out: PathBuf,
    },
    /// Set (or clear) an entry and sign the list anew, in place.
    #[command(after_help = "Example: bonafide status set status.json --index 42 --key scorer.key")]
    Set {
        /// The list.
        file: PathBuf,
        /// The entry; may be repeated.
        #[arg(long, required = true)]
        index: Vec<usize>,
        /// Clear it instead.
        #[arg(long)]
        clear: bool,
        /// The issuer's key file.
        #[arg(long)]
        key: PathBuf,
        /// Sign as this DID URL of the key instead of as its did:key.
        #[arg(long = "as", value_name = "DID_URL")]
        method: Option<String>,
        /// How long the new list is valid.
        #[arg(long, value_parser = duration, default_value = "24h")]
        valid_for: Duration,
    },
    /// Write the state of bitstring lists as a Token Status List (statuslist+jwt).
    Token(status_token::Token),
    /// Show what a list of either kind says. Verifies nothing.
    #[command(after_help = "Example: bonafide status show status.json --index 42")]
    Show {
        /// The list.
        file: PathBuf,
        /// Show this entry only.
        #[arg(long)]
        index: Option<usize>,
    },
}

fn purpose(text: &str) -> Result<StatusPurpose, String> {
    StatusPurpose::parse(text).ok_or_else(|| {
        format!("expected one of {}", StatusPurpose::ALL.map(StatusPurpose::name).join(", "))
    })
}

impl Status {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        match self {
            Self::New { key, method, url, purpose, entries, ttl, valid_for, format, out } => {
                if format.is_some_and(|format| format.0.is_selective()) {
                    return Err(Failure::usage("--format: a status list hides nothing")
                        .with_help("leave --format out, or --format vc+jwt"));
                }
                if out.exists() && !files::is_standard_output(&out) {
                    return Err(Failure::usage(format!(
                        "{} exists; a new list would forget what is revoked",
                        out.display()
                    ))
                    .with_help("bonafide status set FILE --index N, or another name for --out"));
                }
                if !(FEWEST_ENTRIES..=LARGEST_LIST_BYTES * 8).contains(&entries) {
                    let most = LARGEST_LIST_BYTES * 8;
                    return Err(Failure::usage(format!(
                        "--entries: expected {FEWEST_ENTRIES} to {most}"
                    )));
                }
                let signer = key_file::signing(&key, method.as_deref())?;
                let list = BitstringStatusListCredential {
                    purposes: purpose,
                    ttl: Some(ttl),
                    bits: StatusBits::new(entries),
                };
                let document = list.to_credential(
                    &url,
                    &signer.did,
                    app.now,
                    app.now.saturating_add(valid_for),
                );
                write_list(document, format, &signer, &out, app)
            }
            Self::Set { file, index, clear, key, method, valid_for } => {
                let signer = key_file::signing(&key, method.as_deref())?;
                // Held until the list is written: of two changes at once none is lost.
                let _lock = files::lock(&file)?;
                let secured = files::read_secured(&file)?;
                let (url, issuer, mut list) = read(&file, &secured)?;
                if issuer != signer.did {
                    return Err(Failure::usage(format!(
                        "the list is by {issuer}, the key is {}",
                        signer.did
                    ))
                    .with_help(format!("--as {issuer}#KEY")));
                }
                for index in index {
                    let set = list.bits.set(index, !clear);
                    set.map_err(|error| Failure::usage(format!("--index: {error}")))?;
                }
                let format = match secured {
                    Value::String(_) => Some(CredentialFormat(Format::VcJwt)),
                    _ => None,
                };
                let document =
                    list.to_credential(&url, &issuer, app.now, app.now.saturating_add(valid_for));
                write_list(document, format, &signer, &file, app)
            }
            Self::Token(token) => token.run(app),
            Self::Show { file, index } => show(&file, index, app),
        }
    }
}

fn write_list(
    document: Value<'static>,
    format: Option<CredentialFormat>,
    signer: &SigningKey,
    out: &Path,
    app: &mut App<'_>,
) -> Result<Exit, Failure> {
    let format = secure::format_for(format, signer)?;
    let secured = secure::credential(document, format, &Selective::default(), signer, app)?;
    secure::deliver("status list", &secure::to_text(&secured), Some(out), app)
}

/// The URL of a bitstring list, its issuer and what it says, unverified.
pub(super) fn read(
    path: &Path,
    secured: &Value<'_>,
) -> Result<(String, String, BitstringStatusListCredential), Failure> {
    let wrong = |detail: String| Failure::usage(format!("{}: {detail}", path.display()));
    if status_token::is_token(secured) {
        return Err(wrong("is a status list token, and follows the bitstring lists".to_owned())
            .with_help("change those, then: bonafide status token"));
    }
    let payload = payload_of(secured)?;
    let unverified = Unverified::from_value(&payload).map_err(|error| wrong(error.to_string()))?;
    let list = BitstringStatusListCredential::from_unverified(&unverified)
        .map_err(|error| wrong(error.to_string()))?;
    let url = unverified.claimed_id().ok_or_else(|| wrong("the list has no id".to_owned()))?;
    Ok((url.to_owned(), unverified.claimed_issuer().to_owned(), list))
}

fn show(path: &Path, index: Option<usize>, app: &mut App<'_>) -> Result<Exit, Failure> {
    let secured = files::read_secured(path)?;
    if status_token::is_token(&secured) {
        return status_token::show(path, &secured, index, app);
    }
    let (url, issuer, list) = read(path, &secured)?;
    let purposes: Vec<&str> = list.purposes.iter().map(|purpose| purpose.name()).collect();
    if let Some(index) = index {
        let set =
            list.bits.get(index).map_err(|error| Failure::usage(format!("--index: {error}")))?;
        if app.json {
            app.print_json(&json!({"list": url, "index": index, "set": set, "verified": false}))?;
        } else {
            let word = if set { purposes.join(" or ") } else { "not set".to_owned() };
            writeln!(app.out, "{index}: {word} (not verified)")?;
        }
        return Ok(Exit::Accepted);
    }
    let set: Vec<usize> = list.bits.set_indexes().collect();
    if app.json {
        app.print_json(&json!({
            "list": url, "issuer": issuer, "purposes": purposes, "entries": list.bits.entries(),
            "set": set, "verified": false,
        }))?;
        return Ok(Exit::Accepted);
    }
    let shown: Vec<String> = set.iter().take(32).map(ToString::to_string).collect();
    let more = set.len().saturating_sub(shown.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let set =
        if set.is_empty() { "none".to_owned() } else { format!("{}{more}", shown.join(", ")) };
    writeln!(
        app.out,
        "Nothing here is verified.\nlist      {url}\nissuer    {issuer}\npurpose   {}\nentries   {}\nset       {set}",
        purposes.join(", "),
        list.bits.entries()
    )?;
    Ok(Exit::Accepted)
}
