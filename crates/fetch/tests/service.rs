//! The client of the operator's own service, over TLS. No test needs the network.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use bonafide_fetch::{
    Content, FetchError, Identity, Route, Service, ServiceError, ServiceOptions, Token,
};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

const TOKEN: &str = "canary-token";

/// A root, and what is signed by it.
struct Authority {
    root: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut root = CertificateParams::new(Vec::<String>::new()).unwrap();
        root.distinguished_name.push(DnType::CommonName, "a root for tests");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let certificate = root.self_signed(&key).unwrap();
        Self { root: certificate, issuer: Issuer::new(root, key) }
    }

    fn leaf(&self, usage: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        leaf.extended_key_usages = vec![usage];
        (leaf.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// What a client shows of itself.
    fn identity(&self) -> Identity {
        let (certificate, key) = self.leaf(ExtendedKeyUsagePurpose::ClientAuth);
        Identity {
            certificates: certificate.pem().into_bytes(),
            key: Zeroizing::new(key.serialize_pem().into_bytes()),
        }
    }

    /// A server that asks for certificates of this root, and keeps what it was asked.
    async fn serve(&self, answer: String) -> (String, Arc<Mutex<Vec<String>>>) {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.root.der().clone()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let (certificate, key) = self.leaf(ExtendedKeyUsagePurpose::ServerAuth);
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::from(key))
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("https://127.0.0.1:{}/base", listener.local_addr().unwrap().port());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let heads = Arc::clone(&asked);
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let Ok(mut stream) = acceptor.accept(socket).await else { continue };
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { break };
                    head.push(byte);
                }
                heads.lock().unwrap().push(String::from_utf8(head).unwrap());
                // A client that hangs up has its reasons.
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        (url, asked)
    }

    fn options(&self, url: &str) -> ServiceOptions {
        ServiceOptions {
            system_roots: false,
            roots: vec![self.root.pem().into_bytes()],
            token: Token::new(Zeroizing::new(TOKEN.to_owned())).ok(),
            ..ServiceOptions::new(url)
        }
    }
}

fn agents() -> Route {
    Route::new(&["agents"]).with("limit", Some(2))
}

#[tokio::test]
async fn both_sides_show_who_they_are() {
    let authority = Authority::new();
    let answer = "HTTP/1.1 503 Busy\r\nconnection: close\r\nretry-after: 7\r\ncontent-type: \
                  Application/JSON; charset=utf-8\r\ncontent-length: 2\r\n\r\n{}";
    let (url, asked) = authority.serve(answer.to_owned()).await;
    let identity = Some(authority.identity());
    let service = Service::new(ServiceOptions { identity, ..authority.options(&url) }).unwrap();
    let response = service.get(&agents()).await.unwrap();
    assert_eq!((response.status, response.body.as_slice()), (503, &b"{}"[..]));
    assert_eq!(response.content_type.as_deref(), Some("application/json"));
    assert_eq!(response.retry_after.unwrap().as_secs(), 7);
    let head = asked.lock().unwrap().remove(0);
    assert!(head.starts_with("GET /base/agents?limit=2 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("authorization: Bearer {TOKEN}\r\n")), "{head}");

    // Without a certificate, or under another root, nothing is said.
    let no_identity = Service::new(authority.options(&url)).unwrap();
    assert!(no_identity.get(&agents()).await.is_err());
    let stranger = Authority::new();
    let identity = Some(authority.identity());
    let options = ServiceOptions { identity, ..stranger.options(&url) };
    let refused = Service::new(options).unwrap().get(&agents()).await;
    assert!(matches!(refused, Err(ServiceError::Fetch(FetchError::Tls { .. }))), "{refused:?}");
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn answers_end_at_their_cap() {
    let authority = Authority::new();
    let length = (64 << 20) + 1;
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
    let (url, _) = authority.serve(answer).await;
    let identity = Some(authority.identity());
    let service = Service::new(ServiceOptions { identity, ..authority.options(&url) }).unwrap();
    let refused = service.post(&agents(), Some("{}"), Some("key")).await;
    let too_large = matches!(refused, Err(ServiceError::Fetch(FetchError::TooLarge { .. })));
    assert!(too_large, "{refused:?}");
    let odd = service.post(&agents(), None, Some("a\r\nb: c")).await;
    assert_eq!(odd, Err(ServiceError::BadKey));
}

#[tokio::test]
async fn certificates_and_keys_have_to_fit() {
    let authority = Authority::new();
    let open = |identity: Identity| {
        let options = authority.options("https://127.0.0.1");
        Service::new(ServiceOptions { identity: Some(identity), ..options }).err()
    };
    assert_eq!(open(authority.identity()), None);
    let other = authority.identity().certificates;
    for identity in [
        Identity { certificates: other, ..authority.identity() },
        Identity { certificates: Vec::new(), ..authority.identity() },
        Identity { key: Zeroizing::new(b"canary".to_vec()), ..authority.identity() },
    ] {
        let refused = open(identity).unwrap();
        assert!(matches!(refused, ServiceError::BadIdentity { .. }), "{refused}");
        assert!(!refused.to_string().contains("canary"));
    }
}

#[tokio::test]
async fn a_request_says_more_in_its_headers() {
    let authority = Authority::new();
    let nonce = "HTTP/1.1 400 Bad Request\r\ndpop-nonce: n1\r\ncontent-length: 0\r\n\r\n";
    let (url, asked) = authority.serve(nonce.to_owned()).await;
    let mut options = ServiceOptions::new(&url);
    (options.system_roots, options.roots) = (false, vec![authority.root.pem().into_bytes()]);
    options.identity = Some(authority.identity());
    let service = Service::new(options).unwrap();
    let route = Route::new(&["oauth", "token"]);
    assert_eq!(service.url(&route).unwrap(), format!("{url}/oauth/token"));
    let form = Content::Form(&[("scope", "a b&c"), ("audience", "https://a.example")]);
    assert_eq!(form.to_text(), "scope=a+b%26c&audience=https%3A%2F%2Fa.example");
    let response = service.post_with(&route, Some(form), &[("dpop", "e30")]).await.unwrap();
    assert_eq!(response.dpop_nonce.as_deref(), Some("n1"));
    service.post_with(&route, Some(Content::Json("{}")), &[]).await.unwrap();
    {
        let asked = asked.lock().unwrap();
        let has = |head: &str, line: &str| head.lines().any(|found| found == line);
        assert!(has(&asked[0], "POST /base/oauth/token HTTP/1.1"), "{asked:?}");
        assert!(has(&asked[0], "dpop: e30"), "{asked:?}");
        assert!(has(&asked[0], "content-type: application/x-www-form-urlencoded"), "{asked:?}");
        assert!(has(&asked[1], "content-type: application/json"), "{asked:?}");
    }
    // A value ends where it ends.
    let refused = service.post_with(&route, None, &[("dpop", "a\r\nhost: b")]).await;
    assert!(matches!(refused, Err(ServiceError::BadHeader { .. })), "{refused:?}");
}
