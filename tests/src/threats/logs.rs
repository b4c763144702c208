//! Row 27: the issuer's log. What is dropped, cut, forked or changed is found by whoever has an
//! earlier checkpoint, and by the service itself where its own store remembers more.

use std::fs;
use std::path::Path;

use bonafide_issuer::format::Format;
use bonafide_issuer::log::offline::verify;
use bonafide_issuer::log::{Checkpoint, LogError, LogKey};
use serde_json::Value;

use crate::issuer::agent::{Agent, BUILDER, SCORE};
use crate::issuer::service::Issuer;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

/// Puts a copy in the place of a folder.
fn replace(folder: &Path, by: &Path) {
    fs::remove_dir_all(folder).unwrap();
    copy(by, folder);
}

fn key(issuer: &Issuer) -> LogKey {
    LogKey::parse(issuer.announced["logKey"].as_str().unwrap()).unwrap()
}

/// What an auditor takes home.
fn checkpoint(issuer: &Issuer) -> Checkpoint {
    let answer = issuer.get("/log/checkpoint");
    assert_eq!(answer.status, 200);
    Checkpoint::verify(&answer.text(), &key(issuer)).unwrap()
}

/// Some more happens, and is published: the service publishes what is left when it stops.
fn go_on(issuer: &Issuer, agent: &Agent) -> Checkpoint {
    let before = checkpoint(issuer).size();
    agent.attest(issuer, SCORE, Format::EddsaJcs2022);
    agent.attest(issuer, BUILDER, Format::EddsaJcs2022);
    issuer.restart();
    let after = checkpoint(issuer);
    assert!(after.size() > before + 2, "{} after {before}", after.size());
    after
}

/// Changes one byte of a file.
fn flip(path: &Path, place: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[place] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn cut(path: &Path, bytes: u64) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() - bytes).unwrap();
}

#[test]
fn row_27_who_has_an_earlier_checkpoint_sees_what_was_dropped_forked_or_chained_anew() {
    let issuer = Issuer::start();
    let (agent, _) = Agent::attested(&issuer, "agent");
    let key = key(&issuer);
    let early = go_on(&issuer, &agent);
    issuer.terminate();
    let (log, data) = (issuer.path("data/log"), issuer.path("data"));
    copy(&log, &issuer.path("early"));
    copy(&data, &issuer.path("twin"));
    issuer.begin();
    let late = go_on(&issuer, &agent);
    issuer.terminate();
    let report = verify(&log, &key, &[early.clone(), late.clone()]).unwrap();
    assert_eq!((report.consistent_with, report.checkpoint.clone()), (2, late.clone()));

    // The last entries dropped: what is left is signed and whole, so without a checkpoint from
    // outside nothing is wrong with it.
    let dropped = issuer.path("early");
    assert_eq!(verify(&dropped, &key, &[]).unwrap().checkpoint, early);
    let found = verify(&dropped, &key, &[early.clone(), late.clone()]).unwrap_err();
    let (size, older) = (early.size(), late.size());
    assert!(matches!(found, LogError::RolledBack { size: s, older: o } if (s, o) == (size, older)));
    // All of them.
    fs::create_dir(issuer.path("nothing")).unwrap();
    let found = verify(&issuer.path("nothing"), &key, std::slice::from_ref(&early)).unwrap_err();
    assert!(matches!(found, LogError::RolledBack { size: 0, .. }), "{found}");

    // Forked, and chained anew from there: the key's owner goes on twice from one point.
    copy(&data, &issuer.path("first"));
    replace(&data, &issuer.path("twin"));
    issuer.begin();
    let twin = go_on(&issuer, &agent);
    assert!(twin.size() >= late.size());
    issuer.terminate();
    verify(&log, &key, &[early.clone(), twin.clone()]).unwrap();
    let found = verify(&log, &key, &[early.clone(), late.clone()]).unwrap_err();
    let forked = matches!(found, LogError::Forked { .. } | LogError::Rewritten { .. });
    assert!(forked, "{found}");
    let found = verify(&issuer.path("first/log"), &key, &[twin]).unwrap_err();
    assert!(matches!(found, LogError::Forked { .. } | LogError::Rewritten { .. }), "{found}");

    // Changed without the key, anywhere.
    let first = issuer.path("first/log");
    for (file, place) in [("entries", 40), ("hashes", 3), ("checkpoint", 30)] {
        flip(&first.join(file), place);
        assert!(verify(&first, &key, &[]).is_err(), "{file}");
        flip(&first.join(file), place);
    }
    verify(&first, &key, &[early, late]).unwrap();
    // By another log, it is not this one.
    let other = Issuer::start();
    assert!(verify(&first, &self::key(&other), &[]).is_err());
}

