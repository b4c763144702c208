//! Contexts that are written into a document, as W3C's test suites send them.
//!
//! Whoever writes a document can give its terms any meaning with one, so that the same JSON says
//! something else as RDF. That is why [`SUITES`](crate::SUITES) refuse them, and why
//! [`TEST_SUITES`] are for test suites, where a verdict is only whether a signature is good.
//!
//! An inline context is taken out of the document and given a URL of its own in a table made for
//! this one document, beside the pinned ones; from there on all is as ever, the checks of the table
//! included.

use bonafide_core::json::{Object, Value};
use bonafide_core::key::KeyType;
use bonafide_proof::data_integrity::{
    Checked, Proof, ProofError, SignInput, Suite, Suites, VerifyInput,
};

use crate::contexts::{Contexts, PINNED};
use crate::suite::ecdsa_sd::EcdsaSd2023;
use crate::{BBS_2023, ECDSA_RDFC_2019, ECDSA_SD_2023, ED25519_SIGNATURE_2020, EDDSA_RDFC_2022};

/// The suites that also take contexts within a document; what making a table costs is not counted
/// as [work](bonafide_proof::data_integrity::Work). Never for a decision.
pub const TEST_SUITES: Suites = Suites(&ALL);

static ALL: [&dyn Suite; 7] = [
    Suites::JCS.0[0],
    Suites::JCS.0[1],
    &Inline {
        plain: &EDDSA_RDFC_2022,
        reading: |contexts| Box::new(EDDSA_RDFC_2022.reading(contexts)),
    },
    &Inline {
        plain: &ECDSA_RDFC_2019,
        reading: |contexts| Box::new(ECDSA_RDFC_2019.reading(contexts)),
    },
    &Inline { plain: &ECDSA_SD_2023, reading: |contexts| Box::new(EcdsaSd2023::reading(contexts)) },
    &BBS_2023,
    &ED25519_SIGNATURE_2020,
];

const URL: &str = "urn:bonafide:inline-context:";
const MOST: usize = 16;

/// A suite, and how to have it with another table.
struct Inline {
    plain: &'static dyn Suite,
    reading: for<'c> fn(&'c Contexts) -> Box<dyn Suite + 'c>,
}

impl Suite for Inline {
    fn name(&self) -> &'static str {
        self.plain.name()
    }

    fn proof_type(&self) -> &'static str {
        self.plain.proof_type()
    }

    fn key_types(&self) -> &'static [KeyType] {
        self.plain.key_types()
    }

    fn is_selective(&self) -> bool {
        self.plain.is_selective()
    }

    fn verify(&self, input: VerifyInput<'_>) -> Result<Checked, ProofError> {
        let mut taken = Taken::default();
        let document = taken.object(input.document)?;
        if taken.0.is_empty() {
            return self.plain.verify(input);
        }
        let VerifyInput { proof, previous, key, check, work, .. } = input;
        let object = taken.object(proof.object)?;
        let previous = previous.iter().map(|one| taken.value(one)).collect::<Result<_, _>>()?;
        let proof = Proof { object: &object, ..proof.clone() };
        let table = taken.table()?;
        let input = VerifyInput { document: &document, proof: &proof, previous, key, check, work };
        (self.reading)(&table).verify(input)
    }

    fn sign(&self, input: SignInput<'_>) -> Result<String, ProofError> {
        let mut taken = Taken::default();
        let document = taken.object(input.document)?;
        if taken.0.is_empty() {
            return self.plain.sign(input);
        }
        let SignInput { options, previous, mandatory, signer, random, .. } = input;
        let options = taken.object(options)?;
        let previous = previous.iter().map(|one| taken.value(one)).collect::<Result<_, _>>()?;
        let table = taken.table()?;
        let (document, options) = (&document, &options);
        let input = SignInput { document, options, previous, mandatory, signer, random };
        (self.reading)(&table).sign(input)
    }
}

/// The contexts that were taken out, each known by its place here.
#[derive(Default)]
struct Taken(Vec<Value<'static>>);

impl Taken {
    /// A document with URLs in place of its inline contexts, and so the credentials and proofs in it.
    fn object(&mut self, object: &Object<'_>) -> Result<Object<'static>, ProofError> {
        let mut object = object.clone().into_owned();
        if let Some(contexts) = object.get_mut("@context") {
            match contexts {
                Value::Array(parts) => parts.iter_mut().try_for_each(|part| self.take(part))?,
                one => self.take(one)?,
            }
        }
        for name in ["verifiableCredential", "proof"] {
            let Some(held) = object.get_mut(name) else { continue };
            *held = match &*held {
                Value::Array(items) => Value::Array(
                    items.iter().map(|item| self.value(item)).collect::<Result<_, _>>()?,
                ),
                one => self.value(one)?,
            };
        }
        Ok(object)
    }

    fn value(&mut self, value: &Value<'_>) -> Result<Value<'static>, ProofError> {
        match value {
            Value::Object(object) => Ok(self.object(object)?.into()),
            other => Ok(other.clone().into_owned()),
        }
    }

    fn take(&mut self, context: &mut Value<'static>) -> Result<(), ProofError> {
        let refused = |detail: &str| ProofError::ContextRefused { detail: detail.to_owned() };
        match &*context {
            Value::String(url) if url.starts_with(URL) => Err(refused("this name is taken")),
            Value::Object(terms) => {
                // Some wrap it once more, as a document of its own.
                let document = match terms.len() == 1 && terms.contains("@context") {
                    true => context.clone(),
                    false => Object::from([("@context", context.clone())]).into(),
                };
                let place = match self.0.iter().position(|known| *known == document) {
                    Some(place) => place,
                    None if self.0.len() == MOST => return Err(refused("too many in a document")),
                    None => {
                        self.0.push(document);
                        self.0.len() - 1
                    }
                };
                *context = format!("{URL}{place}").into();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The pinned contexts and these.
    fn table(self) -> Result<Contexts, ProofError> {
        let named = self.0.into_iter().enumerate();
        let named: Vec<_> = named.map(|(place, one)| (format!("{URL}{place}"), one)).collect();
        Contexts::with(&PINNED, &named)
            .map_err(|error| ProofError::ContextRefused { detail: error.detail })
    }
}

#[cfg(test)]
mod tests;
