//! Holds a service that was started again against all that clients were told before.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use std::sync::Mutex;

use bonafide_core::encoding::decode_base64url;
use bonafide_issuer::log::{Checkpoint, LogKey, offline};
use flate2::read::GzDecoder;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::http::Http;
use super::load::Load;
use super::model::{ACTIVE, Model, Order, RETIRED, REVOKED, SUSPENDED, VALID, members};
use super::process::{Place, URL};
use super::random::Random;

/// How many of the older credentials are looked at after each crash.
const SAMPLE: usize = 24;

/// The list and index of a credential's status.
type Entry = (u32, u32);

/// What was found so far.
pub(super) struct Checker {
    key: LogKey,
    /// Up to where credentials and audit records were looked at.
    after: Option<String>,
    next_record: u64,
    entries: HashSet<Entry>,
    prepared: HashMap<String, Entry>,
    issued: HashSet<String>,
    abandoned: HashSet<String>,
    revoked: HashSet<String>,
    enrolled: HashSet<String>,
    lists: BTreeMap<u32, Lists>,
}

/// What the two published lists of a number have to be, bit by bit, up to the last that is known.
#[derive(Default)]
struct Lists {
    revoked: Vec<u8>,
    suspended: Vec<u8>,
}

impl Lists {
    fn set(&mut self, index: u32, status: &str) {
        let (byte, bit) = (index as usize / 8, 0x80 >> (index % 8));
        for (list, name) in [(&mut self.revoked, REVOKED), (&mut self.suspended, SUSPENDED)] {
            list.resize(list.len().max(byte + 1), 0);
            if name == status {
                list[byte] |= bit;
            } else {
                list[byte] &= !bit;
            }
        }
    }
}

impl Checker {
    pub(super) fn new(key: LogKey) -> Self {
        Self {
            key,
            after: None,
            next_record: 0,
            entries: HashSet::new(),
            prepared: HashMap::new(),
            issued: HashSet::new(),
            abandoned: HashSet::new(),
            revoked: HashSet::new(),
            enrolled: HashSet::new(),
            lists: BTreeMap::new(),
        }
    }

    /// Everything that was touched since the last time, and some of the rest.
    pub(super) fn check(&mut self, place: &Place, load: &mut Load, random: &mut Random) {
        let mut http = load.http(place);
        let token = load.token().to_owned();
        let model = load.model.get_mut().unwrap();
        agents(model, &mut http);
        let unanswered = repeat(model, &mut http);
        let listed = self.list(model, &mut http, &unanswered);
        self.audit(model, &mut http, &listed);
        let mut look: HashSet<String> = model.new.drain().chain(model.touched.drain()).collect();
        let known: Vec<&String> = model.orders.values().collect();
        look.extend((0..SAMPLE).filter_map(|_| random.pick(&known).map(|id| (*id).clone())));
        self.credentials(model, place, &token, look);
        self.published(&mut http);
        let answer = http.get("/log/checkpoint").unwrap();
        Checkpoint::verify(&answer.text(), &self.key).unwrap();
        load.model.get_mut().unwrap().checkpoints.push(answer.text());
    }

    /// Everything, however long ago.
    pub(super) fn check_all(&mut self, place: &Place, load: &mut Load, random: &mut Random) {
        let model = load.model.get_mut().unwrap();
        model.touched = model.credentials.keys().cloned().collect();
        model.touched_agents = model.agents.keys().cloned().collect();
        self.check(place, load, random);
        let mut found = HashSet::new();
        let mut http = load.http(place);
        pages(&mut http, "/agents?limit=1000", None, |agent| {
            assert!(found.insert(agent["id"].as_str().unwrap().to_owned()), "listed twice");
        });
        let known = load.model.get_mut().unwrap().agents.keys().cloned().collect();
        assert_eq!(found, known, "the agents that are there, and those that were told of");
    }

    /// The log of a service that does not run, against every checkpoint that was ever served.
    /// Gives the number of its entries.
    pub(super) fn check_log(&self, place: &Place, load: &mut Load) -> u64 {
        let model = load.model.get_mut().unwrap();
        let verify = |text: &String| Checkpoint::verify(text, &self.key).unwrap();
        let older: Vec<Checkpoint> = model.checkpoints.iter().map(verify).collect();
        let folder = bonafide_issuer::log_folder(&place.data());
        let report = offline::verify(&folder, &self.key, &older).unwrap();
        assert_eq!(report.consistent_with, older.len());
        report.checkpoint.size()
    }

    /// How many events there are.
    pub(super) fn events(&self) -> u64 {
        self.next_record
    }

