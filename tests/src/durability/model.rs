//! What clients were told, and so what the service must still know after any crash.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::http::Answer;

pub(super) const VALID: &str = "valid";
pub(super) const SUSPENDED: &str = "suspended";
pub(super) const REVOKED: &str = "revoked";
pub(super) const RETIRED: &str = "retired";
pub(super) const ACTIVE: &str = "active";

/// One of these it is. More than one is left by a request that nobody answered.
pub(super) type May = Vec<&'static str>;

/// A request that issues, kept so that it can be repeated to the byte.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) path: String,
    pub(super) body: String,
    pub(super) key: Option<String>,
    pub(super) orders: Vec<Order>,
}

/// A credential that was asked for.
#[derive(Clone)]
pub(super) struct Order {
    pub(super) agent: String,
    /// Stands in the credential; no two orders have the same.
    pub(super) marker: u64,
}

impl Request {
    /// Whether it attests an identity, which makes the agent active.
    pub(super) fn is_identity(&self) -> bool {
        self.body.contains("AgentIdentityCredential")
    }

    fn is_batch(&self) -> bool {
        self.path == "/attestations"
    }
}

/// An enrolment, to be repeated to the byte.
#[derive(Clone)]
pub(super) struct Enrolment {
    pub(super) did: String,
    pub(super) body: String,
    pub(super) key: String,
}

/// A credential that somebody was given.
pub(super) struct Credential {
    /// SHA-256 of its bytes.
    pub(super) digest: [u8; 32],
    pub(super) status: May,
}

/// An agent that somebody was told is enrolled.
pub(super) struct Agent {
    pub(super) did: String,
    pub(super) state: May,
    pub(super) credentials: Vec<String>,
}

#[derive(Default)]
pub(super) struct Model {
    pub(super) credentials: HashMap<String, Credential>,
    pub(super) agents: HashMap<String, Agent>,
    /// Agents that one client suspends and resumes while others ask for their credentials.
    pub(super) contended: Vec<String>,
    /// Which credential each order got.
    pub(super) orders: HashMap<u64, String>,
    /// What was touched since the last check.
    pub(super) new: HashSet<String>,
    pub(super) touched: HashSet<String>,
    pub(super) touched_agents: HashSet<String>,
    /// Nobody answered these.
    pub(super) pending: Vec<Request>,
    pub(super) pending_enrolments: Vec<Enrolment>,
    /// Some that were answered, to be repeated.
    pub(super) answered: Vec<(Request, Vec<u8>)>,
    /// Checkpoints that were served.
    pub(super) checkpoints: Vec<String>,
    /// How many operations were acknowledged.
    pub(super) acknowledged: u64,
}

impl Model {
    /// Takes in what a client was told of a request that issues.
    pub(super) fn told(&mut self, request: &Request, answer: &Answer) {
        if request.is_batch() {
            assert_eq!(answer.status, 200, "{}", answer.text());
            let results = members(&answer.body);
            let results: Vec<Box<RawValue>> =
                serde_json::from_str(results["results"].get()).unwrap();
            assert_eq!(results.len(), request.orders.len());
            for (order, result) in request.orders.iter().zip(results) {
                let result = members(result.get().as_bytes());
                let status = result["status"].get().parse().unwrap();
                let detail = result.get("problem").map_or("", |problem| problem.get());
                self.told_one(order, status, &result, detail);
            }
        } else {
            let result = members(&answer.body);
            self.told_one(&request.orders[0], answer.status, &result, &answer.text());
            if request.is_identity() {
                self.agent(&request.orders[0].agent, ACTIVE, true);
            }
        }
    }

    fn told_one(
        &mut self,
        order: &Order,
        status: u16,
        result: &BTreeMap<String, Box<RawValue>>,
        detail: &str,
    ) {
        if status != 201 {
            // Suspended while this was asked for or signed.
            assert!(
                status == 409 && self.contended.contains(&order.agent),
                "refused: {status} {detail}"
            );
            return;
        }
        let id = text(&result["id"]);
        self.admit(&id, order, result["verifiableCredential"].get());
        self.acknowledged += 1;
    }

    /// Takes in that nobody answered a request that issues.
    pub(super) fn lost(&mut self, request: Request) {
        if request.is_identity() {
            self.agent(&request.orders[0].agent, ACTIVE, false);
        }
        self.pending.push(request);
    }

    /// A credential that is there, and whose it is.
    pub(super) fn admit(&mut self, id: &str, order: &Order, secured: &str) {
        let digest = Sha256::digest(secured).into();
        if let Some(before) = self.orders.insert(order.marker, id.to_owned()) {
            assert_eq!(before, id, "two credentials for one order, {:x}", order.marker);
        }
        if let Some(known) = self.credentials.get(id) {
            assert_eq!(known.digest, digest, "two answers tell of the credential {id}");
            return;
        }
        let credential = Credential { digest, status: vec![VALID] };
        self.credentials.insert(id.to_owned(), credential);
        self.agents.get_mut(&order.agent).unwrap().credentials.push(id.to_owned());
        self.new.insert(id.to_owned());
    }

    pub(super) fn enrolled(&mut self, did: &str, answer: &Answer) -> String {
        assert_eq!(answer.status, 201, "{}", answer.text());
        let agent = answer.json();
        assert_eq!(agent["did"], did);
        let id = agent["id"].as_str().unwrap().to_owned();
        let enrolled =
            Agent { did: did.to_owned(), state: vec!["enrolled"], credentials: Vec::new() };
        let before = self.agents.insert(id.clone(), enrolled);
        assert!(before.is_none_or(|before| before.did == did), "two agents with the id {id}");
        self.touched_agents.insert(id.clone());
        self.acknowledged += 1;
        id
    }

    /// A change of one credential's status, answered or not.
    pub(super) fn status(&mut self, id: &str, status: &'static str, answered: bool) {
        let credential = self.credentials.get_mut(id).unwrap();
        set(&mut credential.status, status, answered);
        self.touched.insert(id.to_owned());
        self.acknowledged += u64::from(answered);
    }

    /// All of an agent's credentials are revoked, or may be.
    pub(super) fn revoked_all(&mut self, agent: &str, answered: bool) {
        for id in self.agents[agent].credentials.clone() {
            self.status(&id, REVOKED, answered);
        }
    }

    /// A change of an agent's state.
    pub(super) fn agent(&mut self, id: &str, state: &'static str, answered: bool) {
        let agent = self.agents.get_mut(id).unwrap();
        set(&mut agent.state, state, answered);
        self.touched_agents.insert(id.to_owned());
        self.acknowledged += u64::from(answered);
        if state == RETIRED {
            self.revoked_all(id, answered);
        }
    }
}

fn set(may: &mut May, to: &'static str, answered: bool) {
    if answered {
        may.clear();
    }
    if !may.contains(&to) {
        may.push(to);
    }
}

/// The members of an object, each as it was written.
pub(super) fn members(bytes: &[u8]) -> BTreeMap<String, Box<RawValue>> {
    let read = serde_json::from_slice(bytes);
    read.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}

pub(super) fn text(value: &RawValue) -> String {
    serde_json::from_str(value.get()).unwrap()
}
