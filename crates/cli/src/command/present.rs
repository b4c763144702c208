//! `bonafide present`.

use std::path::PathBuf;

use bonafide_core::did::Relationship;
use bonafide_core::json::Value;
use bonafide_core::vc::{Enveloped, Unverified, VC_JWT, envelop, new_presentation};
use bonafide_proof::data_integrity::ProofOptions;
use bonafide_proof::jose::{self, TokenType};
use clap::{Args, ValueEnum};

use super::secure;
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::key_file;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bonafide present identity.vc score.vc --key agent.key --challenge 9f1c2d --domain https://pay.example
  bonafide present identity.jwt --key agent.key --nonce 9f1c2d --audience https://pay.example --format vp+jwt")]
pub(crate) struct Present {
    /// The credentials: JSON with proofs, or compact JWTs.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The agent's key file.
    #[arg(long)]
    key: PathBuf,
    /// Sign as this DID URL of the key instead of as its did:key.
    #[arg(long = "as", value_name = "DID_URL")]
    method: Option<String>,
    #[command(flatten)]
    binding: Binding,
    /// How to secure it; vp+jwt with --nonce, else the cryptosuite that goes with the key.
    #[arg(long, value_enum)]
    format: Option<PresentationFormat>,
    /// Where to write it; standard output, if left out.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// What a presentation answers: the same two things under the names of either format.
#[derive(Debug, Args)]
pub(crate) struct Binding {
    /// What was asked to be answered (Data Integrity).
    #[arg(long, requires = "domain", conflicts_with_all = ["nonce", "audience"])]
    challenge: Option<String>,
    /// Who asked (Data Integrity).
    #[arg(long, requires = "challenge")]
    domain: Option<String>,
    /// What was asked to be answered (JWT).
    #[arg(long, requires = "audience")]
    nonce: Option<String>,
    /// Who asked (JWT).
    #[arg(long, requires = "nonce")]
    audience: Option<String>,
}

impl Binding {
    pub(crate) fn nonce(&self) -> Option<&str> {
        self.challenge.as_deref().or(self.nonce.as_deref())
    }

    pub(crate) fn audience(&self) -> Option<&str> {
        self.domain.as_deref().or(self.audience.as_deref())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PresentationFormat {
    #[value(name = "eddsa-jcs-2022")]
    EddsaJcs2022,
    #[value(name = "ecdsa-jcs-2019")]
    EcdsaJcs2019,
    #[value(name = "vp+jwt", alias = "vp-jwt")]
    VpJwt,
}

impl Present {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        let signer = key_file::signing(&self.key, self.method.as_deref())?;
        let mut held = Vec::new();
        for path in &self.files {
            held.push(match files::read_secured(path)? {
                Value::String(token) => envelop(&token),
                document if is_presentable(&document) => document,
                _ => {
                    let shown = path.display();
                    return Err(Failure::usage(format!("{shown} is not a signed credential")));
                }
            });
        }
        let presentation = new_presentation(&signer.did, held);
        let nonce_given = self.binding.nonce.is_some();
        let format = self.format.or(nonce_given.then_some(PresentationFormat::VpJwt));
        let suite = match format {
            Some(PresentationFormat::VpJwt) => {
                let token = jwt(presentation, &self.binding, &signer)?;
                return secure::deliver("presentation", &token, self.out.as_deref(), app);
            }
            Some(PresentationFormat::EddsaJcs2022) => Some("eddsa-jcs-2022"),
            Some(PresentationFormat::EcdsaJcs2019) => Some("ecdsa-jcs-2019"),
            None => None,
        };
        let options = ProofOptions {
            created: Some(app.now),
            challenge: self.binding.nonce(),
            domain: self.binding.audience(),
            ..ProofOptions::new(&signer.method, Relationship::Authentication)
        };
        let secured = secure::with_proof(presentation, suite, &options, &signer)?;
        secure::deliver("presentation", &secure::to_text(&secured), self.out.as_deref(), app)
    }
}

/// A credential with a proof, or one in an envelope.
fn is_presentable(document: &Value<'_>) -> bool {
    if let Some(enveloped) = Enveloped::from_value(document) {
        return enveloped.is_ok_and(|enveloped| enveloped.media_type == VC_JWT);
    }
    document.get("proof").is_some() && Unverified::from_value(document).is_ok()
}

fn jwt(
    presentation: Value<'static>,
    binding: &Binding,
    signer: &key_file::SigningKey,
) -> Result<String, Failure> {
    let Value::Object(mut claims) = presentation else {
        return Err(Failure::fault("a presentation is an object"));
    };
    for (name, value) in [("aud", binding.audience()), ("nonce", binding.nonce())] {
        if let Some(value) = value {
            claims.insert(name, value.to_owned());
        }
    }
    let token = jose::sign(&claims.into(), TokenType::VP, &signer.method, &signer.key)
        .map_err(|error| Failure::fault(error.to_string()))?;
    Ok(format!("{token}\n"))
}
