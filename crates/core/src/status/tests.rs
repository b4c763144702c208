use std::io::Write;
use std::time::Duration;

use super::*;
use crate::encoding::{decode_base64url, encode_base64url};
use crate::json::{Limits, Object, parse};
use crate::time::Timestamp;

fn object(text: &str) -> Object<'static> {
    let value = parse(text.as_bytes(), &Limits::for_size(1 << 20)).unwrap();
    value.as_object().unwrap().clone().into_owned()
}

fn set(object: &mut Object<'static>, member: &'static str, json: &str) {
    let value = parse(json.as_bytes(), &Limits::for_size(1 << 20)).unwrap().into_owned();
    object.insert(member, value);
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn bitstring_entries_of_every_size_keep_to_their_place() {
    for size in 1..=LARGEST_STATUS_SIZE {
        let mut bits = StatusBits::new(FEWEST_ENTRIES * size);
        let last = bits.entries() / size - 1;
        let most = u8::MAX >> (8 - size);
        for index in [1, 4711, last] {
            bits.set_value(index, size, most).unwrap();
            assert_eq!(bits.value(index, size), Ok(most), "{size}");
            assert_eq!(bits.value(index - 1, size), Ok(0), "{size}");
            bits.set_value(index, size, 1).unwrap();
            assert_eq!(bits.value(index, size), Ok(1), "{size}");
        }
        assert_eq!(bits.set_indexes().count(), 3, "{size}");
        assert_eq!(StatusBits::decode(&bits.encode()).unwrap(), bits, "{size}");
        let entries = last + 1;
        let beyond = Err(StatusListError::OutOfRange { index: entries, entries });
        assert_eq!(bits.value(entries, size), beyond, "{size}");
        if size < 8 {
            assert!(bits.set_value(0, size, most + 1).is_err(), "{size}");
        }
        assert!(bits.value(usize::MAX, size).is_err(), "{size}");
    }
    let bits = StatusBits::new(0);
    assert!(bits.value(0, 0).is_err() && bits.value(0, 9).is_err());
    // The list is long enough for one bit an entry, and too short for two.
    assert_eq!(bits.value(0, 1), Ok(0));
    let entries = FEWEST_ENTRIES / 2;
    assert_eq!(bits.value(0, 2), Err(StatusListError::TooShort { entries }));
}

#[test]
fn bitstring_values_have_their_left_most_bit_first() {
    let mut bits = StatusBits::new(FEWEST_ENTRIES * 3);
    // Entry 2 is bits 6, 7 and 8: the last two of the first byte and the first of the second.
    bits.set_value(2, 3, 0b110).unwrap();
    assert_eq!(bits.set_indexes().collect::<Vec<_>>(), [6, 7]);
    bits.set_value(2, 3, 0b001).unwrap();
    assert_eq!(bits.set_indexes().collect::<Vec<_>>(), [8]);
    assert_eq!((bits.get(8), bits.value(2, 3)), (Ok(true), Ok(1)));
}

const MESSAGE_ENTRY: &str = r#"{
    "type": "BitstringStatusListEntry", "statusPurpose": "message", "statusListIndex": "492847",
    "statusSize": 2, "statusListCredential": "https://example.com/credentials/status/8",
    "statusMessage": [
        {"status": "0x0", "message": "pending_review"}, {"status": "0x2", "message": "rejected"},
        {"status": "0x1", "message": "accepted", "more": true},
        {"status": "0x3", "message": "undefined"}],
    "statusReference": "https://example.org/status-dictionary/"
}"#;

#[test]
fn bitstring_entries_with_messages_are_read_and_written() {
    let entry = BitstringStatusEntry::from_object(&object(MESSAGE_ENTRY)).unwrap();
    assert_eq!((entry.size, entry.index), (2, 492_847));
    assert_eq!(entry.messages, ["pending_review", "accepted", "rejected", "undefined"]);
    assert_eq!(entry.references, ["https://example.org/status-dictionary/"]);
    assert_eq!((entry.message(2), entry.message(4)), (Some("rejected"), None));
    assert_eq!(BitstringStatusEntry::from_object(&entry.to_object()).unwrap(), entry);

    let list = "https://a.example/1";
    let plain = BitstringStatusEntry::new(StatusPurpose::Revocation, 7, list);
    assert_eq!(BitstringStatusEntry::from_object(&plain.to_object()).unwrap(), plain);
    assert!(!plain.to_object().contains("statusSize"));
    let said = [plain.message(0), plain.message(1), plain.message(2)];
    assert_eq!(said, [Some("unset"), Some("set"), None]);

    let urls = vec!["https://a.example/x".to_owned(), "urn:example:y".to_owned()];
    let messages: Vec<String> = (0..256).map(|value| format!("message {value}")).collect();
    let large = BitstringStatusEntry { size: 8, messages, references: urls, ..plain };
    assert_eq!(BitstringStatusEntry::from_object(&large.to_object()).unwrap(), large);
    assert_eq!(large.message(255), Some("message 255"));
}

