//! Receiving: what comes is verified before it is kept.

use bonafide_core::json::Value;
use bonafide_core::time::Timestamp;
use bonafide_verifier::{Bundle, Request};

use crate::error::WalletError;
use crate::package::DelegationPackage;
use crate::present::{self, Answer, PresentationForm};
use crate::reading::{Form, Reading};
use crate::record::{Held, KeyEntry};
use crate::standing::SKEW;
use crate::trust::against;
use crate::wallet::Wallet;

/// What was received and is kept now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its id in the wallet.
    pub id: String,
    /// Its types, without `VerifiableCredential`.
    pub types: Vec<String>,
    /// When it ends.
    pub valid_until: Option<Timestamp>,
    /// What was not known when it was verified, such as its status today; in words.
    pub unknown: Vec<String>,
}

impl Wallet {
    /// Keeps a credential about one of this wallet's DIDs, from an issuer that it knows
    /// ([`put_issuer`](Self::put_issuer)), after checking signature, issuer, time, form and, as far
    /// as the issuer's newest bundle tells, status. Anything else is refused with every reason, and
    /// so is one whose id another credential has, unless its issuer renewed it.
    pub fn receive(&mut self, bytes: &[u8], now: Timestamp) -> Result<Received, WalletError> {
        let reading = Reading::of(bytes, self.suites)?;
        if reading.grant.is_some() && matches!(reading.form, Form::Base | Form::SdJwt(_)) {
            return Err(WalletError::GrantHidden);
        }
        let key = self.key_of(&reading)?.name.clone();
        let (held, unknown) = self.verified(bytes, &reading, Some(key), now)?;
        let received = Received {
            id: held.id.clone(),
            types: own_types(&reading),
            valid_until: held.valid_until,
            unknown,
        };
        self.keep(vec![held])?;
        Ok(received)
    }

