//! What the client refuses, against a server on this machine. No test needs the network.

#![allow(clippy::unwrap_used)]

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bonafide_core::did::Did;
use bonafide_fetch::{Client, FetchError, Fetched, Kind, Looking, Lookup, Options};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const NAME: &str = "issuer.example";

/// A root of its own, and what a server needs to show a certificate for [`NAME`] and 127.0.0.1.
struct Authority {
    root: Vec<u8>,
    acceptor: TlsAcceptor,
}

impl Authority {
    fn new() -> Self {
        let root_key = KeyPair::generate().unwrap();
        let mut root = CertificateParams::new(Vec::<String>::new()).unwrap();
        root.distinguished_name.push(DnType::CommonName, "a root for tests");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let root_certificate = root.self_signed(&root_key).unwrap();
        let issuer = Issuer::new(root, root_key);

        let key = KeyPair::generate().unwrap();
        let names = vec![NAME.to_owned(), "127.0.0.1".to_owned()];
        let mut leaf = CertificateParams::new(names).unwrap();
        leaf.distinguished_name.push(DnType::CommonName, "a server for tests");
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = leaf.signed_by(&key, &issuer).unwrap();

        let config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::from(key))
                .unwrap();
        Self {
            root: root_certificate.pem().into_bytes(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
        }
    }

    /// Trusts this root alone and may speak to this machine.
    fn options(&self) -> Options {
        Options {
            allow_private: true,
            system_roots: false,
            roots: vec![self.root.clone()],
            ..Options::default()
        }
    }

    /// A client for which every name is this machine.
    fn client(&self) -> Client {
        Client::with_lookup(&self.options(), Names::always(LOOPBACK)).unwrap()
    }

    /// The same, which may not speak to private addresses.
    fn guarded(&self, names: Names) -> Client {
        let options = Options { allow_private: false, ..self.options() };
        Client::with_lookup(&options, names).unwrap()
    }
}

/// Answers every name with the next of its answers, and with the last one from then on.
#[derive(Clone)]
struct Names {
    answers: Arc<Mutex<Vec<Vec<IpAddr>>>>,
    asked: Arc<AtomicUsize>,
}

