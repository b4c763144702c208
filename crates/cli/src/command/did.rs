//! `bonafide did resolve` and `did document`.

use std::path::PathBuf;

use bonafide_core::did::{Did as DidText, resolve_self_certifying, web_document_url};
use bonafide_core::json::{Object, Value, to_pretty_string};
use bonafide_proof::Signer;
use clap::Subcommand;
use serde_json::json;

use super::secure;
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::key_file;

#[derive(Debug, Subcommand)]
pub(crate) enum Did {
    /// Show the DID document of a did:key or did:jwk, or of a document at hand. Offline.
    #[command(
        after_help = "Example: bonafide did resolve did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"
    )]
    Resolve {
        /// The DID.
        did: String,
        /// A DID document to look in; may be repeated.
        #[arg(long, value_name = "FILE")]
        did_document: Vec<PathBuf>,
    },
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

/// Error types of DID Resolution v1.
const ERRORS: &str = "https://www.w3.org/ns/did#";

impl Did {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        match self {
            Self::Resolve { did, did_document } => resolve(&did, &did_document, app),
            Self::Document { did, key, out } => {
                let document = document(&did, &key)?;
                secure::deliver("DID document", &to_pretty_string(&document), out.as_deref(), app)
            }
        }
    }
}

fn resolve(text: &str, documents: &[PathBuf], app: &mut App<'_>) -> Result<Exit, Failure> {
    let did = match DidText::parse(text) {
        Ok(did) => did,
        Err(error) => return failed("INVALID_DID", &error.to_string(), Exit::Rejected, app),
    };
    for path in documents {
        let document = files::read_document(path)?;
        if document.id() == did.as_str() {
            return found(document.as_value(), app);
        }
    }
    match (resolve_self_certifying(did), did.method()) {
        (Some(Ok(document)), _) => found(document.as_value(), app),
        (Some(Err(error)), _) => failed("INVALID_DID", &error.to_string(), Exit::Rejected, app),
        (None, "web") => match web_document_url(did) {
            Ok(url) => {
                let detail =
                    format!("not at hand; it is published at {url} (give it with --did-document)");
                failed("NOT_FOUND", &detail, Exit::Undecided, app)
            }
            Err(error) => failed("INVALID_DID", &error.to_string(), Exit::Rejected, app),
        },
        (None, method) => {
            let detail = format!("did:{method} is not a method that is known here");
            failed("METHOD_NOT_SUPPORTED", &detail, Exit::Undecided, app)
        }
    }
}

fn found(document: &Value<'_>, app: &mut App<'_>) -> Result<Exit, Failure> {
    let text = to_pretty_string(document);
    if app.json {
        let document: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| Failure::fault(error.to_string()))?;
        app.print_json(&json!({
            "didDocument": document,
            "didResolutionMetadata": {"contentType": "application/did"},
            "didDocumentMetadata": {},
        }))?;
    } else {
        app.out.write_all(text.as_bytes())?;
    }
    Ok(Exit::Accepted)
}

fn failed(error: &str, detail: &str, exit: Exit, app: &mut App<'_>) -> Result<Exit, Failure> {
    if app.json {
        app.print_json(&json!({
            "didDocument": null,
            "didResolutionMetadata": {"error": {"type": format!("{ERRORS}{error}"), "detail": detail}},
            "didDocumentMetadata": {},
        }))?;
    } else {
        writeln!(app.out, "{error}: {detail}")?;
    }
    Ok(exit)
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
