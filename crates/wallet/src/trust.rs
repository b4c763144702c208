//! What the wallet believes: what its issuers say, as far as their newest bundles tell.

use bonafide_core::time::Timestamp;
use bonafide_verifier::{Bundle, Effect, Evidence, Policy, Reason, Request, Verdict, verify};

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

impl Wallet {
    /// A policy that trusts this wallet's issuers, and nobody else, for attestations and grants.
    pub(crate) fn policy(&self) -> Result<Policy, WalletError> {
        let mut text = String::from("version = 1\n");
        let signers: Vec<String> = self
            .issuers()
            .filter_map(|issuer| issuer.bundle_signer.as_deref().map(quoted))
            .collect();
        text.push_str(&format!("[bundle]\nsigners = [{}]\n", signers.join(", ")));
        let mut known: Vec<&str> = Vec::new();
        for issuer in self.issuers().filter(|issuer| !issuer.did.is_empty()) {
            if known.contains(&issuer.did.as_str()) {
                continue;
            }
            known.push(&issuer.did);
            text.push_str(&format!(
                "[[issuer]]\ndid = {}\nattests = [\"AgentIdentityCredential\", \
                 \"AgentBuilderCredential\", \"AgentCertificationCredential\", \
                 \"PactScoreCredential\", \"TaskGrantCredential\"]\n\
                 grants = {{ actions = [\"*\"], resources = [\"*\"] }}\n",
                quoted(&issuer.did)
            ));
        }
        Policy::from_toml(&text).map_err(|error| WalletError::IssuerUnusable(error.to_string()))
    }

    /// The issuer with this DID.
    pub(crate) fn issuer_by_did(&self, did: &str) -> Option<&KnownIssuer> {
        self.issuers().find(|issuer| issuer.did == did)
    }

    /// The newest bundle of the issuer with this DID, opened.
    pub(crate) fn bundle_of(
        &self,
        did: &str,
        policy: &Policy,
    ) -> Result<Option<Bundle>, WalletError> {
        let Some(bytes) = self.issuer_by_did(did).and_then(|issuer| issuer.bundle.as_deref())
        else {
            return Ok(None);
        };
        match Bundle::open(bytes, policy) {
            Ok(bundle) => Ok(Some(bundle)),
            Err(reason) => Err(WalletError::Refused(vec![reason])),
        }
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
        let policy = self.policy()?;
        let bundle = self.bundle_of(issuer, &policy)?;
        let mut evidence = Evidence::new().with_suites(self.suites);
        if let Some(bundle) = &bundle {
            evidence = evidence.with_bundle(bundle);
        }
        Ok(verify(input, request, &evidence, &policy, now))
    }
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