impl Names {
    fn new(answers: Vec<Vec<IpAddr>>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers)), asked: Arc::default() }
    }

    fn always(address: IpAddr) -> Self {
        Self::new(vec![vec![address]])
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Lookup for Names {
    fn lookup(&self, _: &str) -> Looking {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        Box::pin(async move { Ok(answer) })
    }
}

/// Knows no name.
struct Nobody;

impl Lookup for Nobody {
    fn lookup(&self, _: &str) -> Looking {
        Box::pin(async { Err(io::Error::other("no such host")) })
    }
}

/// A server that gives each connection the same answer.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn answering(authority: &Authority, answer: impl Into<Vec<u8>>) -> Self {
        Self::in_parts(authority, vec![answer.into()], Duration::ZERO).await
    }

    /// Sends the parts with a pause after each, then hangs up.
    async fn in_parts(authority: &Authority, parts: Vec<Vec<u8>>, pause: Duration) -> Self {
        let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            connections: Arc::default(),
            requests: Arc::default(),
        };
        let acceptor = authority.acceptor.clone();
        let connections = Arc::clone(&server.connections);
        let requests = Arc::clone(&server.requests);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let Ok(mut stream) = acceptor.accept(socket).await else { continue };
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { break };
                    head.push(byte);
                }
                requests.lock().unwrap().push(String::from_utf8_lossy(&head).into_owned());
                for part in &parts {
                    if stream.write_all(part).await.is_err() || stream.flush().await.is_err() {
                        break;
                    }
                    tokio::time::sleep(pause).await;
                }
                let _ = stream.shutdown().await;
            }
        });
        server
    }

    fn url(&self) -> String {
        format!("https://{NAME}:{}/did.json", self.port)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// An answer with a body of known length.
fn ok(headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
}

/// An answer whose length shows at its end only.
fn chunked(chunks: &[String]) -> String {
    let mut answer =
        String::from("HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n");
    for chunk in chunks {
        answer.push_str(&format!("{:x}\r\n{chunk}\r\n", chunk.len()));
    }
    answer.push_str("0\r\n\r\n");
    answer
}

fn empty(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n{headers}\r\n")
}

async fn document(client: &Client, url: &str) -> Result<Fetched, FetchError> {
    client.document(url, Kind::DidDocument).await
}

async fn refusal(client: &Client, url: &str) -> FetchError {
    document(client, url).await.unwrap_err()
}

#[tokio::test]
async fn what_is_there_comes_as_it_is() {
    let authority = Authority::new();
    let headers = "Content-Type: Application/DID+JSON; charset=utf-8\r\nETag: \"7\"\r\n";
    let server = Server::answering(&authority, ok(headers, "{\"id\" : 1}")).await;
    let did = format!("did:web:{NAME}%3A{}:agents:one", server.port);
    let fetched = authority.client().did_web(Did::parse(&did).unwrap()).await.unwrap();
    assert_eq!(fetched.url, format!("https://{NAME}:{}/agents/one/did.json", server.port));
    assert_eq!(fetched.body, b"{\"id\" : 1}");
    assert_eq!(fetched.media_type.as_deref(), Some("application/did+json"));
    assert_eq!(fetched.etag.as_deref(), Some("\"7\""));

    let requests = server.requests();
    let request = requests[0].to_ascii_lowercase();
    assert!(request.starts_with("get /agents/one/did.json http/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nuser-agent: bonafide/"), "{request}");
    assert!(request.contains("\r\naccept: application/did, "), "{request}");
    for absent in ["accept-encoding", "cookie", "authorization", "referer"] {
        assert!(!request.contains(absent), "{request}");
    }
}

#[tokio::test]
async fn a_history_comes_with_its_witnesses_if_it_has_any() {
    const SCID: &str = "QmXq3qKkf4miH65SnSpkaMbAcXixyR6JU4yt8p4W8ftGWx";
    let authority = Authority::new();
    let client = authority.client();
    let did = |server: &Server| format!("did:webvh:{SCID}:{NAME}%3A{}:a", server.port);
    let asked = |server: &Server| -> Vec<String> {
        let line = |request: &String| request.lines().next().unwrap_or_default().to_owned();
        server.requests().iter().map(line).collect()
    };
    let server = Server::answering(&authority, ok("", "{}\n")).await;
    let (log, witnesses) = client.did_webvh(Did::parse(&did(&server)).unwrap()).await.unwrap();
    assert_eq!((log.body.as_slice(), witnesses), (&b"{}\n"[..], None));
    assert_eq!(asked(&server), ["GET /a/did.jsonl HTTP/1.1"]);
    let server = Server::answering(&authority, ok("", "{\"witness\":{}}")).await;
    let (_, witnesses) = client.did_webvh(Did::parse(&did(&server)).unwrap()).await.unwrap();
    assert!(witnesses.is_some());
    assert_eq!(asked(&server), ["GET /a/did.jsonl HTTP/1.1", "GET /a/did-witness.json HTTP/1.1"]);
    let server = Server::answering(&authority, empty("404 Not Found", "")).await;
    let error = client.did_webvh(Did::parse(&did(&server)).unwrap()).await.unwrap_err();
    assert_eq!(error.code(), "status");
    let error = client.did_webvh(Did::parse("did:web:issuer.example").unwrap()).await.unwrap_err();
    assert_eq!(error.code(), "bad-did");
}

#[tokio::test]
async fn addresses_that_are_not_public_are_refused_in_every_spelling() {
    let authority = Authority::new();
    let server = Server::answering(&authority, ok("", "{}")).await;
    let names = Names::always(LOOPBACK);
    let client = authority.guarded(names.clone());
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.0.1.",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "%31%32%37.1",
        "0",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:10.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::10.0.0.1]",
        "[2002:a00:1::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
    ] {
        let url = format!("https://{host}:{}/did.json", server.port);
        assert_eq!(refusal(&client, &url).await.code(), "private-address", "{host}");
    }
    for host in ["::ffff:10.0.0.1", "127.0.0.1.1.1", "0x7f.0.0.1.0", "256.0.0.1", "[::1%25lo]"] {
        assert_eq!(refusal(&client, &format!("https://{host}/")).await.code(), "bad-url", "{host}");
    }
    assert_eq!((server.connections(), names.asked()), (0, 0));
}

