//! Answers that others published.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bonafide_core::encoding::hex;
use signed_note::Note;

use super::*;
use crate::log::checkpoint::OnlyKey;
use crate::log::tree::{Edge, record_hash};

/// The leaves of the tests of Certificate Transparency.
const LEAVES: [&[u8]; 8] = [
    b"",
    &[0x00],
    &[0x10],
    &[0x20, 0x21],
    &[0x30, 0x31],
    &[0x40, 0x41, 0x42, 0x43],
    &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
    &[
        0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e,
        0x6f,
    ],
];

/// The roots of 0 to 8 of them.
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

#[test]
fn roots_of_the_certificate_transparency_tests() {
    let mut edge = Edge::default();
    assert_eq!(hex(&edge.root()), ROOTS[0]);
    for (leaf, root) in LEAVES.into_iter().zip(&ROOTS[1..]) {
        edge.push(record_hash(leaf), &mut Vec::new());
        assert_eq!(hex(&edge.root()), *root);
    }
}

/// From the documentation of Go's package golang.org/x/mod/sumdb/note.
#[test]
fn the_key_and_note_of_go_verify() {
    let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let note = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdng\
        otpRZb6KE6RyyBwJnAM=\n";
    let parsed = LogKey::parse(key).unwrap();
    assert_eq!((parsed.origin(), parsed.to_string().as_str()), ("PeterNeumann", key));
    let (good, others) =
        Note::from_bytes(note.as_bytes()).unwrap().verify(&OnlyKey(&parsed)).unwrap();
    assert_eq!((good.len(), others.len()), (1, 0));
}

/// The log that Tessera keeps as test data (transparency-dev/tessera, testdata/log), and the key
/// that it publishes with it.
const TESSERA: &str =
    "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
const TESSERA_SEED: &str = "AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg";
const TESSERA_ENTRIES: [&str; 15] = [
    "one", "two", "three", "four", "five", "six", "seven", "eit", "nain", "ten", "ileven", "twelf",
    "threeten", "fourten", "fivten",
];
const TESSERA_CHECKPOINTS: [(usize, &str); 4] = [
    (
        0,
        "example.com/log/testdata\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\
         — example.com/log/testdata M9e0lhxJACzE1KoUdqKuPa+9p6R7dSW8BlEvrg/noo8FkGg6PbJoRNOcdjqj\
         Oq89wVvTA60eubCc4oufo5BvIVEgtQc=\n",
    ),
    (
        1,
        "example.com/log/testdata\n1\n0Nc2CrefWKseHj/mStd+LqC8B+NrX0btIiPt2SmN+ek=\n\n\
         — example.com/log/testdata M9e0lhr9kuLxGdAtaUrhm84TQffVsLdcy808sN0a3WyniNlfcr9+bywoiIke\
         1YYciCNjJGkCgIlQ8b16jhsmg/SChAM=\n",
    ),
    (
        7,
        "example.com/log/testdata\n7\nIrSXADBqJ7EQoUODSDKROySgNveeL6CFhik2w/+fS7U=\n\n\
         — example.com/log/testdata M9e0luA5JhTRUki/BBQD0QNiH6AEJ2pdtsA5CQjqJErViuuKrN6513RCTL26\
         40wXJv0dCed3neRGI6dMzBq9uANf2Qc=\n",
    ),
    (
        15,
        "example.com/log/testdata\n15\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n\n\
         — example.com/log/testdata M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKubMt53MvIt\
         /uEWP6zdkdIQzd/fmwlM/dlPWF74ewI=\n",
    ),
];

#[test]
fn the_log_of_tessera_comes_out_byte_for_byte() {
    let seed = STANDARD.decode(TESSERA_SEED).unwrap();
    let signer = SecretKey::from_bytes(KeyType::Ed25519, &seed[1..]).unwrap();
    let key = LogKey::parse(TESSERA).unwrap();
    let folder = TempDir::new().unwrap();
    let (mut writer, reader) = LogWriter::open(folder.path(), key.clone()).unwrap();
    let mut seen = Vec::new();
    for (size, text) in TESSERA_CHECKPOINTS {
        let first = usize::try_from(writer.size()).unwrap();
        writer.append(&TESSERA_ENTRIES[first..size]).unwrap();
        assert_eq!(*writer.publish(&signer).unwrap(), *text, "of {size}");
        seen.push(Checkpoint::verify(text, &key).unwrap());
    }
    assert_eq!(reader.entries(0, 3).unwrap().unwrap(), b"\0\x03one\0\x03two\0\x05three");
    assert_eq!(offline::verify(folder.path(), &key, &seen).unwrap().consistent_with, 4);
}

/// A proof made with Tessera by warpfork/spicytool, in the form that tlog-proof had before it was
/// called so: the first line was another. The entry is not published, so the proof is only read.
#[test]
fn a_proof_of_others_is_read() {
    let proof = "c2sp.org/tlog-proof@v1\nindex 100252\n\
        +4IF875THRSj6IOZo2SRpgL6buVI/cawB2iLGFLgWDQ=\n\
        nBeqO1BayYMNXX05jMGGtCfprprlSVASVTUUwA0OC9E=\n\
        zpUmeEe94VcV/jft8wYlUcDx9yr2kff2jq9QW295vhw=\n\
        DTWvScrZyztZdQo5YhJ2Sioo6xDCRDgnoxJJJhN5vl0=\n\
        550NhxNMkqzfWFptIePTfVic0rHovJMectLfzaLgh5U=\n\
        aoGmNLa5zDVavVfeWhrAxU3duQ0m2TB489dVEGmquO8=\n\
        Sbbxxj/8zvCs1q23zn+3wxE9OfJyqVtajvLlvg4FOaI=\n\
        WuiUqI+eMKiZ4OUa9CORDO64u91gs7kbTzQYw/e/Khg=\n\
        nxkvRAG/1vChJgwuphcHSaCBWcBXebV52Nd3sGxP2kI=\n\
        8xVjSf6ZkYSabrgN8m3ePiWgQSpafmz8FXTCfv7guck=\n\
        uIkQsFgLVnAeDt5KgZP6l3eJ6YzFz2p92KwlA50Ea5Q=\n\
        8SliMOQ4QRiNiRzAt4iEDvrOC0ETwRssbnOdutGqPhA=\n\n\
        example.com/log/testdata\n100270\nGRV1O0dCqmjjPvYi7CtOT79zb/fPwLNsMFWsynwU8Ac=\n\n\
        — example.com/log/testdata M9e0lkcvy5bAe7rrC8tCyAP+my+CLzswA91zOpBNWVU7qCojkUOHnfdQzDIm\
        oYeYH8G8PJSwOqsx0RkSa261OmKVwwM=\n";
    let parsed = InclusionProof::parse(proof).unwrap();
    assert_eq!((parsed.index, parsed.hashes.len()), (100_252, 12));
    assert_eq!(parsed.to_string(), proof);
    let key = LogKey::parse(TESSERA).unwrap();
    assert_eq!(Checkpoint::verify(&parsed.checkpoint, &key).unwrap().size(), 100_270);
    assert_eq!(code(parsed.check(b"another entry", &key)), "proof-invalid");
}
