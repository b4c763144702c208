//! `bonafide derive`: shows a part of a credential.

use std::path::PathBuf;

use bonafide_core::json::{Object, Value};
use bonafide_linked_data::SUITES;
use bonafide_proof::data_integrity::{DeriveInput, Proof, Suite, proofs_of};
use bonafide_proof::jose::TokenType;
use bonafide_proof::sd_jwt::{SdJwt, compact};
use clap::Args;

use super::secure;
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;

#[derive(Debug, Args)]
#[command(
    after_help = "Example: bonafide derive score.vc --reveal /credentialSubject/tier --out shown.vc

What the issuer made mandatory is always disclosed. From ecdsa-sd-2023, bbs-2023 and SD-JWTs; a
pointer means the same in each."
)]
pub(crate) struct Derive {
    /// The credential as its issuer gave it.
    file: PathBuf,
    /// A JSON pointer (RFC 6901) to something to disclose; may be repeated.
    #[arg(long, value_name = "POINTER", num_args = 1..)]
    reveal: Vec<String>,
    /// What to bind a BBS proof to, in hexadecimal.
    #[arg(long, value_name = "HEX")]
    presentation_header: Option<String>,
    /// Where to write it; standard output, if left out.
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Derive {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        let secured = files::read_secured(&self.file)?;
        let derived = match &secured {
            Value::Object(document) if document.contains("proof") => {
                self.document(document)?.into()
            }
            Value::String(token) => self.token(token)?.into(),
            Value::Object(document) if document.contains("payload") => {
                let text = files::read_text(&self.file)?;
                let token = compact(&text).map_err(|error| Failure::usage(error.to_string()))?;
                self.token(&token)?.into()
            }
            _ => {
                let shown = self.file.display();
                return Err(Failure::usage(format!("{shown} is not a signed credential")));
            }
        };
        secure::deliver("credential", &secure::to_text(&derived), self.out.as_deref(), app)
    }

    fn document(&self, document: &Object<'_>) -> Result<Object<'static>, Failure> {
        let proofs = proofs_of(document).map_err(|error| Failure::usage(error.to_string()))?;
        let selective = |proof: &&Proof<'_>| SUITES.of_proof(proof).is_ok_and(Suite::is_selective);
        let mut fitting = proofs.iter().filter(selective);
        let (Some(proof), None) = (fitting.next(), fitting.next()) else {
            return Err(Failure::usage("expected one proof with ecdsa-sd-2023 or bbs-2023")
                .with_help("bonafide issue --format ecdsa-sd-2023, with a P-256 key"));
        };
        let reveal: Vec<&str> = self.reveal.iter().map(String::as_str).collect();
        let header = self.header()?;
        let input = DeriveInput { document, proof, reveal: &reveal, presentation_header: &header };
        SUITES
            .of_proof(proof)
            .and_then(|suite| suite.derive(input))
            .map_err(|error| Failure::usage(error.to_string()))
    }

    fn header(&self) -> Result<Vec<u8>, Failure> {
        let text = self.presentation_header.as_deref().unwrap_or_default();
        let digit =
            |at: usize| text.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
        let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(digit).collect();
        bytes.ok_or_else(|| Failure::usage("--presentation-header: expected pairs of hex digits"))
    }

    fn token(&self, token: &str) -> Result<String, Failure> {
        if self.presentation_header.is_some() {
            return Err(Failure::usage("--presentation-header is for bbs-2023")
                .with_help("bonafide present --format dc+sd-jwt binds an SD-JWT to a nonce"));
        }
        let token_type = token_type(token)?;
        // The same pointer, whether the claims stand in a subject or beside the token's own.
        let within = |pointer: &String| match pointer.strip_prefix("/credentialSubject") {
            Some(inside) if token_type == TokenType::DC_SD_JWT => inside.to_owned(),
            _ => pointer.clone(),
        };
        let pointers: Vec<String> = self.reveal.iter().map(within).collect();
        let pointers: Vec<&str> = pointers.iter().map(String::as_str).collect();
        SdJwt::parse(token, token_type)
            .and_then(|token| token.present(&pointers))
            .map_err(|error| Failure::usage(error.to_string()))
    }
}

/// Which of the two credentials that can be SD-JWTs this is.
pub(crate) fn token_type(token: &str) -> Result<TokenType, Failure> {
    let typ = SdJwt::peek_typ(token).unwrap_or_default();
    [TokenType::VC_SD_JWT, TokenType::DC_SD_JWT]
        .into_iter()
        .find(|known| known.typ == typ)
        .ok_or_else(|| Failure::usage("expected an SD-JWT of type vc+sd-jwt or dc+sd-jwt"))
}
