//! An issuer, three wallets and a service, each as processes of their own: everything goes on
//! without the issuer until the grants run out, and what is revoked is refused with the next bundle.

pub(crate) mod folder;
mod service;

use std::time::Duration;

use bonafide_core::time::Timestamp;
use serde_json::{Value, json};

use self::folder::WalletFolder;
use self::service::{FILES, Service};
use crate::issuer::client::{provider_token, start};
use crate::issuer::service::{Issuer, instant, now};

const REPORTS: &str = "https://files.example/reports";
const REPORT: &str = "https://files.example/reports/7";

/// Who works on the task, one below the other.
struct Team {
    planner: WalletFolder,
    worker: WalletFolder,
    tool: WalletFolder,
}

impl Team {
    fn enrolled(issuer: &Issuer) -> Self {
        let [planner, worker, tool] =
            ["planner", "worker", "tool"].map(|name| WalletFolder::enrolled(issuer, name));
        // Longer than any grant here, which would end with it.
        let until = json!(now().unix() + 3_600);
        planner.write_private("alice.jwt", &provider_token("JWT", &[("exp", until)]));
        Self { planner, worker, tool }
    }

    fn all(&self) -> [&WalletFolder; 3] {
        [&self.planner, &self.worker, &self.tool]
    }

    /// Everybody gets the news.
    #[track_caller]
    fn update(&self) {
        self.all().iter().for_each(|agent| drop(agent.done(&["update"])));
    }

    fn dids(&self) -> [String; 3] {
        self.all().map(WalletFolder::did)
    }

    /// Hands an action of the planner's grant down to the tool, by files: who has what.
    #[track_caller]
    fn hand_down(&self, grant: &str, action: &str, until: &str) -> [String; 3] {
        let [_, worker, tool] = self.dids();
        let out = format!("{action}.delegation");
        let handed = ["delegate", grant, "--to", &worker, "--part", "fetch", "--children", "1"];
        let part = ["--action", action, "--valid-for", until, "--out", &out];
        self.planner.done(&[&handed[..], &part].concat());
        let received = receive(&self.planner, &self.worker, &out);
        // Until what the worker has ends.
        let handed = ["delegate", &received, "--to", &tool, "--resource", REPORT, "--out", &out];
        self.worker.done(&handed);
        let last = receive(&self.worker, &self.tool, &out);
        [grant.to_owned(), received, last]
    }
}

/// Takes a package from another agent's folder; the id of what it hands on.
#[track_caller]
fn receive(from: &WalletFolder, to: &WalletFolder, file: &str) -> String {
    to.write("package", &from.read(file));
    let received = to.told(&["receive", "package"]);
    assert_eq!(received["types"], json!(["DelegationCredential"]));
    received["id"].as_str().unwrap().to_owned()
}

