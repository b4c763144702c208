//! An agent as a client of the token endpoint.

use std::cell::Cell;

use bonafide_core::encoding::{decode_base64url, encode_base64url};
use bonafide_core::json::to_canonical_string;
use bonafide_core::key::KeyType;
use bonafide_proof::jose::{TokenType, sign_bytes};
use bonafide_proof::{SecretKey, Signer, dpop};
use serde_json::{Value, json};

use super::holder::Holder;
use super::http::{self, Answer};
use super::service::{Issuer, now};

pub(crate) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(crate) const PRESENTATION: &str = "urn:bonafide:params:oauth:token-type:vp";
pub(crate) const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const POLICY: &str = r#"
version = 1
[[rule]]
name = "reports"
kinds = ["tool"]
principal = "optional"
principals = ["https://idp.example"]
actions = ["files.read", "files.list"]
resources = ["https://files.example/reports"]
audience = ["https://files.example", "https://mail.example"]
max_valid_for = "15m"
max_depth = 9
"#;

const SETTINGS: &str = r#"
[[provider]]
issuer = "https://idp.example"
audience = "https://issuer.example"
jwks = "idp.json"
[grants]
policy = "grants.toml"
"#;

fn idp() -> SecretKey {
    SecretKey::from_bytes(KeyType::P256, &[77; 32]).unwrap()
}

/// A token of the identity provider that says who asks the agent.
pub(crate) fn provider_token(typ: &'static str, change: &[(&str, Value)]) -> String {
    let at = now().unix();
    let mut claims = json!({
        "iss": "https://idp.example", "sub": "alice", "aud": "https://issuer.example",
        "iat": at, "exp": at + 300,
    });
    for (name, value) in change {
        claims[*name] = value.clone();
    }
    let typ = TokenType { typ, cty: None };
    sign_bytes(claims.to_string().as_bytes(), typ, "idp-1", &idp()).unwrap()
}

/// A service that knows a provider and grants reports.
pub(crate) fn start(more: &str) -> Issuer {
    start_with(more, POLICY)
}

/// The same with another grant policy.
pub(crate) fn start_with(more: &str, policy: &str) -> Issuer {
    let (settings, files) = settings_with(policy);
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    Issuer::with_files(&format!("{more}\n{settings}"), &files)
}

/// The settings of [`start`], and the files that they name.
pub(crate) fn settings() -> (&'static str, [(&'static str, String); 2]) {
    settings_with(POLICY)
}

fn settings_with(policy: &str) -> (&'static str, [(&'static str, String); 2]) {
    let mut jwk = idp().public_key().to_jwk().unwrap();
    jwk.insert("kid", "idp-1");
    let keys = format!("{{\"keys\":[{}]}}", to_canonical_string(&jwk.into()));
    (SETTINGS, [("idp.json", keys), ("grants.toml", policy.to_owned())])
}

/// What an agent asks of `POST /grants`.
pub(crate) fn asked() -> Value {
    json!({
        "task": "book-travel-4711",
        "actions": ["files.read", "files.list"],
        "resources": ["https://files.example/reports"],
        "audience": ["https://files.example", "https://mail.example"],
        "constraints": [{"type": "Uses", "max": 10}],
        "maxDepth": 3,
        "validFor": "5m",
        "principal": {"token": provider_token("JWT", &[])},
    })
}

/// The status indexes that a grant set aside.
pub(crate) fn indexes(grant: &Value) -> Vec<u64> {
    let listed = &grant["credentialSubject"]["childStatus"]["indexes"];
    let read = |index: &Value| index.as_str().unwrap().parse().unwrap();
    listed.as_array().unwrap().iter().map(read).collect()
}

/// An agent and its key.
pub(crate) struct Client {
    pub(crate) holder: Holder,
    pub(crate) key: SecretKey,
    number: Cell<u32>,
}

impl Client {
    fn of(holder: Holder, seed: u8) -> Self {
        let key = SecretKey::from_bytes(KeyType::Ed25519, &[seed; 32]).unwrap();
        Self { holder, key, number: Cell::new(0) }
    }

    /// One that is enrolled, with its identity.
    pub(crate) fn enrolled(issuer: &Issuer, seed: u8) -> Self {
        Self::of(Holder::enrolled(issuer, seed, "tool"), seed)
    }

    /// One that nobody knows.
    pub(crate) fn stranger(seed: u8) -> Self {
        Self::of(Holder::new(seed), seed)
    }

    pub(crate) fn did(&self) -> &str {
        &self.holder.did
    }

    /// A text that this client used for nothing yet.
    pub(crate) fn fresh(&self) -> String {
        self.number.set(self.number.get() + 1);
        format!("{}-{}", self.did(), self.number.get())
    }

    /// A JWT of this key.
    pub(crate) fn jwt(&self, claims: &Value, typ: TokenType) -> String {
        let claims = claims.to_string();
        sign_bytes(claims.as_bytes(), typ, &self.holder.method(), &self.key).unwrap()
    }