    /// Credentials that came since the last time: those that were told of, at most one for each
    /// request that nobody answered, and no others.
    fn list(
        &mut self,
        model: &mut Model,
        http: &mut Http,
        unanswered: &HashMap<u64, Order>,
    ) -> HashSet<String> {
        let mut listed = HashSet::new();
        let mut after = self.after.clone();
        let mut unknown = Vec::new();
        pages(http, "/credentials?limit=1000", after.clone(), |summary| {
            let id = summary["id"].as_str().unwrap().to_owned();
            if !model.credentials.contains_key(&id) {
                unknown.push(id.clone());
            }
            after = Some(id.clone());
            assert!(listed.insert(id), "a credential is listed twice");
        });
        self.after = after;
        for id in unknown {
            let answer = http.get(&format!("/credentials/{id}")).unwrap();
            let shown = members(&answer.body);
            let secured = shown["verifiableCredential"].get();
            let order = marker(secured).and_then(|marker| unanswered.get(&marker));
            let order = order.unwrap_or_else(|| {
                panic!("nobody was told of this credential: {}", answer.text());
            });
            model.admit(&id, order, secured);
        }
        for id in &model.new {
            assert!(listed.contains(id), "the acknowledged credential {id} is gone");
        }
        listed
    }

    /// The audit records since the last time: no index is given twice, and what was prepared came
    /// to one end.
    fn audit(&mut self, model: &Model, http: &mut Http, listed: &HashSet<String>) {
        let mut issued = HashSet::new();
        let mut open: HashSet<String> = HashSet::new();
        loop {
            let path = format!("/audit?limit=1000&from={}", self.next_record);
            let answer = http.get(&path).unwrap();
            assert!(answer.is_good(), "{}", answer.text());
            let page = answer.json();
            for item in page["items"].as_array().unwrap() {
                assert_eq!(item["sequence"], self.next_record, "the records have a gap");
                self.next_record += 1;
                let record = &item["record"];
                let id = |name: &str| record[name].as_str().unwrap().to_owned();
                match record["event"].as_str().unwrap() {
                    "credential-prepared" => {
                        let status = &record["status"];
                        let entry = (number(&status["list"]), number(&status["index"]));
                        assert!(self.entries.insert(entry), "{entry:?} is given out twice");
                        let before = self.prepared.insert(id("credential"), entry);
                        assert!(before.is_none(), "prepared twice: {record}");
                        open.insert(id("credential"));
                    }
                    "credential-issued" => {
                        assert!(open.remove(&id("credential")), "not prepared: {record}");
                        assert!(self.issued.insert(id("credential")), "issued twice: {record}");
                        issued.insert(id("credential"));
                    }
                    "credential-abandoned" => {
                        assert!(open.remove(&id("credential")), "not prepared: {record}");
                        assert!(self.abandoned.insert(id("credential")), "twice: {record}");
                        let entry = self.prepared[&id("credential")];
                        self.mark(entry, REVOKED);
                    }
                    "credential-revoked" => {
                        assert!(self.revoked.insert(id("credential")), "twice: {record}");
                    }
                    "agent-enrolled" => {
                        assert!(self.enrolled.insert(id("agent")), "twice: {record}");
                        assert!(model.agents.contains_key(&id("agent")), "untold: {record}");
                    }
                    _ => {}
                }
            }
            if page["next"].is_null() {
                break;
            }
        }
        assert!(open.is_empty(), "prepared, and neither issued nor given up: {open:?}");
        assert_eq!(issued, *listed, "the credentials on the log, and those that are listed");
        for id in model.agents.keys() {
            assert!(self.enrolled.contains(id), "the enrolment of {id} is not on the log");
        }
    }

    /// Each is there to the byte, in a state that it may have.
    fn credentials(
        &mut self,
        model: &mut Model,
        place: &Place,
        token: &str,
        look: HashSet<String>,
    ) {
        let look: Vec<String> = look.into_iter().collect();
        let found = Mutex::new(Vec::with_capacity(look.len()));
        std::thread::scope(|scope| {
            for part in look.chunks(look.len().div_ceil(3).max(1)) {
                let found = &found;
                scope.spawn(move || {
                    let mut http = place.http(token);
                    for id in part {
                        let answer = http.get(&format!("/credentials/{id}")).unwrap();
                        found.lock().unwrap().push((id, answer));
                    }
                });
            }
        });
        for (id, answer) in found.into_inner().unwrap() {
            assert!(answer.is_good(), "the credential {id}: {}", answer.text());
            let shown = members(&answer.body);
            let credential = model.credentials.get_mut(id).unwrap();
            let digest: [u8; 32] = Sha256::digest(shown["verifiableCredential"].get()).into();
            assert_eq!(digest, credential.digest, "{id} is not what was acknowledged");
            let shown = answer.json();
            let status = [VALID, SUSPENDED, REVOKED].into_iter();
            let status = status.into_iter().find(|status| shown["status"] == **status).unwrap();
            let may = &mut credential.status;
            assert!(may.contains(&status), "{id} is {status}, acknowledged was {may:?}");
            *may = vec![status];
            let list = shown["statusList"].as_str().unwrap();
            let list = list.strip_prefix(URL).unwrap().strip_prefix("/status/").unwrap();
            let entry = (list.parse().unwrap(), number(&shown["statusIndex"]));
            assert_eq!(self.prepared[id], entry, "{id} has another index than the log says");
            assert_eq!(self.revoked.contains(id), status == REVOKED, "{id}: the log says else");
            self.mark(entry, status);
        }
    }

