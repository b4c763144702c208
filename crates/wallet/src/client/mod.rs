//! The wallet as a client of its issuers: enrolling, grants, renewal, other keys, access tokens.
//!
//! Whatever an issuer sends is verified by the wallet before it is kept. Secrets go to where the
//! operator's link, or what was learned by it, leads, over TLS or no further than this machine.
//!
//! Futures run in a Tokio runtime with I/O and time, and can be sent to another thread.

mod enrol;
mod error;
mod exchange;
mod grant;
mod rotate;

use std::time::Duration;

use bonafide_core::encoding::{encode_base64url, hex};
use bonafide_core::json::{Limits, Object, Value, parse, to_canonical_string};
use bonafide_core::time::Timestamp;
use bonafide_fetch::{Content, FetchError, Response, Route, Service, ServiceError, ServiceOptions};
use bonafide_proof::SignError;

pub use enrol::{Enrolled, Enrolment};
pub use error::{ClientError, Refusal};
pub use exchange::{AccessToken, ExchangeOrder, SubjectToken};
pub use grant::{GrantOrder, Granted, PrincipalProof};

use crate::error::WalletError;
use crate::present::{Answer, HttpRequest, Shown, USUAL_LIFE};
use crate::receive::Received;
use crate::record::{Held, KeyEntry, KnownIssuer};
use crate::standing::Standing;
use crate::wallet::Wallet;

/// Where random bytes come from. As [`Random`](bonafide_proof::data_integrity::Random), and fit to
/// be sent to another thread along with the futures here.
pub type SendRandom<'r> = dyn FnMut(&mut [u8]) -> Result<(), SignError> + Send + 'r;

/// How often a request is sent again whose answer was lost.
const MOST_TRIES: usize = 3;

/// How to reach issuers.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Whether servers may rest on the root certificates of the system. Default: yes.
    pub system_roots: bool,
    /// Further root certificates, each text in PEM with one or more of them.
    pub roots: Vec<Vec<u8>>,
    /// How long a whole request may take. Default: 30 seconds.
    pub timeout: Duration,
}

impl Default for Connection {
    fn default() -> Self {
        Self { system_roots: true, roots: Vec::new(), timeout: Duration::from_secs(30) }
    }
}

/// One issuer's service.
pub(crate) struct Issuer {
    service: Service,
    /// Its URL as it names itself, without a slash at its end: the audience of what is shown to it.
    url: String,
}

/// A request that says who asks by a presentation made for it.
struct Asking<'a> {
    /// The name of the key that presents.
    key: &'a str,
    shown: &'a [Shown],
    route: Route,
    body: Option<String>,
    /// Under which the request is one request, however often it is sent.
    once: Option<String>,
}

impl Issuer {
    fn at(url: &str, connection: &Connection) -> Result<Self, ClientError> {
        let url = url.trim_end_matches('/').to_owned();
        let mut options = ServiceOptions::new(&url);
        options.system_roots = connection.system_roots;
        options.roots.clone_from(&connection.roots);
        options.timeout = connection.timeout;
        let service = Service::new(options)
            .map_err(|error| ClientError::Unanswered { url: url.clone(), error })?;
        Ok(Self { service, url })
    }

    fn of(known: &KnownIssuer, connection: &Connection) -> Result<Self, ClientError> {
        Self::at(&known.url, connection)
    }

