//! The text forms: paths, keys, checkpoints, proofs.

use super::*;

#[test]
fn paths_have_one_spelling() {
    let hashes = |level, index, width| TilePath { kind: TileKind::Hashes(level), index, width };
    let entries = |index, width| TilePath { kind: TileKind::Entries, index, width };
    for (text, path) in [
        ("tile/0/000", hashes(0, 0, 256)),
        ("tile/63/999", hashes(63, 999, 256)),
        ("tile/0/x001/234.p/5", hashes(0, 1234, 5)),
        ("tile/1/x001/x234/067.p/255", hashes(1, 1_234_067, 255)),
        ("tile/entries/x001/234", entries(1234, 256)),
        ("tile/entries/000.p/1", entries(0, 1)),
        ("tile/0/x018/x446/x744/x073/x709/x551/615", hashes(0, u64::MAX, 256)),
    ] {
        assert_eq!(TilePath::parse(text).unwrap(), path);
        assert_eq!(path.to_string(), text);
    }
    for text in [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/64/000",
        "tile/00/000",
        "tile/+1/000",
        "tile/-1/000",
        "tile/data/000",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000",
        "tile/0/x000/001",
        "tile/0/001/234",
        "tile/0/x001/x234",
        "tile/0/x01/234",
        "tile/0/xx01/234",
        "tile/0/x1000/234",
        "tile/0/+01",
        "tile/0/000/",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/05",
        "tile/0/000.p/256",
        "tile/0/000.p/1.p/1",
        "tile/0/000.p/1/1",
        "tile/entries/000.p/+1",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x001/x018/x446/x744/x073/x709/x551/615",
        "tile/0/\u{661}23",
        "tile/0/../000",
    ] {
        assert_eq!(code(TilePath::parse(text)), "tile-path-malformed", "{text}");
    }
}

#[test]
fn keys_of_logs() {
    let text = key().to_string();
    assert_eq!(LogKey::parse(&text).unwrap().public_key(), secret(1).public_key());
    let other_id = text.replace('+', "+0").replacen("+0", "+", 1);
    for wrong in [
        "",
        ORIGIN,
        "issuer.example/log+00000000",
        &other_id,
        &text.replace("issuer", "reissuer"),
        &text.replace('+', "+ "),
        &format!("{text}="),
        &text.to_uppercase(),
        // The id of a cosignature: another type.
        "a+00000000+BEHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx",
    ] {
        assert_eq!(code(LogKey::parse(wrong)), "log-key-malformed", "{wrong}");
    }
    for wrong in ["", "a b", "a+b", "a\n", "a\u{a0}b", "a\u{7f}", &"a".repeat(256)] {
        assert_eq!(code(LogKey::new(wrong, secret(1).public_key())), "origin-malformed", "{wrong}");
    }
    let p256 = SecretKey::from_bytes(KeyType::P256, &[1; 32]).unwrap();
    assert_eq!(code(LogKey::new(ORIGIN, p256.public_key())), "log-key-malformed");
}

#[test]
fn checkpoints_are_of_this_log_and_key() {
    let good = Checkpoint::sign(5, [9; 32], &key(), &secret(1)).unwrap();
    let checkpoint = Checkpoint::verify(&good, &key()).unwrap();
    assert_eq!((checkpoint.size(), checkpoint.root()), (5, [9; 32]));
    assert_eq!(checkpoint.origin(), ORIGIN);
    let other_key = LogKey::new(ORIGIN, secret(2).public_key()).unwrap();
    let other_log = LogKey::new("other.example", secret(1).public_key()).unwrap();
    assert_eq!(code(Checkpoint::verify(&good, &other_key)), "checkpoint-not-signed");
    assert_eq!(code(Checkpoint::verify(&good, &other_log)), "other-log");
    let changed = good.replace("\n5\n", "\n6\n");
    assert_eq!(code(Checkpoint::verify(&changed, &key())), "checkpoint-signature-invalid");
    for wrong in [
        String::new(),
        good.replace("\n5\n", "\n05\n"),
        good.replace("\n5\n", "\n+5\n"),
        good.replace("\n5\n", "\n\n"),
        good.replace("\n\n", "\n"),
        good.replace('\n', "\r\n"),
        good.replace("CQk=", "CQ=="),
        good.trim_end().to_owned(),
        format!("{good}\n"),
        format!("\n{good}"),
    ] {
        assert_eq!(code(Checkpoint::verify(&wrong, &key())), "checkpoint-malformed", "{wrong:?}");
    }
    assert_eq!(
        code(Checkpoint::sign(5, [9; 32], &key(), &secret(2))),
        "wrong-signer",
        "a key that is not the log's"
    );
}

