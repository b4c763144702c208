//! A server on this machine, with TLS under a root of its own, for what the command line fetches.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

type Answers = Arc<Mutex<HashMap<String, String>>>;

/// Answers each connection once; with 404 where it has nothing.
pub(crate) struct Server {
    pub(crate) port: u16,
    /// Its root certificate, in PEM.
    pub(crate) root: String,
    answers: Answers,
    connections: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let (root, config) = certified();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            root,
            answers: Arc::default(),
            connections: Arc::default(),
        };
        let (answers, connections) = (Arc::clone(&server.answers), Arc::clone(&server.connections));
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                connections.fetch_add(1, Ordering::SeqCst);
                // A client that hangs up has its reasons.
                let _ = socket.and_then(|socket| serve(socket, &config, &answers));
            }
        });
        server
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port)
    }

    /// What is at this path from now on.
    pub(crate) fn put(&self, path: &str, body: &str) {
        self.answer(path, "200 OK", "", body);
    }

    pub(crate) fn answer(&self, path: &str, status: &str, headers: &str, body: &str) {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        );
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn certified() -> (String, Arc<ServerConfig>) {
    let root_key = KeyPair::generate().unwrap();
    let mut root = CertificateParams::new(Vec::<String>::new()).unwrap();
    root.distinguished_name.push(DnType::CommonName, "a root for tests");
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let root_certificate = root.self_signed(&root_key).unwrap();
    let issuer = Issuer::new(root, root_key);
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut leaf = CertificateParams::new(names).unwrap();
    leaf.distinguished_name.push(DnType::CommonName, "a server for tests");
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = leaf.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::from(key))
        .unwrap();
    (root_certificate.pem(), Arc::new(config))
}

fn serve(socket: TcpStream, config: &Arc<ServerConfig>, answers: &Answers) -> io::Result<()> {
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, socket);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let answer = answers.lock().unwrap().get(path).cloned();
    let nothing = "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(answer.as_deref().unwrap_or(nothing).as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()
}
