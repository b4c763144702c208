//! A wallet and its issuer: enrolled, granted, handed on, taken back, done.

use crate::place::{Place, ends};
use crate::service::{REPORTS, SERVICE, Service, grant};

const GET: [&str; 3] = ["--for", "GET", "https://files.example/reports/7"];

#[test]
fn an_agent_enrols_once_with_a_link() {
    let service = Service::start();
    let place = Place::new();
    let link = service.link("one");
    let told = place.ends(&["enrol", &link], 0);
    assert!(told.out.starts_with(&format!("{} is enrolled with localhost-", place.did())));
    assert!(told.out.contains("\nreceived AgentIdentityCredential urn:uuid:"), "{told:?}");
    let other = Place::new();
    other.fails(&["enrol", &link], 64, "an agent has enrolled by this link");
    assert!(other.ends(&["status"], 0).out.ends_with("no credentials\n"));

    // What was learned by the link.
    let status = place.json(&["status"]);
    let issuer = &status["issuers"][0];
    assert_eq!(issuer["url"], service.url);
    assert_eq!(issuer["did"], service.did);
    assert_eq!(issuer["bundleSigner"], service.bundle_signer);
    assert!(issuer["ageSeconds"].as_u64().unwrap() < 60);
    let identity = &status["credentials"][0];
    assert_eq!(identity["standing"], "good");
    let id = identity["id"].as_str().unwrap();
    let shown = place.json(&["show", id]);
    assert_eq!(shown["credential"]["id"], id);
    assert_eq!(place.json(&["show", &id[id.len() - 8..]])["id"], id);
    let raw = place.ends(&["show", id, "--raw"], 0).out;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&raw).unwrap(), shown["credential"]);
    let name = issuer["name"].as_str().unwrap();
    let told = place.ends(&["show", "--issuer", name], 0);
    assert!(told.out.contains(" old, good until "), "{told:?}");
    // With the credential gone nothing is bound to the key.
    place.fails(&["remove", "--key", "agent"], 64, "1 credentials are bound to the key agent");
    place.ends(&["remove", id], 0);
    place.ends(&["remove", "--key", "agent"], 0);
    place.ends(&["remove", "--issuer", name], 0);
}

#[test]
fn links_that_lead_nowhere_are_told_apart() {
    let service = Service::start();
    let place = Place::new();
    let link = service.link("one");
    let (url, secret) = link.split_once('#').unwrap();
    place.fails(&["enrol", url], 64, "what stands behind the # is missing");
    place.fails(&["enrol", &service.url], 64, "this is no enrolment link");
    let wrong = format!("{url}#{}", "A".repeat(secret.len()));
    place.fails(&["enrol", &wrong], 1, "this is not the secret of the link");
    let (base, _) = url.rsplit_once('/').unwrap();
    let unknown = format!("{base}/0199d3a0-5a7e-7c1b-8e55-0d6c2f4b9a31#{secret}");
    place.fails(&["enrol", &unknown], 64, "there is no such enrolment link");
    let plain = format!("http://issuer.example/enrol/1#{secret}");
    place.fails(&["enrol", &plain], 64, "is plain http");
    // Where the issuer goes by another name, it is somebody else.
    let other = link.replace("localhost", "127.0.0.1");
    place.fails(&["enrol", &other], 1, "ask the operator for another link");
    place.fails(&["enrol", &link, "--key", "b"], 64, "there is no key b");
    place.fails(&["enrol", &link, "--issuer-name", "a b"], 64, "is no name");
    // None of that has used it up. From standard input, nobody sees it.
    place.write("link", format!("{link}\n"));
    let input = std::fs::File::open(place.path("link")).unwrap();
    ends(place.command(&["enrol", "-", "--new-key", "second"]).stdin(input), 0);
    assert_eq!(place.json(&["list", "--key", "second"])["items"].as_array().unwrap().len(), 1);
    // Taken back.
    let link = service.link("two");
    let id = link.rsplit_once('/').unwrap().1.split_once('#').unwrap().0;
    let told = service.operator(&["agent", "link", "revoke", id]);
    assert_eq!(told.out, format!("{id} is revoked\n"));
    place.fails(&["enrol", &link], 64, "this link was taken back");
    let told = service.operator(&["agent", "link", "list"]);
    assert!(told.out.contains("revoked  two"), "{told:?}");
}

