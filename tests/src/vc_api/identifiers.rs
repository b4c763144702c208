//! Resolving DIDs over HTTP (DID Resolution v1).

use serde_json::{Value, json};

use super::service::Service;
use super::somebody;

const RESULT: &str = "application/did-resolution";
const DEREFERENCED: &str = "application/did-url-dereferencing";

#[test]
fn a_did_is_resolved_in_the_form_that_is_asked_for() {
    let service = Service::start();
    let (own, theirs) = (service.issuers[0].1.clone(), somebody().1);
    for did in [own, theirs] {
        // A port stands percent-encoded in the DID itself.
        let encoded = did.replace('%', "%25").replace(':', "%3A");
        let path = format!("/1.0/identifiers/{encoded}");
        let get = |accept| service.get(&path, accept);
        let result = get(Some(RESULT));
        assert_eq!((result.status, &*result.media_type), (200, RESULT), "{}", result.body);
        let document = &result.body["didDocument"];
        assert_eq!(document["id"], *did);
        assert_eq!(result.body["didDocumentMetadata"], json!({}));
        assert_eq!(result.body["didResolutionMetadata"]["contentType"], RESULT);
        for accept in [None, Some("*/*"), Some("text/html, application/did-resolution;q=0.5")] {
            assert_eq!(get(accept).body, result.body, "{accept:?}");
        }
        for media_type in [
            "application/did",
            "application/did+json",
            "application/did+ld+json",
            "application/json",
        ] {
            let answer = get(Some(media_type));
            assert_eq!((answer.status, &*answer.media_type), (200, media_type));
            assert_eq!(answer.body, *document);
        }
        let answer = get(Some(DEREFERENCED));
        assert_eq!((answer.status, &*answer.media_type), (200, DEREFERENCED));
        assert_eq!(answer.body["contentStream"], *document);
        assert!(answer.body["dereferencingMetadata"]["contentType"].is_string());
    }
}

#[test]
fn what_is_not_resolved_says_why() {
    let service = Service::start();
    let known = format!("/1.0/identifiers/{}", somebody().1);
    for (path, accept, status, error) in [
        ("/1.0/identifiers/not-a-did", RESULT, 400, "INVALID_DID"),
        ("/1.0/identifiers/did:example", RESULT, 400, "INVALID_DID"),
        ("/1.0/identifiers/did:key:z6MkNoKey", RESULT, 400, "INVALID_DID"),
        ("/1.0/identifiers/did:web:elsewhere.example", RESULT, 404, "NOT_FOUND"),
        ("/1.0/identifiers/did:unsupported:1234", RESULT, 501, "METHOD_NOT_SUPPORTED"),
        (&known, "text/html", 406, "REPRESENTATION_NOT_SUPPORTED"),
    ] {
        let answer = service.get(path, Some(accept));
        assert_eq!((answer.status, &*answer.media_type), (status, RESULT), "{path}");
        assert_eq!(answer.body["didDocument"], Value::Null);
        assert_eq!(answer.body["didDocumentMetadata"], json!({}));
        let metadata = &answer.body["didResolutionMetadata"];
        assert_eq!(
            metadata["error"]["type"],
            format!("https://www.w3.org/ns/did#{error}"),
            "{path}"
        );
    }
    assert_eq!(service.get("/1.0/identifiers/", Some(RESULT)).status, 404);
}
