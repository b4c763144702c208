//! The door to the issuer's service, for the commands that ask it to do something.

use std::path::PathBuf;
use std::time::Duration;

use bonafide_core::json::{Limits, Object, Value, parse, to_canonical_string};
use bonafide_fetch::{
    FetchError, Identity, Response, Route, Service, ServiceError, ServiceOptions, Token,
};
use clap::Args;
use serde_json::json;
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::human::{shown, shown_json};
use crate::network::runtime;
use crate::problem::{self, Problem};

/// The token itself, where no file is named. It is never an argument: those are seen by all.
const TOKEN_VARIABLE: &str = "BONAFIDE_TOKEN";

/// As much as the client reads of an answer.
const ANSWER: Limits = Limits::for_size(64 << 20);

/// How long to wait before a request is sent again, where the service says nothing of it.
const BACKOFF: [Duration; 3] =
    [Duration::from_millis(250), Duration::from_millis(500), Duration::from_secs(1)];

/// The same for a request that the service is still at.
const IN_FLIGHT: Duration = Duration::from_secs(5);

/// Nobody is kept waiting longer by the service.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How to reach the service.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// Where the service is; plain http on this machine alone.
    #[arg(long, env = "BONAFIDE_URL", hide_env_values = true)]
    #[arg(default_value = "http://localhost:8700")]
    #[arg(global = true, help_heading = "Connection")]
    url: String,
    /// The file that holds your token; without one, the token in BONAFIDE_TOKEN.
    #[arg(long, env = "BONAFIDE_TOKEN_FILE", hide_env_values = true, value_name = "FILE")]
    #[arg(global = true, help_heading = "Connection")]
    token_file: Option<PathBuf>,
    /// Trust the root certificates in this PEM file as well.
    #[arg(long, value_name = "FILE", global = true, help_heading = "Connection")]
    ca: Option<PathBuf>,
    /// Show this certificate (PEM) to a service that asks for one; goes with --client-key.
    #[arg(long, value_name = "FILE", global = true, help_heading = "Connection")]
    client_cert: Option<PathBuf>,
    /// The key (PEM) of the certificate.
    #[arg(long, value_name = "FILE", global = true, help_heading = "Connection")]
    client_key: Option<PathBuf>,
}

/// Where the token came from, for who has to find another one.
enum Source {
    File(PathBuf),
    Variable,
    Nowhere,
}

impl Connection {
    /// Makes ready to ask; nothing is sent yet.
    pub(crate) fn open(&self) -> Result<Remote, Failure> {
        let failed = |error: ServiceError| problem::unanswered(&error, &self.url);
        let mut options = ServiceOptions::new(&self.url);
        let (token, source) = self.token()?;
        options.token = token;
        if let Some(path) = &self.ca {
            options.roots.push(files::read(path)?);
        }
        options.identity = match (&self.client_cert, &self.client_key) {
            (Some(certificates), Some(key)) => {
                files::refuse_if_open(key)?;
                let key = Zeroizing::new(files::read_secret(key)?);
                Some(Identity { certificates: files::read(certificates)?, key })
            }
            (None, None) => None,
            _ => return Err(Failure::usage("--client-cert and --client-key go together")),
        };
        let runtime = runtime()?;
        let _entered = runtime.enter();
        let service = Service::new(options).map_err(failed)?;
        Ok(Remote { service, runtime, url: self.url.clone(), source })
    }

    fn token(&self) -> Result<(Option<Token>, Source), Failure> {
        let (text, source) = if let Some(path) = &self.token_file {
            files::refuse_if_open(path)?;
            let bytes = Zeroizing::new(files::read_secret(path)?);
            let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
            (Zeroizing::new(text.to_owned()), Source::File(path.clone()))
        } else {
            #[allow(clippy::disallowed_methods)] // this is the binary
            match std::env::var(TOKEN_VARIABLE) {
                Ok(text) => (Zeroizing::new(text), Source::Variable),
                Err(std::env::VarError::NotPresent) => return Ok((None, Source::Nowhere)),
                Err(_) => (Zeroizing::default(), Source::Variable),
            }
        };
        let from = source.name();
        let token = Token::new(text)
            .map_err(|error| Failure::usage(format!("{from} holds no token: {error}")))?;
        Ok((Some(token), source))
    }
}

