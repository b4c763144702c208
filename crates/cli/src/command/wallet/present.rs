//! `bonafide wallet present`.

use std::path::PathBuf;
use std::time::Duration;

use bonafide_wallet::{
    Answer, HttpRequest, PresentationForm, Shown, USUAL_LIFE, Wallet, WalletError, Wanted,
};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::place::{self, Place, held};
use super::reach;
use crate::app::App;
use crate::command::{duration, secure};
use crate::failure::{Exit, Failure};
use crate::files;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bonafide wallet present --want AgentIdentityCredential --nonce 9f1c2d --audience https://pay.example
  bonafide wallet present --want PactScoreCredential --reveal /credentialSubject/tier \\
      --nonce 9f1c2d --audience https://pay.example
  curl -H \"Bonafide-Presentation: $(bonafide wallet present --action files.read \\
      --resource https://files.example/reports --for GET https://files.example/reports/7)\" \\
      https://files.example/reports/7

The least is chosen that answers what is wanted. What is lacking is told, and the exit code is 2.")]
pub(super) struct Present {
    /// Show a credential of this type; may be repeated.
    #[arg(long = "want", value_name = "TYPE")]
    types: Vec<String>,
    /// Show a grant that allows this action.
    #[arg(long)]
    action: Option<String>,
    /// Show a grant that reaches this resource.
    #[arg(long, value_name = "URL")]
    resource: Option<String>,
    /// Show this credential: its id, or the end of it; may be repeated.
    #[arg(long = "credential", value_name = "ID")]
    credentials: Vec<String>,
    /// Disclose this of what its format lets you hide, and no more: a JSON pointer, with TYPE= in
    /// front for one type alone; may be repeated.
    #[arg(long, value_name = "[TYPE=]POINTER")]
    reveal: Vec<String>,
    /// The key that presents; that of the credentials or the default one, if left out.
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// Who asked. With --for, the origin of the URL, if left out.
    #[arg(long, visible_alias = "domain", value_name = "URL")]
    audience: Option<String>,
    /// What was asked to be answered.
    #[arg(long, visible_alias = "challenge", required_unless_present = "request")]
    #[arg(allow_hyphen_values = true)]
    nonce: Option<String>,
    /// How to secure it.
    #[arg(long, value_enum, default_value_t = Form::DataIntegrity, conflicts_with = "request")]
    form: Form,
    /// Make it for one HTTP request: a value for the header Bonafide-Presentation.
    #[arg(long = "for", value_names = ["METHOD", "URL"], num_args = 2)]
    request: Option<Vec<String>>,
    /// The body of that request.
    #[arg(long, value_name = "FILE", requires = "request")]
    body: Option<PathBuf>,
    /// How long it is good for that request, 5m at most; 1m, if left out.
    #[arg(long, value_parser = duration, value_name = "TIME", requires = "request")]
    valid_for: Option<Duration>,
    /// Where to write it; standard output, if left out.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// With a Data Integrity proof.
    DataIntegrity,
    /// As vp+jwt.
    Jwt,
    /// One SD-JWT with a key binding.
    SdJwt,
}

impl From<Form> for PresentationForm {
    fn from(form: Form) -> Self {
        match form {
            Form::DataIntegrity => Self::DataIntegrity,
            Form::Jwt => Self::Jwt,
            Form::SdJwt => Self::SdJwt,
        }
    }
}

impl Present {
    pub(super) fn run(self, place: &Place, app: &mut App<'_>) -> Result<Exit, Failure> {
        let body = self.body.as_deref().map(files::read).transpose()?;
        let wallet = place.open()?;
        let mut shown = self.chosen(&wallet, app)?;
        self.disclose(&wallet, &mut shown)?;
        let key = self.key.as_deref();
        let text = loop {
            let made = if let Some(request) = &self.request {
                let request = self.http(request, body.clone())?;
                let mut random = app.random_source();
                wallet.present_request_as(key, &shown, &request, &mut random, app.now)
            } else {
                let answer = self.answer()?;
                wallet.present_as(key, &shown, &answer, self.form.into(), app.now)
            };
            match made {
                // A pointer without a type is for what can hide something.
                Err(WalletError::NothingToChoose(id)) if self.shows_whole(&id, &mut shown) => {}
                made => break made.map_err(place::failure)?,
            }
        };
        if self.request.is_some() && app.json {
            let header = json!({"header": "Bonafide-Presentation", "presentation": text});
            app.print_json(&header)?;
            return Ok(Exit::Accepted);
        }
        secure::deliver("presentation", &format!("{text}\n"), self.out.as_deref(), app)
    }

