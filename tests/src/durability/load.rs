//! Clients that enrol, attest, revoke, suspend and resume, all at once, until nobody answers.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bonafide_core::key::KeyType;
use bonafide_testkit::{Agent, Format, did_key_of, key, present};
use serde_json::{Value, json};

use super::http::{Answer, Http};
use super::model::{ACTIVE, Enrolment, Model, Order, RETIRED, REVOKED, Request, SUSPENDED, VALID};
use super::process::{Place, URL};
use super::random::Random;
use crate::issuer::agent::{CODE, MODEL};

/// How many clients there are at once.
const CLIENTS: usize = 6;
/// How many agents one client has at most.
const AGENTS: usize = 4;
/// How many credentials the contended agent has at most, about.
const SHARE: usize = 60;

/// Numbers that no other request of this process has.
static NUMBER: AtomicU64 = AtomicU64::new(1);

fn number() -> u64 {
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// The clients, from one round to the next.
pub(super) struct Load {
    pub(super) model: Mutex<Model>,
    token: String,
    /// The agents of each client.
    agents: Vec<Vec<String>>,
}

/// When requests were sent that were acknowledged, as far as anybody wants to know.
pub(super) type Acknowledged = Mutex<Vec<Instant>>;

impl Load {
    /// Enrols the first agents.
    pub(super) fn new(place: &Place, token: &str) -> Self {
        let mut load =
            Self { model: Mutex::default(), token: token.to_owned(), agents: Vec::new() };
        load.agents = load.enrol(place, CLIENTS).into_iter().map(|agent| vec![agent]).collect();
        load.renew(place);
        load
    }

    /// Takes another agent to be contended for, if there is none or it has had its share: all of
    /// its credentials are suspended again and again.
    pub(super) fn renew(&mut self, place: &Place) {
        let model = self.model.get_mut().unwrap();
        let last = model.contended.last().map(|agent| &model.agents[agent]);
        if last.is_none_or(|agent| agent.credentials.len() > SHARE) {
            let new = self.enrol(place, 1);
            self.model.get_mut().unwrap().contended.extend(new);
        }
    }

    fn enrol(&self, place: &Place, count: usize) -> Vec<String> {
        let (stop, times) = (AtomicBool::new(false), Acknowledged::default());
        let mut own = Vec::new();
        let mut client = self.client(place, Random::new(0), &mut own, &stop, &times);
        (0..count).for_each(|_| client.enrol().unwrap());
        own
    }

    fn client<'l>(
        &'l self,
        place: &Place,
        random: Random,
        agents: &'l mut Vec<String>,
        stop: &'l AtomicBool,
        acknowledged: &'l Acknowledged,
    ) -> Client<'l> {
        let http = place.http(&self.token);
        Client { model: &self.model, http, random, agents, stop, acknowledged }
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) fn http(&self, place: &Place) -> Http {
        place.http(&self.token)
    }

    /// Runs every client until `end` is over; from then on they expect no answers. Those who get
    /// none stop by themselves.
    pub(super) fn run(
        &mut self,
        place: &Place,
        random: &mut Random,
        end: impl FnOnce(),
    ) -> Vec<Instant> {
        let (stop, times) = (AtomicBool::new(false), Acknowledged::default());
        let mut agents = std::mem::take(&mut self.agents);
        std::thread::scope(|scope| {
            for (number, agents) in agents.iter_mut().enumerate() {
                let client = self.client(place, random.split(), agents, &stop, &times);
                scope.spawn(move || client.run(number == 0));
            }
            end();
            stop.store(true, Ordering::SeqCst);
        });
        self.agents = agents;
        times.into_inner().unwrap()
    }
}

struct Client<'l> {
    model: &'l Mutex<Model>,
    http: Http,
    random: Random,
    /// Whose credentials nobody else asks for or changes.
    agents: &'l mut Vec<String>,
    stop: &'l AtomicBool,
    acknowledged: &'l Acknowledged,
}

