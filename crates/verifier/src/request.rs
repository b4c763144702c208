//! What is asked now.

use std::collections::BTreeMap;

/// What a presentation has to answer. A request without nonce and audience grants no level, since
/// anybody could have kept an old presentation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub(crate) audience: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) action: Option<String>,
    pub(crate) resource: Option<String>,
    pub(crate) arguments: Option<BTreeMap<String, String>>,
    pub(crate) method: Option<String>,
    pub(crate) uri: Option<String>,
    pub(crate) body_digest: Option<[u8; 32]>,
    pub(crate) peer_certificate: Option<[u8; 32]>,
    pub(crate) id: Option<String>,
    pub(crate) shows_chain: bool,
}

impl Request {
    /// A request that asks for nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Who asks: the JWT's `aud`, the proof's `domain`. Compared byte for byte.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// What has to be answered: the JWT's `nonce`, the proof's `challenge`. Fresh for each request,
    /// at least 128 random bits.
    pub fn nonce(mut self, nonce: impl Into<String>) -> Self {
        self.nonce = Some(nonce.into());
        self
    }

    /// What the agent wants to do.
    pub fn action(mut self, action: impl Into<String>) -> Self {
        self.action = Some(action.into());
        self
    }

    /// What it wants to do it to, in canonical form (see
    /// [`Resource`](bonafide_core::delegation::Resource)). A grant that is presented decides it.
    /// Rungs do not judge it: without a grant it comes out as an obligation of the service.
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// An argument of the action, as text. Of a request with any argument all have to be told: one
    /// that a grant constrains and that is not among them is missing. Without any, such a
    /// constraint comes out as an obligation.
    pub fn argument(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.arguments.get_or_insert_default().insert(name.into(), value.into());
        self
    }

    /// The HTTP request that the presentation came with: its method and its URI. Then the
    /// presentation has to be a `vp+jwt` made for it (`htm` and `htu`, RFC 9449, 4.2), with a `jti`
    /// of its own and minutes to live at most, and needs no nonce. Query and fragment of the URI do
    /// not count.
    pub fn http(mut self, method: impl Into<String>, uri: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self.uri = Some(uri.into());
        self
    }

    /// SHA-256 of that request's body; none for a request without one.
    pub fn body_digest(mut self, digest: [u8; 32]) -> Self {
        self.body_digest = Some(digest);
        self
    }

    /// SHA-256 of the certificate that the client showed in TLS (`x5t#S256`, RFC 8705, 3.1).
    pub fn peer_certificate(mut self, thumbprint: [u8; 32]) -> Self {
        self.peer_certificate = Some(thumbprint);
        self
    }

    /// The presenter shows its chain and does nothing under it, as to the grant's issuer that is
    /// told that the task is done: neither audience nor actions, resources and constraints of the
    /// chain are held against this request, and nothing follows from them.
    pub fn shows_chain(mut self) -> Self {
        self.shows_chain = true;
        self
    }

    /// An id of the caller's, for its records.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Whether it asks for something that only a presentation can answer.
    pub(crate) fn wants_presentation(&self) -> bool {
        self.nonce.is_some()
            || self.audience.is_some()
            || self.action.is_some()
            || self.resource.is_some()
            || self.arguments.is_some()
            || self.method.is_some()
            || self.body_digest.is_some()
            || self.peer_certificate.is_some()
            || self.shows_chain
    }

    /// Whether an answer to it can't be somebody's old one: it names who asks, and a nonce or the
    /// very HTTP request.
    pub(crate) fn binds(&self) -> bool {
        let said = |part: &Option<String>| part.as_ref().is_some_and(|part| !part.is_empty());
        let http = said(&self.method) && said(&self.uri);
        said(&self.audience) && (said(&self.nonce) || http)
    }
}
