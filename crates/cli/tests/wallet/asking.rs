//! What is asked of a wallet that can't be, and issuers that are not what they should be.

use crate::place::Place;
use crate::server::{Answer, Server, answer, silence};

fn link(server: &Server) -> String {
    format!("{}/enrol/1#canary-secret", server.url())
}

fn challenge(server_url: &str) -> Answer {
    answer("201 Created", &format!("{{\"challenge\":\"c1\",\"domain\":\"{server_url}\"}}"))
}

#[test]
fn what_is_asked_has_to_be_whole() {
    let place = Place::new();
    let one = ["present", "--nonce", "1"];
    place.fails(&one, 64, "who asked? A presentation is made for one service");
    place.fails(&["present", "--for", "GET", "files.example"], 64, "is no URL");
    assert_eq!(place.ends(&["present", "--audience", "https://a.example"], 64).out, "");
    let want = ["present", "--want", "PactScoreCredential", "--nonce", "1"];
    let want = [&want[..], &["--audience", "https://a.example"]].concat();
    place.fails(&want, 2, "no PactScoreCredential: none is held for this key");
    // Without credentials it shows that the key is held.
    let shown = place.ends(&["present", "--nonce", "1", "--audience", "https://a.example"], 0).out;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["proof"]["challenge"], "1");
    assert_eq!(shown["proof"]["domain"], "https://a.example");
    assert_eq!(shown["holder"], place.did());
    let grant = ["grant", "--task", "t", "--action", "a", "--resource", "https://a.example"];
    let grant = [&grant[..], &["--audience", "https://a.example"]].concat();
    let told = place.fails(&grant, 64, "this wallet knows no issuer");
    assert!(told.err.contains("try: bonafide wallet enrol LINK"), "{told:?}");
    let token = [&grant[..], &["--principal-token", "missing"]].concat();
    place.fails(&token, 64, "can't read missing");
}

#[test]
fn nobody_enrols_elsewhere_with_our_answer() {
    // It hands on the challenge of another issuer, to be enrolled there in our name.
    let server =
        Server::start(vec![answer("200 OK", "bundle"), challenge("https://other.example")]);
    let place = Place::new();
    let told = place.fails(&["enrol", &link(&server)], 1, "where https://other.example answers");
    assert!(told.err.contains("ask the operator for another link"), "{told:?}");
    let asked: Vec<String> = server.requests().iter().map(|asked| asked.line.clone()).collect();
    assert_eq!(asked, ["GET /bundle", "POST /challenges"]);
    assert!(server.requests().iter().all(|asked| !asked.body.contains("canary-secret")));
}

#[test]
fn an_answer_that_was_lost_is_asked_for_again() {
    // The server does not know its own URL before it is there.
    let place = Place::new();
    let server = Server::start(vec![]);
    server.then(vec![
        answer("200 OK", "bundle"),
        challenge(&server.url()),
        silence(),
        answer("503 Service Unavailable", "{\"detail\":\"full\"}"),
    ]);
    place.fails(&["enrol", &link(&server)], 70, "full");
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    let (first, again) = (&requests[2], &requests[3]);
    assert_eq!(first.line, "POST /enrol/1");
    assert_eq!(first.body, again.body);
    assert_eq!(first.header("idempotency-key").unwrap().len(), 32);
    assert_eq!(first.header("idempotency-key"), again.header("idempotency-key"));
    assert_eq!(first.json()["secret"], "canary-secret");
}

#[test]
fn what_an_issuer_sends_paints_nothing() {
    let place = Place::new();
    let painted = r#"{"detail":"\u001b[31mall is well\u202e","code":"x","errors":[{"pointer":"/a","detail":"\u009b"}]}"#;
    let server = Server::start(vec![answer("403 Forbidden", painted), answer("200 OK", "<html>")]);
    place.fails(&["enrol", &link(&server)], 1, "all is well");
    let server = Server::start(vec![answer("200 OK", ""), answer("200 OK", "<html>")]);
    place.fails(&["enrol", &link(&server)], 70, "what is not an issuer's answer");
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let nobody = format!("http://localhost:{port}/enrol/1#s");
    place.fails(&["enrol", &nobody], 70, "is bonafide serve running at");
}