/// Refused at the start, for this reason; as it was before, it starts again with all it had.
#[track_caller]
fn refuses_and_loses_nothing(issuer: &Issuer, whole: &Path, part: &str, says: &str) {
    let (exit, said) = issuer.fails_to_start();
    assert_ne!(exit, 0);
    assert!(said.contains(says), "{said}");
    // Whoever broke it puts back what was taken, and only that: the rest has to be as it was.
    let broken = issuer.path("data").join(part);
    if broken.exists() {
        fs::remove_dir_all(&broken).unwrap();
    }
    copy(&whole.join(part), &broken);
    issuer.begin();
    let listed = issuer.told(&["credential", "list"]);
    for credential in listed["items"].as_array().unwrap() {
        issuer.told(&["credential", "show", credential["id"].as_str().unwrap()]);
    }
    let audit = issuer.told(&["audit", "list", "--limit", "1000"]);
    assert_eq!(audit["next"], Value::Null);
    issuer.terminate();
}

#[test]
fn row_27_a_folder_whose_log_or_store_went_back_is_refused_at_the_start() {
    let issuer = Issuer::start();
    let (agent, _) = Agent::attested(&issuer, "agent");
    go_on(&issuer, &agent);
    issuer.terminate();
    let data = issuer.path("data");
    copy(&data, &issuer.path("early"));
    issuer.begin();
    go_on(&issuer, &agent);
    issuer.terminate();
    let whole = issuer.path("whole");
    let keep = || {
        let _ = fs::remove_dir_all(&whole);
        copy(&data, &whole);
    };
    let log = data.join("log");
    // The log was cut, or changed.
    for (file, bytes) in [("entries", 1), ("hashes", 32), ("offsets", 8)] {
        keep();
        cut(&log.join(file), bytes);
        refuses_and_loses_nothing(&issuer, &whole, "log", "ends too early");
    }
    keep();
    fs::remove_file(log.join("checkpoint")).unwrap();
    refuses_and_loses_nothing(&issuer, &whole, "log", "has no checkpoint");
    keep();
    flip(&log.join("checkpoint"), 30);
    refuses_and_loses_nothing(&issuer, &whole, "log", "checkpoint");
    // An earlier one is in its place, good in itself; or none.
    keep();
    replace(&log, &issuer.path("early/log"));
    refuses_and_loses_nothing(&issuer, &whole, "log", "the log was cut");
    keep();
    fs::remove_dir_all(&log).unwrap();
    refuses_and_loses_nothing(&issuer, &whole, "log", "the log was cut");
    // The store is an earlier one, or there is none.
    keep();
    replace(&data.join("state"), &issuer.path("early/state"));
    refuses_and_loses_nothing(&issuer, &whole, "state", "the store went back");
    keep();
    fs::remove_dir_all(data.join("state")).unwrap();
    refuses_and_loses_nothing(&issuer, &whole, "state", "the store is missing");
    // What lies beside it is.
    keep();
    replace(&data.join("values"), &issuer.path("early/values"));
    refuses_and_loses_nothing(&issuer, &whole, "values", "the database counts on");
}

#[test]
fn row_27_a_restored_old_backup_is_noticed_by_a_checkpoint_kept_elsewhere() {
    let issuer = Issuer::with("[log]\ncheckpoint_copy = \"witness\"\n");
    let (agent, _) = Agent::attested(&issuer, "agent");
    go_on(&issuer, &agent);
    issuer.terminate();
    let data = issuer.path("data");
    copy(&data, &issuer.path("backup"));
    issuer.begin();
    let late = go_on(&issuer, &agent);
    issuer.terminate();
    let kept = issuer.read("witness");
    assert_eq!(Checkpoint::verify(&kept, &key(&issuer)).unwrap(), late);
    copy(&data, &issuer.path("whole"));
    replace(&data, &issuer.path("backup"));
    let (exit, said) = issuer.fails_to_start();
    assert_ne!(exit, 0);
    assert!(said.contains("as after restoring an old backup"), "{said}");
    // Refused, it is still what it was, and the copy still tells.
    assert_eq!(issuer.read("witness"), kept);
    // With it moved away, and only then, nobody can know: what was issued since is not known here.
    issuer.write("settings.toml", "");
    issuer.begin();
    let twin = go_on(&issuer, &agent);
    issuer.terminate();
    assert!(twin.size() >= late.size());
    issuer.write("settings.toml", "[log]\ncheckpoint_copy = \"witness\"\n");
    let (_, said) = issuer.fails_to_start();
    assert!(said.contains("the log was forked"), "{said}");
    replace(&data, &issuer.path("whole"));
    issuer.begin();
}