#[test]
fn bitstring_entries_that_contradict_themselves_are_refused() {
    let two = r#"[{"status": "0x0", "message": "a"}, {"status": "0x1", "message": "b"}]"#;
    for (pointer, member, json) in [
        ("/statusSize", "statusSize", "0"),
        ("/statusSize", "statusSize", "9"),
        ("/statusSize", "statusSize", "-1"),
        ("/statusSize", "statusSize", "2.0"),
        ("/statusSize", "statusSize", r#""2""#),
        ("/statusSize", "statusSize", "null"),
        ("/statusMessage", "statusSize", "1"),
        ("/statusMessage", "statusSize", "3"),
        ("/statusMessage", "statusMessage", two),
        ("/statusMessage", "statusMessage", "{}"),
        ("/statusMessage", "statusMessage", "[]"),
        ("/statusReference", "statusReference", "[]"),
        ("/statusReference", "statusReference", "7"),
        ("/statusReference", "statusReference", r#"["https://a.example", "b"]"#),
        ("/statusListIndex", "statusListIndex", "492847"),
        ("/statusListIndex", "statusListIndex", r#""+1""#),
    ] {
        let mut entry = object(MESSAGE_ENTRY);
        set(&mut entry, member, json);
        let error = BitstringStatusEntry::from_object(&entry).unwrap_err();
        assert_eq!(error.pointer, pointer, "{member} {json}");
    }
    // Over one bit, whatever the purpose: every value has a message.
    let mut entry = object(MESSAGE_ENTRY);
    entry.remove("statusMessage");
    set(&mut entry, "statusPurpose", r#""revocation""#);
    assert_eq!(BitstringStatusEntry::from_object(&entry).unwrap_err().pointer, "/statusMessage");
    for status in [r#""0x1""#, r#""0x4""#, r#""2""#, r#""0x""#, r#""0x+2""#, "2"] {
        let text = MESSAGE_ENTRY.replace(r#""0x2""#, status);
        assert!(BitstringStatusEntry::from_object(&object(&text)).is_err(), "{status}");
    }
    let text = MESSAGE_ENTRY.replace(r#""rejected""#, "7");
    assert!(BitstringStatusEntry::from_object(&object(&text)).is_err());
    let text = MESSAGE_ENTRY.replace(r#""0x2""#, r#""0x02""#);
    assert!(BitstringStatusEntry::from_object(&object(&text)).is_ok());
}

#[test]
fn token_entries_of_every_size_keep_to_their_place() {
    for size in [1, 2, 4, 8] {
        let mut bits = TokenStatusBits::new(100, size).unwrap();
        let entries = bits.entries();
        assert!((100..108).contains(&entries));
        let most = TokenStatus::new(u8::MAX >> (8 - size));
        for index in [1, 50, entries - 1] {
            bits.set(index, most).unwrap();
            assert_eq!(bits.get(index), Ok(most), "{size}");
            assert_eq!(bits.get(index - 1), Ok(TokenStatus::VALID), "{size}");
            bits.set(index, TokenStatus::INVALID).unwrap();
        }
        let found: Vec<_> = bits.set_entries().collect();
        assert_eq!(found, [1, 50, entries - 1].map(|index| (index, TokenStatus::INVALID)));
        assert_eq!(bits.encode(), bits.clone().encode());
        assert_eq!(TokenStatusBits::decode(&bits.encode(), size).unwrap(), bits);
        let beyond = Err(StatusListError::OutOfRange { index: entries, entries });
        assert_eq!(bits.get(entries), beyond, "{size}");
        assert!(bits.get(usize::MAX).is_err());
        if size < 8 {
            assert!(bits.set(0, TokenStatus::new(most.value() + 1)).is_err(), "{size}");
        }
    }
    for size in [0, 3, 5, 16, usize::MAX] {
        assert!(TokenStatusBits::new(8, size).is_err(), "{size}");
        assert!(TokenStatusBits::from_zlib(&zlib(&[0]), size).is_err(), "{size}");
    }
}

#[test]
fn token_lists_have_their_least_significant_bit_first() {
    // The examples of Token Status List, 4.1.
    let one = TokenStatusBits::from_zlib(&zlib(&[0xb9, 0xa3]), 1).unwrap();
    let values: Vec<u8> = (0..16).map(|index| one.get(index).unwrap().value()).collect();
    assert_eq!(values, [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]);
    let two = TokenStatusBits::from_zlib(&zlib(&[0xc9, 0x44, 0xf9]), 2).unwrap();
    let values: Vec<u8> = (0..12).map(|index| two.get(index).unwrap().value()).collect();
    assert_eq!(values, [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]);
}

#[test]
fn token_lists_are_read_whole_or_not_at_all() {
    let whole = zlib(&[7; 1000]);
    for end in 0..whole.len() {
        assert!(TokenStatusBits::from_zlib(&whole[..end], 8).is_err(), "{end}");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert!(TokenStatusBits::from_zlib(&longer, 8).is_err());
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert!(TokenStatusBits::from_zlib(&changed, 8).is_err(), "the checksum counts");
    let limit = LARGEST_LIST_BYTES;
    assert_eq!(TokenStatusBits::from_zlib(&zlib(&vec![0; limit]), 8).unwrap().entries(), limit);
    let large = Err(StatusListError::TooLarge { limit });
    assert_eq!(TokenStatusBits::from_zlib(&zlib(&vec![0; limit + 1]), 8), large);
    assert_eq!(TokenStatusBits::new(limit * 4 + 1, 2), large);
    assert!(TokenStatusBits::decode(&(encode_base64url(&whole) + "="), 8).is_err());
    assert!(decode_base64url(&TokenStatusBits::new(8, 1).unwrap().encode()).is_ok());
    // gzip is not ZLIB.
    let gzip = StatusBits::new(0).encode();
    assert!(TokenStatusBits::decode(gzip.trim_start_matches('u'), 1).is_err());
}

#[test]
fn bitstring_lists_are_projected_and_revoked_wins() {
    let (mut revoked, mut suspended) = (StatusBits::new(0), StatusBits::new(FEWEST_ENTRIES + 8));
    for index in [3, 5] {
        revoked.set(index, true).unwrap();
    }
    for index in [4, 5, FEWEST_ENTRIES + 7] {
        suspended.set(index, true).unwrap();
    }
    let list = TokenStatusBits::project(&revoked, Some(&suspended)).unwrap();
    assert_eq!((list.size(), list.entries()), (2, FEWEST_ENTRIES + 8));
    let (invalid, suspension) = (TokenStatus::INVALID, TokenStatus::SUSPENDED);
    let expected = [(3, invalid), (4, suspension), (5, invalid), (FEWEST_ENTRIES + 7, suspension)];
    assert_eq!(list.set_entries().collect::<Vec<_>>(), expected);
    let list = TokenStatusBits::project(&revoked, None).unwrap();
    assert_eq!(list.set_entries().collect::<Vec<_>>(), [(3, invalid), (5, invalid)]);
    // What nobody would read again is not made.
    let longest = StatusBits::new(LARGEST_LIST_BYTES * 8);
    assert!(TokenStatusBits::project(&longest, None).is_err());
}

#[test]
fn token_references_are_read_strictly() {
    let reference = TokenStatusReference { index: 9, uri: "https://a.example/1".to_owned() };
    let read = TokenStatusReference::from_claim(&reference.to_claim().into());
    assert_eq!(read, Ok(Some(reference.clone())));
    let entry = reference.to_object();
    assert_eq!(entry.str("statusListIndex"), Some("9"));
    assert_eq!(TokenStatusReference::from_object(&entry), Ok(reference.clone()));
    let other: Value<'_> = object(r#"{"other": {}}"#).into();
    assert_eq!(TokenStatusReference::from_claim(&other), Ok(None));
    // One entry for each mechanism, none passed over.
    let mut both = reference.to_claim();
    both.insert("other", Object::new());
    let unknown = Object::from([("type", "other")]);
    let entries = TokenStatusReference::entries_from_claim(&both.into()).unwrap();
    assert_eq!(entries, [entry.clone(), unknown.clone()]);
    assert_eq!(TokenStatusReference::entries_from_claim(&other), Ok(vec![unknown]));
    for claim in [
        "{}",
        r#"{"status_list": []}"#,
        r#"{"status_list": {"idx": "0", "uri": "https://a.example/1"}}"#,
        r#"{"status_list": {"idx": -1, "uri": "https://a.example/1"}}"#,
        r#"{"status_list": {"idx": 1.0, "uri": "https://a.example/1"}}"#,
        r#"{"status_list": {"idx": 1}}"#,
        r#"{"status_list": {"uri": "https://a.example/1"}}"#,
        r#"{"status_list": {"idx": 1, "uri": "no scheme"}}"#,
        r#"{"status_list": {"idx": 1, "uri": ["https://a.example/1"]}}"#,
    ] {
        assert!(TokenStatusReference::from_claim(&object(claim).into()).is_err(), "{claim}");
    }
    for (member, json) in [
        ("statusListIndex", "9"),
        ("statusListIndex", r#""09""#),
        ("statusListIndex", r#""-9""#),
        ("statusListIndex", r#""""#),
        ("statusListCredential", "9"),
        ("statusListCredential", r#""a b:c""#),
    ] {
        let mut entry = entry.clone();
        set(&mut entry, member, json);
        assert!(TokenStatusReference::from_object(&entry).is_err(), "{member} {json}");
    }
}

#[test]
fn token_list_claims_are_read_strictly() {
    let claims = TokenStatusListClaims {
        uri: "https://a.example/tokens/1".to_owned(),
        issued_at: Timestamp::from_unix(1_686_920_170).unwrap(),
        expires: Timestamp::from_unix(2_291_720_170),
        ttl: Some(Duration::from_secs(43_200)),
        aggregation_uri: Some("https://a.example/tokens".to_owned()),
        bits: TokenStatusBits::new(16, 4).unwrap(),
    };
    let payload = claims.to_payload();
    assert_eq!(TokenStatusListClaims::from_payload(&payload), Ok(claims.clone()));
    let least = TokenStatusListClaims { expires: None, ttl: None, aggregation_uri: None, ..claims };
    assert_eq!(TokenStatusListClaims::from_payload(&least.to_payload()), Ok(least));
    for (member, json) in [
        ("sub", "7"),
        ("sub", r#""no scheme""#),
        ("iat", r#""1686920170""#),
        ("iat", "1686920170.0"),
        ("exp", "null"),
        ("exp", r#""2291720170""#),
        ("ttl", "0"),
        ("ttl", "-1"),
        ("ttl", "1.5"),
        ("ttl", r#""43200""#),
        ("status_list", "[]"),
        ("status_list", r#"{"lst": "eNrbuRgAAhcBXQ"}"#),
        ("status_list", r#"{"bits": 3, "lst": "eNrbuRgAAhcBXQ"}"#),
        ("status_list", r#"{"bits": "1", "lst": "eNrbuRgAAhcBXQ"}"#),
        ("status_list", r#"{"bits": 1}"#),
        ("status_list", r#"{"bits": 1, "lst": "ueNrbuRgAAhcBXQ"}"#),
        ("status_list", r#"{"bits": 1, "lst": "eNrbuRgAAhcBXQ", "aggregation_uri": 7}"#),
    ] {
        let mut payload = payload.clone();
        set(&mut payload, member, json);
        assert!(TokenStatusListClaims::from_payload(&payload).is_err(), "{member} {json}");
    }
    for member in ["sub", "iat", "status_list"] {
        let mut payload = payload.clone();
        payload.remove(member);
        assert!(TokenStatusListClaims::from_payload(&payload).is_err(), "{member}");
    }
    let mut example = payload;
    set(&mut example, "status_list", r#"{"bits": 1, "lst": "eNrbuRgAAhcBXQ"}"#);
    let read = TokenStatusListClaims::from_payload(&example).unwrap();
    assert_eq!((read.bits.get(0), read.bits.entries()), (Ok(TokenStatus::INVALID), 16));
}

#[test]
fn token_statuses_are_told_apart() {
    let own: Vec<u8> =
        (0..=255).filter(|value| TokenStatus::new(*value).is_application_specific()).collect();
    assert_eq!(own, [0x03, 0x0c, 0x0d, 0x0e, 0x0f]);
    let shown = |value| TokenStatus::new(value).to_string();
    assert_eq!(
        (shown(0), shown(1), shown(2)),
        ("valid".into(), "invalid".into(), "suspended".into())
    );
    assert_eq!(
        (shown(3), shown(11)),
        ("application specific (0x03)".to_owned(), "reserved (0x0b)".to_owned(),)
    );
}