/// A grant on behalf of alice.
#[track_caller]
fn granted(planner: &WalletFolder, action: &str, until: &str) -> (String, Timestamp) {
    let asked = ["grant", "--task", "report-4711", "--action", action, "--resource", REPORTS];
    let before = ["--audience", FILES, "--principal-token", "alice.jwt", "--valid-for", until];
    let depth = ["--max-depth", "2", "--constraint", r#"{"type":"Uses","max":10}"#];
    let told = planner.told(&[&asked[..], &before, &depth].concat());
    assert_eq!(told["rule"], "reports");
    let until = told["validUntil"].as_str().unwrap();
    (told["id"].as_str().unwrap().to_owned(), Timestamp::parse(until).unwrap())
}

/// The value of the header for one request.
#[track_caller]
fn header(agent: &WalletFolder, action: &str, url: &str, more: &[&str]) -> String {
    let least = ["present", "--action", action, "--resource", url.trim_end_matches('/')];
    let made = ["--valid-for", "5m", "--for", "GET", url];
    agent.done(&[&least[..], &made, more].concat())
}

/// What the service answers when an agent reads the report.
#[track_caller]
fn reads(service: &Service, agent: &WalletFolder) -> service::Decision {
    service.asked("GET", "/reports/7", &header(agent, "files.read", REPORT, &[]), b"")
}

/// Waits for the end, and for as much more as the service allows for clocks that differ.
fn wait_until(end: Timestamp) {
    while now() <= end.saturating_add(service::SKEW) {
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The events on the issuer's log, in order.
fn events(issuer: &Issuer) -> Vec<String> {
    let listed = issuer.told(&["audit", "list", "--limit", "1000"]);
    let name = |item: &Value| item["record"]["event"].as_str().unwrap().to_owned();
    listed["items"].as_array().unwrap().iter().map(name).collect()
}

#[test]
fn the_issuer_stops_and_everything_goes_on_until_a_link_is_revoked() {
    let issuer = start("");
    let team = Team::enrolled(&issuer);
    let [planner, worker, tool] = team.dids();
    let (grant, _) = granted(&team.planner, "files.read", "10m");
    let service = Service::start(&issuer);
    team.update();
    service.pull(&issuer);
    issuer.write("log.key", issuer.announced["logKey"].as_str().unwrap());
    issuer.terminate();

    // From here on nobody can ask it.
    team.planner.refuses(&["update"], 70, "");
    let [_, _, last] = team.hand_down(&grant, "files.read", "5m");
    let verdict = reads(&service, &team.tool).is_accepted();
    let chain = verdict["chain"].as_array().unwrap();
    let members =
        |name: &str| -> Vec<Value> { chain.iter().map(|link| link[name].clone()).collect() };
    assert_eq!(members("subject"), [json!(planner), json!(worker), json!(tool)]);
    assert_eq!(members("issuer"), [json!(issuer.did()), json!(planner), json!(worker)]);
    assert_eq!(chain[2]["id"], last);
    assert_eq!(members("task"), ["report-4711", "report-4711/fetch", "report-4711/fetch"]);
    assert_eq!(verdict["presenter"], tool);
    assert_eq!(verdict["principal"]["issuer"], "https://idp.example");
    assert_eq!(verdict["principal"]["subject"], "alice");
    let effective = &verdict["effective"];
    assert_eq!(effective["actions"], json!(["files.read"]));
    assert_eq!(effective["resources"], json!([REPORT]));
    // Each link's limit on uses is the service's to count.
    assert_eq!(effective["obligations"].as_array().unwrap().len(), 3);
    reads(&service, &team.planner).is_accepted();
    reads(&service, &team.worker).is_accepted();

    // No presentation, one that was used, one for another request, and more than was handed on.
    service.asked("GET", "/reports/7", "", b"").asks_for_a_presentation();
    let once = header(&team.tool, "files.read", REPORT, &[]);
    service.asked("GET", "/reports/7", &once, b"").is_accepted();
    service.asked("GET", "/reports/7", &once, b"").is_refused("replayed");
    assert!(service.path("state/seen.json").exists());
    let other = header(&team.tool, "files.read", REPORT, &[]);
    service.asked("POST", "/reports/7", &other, b"").is_refused("channel-mismatch");
    service.asked("GET", "/reports/7", &other, b"body").is_refused("channel-mismatch");
    let beside = ["present", "--action", "files.read", "--resource", REPORT, "--for", "GET"];
    let beside = team.tool.done(&[&beside[..], &["https://files.example/reports/8"]].concat());
    service.asked("GET", "/reports/8", &beside, b"").is_refused("resource-not-granted");

    // It comes back, and the planner takes back what it handed to the worker.
    std::fs::copy(issuer.path("data/log/checkpoint"), issuer.path("kept.checkpoint")).unwrap();
    issuer.begin();
    let revoke = ["revoke", "--package", "files.read.delegation", "--reason", "changed"];
    team.planner.done(&revoke);
    // The service knows nothing of that before it pulls.
    reads(&service, &team.tool).is_accepted();
    service.pull(&issuer);
    reads(&service, &team.tool).is_refused("revoked");
    reads(&service, &team.worker).is_refused("revoked");
    reads(&service, &team.planner).is_accepted();
    // With the news a wallet sees it for itself.
    team.tool.done(&["update"]);
    let present = ["present", "--action", "files.read", "--for", "GET", REPORT];
    team.tool.refuses(&present, 2, "revoked");

    let before = header(&team.planner, "files.read", REPORT, &[]);
    team.planner.done(&["complete", &grant, "--outcome", "done"]);
    service.pull(&issuer);
    service.asked("GET", "/reports/7", &before, b"").is_refused("revoked");
    team.planner.refuses(&present, 2, "no grant; ask the issuer for one");

    // All of it is on the log, which goes on from where it was.
    let found = events(&issuer);
    let mut rest = found.iter();
    for step in [
        "enrolment-link-made",
        "enrolment-link-used",
        "agent-enrolled",
        "grant-decided",
        "credential-issued",
        "grant-child-revoked",
        "grant-completed",
    ] {
        assert!(rest.any(|event| event == step), "{step} in {found:?}");
    }
    issuer.terminate();
    let verify = ["log", "verify", "data", "--key", "log.key", "--checkpoint", "kept.checkpoint"];
    issuer.told(&verify);
    issuer.done(&["audit", "export", "data", "--out", "audit.jsonl"]);
    issuer.done(&["audit", "verify", "audit.jsonl", "--log", "data", "--key", "log.key"]);
}

#[test]
fn grants_run_out_by_themselves() {
    let issuer = start("");
    let team = Team::enrolled(&issuer);
    let service = Service::start(&issuer);
    // As long as it takes here, so that nobody waits for nothing.
    let begun = instant();
    team.update();
    let part = 10 + 6 * begun.elapsed().as_secs();
    let (grant, until) = granted(&team.planner, "files.read", &format!("{}s", 2 * part));
    service.pull(&issuer);
    issuer.terminate();
    let [_, _, last] = team.hand_down(&grant, "files.read", &format!("{part}s"));
    // Made before it ends, and good for minutes by itself.
    let [first, second] = [(), ()].map(|()| header(&team.tool, "files.read", REPORT, &[]));
    let own = header(&team.planner, "files.read", REPORT, &[]);
    service.asked("GET", "/reports/7", &first, b"").is_accepted();
    let shown = team.tool.told(&["show", &last]);
    let end = Timestamp::parse(shown["credential"]["validUntil"].as_str().unwrap()).unwrap();
    assert!(end < until, "a part ends before the whole");
    wait_until(end);
    service.asked("GET", "/reports/7", &second, b"").is_refused("expired");
    let present = ["present", "--action", "files.read", "--for", "GET", REPORT];
    team.tool.refuses(&present, 2, "ended at");
    // What it is a part of lives on for a while.
    reads(&service, &team.planner).is_accepted();
    wait_until(until);
    service.asked("GET", "/reports/7", &own, b"").is_refused("expired");
    team.planner.refuses(&present, 2, "ended at");
    // Without its issuer there is no other.
    let ask = ["grant", "--task", "t", "--action", "files.read", "--resource", REPORTS];
    team.planner.refuses(&[&ask[..], &["--audience", FILES]].concat(), 70, "");
}
