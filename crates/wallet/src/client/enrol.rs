//! Enrolling by a link that an operator made.

use bonafide_core::json::{Limits, Object, Value, parse, to_canonical_string};
use bonafide_core::time::Timestamp;
use bonafide_fetch::{Content, Route};
use zeroize::Zeroizing;

use super::{ClientError, Connection, Issuer, MOST_TRIES, SendRandom, new_id, was_lost};
use crate::present::PresentationForm;
use crate::receive::Received;
use crate::record::KnownIssuer;
use crate::wallet::Wallet;

/// How an agent enrols.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enrolment {
    /// The name of the key whose DID is enrolled; the default key, if left out.
    pub key: Option<String>,
    /// What the wallet calls the issuer; if left out, what it called it before, or its host.
    pub issuer_name: Option<String>,
}

/// An agent that has enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// Its id at the issuer.
    pub agent: String,
    /// Its DID.
    pub did: String,
    /// What the wallet calls the issuer.
    pub issuer: String,
    /// What was attested at once, verified and kept.
    pub received: Vec<Received>,
}

/// A link, taken apart.
struct Link<'l> {
    /// The issuer's URL.
    issuer: &'l str,
    id: &'l str,
    secret: &'l str,
}

impl<'l> Link<'l> {
    fn read(link: &'l str) -> Result<Self, ClientError> {
        let (url, secret) = link
            .trim()
            .split_once('#')
            .ok_or(ClientError::NotALink("what stands behind the # is missing"))?;
        let (issuer, id) = url
            .rsplit_once("/enrol/")
            .ok_or(ClientError::NotALink("expected https://issuer.example/enrol/ID#SECRET"))?;
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        if !plain(id) || id.contains(['/', '?']) || !plain(secret) || !plain(issuer) {
            return Err(ClientError::NotALink("it is not whole"));
        }
        Ok(Self { issuer: issuer.trim_end_matches('/'), id, secret })
    }
}

impl Wallet {
    /// Enrols this wallet's agent by a link, which is used up: shows that the key is held, remembers
    /// the issuer with its newest trust bundle, and keeps what the issuer attests at once.
    ///
    /// Whom to believe follows from the link: whoever gave it says where the issuer is, and the
    /// issuer there, reached over TLS, says by which DIDs it signs. A wallet that knows the issuer
    /// already refuses others than those.
    pub async fn enrol(
        &mut self,
        link: &str,
        order: &Enrolment,
        connection: &Connection,
        random: &mut SendRandom<'_>,
        now: Timestamp,
    ) -> Result<Enrolled, ClientError> {
        let link = Link::read(link)?;
        let issuer = Issuer::at(link.issuer, connection)?;
        // What can fail does so before the link is used up.
        let name = self.name_for(&issuer.url, order.issuer_name.as_deref())?;
        let key = self.asking_key(order.key.as_deref())?;
        let (key, did) = (key.name.clone(), key.did.clone());
        match self.issuer(&name).is_some() {
            true => self.pull(&name, connection, now).await?,
            false => drop(issuer.get(&["bundle"]).await?),
        }

        let proof = self.possession(&issuer, &key, now).await?;
        let body = Object::from([
            ("secret", Value::from(link.secret.to_owned())),
            ("did", did.clone().into()),
            ("proof", proof),
        ]);
        let body = Zeroizing::new(to_canonical_string(&body.into()));
        let once = new_id(random)?;
        let answer = used(&issuer, link.id, &body, &once).await?;

        self.put_issuer(described(self, &issuer, name.clone(), &answer)?)?;
        self.pull(&name, connection, now).await?;
        let agent = answer.get("agent").ok_or_else(|| issuer.foreign("it lacks agent"))?;
        let agent = issuer.text(agent, "id")?.to_owned();
        let sent = answer.get("credentials").and_then(Value::as_array).unwrap_or_default();
        let received = self.take_all(&name, sent, connection, now).await?;
        Ok(Enrolled { agent, did, issuer: name, received })
    }

    /// What an issuer is called here.
    fn name_for(&self, url: &str, wanted: Option<&str>) -> Result<String, ClientError> {
        let at_url = self.issuers().find(|known| known.url == url).map(|known| &known.name);
        let name = match (wanted, at_url) {
            (Some(wanted), _) => wanted.to_owned(),
            (None, Some(known)) => known.clone(),
            (None, None) => {
                let host = url.split_once("://").map_or(url, |(_, rest)| rest);
                let fits = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
                host.chars().take(64).map(fits).collect()
            }
        };
        crate::wallet::check_name(&name)?;
        match self.issuer(&name) {
            Some(other) if other.url != url => Err(ClientError::NameTaken(name)),
            _ => Ok(name),
        }
    }

