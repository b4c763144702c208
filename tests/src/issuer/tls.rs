//! TLS, and clients that show certificates of their own.

use std::process::{Command, Stdio};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde_json::Value;

use crate::world::binary;

/// An authority, and what it certified: certificate and key, in PEM.
struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut root = CertificateParams::new(Vec::<String>::new()).unwrap();
        root.distinguished_name.push(DnType::CommonName, name);
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let certificate = root.self_signed(&key).unwrap().pem();
        Self { certificate, issuer: Issuer::new(root, key) }
    }

    fn certify(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
        leaf.distinguished_name.push(DnType::CommonName, name);
        leaf.extended_key_usages = vec![usage];
        let certificate = leaf.signed_by(&key, &self.issuer).unwrap().pem();
        (certificate, key.serialize_pem())
    }
}

#[test]
fn clients_without_a_certificate_of_the_authority_get_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let write = |name: &str, text: &str| {
        std::fs::write(path(name), text).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(path(name), private).unwrap();
    };
    let (servers, clients, others) =
        (Authority::new("servers"), Authority::new("clients"), Authority::new("others"));
    let (certificate, key) = servers.certify("localhost", ExtendedKeyUsagePurpose::ServerAuth);
    write("server.pem", &certificate);
    write("server.key", &key);
    write("servers.pem", &servers.certificate);
    write("clients.pem", &clients.certificate);
    for (name, authority) in [("client", &clients), ("other", &others)] {
        let (certificate, key) = authority.certify(name, ExtendedKeyUsagePurpose::ClientAuth);
        write(&format!("{name}.pem"), &certificate);
        write(&format!("{name}.key"), &key);
    }
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    write(
        "settings.toml",
        &format!(
            "listen = \"127.0.0.1:{port}\"\ndata = \"{}\"\n[tls]\ncertificate = \"{}\"\nkey = \"{}\"\nclient_ca = \"{}\"\nrequire_client_certificate = true\n",
            path("data"),
            path("server.pem"),
            path("server.key"),
            path("clients.pem"),
        ),
    );
    let mut service = Command::new(binary())
        .args(["serve", "--json", "--config", &path("settings.toml")])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = service.stdout.take().unwrap();
    let announced: Value =
        serde_json::Deserializer::from_reader(out).into_iter().next().unwrap().unwrap();
    assert_eq!(announced["url"], format!("https://localhost:{port}"));
    write("admin.token", announced["administratorToken"].as_str().unwrap());
    let ask = |more: &[&str]| {
        let output = Command::new(binary())
            .args(["token", "list", "--url", &format!("https://localhost:{port}")])
            .args(["--token-file", &path("admin.token"), "--ca", &path("servers.pem")])
            .args(more)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let shown = |name: &str| {
        let [certificate, key] = ["pem", "key"].map(|end| path(&format!("{name}.{end}")));
        ask(&["--client-cert", &certificate, "--client-key", &key])
    };
    let outcomes = [shown("client"), shown("other"), ask(&[])];
    service.kill().unwrap();
    service.wait().unwrap();
    assert_eq!(outcomes[0].0, Some(0), "{}", outcomes[0].1);
    assert_eq!(outcomes[1].0, Some(70), "of another authority: {}", outcomes[1].1);
    assert_eq!(outcomes[2].0, Some(70), "without: {}", outcomes[2].1);
}