    /// The claims of a client assertion that is good.
    pub(crate) fn assertion_claims(&self, issuer: &Issuer) -> Value {
        json!({
            "iss": self.did(), "sub": self.did(), "aud": issuer.url(), "jti": self.fresh(),
            "iat": now().unix(), "exp": now().unix() + 60,
        })
    }

    pub(crate) fn assertion(&self, issuer: &Issuer) -> String {
        self.jwt(&self.assertion_claims(issuer), TokenType::CLIENT_AUTHENTICATION)
    }

    /// A DPoP proof for the token endpoint.
    pub(crate) fn dpop(&self, issuer: &Issuer, nonce: Option<&str>) -> String {
        let (uri, jti) = (format!("{}/oauth/token", issuer.url()), self.fresh());
        let draft = dpop::Draft { method: "POST", uri: &uri, jti: &jti, access_token: None, nonce };
        draft.sign(&self.key, now()).unwrap()
    }

    /// A grant that it asks for.
    #[track_caller]
    pub(crate) fn grant(&self, issuer: &Issuer, asked: &Value) -> Value {
        let made = self.holder.post(issuer, "/grants", asked).is(201);
        made["verifiableCredential"].clone()
    }

    /// A presentation of these credentials that answers a challenge.
    pub(crate) fn presentation(&self, issuer: &Issuer, credentials: &[Value]) -> String {
        self.holder.answers(issuer, credentials)
    }

    /// Asks for an exchange with parameters and proofs of its own.
    pub(crate) fn exchange(
        &self,
        issuer: &Issuer,
        subject: (&str, &str),
        more: &[(&str, &str)],
    ) -> Answer {
        let (assertion, dpop) = (self.assertion(issuer), self.dpop(issuer, None));
        let mut all = parameters(&assertion, subject);
        all.extend(more);
        post(issuer, "/oauth/token", &all, &[("dpop", &dpop)])
    }

    /// The token of an exchange that is granted.
    #[track_caller]
    pub(crate) fn token(&self, issuer: &Issuer, chain: &[Value]) -> String {
        let presentation = self.presentation(issuer, chain);
        let answer = self.exchange(issuer, (PRESENTATION, &presentation), &[]);
        answer.is(200)["access_token"].as_str().unwrap().to_owned()
    }

    /// Asks for the revocation of a token.
    pub(crate) fn revoke(&self, issuer: &Issuer, token: &str) -> Answer {
        let assertion = self.assertion(issuer);
        let own = [
            ("client_assertion_type", ASSERTION),
            ("client_assertion", &assertion),
            ("token", token),
        ];
        post(issuer, "/oauth/revoke", &own, &[])
    }
}

/// The parameters of an exchange.
pub(crate) fn parameters<'p>(
    assertion: &'p str,
    (kind, text): (&'p str, &'p str),
) -> Vec<(&'p str, &'p str)> {
    vec![
        ("grant_type", EXCHANGE),
        ("client_assertion_type", ASSERTION),
        ("client_assertion", assertion),
        ("subject_token_type", kind),
        ("subject_token", text),
    ]
}

/// Sends a form.
pub(crate) fn post(
    issuer: &Issuer,
    path: &str,
    parameters: &[(&str, &str)],
    headers: &[(&str, &str)],
) -> Answer {
    let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
    all.extend(headers);
    http::send(issuer.port, "POST", path, &all, form(parameters).as_bytes()).unwrap()
}

/// Parameters as they are sent.
pub(crate) fn form(parameters: &[(&str, &str)]) -> String {
    let encoded = |text: &str| -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let one = |byte: u8| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        };
        text.bytes().map(one).collect()
    };
    let pairs = parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Whether a token counts, as a service is told.
#[track_caller]
pub(crate) fn introspect(issuer: &Issuer, token: &str) -> Value {
    let bearer = format!("Bearer {}", issuer.admin());
    let headers = [("authorization", &*bearer)];
    let answer = post(issuer, "/oauth/introspect", &[("token", token)], &headers);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let found = answer.is(200);
    if found["active"] == false {
        assert_eq!(found, json!({"active": false}), "nothing is told of it");
    }
    found
}

/// Refused by OAuth with this error, and for this reason.
#[track_caller]
pub(crate) fn refused(answer: &Answer, error: &str, code: &str) {
    let status = if error == "invalid_client" { 401 } else { 400 };
    let told = answer.is(status);
    assert_eq!(
        (told["error"].as_str(), told["code"].as_str()),
        (Some(error), Some(code)),
        "{told}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

/// Header and claims of a JWT.
pub(crate) fn opened(token: &str) -> (Value, Value) {
    let part = |index: usize| {
        serde_json::from_slice(&decode_base64url(token.split('.').nth(index).unwrap()).unwrap())
            .unwrap()
    };
    (part(0), part(1))
}

/// The same token with another header or other claims, under a signature of this key.
pub(crate) fn resigned(header: &Value, claims: &Value, key: &SecretKey) -> String {
    let [header, claims] =
        [header, claims].map(|part| encode_base64url(part.to_string().as_bytes()));
    let signature = key.sign(format!("{header}.{claims}").as_bytes()).unwrap();
    format!("{header}.{claims}.{}", encode_base64url(&signature))
}