#[test]
fn a_grant_is_asked_for_shown_and_done() {
    let service = Service::start();
    let agent = service.agent("one");
    let asked = ["grant", "--task", "read", "--resource", REPORTS, "--audience", SERVICE];
    let read = [&asked[..], &["--action", "files.read"]].concat();
    let write = [&asked[..], &["--action", "files.write"]].concat();
    let told = agent.fails(&write, 1, "no rule grants this. rule \"reports\": the action");
    assert!(told.err.contains("[grant-refused]"), "{told:?}");
    let present =
        [&["present", "--action", "files.read", "--resource", REPORTS], &GET[..]].concat();
    let told = agent.fails(&present, 2, "what is asked for can't be shown:\n  no grant");
    assert!(told.err.contains("try: bonafide wallet status"), "{told:?}");
    let told = agent.ends(&read, 0);
    assert!(told.out.starts_with("granted by the rule reports\nreceived TaskGrantCredential "));

    // For one request, in the form of a header.
    let token = agent.ends(&present, 0).out;
    assert_eq!(token.trim_end().split('.').count(), 3);
    let json = agent.json(&present);
    assert_eq!(json["header"], "Bonafide-Presentation");
    let far = [&present[..], &["--valid-for", "6m"]].concat();
    agent.fails(&far, 64, "lives from 1 second to 5 minutes");
    let other = ["present", "--action", "files.list", "--audience", SERVICE, "--nonce", "1"];
    agent.fails(&other, 2, "does not allow files.list");

    let grants = agent.json(&["list", "--type", "TaskGrantCredential"]);
    let grant = grants["items"][0]["id"].as_str().unwrap();
    // A second one for the same task: then it takes the id.
    agent.ends(&read, 0);
    agent.fails(&["complete", "read"], 64, "there is more than one grant for read");
    agent.ends(&["complete", grant, "--outcome", "done"], 0);
    let told = agent.ends(&["complete", "read"], 0);
    assert!(told.out.ends_with(" is done: revoked, with all that was delegated under it\n"));
    agent.fails(&present, 2, "no grant; ask the issuer for one");
    let identity = agent.json(&["list"])["items"][0]["id"].as_str().unwrap().to_owned();
    agent.fails(&["complete", &identity], 64, "it is no grant or delegation of this wallet");
    // An agent that is suspended gets nothing more.
    service.operator(&["agent", "suspend", &agent.did()]);
    agent.fails(&read, 1, "suspended");
}

