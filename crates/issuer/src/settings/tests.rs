use super::*;

#[test]
fn the_documented_defaults_are_the_defaults() {
    assert_eq!(Settings::from_toml(DEFAULTS).unwrap(), Settings::default());
    // And every setting that is commented out exists.
    let all: String = DEFAULTS
        .lines()
        .map(|line| {
            let setting = line.trim_start_matches("# ");
            let is = setting.starts_with('[')
                || setting.split_once(" = ").is_some_and(|(name, _)| {
                    name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
                });
            if is { format!("{setting}\n") } else { format!("{line}\n") }
        })
        .collect();
    let error = Settings::from_toml(&all).unwrap_err();
    assert_eq!(error.0, "seal: passphrase_file or key_file, not both");
    let all: String = all
        .lines()
        .filter(|line| !line.starts_with("key_file") && !line.starts_with("key = \"P-384\""))
        .flat_map(|line| [line, "\n"])
        .collect();
    let settings = Settings::from_toml(&all).unwrap();
    assert_eq!(settings.public_url(), "https://issuer.example");
    assert_eq!(settings.instances.len(), 1);
    assert!(settings.tls.unwrap().client_ca.is_some());
}

#[test]
fn unknown_settings_and_nonsense_are_refused_with_the_line() {
    for (text, says) in [
        ("lisen = \"127.0.0.1:1\"", "unknown field `lisen`"),
        ("[limits]\nbodybytes = 3", "unknown field `bodybytes`"),
        ("listen = \"localhost\"", "line 1"),
        ("[status]\nttl = \"soon\"", "line 2"),
        ("[log]\npublish_every = \"-1ms\"", "line 2"),
        ("[limits]\nburst = 0", "limits.burst"),
        ("[status]\nttl = \"1h\"\nvalid_for = \"90m\"", "twice status.ttl"),
        ("public_url = \"https://a.example/\"", "public_url"),
        ("public_url = \"ftp://a.example\"", "public_url"),
        ("[[instance]]\nname = \"A\"", "instance name"),
        ("[[instance]]\nname = \"_log\"", "instance name"),
        ("[[instance]]\nname = \"a\"\n[[instance]]\nname = \"a\"", "two instances"),
        ("[[instance]]\nname = \"a\"\ndid = \"did:key:z6Mk\"", "did:web"),
        ("[[instance]]\nname = \"a\"\nformat = \"rot13\"", "eddsa-jcs-2022"),
        ("[cors]\norigins = [\"*\"]", "origin"),
        ("[tls]\ncertificate = \"c\"\nkey = \"k\"\nrequire_client_certificate = true", "client_ca"),
    ] {
        let error = Settings::from_toml(text).unwrap_err();
        assert!(error.0.contains(says), "{text}: {error}");
    }
}

#[test]
fn a_public_url_has_its_did() {
    for (url, instance, did) in [
        ("https://issuer.example", None, Some("did:web:issuer.example")),
        ("http://localhost:8700", None, Some("did:web:localhost%3A8700")),
        ("https://a.example/vc", Some("x"), Some("did:web:a.example:vc:issuers:x")),
        ("http://127.0.0.1:8700", None, None),
    ] {
        assert_eq!(did_web(url, instance).as_deref(), did, "{url}");
    }
}
