//! JSON Schema 2020-12 without network (VC JSON Schema 1.0): compiled once, run on our own tree.

use crate::Malformed;
use crate::json::{StrictJson, Value};

/// A compiled schema.
pub struct Schema {
    validator: jsonschema::Validator<StrictJson>,
}

/// The first place where a document does not fit a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// RFC 6901 pointer into the document.
    pub pointer: String,
    /// What the schema asks for, in words; the document's values are left out.
    pub message: String,
}

impl Schema {
    /// Compiles a schema. References lead only into the schema itself: nothing is fetched, and a
    /// schema that asks for more is refused, as is one of another dialect than 2020-12.
    pub fn compile(text: &str) -> Result<Self, Malformed> {
        Self::build(&read(text)?)
    }

    /// Compiles what remains of a credential's schema where its holder may have left claims out:
    /// inside of `credentialSubject`, only what the pointers in `mandatory` lead to is required,
    /// each with all that the schema requires inside of it. Everything else stays, so that what is
    /// shown has to be as it would be in the whole.
    pub fn compile_partial(text: &str, mandatory: &[&str]) -> Result<Self, Malformed> {
        let mut schema = read(text)?;
        if let Some(subject) = schema.pointer_mut("/properties/credentialSubject") {
            relax(subject, "/credentialSubject", mandatory);
        }
        Self::build(&schema)
    }

    fn build(schema: &serde_json::Value) -> Result<Self, Malformed> {
        let validator = jsonschema::options_for::<StrictJson>()
            .with_draft(jsonschema::Draft::Draft202012)
            .offline()
            .with_pattern_options(jsonschema::PatternOptions::regex())
            .should_validate_formats(false)
            .build(schema)
            .map_err(|error| Malformed::new(WHAT, error.to_string()))?;
        Ok(Self { validator })
    }

    /// Whether `document` fits; if not, the first violation found.
    pub fn check(&self, document: &Value<'_>) -> Result<(), Violation> {
        if self.validator.is_valid(document) {
            return Ok(());
        }
        match self.validator.validate(document) {
            // The engine's two answers differ: the one that refuses stands.
            Ok(()) => Err(Violation { pointer: String::new(), message: "does not fit".to_owned() }),
            Err(error) => Err(Violation {
                pointer: error.instance_path().to_string(),
                message: shortened(&error.masked().to_string()),
            }),
        }
    }
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Schema")
    }
}

const WHAT: &str = "JSON Schema";

fn read(text: &str) -> Result<serde_json::Value, Malformed> {
    let schema: serde_json::Value =
        serde_json::from_str(text).map_err(|error| Malformed::new(WHAT, error.to_string()))?;
    let dialect = schema.get("$schema").and_then(serde_json::Value::as_str);
    if dialect != Some("https://json-schema.org/draft/2020-12/schema") {
        return Err(Malformed::at(WHAT, "/$schema", "expected draft 2020-12"));
    }
    Ok(schema)
}

/// Requires of the object at `place` what lies on the way to a mandatory pointer, and no more.
/// Looks into `properties` and `items`: the keywords under which our schemas nest claims.
fn relax(schema: &mut serde_json::Value, place: &str, mandatory: &[&str]) {
    if mandatory.contains(&place) {
        return;
    }
    let Some(schema) = schema.as_object_mut() else { return };
    if let Some(properties) =
        schema.get_mut("properties").and_then(serde_json::Value::as_object_mut)
    {
        for (name, property) in properties {
            relax(property, &format!("{place}/{name}"), mandatory);
        }
        let mut required: Vec<&str> = Vec::new();
        for pointer in mandatory {
            let below = pointer.strip_prefix(place).and_then(|below| below.strip_prefix('/'));
            let Some(name) = below.and_then(|below| below.split('/').next()) else { continue };
            if !required.contains(&name) {
                required.push(name);
            }
        }
        schema.insert("required".to_owned(), required.into());
    }
    if let Some(items) = schema.get_mut("items") {
        relax(items, &format!("{place}/*"), mandatory);
    }
}

fn shortened(message: &str) -> String {
    message.chars().take(300).collect()
}