impl Client<'_> {
    fn run(mut self, meddles: bool) {
        while !self.stop.load(Ordering::SeqCst) {
            let done = if meddles { self.meddle() } else { self.step() };
            if done.is_err() {
                return;
            }
        }
    }

    /// Gets in the way of the others, and looks at the log.
    fn meddle(&mut self) -> io::Result<()> {
        let contended = locked(self.model).contended.last().unwrap().clone();
        self.change_agent(&contended, "suspend", SUSPENDED)?;
        std::thread::sleep(self.random.time(10));
        self.change_agent(&contended, "resume", ACTIVE)?;
        let answer = self.http.get("/log/checkpoint")?;
        assert!(answer.is_good(), "{}", answer.text());
        locked(self.model).checkpoints.push(answer.text());
        std::thread::sleep(self.random.time(30));
        Ok(())
    }

    fn step(&mut self) -> io::Result<()> {
        let Some(agent) = self.random.pick(self.agents).cloned() else { return self.enrol() };
        match self.random.below(100) {
            0..40 => {
                let request = self.attestation(&agent);
                self.issue(request)
            }
            40..60 => {
                let request = self.batch(&agent);
                self.issue(request)
            }
            60..64 => self.twice(&agent),
            64..80 => self.change_credential(&agent, "revoke"),
            80..88 => self.change_credential(&agent, "suspend"),
            88..93 => self.change_credential(&agent, "resume"),
            93..96 => {
                self.change_agent(&agent, "suspend", SUSPENDED)?;
                self.change_agent(&agent, "resume", ACTIVE)
            }
            // Its identity with it: it gets nothing more.
            96 if self.agents.len() > 1 => {
                self.agents.retain(|own| *own != agent);
                self.revoke_all(&agent)
            }
            97 if self.agents.len() > 1 => {
                self.agents.retain(|own| *own != agent);
                self.change_agent(&agent, "retire", RETIRED)
            }
            _ => {
                if self.agents.len() == AGENTS {
                    self.agents.remove(0);
                }
                self.enrol()
            }
        }
    }

    /// Sends something, and notes when if it was done.
    fn send(&mut self, path: &str, key: Option<&str>, body: &str) -> io::Result<Answer> {
        let sent = now();
        let answer = self.http.call("POST", path, key, body)?;
        if answer.status >= 500 {
            // Nothing is known of what became of it.
            return Err(io::Error::other(answer.text()));
        }
        if answer.is_good() {
            self.acknowledged.lock().unwrap().push(sent);
        }
        Ok(answer)
    }

    fn issue(&mut self, request: Request) -> io::Result<()> {
        let answer = self.send(&request.path, request.key.as_deref(), &request.body);
        let mut model = locked(self.model);
        match answer {
            Ok(answer) => {
                model.told(&request, &answer);
                if request.key.is_some() && answer.is_good() && self.random.one_in(8) {
                    model.answered.push((request, answer.body));
                }
                Ok(())
            }
            Err(lost) => {
                model.lost(request);
                Err(lost)
            }
        }
    }

    /// A score for the agent, with or without a key.
    fn attestation(&mut self, agent: &str) -> Request {
        let format = match self.random.below(10) {
            0 => "vc+jwt",
            1 => "dc+sd-jwt",
            _ => "eddsa-jcs-2022",
        };
        let order = Order { agent: agent.to_owned(), marker: number() };
        let body = json!({
            "type": "PactScoreCredential", "claims": score(order.marker), "format": format,
        });
        Request {
            path: format!("/agents/{agent}/attestations"),
            body: body.to_string(),
            key: self.key(),
            orders: vec![order],
        }
    }

    /// Scores for the agent, and in between for one that is suspended now and then.
    fn batch(&mut self, agent: &str) -> Request {
        let contended = locked(self.model).contended.last().unwrap().clone();
        let orders: Vec<Order> = (0..=self.random.below(12))
            .map(|_| {
                let agent = if self.random.one_in(6) { &contended } else { agent };
                Order { agent: agent.to_owned(), marker: number() }
            })
            .collect();
        let items = orders.iter().map(|order| {
            json!({
                "agent": order.agent, "type": "PactScoreCredential", "claims": score(order.marker),
            })
        });
        Request {
            path: "/attestations".to_owned(),
            body: json!({"items": items.collect::<Vec<_>>()}).to_string(),
            key: self.key(),
            orders,
        }
    }

    fn key(&mut self) -> Option<String> {
        (!self.random.one_in(3)).then(|| format!("request-{}", number()))
    }

    /// One request over two connections at once: one credential comes of it.
    fn twice(&mut self, agent: &str) -> io::Result<()> {
        let mut request = self.attestation(agent);
        request.key.get_or_insert_with(|| format!("request-{}", number()));
        let mut other = self.http.another();
        let key = request.key.as_deref();
        let (first, second) = std::thread::scope(|scope| {
            let second = scope.spawn(|| other.call("POST", &request.path, key, &request.body));
            (self.http.call("POST", &request.path, key, &request.body), second.join().unwrap())
        });
        let mut model = locked(self.model);
        let mut bodies = Vec::new();
        let mut lost = None;
        for answer in [first, second] {
            match answer {
                Ok(answer) if answer.status == 409 => {
                    assert!(answer.text().contains("request-in-flight"), "{}", answer.text());
                }
                Ok(answer) if answer.status != 503 => {
                    model.told(&request, &answer);
                    bodies.push(answer.body);
                }
                Ok(answer) => lost = Some(io::Error::other(answer.text())),
                Err(error) => lost = Some(error),
            }
        }
        bodies.dedup();
        assert!(bodies.len() < 2, "two answers to one request");
        if let Some(lost) = lost {
            model.lost(request);
            return Err(lost);
        }
        assert_eq!(bodies.len(), 1, "nobody got the answer");
        Ok(())
    }

    fn change_credential(&mut self, agent: &str, change: &str) -> io::Result<()> {
        let (wanted, to) = match change {
            "revoke" => (VALID, REVOKED),
            "suspend" => (VALID, SUSPENDED),
            _ => (SUSPENDED, VALID),
        };
        let id = {
            let model = locked(self.model);
            // The first attests the identity, without which there would be no others.
            let credentials = &model.agents[agent].credentials[1..];
            // The newest are where crashes happen.
            let newest = &credentials[credentials.len().saturating_sub(32)..];
            let fit = |id: &&String| model.credentials[*id].status == [wanted];
            let fit: Vec<&String> = newest.iter().filter(fit).collect();
            self.random.pick(&fit).map(|id| (*id).clone())
        };
        let Some(id) = id else { return Ok(()) };
        let answer = self.send(&format!("/credentials/{id}/{change}"), None, "");
        locked(self.model).status(&id, to, answer.is_ok());
        let answer = answer?;
        assert!(answer.is_good(), "{change}: {}", answer.text());
        assert_eq!(answer.json()["status"], to);
        Ok(())
    }

    fn change_agent(&mut self, id: &str, change: &str, to: &'static str) -> io::Result<()> {
        let answer = self.send(&format!("/agents/{id}/{change}"), None, "{\"reason\":\"a test\"}");
        locked(self.model).agent(id, to, answer.is_ok());
        let answer = answer?;
        assert!(answer.is_good(), "{change}: {}", answer.text());
        assert_eq!(answer.json()["state"], to);
        Ok(())
    }

    fn revoke_all(&mut self, agent: &str) -> io::Result<()> {
        let answer = self.send(&format!("/agents/{agent}/revoke"), None, "");
        locked(self.model).revoked_all(agent, answer.is_ok());
        let answer = answer?;
        assert!(answer.is_good(), "{}", answer.text());
        Ok(())
    }

    /// Enrols an agent and attests its identity.
    fn enrol(&mut self) -> io::Result<()> {
        let answer = self.http.post("/challenges", "")?;
        assert!(answer.is_good(), "{}", answer.text());
        let challenge = answer.json()["challenge"].as_str().unwrap().to_owned();
        let enrolment = enrolment(&challenge);
        let answer = self.send("/agents", Some(&enrolment.key), &enrolment.body);
        let id = match answer {
            Ok(answer) => locked(self.model).enrolled(&enrolment.did, &answer),
            Err(lost) => {
                locked(self.model).pending_enrolments.push(enrolment);
                return Err(lost);
            }
        };
        let request = Request {
            path: format!("/agents/{id}/attestations"),
            body: "{\"type\":\"AgentIdentityCredential\"}".to_owned(),
            // What it says holds no mark of the order, so it must be possible to repeat it.
            key: Some(format!("request-{}", number())),
            orders: vec![Order { agent: id.clone(), marker: number() }],
        };
        self.issue(request)?;
        self.agents.push(id);
        Ok(())
    }
}

