//! What a resolver answers: the document with its implicit services, and the metadata.

use bonafide_core::did::{Did, webvh_urls};
use bonafide_core::json::{Object, Value};

use super::{History, Version};

impl Version {
    /// The document as a resolver gives it: as it was published, with the services that each
    /// did:webvh DID has, `#files` and `#whois`, unless it defines them itself ("DID URL
    /// Resolution").
    pub fn resolved(&self) -> Value<'static> {
        let mut document = self.state.clone();
        // Each id was checked with the log, so this finds its folder.
        let folder = Did::parse(&self.did)
            .and_then(webvh_urls)
            .ok()
            .and_then(|(log, _)| Some(log.strip_suffix("/did.jsonl")?.to_owned()));
        let Some(folder) = folder else { return document.into() };
        let folder = folder.strip_suffix("/.well-known").unwrap_or(&folder);
        let mut services = match document.remove("service") {
            None => Vec::new(),
            Some(Value::Array(services)) => services,
            Some(single) => vec![single],
        };
        let defined = |services: &[Value<'_>], fragment: &str| {
            services
                .iter()
                .filter_map(|service| service.get("id")?.as_str())
                .any(|id| id.strip_prefix(self.did.as_str()).unwrap_or(id) == fragment)
        };
        if !defined(&services, "#files") {
            let files = Object::from([
                ("id", Value::from("#files")),
                ("type", "relativeRef".into()),
                ("serviceEndpoint", format!("{folder}/").into()),
            ]);
            services.push(files.into());
        }
        if !defined(&services, "#whois") {
            let whois = Object::from([
                ("@context", Value::from("https://identity.foundation/linked-vp/contexts/v1")),
                ("id", "#whois".into()),
                ("type", "LinkedVerifiablePresentation".into()),
                ("serviceEndpoint", format!("{folder}/whois.vp").into()),
            ]);
            services.push(whois.into());
        }
        document.insert("service", Value::Array(services));
        document.into()
    }
}

impl History {
    /// The DID document metadata of one of its versions ("Read (Resolve)"). Numbers are strings, as
    /// DID Resolution wants them; whatever is not of the version itself is of the newest one.
    pub fn metadata(&self, version: &Version) -> Object<'static> {
        let newest = self.newest();
        let created = self.versions().first().unwrap_or(newest).time;
        let parameters = &newest.parameters;
        // "Active in the last valid DID log entry": those who had to approve it.
        let before = self.versions().iter().nth_back(1).map(|version| &version.parameters);
        let active = parameters.witnessed_by(before);
        let witness = active.map_or_else(Object::new, |witness| {
            let id = |id: &String| Object::from([("id", id.clone())]);
            let witnesses: Vec<Object<'static>> = witness.ids.iter().map(id).collect();
            Object::from([
                ("threshold", Value::from(witness.threshold.to_string())),
                ("witnesses", witnesses.into()),
            ])
        });
        Object::from([
            ("versionId", Value::from(version.id.clone())),
            ("versionTime", version.time.to_string().into()),
            ("created", created.to_string().into()),
            ("updated", newest.time.to_string().into()),
            ("scid", self.scid().to_owned().into()),
            ("portable", parameters.portable.into()),
            ("deactivated", parameters.deactivated.into()),
            ("ttl", parameters.ttl.to_string().into()),
            ("witness", witness.into()),
            ("watchers", parameters.watchers.to_vec().into()),
        ])
    }
}
