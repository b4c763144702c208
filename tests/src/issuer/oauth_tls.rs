//! A token that is bound to the certificate of the client's connection (RFC 8705).

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use bonafide_core::encoding::encode_base64url;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::client::{Client, JWT, form, opened, parameters, provider_token, settings};
use super::http::Answer;
use crate::world::binary;

/// An authority, and what it certifies.
struct Authority {
    certificate: CertificateDer<'static>,
    pem: String,
    issuer: rcgen::Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut root = CertificateParams::new(Vec::<String>::new()).unwrap();
        root.distinguished_name.push(DnType::CommonName, name);
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let signed = root.self_signed(&key).unwrap();
        let (certificate, pem) = (signed.der().clone(), signed.pem());
        Self { certificate, pem, issuer: rcgen::Issuer::new(root, key) }
    }

    fn certify(
        &self,
        name: &str,
        key: &KeyPair,
        usage: ExtendedKeyUsagePurpose,
    ) -> rcgen::Certificate {
        let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
        leaf.distinguished_name.push(DnType::CommonName, name);
        leaf.extended_key_usages = vec![usage];
        leaf.signed_by(key, &self.issuer).unwrap()
    }
}

/// An Ed25519 key from its seed, as certificates' tools take it (RFC 8410, 7).
fn ed25519(seed: u8) -> KeyPair {
    let prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let der = [&prefix[..], &[seed; 32]].concat();
    let der = PrivatePkcs8KeyDer::from(der);
    KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ED25519).unwrap()
}

/// The service, which ends with the test.
struct Serving {
    process: Child,
    token: String,
    _folder: tempfile::TempDir,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Serving {
    fn start(port: u16, settings: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files.iter().chain(&[("settings.toml", settings)]) {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(path, private).unwrap();
        }
        let mut process = Command::new(binary())
            .current_dir(folder.path())
            .args(["serve", "--json", "--config", "settings.toml", "--data", "data"])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = process.stdout.take().unwrap();
        let announced: Value =
            serde_json::Deserializer::from_reader(out).into_iter().next().unwrap().unwrap();
        let token = announced["administratorToken"].as_str().unwrap().to_owned();
        Self { process, token, _folder: folder }
    }
}

/// How a client connects: with whose certificate, if with any.
struct Connects {
    port: u16,
    roots: RootCertStore,
}

impl Connects {
    fn send(
        &self,
        shows: Option<(&rcgen::Certificate, &KeyPair)>,
        request: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone());
        let config = match shows {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
                builder.with_client_auth_cert(vec![certificate.der().clone()], key).unwrap()
            }
        };
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let mut request = format!("{request} HTTP/1.1\r\nhost: localhost:{}\r\n", self.port);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        let length = body.len();
        request.push_str(&format!("connection: close\r\ncontent-length: {length}\r\n\r\n{body}"));
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        // The other side may close without saying so in TLS.
        let _ = stream.read_to_end(&mut bytes);
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: bytes[end + 4..].to_vec() }
    }
}

#[test]
fn a_token_is_bound_to_a_certificate_of_the_agent_s_own_key() {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let key = KeyPair::generate().unwrap();
    let server = servers.certify("localhost", &key, ExtendedKeyUsagePurpose::ServerAuth);
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let (lines, files) = settings();
    let lines = format!(
        "[tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\nclient_ca = \"clients.pem\"\n{lines}"
    );
    let (server, key) = (server.pem(), key.serialize_pem());
    let mut all: Vec<(&str, &str)> = files.iter().map(|(a, b)| (*a, b.as_str())).collect();
    all.extend([
        ("server.pem", server.as_str()),
        ("server.key", &key),
        ("clients.pem", &clients.pem),
    ]);
    let process = Serving::start(port, &lines, &all);
    let mut roots = RootCertStore::empty();
    roots.add(servers.certificate.clone()).unwrap();
    let connects = Connects { port, roots };

    // Enrolled over TLS, by its operator.
    let agent = Client::stranger(5);
    let url = format!("https://localhost:{port}");
    let bearer = format!("Bearer {}", process.token);
    let json = ("content-type", "application/json");
    let challenge = connects.send(None, "POST /challenges", &[json], "").is(201);
    let proof = json!({"nonce": challenge["challenge"], "aud": challenge["domain"]});
    let enrolment = json!({
        "did": agent.did(), "name": "Courier", "kind": "tool", "version": "1",
        "modelDigest": super::agent::MODEL, "codeDigest": super::agent::CODE,
        "sponsor": "did:web:acme.example", "proof": agent.holder.present(&proof, &[]),
    });
    let headers = [json, ("authorization", bearer.as_str())];
    let enrolled = connects.send(None, "POST /agents", &headers, &enrolment.to_string()).is(201);
    let path = format!("POST /agents/{}/attestations", enrolled["id"].as_str().unwrap());
    let identity = json!({"type": "AgentIdentityCredential"}).to_string();
    connects.send(None, &path, &headers, &identity).is(201);

    let ask = |shows: Option<(&rcgen::Certificate, &KeyPair)>| -> Answer {
        let assertion = agent.jwt(
            &json!({
                "iss": agent.did(), "sub": agent.did(), "aud": url, "jti": agent.fresh(),
                "exp": super::service::now().unix() + 60,
            }),
            bonafide_proof::jose::TokenType::CLIENT_AUTHENTICATION,
        );
        let subject = provider_token("JWT", &[]);
        let mut all = parameters(&assertion, (JWT, &subject));
        all.extend([
            ("audience", "https://files.example"),
            ("scope", "files.read"),
            ("resource", "https://files.example/reports"),
        ]);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        connects.send(shows, "POST /oauth/token", &headers, &form(&all))
    };
    let own = ed25519(5);
    let certificate = clients.certify("agent", &own, ExtendedKeyUsagePurpose::ClientAuth);
    let told = ask(Some((&certificate, &own))).is(200);
    assert_eq!(told["token_type"], "Bearer", "it is no DPoP token");
    let claims = opened(told["access_token"].as_str().unwrap()).1;
    let digest = encode_base64url(&Sha256::digest(certificate.der()));
    assert_eq!(claims["cnf"], json!({"x5t#S256": digest}));
    // A certificate of the same authority for another key.
    let other = ed25519(6);
    let foreign = clients.certify("agent", &other, ExtendedKeyUsagePurpose::ClientAuth);
    super::client::refused(&ask(Some((&foreign, &other))), "invalid_grant", "binding-mismatch");
    // None at all: no token that anybody could use.
    super::client::refused(&ask(None), "invalid_dpop_proof", "binding-missing");
    let path = "GET /.well-known/oauth-authorization-server";
    let metadata = connects.send(None, path, &[], "").is(200);
    assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
}
