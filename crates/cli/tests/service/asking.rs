//! How the service is asked: with which token, how often, and what becomes of its answers.

use crate::place::{Place, TOKEN, ended, private};
use crate::server::{answer, silence};

const NONE: &str = r#"{"items":[],"next":null}"#;
const AGENTS: [&str; 2] = ["agent", "list"];
const ATTEST: [&str; 4] = ["attest", "a1", "--type", "AgentIdentityCredential"];
const ATTESTED: &str =
    r#"{"id":"c1","type":"AgentIdentityCredential","verifiableCredential":{"a":1}}"#;

#[test]
fn the_token_comes_from_a_file_or_the_environment() {
    let place = Place::new(vec![answer("200 OK", NONE), answer("200 OK", NONE)]);
    let out = place.ends(&AGENTS, 0).out;
    assert_eq!(out, "no agents\n");
    assert_eq!(ended(place.command(&AGENTS).env("BONAFIDE_TOKEN", TOKEN)).code, 0);
    let bearer = format!("Bearer {TOKEN}");
    let requests = place.server.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert_eq!(request.line, "GET /agents");
        assert_eq!(request.header("authorization"), Some(bearer.as_str()));
    }
    // There is no argument for it, and a file that everybody reads is not a secret.
    assert_eq!(place.run(&["agent", "list", "--token", "x"]).code, 64);
    private(&place.path("me.token"), 0o644);
    if cfg!(unix) {
        place.fails(&AGENTS, 64, "chmod 600 me.token");
    }
    private(&place.path("me.token"), 0o600);
    place.write("me.token", "two words");
    place.fails(&AGENTS, 64, "me.token holds no token");
    assert_eq!(place.server.requests().len(), 2);
}

#[test]
fn the_token_goes_nowhere_in_the_clear() {
    let place = Place::new(vec![]);
    // All of these lead to the server, or could.
    let port = place.server.port;
    for host in ["0.0.0.0", "issuer.example", "[::ffff:127.0.0.1]", "localhost."] {
        let url = format!("http://{host}:{port}");
        let ended = place.fails(&["agent", "list", "--url", &url], 64, "use https");
        assert!(ended.err.contains("plain http"), "{ended:?}");
    }
    let url = format!("http://user:secret@localhost:{port}");
    let ended = place.fails(&["agent", "list", "--url", &url], 64, "[user-info]");
    assert!(!ended.err.contains("secret"), "{ended:?}");
    assert!(place.server.requests().is_empty());
}

#[test]
fn the_service_points_nowhere_else() {
    let other = Place::new(vec![]);
    let location: &'static str = format!("location: {}/agents\r\n", other.server.url()).leak();
    let place = Place::new(vec![answer("307 Temporary Redirect", "").with(location)]);
    place.fails(&AGENTS, 70, "[redirect]");
    assert!(other.server.requests().is_empty());
}

#[test]
fn problems_are_told_with_their_places() {
    let problem = r#"{"type":"about:blank","title":"Bad Request","status":400,"code":"malformed-value",
        "detail":"the claims do not fit \u001b[31m\u009b\u202e","errors":[
        {"pointer":"/claims/value","detail":"expected 0 to 100"},{"detail":"and more"}]}"#;
    let only = r#"{"status":409,"title":"Conflict","detail":"/state: retired","errors":[{"pointer":"/state","detail":"retired"}]}"#;
    let place = Place::new(vec![
        answer("400 Bad Request", problem),
        answer("400 Bad Request", problem),
        answer("409 Conflict", only),
    ]);
    let ended = place.fails(&ATTEST, 64, "error: the claims do not fit \\u{1b}[31m");
    assert!(
        ended.err.contains("[malformed-value]\n  /claims/value: expected 0 to 100\n  and more")
    );
    let ended = place.ends(&[&ATTEST[..], &["--json"]].concat(), 64);
    let told: serde_json::Value = serde_json::from_str(&ended.err).unwrap();
    assert!(told["error"]["message"].as_str().unwrap().contains("/claims/value: expected"));
    // What the detail says already is said once.
    let ended = place.ends(&["agent", "resume", "a1"], 64);
    assert_eq!(ended.err, "error: /state: retired\n");
}

