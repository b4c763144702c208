//! Setting the status of credentials, and the lists that show it.

use bonafide_core::status::StatusBits;
use serde_json::{Value, json};

use super::service::Service;
use super::{changed, credential};

/// The path of a URL of the service.
fn path<'u>(service: &Service, url: &'u Value) -> &'u str {
    url.as_str().unwrap().strip_prefix(&service.url()).unwrap()
}

/// What the published lists say of a credential: its purposes that are set.
fn set_purposes(service: &Service, issued: &Value) -> Vec<String> {
    let entries = issued["credentialStatus"].as_array().unwrap();
    let is_set = |entry: &&Value| {
        let list =
            service.get(path(service, &entry["statusListCredential"]), Some("application/json"));
        assert_eq!((list.status, &*list.media_type), (200, "application/json"));
        assert_eq!(service.verify(&list.body, &json!({})), (200, vec![]));
        let subject = &list.body["credentialSubject"];
        assert_eq!(subject["statusPurpose"], entry["statusPurpose"]);
        let bits = StatusBits::decode(subject["encodedList"].as_str().unwrap()).unwrap();
        bits.get(entry["statusListIndex"].as_str().unwrap().parse().unwrap()).unwrap()
    };
    let purpose = |entry: &Value| entry["statusPurpose"].as_str().unwrap().to_owned();
    entries.iter().filter(is_set).map(purpose).collect()
}

#[test]
fn a_status_is_in_the_published_list() {
    let service = Service::conformance();
    let name = "eddsa-rdfc-2022";
    let id = "urn:example:1";
    let issued = service.issue(name, &changed(&credential(service.did(name)), "/id", id.into()));
    let shown = || set_purposes(&service, &issued);
    assert!(shown().is_empty());
    for (purpose, value, status, expected) in [
        ("suspension", true, 200, &["suspension"][..]),
        ("suspension", false, 200, &[]),
        ("refresh", true, 400, &[]),
        ("revocation", true, 200, &["revocation"]),
        ("revocation", true, 200, &["revocation"]),
        ("revocation", false, 409, &["revocation"]),
        ("suspension", false, 409, &["revocation"]),
    ] {
        assert_eq!(service.set_status(id, purpose, value), status, "{purpose} {value}");
        assert_eq!(shown(), expected, "{purpose} {value}");
    }
    assert_eq!(service.set_status("urn:example:2", "revocation", true), 404);
    let entry = json!({"type": "OtherEntry"});
    let body = json!({"credentialId": id, "credentialStatus": entry, "status": true});
    let answer = service.post("/credentials/status", &body);
    assert_eq!(
        (answer.status, answer.pointers()),
        (400, vec!["/credentialStatus/type".to_owned()])
    );
}

#[test]
fn a_new_list_takes_what_is_issued_from_then_on() {
    let service = Service::conformance();
    let name = "ecdsa-jcs-2019-p256";
    let list_of = |issued: &Value| {
        issued["credentialStatus"][0]["statusListCredential"].as_str().unwrap().to_owned()
    };
    let issue = || list_of(&service.issue(name, &credential(service.did(name))));
    let before = issue();
    assert_eq!(issue(), before);
    let answer = service.post("/status-lists", &json!({"instance": name}));
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.body["instance"], name);
    let url = answer.body["url"].as_str().unwrap();
    assert_eq!(issue(), format!("{url}/revocation"));
    assert_ne!(issue(), before);
    assert_eq!(service.post("/status-lists", &json!({"instance": "nobody"})).status, 404);
    assert_eq!(service.post("/status-lists", &json!({"unknown": 1})).status, 400);
    // Nobody could check a list that is signed with BBS as a whole.
    assert_eq!(service.post("/status-lists", &json!({"instance": "bbs-2023"})).status, 409);
}