    /// The credentials that were named, and the least that answers what is wanted.
    fn chosen(&self, wallet: &Wallet, app: &App<'_>) -> Result<Vec<Shown>, Failure> {
        let mut ids = Vec::new();
        let grant = self.action.is_some() || self.resource.is_some();
        if !self.types.is_empty() || grant {
            let wanted = Wanted {
                types: self.types.clone(),
                action: self.action.clone(),
                resource: self.resource.clone(),
                audience: if grant { Some(self.audience()?) } else { None },
                key: self.key.clone(),
            };
            ids = wallet.choose(&wanted, app.now).map_err(|missing| reach::lacking(&missing))?;
        }
        for name in &self.credentials {
            let id = held(wallet, name)?.id.clone();
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids.into_iter().map(Shown::whole).collect())
    }

    /// Says of each credential what is disclosed.
    fn disclose(&self, wallet: &Wallet, shown: &mut [Shown]) -> Result<(), Failure> {
        for wanted in &self.reveal {
            let (kind, pointer) = match wanted.split_once('=') {
                Some((kind, pointer)) if !kind.contains('/') => (Some(kind.to_owned()), pointer),
                _ => (None, wanted.as_str()),
            };
            if !pointer.starts_with('/') {
                return Err(Failure::usage(format!("--reveal: {wanted:?} is no JSON pointer"))
                    .with_help("--reveal /credentialSubject/tier"));
            }
            let of_type = |shown: &&mut Shown| {
                let types = wallet.get(&shown.id).map(|held| &held.types);
                kind.as_ref().is_none_or(|kind| types.is_some_and(|types| types.contains(kind)))
            };
            let mut found = false;
            for shown in shown.iter_mut().filter(of_type) {
                shown.reveal.get_or_insert_default().push(pointer.to_owned());
                found = true;
            }
            if !found {
                return Err(Failure::usage(format!(
                    "--reveal: nothing is shown of which {wanted:?} speaks"
                )));
            }
        }
        Ok(())
    }

    /// Shows a credential whole that can't be shown in part, unless it was named by its type or is
    /// the last one that could be meant.
    fn shows_whole(&self, id: &str, shown: &mut [Shown]) -> bool {
        let named = self.reveal.iter().any(|wanted| !wanted.starts_with('/'));
        let partial = shown.iter().filter(|shown| shown.reveal.is_some()).count();
        let found = shown.iter_mut().find(|shown| shown.id == id);
        match found {
            Some(found) if !named && partial > 1 => {
                found.reveal = None;
                true
            }
            _ => false,
        }
    }

    fn answer(&self) -> Result<Answer, Failure> {
        let nonce = self.nonce.clone().unwrap_or_default();
        Ok(Answer { audience: self.audience()?, nonce })
    }

    fn http(&self, request: &[String], body: Option<Vec<u8>>) -> Result<HttpRequest, Failure> {
        let [method, uri] = request else {
            return Err(Failure::usage("--for takes a method and a URL"));
        };
        Ok(HttpRequest {
            audience: self.audience()?,
            method: method.clone(),
            uri: uri.clone(),
            body,
            nonce: self.nonce.clone(),
            valid_for: self.valid_for.unwrap_or(USUAL_LIFE),
        })
    }

    fn audience(&self) -> Result<String, Failure> {
        if let Some(audience) = &self.audience {
            return Ok(audience.clone());
        }
        let url = self.request.as_ref().and_then(|request| request.get(1));
        let url = url.ok_or_else(|| {
            Failure::usage("who asked? A presentation is made for one service")
                .with_help("--audience URL")
        })?;
        origin(url).ok_or_else(|| {
            Failure::usage(format!("--for: {url:?} is no URL"))
                .with_help("--for GET https://files.example/reports/7")
        })
    }
}

/// Scheme, host and port of a URL.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let known = matches!(scheme, "https" | "http") && !host.is_empty() && !host.contains('@');
    known.then(|| format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_goes_to_an_origin() {
        let of = |url: &str| origin(url);
        assert_eq!(of("https://a.example/b?c#d").as_deref(), Some("https://a.example"));
        assert_eq!(of("http://localhost:8700").as_deref(), Some("http://localhost:8700"));
        for url in ["", "a.example", "https://", "ftp://a.example", "https://u@a.example/"] {
            assert_eq!(of(url), None, "{url}");
        }
    }
}
