//! `bonafide config`: the settings of the service.

use std::path::{Path, PathBuf};

use bonafide_issuer::settings::{DEFAULTS, Settings};
use clap::Subcommand;
use serde_json::json;

use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Check a file of settings.
    #[command(after_help = "Example: bonafide config check bonafide.toml")]
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Print every setting with its default, as a file to begin with.
    #[command(after_help = "Example: bonafide config show > bonafide.toml")]
    Show,
}

impl Config {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        match self {
            Self::Check { file } => {
                let settings = read(&file)?;
                settings
                    .files()
                    .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
                let (url, data) = (settings.public_url(), settings.data.display().to_string());
                if app.json {
                    app.print_json(&json!({"file": file, "good": true, "url": url, "data": data}))?;
                } else {
                    writeln!(app.out, "{} is good: {url}, data in {data}", file.display())?;
                }
            }
            Self::Show => write!(app.out, "{DEFAULTS}")?,
        }
        Ok(Exit::Accepted)
    }
}

/// Reads a file of settings.
pub(crate) fn read(path: &Path) -> Result<Settings, Failure> {
    let text = files::read_text(path)?;
    Settings::from_toml(&text).map_err(|error| {
        Failure::usage(format!("{}: {error}", path.display())).with_help("bonafide config show")
    })
}
