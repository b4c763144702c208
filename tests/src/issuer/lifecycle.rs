//! The service as its operator meets it: lists, batches, starting, stopping, refusing.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use bonafide_issuer::format::Format;
use serde_json::{Value, json};

use super::agent::{Agent, BUILDER, IDENTITY, SCORE, claims};
use super::service::{Issuer, instant};

/// Every item of a list, page by page, and how long each page was.
fn pages(issuer: &Issuer, path: &str, after: &str, limit: usize) -> (Vec<Value>, Vec<usize>) {
    let (mut items, mut lengths, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let sign = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{sign}limit={limit}{cursor}");
        let page = issuer.get_as(&issuer.admin(), &path).is(200);
        let came = page["items"].as_array().unwrap();
        lengths.push(came.len());
        items.extend(came.iter().cloned());
        cursor = match &page["next"] {
            Value::Null => return (items, lengths),
            Value::String(next) => format!("&{after}={next}"),
            next => format!("&{after}={next}"),
        };
        assert!(lengths.len() < 100, "{path} does not end");
    }
}

fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[test]
fn lists_are_read_page_by_page_and_searched() {
    let issuer = Issuer::start();
    let agents: Vec<Agent> =
        (0..7).map(|number| Agent::enrol(&issuer, &format!("agent-{number}"))).collect();
    let expected: Vec<&str> = agents.iter().map(|agent| agent.id.as_str()).collect();
    for (limit, lengths) in [(3, &[3, 3, 1][..]), (7, &[7]), (6, &[6, 1]), (1000, &[7])] {
        let (items, found) = pages(&issuer, "/agents", "after", limit);
        assert_eq!((ids(&items), &found[..]), (expected.clone(), lengths), "{limit}");
    }
    let listed = |path: &str| pages(&issuer, path, "after", 2).0;
    assert_eq!(ids(&listed("/agents?name=agent-4")), [agents[4].id.as_str()]);
    assert_eq!(ids(&listed(&format!("/agents?did={}", agents[2].did))), [agents[2].id.as_str()]);
    assert_eq!(listed("/agents?sponsor=did:web:nobody.example"), [] as [Value; 0]);

    // Credentials of two agents; one is revoked, one agent suspended.
    for agent in &agents[..2] {
        agent.attest(&issuer, IDENTITY, Format::EddsaJcs2022);
        for _ in 0..3 {
            agent.attest(&issuer, BUILDER, Format::EddsaJcs2022);
        }
    }
    assert_eq!(listed("/agents?state=active").len(), 2);
    let all = listed("/credentials");
    assert_eq!(all.len(), 8);
    assert_eq!(ids(&all).iter().collect::<BTreeSet<_>>().len(), 8);
    let of_first = listed(&format!("/credentials?agent={}", agents[0].id));
    assert_eq!(ids(&of_first), ids(&all)[..4]);
    assert_eq!(listed(&format!("/credentials?type={BUILDER}")).len(), 6);
    issuer.told(&["revoke", all[1]["id"].as_str().unwrap()]);
    issuer.told(&["agent", "suspend", &agents[1].did]);
    let revoked = listed("/credentials?status=revoked");
    assert_eq!(ids(&revoked), [all[1]["id"].as_str().unwrap()]);
    let suspended = listed("/credentials?status=suspended");
    assert_eq!(ids(&suspended), ids(&all)[4..]);
    assert_eq!(listed("/credentials?status=valid").len(), 3);
    // One by one, by either of its ids; whole, as it was handed out.
    for name in ["id", "credentialId"] {
        let shown = issuer.told(&["credential", "show", all[0][name].as_str().unwrap()]);
        assert_eq!(shown["verifiableCredential"]["id"], all[0]["credentialId"]);
    }

    // What happened to an agent, and what happened at all.
    let path = format!("/agents/{}/history", agents[1].id);
    let (history, lengths) = pages(&issuer, &path, "from", 4);
    assert_eq!((history.len(), lengths), (10, vec![4, 4, 2]));
    let (audit, _) = pages(&issuer, "/audit", "from", 10);
    let sequences: Vec<u64> = audit.iter().map(|item| item["sequence"].as_u64().unwrap()).collect();
    assert!(sequences.iter().copied().eq(0..audit.len() as u64), "{sequences:?}");
    let (enrolled, _) = pages(&issuer, "/audit?event=agent-enrolled", "from", 3);
    assert_eq!(enrolled.len(), 7);

    for path in ["/agents", "/credentials", "/audit", &path] {
        for wrong in ["limit=0", "limit=1001", "limit=x", "after=x&from=x"] {
            let answer = issuer.get_as(&issuer.admin(), &format!("{path}?{wrong}"));
            answer.refused(400, "malformed-value");
        }
    }
    // A cursor that is nobody's id is a place all the same.
    let nobody = "00000000-0000-7000-8000-000000000000";
    let page = issuer.get_as(&issuer.admin(), &format!("/agents?after={nobody}")).is(200);
    assert_eq!(page["items"].as_array().unwrap().len(), 7);
    for path in [format!("/agents/{nobody}"), format!("/credentials/{nobody}"), "/agents/x".into()]
    {
        issuer.get_as(&issuer.admin(), &path).refused(404, "not-found");
    }
}