#[test]
fn a_part_is_handed_on_and_taken_back() {
    let service = Service::start();
    let (planner, worker) = (service.agent("planner"), service.agent("worker"));
    let grant = grant(&planner, &["--max-depth", "2"]);
    let to = worker.did();
    let delegate = ["delegate", &grant, "--to", &to];
    let with = |more: &[&'static str]| [&delegate[..], more].concat();
    for (more, code, says) in [
        (&["--action", "files.write"][..], 1, "a delegation only narrows: action: files.write"),
        (&["--resource", "https://files.example"], 1, "a delegation only narrows: resource"),
        (&["--max-depth", "2"], 1, "a delegation only narrows: depth"),
        (&["--valid-for", "2h"], 1, "after its parent"),
        (&["--children", "100"], 1, "no status is left for a child"),
        (&["--constraint", "{\"type\":\"Mood\"}"], 64, "no verifier knows the constraint Mood"),
        (&["--constraint", "{"], 64, "not strict JSON"),
        (&["--constraint", "{\"type\":\"Uses\"}"], 64, "max"),
    ] {
        planner.fails(&with(&[more, &["--out", "x"]].concat()), code, says);
        assert!(!planner.path("x").exists());
    }
    planner.fails(&with(&["--out", "-"]), 64, "--out: expected a file");
    let part = ["--action", "files.read", "--children", "1", "--constraint"];
    let part =
        [&part[..], &["{\"type\":\"Uses\",\"max\":3}", "--out", "worker.delegation"]].concat();
    let told = planner.ends(&with(&part), 0);
    let written = format!("delegation to {to} written to worker.delegation (index ");
    assert!(told.out.starts_with(&written) && told.out.ends_with(")\n"), "{}", told.out);

    // It is for the worker and for nobody else.
    let package = planner.read("worker.delegation");
    let stranger = service.agent("stranger");
    stranger.write("p", &package);
    stranger.fails(&["receive", "p"], 1, "of which this wallet has no key");
    worker.write("p", package.replace("\"task\":\"read\"", "\"task\":\"rent\""));
    worker.fails(&["receive", "p"], 1, "it does not verify: ");
    worker.write("p", &package);
    let told = worker.ends(&["receive", "p"], 0);
    assert!(told.out.starts_with("received DelegationCredential urn:uuid:"), "{told:?}");
    let present = [&["present", "--action", "files.read"], &GET[..]].concat();
    worker.ends(&present, 0);

    planner.ends(&["revoke", "--package", "worker.delegation", "--reason", "changed my mind"], 0);
    worker.ends(&["update"], 0);
    worker.fails(&present, 2, "revoked");
    let told = worker.ends(&["status"], 2);
    assert!(told.out.contains("? DelegationCredential urn:uuid:"), "{told:?}");
    // Indexes of nobody's, and files that are none.
    let away = Service::start();
    planner.ends(&["enrol", &away.link("away"), "--issuer-name", "away"], 0);
    drop(away);
    let told = planner.fails(&["update"], 70, "error: away: no connection");
    assert!(told.out.starts_with("up to date with localhost-"), "{told:?}");
    planner.fails(&["grant", "--task", "t"], 64, "--action");
    let several = ["grant", "--task", "t", "--action", "a", "--resource", REPORTS, "--audience"];
    planner.fails(&[&several[..], &[SERVICE]].concat(), 64, "which issuer? away, localhost-");
    planner.fails(&["revoke", &grant, "--index", "3"], 64, "there is no such child of this grant");
    planner.fails(&["revoke", "--package", "pass"], 64, "delegation package");
    assert_eq!(planner.ends(&["revoke", &grant], 64).out, "");
}

#[test]
fn what_is_received_was_verified() {
    let service = Service::start();
    let agent = service.agent("one");
    let did = agent.did();
    let score =
        format!("{}/../../fixtures/claims/pact-score-platinum.json", env!("CARGO_MANIFEST_DIR"));
    let attest = |format: &str, out: &str| {
        let out = service.path(out).display().to_string();
        let attest = ["attest", &did, "--type", "PactScoreCredential", "--claims", &score];
        service.operator(&[&attest[..], &["--format", format, "--out", &out]].concat());
        std::fs::read_to_string(&out).unwrap()
    };
    let plain = attest("eddsa-jcs-2022", "plain.vc");
    agent.write("forged.vc", plain.replace("\"score\":98", "\"score\":99").replace("98", "97"));
    agent.fails(&["receive", "forged.vc"], 1, "it does not verify: ");
    agent.write("plain.vc", &plain);
    agent.ends(&["receive", "plain.vc"], 0);
    let other = Place::new();
    other.write("plain.vc", &plain);
    other.fails(&["receive", "plain.vc"], 1, "it speaks of did:key:");
    agent.fails(&["receive", "missing.vc"], 64, "can't read missing.vc");
    agent.write("text", "hello");
    agent.fails(&["receive", "text"], 64, "credential");

    // Of what its format lets it hide, an agent shows what it was asked for.
    agent.write("part.vc", attest("ecdsa-sd-2023", "part.vc"));
    let received = agent.json(&["receive", "part.vc"]);
    let part = received["id"].as_str().unwrap();
    let asked = ["--nonce", "1", "--audience", SERVICE];
    let present = ["present", "--credential", part, "--reveal"];
    let shown = agent.ends(&[&present[..], &["/credentialSubject/tier"], &asked].concat(), 0).out;
    assert!(shown.contains("\"tier\":\"platinum\"") && !shown.contains("\"value\":98"), "{shown}");
    let nothing = [&present[..], &["AgentIdentityCredential=/a"], &asked].concat();
    agent.fails(&nothing, 64, "nothing is shown of which");
    agent.fails(&[&present[..], &["tier"], &asked].concat(), 64, "is no JSON pointer");
    let plain = agent.json(&["list"])["items"][1]["id"].as_str().unwrap().to_owned();
    let whole = ["present", "--credential", &plain, "--reveal", "/credentialSubject/tier"];
    agent.fails(&[&whole[..], &asked].concat(), 64, "its format shows it whole");
}
