//! The trust bundle of this issuer: its DID documents and status lists, signed.

use std::sync::{Arc, PoisonError};

use bonafide_core::json::{Limits, Value, parse};
use bonafide_core::status::StatusPurpose;
use bonafide_verifier::{BundleContent, BundleDraft};

use crate::environment::Moment;
use crate::problem::Problem;
use crate::service::Service;
use crate::signer::BUNDLE_INSTANCE;
use crate::status::{Form, Published};

/// A bundle and what it was made of.
pub struct MadeBundle {
    /// One compact JWS.
    pub text: String,
    /// Its entity tag, in quotes.
    pub etag: String,
    at: Moment,
    made_of: Vec<String>,
}

impl Service {
    /// The bundle as of now: a new one if anything in it changed, or if the last one is no longer
    /// as fresh as its lists may be.
    pub fn trust_bundle(&self) -> Result<Arc<MadeBundle>, Problem> {
        let now = self.environment.now();
        // Held while signing: of many who ask at once, one waits for the signature.
        let mut last = self.bundle.lock().unwrap_or_else(PoisonError::into_inner);
        let (lists, made_of) = self.bundle_parts()?;
        if let Some(last) = last.as_ref()
            && last.made_of == made_of
            && now.since(last.at) < self.settings.status.ttl / 2
        {
            return Ok(Arc::clone(last));
        }
        let content = self.bundle_content(&lists, now)?;
        let at = last.as_ref().map_or(now, |last| now.max(Moment(last.at.0 + 1)));
        let draft = BundleDraft {
            // Rises with the clock, over restarts and restored backups too.
            sequence: at.0,
            issued_at: at.timestamp(),
            expires: at.timestamp().saturating_add(self.settings.bundle.valid_for),
            content,
        };
        let issuing = self.state.signers.instance(BUNDLE_INSTANCE);
        let issuing = issuing.ok_or_else(|| Problem::fault("the bundle's key is missing"))?;
        let (key, _) =
            issuing.list_key().ok_or_else(|| Problem::fault("the bundle's key does not sign"))?;
        let text = draft
            .sign(&key.method, &key.key)
            .map_err(|error| Problem::fault(&error.to_string()))?;
        let made = Arc::new(MadeBundle { text, etag: format!("\"{}\"", at.0), at, made_of });
        *last = Some(Arc::clone(&made));
        Ok(made)
    }

    /// The lists as they are published now, and what tells this bundle from the last.
    fn bundle_parts(&self) -> Result<(Vec<Arc<Published>>, Vec<String>), Problem> {
        let (mut lists, mut made_of) = (Vec::new(), Vec::new());
        for issuing in self.state.signers.issuing().iter().filter(|issuing| issuing.is_web()) {
            made_of.push(format!("{}:{}", issuing.instance.did, issuing.version()));
        }
        for list in self.state.lists().iter().filter(|list| list.used() > 0) {
            let Some(issuing) = self.state.signers.instance(&list.list.instance) else { continue };
            let forms = [
                Form::DataIntegrity(StatusPurpose::Revocation),
                Form::DataIntegrity(StatusPurpose::Suspension),
                Form::Token,
            ];
            for form in forms {
                let published = list
                    .published(form, &issuing, self.lifetimes(), &self.environment)
                    .map_err(|error| Problem::fault(&error.to_string()))?;
                made_of.push(published.etag.clone());
                lists.push(published);
            }
        }
        Ok((lists, made_of))
    }

    fn bundle_content(
        &self,
        lists: &[Arc<Published>],
        now: Moment,
    ) -> Result<Vec<BundleContent>, Problem> {
        let fetched_at = now.timestamp();
        let web = self.state.signers.issuing().into_iter().filter(|issuing| issuing.is_web());
        let mut content: Vec<BundleContent> = web
            .map(|issuing| {
                let document = issuing.document.as_value().clone();
                BundleContent::Document { document, fetched_at }
            })
            .collect();
        for list in lists {
            // JSON begins with a brace, a token never does.
            let credential = match list.bytes.first() {
                Some(b'{') => read(&list.bytes)?,
                _ => String::from_utf8_lossy(&list.bytes).into_owned().into(),
            };
            content.push(BundleContent::StatusList { credential, fetched_at });
        }
        Ok(content)
    }
}

fn read(bytes: &[u8]) -> Result<Value<'static>, Problem> {
    parse(bytes, &Limits::for_size(bytes.len()))
        .map(Value::into_owned)
        .map_err(|error| Problem::fault(&format!("a list of our own: {error}")))
}
