//! Rows 21, 30, 31, 36, 37 and 38: delegation chains, levels through a chain, names of resources,
//! budgets offline, trust that was cached.

mod rights;
mod walk;

use bonafide_core::json::{Object, Value};
use bonafide_core::time::Timestamp;
use bonafide_testkit::chain::{ACTION, Chains, LinkDraft, RESOURCE, SERVICE, chains};
use bonafide_testkit::{NONCE, now};
use bonafide_verifier::{
    Bundle, BundleContent, Evidence, Outcome, Policy, Request, Verdict, verify,
};

pub(super) struct World {
    pub(super) chains: Chains,
    pub(super) policy: Policy,
    pub(super) bundle: Bundle,
}

pub(super) fn asked() -> Request {
    Request::new().nonce(NONCE).audience(SERVICE).action(ACTION).resource(RESOURCE)
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(|policy| policy, &[])
    }

    /// With a changed policy, and these indexes of the registrar's list revoked.
    pub(super) fn with(policy: impl FnOnce(String) -> String, revoked: &[usize]) -> Self {
        let chains = chains();
        let policy = Policy::from_toml(&policy(chains.policy_toml())).unwrap();
        let mut draft = chains.scene.bundle_draft();
        let list = chains.scene.status_list(&chains.scene.registrar, revoked);
        for content in &mut draft.content {
            if let BundleContent::StatusList { credential, .. } = content
                && credential.get("id") == list.get("id")
                && credential.as_object().is_some()
            {
                *credential = list.clone();
            }
        }
        let bundle = chains.scene.sign_bundle(&draft);
        let bundle = Bundle::open(bundle.as_bytes(), &policy).unwrap();
        Self { chains, policy, bundle }
    }

    pub(super) fn at(&self, input: &str, request: &Request, now: Timestamp) -> Verdict {
        let evidence = Evidence::new().with_bundle(&self.bundle);
        verify(input.as_bytes(), request, &evidence, &self.policy, now)
    }

    pub(super) fn verdict(&self, input: &str) -> Verdict {
        self.at(input, &asked(), now())
    }

    /// These links, with everybody's identity, presented by the agent at the end.
    pub(super) fn presented(&self, links: &[Value<'static>], holder: usize) -> String {
        let mut credentials = links.to_vec();
        credentials.extend(self.chains.identities(self.chains.agents.len().min(10)));
        // The identities of agents that are not in the chain would be borrowed ones.
        let subjects: Vec<String> = links.iter().map(subject).collect();
        let holder = &self.chains.agents[holder];
        credentials.retain(|one| subjects.contains(&subject(one)) || subject(one) == holder.did);
        self.chains.present(&credentials, holder)
    }

    #[track_caller]
    pub(super) fn refused(&self, links: &[Value<'static>], holder: usize, code: &str) {
        let verdict = self.verdict(&self.presented(links, holder));
        refused(&verdict, code);
    }

    /// A chain of three, of which the link at `place` was changed before it was signed.
    #[track_caller]
    pub(super) fn refused_with(&self, place: usize, code: &str, change: impl Fn(&mut LinkDraft)) {
        let links = self.chains.changed_chain(3, |index, draft| {
            if index == place {
                change(draft);
            }
        });
        self.refused(&links, 2, code);
    }
}

#[track_caller]
pub(super) fn refused(verdict: &Verdict, code: &str) {
    assert!(verdict.has_reason(code), "expected {code}:\n{}", verdict.to_json());
    assert_eq!(verdict.outcome(), Outcome::Rejected, "{}", verdict.to_json());
    assert_eq!(verdict.level(), None);
    assert!(verdict.chain().is_empty() && verdict.effective().actions.is_empty());
}

#[track_caller]
pub(super) fn accepted(verdict: &Verdict, level: &str) {
    assert_eq!(verdict.outcome(), Outcome::Accepted, "{}", verdict.to_json());
    assert_eq!(verdict.level(), Some(level), "{}", verdict.to_json());
}

pub(super) fn subject(credential: &Value<'_>) -> String {
    credential.pointer("/credentialSubject/id").unwrap().as_str().unwrap().to_owned()
}

pub(super) fn object(value: &Value<'static>) -> Object<'static> {
    match value.clone() {
        Value::Object(object) => object,
        _ => panic!("an object"),
    }
}