#[tokio::test]
async fn a_network_of_ones_own_is_reached_where_that_is_allowed() {
    let authority = Authority::new();
    let server = Server::answering(&authority, ok("", "{}")).await;
    let names = Names::always(LOOPBACK);
    let client = Client::with_lookup(&authority.options(), names.clone()).unwrap();
    document(&client, &format!("https://127.1:{}/did.json", server.port)).await.unwrap();
    assert_eq!((server.connections(), names.asked()), (1, 0));
}

#[tokio::test]
async fn names_that_lead_to_private_addresses_are_refused() {
    let authority = Authority::new();
    let server = Server::answering(&authority, ok("", "{}")).await;
    let public = IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8));
    for answer in [vec![LOOPBACK], vec![public, LOOPBACK], vec![LOOPBACK, public]] {
        let client = authority.guarded(Names::new(vec![answer]));
        let error = refusal(&client, &server.url()).await;
        assert_eq!(error.code(), "private-address");
        assert_eq!(error, FetchError::PrivateAddress { url: server.url(), address: LOOPBACK });
    }
    assert_eq!(server.connections(), 0);
}

/// The unit tests of the lookup show that each answer is looked at anew; here, that one fetch asks
/// once: there is no second answer that could be another one.
#[tokio::test]
async fn no_lookup_lies_between_check_and_connection() {
    let authority = Authority::new();
    let server = Server::answering(&authority, ok("", "{}")).await;
    let elsewhere = IpAddr::V4(Ipv4Addr::new(127, 255, 255, 254));
    let names = Names::new(vec![vec![LOOPBACK], vec![elsewhere]]);
    let client = Client::with_lookup(&authority.options(), names.clone()).unwrap();
    document(&client, &server.url()).await.unwrap();
    assert_eq!((server.connections(), names.asked()), (1, 1));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let authority = Authority::new();
    let second = Server::answering(&authority, ok("", "{}")).await;
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let to = format!("Location: {}?token=canary\r\n", second.url());
        let first = Server::answering(&authority, empty(status, &to)).await;
        let error = refusal(&authority.client(), &first.url()).await;
        assert_eq!(error.code(), "redirect", "{status}");
        assert!(error.to_string().contains(&second.url()), "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
        assert_eq!(first.connections(), 1);
    }
    for location in [
        "",
        "Location: http://127.0.0.1/\r\n",
        "Location: https://256.256.256.256/\r\n",
        "Location: ://\r\n",
        "Location: /elsewhere\r\n",
    ] {
        let first = Server::answering(&authority, empty("302 Found", location)).await;
        let error = refusal(&authority.client(), &first.url()).await;
        assert_eq!(error.code(), "redirect", "{location}");
        assert_eq!(first.connections(), 1);
    }
    assert_eq!(second.connections(), 0);
}

#[tokio::test]
async fn bodies_end_at_their_cap() {
    let authority = Authority::new();
    let cap = Kind::DidDocument.cap();
    assert_eq!(cap, 65_536);
    let most = "a".repeat(cap);
    let server = Server::answering(&authority, ok("", &most)).await;
    let fetched = document(&authority.client(), &server.url()).await.unwrap();
    assert_eq!(fetched.body.len(), cap);

    // The length alone refuses: nothing of the body is ever sent.
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", cap + 1).into_bytes();
    let server = Server::in_parts(&authority, vec![head], Duration::from_secs(60)).await;
    let error = refusal(&authority.client(), &server.url()).await;
    assert_eq!((error.code(), error.to_string().contains("65536")), ("too-large", true));

    let mut chunks = vec!["a".repeat(1024); 64];
    let server = Server::answering(&authority, chunked(&chunks)).await;
    let fetched = document(&authority.client(), &server.url()).await.unwrap();
    assert_eq!(fetched.body.len(), cap);
    chunks.push("a".to_owned());
    let server = Server::answering(&authority, chunked(&chunks)).await;
    assert_eq!(refusal(&authority.client(), &server.url()).await.code(), "too-large");

    // Without any length, to the end of the connection.
    let endless = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{most}a");
    let server = Server::answering(&authority, endless).await;
    assert_eq!(refusal(&authority.client(), &server.url()).await.code(), "too-large");
}

