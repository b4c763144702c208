//! What this service says of what is presented to it: a verdict by its own verifier, which trusts
//! its own instances alone, with its own documents and its statuses as they are now.

use std::sync::{Arc, PoisonError};

use bonafide_core::attestation::ATTESTATION_TYPES;
use bonafide_core::status::StatusPurpose;
use bonafide_core::status::{BitstringStatusEntry, TokenStatusReference};
use bonafide_core::time::format_duration;
use bonafide_core::{json::Value, time::Timestamp};
use bonafide_verifier::{Bundle, Evidence, Policy, Request, Verdict, verify};

use crate::problem::Problem;
use crate::service::Service;
use crate::store::StatusPlace;

/// A bundle of this service, opened under its own policy.
pub(crate) struct Own {
    etag: String,
    policy: Policy,
    bundle: Bundle,
}

impl Service {
    /// The verdict over a presentation, as of `now`.
    pub(crate) fn own_verdict(
        &self,
        input: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Verdict, Problem> {
        let own = self.own()?;
        let evidence =
            Evidence::new().with_suites(self.state.signers.suites()).with_bundle(&own.bundle);
        Ok(verify(input.as_bytes(), request, &evidence, &own.policy, now))
    }

    /// Policy and bundle as they are now; opened anew only if something changed.
    fn own(&self) -> Result<Arc<Own>, Problem> {
        let made = self.trust_bundle()?;
        let mut last = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last.as_ref().filter(|last| last.etag == made.etag) {
            return Ok(Arc::clone(last));
        }
        let fault = |error: &dyn std::fmt::Display| Problem::fault(&format!("own policy: {error}"));
        let policy = Policy::from_toml(&self.own_policy()).map_err(|error| fault(&error))?;
        let bundle = Bundle::open(made.text.as_bytes(), &policy).map_err(|error| fault(&error))?;
        let own = Arc::new(Own { etag: made.etag.clone(), policy, bundle });
        *last = Some(Arc::clone(&own));
        Ok(own)
    }

    /// Whoever has a grant of this service is carried by it; whoever has none shows its identity.
    fn own_policy(&self) -> String {
        let types = ATTESTATION_TYPES.iter().map(|known| known.name);
        let attests: Vec<&str> = types.filter(|name| *name != "DelegationCredential").collect();
        let issuers: String = self
            .issuers()
            .iter()
            .map(|(_, did)| {
                format!(
                    "[[issuer]]\ndid = {did:?}\nattests = {attests:?}\ngrants = {{ actions = [\"*\"], resources = [\"*\"] }}\n"
                )
            })
            .collect();
        let (signer, max_age) = (self.bundle_signer(), format_duration(self.settings.status.ttl));
        format!(
            "version = 1\n[bundle]\nsigners = [{signer:?}]\n[status]\nmax_age = \"{max_age}\"\n\
             [delegation]\njudge = \"presenter\"\ncarried = \"known\"\n{issuers}\
             [[level]]\nname = \"known\"\ncredentials = [\"AgentIdentityCredential\"]\n"
        )
    }

    /// The places in lists of ours where a credential's statuses stand. The document has been
    /// verified.
    pub(crate) fn status_places(&self, document: &Value<'_>) -> Vec<StatusPlace> {
        let lists = self.state.lists();
        let place = |purpose: Option<StatusPurpose>, url: &str, index: usize| {
            let list = lists.iter().find(|list| list.url(purpose) == url)?;
            Some(StatusPlace { list: list.list.number, index: u32::try_from(index).ok()? })
        };
        let entries = document.get("credentialStatus").map(Value::one_or_more).unwrap_or_default();
        let mut places: Vec<StatusPlace> = entries
            .iter()
            .filter_map(Value::as_object)
            .filter_map(|entry| BitstringStatusEntry::from_object(entry).ok())
            .filter_map(|entry| place(Some(entry.purpose), &entry.list, entry.index))
            .collect();
        let token = document.get("status").map(TokenStatusReference::from_claim);
        if let Some(Ok(Some(reference))) = token {
            places.extend(place(None, &reference.uri, reference.index));
        }
        places.sort_unstable_by_key(|place| (place.list, place.index));
        places.dedup();
        places
    }
}
