//! What the service itself believes of what is presented to it: its own attestations and grants, by
//! its own trust bundle of this moment.

use std::fmt::Write as _;
use std::sync::{Arc, PoisonError};

use bonafide_core::attestation::ATTESTATION_TYPES;
use bonafide_verifier::{Bundle, Evidence, Policy, Request, Verdict, verify};

use crate::authority::{DELEGATION, GRANT, IDENTITY};
use crate::environment::Moment;
use crate::problem::Problem;
use crate::service::Service;

/// A policy that trusts the instances of this service for every attestation, and its bundle.
pub(crate) struct OwnTrust {
    etag: String,
    policy: Policy,
    bundle: Bundle,
}

impl Service {
    /// The verdict over a presentation, with all that this service knows now of what it revoked.
    pub(crate) fn judge(
        &self,
        input: &[u8],
        request: &Request,
        now: Moment,
    ) -> Result<Verdict, Problem> {
        let trust = self.own_trust()?;
        let suites = self.state.signers.suites();
        let evidence = Evidence::new().with_suites(suites).with_bundle(&trust.bundle);
        Ok(verify(input, request, &evidence, &trust.policy, now.timestamp()))
    }

    fn own_trust(&self) -> Result<Arc<OwnTrust>, Problem> {
        let made = self.trust_bundle()?;
        let mut last = self.trust.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(trust) = last.as_ref().filter(|trust| trust.etag == made.etag) {
            return Ok(Arc::clone(trust));
        }
        let failed = |error: &dyn std::fmt::Display| Problem::fault(&format!("own trust: {error}"));
        let policy = Policy::from_toml(&self.own_policy()).map_err(|error| failed(&error))?;
        let suites = self.state.signers.suites();
        let bundle = Bundle::open_with(made.text.as_bytes(), &policy, suites)
            .map_err(|error| failed(&error))?;
        let trust = Arc::new(OwnTrust { etag: made.etag.clone(), policy, bundle });
        *last = Some(Arc::clone(&trust));
        Ok(trust)
    }

    fn own_policy(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let attested: Vec<String> = ATTESTATION_TYPES
            .iter()
            .filter(|known| known.name != DELEGATION)
            .map(|known| quoted(known.name))
            .collect();
        let attested = attested.join(", ");
        // Lists are signed anew before they are as old as this.
        let max_age = self.settings.status.ttl.as_secs() + 900;
        let mut policy = format!(
            "version = 1\n[bundle]\nsigners = [{}]\n[status]\nmax_age = \"{max_age}s\"\n",
            quoted(&self.bundle_signer())
        );
        let mut dids: Vec<String> = self.issuers().into_iter().map(|(_, did)| did).collect();
        dids.sort();
        dids.dedup();
        for did in dids {
            let did = quoted(&did);
            // Writing to a text does not fail.
            let _ = write!(
                policy,
                "[[issuer]]\ndid = {did}\nattests = [{attested}]\n\
                 grants = {{ actions = [\"*\"], resources = [\"*\"] }}\n"
            );
        }
        // Who is enrolled shows its identity; who is not, a chain that leads to it.
        let _ = write!(
            policy,
            "[delegation]\njudge = \"presenter\"\ncarried = \"shown\"\n\
             [[level]]\nname = \"known\"\ncredentials = [\"{IDENTITY}\"]\n\
             [[level]]\nname = \"shown\"\ncredentials = [\"{IDENTITY}\", \"{GRANT}\"]\n"
        );
        policy
    }
}
