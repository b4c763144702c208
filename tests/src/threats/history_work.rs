//! Row 25: what a did:webvh history may cost, from one that is long and honest to those that ask
//! for more.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use bonafide_core::did::Did;
use bonafide_core::json::{Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_core::time::Timestamp;
use bonafide_proof::webvh::{
    History, MOST_ENTRIES, MOST_ENTRY_PROOFS, MOST_HASHED_BYTES, MOST_KEYS, MOST_SIGNATURES,
    MOST_WITNESSES, WebvhError,
};
use bonafide_proof::{SecretKey, SignatureCheck, VerifyingKey};
use bonafide_testkit::{WebvhLog, at, json, key, multikey, webvh_document, webvh_witness_file};

const CREATED: &str = "2026-01-01T00:00:00Z";
const NOW: &str = "2026-06-01T00:00:00Z";

/// Counts what it is asked to check.
#[derive(Default)]
struct Counter(AtomicUsize);

impl SignatureCheck for Counter {
    fn is_good(&self, key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed);
        key.verify(message, signature)
    }
}

/// The outcome, and how many signatures were checked for it.
fn verify(did: &str, log: &str, witnesses: Option<&str>) -> (Result<History, WebvhError>, usize) {
    let counter = Counter::default();
    let did = Did::parse(did).unwrap();
    let witnesses = witnesses.map(str::as_bytes);
    let result = History::verify(did, log.as_bytes(), witnesses, at(NOW), &counter);
    (result, counter.0.into_inner())
}

fn too_much(what: &'static str, limit: usize) -> WebvhError {
    WebvhError::TooMuchWork { what, limit }
}

fn secret(name: &str) -> SecretKey {
    key(&format!("webvh work {name}"), KeyType::Ed25519)
}

/// A log of so many entries, a minute apart, the first with these parameters.
fn log_of(entries: usize, parameters: &str) -> WebvhLog {
    let signer = secret("controller");
    let mut log = WebvhLog::create("a.example", &signer, CREATED, parameters, None);
    let mut time = at(CREATED).unix();
    for _ in 1..entries {
        time += 60;
        log.update(&signer, &Timestamp::from_unix_clamped(time).to_string(), "{}");
    }
    log
}

