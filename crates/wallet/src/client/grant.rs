//! Grants: asked for, ended, and taken back from those they were handed to.

use std::time::Duration;

use bonafide_core::delegation::Constraint;
use bonafide_core::json::{Number, Object, Value, to_canonical_string};
use bonafide_core::time::{Timestamp, format_duration};
use bonafide_fetch::Route;
use zeroize::Zeroizing;

use super::{Asking, ClientError, Connection, Issuer, SendRandom, new_id, put, texts};
use crate::error::WalletError;
use crate::present::Shown;
use crate::receive::Received;
use crate::record::KnownIssuer;
use crate::wallet::Wallet;

/// What an agent asks to be allowed, for one task.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct GrantOrder {
    /// The task, in a name of the agent's own.
    pub task: String,
    /// Actions.
    pub actions: Vec<String>,
    /// Resources, in canonical form, each with all that lies below it.
    pub resources: Vec<String>,
    /// The services before which it has to count.
    pub audience: Vec<String>,
    /// What it is to be held to.
    pub constraints: Vec<Constraint>,
    /// How many delegations there may be under it; none, if 0.
    pub max_depth: u8,
    /// For how long; as the issuer's policy says, if left out.
    pub valid_for: Option<Duration>,
    /// How many statuses are set aside for children, 64 at most; as the issuer likes, if left out.
    pub children: Option<u8>,
    /// On whose behalf.
    pub principal: Option<PrincipalProof>,
    /// The name of the key that asks; the default one, if left out.
    pub key: Option<String>,
    /// Credentials that speak for the agent, besides its identity.
    pub show: Vec<Shown>,
}

/// What shows on whose behalf an agent asks.
#[derive(Clone, PartialEq, Eq)]
pub enum PrincipalProof {
    /// A token of an identity provider that the issuer trusts.
    Token(Zeroizing<String>),
    /// A presentation of the principal: a `vp+jwt`, or a document with a proof, in its text.
    Presentation(String),
}

/// A grant that was had, verified and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The credential.
    pub received: Received,
    /// The rule of the issuer's policy that grants it.
    pub rule: String,
}

impl Wallet {
    /// Asks an issuer for a grant, showing who asks, and keeps it. A refusal says what each rule of
    /// the issuer's policy lacks.
    pub async fn request_grant(
        &mut self,
        issuer: &str,
        order: &GrantOrder,
        connection: &Connection,
        random: &mut SendRandom<'_>,
        now: Timestamp,
    ) -> Result<Granted, ClientError> {
        let known = self.known(issuer)?.clone();
        let service = Issuer::of(&known, connection)?;
        let key = self.asking_key(order.key.as_deref())?.name.clone();
        let mut shown = self.who(&known, &key, now);
        shown.extend(
            order.show.iter().filter(|show| !shown.contains(show)).cloned().collect::<Vec<_>>(),
        );
        let asking = Asking {
            key: &key,
            shown: &shown,
            route: Route::new(&["grants"]),
            body: Some(order.to_json(&service)?),
            once: Some(new_id(random)?),
        };
        let answer = service.ask(self, asking, random, now).await?;
        let rule = service.text(&answer, "rule")?.to_owned();
        let credential = answer.get("verifiableCredential");
        let credential = credential.ok_or_else(|| service.foreign("it holds no credential"))?;
        let received = self.take(issuer, credential, connection, now).await?;
        Ok(Granted { received, rule })
    }