    /// Keeps a delegation that another agent handed on, with the chain above it and what is known
    /// of its agents. The chain is walked as any verifier walks it; whether it allows anything at
    /// this moment does not matter. What is held already is never replaced by it.
    pub fn receive_package(
        &mut self,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<Received, WalletError> {
        let package = DelegationPackage::from_bytes(bytes)?;
        let chain = self.read_all(&package.chain)?;
        let leaf = chain.last().ok_or(WalletError::NotAChain)?;
        let key = self.key_of(leaf)?.clone();
        let root = chain[0].issuer.clone();
        let verdict = {
            let shown = chain.iter().map(|reading| reading.shown.clone()).collect();
            let audience = leaf.grant.as_ref().and_then(|grant| grant.rights.audience.first());
            let audience = audience.ok_or(WalletError::NotAChain)?.clone();
            let answer = Answer { audience, nonce: "own-check".to_owned() };
            let form = PresentationForm::Jwt;
            let signer = self.signer(&key.name)?;
            let input = present::signed(shown, &key, signer, &answer, form, self.suites, now)?;
            let request =
                Request::new().audience(answer.audience).nonce(answer.nonce).shows_chain();
            self.judged_input(input.as_bytes(), &root, &request, now)?
        };
        let (reasons, unknown) = against(&verdict);
        if !reasons.is_empty() {
            return Err(WalletError::Refused(reasons));
        }
        let digests: Vec<String> = verdict.credential_digests().to_vec();
        let (types, valid_until) = (own_types(leaf), leaf.valid_until);
        let mut kept: Vec<Held> = Vec::new();
        for ((bytes, reading), digest) in package.chain.iter().zip(&chain).zip(digests) {
            kept.push(record(bytes, reading, &format!("sha256:{digest}"), None, now));
        }
        let leaf = kept.last_mut().ok_or(WalletError::NotAChain)?;
        leaf.key = Some(key.name);
        let id = leaf.id.clone();
        // Who the chain's agents are, as far as this wallet's issuers say so.
        let agents: Vec<String> = chain.iter().filter_map(|link| link.subject.clone()).collect();
        for bytes in &package.credentials {
            let Ok(reading) = Reading::of(bytes, self.suites) else { continue };
            if !reading.subject.as_ref().is_some_and(|subject| agents.contains(subject)) {
                continue;
            }
            let Ok((held, _)) = self.verified(bytes, &reading, None, now) else { continue };
            let is_free = self.get(&held.id).is_none_or(|there| renews(&held, there));
            if is_free && kept.iter().all(|other| other.id != held.id) {
                kept.push(held);
            }
        }
        self.keep(kept)?;
        Ok(Received { id, types, valid_until, unknown })
    }

    /// Takes the newest bundle of an issuer. One by another signer, of an older number or with a
    /// mistake is refused, and the one that was there stays.
    pub fn update_bundle(
        &mut self,
        issuer: &str,
        bundle: Vec<u8>,
        now: Timestamp,
    ) -> Result<(), WalletError> {
        let mut known =
            self.issuer(issuer).cloned().ok_or_else(|| WalletError::NoIssuer(issuer.to_owned()))?;
        let trust = self.trust()?;
        let opened = Bundle::open_with(&bundle, &trust.policy, self.suites)
            .map_err(|reason| WalletError::Refused(vec![reason]))?;
        if known.bundle_signer.as_deref() != Some(opened.signer()) {
            return Err(WalletError::BundleForeign(opened.signer().to_owned()));
        }
        if let Some(old) = trust.bundle_of(&known.did) {
            let (sequence, newest) = (opened.sequence(), old.sequence());
            if newest > sequence {
                return Err(WalletError::BundleOlder { sequence, newest });
            }
            if newest == sequence && old.digest() != opened.digest() {
                return Err(WalletError::BundleForked(sequence));
            }
        }
        // Whether it is of today is seen where it is used; one from the future would never be replaced.
        let issued_at = opened.issued_at();
        if issued_at > now.saturating_add(SKEW) {
            return Err(WalletError::BundleFromFuture { issued_at, now });
        }
        known.bundle = Some(bundle);
        self.put_issuer(known)
    }

    /// The key that a credential is bound to: of a link the one that it names, of any other the
    /// one of its subject that is not retired, or else any.
    pub(crate) fn key_of(&self, reading: &Reading) -> Result<&KeyEntry, WalletError> {
        let subject = reading.subject.clone().unwrap_or_default();
        let named = reading.grant.as_ref().map(|grant| grant.holder_key.as_str());
        let fits =
            |key: &&KeyEntry| key.did == subject && named.is_none_or(|method| key.method == method);
        let current = |key: &&KeyEntry| fits(key) && key.state == crate::KeyState::Current;
        let found = self.keys().find(current).or_else(|| self.keys().find(fits));
        found.ok_or(WalletError::NotOurs(subject))
    }

    /// A credential as it is kept, if nothing speaks against it; and what is not known.
    fn verified(
        &self,
        bytes: &[u8],
        reading: &Reading,
        key: Option<String>,
        now: Timestamp,
    ) -> Result<(Held, Vec<String>), WalletError> {
        let verdict = self.judged(reading, now)?;
        let (reasons, unknown) = against(&verdict);
        if !reasons.is_empty() {
            return Err(WalletError::Refused(reasons));
        }
        let digest = verdict.credential_digests().first().cloned().unwrap_or_default();
        Ok((record(bytes, reading, &format!("sha256:{digest}"), key, now), unknown))
    }

    fn read_all(&self, credentials: &[Vec<u8>]) -> Result<Vec<Reading>, WalletError> {
        credentials.iter().map(|bytes| Reading::of(bytes, self.suites)).collect()
    }

    /// Keeps all of these, or none where an id of theirs belongs to another credential: whoever
    /// hands something over chooses its id, and must not choose by it what is lost.
    fn keep(&mut self, all: Vec<Held>) -> Result<(), WalletError> {
        self.change(|content| {
            for held in all {
                match content.credentials.iter_mut().find(|there| there.id == held.id) {
                    None => content.credentials.push(held),
                    Some(there) if there.digest == held.digest => {
                        there.key = there.key.take().or(held.key);
                    }
                    Some(there) if renews(&held, there) => *there = held,
                    Some(_) => return Err(WalletError::IdTaken(held.id)),
                }
            }
            Ok(())
        })
    }
}

/// Whether a credential takes the place of one with its id: the same issuer made it, for the same
/// key, and it does not end sooner.
fn renews(held: &Held, there: &Held) -> bool {
    let ends = |held: &Held| held.valid_until.map_or(i64::MAX, Timestamp::unix);
    held.issuer == there.issuer && held.key == there.key && ends(held) >= ends(there)
}

fn own_types(reading: &Reading) -> Vec<String> {
    reading.types.iter().filter(|name| *name != "VerifiableCredential").cloned().collect()
}

fn record(
    bytes: &[u8],
    reading: &Reading,
    digest: &str,
    key: Option<String>,
    now: Timestamp,
) -> Held {
    Held {
        id: reading.id.clone().unwrap_or_else(|| digest.to_owned()),
        bytes: bytes.trim_ascii().to_vec(),
        format: reading.form.media_type().to_owned(),
        digest: digest.to_owned(),
        types: reading.types.clone(),
        issuer: reading.issuer.clone(),
        subject: reading.subject.clone(),
        key,
        received_at: now,
        valid_until: reading.valid_until,
    }
}

/// A credential as it stands in a package or a presentation.
pub(crate) fn as_value(bytes: &[u8]) -> Result<Value<'static>, WalletError> {
    let text = String::from_utf8_lossy(bytes);
    match text.starts_with('{') {
        true => Ok(crate::reading::json(bytes).map_err(WalletError::Credential)?.into_owned()),
        false => Ok(Value::from(text.into_owned())),
    }
}