/// The `witness` parameter.
fn witnessed_by(threshold: usize, witnesses: &[SecretKey]) -> String {
    let ids: Vec<String> = witnesses
        .iter()
        .map(|witness| format!(r#"{{"id":"did:key:{}"}}"#, multikey(witness)))
        .collect();
    let ids = ids.join(",");
    format!(r#"{{"witness":{{"threshold":{threshold},"witnesses":[{ids}]}}}}"#)
}

/// The log with the proof of each entry standing there so often; no hash is over the proof.
fn repeated(log: &str, times: usize) -> String {
    let mut whole = String::new();
    for line in log.lines() {
        let proofs = to_canonical_string(json(line).get("proof").unwrap());
        let one = proofs.strip_prefix('[').unwrap().strip_suffix(']').unwrap();
        let many = format!("[{}]", vec![one; times].join(","));
        writeln!(whole, "{}", line.replacen(&proofs, &many, 1)).unwrap();
    }
    whole
}

/// For each id so many proofs of the witness that it made for something else.
fn bad_approvals(witness: &SecretKey, ids: &[String], times: usize) -> String {
    let file = webvh_witness_file(&[("elsewhere", &vec![witness; times])], CREATED);
    let item = file.strip_prefix('[').unwrap().strip_suffix(']').unwrap();
    let items: Vec<String> = ids.iter().map(|id| item.replace("elsewhere", id)).collect();
    format!("[{}]", items.join(","))
}

#[test]
fn row_25_the_longest_honest_history_is_within_its_budget() {
    let witnesses = [secret("one"), secret("two"), secret("three")];
    let log = log_of(MOST_ENTRIES, &witnessed_by(2, &witnesses));
    let all: Vec<&SecretKey> = witnesses.iter().collect();
    // Older approvals may stay in the file, and are not looked at.
    let ids = [1, 512, MOST_ENTRIES].map(|number| log.version_id(number));
    let approvals: Vec<(&str, &[&SecretKey])> =
        ids.iter().map(|id| (id.as_str(), all.as_slice())).collect();
    let file = webvh_witness_file(&approvals, CREATED);
    // Two proofs on each entry, and as many witnesses as are needed.
    let (result, checked) = verify(log.did(), &repeated(&log.jsonl(), 2), Some(&file));
    assert_eq!(result.unwrap().versions().len(), MOST_ENTRIES);
    assert_eq!(checked, 2 * MOST_ENTRIES + 2);
}

#[test]
fn row_25_a_history_with_too_many_signatures_is_refused() {
    let log = log_of(MOST_ENTRIES, "{}");
    let many = repeated(&log.jsonl(), MOST_ENTRY_PROOFS);
    let (result, checked) = verify(log.did(), &many, None);
    let error = result.unwrap_err();
    assert_eq!(error, too_much("signatures", MOST_SIGNATURES));
    assert_eq!((error.code(), checked), ("too-much-work", MOST_SIGNATURES));

    // On one entry, before any is checked.
    let log = log_of(1, "{}");
    let more = repeated(&log.jsonl(), MOST_ENTRY_PROOFS + 1);
    let (result, checked) = verify(log.did(), &more, None);
    assert_eq!((result.unwrap_err().code(), checked), ("proof-malformed", 0));
}

#[test]
fn row_25_bad_proofs_of_a_witness_are_not_all_tried() {
    let witness = secret("one");
    let log = log_of(3, &witnessed_by(1, &[secret("one")]));
    let newest = [log.version_id(3)];
    let file = bad_approvals(&witness, &newest, 5000);
    let (result, checked) = verify(log.did(), &log.jsonl(), Some(&file));
    let short = WebvhError::WitnessThreshold { version: 1, needed: 1, found: 0 };
    assert_eq!((result.unwrap_err(), checked), (short, 3 + 2));

    let log = log_of(MOST_ENTRIES, &witnessed_by(1, &[secret("one")]));
    let ids: Vec<String> = (1..=MOST_ENTRIES).map(|number| log.version_id(number)).collect();
    let file = bad_approvals(&witness, &ids, 3);
    let (result, checked) = verify(log.did(), &log.jsonl(), Some(&file));
    let error = too_much("signatures", MOST_SIGNATURES);
    assert_eq!((result.unwrap_err(), checked), (error, MOST_SIGNATURES));
}

#[test]
fn row_25_a_key_is_decoded_once_and_not_too_many_are() {
    let signer = secret("controller");
    let entries = MOST_KEYS / MOST_WITNESSES + 1;
    let witnesses = |entry: usize| -> Vec<SecretKey> {
        (0..MOST_WITNESSES).map(|number| secret(&format!("{entry} {number}"))).collect()
    };
    let log = |new_each_time: bool| {
        let parameters = |entry| witnessed_by(1, &witnesses(if new_each_time { entry } else { 0 }));
        let mut time = at(CREATED).unix();
        let mut log = WebvhLog::create("a.example", &signer, CREATED, &parameters(0), None);
        for entry in 1..entries {
            time += 60;
            let time = Timestamp::from_unix_clamped(time).to_string();
            log.update(&signer, &time, &parameters(entry));
        }
        log
    };
    // The same witnesses in each entry; only what they approved is missing.
    let same = log(false);
    let (result, checked) = verify(same.did(), &same.jsonl(), None);
    assert_eq!((result.unwrap_err().code(), checked), ("witness-file-missing", entries));
    let new = log(true);
    let (result, _) = verify(new.did(), &new.jsonl(), None);
    assert_eq!(result.unwrap_err(), too_much("keys", MOST_KEYS));
}

#[test]
fn row_25_a_long_entry_is_not_hashed_for_proof_after_proof() {
    let signer = secret("controller");
    let document = webvh_document("did:webvh:{SCID}:a.example", &signer);
    let Value::Object(mut document) = document else { unreachable!() };
    document.insert("padding", "x".repeat(3 << 20));
    let log = WebvhLog::create("a.example", &signer, CREATED, "{}", Some(document.into()));
    let (result, checked) = verify(log.did(), &log.jsonl(), None);
    assert_eq!((result.is_ok(), checked), (true, 1));
    // Once for the SCID, once for the versionId, and for three of four proofs.
    let (result, checked) = verify(log.did(), &repeated(&log.jsonl(), 4), None);
    let error = too_much("bytes to hash", MOST_HASHED_BYTES);
    assert_eq!((result.unwrap_err(), checked), (error, 3));
}
