//! `bonafide policy new` and `check`.

use std::path::{Path, PathBuf};

use bonafide_verifier::Policy as TrustPolicy;
use clap::Subcommand;
use serde_json::json;

use super::secure;
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::human::{DIM, GREEN, PLAIN};

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Write a policy to start from, with every setting explained.
    #[command(
        after_help = "Example: bonafide policy new --bundle-signer did:key:z6Mk… --out policy.toml"
    )]
    New {
        /// Who may sign bundles; a did:key or did:jwk.
        #[arg(long, value_name = "DID")]
        bundle_signer: Option<String>,
        /// Where to write it; standard output, if left out.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Check a policy; errors point at the line.
    #[command(after_help = "Example: bonafide policy check policy.toml")]
    Check {
        /// The policy.
        file: PathBuf,
    },
}

const STARTER: &str = include_str!("../starter-policy.toml");

impl Policy {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        match self {
            Self::New { bundle_signer, out } => {
                let file = out.as_deref().filter(|out| !files::is_standard_output(out));
                if file.is_some_and(Path::exists) {
                    return Err(Failure::usage("the file exists; a policy is never overwritten")
                        .with_help("choose another name for --out"));
                }
                let signers = bundle_signer.map(|did| format!("{did:?}")).unwrap_or_default();
                let text = STARTER.replace("SIGNERS", &signers);
                // What is written has to be a good policy, whatever was given.
                TrustPolicy::from_toml(&text).map_err(|error| {
                    Failure::usage(format!("--bundle-signer: {}", error.message))
                })?;
                secure::deliver("policy", &text, out.as_deref(), app)
            }
            Self::Check { file } => {
                let policy = load(&file)?;
                let levels: Vec<&str> = policy.levels().collect();
                if app.json {
                    app.print_json(&json!({
                        "good": true, "levels": levels, "bundleSigners": policy.bundle_signers(),
                        "digest": policy.digest(),
                    }))?;
                    return Ok(Exit::Accepted);
                }
                writeln!(app.out, "{GREEN}✓{PLAIN} {} is a good policy", file.display())?;
                let or_none = |items: Vec<&str>| match items.is_empty() {
                    true => "none, so nothing is ever granted".to_owned(),
                    false => items.join(" > "),
                };
                writeln!(app.out, "  levels  {}", or_none(levels))?;
                writeln!(app.out, "  digest  {DIM}{}{PLAIN}", policy.digest())?;
                Ok(Exit::Accepted)
            }
        }
    }
}

/// Loads a policy; an error shows the line.
pub(crate) fn load(path: &Path) -> Result<TrustPolicy, Failure> {
    let text = files::read_text(path)?;
    TrustPolicy::from_toml(&text).map_err(|error| {
        let line = text.lines().nth(error.line - 1).unwrap_or_default();
        let number = error.line.to_string();
        let gutter = " ".repeat(number.len());
        let caret = " ".repeat(error.column.saturating_sub(1));
        Failure::usage(format!(
            "{}, line {number}: {}\n {gutter} |\n {number} | {line}\n {gutter} | {caret}^",
            path.display(),
            error.message
        ))
    })
}
