//! Status lists that unfold, and the log of a did:webvh.

use std::io::Write;

use bonafide_core::did::Did;
use bonafide_core::encoding::{encode_base64url, encode_multibase_base64url};
use bonafide_core::key::KeyType;
use bonafide_core::status::{LARGEST_LIST_BYTES, StatusBits, TokenStatusBits};
use bonafide_core::time::Timestamp;
use bonafide_proof::Unremembered;
use bonafide_proof::webvh::{History, MOST_ENTRIES};
use bonafide_testkit::{WebvhLog, at, key, now};

use crate::{Limit, measure};

/// Writes 1 GiB of zeros.
fn unfolding(writer: &mut impl Write) {
    let zeros = vec![0; 1 << 20];
    for _ in 0..1024 {
        writer.write_all(&zeros).unwrap();
    }
}

/// A list that unfolds is let grow to its own cap and not a byte further.
fn list_limit(size: usize) -> Limit {
    Limit { milliseconds: 100.0, memory: 4 * size + 2 * LARGEST_LIST_BYTES }
}

pub(crate) fn bombs() -> bool {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    unfolding(&mut gzip);
    let bitstring = encode_multibase_base64url(&gzip.finish().unwrap());
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    unfolding(&mut zlib);
    let token = encode_base64url(&zlib.finish().unwrap());
    let mut good = true;
    let size = bitstring.len();
    good &= measure("a bitstring that unfolds to 1 GiB", "", size, list_limit(size), &mut || {
        assert!(StatusBits::decode(&bitstring).is_err());
    });
    let size = token.len();
    good &= measure("a token list that unfolds to 1 GiB", "", size, list_limit(size), &mut || {
        assert!(TokenStatusBits::decode(&token, 1).is_err());
    });
    good
}

/// The longest log. It is an operator's own file, so that no limit holds.
pub(crate) fn webvh_log() -> bool {
    let signer = key("hostile", KeyType::Ed25519);
    let begin = at("2026-01-01T00:00:00Z");
    let mut time = begin.unix();
    let mut log = WebvhLog::create("agent.example", &signer, &begin.to_string(), "{}", None);
    for _ in 1..MOST_ENTRIES {
        time += 60;
        log.update(&signer, &Timestamp::from_unix_clamped(time).to_string(), "{}");
    }
    let text = log.jsonl();
    let limit = Limit { milliseconds: f64::INFINITY, memory: usize::MAX };
    measure("did:webvh, 1,024 entries (no limit)", "", text.len(), limit, &mut || {
        let did = Did::parse(log.did()).unwrap();
        let history = History::verify(did, text.as_bytes(), None, now(), &Unremembered).unwrap();
        assert_eq!(history.versions().len(), MOST_ENTRIES);
    })
}
