//! What the wallet believes: what its issuers say, as far as their newest bundles tell.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use bonafide_core::time::Timestamp;
use bonafide_verifier::{
    Bundle, Effect, Evidence, Policy, Reason, Request, SignatureCache, Verdict, verify,
};

use crate::error::WalletError;
use crate::reading::Reading;
use crate::record::KnownIssuer;
use crate::wallet::Wallet;

/// What is not known for sure does not keep a credential out: a wallet may be offline for long. It
/// only has to know who signed.
const MAY_BE_UNKNOWN: [&str; 5] = [
    "status-stale",
    "status-list-missing",
    "bundle-expired",
    "bundle-from-future",
    "obligation-open",
];

/// The issuers' newest bundles, opened, and a policy that trusts these issuers and nobody else. Made
/// when first needed, and anew when an issuer changes: to open a bundle takes longer than all else.
pub(crate) struct Trust {
    pub(crate) policy: Policy,
    /// By the issuer's DID. One that does not open is as good as none, and says why.
    bundles: HashMap<String, Result<Bundle, Reason>>,
    /// What was verified when it came is not verified anew whenever it is looked at.
    signatures: SignatureCache,
}

/// So many signatures are remembered while a wallet is open.
const REMEMBERED: usize = 1 << 10;

impl Wallet {
    pub(crate) fn trust(&self) -> Result<Arc<Trust>, WalletError> {
        let mut kept = self.trust.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(trust) = &*kept {
            return Ok(Arc::clone(trust));
        }
        let policy = policy(self.issuers())?;
        let opened = |issuer: &KnownIssuer| {
            let bundle = issuer.bundle.as_deref()?;
            Some((issuer.did.clone(), Bundle::open_with(bundle, &policy, self.suites)))
        };
        let bundles = self.issuers().filter_map(opened).collect();
        let trust = Trust { bundles, policy, signatures: SignatureCache::new(REMEMBERED) };
        Ok(Arc::clone(kept.insert(Arc::new(trust))))
    }

    /// After an issuer, or what proofs are checked with, has changed.
    pub(crate) fn forget_trust(&mut self) {
        *self.trust.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What is thought of a credential that came alone.
    pub(crate) fn judged(&self, reading: &Reading, now: Timestamp) -> Result<Verdict, WalletError> {
        self.judged_input(&reading.shown_bytes(), &reading.issuer, &Request::new(), now)
    }

    /// What is thought of an input, with the bundle of an issuer.
    pub(crate) fn judged_input(
        &self,
        input: &[u8],
        issuer: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Verdict, WalletError> {
        let trust = self.trust()?;
        let mut evidence = Evidence::new().with_suites(self.suites).with_cache(&trust.signatures);
        match trust.bundles.get(issuer) {
            Some(Ok(bundle)) => evidence = evidence.with_bundle(bundle),
            Some(Err(reason)) => return Err(WalletError::Refused(vec![reason.clone()])),
            None => {}
        }
        Ok(verify(input, request, &evidence, &trust.policy, now))
    }
}

impl Trust {
    /// The newest bundle of an issuer, if there is one that opens.
    pub(crate) fn bundle_of(&self, issuer: &str) -> Option<&Bundle> {
        self.bundles.get(issuer)?.as_ref().ok()
    }
}

/// A policy that trusts these issuers, and nobody else, for attestations and grants.
fn policy<'i>(issuers: impl Iterator<Item = &'i KnownIssuer>) -> Result<Policy, WalletError> {
    let (mut signers, mut tables) = (Vec::new(), String::new());
    let mut known: Vec<&str> = Vec::new();
    for issuer in issuers {
        signers.extend(issuer.bundle_signer.as_deref().map(quoted));
        if issuer.did.is_empty() || known.contains(&issuer.did.as_str()) {
            continue;
        }
        known.push(&issuer.did);
        tables.push_str(&format!(
            "[[issuer]]\ndid = {}\nattests = [\"AgentIdentityCredential\", \
             \"AgentBuilderCredential\", \"AgentCertificationCredential\", \
             \"PactScoreCredential\", \"TaskGrantCredential\"]\n\
             grants = {{ actions = [\"*\"], resources = [\"*\"] }}\n",
            quoted(&issuer.did)
        ));
    }
    let text = format!("version = 1\n[bundle]\nsigners = [{}]\n{tables}", signers.join(", "));
    Policy::from_toml(&text).map_err(|error| WalletError::IssuerUnusable(error.to_string()))
}

/// What speaks against keeping what was judged; then whatever is only not known, in words.
pub(crate) fn against(verdict: &Verdict) -> (Vec<Reason>, Vec<String>) {
    let (mut against, mut unknown) = (Vec::new(), Vec::new());
    for reason in verdict.reasons() {
        match (reason.effect(), reason.code()) {
            // The wallet grants itself no levels.
            (_, "no-level") => {}
            (Effect::LeavesUndecided, code) if MAY_BE_UNKNOWN.contains(&code) => {
                unknown.push(reason.to_string());
            }
            _ => against.push(reason.clone()),
        }
    }
    (against, unknown)
}

/// A TOML string.
fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .flat_map(|c| match c {
            '"' | '\\' => vec!['\\', c],
            c if c.is_control() => vec!['?'],
            c => vec![c],
        })
        .collect();
    format!("\"{escaped}\"")
}