#[tokio::test]
async fn a_slow_drip_ends_at_the_deadline() {
    let authority = Authority::new();
    let options = Options { timeout: Duration::from_millis(500), ..authority.options() };
    let client = Client::with_lookup(&options, Names::always(LOOPBACK)).unwrap();
    let drip = |head: &str| {
        let mut parts = vec![head.as_bytes().to_vec()];
        parts.extend(vec![b"a".to_vec(); 1000]);
        parts
    };
    // Of the body, and of the headers.
    for head in ["HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", "HTTP/1.1 200 OK\r\nx: "] {
        let server = Server::in_parts(&authority, drip(head), Duration::from_millis(50)).await;
        assert_eq!(refusal(&client, &server.url()).await.code(), "deadline");
    }
    // A bundle has a deadline of its own.
    let options = Options { bundle_timeout: Duration::from_millis(500), ..authority.options() };
    let client = Client::with_lookup(&options, Names::always(LOOPBACK)).unwrap();
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n";
    let server = Server::in_parts(&authority, drip(head), Duration::from_millis(50)).await;
    let error = client.bundle(&server.url(), &mut |_, _| ()).await.unwrap_err();
    assert_eq!(error.code(), "deadline");
}

#[tokio::test]
async fn urls_that_are_not_plain_https_are_refused() {
    let authority = Authority::new();
    let names = Names::always(LOOPBACK);
    let client = Client::with_lookup(&authority.options(), names.clone()).unwrap();
    let long = format!("https://{NAME}/{}", "a".repeat(2048));
    for (url, code) in [
        ("http://issuer.example/did.json", "not-https"),
        ("file:///etc/passwd", "not-https"),
        ("data:text/plain,canary", "not-https"),
        ("https://user:canary@issuer.example/", "user-info"),
        ("https://canary@issuer.example/", "user-info"),
        ("https://:canary@issuer.example/", "user-info"),
        ("https://issuer.example/#canary", "fragment"),
        ("https://issuer.example/#", "fragment"),
        ("", "bad-url"),
        ("issuer.example/did.json", "bad-url"),
        ("/did.json", "bad-url"),
        ("https:issuer.example/", "bad-url"),
        ("https:/issuer.example/", "bad-url"),
        ("https:///issuer.example/", "bad-url"),
        ("https:\\\\issuer.example/", "bad-url"),
        ("https://issuer.example/a b", "bad-url"),
        ("https://issuer.exa\nmple/", "bad-url"),
        ("https://issuer.example/\u{e9}", "bad-url"),
        ("https://\u{ff11}27.1/", "bad-url"),
        ("https://a{b/", "bad-url"),
        ("https://issuer.example:99999/", "bad-url"),
        (long.as_str(), "bad-url"),
    ] {
        let error = refusal(&client, url).await;
        assert_eq!(error.code(), code, "{url}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    let did = Did::parse("did:web:127.0.0.1").unwrap();
    assert_eq!(client.did_web(did).await.unwrap_err().code(), "bad-did");
    assert_eq!(names.asked(), 0);
}

#[tokio::test]
async fn servers_under_another_root_or_name_are_refused() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = Server::answering(&stranger, ok("", "{}")).await;
    assert_eq!(refusal(&authority.client(), &server.url()).await.code(), "tls");
    let server = Server::answering(&authority, ok("", "{}")).await;
    let other = format!("https://other.example:{}/", server.port);
    assert_eq!(refusal(&authority.client(), &other).await.code(), "tls");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn roots_have_to_be_readable() {
    let code = |options: &Options| Client::new(options).unwrap_err().code();
    let none = Options { system_roots: false, ..Options::default() };
    assert_eq!(code(&none), "no-roots");
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for root in ["", "not a certificate", broken] {
        let options = Options { roots: vec![root.as_bytes().to_vec()], ..none.clone() };
        assert_eq!(code(&options), "bad-root", "{root}");
    }
}

#[tokio::test]
async fn only_404_means_that_there_is_nothing() {
    let authority = Authority::new();
    let client = authority.client();
    let server = Server::answering(&authority, empty("404 Not Found", "")).await;
    let url = server.url();
    assert_eq!(client.optional(&url, Kind::DidWitness).await.unwrap(), None);
    let error = refusal(&client, &url).await;
    assert_eq!((error.code(), &error), ("status", &FetchError::Status { url, status: 404 }));
    for status in ["204 No Content", "403 Forbidden", "410 Gone", "500 Broken"] {
        let server = Server::answering(&authority, empty(status, "")).await;
        let error = client.optional(&server.url(), Kind::DidWitness).await.unwrap_err();
        assert_eq!(error.code(), "status", "{status}");
    }
    let server = Server::answering(&authority, ok("", "[]")).await;
    let fetched = client.optional(&server.url(), Kind::DidWitness).await.unwrap();
    assert_eq!(fetched.unwrap().body, b"[]");
}

#[tokio::test]
async fn answers_that_break_off_or_are_encoded_are_refused() {
    let authority = Authority::new();
    let short = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 10\r\n\r\n{}";
    let unfinished = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n";
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(1000));
    for answer in [short, unfinished, many.as_str(), "canary\r\n\r\n", ""] {
        let server = Server::answering(&authority, answer).await;
        let error = refusal(&authority.client(), &server.url()).await;
        assert_eq!(error.code(), "broken-response", "{answer:.60}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    let server = Server::answering(&authority, ok("Content-Encoding: gzip\r\n", "canary")).await;
    let error = refusal(&authority.client(), &server.url()).await;
    assert_eq!(error.code(), "encoded");
    let server = Server::answering(&authority, ok("Content-Encoding: identity\r\n", "{}")).await;
    document(&authority.client(), &server.url()).await.unwrap();
}

#[tokio::test]
async fn hosts_that_are_not_there_are_told_apart() {
    let authority = Authority::new();
    let client = Client::with_lookup(&authority.options(), Nobody).unwrap();
    let error = refusal(&client, "https://issuer.example/?token=canary").await;
    assert_eq!(error.code(), "unresolved");
    assert!(error.to_string().contains("no such host"), "{error}");
    assert!(!error.to_string().contains("canary"), "{error}");

    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let url = format!("https://{NAME}:{}/", listener.local_addr().unwrap().port());
    drop(listener);
    assert_eq!(refusal(&authority.client(), &url).await.code(), "unreachable");
}

#[tokio::test]
async fn progress_is_told_of_bundles() {
    let authority = Authority::new();
    let body = "a".repeat(100_000);
    let server = Server::answering(&authority, ok("", &body)).await;
    let mut told = Vec::new();
    let mut progress = |received: u64, total: Option<u64>| told.push((received, total));
    let fetched = authority.client().bundle(&server.url(), &mut progress).await.unwrap();
    assert_eq!(fetched.body.len(), 100_000);
    assert_eq!(told.last(), Some(&(100_000, Some(100_000))));
    assert!(told.is_sorted());
}

#[tokio::test]
async fn fetches_can_be_spawned() {
    let authority = Authority::new();
    let server = Server::answering(&authority, ok("", "{}")).await;
    let (client, url) = (authority.client(), server.url());
    let task = tokio::spawn(async move { client.document(&url, Kind::StatusList).await });
    assert_eq!(task.await.unwrap().unwrap().body, b"{}");
}