    /// Reads an answer: JSON, or what speaks against the request.
    fn read(&self, answer: Result<Response, ServiceError>) -> Result<Value<'static>, ClientError> {
        let answer = self.answered(answer)?;
        let foreign = |detail: String| self.foreign(detail);
        let limits = Limits::for_size(answer.body.len());
        let value = parse(&answer.body, &limits).map_err(|error| foreign(error.to_string()))?;
        Ok(value.into_owned())
    }

    /// An answer of success.
    fn answered(&self, answer: Result<Response, ServiceError>) -> Result<Response, ClientError> {
        let url = self.url.clone();
        let answer = answer.map_err(|error| ClientError::Unanswered { url, error })?;
        match answer.status {
            200..=299 => Ok(answer),
            _ => Err(ClientError::Refused(Box::new(Refusal::of(&answer, &self.url)))),
        }
    }

    fn foreign(&self, detail: impl Into<String>) -> ClientError {
        ClientError::Foreign { url: self.url.clone(), detail: detail.into() }
    }

    /// A member that an answer must have.
    fn text<'v>(&self, value: &'v Value<'_>, name: &str) -> Result<&'v str, ClientError> {
        let found = value.get(name).and_then(Value::as_str);
        found.ok_or_else(|| self.foreign(format!("it lacks {name}")))
    }

    /// The credentials that an answer must have.
    fn credentials<'v>(&self, value: &'v Value<'_>) -> Result<&'v [Value<'v>], ClientError> {
        let found = value.get("credentials").and_then(Value::as_array);
        found.ok_or_else(|| self.foreign("it lacks credentials"))
    }

    async fn get(&self, segments: &[&str]) -> Result<Response, ClientError> {
        self.answered(self.service.get(&Route::new(segments)).await)
    }

    /// A new challenge of this issuer, and of no other: somebody who hands on another's would be
    /// shown what is meant for that one.
    async fn challenge(&self) -> Result<Answer, ClientError> {
        let asked = self.service.post(&Route::new(&["challenges"]), Some("{}"), None).await;
        let asked = self.read(asked)?;
        let (nonce, audience) = (self.text(&asked, "challenge")?, self.text(&asked, "domain")?);
        if audience.trim_end_matches('/') != self.url {
            let (link, named) = (self.url.clone(), audience.to_owned());
            return Err(ClientError::OtherIssuer { link, named });
        }
        Ok(Answer { audience: audience.to_owned(), nonce: nonce.to_owned() })
    }

    /// Posts with a presentation made for this request, a new one each time it is sent.
    async fn ask(
        &self,
        wallet: &Wallet,
        asking: Asking<'_>,
        random: &mut SendRandom<'_>,
        now: Timestamp,
    ) -> Result<Value<'static>, ClientError> {
        let url = self.service.url(&asking.route);
        let uri = url.map_err(|error| ClientError::Unanswered { url: self.url.clone(), error })?;
        let mut tries = 0;
        loop {
            let request = HttpRequest {
                audience: self.url.clone(),
                method: "POST".to_owned(),
                uri: uri.clone(),
                body: asking.body.clone().map(String::into_bytes),
                nonce: None,
                valid_for: USUAL_LIFE,
            };
            let (key, shown) = (Some(asking.key), asking.shown);
            let presentation = wallet.present_request_as(key, shown, &request, random, now)?;
            let mut headers = vec![("bonafide-presentation", presentation.as_str())];
            headers.extend(asking.once.as_deref().map(|once| ("idempotency-key", once)));
            let body = asking.body.as_deref().map(Content::Json);
            let answer = self.service.post_with(&asking.route, body, &headers).await;
            tries += 1;
            // What can't be told apart from the first time is not sent twice.
            if asking.once.is_some() && was_lost(&answer) && tries < MOST_TRIES {
                continue;
            }
            return self.read(answer);
        }
    }
}

/// Asks the issuer at a URL for a challenge: what a principal's presentation for a grant answers.
///
/// # Errors
///
/// [`ClientError::OtherIssuer`] where it is the challenge of somebody else, and whatever else keeps
/// the issuer from answering.
pub async fn challenge(url: &str, connection: &Connection) -> Result<Answer, ClientError> {
    Issuer::at(url, connection)?.challenge().await
}

/// Whether the request may have been done, and its answer was lost.
fn was_lost(answer: &Result<Response, ServiceError>) -> bool {
    matches!(answer, Err(ServiceError::Fetch(FetchError::BrokenResponse { .. })))
}

impl Wallet {
    /// Gets the newest trust bundle of an issuer, and with it what was revoked since.
    pub async fn pull(
        &mut self,
        issuer: &str,
        connection: &Connection,
        now: Timestamp,
    ) -> Result<(), ClientError> {
        let known = self.known(issuer)?.clone();
        let bundle = Issuer::of(&known, connection)?.get(&["bundle"]).await?.body;
        Ok(self.update_bundle(&known.name, bundle, now)?)
    }

    /// Renews the identity credentials of an issuer that end within a fifth of their life or within
    /// a day, and keeps the new ones beside the old.
    pub async fn renew(
        &mut self,
        issuer: &str,
        connection: &Connection,
        random: &mut SendRandom<'_>,
        now: Timestamp,
    ) -> Result<Vec<Received>, ClientError> {
        let known = self.known(issuer)?.clone();
        let service = Issuer::of(&known, connection)?;
        let mut received = Vec::new();
        for (id, key) in self.ending(&known.did, now) {
            let asking = Asking {
                key: &key,
                shown: &[Shown::whole(id)],
                route: Route::new(&["credentials", "renew"]),
                body: None,
                once: Some(new_id(random)?),
            };
            let answer = match service.ask(self, asking, random, now).await {
                // The issuer has its own idea of soon.
                Err(ClientError::Refused(why))
                    if why.code.as_deref() == Some("renewal-too-early") =>
                {
                    continue;
                }
                answer => answer?,
            };
            let sent = service.credentials(&answer)?;
            received.extend(self.take_all(&known.name, sent, connection, now).await?);
        }
        Ok(received)
    }