impl Source {
    fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Variable => TOKEN_VARIABLE.to_owned(),
            Self::Nowhere => "nowhere".to_owned(),
        }
    }
}

/// The service, asked for one thing after the other.
pub(crate) struct Remote {
    service: Service,
    runtime: &'static Runtime,
    url: String,
    source: Source,
}

/// What the service answers when all is well.
pub(crate) struct Answer {
    text: String,
    pub(crate) value: Value<'static>,
}

impl Answer {
    /// Prints it: as it is with `--json`, and else as `human` puts it.
    pub(crate) fn tell(
        &self,
        app: &mut App<'_>,
        human: impl FnOnce(&Value<'_>) -> String,
    ) -> Result<Exit, Failure> {
        let text = if app.json {
            let text = if self.text.is_empty() { "{}" } else { self.text.trim_end() };
            shown_json(text) + "\n"
        } else {
            human(&self.value)
        };
        app.out.write_all(text.as_bytes())?;
        Ok(Exit::Accepted)
    }

    /// The answer to the byte.
    pub(crate) fn raw(&self) -> &str {
        &self.text
    }

    /// A member that the answer must have.
    pub(crate) fn text(&self, member: &str) -> Result<&str, Failure> {
        let found = self.value.get(member).and_then(Value::as_str);
        found.ok_or_else(|| Failure::fault(format!("the service's answer lacks {member}")))
    }
}

impl Remote {
    /// Asks for what is there.
    pub(crate) fn get(&self, route: &Route) -> Result<Answer, Failure> {
        self.read(self.runtime.block_on(self.service.get(route)))
    }

    /// Has something done of which a second time changes nothing.
    pub(crate) fn post(&self, route: &Route, body: Object<'_>) -> Result<Answer, Failure> {
        let body = to_canonical_string(&body.into());
        self.read(self.runtime.block_on(self.service.post(route, Some(&body), None)))
    }

    /// Has something made, once: the request is sent again where its answer may have been lost, and
    /// the service knows it by its key.
    pub(crate) fn create(
        &self,
        route: &Route,
        body: Object<'_>,
        app: &App<'_>,
    ) -> Result<Answer, Failure> {
        let body = to_canonical_string(&body.into());
        let urn = app.new_urn()?;
        let key = urn.strip_prefix("urn:uuid:");
        let send = || self.runtime.block_on(self.service.post(route, Some(&body), key));
        for (number, backoff) in (1..).zip(BACKOFF) {
            let result = send();
            let Some((why, asked)) = self.passing(&result) else { return self.read(result) };
            let wait = asked.unwrap_or(backoff);
            if wait > LONGEST_WAIT {
                return self.read(result);
            }
            note(&format!("{why}; trying again in {wait:?} ({number} of {})", BACKOFF.len()), app);
            std::thread::sleep(wait);
        }
        self.read(send())
    }

    /// Changes what is there.
    pub(crate) fn patch(&self, route: &Route, body: Object<'_>) -> Result<Answer, Failure> {
        let body = to_canonical_string(&body.into());
        self.read(self.runtime.block_on(self.service.patch(route, &body)))
    }

    /// Takes away what is there.
    pub(crate) fn delete(&self, route: &Route) -> Result<Answer, Failure> {
        self.read(self.runtime.block_on(self.service.delete(route)))
    }

    /// Has something made, and hands on what comes back piece by piece.
    pub(crate) fn download(
        &self,
        route: &Route,
        keep: &mut (dyn FnMut(&[u8]) -> bool + Send),
    ) -> Result<(), Failure> {
        self.read(self.runtime.block_on(self.service.download(route, keep))).map(drop)
    }