/// What one client finds out fails the test; the others only come to their end.
fn locked(model: &Mutex<Model>) -> MutexGuard<'_, Model> {
    model.lock().unwrap_or_else(PoisonError::into_inner)
}

fn enrolment(challenge: &str) -> Enrolment {
    let number = number();
    let key = key(&format!("durability {number}"), KeyType::Ed25519);
    let (did, method) = did_key_of(&key);
    let agent = Agent { name: "durability", did: did.clone(), method, key };
    let body = json!({
        "did": did, "name": format!("agent {number}"), "kind": "tool", "version": "2.3.0",
        "modelDigest": MODEL, "codeDigest": CODE, "sponsor": "did:web:acme.example",
        "proof": present(&[], &agent, Format::Jwt(KeyType::Ed25519), challenge, URL),
    });
    Enrolment { did, body: body.to_string(), key: format!("enrolment-{number}") }
}

/// Claims that hold the mark of the order.
fn score(marker: u64) -> Value {
    let claims = include_str!("../../../fixtures/claims/pact-score-bronze.json");
    let mut claims: Value = serde_json::from_str(claims).unwrap();
    claims["evidenceDigests"] = json!([format!("sha256:{marker:064x}")]);
    claims
}

#[allow(clippy::disallowed_methods)]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Long enough for several groups to be committed, short enough for many rounds.
pub(super) fn a_while(random: &mut Random) -> Duration {
    Duration::from_millis(20) + random.time(350)
}
