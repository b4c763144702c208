//! Verifiable presentations and enveloped credentials (VCDM 2.0, 4.13; VCDM 1.1, 4.10).

use super::credential::proofs_are_objects;
use super::form::{Form, is_url};
use super::{
    CREDENTIALS_V2, DC_SD_JWT, DataModel, Unverified, VC_JWT, VC_SD_JWT, VP_JWT, VP_SD_JWT,
};
use crate::Malformed;
use crate::json::{Object, Value};

const WHAT: &str = "verifiable presentation";

/// A presentation whose form is that of VCDM 2.0 or 1.1, and of which nothing else is known.
#[derive(Clone, Debug)]
pub struct UnverifiedPresentation<'v> {
    document: &'v Object<'v>,
    model: DataModel,
    holder: Option<&'v str>,
    held: Vec<Held<'v>>,
}

/// A credential inside of a presentation.
#[derive(Clone, Debug)]
pub enum Held<'v> {
    /// Secured by an embedded proof.
    Embedded(&'v Value<'v>, Box<Unverified<'v>>),
    /// Secured by an envelope.
    Enveloped(Enveloped<'v>),
}

/// What an enveloped credential or presentation holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enveloped<'v> {
    /// The media type of the data URL, such as `application/vc+jwt`.
    pub media_type: &'v str,
    /// What follows the comma: the compact token.
    pub data: &'v str,
}

impl<'v> Enveloped<'v> {
    /// The envelope in `value`, if its type says that it is one.
    ///
    /// VCDM 2.0, 4.13.1 and 4.13.2: a context that starts with the base, an `id` that is a data
    /// URL of the right media type, the type, and nothing else: a member beside them would be
    /// unsigned.
    pub fn from_value(value: &'v Value<'v>) -> Option<Result<Self, Malformed>> {
        let object = value.as_object()?;
        let types = object.get("type")?.one_or_more();
        let enveloped = |name| types.iter().any(|value| value.as_str() == Some(name));
        let media_types: &[&str] = if enveloped("EnvelopedVerifiableCredential") {
            &[VC_JWT, VC_SD_JWT, DC_SD_JWT]
        } else if enveloped("EnvelopedVerifiablePresentation") {
            &[VP_JWT, VP_SD_JWT]
        } else {
            return None;
        };
        Some(Self::parse(object, types, media_types))
    }

    /// Whether it holds a presentation rather than a credential.
    pub fn is_presentation(&self) -> bool {
        matches!(self.media_type, VP_JWT | VP_SD_JWT)
    }

    fn parse(
        object: &'v Object<'v>,
        types: &[Value<'_>],
        media_types: &[&'static str],
    ) -> Result<Self, Malformed> {
        const WHAT: &str = "enveloped credential";
        if types.len() != 1 {
            return Err(Malformed::at(WHAT, "/type", "expected this one type"));
        }
        let context = object.get("@context").map(Value::one_or_more).unwrap_or_default();
        if context.len() != 1 || context[0].as_str() != Some(CREDENTIALS_V2) {
            return Err(Malformed::at(WHAT, "/@context", "expected the base context alone"));
        }
        if object.len() != 3 {
            return Err(Malformed::new(WHAT, "has members beside @context, id and type"));
        }
        let url = object.str("id").and_then(|id| id.strip_prefix("data:"));
        let (media_type, data) = url.and_then(|url| url.split_once(',')).unwrap_or_default();
        let media_type =
            media_types.iter().find(|known| **known == media_type).ok_or_else(|| {
                let expected = media_types.join(",… or data:");
                Malformed::at(WHAT, "/id", format!("expected data:{expected},…"))
            })?;
        Ok(Self { media_type, data })
    }
}

impl<'v> UnverifiedPresentation<'v> {
    /// Checks the form of a presentation, secured or not, and of every credential in it.
    ///
    /// At most `most` credentials; their number is looked at before any of them. Each follows the
    /// version of the data model that its own context names, whatever the presentation's is.
    pub fn from_value(value: &'v Value<'v>, most: usize) -> Result<Self, Malformed> {
        let Value::Object(document) = value else {
            return Err(Malformed::new(WHAT, "expected an object"));
        };
        let form = Form::of_document(WHAT, document)?;
        form.types("VerifiablePresentation")?;
        form.optional_url("id")?;
        let holder = form.url_or_object("holder")?;
        form.typed("termsOfUse", |_| Ok(()))?;
        proofs_are_objects(&form)?;
        let credentials =
            document.get("verifiableCredential").map(Value::one_or_more).unwrap_or_default();
        if credentials.len() > most {
            return form.fail("/verifiableCredential", &format!("more than {most} credentials"));
        }
        let mut held = Vec::with_capacity(credentials.len());
        for (index, credential) in credentials.iter().enumerate() {
            let pointer = || format!("/verifiableCredential/{index}");
            let read = match Enveloped::from_value(credential) {
                Some(enveloped) => enveloped.and_then(|enveloped| {
                    if enveloped.is_presentation() {
                        Err(Malformed::at(WHAT, "/id", "expected an enveloped credential"))
                    } else {
                        Ok(Held::Enveloped(enveloped))
                    }
                }),
                None => Unverified::from_value(credential)
                    .map(|unverified| Held::Embedded(credential, Box::new(unverified))),
            };
            held.push(read.map_err(|error| error.within(WHAT, &pointer()))?);
        }
        let (model, holder) = (form.model, holder.filter(|holder| is_url(holder)));
        Ok(Self { document, model, holder, held })
    }

    /// Refuses version 1.1: VC-JOSE-COSE secures presentations of version 2.0 alone (section
    /// 3.1.2). The credentials inside are not looked at.
    pub fn require_v2(&self) -> Result<(), Malformed> {
        self.model.require_v2(WHAT)
    }

    /// The whole document, unverified.
    pub fn unverified_document(&self) -> &'v Object<'v> {
        self.document
    }

    /// The version of the data model that it claims to follow.
    pub fn claimed_data_model(&self) -> DataModel {
        self.model
    }

    /// The holder that it claims.
    pub fn claimed_holder(&self) -> Option<&'v str> {
        self.holder
    }

    /// The credentials in it, unverified.
    pub fn held(&self) -> &[Held<'v>] {
        &self.held
    }
}

/// An unsigned presentation (version 2.0) of `credentials`, each an object with its proof or an
/// envelope.
pub fn new_presentation(holder: &str, credentials: Vec<Value<'static>>) -> Value<'static> {
    Object::from([
        ("@context", Value::from(vec![CREDENTIALS_V2])),
        ("type", vec!["VerifiablePresentation"].into()),
        ("holder", holder.to_owned().into()),
        ("verifiableCredential", Value::Array(credentials)),
    ])
    .into()
}

/// A compact token of this media type as it stands in a presentation (VCDM 2.0, 4.13.1).
pub fn envelop(token: &str, media_type: &str) -> Value<'static> {
    Object::from([
        ("@context", Value::from(CREDENTIALS_V2)),
        ("type", "EnvelopedVerifiableCredential".into()),
        ("id", format!("data:{media_type},{token}").into()),
    ])
    .into()
}