#[test]
fn of_a_batch_each_item_has_its_own_result() {
    const ITEMS: usize = 300;
    let issuer = Issuer::start();
    let agents: Vec<Agent> =
        (0..3).map(|number| Agent::attested(&issuer, &format!("agent-{number}")).0).collect();
    issuer.told(&["agent", "suspend", &agents[2].did]);
    let nobody = "00000000-0000-7000-8000-000000000000";
    // One in ten is wrong, each in a way of its own.
    let item = |number: usize| {
        let agent = &agents[number % 2].id;
        let good = json!({"agent": agent, "type": SCORE, "claims": claims(SCORE)});
        let changed = |member: &str, value: Value| {
            let mut item = good.clone();
            item[member] = value;
            item
        };
        match number {
            10 => (changed("type", "DriversLicence".into()), 400, "malformed-value"),
            20 => (changed("claims", json!({"value": 101})), 400, "malformed-value"),
            30 => (changed("agent", nobody.into()), 404, "not-found"),
            40 => (changed("agent", agents[2].id.clone().into()), 409, "agent-suspended"),
            50 => (changed("format", "pdf".into()), 400, "malformed-value"),
            60 => (changed("validFor", "400d".into()), 400, "malformed-value"),
            70 => (changed("decoys", 3.into()), 400, "malformed-value"),
            80 => (changed("surprise", true.into()), 400, "malformed-value"),
            90 => (changed("instance", "other".into()), 404, "not-found"),
            100 => (changed("mandatory", json!(["/nothing"])), 400, "malformed-value"),
            _ => (good, 201, ""),
        }
    };
    let items: Vec<_> = (0..ITEMS).map(item).collect();
    let lines: String =
        items.iter().flat_map(|(item, ..)| [item.to_string(), "\n".to_owned()]).collect();
    issuer.write("scores.jsonl", &lines);
    let (exit, out, err) =
        issuer.run(&["attest", "--batch", "scores.jsonl", "--out", "results.jsonl", "--json"]);
    assert_eq!(exit, 1, "{out}{err}");
    let summary: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&summary["attested"], &summary["failed"]), (&json!(290), &json!(10)));
    let results = issuer.read("results.jsonl");
    let results: Vec<Value> =
        results.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(results.len(), ITEMS);
    for (number, (result, (item, status, code))) in results.iter().zip(&items).enumerate() {
        assert_eq!(result["status"], *status, "{number}: {result}");
        match *status {
            201 => {
                let subject = &result["verifiableCredential"]["credentialSubject"]["id"];
                assert_eq!(*subject, agents[number % 2].did, "{number}");
            }
            _ => assert_eq!(result["problem"]["code"], *code, "{number}: {item}"),
        }
    }
    // Each is as good as one that was asked for alone.
    let listed = pages(&issuer, &format!("/credentials?type={SCORE}"), "after", 1000).0;
    assert_eq!(listed.len(), 290);
    let indexes: BTreeSet<u64> =
        listed.iter().map(|one| one["statusIndex"].as_u64().unwrap()).collect();
    assert_eq!(indexes.len(), 290);
    issuer.pull();
    issuer.write("one.vc", &results[299]["verifiableCredential"].to_string());
    issuer.verdict("one.vc", &[]).is_accepted();

    let none = issuer.post("/attestations", &json!({"items": []}));
    none.refused(400, "malformed-value");
    let item = json!({"agent": nobody, "type": SCORE});
    let many = issuer.post("/attestations", &json!({"items": vec![item; 1001]}));
    many.refused(400, "malformed-value");
    // A revocation of all of a type is one request.
    let revoked = issuer.told(&["revoke", "--type", SCORE]);
    assert_eq!(revoked["revoked"], 290);
    issuer.pull();
    issuer.verdict("one.vc", &[]).is_rejected("revoked");
}

#[test]
fn a_folder_has_one_service_and_says_who_has_it() {
    let issuer = Issuer::start();
    // The same address is the commoner mistake.
    let (exit, said) = issuer.fails_to_start();
    assert!(exit == 64 && said.contains("can't listen at"), "{exit}: {said}");
    let (exit, said) = issuer.fails_to_start_at(0);
    assert_eq!(exit, 64, "{said}");
    for says in ["data is in use by process", "stop the other process", "--data"] {
        assert!(said.contains(says), "{said}");
    }
    // The one that is there goes on.
    let (agent, _) = Agent::attested(&issuer, "agent");
    issuer.restart();
    agent.attest(&issuer, SCORE, Format::EddsaJcs2022);
}

