//! What is in a wallet.

use std::fmt::Write as _;

use bonafide_core::json::{Limits, parse, to_pretty_string};
use bonafide_core::time::{Timestamp, format_duration};
use bonafide_wallet::{Held, KeyEntry, KeyPlace, KeyState, KnownIssuer, Wallet};
use clap::Args;
use serde_json::json;

use super::place::{Place, held};
use super::standing::standing;
use crate::app::App;
use crate::command::bundle_pull;
use crate::failure::{Exit, Failure};
use crate::human::{DIM, PLAIN, YELLOW, shown, shown_json};
use crate::table;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bonafide wallet list
  bonafide wallet list --type TaskGrantCredential --json")]
pub(super) struct List {
    /// Those of this type.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Those bound to this key.
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
}

impl List {
    pub(super) fn run(self, place: &Place, app: &mut App<'_>) -> Result<Exit, Failure> {
        let wallet = place.open()?;
        let wanted = |held: &&Held| {
            self.kind.as_ref().is_none_or(|kind| held.types.contains(kind))
                && self.key.as_ref().is_none_or(|key| held.key.as_ref() == Some(key))
        };
        let found: Vec<&Held> = wallet.list().iter().filter(wanted).collect();
        if app.json {
            let items: Vec<_> = found.iter().map(|held| as_json(&wallet, held, app.now)).collect();
            app.print_json(&json!({"items": items}))?;
        } else if found.is_empty() {
            writeln!(app.out, "no credentials")?;
        } else {
            write!(app.out, "{}", credentials(&wallet, &found, app.now))?;
        }
        Ok(Exit::Accepted)
    }
}

/// Credentials, a line each.
fn credentials(wallet: &Wallet, found: &[&Held], now: Timestamp) -> String {
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|held| {
            let until = held.valid_until.map(|until| until.to_string()).unwrap_or_default();
            let key = held.key.as_deref().unwrap_or("another agent's");
            let words = standing(wallet, held, now).words;
            [kinds(held), words, until, shown(key), shown(&held.id)].to_vec()
        })
        .collect();
    table::table(&["type", "standing", "until", "key", "id"], &rows)
}

/// Its types but for the one that all have.
fn kinds(held: &Held) -> String {
    let own = held.types.iter().filter(|name| *name != "VerifiableCredential");
    own.map(|name| shown(name)).collect::<Vec<_>>().join(", ")
}

