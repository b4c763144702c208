//! oauth-wg/draft-ietf-oauth-status-list: lists of 1, 2, 4 and 8 bits in JSON and CBOR, and a
//! token.
//!
//! The examples break long strings over lines, and some begin with what they hold before it is
//! encoded. Of CBOR only the map with `bits` and `lst` is taken apart, by hand: CWTs are not read
//! by this project. The example token's key is not published with it, and its `kid` is no DID URL:
//! header and claims are read, and the signature is not checked.

use bonafide_core::json::{Limits, Value, parse};
use bonafide_core::status::{TokenStatus, TokenStatusBits, TokenStatusListClaims};
use bonafide_proof::jose::{CompactJws, TokenType};

use super::{Folder, unhex};

/// The text without any white space.
fn dense(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

fn json(text: &str) -> Value<'static> {
    parse(text.as_bytes(), &Limits::for_size(1 << 20)).unwrap().into_owned()
}

fn claims(payload: &Value<'_>) -> TokenStatusListClaims {
    TokenStatusListClaims::from_payload(payload.as_object().unwrap()).unwrap()
}

/// The list of a JSON example.
fn json_list(text: &str) -> TokenStatusBits {
    let text = dense(text);
    let list = json(&text[text.find('{').unwrap()..]);
    let bits = list.get("bits").and_then(Value::as_integer).unwrap();
    let lst = list.get("lst").and_then(Value::as_str).unwrap();
    TokenStatusBits::decode(lst, usize::try_from(bits).unwrap()).unwrap()
}

/// The list of a CBOR example in hexadecimal: a map of "bits", a small number, and "lst", bytes.
fn cbor_list(hex: &str) -> TokenStatusBits {
    let bytes = unhex(hex.rsplit("encoded:").next().unwrap());
    let rest = bytes.strip_prefix(b"\xa2\x64bits").unwrap();
    let (bits, rest) = rest.split_first().unwrap();
    let rest = rest.strip_prefix(b"\x63lst").unwrap();
    let (length, list) = match rest {
        [0x58, length, list @ ..] => (usize::from(*length), list),
        [0x59, high, low, list @ ..] => (usize::from(*high) * 256 + usize::from(*low), list),
        [head, list @ ..] => (usize::from(head - 0x40), list),
        [] => panic!("no list"),
    };
    assert_eq!(list.len(), length);
    TokenStatusBits::from_zlib(list, usize::from(*bits)).unwrap()
}

fn values(list: &TokenStatusBits) -> Vec<u8> {
    (0..list.entries()).map(|index| list.get(index).unwrap().value()).collect()
}

#[test]
fn lists_of_every_size_say_what_is_expected_and_the_token_is_read() {
    let mut folder = Folder::open("token-status-list");
    let expected = folder.json("expected.json");
    for (size, name) in [
        (1, "status_list_encoding1_long"),
        (2, "status_list_encoding2_long"),
        (4, "status_list_encoding4"),
        (8, "status_list_encoding8"),
    ] {
        let list = json_list(&folder.text(&format!("{name}_json.md")));
        assert_eq!(list, cbor_list(&folder.text(&format!("{name}_cbor.md"))), "{name}");
        let expected = expected.get(&size.to_string()).unwrap();
        let entries = expected.get("size").and_then(Value::as_integer).unwrap();
        assert_eq!((list.size(), list.entries()), (size, usize::try_from(entries).unwrap()));
        let mut all = vec![0_u8; list.entries()];
        for (index, value) in expected.get("nonzero").unwrap().as_object().unwrap().iter() {
            let value = value.as_integer().unwrap();
            all[index.parse::<usize>().unwrap()] = u8::try_from(value).unwrap();
        }
        assert!(values(&list) == all, "{name}");
        assert_eq!(list.set_entries().count(), all.iter().filter(|value| **value != 0).count());
        assert_eq!(TokenStatusBits::decode(&list.encode(), size).unwrap(), list, "{name}");
    }

    let short = |folder: &mut Folder, name: &str, bytes: &[u8], expected: &[u8]| {
        let text = folder.text(&format!("{name}_json.md"));
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:#04x}")).collect();
        assert!(text.starts_with(&format!("byte_array = [{}]", hex.join(", "))), "{text}");
        let list = json_list(&text);
        assert_eq!(values(&list), expected);
        assert_eq!(cbor_list(&folder.text(&format!("{name}_cbor.md"))), list);
        // The annotated form: bytes, then what they are.
        let annotated = folder.text(&format!("{name}_cbor_diag.md"));
        let hex: String = annotated.lines().map(|line| line.split('#').next().unwrap()).collect();
        assert_eq!(cbor_list(&hex), list);
    };
    let one = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1];
    short(&mut folder, "status_list_encoding", &[0xb9, 0xa3], &one);
    let two = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3];
    short(&mut folder, "status_list_encoding2", &[0xc9, 0x44, 0xf9], &two);

    let example = dense(&folder.text("status_list_jwt.md"));
    let (header, payload) = example.split_once("}.{").unwrap();
    let header = json(&format!("{header}}}"));
    assert_eq!(header.get("typ").unwrap().as_str(), Some(TokenType::STATUS_LIST.typ));
    let shown = claims(&json(&format!("{{{payload}")));
    assert_eq!(shown.uri, "https://example.com/statuslists/1");
    assert_eq!(shown.issued_at.unix(), 1_686_920_170);
    assert_eq!(shown.expires.unwrap().unix(), 2_291_720_170);
    assert_eq!(shown.ttl.unwrap().as_secs(), 43_200);
    assert_eq!(values(&shown.bits), one);
    assert_eq!(shown.bits.get(0), Ok(TokenStatus::INVALID));
    let written = shown.to_payload();
    assert_eq!(TokenStatusListClaims::from_payload(&written).unwrap(), shown);

    let raw = dense(&folder.text("status_list_jwt_raw.md"));
    let jws = CompactJws::parse(&raw, TokenType::STATUS_LIST).unwrap();
    assert_eq!(jws.kid(), Some("12"));
    let payload = json(&String::from_utf8(jws.decode_payload().unwrap()).unwrap());
    assert_eq!(claims(&payload), shown);
    assert!(CompactJws::parse(&raw, TokenType::VC).is_err());
    folder.finish();
}