#[test]
fn without_the_key_that_its_keys_are_sealed_with_nothing_starts_and_nothing_is_lost() {
    let issuer = Issuer::start();
    let (agent, identity) = Agent::attested(&issuer, "agent");
    issuer.terminate();
    let key = issuer.path("data/seal.key");
    let kept = std::fs::read_to_string(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let (exit, said) = issuer.fails_to_start();
    assert!(exit == 64 && said.contains("seal.key: is missing"), "{exit}: {said}");
    assert!(!key.exists(), "no new key takes its place");
    // Another one.
    let other = Issuer::start();
    issuer.write_private("data/seal.key", &other.read("data/seal.key"));
    let (exit, said) = issuer.fails_to_start();
    assert!(exit == 64 && said.contains("another seal key or passphrase"), "{exit}: {said}");
    issuer.write_private("data/seal.key", "bonafide-sealing-key-1.short\n");
    let (exit, said) = issuer.fails_to_start();
    assert!(exit == 64 && said.contains("does not open"), "{exit}: {said}");
    // Others may read it.
    issuer.write_private("data/seal.key", &kept);
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    let (exit, said) = issuer.fails_to_start();
    assert!(exit == 64 && said.contains("others than its owner can read it"), "{exit}: {said}");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    // A passphrase where there was a key.
    issuer.write("passphrase", "correct horse battery staple");
    issuer.write("settings.toml", "[seal]\npassphrase_file = \"passphrase\"\n");
    let (exit, said) = issuer.fails_to_start();
    assert!(exit == 64 && said.contains("seal.json: is missing"), "{exit}: {said}");
    issuer.write("settings.toml", "");
    issuer.begin();
    issuer.pull();
    issuer.judged(&identity).is_accepted();
    agent.attest(&issuer, SCORE, Format::EddsaJcs2022);
}

#[test]
fn a_passphrase_opens_the_keys_and_another_one_does_not() {
    let settings = "[seal]\npassphrase_file = \"passphrase\"\n";
    let passphrase = |issuer: &Issuer, text: &str| issuer.write_private("passphrase", text);
    let issuer = Issuer::with_files(settings, &[("passphrase", "correct horse battery staple\n")]);
    assert!(issuer.path("data/seal.json").exists() && !issuer.path("data/seal.key").exists());
    let (agent, _) = Agent::attested(&issuer, "agent");
    issuer.restart();
    agent.attest(&issuer, SCORE, Format::EddsaJcs2022);
    issuer.terminate();
    passphrase(&issuer, "correct horse battery stable");
    let (exit, said) = issuer.fails_to_start();
    assert_eq!(exit, 64, "{said}");
    assert!(said.contains("the key or passphrase is another one"), "{said}");
    assert!(!said.contains("horse"), "{said}");
    passphrase(&issuer, "  \n");
    let (exit, said) = issuer.fails_to_start();
    assert!(exit == 64 && said.contains("passphrase"), "{exit}: {said}");
}

#[test]
fn settings_that_nobody_knows_or_that_can_t_work_are_refused() {
    let issuer = Issuer::start();
    issuer.terminate();
    for (settings, says) in [
        ("lisen = \"127.0.0.1:1\"", "lisen"),
        ("[limits]\nbatches = 5", "batches"),
        ("[telemetry]\nlevel = \"loud\"", "loud"),
        ("[seal]\nkey_file = \"a\"\npassphrase_file = \"b\"", "not both"),
        ("public_url = \"https://issuer.example/\"", "public_url"),
        ("[[instance]]\nname = \"Default\"", "instance name"),
        ("[[instance]]\nname = \"a\"\nformat = \"pdf\"", "expected one of"),
        ("[status]\nttl = \"1d\"\nvalid_for = \"1h\"", "status.valid_for"),
        ("[issuance]\nvalid_for = \"2y\"", "valid_for"),
        ("[cors]\norigins = [\"*\"]", "cors.origins"),
        // The instance that is there has another DID.
        ("[[instance]]\nname = \"default\"\ndid = \"key\"", "can't get another"),
    ] {
        issuer.write("settings.toml", settings);
        let (exit, said) = issuer.fails_to_start();
        assert!(exit == 64 && said.contains(says), "{settings}: {exit}: {said}");
        if !settings.contains("did = ") {
            issuer.refuses(&["config", "check", "settings.toml"], says);
        }
    }
    // Every setting with its default is a good file.
    let defaults = issuer.done(&["config", "show"]);
    issuer.write("settings.toml", &defaults);
    assert_eq!(issuer.told(&["config", "check", "settings.toml"])["good"], true);
    issuer.begin();
}

#[test]
fn who_follows_the_feed_does_not_hold_up_the_end() {
    let issuer = Issuer::start();
    let (agent, _) = Agent::attested(&issuer, "agent");
    let mut feed = issuer.follow();
    issuer.told(&["agent", "suspend", &agent.did]);
    assert_eq!(feed.next()["status"], "suspended");
    let began = instant();
    issuer.terminate();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
