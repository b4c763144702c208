//! `bonafide did resolve` and `did document`.

use std::path::PathBuf;

use bonafide_core::did::{Did as DidText, web_document_url};
use bonafide_core::json::{Object, Value, to_pretty_string};
use bonafide_proof::Signer;
use clap::Subcommand;

use super::{did_resolve, secure};
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::key_file;

#[derive(Debug, Subcommand)]
pub(crate) enum Did {
    /// Show the document of a DID, or what a DID URL leads to. Offline, unless told to fetch.
    Resolve(did_resolve::Resolve),
    /// Make a DID document for a did:web, to be published at its place.
    #[command(
        after_help = "Example: bonafide did document did:web:scorer.example --key scorer.key --out scorer.did.json"
    )]
    Document {
        /// The DID.
        did: String,
        /// The file of a key that signs for it, as #key-1, #key-2 and so on; may be repeated.
        #[arg(long, required = true)]
        key: Vec<PathBuf>,
        /// Where to write it; standard output, if left out.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

impl Did {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        match self {
            Self::Resolve(resolve) => resolve.run(app),
            Self::Document { did, key, out } => {
                let document = document(&did, &key)?;
                secure::deliver("DID document", &to_pretty_string(&document), out.as_deref(), app)
            }
        }
    }
}

fn document(text: &str, keys: &[PathBuf]) -> Result<Value<'static>, Failure> {
    let did = DidText::parse(text).map_err(|error| Failure::usage(error.to_string()))?;
    web_document_url(did).map_err(|error| Failure::usage(error.to_string()))?;
    let (mut methods, mut ids) = (Vec::new(), Vec::new());
    for (index, path) in keys.iter().enumerate() {
        let key = key_file::load(path)?;
        let id = format!("{did}#key-{}", index + 1);
        methods.push(Object::from([
            ("id", id.clone()),
            ("type", "Multikey".to_owned()),
            ("controller", text.to_owned()),
            ("publicKeyMultibase", key.public_key().to_multikey()),
        ]));
        ids.push(id);
    }
    let context = vec!["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"];
    Ok(Object::from([
        ("@context", Value::from(context)),
        ("id", text.to_owned().into()),
        ("verificationMethod", methods.into()),
        ("assertionMethod", ids.clone().into()),
        ("authentication", ids.into()),
    ])
    .into())
}