    fn mark(&mut self, (list, index): Entry, status: &str) {
        self.lists.entry(list).or_default().set(index, status);
    }

    /// The published lists say what is known, and nothing else.
    fn published(&self, http: &mut Http) {
        for (number, known) in &self.lists {
            for (purpose, bits) in
                [("revocation", &known.revoked), ("suspension", &known.suspended)]
            {
                let answer = http.get(&format!("/status/{number}/{purpose}")).unwrap();
                assert!(answer.is_good(), "{}", answer.text());
                let list = answer.json();
                let encoded = list["credentialSubject"]["encodedList"].as_str().unwrap();
                let packed = decode_base64url(encoded.strip_prefix('u').unwrap()).unwrap();
                let mut published = Vec::new();
                GzDecoder::new(&packed[..]).read_to_end(&mut published).unwrap();
                let known = bits.iter().chain(std::iter::repeat(&0));
                let wrong = published.iter().zip(known).position(|(is, should)| is != should);
                assert_eq!(wrong, None, "the byte of list {number} for {purpose} that is wrong");
                assert!(published.len() >= bits.len());
            }
        }
    }
}

/// Touched agents are in a state that they may have. Suspended ones are resumed after a look at
/// their credentials.
fn agents(model: &mut Model, http: &mut Http) {
    for enrolment in std::mem::take(&mut model.pending_enrolments) {
        let answer = http.call("POST", "/agents", Some(&enrolment.key), &enrolment.body).unwrap();
        model.enrolled(&enrolment.did, &answer);
    }
    for id in std::mem::take(&mut model.touched_agents) {
        let answer = http.get(&format!("/agents/{id}")).unwrap();
        assert!(answer.is_good(), "the agent {id}: {}", answer.text());
        let (shown, agent) = (answer.json(), model.agents.get_mut(&id).unwrap());
        assert_eq!(shown["did"], agent.did);
        let state = ["enrolled", ACTIVE, SUSPENDED, RETIRED].into_iter();
        let state = state.into_iter().find(|state| shown["state"] == **state).unwrap();
        let may = &mut agent.state;
        assert!(may.contains(&state), "{id} is {state}, acknowledged was {may:?}");
        *may = vec![state];
        match state {
            SUSPENDED => {
                let path = format!("/credentials?limit=1000&agent={id}");
                pages(http, &path, None, |found| assert_ne!(found["status"], VALID, "{found}"));
                let answer = http.post(&format!("/agents/{id}/resume"), "").unwrap();
                assert_eq!(answer.json()["state"], ACTIVE);
                *may = vec![ACTIVE];
            }
            RETIRED => model.revoked_all(&id, true),
            _ => {}
        }
    }
}

/// Repeats what nobody answered, where it has a key; it must succeed. Gives the orders of the rest.
fn repeat(model: &mut Model, http: &mut Http) -> HashMap<u64, Order> {
    let mut unanswered = HashMap::new();
    for request in std::mem::take(&mut model.pending) {
        let Some(key) = &request.key else {
            unanswered.extend(request.orders.iter().map(|order| (order.marker, order.clone())));
            continue;
        };
        let answer = http.call("POST", &request.path, Some(key), &request.body).unwrap();
        model.told(&request, &answer);
        if answer.is_good() {
            model.answered.push((request, answer.body));
        }
    }
    for (request, before) in std::mem::take(&mut model.answered) {
        let key = request.key.as_deref();
        let answer = http.call("POST", &request.path, key, &request.body).unwrap();
        assert_eq!(answer.text(), String::from_utf8(before).unwrap(), "another answer than before");
    }
    unanswered
}

fn pages(http: &mut Http, path: &str, mut after: Option<String>, mut each: impl FnMut(&Value)) {
    loop {
        let from = after.as_ref().map(|after| format!("&after={after}")).unwrap_or_default();
        let answer = http.get(&format!("{path}{from}")).unwrap();
        assert!(answer.is_good(), "{}", answer.text());
        let page = answer.json();
        page["items"].as_array().unwrap().iter().for_each(&mut each);
        match page["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => return,
        }
    }
}

/// The mark of the order that stands in a credential, in whatever format.
fn marker(secured: &str) -> Option<u64> {
    let parts = secured.split(['.', '~', '"']).filter_map(|part| decode_base64url(part).ok());
    let mut texts: Vec<String> =
        parts.map(|part| String::from_utf8_lossy(&part).into_owned()).collect();
    texts.push(secured.to_owned());
    texts.iter().find_map(|text| {
        let at = text.find("sha256:0000000000000000")? + "sha256:".len();
        u64::from_str_radix(text.get(at + 48..at + 64)?, 16).ok()
    })
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}