fn as_json(wallet: &Wallet, held: &Held, now: Timestamp) -> serde_json::Value {
    let standing = standing(wallet, held, now);
    json!({
        "id": held.id, "types": held.types, "issuer": held.issuer, "subject": held.subject,
        "key": held.key, "format": held.format, "digest": held.digest,
        "receivedAt": held.received_at.to_string(),
        "validUntil": held.valid_until.map(|until| until.to_string()),
        "standing": standing.code, "standingInWords": standing.words,
    })
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bonafide wallet show 2f4b9a31
  bonafide wallet show 6c2f4b9a31 --raw > identity.vc
  bonafide wallet show --key agent")]
pub(super) struct Show {
    /// The credential: its id, or the end of it.
    #[arg(value_name = "ID", required_unless_present_any = ["key", "issuer"])]
    #[arg(conflicts_with_all = ["key", "issuer"])]
    credential: Option<String>,
    /// The key of this name: the public part of it.
    #[arg(long, value_name = "NAME", conflicts_with = "issuer")]
    key: Option<String>,
    /// Print the key's DID alone.
    #[arg(long, requires = "key")]
    did: bool,
    /// The issuer of this name.
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    /// Print the credential alone, to the byte as it was received.
    #[arg(long, conflicts_with_all = ["key", "issuer"])]
    raw: bool,
}

impl Show {
    pub(super) fn run(self, place: &Place, app: &mut App<'_>) -> Result<Exit, Failure> {
        let wallet = place.open()?;
        if let Some(name) = &self.key {
            let key = wallet.key(name).ok_or_else(|| none("key", name))?;
            if self.did {
                writeln!(app.out, "{}", key.did)?;
                return Ok(Exit::Accepted);
            }
            let json = key_json(&wallet, key);
            return tell(&json, |text| key_fields(key, text), app);
        }
        if let Some(name) = &self.issuer {
            let issuer = wallet.issuer(name).ok_or_else(|| none("issuer", name))?;
            let known = Knowledge::of(issuer);
            let json = issuer_json(issuer, known.as_ref(), app.now);
            let now = app.now;
            return tell(&json, |text| issuer_fields(issuer, known.as_ref(), now, text), app);
        }
        let held = held(&wallet, self.credential.as_deref().unwrap_or_default())?;
        if self.raw {
            app.out.write_all(&held.bytes)?;
            return Ok(Exit::Accepted);
        }
        let now = app.now;
        let mut json = as_json(&wallet, held, now);
        json["credential"] = content_json(&held.bytes);
        tell(&json, |text| credential_fields(&wallet, held, now, text), app)
    }
}

fn none(what: &str, name: &str) -> Failure {
    Failure::usage(format!("there is no {what} {} in this wallet", shown(name)))
        .with_help("bonafide wallet status")
}

fn tell(
    json: &serde_json::Value,
    human: impl FnOnce(&mut String),
    app: &mut App<'_>,
) -> Result<Exit, Failure> {
    if app.json {
        app.print_json(json)?;
    } else {
        let mut text = String::new();
        human(&mut text);
        app.out.write_all(text.as_bytes())?;
    }
    Ok(Exit::Accepted)
}

/// One line under a name. A write into a string can't fail.
fn field(text: &mut String, name: &str, value: impl AsRef<str>) {
    let _ = writeln!(text, "{DIM}{name:<10}{PLAIN}  {}", shown(value.as_ref()));
}

fn key_fields(key: &KeyEntry, text: &mut String) {
    field(text, "key", &key.name);
    field(text, "type", key.public.key_type().to_string());
    field(text, "did", &key.did);
    field(text, "method", &key.method);
    field(text, "Multikey", key.public.to_multikey());
    if let Some(created) = key.created {
        field(text, "since", created.to_string());
    }
    if key.place == KeyPlace::Elsewhere {
        field(text, "secret", "outside of this wallet");
    }
    if key.state == KeyState::Retired {
        field(text, "state", "retired");
    }
}

fn key_json(wallet: &Wallet, key: &KeyEntry) -> serde_json::Value {
    let is_default = wallet.default_key().is_some_and(|default| default.name == key.name);
    json!({
        "name": key.name, "type": key.public.key_type().to_string(), "did": key.did,
        "method": key.method, "publicKeyMultibase": key.public.to_multikey(),
        "created": key.created.map(|time| time.to_string()),
        "retired": key.state == KeyState::Retired, "default": is_default,
        "secretHere": key.place == KeyPlace::Here,
    })
}

/// What the newest bundle of an issuer says of itself; it was verified when it was taken in.
struct Knowledge {
    issued_at: Timestamp,
    expires: Timestamp,
}

impl Knowledge {
    fn of(issuer: &KnownIssuer) -> Option<Self> {
        let text = std::str::from_utf8(issuer.bundle.as_deref()?).ok()?;
        let (issued_at, expires) = bundle_pull::times(text)?;
        Some(Self { issued_at, expires })
    }

    fn in_words(known: Option<&Self>, now: Timestamp) -> String {
        let Some(known) = known else { return "nothing is known of it yet".to_owned() };
        let age = in_minutes(now.saturating_since(known.issued_at));
        match known.expires <= now {
            true => format!("{age} old, and ended at {}", known.expires),
            false => format!("{age} old, good until {}", known.expires),
        }
    }
}

/// Nobody reads the seconds of a day.
fn in_minutes(age: std::time::Duration) -> String {
    let seconds = match age.as_secs() {
        seconds @ 0..60 => seconds,
        seconds @ 60..86_400 => seconds / 60 * 60,
        seconds => seconds / 3600 * 3600,
    };
    format_duration(std::time::Duration::from_secs(seconds))
}

fn issuer_fields(
    issuer: &KnownIssuer,
    known: Option<&Knowledge>,
    now: Timestamp,
    text: &mut String,
) {
    field(text, "issuer", &issuer.name);
    field(text, "url", &issuer.url);
    field(text, "did", &issuer.did);
    field(text, "bundles by", issuer.bundle_signer.as_deref().unwrap_or("nobody"));
    field(text, "knowledge", Knowledge::in_words(known, now));
}

fn issuer_json(
    issuer: &KnownIssuer,
    known: Option<&Knowledge>,
    now: Timestamp,
) -> serde_json::Value {
    json!({
        "name": issuer.name, "url": issuer.url, "did": issuer.did,
        "bundleSigner": issuer.bundle_signer,
        "knownAsOf": known.map(|known| known.issued_at.to_string()),
        "ageSeconds": known.map(|known| now.saturating_since(known.issued_at).as_secs()),
        "knownUntil": known.map(|known| known.expires.to_string()),
    })
}

fn credential_fields(wallet: &Wallet, held: &Held, now: Timestamp, text: &mut String) {
    field(text, "id", &held.id);
    field(text, "type", kinds(held));
    field(text, "standing", standing(wallet, held, now).words);
    field(text, "issuer", &held.issuer);
    field(text, "subject", held.subject.as_deref().unwrap_or("nobody"));
    field(text, "key", held.key.as_deref().unwrap_or("another agent's"));
    field(text, "format", &held.format);
    field(text, "digest", &held.digest);
    field(text, "received", held.received_at.to_string());
    if let Some(until) = held.valid_until {
        field(text, "until", until.to_string());
    }
    if let Ok(value) = parse(&held.bytes, &Limits::for_size(1 << 20)) {
        text.push('\n');
        text.push_str(&shown_json(&to_pretty_string(&value)));
    }
}

/// A document as JSON, a token as text.
fn content_json(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| json!(String::from_utf8_lossy(bytes).trim_end()))
}

