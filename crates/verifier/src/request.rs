//! What is asked now.

/// What a presentation has to answer. A request without nonce and audience grants no level, since
/// anybody could have kept an old presentation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub(crate) audience: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) action: Option<String>,
    pub(crate) resource: Option<String>,
    pub(crate) id: Option<String>,
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

    /// What it wants to do it to. Rungs do not judge it: where a level is granted, it comes out as
    /// an obligation of the service.
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// An id of the caller's, for its records.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Whether it asks for something that only a presentation can answer.
    pub(crate) fn wants_presentation(&self) -> bool {
        self.nonce.is_some() || self.audience.is_some() || self.action.is_some()
    }
}