    /// The service's id of an agent that is named by that id or by its DID.
    pub(crate) fn agent(&self, name: &str) -> Result<String, Failure> {
        if !name.starts_with("did:") {
            return Ok(name.to_owned());
        }
        let found = self.get(&Route::new(&["agents"]).with("did", Some(name)))?;
        let items = found.value.get("items").and_then(Value::as_array).unwrap_or_default();
        // Looked at here as well: whatever is done next is done to this one.
        let is_it = |item: &&Value<'_>| item.get("did").and_then(Value::as_str) == Some(name);
        let id = items.iter().find(is_it).and_then(|item| item.get("id")?.as_str());
        id.map(ToOwned::to_owned).ok_or_else(|| {
            Failure::usage(format!("the service knows no agent {}", shown(name)))
                .with_help("bonafide agent list")
        })
    }

    /// Why a request is worth another try, and when the service wants it.
    fn passing(
        &self,
        result: &Result<Response, ServiceError>,
    ) -> Option<(String, Option<Duration>)> {
        match result {
            Ok(response) => {
                let code = || Problem::of(response).and_then(|problem| problem.code);
                let asked = match response.status {
                    429 | 503 => response.retry_after,
                    // The same request, whose answer was lost, is not done yet.
                    409 if code().as_deref() == Some("request-in-flight") => {
                        Some(response.retry_after.unwrap_or(IN_FLIGHT))
                    }
                    _ => return None,
                };
                Some((format!("{} answers with status {}", self.url, response.status), asked))
            }
            Err(ServiceError::Fetch(error)) => match error {
                FetchError::Unreachable { detail, .. } => {
                    Some((format!("no connection to {}: {detail}", self.url), None))
                }
                FetchError::BrokenResponse { .. } | FetchError::Deadline { .. } => {
                    Some((format!("no answer from {}", self.url), None))
                }
                _ => None,
            },
            Err(_) => None,
        }
    }

    fn read(&self, result: Result<Response, ServiceError>) -> Result<Answer, Failure> {
        let response = result.map_err(|error| problem::unanswered(&error, &self.url))?;
        match response.status {
            200..=299 => {}
            401 => return Err(self.unknown(&response)),
            _ => return Err(problem::refused(&response, &self.url)),
        }
        if response.body.is_empty() {
            return Ok(Answer { text: String::new(), value: Value::Null });
        }
        let foreign = |why: String| {
            Failure::fault(format!("{} answers with what is not strict JSON: {why}", self.url))
                .with_help("--url with the address of bonafide serve")
        };
        let value = parse(&response.body, &ANSWER).map_err(|error| foreign(error.to_string()))?;
        let value = value.into_owned();
        let text = String::from_utf8(response.body).map_err(|error| foreign(error.to_string()))?;
        Ok(Answer { text, value })
    }

    /// The service does not know who asks.
    fn unknown(&self, response: &Response) -> Failure {
        let mut failure = problem::refused(response, &self.url);
        let sent = match &self.source {
            Source::Nowhere => "no token was sent".to_owned(),
            source => format!("the token was the one in {}", source.name()),
        };
        failure.message = format!("{}\n  {sent}", failure.message);
        failure.with_help(
            "--token-file FILE; an administrator makes one with: bonafide token new --name NAME \
             --role ROLE --out FILE",
        )
    }
}

/// Tells on standard error how it goes.
pub(crate) fn note(text: &str, app: &App<'_>) {
    let text = shown(text);
    let line = if app.json { json!({"note": text}).to_string() } else { text };
    // Whoever does not read it misses nothing.
    let _ = std::io::Write::write_fmt(&mut anstream::stderr(), format_args!("{line}\n"));
}

/// The body of a request: the members that have a value.
pub(crate) fn body<'a>(
    members: impl IntoIterator<Item = (&'static str, Option<&'a str>)>,
) -> Object<'a> {
    let mut body = Object::new();
    for (name, value) in members {
        if let Some(value) = value {
            body.insert(name, value);
        }
    }
    body
}