/// Everything, and what has to be seen to: then the exit code is 2.
pub(super) fn status(place: &Place, app: &mut App<'_>) -> Result<Exit, Failure> {
    let folder = place.folder()?.display().to_string();
    let wallet = place.open()?;
    let now = app.now;
    let care = care(&wallet, now);
    let exit = if care.is_empty() { Exit::Accepted } else { Exit::Undecided };
    if app.json {
        let keys: Vec<_> = wallet.keys().map(|key| key_json(&wallet, key)).collect();
        let held: Vec<_> = wallet.list().iter().map(|held| as_json(&wallet, held, now)).collect();
        let issuers: Vec<_> = wallet
            .issuers()
            .map(|issuer| issuer_json(issuer, Knowledge::of(issuer).as_ref(), now))
            .collect();
        app.print_json(&json!({
            "wallet": folder, "keys": keys, "credentials": held, "issuers": issuers,
            "care": care,
        }))?;
        return Ok(exit);
    }
    let mut text = format!("wallet in {}\n", shown(&folder));
    if wallet.keys().len() > 0 {
        text.push_str(&format!("\n{}", keys(&wallet)));
    }
    let all: Vec<&Held> = wallet.list().iter().collect();
    match all.is_empty() {
        true => text.push_str("\nno credentials\n"),
        false => text.push_str(&format!("\n{}", credentials(&wallet, &all, now))),
    }
    if wallet.issuers().len() > 0 {
        text.push_str(&format!("\n{}", issuers(&wallet, now)));
    }
    for line in care {
        text.push_str(&format!("\n{YELLOW}?{PLAIN} {line}"));
    }
    app.out.write_all(text.trim_end().as_bytes())?;
    writeln!(app.out)?;
    Ok(exit)
}

fn keys(wallet: &Wallet) -> String {
    let default = wallet.default_key().map(|key| key.name.clone());
    let rows: Vec<Vec<String>> = wallet
        .keys()
        .map(|key| {
            let state = match (key.state, key.place) {
                (KeyState::Retired, _) => "retired",
                (_, KeyPlace::Elsewhere) => "elsewhere",
                _ if default.as_ref() == Some(&key.name) => "default",
                _ => "",
            };
            [&key.name, &key.public.key_type().to_string(), state, &key.did].map(shown).to_vec()
        })
        .collect();
    table::table(&["key", "type", "state", "did"], &rows)
}

fn issuers(wallet: &Wallet, now: Timestamp) -> String {
    let rows: Vec<Vec<String>> = wallet
        .issuers()
        .map(|issuer| {
            let known = Knowledge::in_words(Knowledge::of(issuer).as_ref(), now);
            [&issuer.name, &issuer.url, &known].map(|cell| shown(cell)).to_vec()
        })
        .collect();
    table::table(&["issuer", "url", "knowledge"], &rows)
}

/// What has to be seen to, a line each.
fn care(wallet: &Wallet, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    for held in wallet.list() {
        let standing = standing(wallet, held, now);
        if standing.wants_care {
            lines.push(format!("{} {}: {}", kinds(held), shown(&held.id), standing.words));
        }
    }
    for issuer in wallet.issuers() {
        let known = Knowledge::of(issuer);
        if known.as_ref().is_none_or(|known| known.expires <= now) {
            let words = Knowledge::in_words(known.as_ref(), now);
            lines.push(format!("issuer {}: {words}", shown(&issuer.name)));
        }
    }
    lines
}