#[test]
fn signatures_of_witnesses_are_ignored() {
    let good = Checkpoint::sign(5, [9; 32], &key(), &secret(1)).unwrap();
    // Type 0x04 (a time and a signature), an unknown type, and one under the log's own name.
    let cosigned = format!(
        "{good}— witness.example AAAAAAAAAABk\n— other.example {}\n— {ORIGIN} AAAAAAAA\n",
        "AAAA".repeat(1000)
    );
    assert_eq!(Checkpoint::verify(&cosigned, &key()).unwrap().size(), 5);
    let (text, signature) = good.split_once("\n\n").unwrap();
    let only_others = format!("{text}\n\n— witness.example AAAAAAAAAABk\n");
    assert_eq!(code(Checkpoint::verify(&only_others, &key())), "checkpoint-not-signed");
    // The log's own comes last.
    let last = format!("{text}\n\n— witness.example AAAAAAAAAABk\n{signature}");
    assert_eq!(Checkpoint::verify(&last, &key()).unwrap().size(), 5);
}

#[test]
fn a_signer_that_fails_or_signs_otherwise() {
    struct Wrong(SecretKey, bool);
    impl Signer for Wrong {
        fn public_key(&self) -> &bonafide_core::key::PublicKey {
            self.0.public_key()
        }
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, bonafide_proof::SignError> {
            if self.1 { Ok(vec![0; 64]) } else { Err(bonafide_proof::SignError("away".into())) }
        }
    }
    let mut stage = Stage::with(2);
    stage.writer.append(&[entry(2)]).unwrap();
    for signs in [true, false] {
        assert_eq!(code(stage.writer.publish(&Wrong(secret(1), signs))), "signer-failed");
        assert_eq!(stage.reader.size(), 2);
    }
    assert_eq!(code(stage.writer.publish(&secret(2))), "wrong-signer");
    // The files are as good as before.
    stage.writer.publish(&secret(1)).unwrap();
    assert_eq!(stage.reader.size(), 3);
}

#[test]
fn proofs_in_their_text_form() {
    let stage = Stage::with(11);
    let mut proof = stage.reader.prove(6).unwrap();
    let text = proof.to_string();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 6\n"));
    assert_eq!(InclusionProof::parse(&text).unwrap(), proof);
    let proven = proof.check(&entry(6), &key()).unwrap();
    assert_eq!((proven.index, proven.checkpoint.size()), (6, 11));
    assert_eq!(code(proof.check(&entry(5), &key())), "proof-invalid");
    let other = LogKey::new(ORIGIN, secret(2).public_key()).unwrap();
    assert_eq!(code(proof.check(&entry(6), &other)), "checkpoint-not-signed");

    proof.extra = Some(b"hint".to_vec());
    let with_extra = proof.to_string();
    assert!(with_extra.starts_with("c2sp.org/tlog-proof@v1\nextra aGludA==\nindex 6\n"));
    assert_eq!(InclusionProof::parse(&with_extra).unwrap(), proof);
    proof.check(&entry(6), &key()).unwrap();

    let changes: [fn(&mut InclusionProof); 8] = [
        |proof| proof.index = 5,
        |proof| proof.index = 11,
        |proof| proof.index = u64::MAX,
        |proof| proof.hashes.truncate(1),
        |proof| proof.hashes.clear(),
        |proof| proof.hashes.reverse(),
        |proof| proof.hashes.push([0; 32]),
        |proof| proof.hashes[0][0] ^= 1,
    ];
    for change in changes {
        let mut changed = proof.clone();
        change(&mut changed);
        assert_eq!(code(changed.check(&entry(6), &key())), "proof-invalid");
    }

    let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    for wrong in [
        String::new(),
        text.replace("proof@v1", "proof@v2"),
        text.replace("index 6", "index 06"),
        text.replace("index 6", "index +6"),
        text.replace("index 6", "index  6"),
        text.replace("index 6\n", ""),
        text.replace("index 6", "extra AA==\nextra AA==\nindex 6"),
        text.replace("index 6", "index 6\nextra AA=="),
        text.replace("index 6", "extra A\nindex 6"),
        text.replace("index 6\n", "index 6\nAAAA\n"),
        text.replace("index 6\n", "index 6\nx\n"),
        text.replace("index 6\n", &format!("index 6\n{}", hash.repeat(65))),
        text.replace("index 6", &format!("extra {}\nindex 6", "AAAA".repeat(25_000))),
        text.replace('\n', "\r\n"),
        "A".repeat(2_000_000),
    ] {
        let beginning: String = wrong.chars().take(200).collect();
        assert_eq!(code(InclusionProof::parse(&wrong)), "proof-malformed", "{beginning:?}");
    }
    // The first empty line ends the proof, so the rest is no checkpoint.
    let cut = InclusionProof::parse(&text.replace("index 6\n", "index 6\n\n")).unwrap();
    assert_eq!(code(cut.check(&entry(6), &key())), "checkpoint-malformed");
}

#[test]
fn one_entry_needs_no_hashes() {
    let stage = Stage::with(1);
    let proof = stage.reader.prove(0).unwrap();
    let text = proof.to_string();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 0\n\nissuer.example/log\n1\n"));
    InclusionProof::parse(&text).unwrap().check(&entry(0), &key()).unwrap();
}