#[test]
fn strangers_are_told_which_token_was_sent() {
    let unknown =
        || answer("401 Unauthorized", r#"{"title":"Unauthorized","detail":"who is it?"}"#);
    let place = Place::new(vec![unknown(), unknown(), unknown()]);
    let told = place.fails(&AGENTS, 64, "the token was the one in me.token").err;
    assert!(told.contains("who is it?") && told.contains("bonafide token new"), "{told}");
    let told = ended(place.command(&AGENTS).env("BONAFIDE_TOKEN", TOKEN));
    assert!(told.code == 64 && told.err.contains("the one in BONAFIDE_TOKEN"), "{told:?}");
    let told = ended(&mut place.command(&AGENTS));
    assert!(told.code == 64 && told.err.contains("no token was sent"), "{told:?}");
}

#[test]
fn a_request_is_sent_again_under_its_key() {
    let busy = || answer("503 Service Unavailable", "{}").with("retry-after: 0\r\n");
    let in_flight = r#"{"title":"Conflict","code":"request-in-flight"}"#;
    let place = Place::new(vec![
        busy(),
        silence(),
        answer("409 Conflict", in_flight).with("retry-after: 0\r\n"),
        answer("201 Created", ATTESTED),
        answer("201 Created", ATTESTED),
    ]);
    let ended = place.ends(&ATTEST, 0);
    assert_eq!(ended.out, "{\n  \"a\": 1\n}\n");
    for number in 1..=3 {
        assert!(ended.err.contains(&format!("({number} of 3)")), "{ended:?}");
    }
    place.ends(&ATTEST, 0);
    let requests = place.server.requests();
    let keys: Vec<&str> =
        requests.iter().map(|request| request.header("idempotency-key").unwrap()).collect();
    assert_eq!(keys.len(), 5);
    assert!(keys[..4].iter().all(|key| *key == keys[0] && key.len() == 36), "{keys:?}");
    assert!(requests.iter().all(|request| request.body == requests[0].body));
    assert_ne!(keys[4], keys[0]);
}

#[test]
fn patience_ends() {
    let busy = || answer("503 Service Unavailable", r#"{"detail":"full"}"#);
    let place = Place::new((0..4).map(|_| busy().with("retry-after: 0\r\n")).collect());
    place.fails(&ATTEST, 70, "error: full");
    assert_eq!(place.server.requests().len(), 4);
    // Nobody waits for an hour, and what is asked without a key is asked once.
    let place = Place::new(vec![busy().with("retry-after: 3600\r\n"), busy(), silence()]);
    place.fails(&ATTEST, 70, "again in 3600 s");
    place.fails(&AGENTS, 70, "error: full");
    place.fails(&["revoke", "c1"], 70, "[broken-response]");
    assert_eq!(place.server.requests().len(), 3);
}

#[test]
fn who_is_not_there_is_looked_for() {
    let place = Place::new(vec![]);
    // A port that was free just now.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let says = format!("is bonafide serve running at {url}?");
    place.fails(&["agent", "list", "--url", &url], 70, &says);
    let ended = place.fails(&[&ATTEST[..], &["--url", &url]].concat(), 70, &says);
    assert!(ended.err.contains("trying again in 250ms (1 of 3)"), "{ended:?}");
}

#[test]
fn json_is_the_answer_as_it_is() {
    let body = "{\"next\":null, \"items\":[ {\"z\":1.50,\"did\":\"\u{9b}31m\u{202e}\"} ]}";
    let place = Place::new(vec![
        answer("200 OK", body),
        answer("200 OK", body),
        answer("200 OK", "<html>"),
        answer("200 OK", r#"{"a":1,"a":2}"#),
        answer("204 No Content", ""),
    ]);
    let ended = place.ends(&["agent", "list", "--json"], 0);
    // But for what would paint on a terminal, which is the same as JSON.
    assert_eq!(
        ended.out.trim_end(),
        body.replace('\u{9b}', "\\u009b").replace('\u{202e}', "\\u202e")
    );
    assert!(place.ends(&AGENTS, 0).out.contains(r"\u{9b}31m"));
    place.fails(&AGENTS, 70, "not strict JSON");
    place.fails(&AGENTS, 70, "not strict JSON");
    assert_eq!(place.ends(&["token", "revoke", "t1", "--json"], 0).out, "{}\n");
}

#[test]
fn exit_codes_say_whose_fault_it_is() {
    for (status, code) in [
        ("400 Bad Request", 64),
        ("403 Forbidden", 64),
        ("404 Not Found", 64),
        ("409 Conflict", 64),
        ("422 Unprocessable Content", 64),
        ("500 Internal Server Error", 70),
        ("502 Bad Gateway", 70),
    ] {
        let place = Place::new(vec![answer(status, "<html>")]);
        place.fails(&["agent", "show", "a1"], code, &format!("status {}", &status[..3]));
    }
}