    /// Says that the task of a grant is done: its issuer revokes it with all that was delegated
    /// under it, and it leaves the wallet.
    pub async fn complete(
        &mut self,
        grant: &str,
        outcome: Option<&str>,
        connection: &Connection,
        random: &mut SendRandom<'_>,
        now: Timestamp,
    ) -> Result<(), ClientError> {
        let held = self.get(grant).ok_or_else(|| WalletError::NoCredential(grant.to_owned()))?;
        let is_grant = held.is("TaskGrantCredential");
        let (Some(key), true) = (held.key.clone(), is_grant) else {
            return Err(WalletError::NotAChain.into());
        };
        let known = self.issuer_of(&held.issuer)?;
        let mut said = Object::new();
        put(&mut said, "outcome", outcome.map(|text| Value::from(text.to_owned())));
        let asking = Asking {
            key: &key,
            shown: &self.who(&known, &key, now),
            route: Route::new(&["grants", grant, "complete"]),
            body: Some(to_canonical_string(&said.into())),
            once: None,
        };
        Issuer::of(&known, connection)?.ask(self, asking, random, now).await?;
        Ok(self.remove(grant)?)
    }

    /// Takes back what was delegated: has the issuer of the chain's grant revoke the status that a
    /// child was given, one of those set aside in `parent`, a grant or delegation of this wallet.
    pub async fn revoke_child(
        &mut self,
        parent: &str,
        index: u64,
        reason: Option<&str>,
        connection: &Connection,
        random: &mut SendRandom<'_>,
        now: Timestamp,
    ) -> Result<(), ClientError> {
        let chain = self.chain_of(parent)?;
        let (root, leaf) = match (chain.first(), chain.last()) {
            (Some(root), Some(leaf)) => (*root, *leaf),
            _ => return Err(WalletError::NotAChain.into()),
        };
        let key = leaf.key.clone().ok_or(WalletError::NotAChain)?;
        let known = self.issuer_of(&root.issuer)?;
        let mut shown = vec![Shown::whole(parent)];
        shown.extend(self.who(&known, &key, now));
        let mut why = Object::new();
        put(&mut why, "reason", reason.map(|text| Value::from(text.to_owned())));
        let asking = Asking {
            key: &key,
            shown: &shown,
            route: Route::new(&["grants", &root.id, "children", &index.to_string(), "revoke"]),
            body: Some(to_canonical_string(&why.into())),
            once: None,
        };
        Issuer::of(&known, connection)?.ask(self, asking, random, now).await?;
        Ok(())
    }

    /// What says to an issuer who asks: the identity that it attested.
    fn who(&self, issuer: &KnownIssuer, key: &str, now: Timestamp) -> Vec<Shown> {
        let identity = self.identity(&issuer.did, key, now);
        identity.map(|held| Shown::whole(held.id.clone())).into_iter().collect()
    }
}

impl GrantOrder {
    fn to_json(&self, service: &Issuer) -> Result<String, ClientError> {
        let mut body = Object::from([
            ("task", Value::from(self.task.clone())),
            ("actions", texts(&self.actions)),
            ("resources", texts(&self.resources)),
            ("audience", texts(&self.audience)),
        ]);
        if !self.constraints.is_empty() {
            let all = self.constraints.iter().map(|constraint| constraint.to_object().into());
            body.insert("constraints", Value::Array(all.collect()));
        }
        let number = |number: u8| Value::Number(Number::Integer(i64::from(number)));
        if self.max_depth > 0 {
            body.insert("maxDepth", number(self.max_depth));
        }
        put(&mut body, "children", self.children.map(number));
        let span = self.valid_for.map(|span| Value::from(format_duration(span)));
        put(&mut body, "validFor", span);
        put(
            &mut body,
            "principal",
            self.principal.as_ref().map(|shown| shown.to_value(service)).transpose()?,
        );
        Ok(to_canonical_string(&body.into()))
    }
}

impl PrincipalProof {
    fn to_value(&self, service: &Issuer) -> Result<Value<'static>, ClientError> {
        let (name, shown) = match self {
            Self::Token(token) => ("token", Value::from(token.to_string())),
            Self::Presentation(text) => {
                let value = crate::receive::as_value(text.trim().as_bytes());
                let value = value.map_err(|error| service.foreign(error.to_string()));
                ("presentation", value?)
            }
        };
        Ok(Object::from([(name, shown)]).into())
    }
}
