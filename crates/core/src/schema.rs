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
        const WHAT: &str = "JSON Schema";
        let schema: serde_json::Value =
            serde_json::from_str(text).map_err(|error| Malformed::new(WHAT, error.to_string()))?;
        let dialect = schema.get("$schema").and_then(serde_json::Value::as_str);
        if dialect != Some("https://json-schema.org/draft/2020-12/schema") {
            return Err(Malformed::at(WHAT, "/$schema", "expected draft 2020-12"));
        }
        let validator = jsonschema::options_for::<StrictJson>()
            .with_draft(jsonschema::Draft::Draft202012)
            .offline()
            .with_pattern_options(jsonschema::PatternOptions::regex())
            .should_validate_formats(false)
            .build(&schema)
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

fn shortened(message: &str) -> String {
    message.chars().take(300).collect()
}
