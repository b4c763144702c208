//! Access tokens: a presentation, or a provider's token, exchanged at an issuer's token endpoint
//! (RFC 8693), bound to the agent's key (RFC 9449).

use std::fmt;
use std::time::Duration;

use bonafide_core::json::{Number, Object, Value};
use bonafide_core::time::Timestamp;
use bonafide_fetch::{Content, Route};
use bonafide_proof::dpop;
use bonafide_proof::jose::{self, TokenType};
use zeroize::Zeroizing;

use super::{ClientError, Connection, Issuer, SendRandom, new_jti};
use crate::error::WalletError;
use crate::present::{HttpRequest, Shown};
use crate::record::KeyEntry;
use crate::wallet::Wallet;

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const PRESENTATION: &str = "urn:bonafide:params:oauth:token-type:vp";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// How long a client assertion is good.
const ASSERTION_LIFE: Duration = Duration::from_secs(60);

/// What an access token is asked for.
#[derive(Clone, Default)]
pub struct ExchangeOrder {
    /// What it rests on.
    pub subject: SubjectToken,
    /// The services that it is for; all of the subject's, if there is none.
    pub audience: Vec<String>,
    /// Actions; all of the subject's, if there is none.
    pub scope: Vec<String>,
    /// The name of the key that asks, to which the token is bound; the default one, if left out.
    pub key: Option<String>,
}

/// What an access token rests on.
#[derive(Clone)]
pub enum SubjectToken {
    /// These credentials, presented: a grant or delegation, or what the issuer's policy asks for.
    Credentials(Vec<Shown>),
    /// A token of an identity provider that the issuer trusts.
    Provider(Zeroizing<String>),
}

impl Default for SubjectToken {
    fn default() -> Self {
        Self::Credentials(Vec::new())
    }
}

/// An access token that is good with the agent's key alone.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// The token (RFC 9068).
    pub token: Zeroizing<String>,
    /// Its scheme in the `Authorization` header: `DPoP`.
    pub scheme: String,
    /// When it ends.
    pub until: Timestamp,
    /// The name of the key that it is bound to.
    pub key: String,
}

/// Without the token.
impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("scheme", &self.scheme)
            .field("until", &self.until)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl Wallet {
    /// Exchanges a presentation of these credentials, or a provider's token, for an access token.
    pub async fn exchange(
        &self,
        issuer: &str,
        order: &ExchangeOrder,
        connection: &Connection,
        random: &mut SendRandom<'_>,
        now: Timestamp,
    ) -> Result<AccessToken, ClientError> {
        let issuer = Issuer::of(self.known(issuer)?, connection)?;
        let key = self.asking_key(order.key.as_deref())?;
        let route = Route::new(&["oauth", "token"]);
        let url = issuer.service.url(&route);
        let url =
            url.map_err(|error| ClientError::Unanswered { url: issuer.url.clone(), error })?;
        let mut nonce: Option<String> = None;
        loop {
            let (kind, subject) = self.subject(&issuer, &url, key, order, random, now)?;
            let assertion = self.assertion(&issuer.url, key, random, now)?;
            let scope = order.scope.join(" ");
            let mut form = vec![
                ("grant_type", TOKEN_EXCHANGE),
                ("client_assertion_type", ASSERTION),
                ("client_assertion", assertion.as_str()),
                ("subject_token", subject.as_str()),
                ("subject_token_type", kind),
            ];
            form.extend(order.audience.iter().map(|name| ("audience", name.as_str())));
            if !scope.is_empty() {
                form.push(("scope", &scope));
            }
            let proof = self.dpop(&key.name, "POST", &url, None, nonce.as_deref(), random, now)?;
            let content = Some(Content::Form(&form));
            let answer = issuer.service.post_with(&route, content, &[("dpop", &proof)]).await;
            // The first time the server says which nonce it wants (RFC 9449, 8).
            if let Ok(refused) = &answer
                && nonce.is_none()
                && matches!(refused.status, 400 | 401)
                && refused.dpop_nonce.is_some()
            {
                nonce.clone_from(&refused.dpop_nonce);
                continue;
            }
            return read(&issuer, &issuer.read(answer)?, key, now);
        }
    }

    /// A DPoP proof (RFC 9449, 4.2) for one request: the value of its `DPoP` header. With an access
    /// token, that goes into `Authorization` after `DPoP` and a space.
    #[allow(clippy::too_many_arguments)]
    pub fn dpop(
        &self,
        key: &str,
        method: &str,
        uri: &str,
        access_token: Option<&str>,
        nonce: Option<&str>,
        random: &mut SendRandom<'_>,
        now: Timestamp,
    ) -> Result<String, WalletError> {
        let jti = new_jti(random)?;
        let draft = dpop::Draft { method, uri, jti: &jti, access_token, nonce };
        draft.sign(self.signer(key)?, now).map_err(WalletError::Sign)
    }

    fn subject(
        &self,
        issuer: &Issuer,
        url: &str,
        key: &KeyEntry,
        order: &ExchangeOrder,
        random: &mut SendRandom<'_>,
        now: Timestamp,
    ) -> Result<(&'static str, Zeroizing<String>), WalletError> {
        match &order.subject {
            SubjectToken::Provider(token) => Ok((JWT, token.clone())),
            SubjectToken::Credentials(shown) => {
                let request = HttpRequest::new(&issuer.url, "POST", url);
                let shown = self.present_request_as(Some(&key.name), shown, &request, random, now);
                Ok((PRESENTATION, Zeroizing::new(shown?)))
            }
        }
    }

    /// Who asks: private_key_jwt (RFC 7523) with the key of the agent's DID.
    fn assertion(
        &self,
        issuer: &str,
        key: &KeyEntry,
        random: &mut SendRandom<'_>,
        now: Timestamp,
    ) -> Result<String, WalletError> {
        let seconds = |time: Timestamp| Value::Number(Number::Integer(time.unix()));
        let claims = Object::from([
            ("iss", Value::from(key.did.clone())),
            ("sub", key.did.clone().into()),
            ("aud", issuer.to_owned().into()),
            ("jti", new_jti(random)?.into()),
            ("iat", seconds(now)),
            ("exp", seconds(now.saturating_add(ASSERTION_LIFE))),
        ]);
        let signer = self.signer(&key.name)?;
        jose::sign(&claims.into(), TokenType::CLIENT_AUTHENTICATION, &key.method, signer)
            .map_err(WalletError::Sign)
    }
}

fn read(
    issuer: &Issuer,
    answer: &Value<'_>,
    key: &KeyEntry,
    now: Timestamp,
) -> Result<AccessToken, ClientError> {
    let lives = answer.get("expires_in").and_then(Value::as_integer);
    let lives = lives.and_then(|seconds| u64::try_from(seconds).ok());
    let lives = lives.ok_or_else(|| issuer.foreign("it lacks expires_in"))?;
    let scheme = issuer.text(answer, "token_type")?;
    // Anybody could use one that is bound to nothing.
    if !scheme.eq_ignore_ascii_case("DPoP") {
        return Err(
            issuer.foreign(format!("a token of type {scheme}, which is not bound to the key"))
        );
    }
    Ok(AccessToken {
        token: Zeroizing::new(issuer.text(answer, "access_token")?.to_owned()),
        scheme: scheme.to_owned(),
        until: now.saturating_add(Duration::from_secs(lives)),
        key: key.name.clone(),
    })
}