    /// The identities to be renewed: id and key of the one that lasts longest, of each key.
    fn ending(&self, issuer: &str, now: Timestamp) -> Vec<(String, String)> {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let ends = |held: &Held| {
            let soon = held.valid_until.is_some_and(|until| until.saturating_since(now) < DAY);
            soon || matches!(self.standing(&held.id, now), Ok(Standing::EndsSoon { .. }))
        };
        let of_key = |key: &KeyEntry| {
            let held = self.identity(issuer, &key.name, now).filter(|held| ends(held))?;
            Some((held.id.clone(), key.name.clone()))
        };
        self.keys().filter_map(of_key).collect()
    }

    /// The identity from this issuer that lasts longest of those that may be presented.
    fn identity(&self, issuer: &str, key: &str, now: Timestamp) -> Option<&Held> {
        let fits = |held: &&Held| {
            held.issuer == issuer
                && held.key.as_deref() == Some(key)
                && held.is_identity()
                && self.standing(&held.id, now).is_ok_and(|standing| standing.is_presentable())
        };
        self.list().iter().filter(fits).max_by_key(|held| held.valid_until)
    }

    /// Receives what an issuer sent; what does not verify with what is known of the issuer may do so
    /// with what is known today.
    async fn take(
        &mut self,
        issuer: &str,
        credential: &Value<'_>,
        connection: &Connection,
        now: Timestamp,
    ) -> Result<Received, ClientError> {
        let bytes = match credential {
            Value::String(token) => token.as_bytes().to_vec(),
            other => to_canonical_string(other).into_bytes(),
        };
        match self.receive(&bytes, now) {
            Err(WalletError::Refused(_)) => {
                self.pull(issuer, connection, now).await?;
                Ok(self.receive(&bytes, now)?)
            }
            other => Ok(other?),
        }
    }

    /// The same of several.
    async fn take_all(
        &mut self,
        issuer: &str,
        credentials: &[Value<'_>],
        connection: &Connection,
        now: Timestamp,
    ) -> Result<Vec<Received>, ClientError> {
        let mut received = Vec::new();
        for credential in credentials {
            received.push(self.take(issuer, credential, connection, now).await?);
        }
        Ok(received)
    }

    /// The key of this name, or else the default one.
    fn asking_key(&self, name: Option<&str>) -> Result<&KeyEntry, WalletError> {
        let key = match name {
            Some(name) => self.key(name),
            None => self.default_key(),
        };
        key.ok_or_else(|| WalletError::NoKey(name.unwrap_or("default").to_owned()))
    }

    fn known(&self, issuer: &str) -> Result<&KnownIssuer, WalletError> {
        self.issuer(issuer).ok_or_else(|| WalletError::NoIssuer(issuer.to_owned()))
    }

    /// The issuer that signed a credential, as this wallet knows it.
    fn issuer_of(&self, did: &str) -> Result<KnownIssuer, WalletError> {
        let known = self.issuers().find(|issuer| issuer.did == did).cloned();
        known.ok_or_else(|| WalletError::NoIssuer(did.to_owned()))
    }
}

/// A random id of 128 bits.
fn new_id(random: &mut SendRandom<'_>) -> Result<String, WalletError> {
    let mut bytes = [0; 16];
    random(&mut bytes).map_err(WalletError::Random)?;
    Ok(hex(&bytes))
}

/// The same in the letters of JOSE.
fn new_jti(random: &mut SendRandom<'_>) -> Result<String, WalletError> {
    let mut bytes = [0; 16];
    random(&mut bytes).map_err(WalletError::Random)?;
    Ok(encode_base64url(&bytes))
}

/// Strings as JSON.
fn texts(all: &[String]) -> Value<'static> {
    Value::Array(all.iter().map(|text| Value::from(text.clone())).collect())
}

/// Puts in what is there.
fn put(object: &mut Object<'static>, name: &'static str, value: Option<Value<'static>>) {
    if let Some(value) = value {
        object.insert(name, value);
    }
}
