//! Where the files of did:web and did:webvh DIDs are published.

use super::Did;
use crate::Malformed;

/// Where the document of a did:web DID is published; the document itself is evidence that
/// somebody else brings.
///
/// Refuses what could lead elsewhere: empty or dot segments, encoded separators, user names, IP
/// addresses, and ports that are not numbers.
pub fn web_document_url(did: Did<'_>) -> Result<String, Malformed> {
    const WHAT: &str = "did:web";
    if did.method() != "web" {
        return Err(Malformed::new(WHAT, "expected did:web:…"));
    }
    Ok(format!("{}/did.json", location(WHAT, did.method_specific_id())?))
}

/// Where the log and the witness proofs of a did:webvh DID are published, `…/did.jsonl` and
/// `…/did-witness.json` (did:webvh 1.0, "The DID to HTTPS Transformation").
///
/// Refuses what [`web_document_url`] refuses, a host of one label, and a SCID that is not 46
/// characters of base58btc. Stricter than the specification, which decodes percent-encoding in
/// host and path: here only an upper-case `%3A` before a port is known, so each DID has one
/// spelling and nothing shows itself only once it is decoded.
pub fn webvh_urls(did: Did<'_>) -> Result<(String, String), Malformed> {
    const WHAT: &str = "did:webvh";
    let malformed = |detail| Malformed::new(WHAT, detail);
    if did.method() != "webvh" {
        return Err(malformed("expected did:webvh:…"));
    }
    let Some((scid, place)) = did.method_specific_id().split_once(':') else {
        return Err(malformed("expected a host name after the SCID"));
    };
    let base58 = |b: u8| b.is_ascii_alphanumeric() && !matches!(b, b'0' | b'I' | b'O' | b'l');
    if scid.len() != 46 || !scid.bytes().all(base58) {
        return Err(malformed("expected a SCID of 46 base58btc characters"));
    }
    let folder = location(WHAT, place)?;
    let host = place.split([':', '%']).next().unwrap_or_default();
    if !host.contains('.') {
        return Err(malformed("expected a host name of at least two labels"));
    }
    Ok((format!("{folder}/did.jsonl"), format!("{folder}/did-witness.json")))
}

/// The folder that `host[%3Aport][:segment…]` stands for, without a slash at its end.
fn location(what: &'static str, place: &str) -> Result<String, Malformed> {
    let malformed = |detail| Malformed::new(what, detail);
    let mut segments = place.split(':');
    let authority = segments.next().unwrap_or_default();
    let (host, port) = match authority.split_once("%3A") {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let numeric =
        host.rsplit('.').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()));
    if host.len() > 253 || !host.split('.').all(label) || numeric {
        return Err(malformed("expected a lower-case host name"));
    }
    // Punycode has to be what its Unicode form encodes to; a false one could look like another.
    if host.split('.').any(|label| label.starts_with("xn--") && !is_true_punycode(label)) {
        return Err(malformed("false punycode in the host name"));
    }
    let port = match port {
        None => String::new(),
        Some(port)
            if port.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == port) =>
        {
            format!(":{port}")
        }
        Some(_) => return Err(malformed("expected a port number after %3A")),
    };
    let mut path = String::new();
    for segment in segments {
        if matches!(segment, "" | "." | "..") || segment.contains('%') {
            return Err(malformed("a path segment that is empty, of dots, or encoded"));
        }
        path.push('/');
        path.push_str(segment);
    }
    if path.is_empty() {
        path.push_str("/.well-known");
    }
    Ok(format!("https://{host}{port}{path}"))
}

fn is_true_punycode(label: &str) -> bool {
    idna_ascii(label).is_some_and(|ascii| ascii == label)
}

/// The label's Unicode form turned back into ASCII; `None` where there is no such form.
fn idna_ascii(label: &str) -> Option<String> {
    let (unicode, result) = idna::domain_to_unicode(label);
    result.ok()?;
    if unicode.is_ascii() {
        return None;
    }
    idna::domain_to_ascii_strict(&unicode).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webvh_dids_lead_to_their_log() {
        const SCID: &str = "QmXq3qKkf4miH65SnSpkaMbAcXixyR6JU4yt8p4W8ftGWx";
        for (place, folder) in [
            ("example.com", "https://example.com/.well-known"),
            ("issuer.example.com", "https://issuer.example.com/.well-known"),
            ("example.com:dids:issuer", "https://example.com/dids/issuer"),
            ("example.com%3A3000:dids:issuer", "https://example.com:3000/dids/issuer"),
        ] {
            let did = format!("did:webvh:{SCID}:{place}");
            let (log, witnesses) = webvh_urls(Did::parse(&did).unwrap()).unwrap();
            assert_eq!(log, format!("{folder}/did.jsonl"));
            assert_eq!(witnesses, format!("{folder}/did-witness.json"));
        }
        for place in [
            "localhost",
            "Example.com",
            "example.com.",
            "127.0.0.1",
            "127.1",
            "example.0x7f",
            "2130706433",
            "127.0.0.1%3A8080",
            "127.0.0.1%3a8080",
            "example.com%3a8080",
            "example.com%3A",
            "example.com%3A0",
            "example.com%3A65536",
            "example.com%3A80%3A81",
            "127%2E0%2E0%2E1",
            "127%2e0%2e0%2e1",
            "user%40example.com",
            "example.com:..:admin",
            "example.com:.:admin",
            "example.com::admin",
            "example.com:%2E%2E:admin",
            "example.com:a%2Fb",
            "xn--a.com",
        ] {
            let did = format!("did:webvh:{SCID}:{place}");
            assert!(webvh_urls(Did::parse(&did).unwrap()).is_err(), "{did}");
        }
        for did in [
            "did:web:example.com".to_owned(),
            format!("did:webvh:{SCID}"),
            format!("did:webvh:{SCID}m:example.com"),
            format!("did:webvh:{}:example.com", SCID.replace('Q', "0")),
            format!("did:webvh:{}:example.com", SCID.replace('Q', "l")),
        ] {
            assert!(webvh_urls(Did::parse(&did).unwrap()).is_err(), "{did}");
        }
    }
}
