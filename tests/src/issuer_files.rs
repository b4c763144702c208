//! The issuer's files without its service: the log, audit records, backups.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bonafide_issuer::format::Format;
use serde_json::{Value, json};

use crate::issuer::agent::{Agent, BUILDER, IDENTITY, claims};
use crate::issuer::http;
use crate::issuer::service::Issuer;

/// A service with an agent and a few credentials.
fn used() -> (Issuer, Agent) {
    let issuer = Issuer::start();
    let agent = filled(&issuer);
    (issuer, agent)
}

fn filled(issuer: &Issuer) -> Agent {
    issuer.write("log.key", issuer.announced["logKey"].as_str().unwrap());
    let (agent, _) = Agent::attested(issuer, "filer");
    for _ in 0..3 {
        agent.attest(issuer, BUILDER, Format::EddsaJcs2022);
    }
    agent
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() { copied(&from, &to) } else { fs::copy(&from, &to).map(drop).unwrap() }
    }
}

/// Changes one byte, counted from the end.
fn flipped(path: &Path, from_end: usize) {
    let mut bytes = fs::read(path).unwrap();
    let place = bytes.len() - from_end;
    bytes[place] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// The code of the one reason for which a command refuses with exit code 1.
#[track_caller]
fn code(issuer: &Issuer, arguments: &[&str]) -> String {
    let (exit, out, err) = issuer.run(&[arguments, &["--json"]].concat());
    assert_eq!(exit, 1, "{arguments:?}: {out}{err}");
    let told: Value = serde_json::from_str(&out).unwrap();
    told["reasons"][0]["code"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
}

/// Takes the data folder away and puts a restored one in its place.
fn restored(issuer: &Issuer, backup: &str, more: &[&str]) -> Value {
    fs::rename(issuer.path("data"), issuer.path("data-before")).unwrap();
    let restore = ["restore", backup, "--data", "data", "--seal-key", "data-before/seal.key"];
    issuer.told(&[&restore[..], more].concat())
}

type Change = fn(&Path);

#[test]
fn logs_are_verified_from_files_and_every_fault_has_its_code() {
    let (issuer, agent) = used();
    issuer.terminate();
    let verify = |folder: &str, more: &[&str]| {
        let words = ["log", "verify", folder, "--key", "log.key"];
        [&words[..], more].concat().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let good = |folder: &str, more: &[&str]| -> Value {
        let words = verify(folder, more);
        issuer.told(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let fails = |folder: &str, more: &[&str]| {
        let words = verify(folder, more);
        code(&issuer, &words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let size = good("data", &[])["size"].as_u64().unwrap();
    assert!(size > 10);
    assert_eq!(good("data/log", &[])["size"], size);
    let told = issuer.told(&["log", "export", "data", "mirror", "--key", "log.key"]);
    assert_eq!(told["exported"], size);
    // An older checkpoint is of the beginning of what comes later.
    fs::copy(issuer.path("data/log/checkpoint"), issuer.path("older")).unwrap();
    copied(&issuer.path("data/log"), &issuer.path("before"));
    issuer.begin();
    agent.attest(&issuer, BUILDER, Format::EddsaJcs2022);
    issuer.terminate();
    let told = good("data", &["--checkpoint", "older"]);
    assert_eq!(told["consistentWith"], 1);
    assert!(told["size"].as_u64().unwrap() > size);
    assert_eq!(good("mirror", &["--checkpoint", "older"])["size"], size);
    fs::copy(issuer.path("data/log/checkpoint"), issuer.path("newer")).unwrap();
    // Everything that was put back as it was is consistent with itself: only a checkpoint from
    // elsewhere tells.
    assert_eq!(good("before", &[])["size"], size);
    assert_eq!(fails("before", &["--checkpoint", "newer"]), "rolled-back");

    let changes: [(&str, Change); 7] = [
        ("entry-changed", |log| flipped(&log.join("entries"), 5)),
        ("hash-changed", |log| flipped(&log.join("hashes"), 1)),
        ("truncated", |log| {
            let entries = fs::read(log.join("entries")).unwrap();
            fs::write(log.join("entries"), &entries[..entries.len() - 1]).unwrap();
        }),
        ("truncated", |log| fs::write(log.join("offsets"), "").unwrap()),
        ("checkpoint-missing", |log| fs::remove_file(log.join("checkpoint")).unwrap()),
        ("checkpoint-signature-invalid", |log| {
            let text = fs::read_to_string(log.join("checkpoint")).unwrap();
            let mut lines: Vec<&str> = text.lines().collect();
            lines[1] = "3";
            fs::write(log.join("checkpoint"), lines.join("\n") + "\n").unwrap();
        }),
        ("checkpoint-malformed", |log| fs::write(log.join("checkpoint"), "x\n").unwrap()),
    ];
    for (number, (expected, change)) in changes.iter().enumerate() {
        let folder = format!("changed-{number}");
        copied(&issuer.path("data/log"), &issuer.path(&folder));
        change(&issuer.path(&folder));
        assert_eq!(fails(&folder, &[]), *expected, "{number}");
    }
    fs::remove_file(issuer.path(&format!("mirror/tile/entries/000.p/{size}"))).unwrap();
    assert_eq!(fails("mirror", &[]), "tile-missing");

    // Another log's key.
    let other = Issuer::start();
    issuer.write("other.key", other.announced["logKey"].as_str().unwrap());
    let words = ["log", "verify", "data", "--key", "other.key"];
    assert_eq!(code(&issuer, &words), "other-log");
    for (arguments, says) in [
        (["log", "verify", "nowhere", "--key", "log.key"], "is no folder"),
        (["log", "verify", "data", "--key", "a+b+c"], "log-key-malformed"),
    ] {
        let (exit, _, err) = issuer.run(&arguments);
        assert!(exit == 64 && err.contains(says), "{exit} {err}");
    }
}

#[test]
fn entries_are_proven_to_somebody_without_the_log() {
    let (issuer, _) = used();
    issuer.terminate();
    issuer.done(&["log", "export", "data", "mirror", "--key", "log.key"]);
    for folder in ["data", "mirror"] {
        let prove = ["log", "prove", folder, "--index", "4", "--key", "log.key"];
        issuer.done(&[&prove[..], &["--out", "4.proof", "--entry", "4.entry"]].concat());
        let check = ["log", "check", "4.proof", "--entry", "4.entry", "--key", "log.key"];
        assert_eq!(issuer.told(&check)["index"], 4);
        assert!(issuer.read("4.entry").contains("\"commitment\""));
        assert_eq!(issuer.done(&prove), issuer.read("4.proof"));
        let beyond = ["log", "prove", folder, "--index", "400", "--key", "log.key"];
        assert_eq!(code(&issuer, &beyond), "not-in-log");
    }
    let check = |proof, entry| ["log", "check", proof, "--entry", entry, "--key", "log.key"];
    issuer.write("changed.entry", &issuer.read("4.entry").replacen("20", "21", 1));
    assert_eq!(code(&issuer, &check("4.proof", "changed.entry")), "proof-invalid");
    issuer.write("changed.proof", &issuer.read("4.proof").replace("index 4", "index 5"));
    assert_eq!(code(&issuer, &check("changed.proof", "4.entry")), "proof-invalid");
    issuer.write("broken.proof", "c2sp.org/tlog-proof@v1\n");
    assert_eq!(code(&issuer, &check("broken.proof", "4.entry")), "proof-malformed");
}

#[test]
fn audit_records_are_held_against_the_log() {
    let (issuer, _) = used();
    std::thread::sleep(Duration::from_millis(300));
    let auditor = issuer.token("auditor");
    issuer.write_private("auditor.token", &auditor);
    let export = ["audit", "export", "--token-file", "auditor.token", "--out", "live.jsonl"];
    issuer.done(&export);
    let mode = fs::metadata(issuer.path("live.jsonl")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // While it runs nobody else opens its folder.
    issuer.refuses(&["audit", "export", "data", "--out", "x.jsonl"], "is in use by process");
    issuer.terminate();
    issuer.done(&["audit", "export", "data", "--out", "all.jsonl"]);
    assert_eq!(issuer.read("live.jsonl"), issuer.read("all.jsonl"));
    issuer.done(&["log", "export", "data", "mirror", "--key", "log.key"]);
    let verify = |file: &str, log: &str| {
        let words = ["audit", "verify", file, "--log", log, "--key", "log.key", "--json"];
        let (exit, out, err) = issuer.run(&words);
        let told: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
        (exit, told)
    };
    let text = issuer.read("all.jsonl");
    let lines: Vec<&str> = text.lines().collect();
    for log in ["data", "mirror"] {
        let (exit, told) = verify("all.jsonl", log);
        assert_eq!((exit, &told["records"]), (0, &json!(lines.len())), "{told}");
    }
    let changed = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = lines.iter().map(ToString::to_string).collect();
        change(&mut lines);
        issuer.write("changed.jsonl", &(lines.join("\n") + "\n"));
        verify("changed.jsonl", "data")
    };
    let (exit, told) = changed(&|lines| lines[5] = lines[5].replace("allowed", "refused"));
    assert_eq!(exit, 1);
    let reason = &told["reasons"][0];
    assert_eq!((&reason["code"], &reason["sequence"]), (&json!("record-changed"), &json!(5)));
    let (exit, told) = changed(&|lines| lines[5] = lines[5].replacen("\"v\":1", "\"v\":2", 1));
    assert_eq!((exit, &told["reasons"][0]["code"]), (1, &json!("entry-changed")));
    let (exit, told) = changed(&|lines| lines.swap(5, 6));
    assert_eq!((exit, &told["reasons"][0]["code"]), (1, &json!("out-of-order")));
    let (exit, told) = changed(&|lines| lines[5] = "{\"sequence\":5}".to_owned());
    assert_eq!((exit, &told["reasons"][0]["code"]), (1, &json!("line-malformed")));
    let (exit, told) = changed(&|lines| drop(lines.drain(3..6)));
    assert_eq!((exit, &told["missing"], &told["wrong"]), (1, &json!(3), &json!(0)));
    assert_eq!(told["missingSpans"], json!([{"first": 3, "last": 5}]));
    let words = ["audit", "verify", "changed.jsonl", "--log", "data", "--key", "log.key"];
    issuer.done(&[&words[..], &["--allow-missing"]].concat());
    let (_, told) = changed(&|lines| {
        let record = lines[5].find(",\"record\":").unwrap();
        lines[5] = format!("{},\"record\":null}}", &lines[5][..record]);
    });
    assert_eq!((&told["erased"], &told["wrong"]), (&json!(1), &json!(0)));
    // The log is looked at before.
    copied(&issuer.path("data/log"), &issuer.path("bad-log"));
    flipped(&issuer.path("bad-log/entries"), 5);
    let words = ["audit", "verify", "all.jsonl", "--log", "bad-log", "--key", "log.key"];
    assert_eq!(code(&issuer, &words), "entry-changed");
}

/// Issues without end; what was acknowledged is in the list.
fn load(issuer: &Issuer, agent: &Agent, stop: &Arc<AtomicBool>, done: &Arc<Mutex<Vec<String>>>) {
    let bearer = format!("Bearer {}", issuer.admin());
    let path = format!("/agents/{}/attestations", agent.id);
    let body = json!({"type": BUILDER, "claims": claims(BUILDER)}).to_string();
    let (port, stop, done) = (issuer.port, Arc::clone(stop), Arc::clone(done));
    std::thread::spawn(move || {
        let headers = [("authorization", &*bearer), ("content-type", "application/json")];
        while !stop.load(Ordering::Relaxed) {
            let Ok(answer) = http::send(port, "POST", &path, &headers, body.as_bytes()) else {
                return;
            };
            let id = answer.is(201)["id"].as_str().unwrap().to_owned();
            done.lock().unwrap().push(id);
        }
    });
}

#[test]
fn a_backup_of_a_busy_service_has_all_that_was_acknowledged_before() {
    let (issuer, agent) = used();
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    for _ in 0..4 {
        load(&issuer, &agent, &stop, &done);
    }
    let mut backups = Vec::new();
    for round in 0..3 {
        while done.lock().unwrap().len() < 40 * (round + 1) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let before = done.lock().unwrap().clone();
        let name = format!("{round}.backup");
        let told = issuer.told(&["backup", "--out", &name]);
        assert_eq!(told["sealed"], true);
        backups.push((name, before, told["events"].as_u64().unwrap()));
    }
    stop.store(true, Ordering::Relaxed);
    // A wrong token gets nothing.
    issuer.post("/tokens", &json!({"name": "a", "role": "auditor"})).is(201);
    let auditor = issuer.token("auditor");
    issuer.send(&auditor, "POST", "/backup", &Value::Null, &[]).refused(403, "forbidden");
    issuer.terminate();
    let (name, before, events) = &backups[1];
    let told = restored(&issuer, name, &[]);
    assert_eq!(told["events"], *events);
    assert_eq!((&told["newLog"], &told["sealChecked"]), (&true.into(), &true.into()));
    let again = issuer.begin();
    assert_eq!(again["administratorToken"], Value::Null);
    for id in before {
        let shown = issuer.get_as(&issuer.admin(), &format!("/credentials/{id}")).is(200);
        assert_eq!(shown["status"], "valid");
        assert!(shown["verifiableCredential"].is_object(), "{shown}");
    }
    agent.attest(&issuer, BUILDER, Format::EddsaJcs2022);
    issuer.terminate();
    issuer.write("next.key", again["logKey"].as_str().unwrap());
    issuer.done(&["log", "verify", "data", "--key", "next.key"]);
    issuer.done(&["log", "verify", "data/log", "--key", "log.key"]);
    issuer.done(&["audit", "export", "data", "--out", "a.jsonl"]);
    issuer.done(&["audit", "verify", "a.jsonl", "--log", "data", "--key", "next.key"]);
    // Of the whole service once more: the old log is in it as well.
    issuer.done(&["backup", "--data", "data", "--out", "second.backup"]);
    fs::rename(issuer.path("data"), issuer.path("data-second")).unwrap();
    let restore = ["restore", "second.backup", "--data", "data"];
    issuer.done(&[&restore[..], &["--seal-key", "data-second/seal.key"]].concat());
    issuer.done(&["log", "verify", "data/log", "--key", "log.key"]);
    let third = issuer.begin();
    assert!(third["logKey"].as_str().unwrap().contains("/log/3+"), "{third}");
}

#[test]
fn a_stopped_service_moves_and_its_log_goes_on() {
    let (issuer, agent) = used();
    let running = issuer.run(&["backup", "--data", "data", "--out", "a.backup"]);
    assert!(running.0 == 64 && running.2.contains("is in use by process"), "{running:?}");
    assert!(!issuer.path("a.backup").exists());
    issuer.terminate();
    issuer.done(&["backup", "--data", "data", "--out", "a.backup"]);
    let mode = fs::metadata(issuer.path("a.backup")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    issuer.refuses(&["backup", "--data", "data", "--out", "a.backup"], "is not overwritten");
    let seal = fs::read(issuer.path("data/seal.key")).unwrap();
    let secret = seal.trim_ascii();
    let backup = fs::read(issuer.path("a.backup")).unwrap();
    assert!(!backup.windows(secret.len()).any(|part| part == secret));
    issuer.refuses(&["restore", "a.backup", "--data", "b", "--continue-log"], "--checkpoint");
    let keep = ["--checkpoint", "data-before/log/checkpoint", "--continue-log"];
    let told = restored(&issuer, "a.backup", &keep);
    assert_eq!(told["newLog"], false);
    let again = issuer.begin();
    assert_eq!(again["logKey"], issuer.announced["logKey"]);
    agent.attest(&issuer, BUILDER, Format::EddsaJcs2022);
    issuer.restart();
    issuer.terminate();
    let older = ["--checkpoint", "data-before/log/checkpoint"];
    let verify = ["log", "verify", "data", "--key", "log.key"];
    issuer.done(&[&verify[..], &older].concat());
    let noted = issuer.run(&["audit", "export", "data", "--out", "a.jsonl"]);
    assert_eq!(noted.0, 0);
    assert_eq!(issuer.read("a.jsonl").matches("\"event\":\"restored\"").count(), 2);
}

#[test]
fn backups_that_are_not_what_was_written_are_refused() {
    let (issuer, _) = used();
    issuer.terminate();
    issuer.done(&["backup", "--data", "data", "--out", "good"]);
    let good = fs::read(issuer.path("good")).unwrap();
    let restore = |backup: &str, more: &[&str]| {
        let code = code(&issuer, &[&["restore", backup, "--data", "new"][..], more].concat());
        // Nothing is left that a service could take for its data.
        assert!(!issuer.path("new").exists());
        code
    };
    for length in [good.len() - 1, good.len() / 2, 100, 18] {
        fs::write(issuer.path("bad"), &good[..length]).unwrap();
        assert_eq!(restore("bad", &[]), "backup-not-whole", "{length}");
    }
    for length in [17, 0] {
        fs::write(issuer.path("bad"), &good[..length]).unwrap();
        assert_eq!(restore("bad", &[]), "not-a-backup", "{length}");
    }
    fs::write(issuer.path("bad"), [&good[..], b"x"].concat()).unwrap();
    assert_eq!(restore("bad", &[]), "backup-not-whole");
    for place in (0..good.len()).step_by(good.len() / 40) {
        let mut bad = good.clone();
        bad[place] ^= 0x10;
        fs::write(issuer.path("bad"), bad).unwrap();
        let code = restore("bad", &["--seal-key", "data/seal.key"]);
        let known = ["backup-changed", "not-a-backup", "backup-not-whole", "seal"];
        assert!(known.contains(&code.as_str()), "{place}: {code}");
    }
    // Another key than the one that sealed it; and none on the backup.
    let other = Issuer::start();
    fs::copy(other.path("data/seal.key"), issuer.path("other.key")).unwrap();
    assert_eq!(restore("good", &["--seal-key", "other.key"]), "seal");
    fs::rename(issuer.path("data/seal.key"), issuer.path("seal.key")).unwrap();
    issuer.done(&["backup", "--data", "data", "--out", "unsealed"]);
    assert_eq!(restore("unsealed", &["--seal-key", "seal.key"]), "seal");
    issuer.done(&["restore", "unsealed", "--data", "without-key"]);

    // A target in which there is something, and a start without the key or with another one.
    fs::create_dir(issuer.path("full")).unwrap();
    issuer.write("full/a", "");
    let refused = issuer.run(&["restore", "good", "--data", "full"]);
    assert!(refused.0 == 64 && refused.2.contains("target-not-empty"), "{refused:?}");
    assert_eq!(fs::read_dir(issuer.path("full")).unwrap().count(), 1);
    fs::rename(issuer.path("data"), issuer.path("data-before")).unwrap();
    fs::create_dir(issuer.path("data")).unwrap();
    issuer.done(&["restore", "good", "--data", "data"]);
    assert!(issuer.fails_to_start().1.contains("put your copy of it there"));
    fs::copy(issuer.path("other.key"), issuer.path("data/seal.key")).unwrap();
    assert!(issuer.fails_to_start().1.contains("another seal key"));
    fs::copy(issuer.path("seal.key"), issuer.path("data/seal.key")).unwrap();
    issuer.begin();
}

#[test]
fn an_old_backup_is_noticed_and_nothing_is_given_out_twice() {
    let issuer = Issuer::with("[log]\ncheckpoint_copy = \"copy\"\n");
    let agent = filled(&issuer);
    issuer.done(&["backup", "--out", "old.backup"]);
    let entry = |file: &str| -> (String, String) {
        let credential: Value = serde_json::from_str(&issuer.read(file)).unwrap();
        let status = &credential["credentialStatus"][0];
        let text = |name: &str| status[name].as_str().unwrap().to_owned();
        (text("statusListCredential"), text("statusListIndex"))
    };
    // What the backup does not know: credentials, and keys.
    let lost: Vec<_> = (0..5)
        .map(|_| entry(&agent.attest(&issuer, BUILDER, Format::EddsaJcs2022).whole))
        .collect();
    let rotated = issuer.post("/issuers/default/rotate", &json!({})).is(200);
    let names = |issuer: &Value| -> Vec<String> {
        let keys = issuer["keys"].as_array().unwrap();
        keys.iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect()
    };
    issuer.terminate();

    // The copy of the checkpoint tells of it, whether it is asked before or at the start.
    fs::rename(issuer.path("data"), issuer.path("data-before")).unwrap();
    let restore = ["restore", "old.backup", "--data", "data"];
    let seal = ["--seal-key", "data-before/seal.key"];
    let with_copy = [&restore[..], &seal, &["--checkpoint", "copy"]].concat();
    assert_eq!(code(&issuer, &with_copy), "backup-old");
    assert!(!issuer.path("data").exists());
    issuer.done(&[&restore[..], &seal].concat());
    let (exit, said) = issuer.fails_to_start();
    assert!(exit == 64 && said.contains("--accept-loss"), "{exit} {said}");
    fs::remove_dir_all(issuer.path("data")).unwrap();
    let told = issuer.told(&[&with_copy[..], &["--accept-loss"]].concat());
    assert!(told["lostEntries"].as_u64().unwrap() >= 10, "{told}");

    let again = issuer.begin();
    let origin = |key: &Value| key.as_str().unwrap().split('+').next().unwrap().to_owned();
    assert_eq!(origin(&again["logKey"]), origin(&issuer.announced["logKey"]) + "/2");
    let events = issuer.told(&["audit", "list", "--event", "restored"]);
    let record = &events["items"][0]["record"];
    assert_eq!(record["lostEntries"], told["lostEntries"]);
    // None of the lists and indexes that were drawn is drawn again, and no key has a name twice.
    let new = entry(&agent.attest(&issuer, BUILDER, Format::EddsaJcs2022).whole);
    assert!(lost.iter().all(|(list, _)| *list != new.0), "{new:?}");
    let now = issuer.post("/issuers/default/rotate", &json!({})).is(200);
    let (before, after) = (names(&rotated), names(&now));
    let shared: Vec<_> = after.iter().filter(|name| before.contains(name)).collect();
    assert_eq!(shared.len(), 4, "{before:?} {after:?}");
    // It is taken up once, and the copy is that of the new log.
    issuer.terminate();
    let third = issuer.begin();
    assert_eq!(third["logKey"], again["logKey"]);
    assert!(issuer.read("copy").starts_with(&origin(&again["logKey"])));
    let events = issuer.told(&["audit", "list", "--event", "restored"]);
    assert_eq!(events["items"].as_array().unwrap().len(), 1);
    agent.attest(&issuer, IDENTITY, Format::EddsaJcs2022);
    issuer.terminate();
    issuer.write("next.key", again["logKey"].as_str().unwrap());
    let size = issuer.told(&["log", "verify", "data", "--key", "next.key"])["size"].as_u64();
    assert!(
        size > issuer.told(&["log", "verify", "data/log", "--key", "log.key"])["size"].as_u64()
    );
}

#[test]
fn keys_sealed_with_a_passphrase_come_back_with_it() {
    let settings = "[seal]\npassphrase_file = \"passphrase\"\n";
    let passphrase = "correct horse battery staple\n";
    let issuer = Issuer::with_files(settings, &[("passphrase", passphrase)]);
    issuer.done(&["backup", "--out", "a.backup"]);
    issuer.terminate();
    issuer.write_private("wrong", "correct horse battery stable\n");
    let restore = ["restore", "a.backup", "--data", "new", "--passphrase-file"];
    assert_eq!(code(&issuer, &[&restore[..], &["wrong"]].concat()), "seal");
    fs::remove_dir_all(issuer.path("data")).unwrap();
    let restore = ["restore", "a.backup", "--data", "data", "--passphrase-file", "passphrase"];
    assert_eq!(issuer.told(&restore)["sealChecked"], true);
    issuer.begin();
}
