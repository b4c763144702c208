//! `bonafide issue`.

use std::path::PathBuf;
use std::time::Duration;

use bonafide_core::attestation::{ATTESTATION_TYPES, AttestationType, Draft};
use bonafide_core::json::{MAX_SAFE_INTEGER, Value};
use bonafide_core::status::{BitstringStatusEntry, StatusPurpose, TokenStatusReference};
use bonafide_core::time::Timestamp;
use bonafide_core::vc::Unverified;
use bonafide_issuer::format::{Format, Selective};
use bonafide_issuer::keys::SigningKey;
use clap::Args;

use super::secure::{self, CredentialFormat};
use super::{duration, timestamp};
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files::{self, Access};
use crate::key_file;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bonafide issue --key scorer.key --type PactScoreCredential --subject did:key:z6Mk… \\
      --claims score.json --status https://scorer.example/status/1 --index 42 --out score.vc
  bonafide issue --key any.key --claims unsigned-credential.json --format vc+jwt")]
pub(crate) struct Issue {
    /// The issuer's key file.
    #[arg(long)]
    key: PathBuf,
    /// Sign as this DID URL of the key instead of as its did:key.
    #[arg(long = "as", value_name = "DID_URL")]
    method: Option<String>,
    /// The attestation type; leave it out where --claims is a whole unsigned credential.
    #[arg(long = "type", value_name = "TYPE", requires = "subject")]
    attestation: Option<String>,
    /// The agent's DID.
    #[arg(long, requires = "attestation")]
    subject: Option<String>,
    /// The claims about the agent as JSON, or a whole unsigned credential; - for standard input.
    #[arg(long)]
    claims: PathBuf,
    /// How to secure it; by default the cryptosuite that goes with the key.
    #[arg(long, value_enum)]
    format: Option<CredentialFormat>,
    /// A JSON pointer to something that its holder can't hide, besides what its type says; may be
    /// repeated. For formats of selective disclosure.
    #[arg(long, value_name = "POINTER")]
    mandatory: Vec<String>,
    /// Digests of nothing in each object of an SD-JWT, so that what is hidden can't be counted.
    #[arg(long, value_name = "N", default_value_t = 0)]
    decoys: usize,
    /// The status list in which it can be revoked; for dc+sd-jwt a Token Status List.
    #[arg(long, value_name = "URL", requires = "index")]
    status: Option<String>,
    /// Its place in the status list.
    #[arg(long, requires = "status")]
    index: Option<usize>,
    /// From when on it is valid; now, if left out.
    #[arg(long, value_parser = timestamp, value_name = "TIME")]
    valid_from: Option<Timestamp>,
    /// For how long it is valid.
    #[arg(long, value_parser = duration, default_value = "30d")]
    valid_for: Duration,
    /// Its id, a URL; a fresh urn:uuid, if left out.
    #[arg(long)]
    id: Option<String>,
    /// Where to write it; standard output, if left out.
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Issue {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        if self.valid_for.is_zero() {
            return Err(Failure::usage("--valid-for: a credential has to live for some time"));
        }
        let signer = key_file::signing(&self.key, self.method.as_deref())?;
        let selective = Selective {
            mandatory: self.mandatory.clone(),
            decoys: self.decoys,
            ..Selective::default()
        };
        let format = secure::format_for(self.format, &signer)?;
        selective.check(format)?;
        let claims = files::read_json(&self.claims)?;
        let document = match &self.attestation {
            Some(name) => self.attestation(name, claims, &signer, app)?,
            None => whole(claims, &signer)?,
        };
        format.check_version(&document).map_err(|error| {
            Failure::usage(error.to_string()).with_help("--format with a cryptosuite")
        })?;
        let secured = secure::credential(document, format, &selective, &signer, app)?;
        // What its holder may hide is for the holder to see.
        let access = match format.is_selective() {
            true => Access::Holder,
            false => Access::Public,
        };
        let text = secure::to_text(&secured);
        secure::deliver_to("credential", &text, self.out.as_deref(), access, app)
    }

    fn attestation(
        &self,
        name: &str,
        claims: Value<'static>,
        signer: &SigningKey,
        app: &App<'_>,
    ) -> Result<Value<'static>, Failure> {
        let known = AttestationType::by_name(name).ok_or_else(|| {
            let names: Vec<&str> = ATTESTATION_TYPES.iter().map(|known| known.name).collect();
            Failure::usage(format!("{name:?} is not an attestation type"))
                .with_help(format!("one of {}", names.join(", ")))
        })?;
        let Value::Object(claims) = claims else {
            return Err(Failure::usage("--claims: expected a JSON object"));
        };
        if claims.contains("@context") {
            return Err(Failure::usage("--claims is a whole credential; leave --type out"));
        }
        if known.status_required && self.status.is_none() {
            return Err(Failure::usage(format!("every {name} must be revocable"))
                .with_help("--status URL --index N; make a list with: bonafide status new"));
        }
        let holds =
            |index: usize| i64::try_from(index).is_ok_and(|index| index <= MAX_SAFE_INTEGER);
        if !self.index.is_none_or(holds) {
            let message = format!("--index: the largest that JSON holds is {MAX_SAFE_INTEGER}");
            return Err(Failure::usage(message));
        }
        // An SD-JWT VC refers to a Token Status List, everything else to a Bitstring one.
        let token = self.format == Some(CredentialFormat(Format::DcSdJwt));
        let entry = self.status.clone().zip(self.index).map(|(uri, index)| match token {
            true => TokenStatusReference { index, uri }.to_object(),
            false => BitstringStatusEntry::new(StatusPurpose::Revocation, index, uri).to_object(),
        });
        let id = match &self.id {
            Some(id) => id.clone(),
            None => app.new_urn()?,
        };
        let valid_from = self.valid_from.unwrap_or(app.now);
        let valid_until = valid_from.saturating_add(self.valid_for);
        if valid_until.saturating_since(valid_from) < self.valid_for {
            return Err(Failure::usage("--valid-for: the end would be after the year 9999"));
        }
        let draft = Draft {
            attestation_type: known,
            id: &id,
            issuer: &signer.did,
            subject: self.subject.as_deref().unwrap_or_default(),
            claims,
            valid_from,
            valid_until,
            status: entry.into_iter().collect(),
        };
        draft.into_credential().map_err(|error| Failure::usage(error.to_string()))
    }
}

/// A whole unsigned credential, checked for its form and its issuer.
fn whole(document: Value<'static>, signer: &SigningKey) -> Result<Value<'static>, Failure> {
    if document.get("@context").is_none() {
        return Err(Failure::usage("--claims is not a whole credential, so --type is needed")
            .with_help("--type PactScoreCredential --subject DID"));
    }
    let issuer = match Unverified::from_value(&document) {
        Ok(credential) => credential.claimed_issuer().to_owned(),
        Err(error) => return Err(Failure::usage(error.to_string())),
    };
    if issuer != signer.did {
        return Err(Failure::usage(format!(
            "the credential's issuer is {issuer}, the key is {}",
            signer.did
        ))
        .with_help(format!("--as {issuer}#KEY, if the key is one of that DID")));
    }
    Ok(document)
}