    /// An answer to a new challenge of the issuer: the key is held.
    pub(super) async fn possession(
        &self,
        issuer: &Issuer,
        key: &str,
        now: Timestamp,
    ) -> Result<Value<'static>, ClientError> {
        let answer = issuer.challenge().await?;
        let form = PresentationForm::DataIntegrity;
        let proof = self.present_as(Some(key), &[], &answer, form, now)?;
        let proof = parse(proof.as_bytes(), &Limits::for_size(proof.len()))
            .map_err(|error| issuer.foreign(error.to_string()))?;
        Ok(proof.into_owned())
    }
}

/// Posts what a link was made for. Sent again under the same key where the answer was lost.
async fn used(
    issuer: &Issuer,
    id: &str,
    body: &str,
    once: &str,
) -> Result<Value<'static>, ClientError> {
    let route = Route::new(&["enrol", id]);
    let mut tries = 0;
    loop {
        let content = Some(Content::Json(body));
        let answer = issuer.service.post_with(&route, content, &[("idempotency-key", once)]).await;
        tries += 1;
        if !was_lost(&answer) || tries == MOST_TRIES {
            return issuer.read(answer);
        }
    }
}

/// The issuer as its answer describes it, and as it was known before, if it was.
fn described(
    wallet: &Wallet,
    issuer: &Issuer,
    name: String,
    answer: &Value<'_>,
) -> Result<KnownIssuer, ClientError> {
    let own = answer.get("issuer").ok_or_else(|| issuer.foreign("it lacks issuer"))?;
    let url = issuer.text(own, "url")?.trim_end_matches('/');
    if url != issuer.url {
        let (link, named) = (issuer.url.clone(), url.to_owned());
        return Err(ClientError::OtherIssuer { link, named });
    }
    let did = issuer.text(own, "did")?.to_owned();
    let signer = issuer.text(own, "bundleSigner")?.to_owned();
    let Some(known) = wallet.issuer(&name) else {
        let (bundle, bundle_signer) = (None, Some(signer));
        return Ok(KnownIssuer { name, url: url.to_owned(), did, bundle_signer, bundle });
    };
    if known.did == did && known.bundle_signer.as_ref() == Some(&signer) {
        return Ok(known.clone());
    }
    let before = known.bundle_signer.as_deref().unwrap_or("nobody");
    Err(ClientError::IssuerChanged {
        name,
        was: format!("{} with bundles by {before}", known.did),
        is: format!("{did} with bundles by {signer}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::WalletError;

    #[test]
    fn links_are_taken_apart() {
        let link = Link::read("https://issuer.example/base/enrol/0199d3a0#s3cret\n").unwrap();
        assert_eq!(
            (link.issuer, link.id, link.secret),
            ("https://issuer.example/base", "0199d3a0", "s3cret")
        );
        for text in [
            "",
            "https://issuer.example",
            "https://issuer.example/enrol/1",
            "https://issuer.example/enrol/1#",
            "https://issuer.example/enrol/#s",
            "https://issuer.example/enrol/1/2#s",
            "https://issuer.example/enrol/1?a#s",
            "https://issuer.example/agents/1#s",
            "/enrol/1#s",
            "https://issuer.example/enrol/1#s s",
        ] {
            let refused = Link::read(text).err();
            assert!(matches!(refused, Some(ClientError::NotALink(_))), "{text}: {refused:?}");
        }
    }

    #[test]
    fn issuers_are_called_by_their_hosts() {
        let mut wallet = Wallet::in_memory();
        let name = |wallet: &Wallet, url: &str| wallet.name_for(url, None).unwrap();
        assert_eq!(name(&wallet, "https://issuer.example"), "issuer.example");
        assert_eq!(name(&wallet, "http://localhost:8700"), "localhost-8700");
        let known = KnownIssuer {
            name: "mine".to_owned(),
            url: "https://issuer.example".to_owned(),
            did: "did:web:issuer.example".to_owned(),
            bundle_signer: None,
            bundle: None,
        };
        wallet.put_issuer(known).unwrap();
        assert_eq!(name(&wallet, "https://issuer.example"), "mine");
        let taken = wallet.name_for("https://other.example", Some("mine")).err();
        assert!(matches!(taken, Some(ClientError::NameTaken(_))), "{taken:?}");
        let refused = wallet.name_for("https://other.example", Some("a b")).err();
        assert!(matches!(refused, Some(ClientError::Wallet(WalletError::NameRefused(_)))));
    }
}
