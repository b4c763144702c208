//! Lets the JSON Schema engine read our tree in place, so that nothing is parsed or copied twice.

use std::borrow::Cow;

use jsonschema::JsonType;
use jsonschema::json::{self, Json, JsonNumber, Node, NodeIdentity};

use super::{Number, Object, Value};

/// The representation of JSON that schemas are compiled for.
pub(crate) struct StrictJson;

impl Json for StrictJson {
    type Node<'a> = &'a Value<'a>;
    type PreparedKey = String;
    type StringBuffer = Option<Value<'static>>;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(
        buffer: &mut Self::StringBuffer,
        string: &str,
        f: impl FnOnce(Self::Node<'_>) -> T,
    ) -> T {
        f(buffer.insert(Value::String(Cow::Owned(string.to_owned()))))
    }
}

impl JsonNumber for Number {
    fn as_u64(&self) -> Option<u64> {
        JsonNumber::as_i64(self).and_then(|integer| integer.try_into().ok())
    }

    fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::Integer(integer) => Some(integer),
            Self::Float(_) => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        Some(Number::as_f64(*self))
    }

    fn as_str(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_number().to_string())
    }

    fn to_number(&self) -> Cow<'_, serde_json::Number> {
        Cow::Owned(match *self {
            Self::Integer(integer) => integer.into(),
            // The parser lets only finite numbers in.
            Self::Float(float) => serde_json::Number::from_f64(float).unwrap_or_else(|| 0.into()),
        })
    }

    fn is_integer(&self) -> bool {
        match *self {
            Self::Integer(_) => true,
            Self::Float(float) => float.fract() == 0.0,
        }
    }
}

impl<'a> Node<'a, StrictJson> for &'a Value<'a> {
    type Object = &'a Object<'a>;
    type Array = &'a [Value<'a>];
    type Number = Number;

    fn as_object(&self) -> Option<&'a Object<'a>> {
        Value::as_object(self)
    }

    fn as_array(&self) -> Option<&'a [Value<'a>]> {
        Value::as_array(self)
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        Value::as_str(self).map(Cow::Borrowed)
    }

    fn as_number(&self) -> Option<Number> {
        match self {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        self.as_bool()
    }

    fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    fn json_type(&self) -> JsonType {
        match self {
            Value::Null => JsonType::Null,
            Value::Bool(_) => JsonType::Boolean,
            Value::Number(_) => JsonType::Number,
            Value::String(_) => JsonType::String,
            Value::Array(_) => JsonType::Array,
            Value::Object(_) => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &serde_json::Value) -> bool {
        // Most constants and enumerations are strings: compare them without building a value.
        match (self, expected) {
            (Value::String(left), serde_json::Value::String(right)) => left == right,
            (Value::String(_), _) | (_, serde_json::Value::String(_)) => false,
            _ => json::cmp::equal(&self.to_value(), expected),
        }
    }

    fn to_value(&self) -> Cow<'a, serde_json::Value> {
        Cow::Owned(to_serde(self))
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref::<Value<'_>>(self) as usize))
    }
}

impl<'a> json::Object<'a, StrictJson> for &'a Object<'a> {
    type Node = &'a Value<'a>;
    type MemberName = &'a str;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        Object::len(self)
    }

    fn get(&self, key: &String) -> Option<&'a Value<'a>> {
        Object::get(self, key)
    }

    fn members(&self) -> Members<'a> {
        Members(self.members.iter())
    }
}

pub(crate) struct Members<'a>(std::slice::Iter<'a, (Cow<'a, str>, Value<'a>)>);

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, value)| (name.as_ref(), value))
    }
}

impl<'a> json::Array<'a, StrictJson> for &'a [Value<'a>] {
    type Node = &'a Value<'a>;
    type ElementsIter = std::slice::Iter<'a, Value<'a>>;

    fn len(&self) -> usize {
        <[Value<'_>]>::len(self)
    }

    fn elements(&self) -> Self::ElementsIter {
        self.iter()
    }
}

/// Copies a tree; for error reports and rare comparisons only.
fn to_serde(value: &Value<'_>) -> serde_json::Value {
    use serde_json::Value as Serde;
    match value {
        Value::Null => Serde::Null,
        Value::Bool(boolean) => Serde::Bool(*boolean),
        Value::Number(number) => Serde::Number(number.to_number().into_owned()),
        Value::String(string) => Serde::String(string.to_string()),
        Value::Array(items) => Serde::Array(items.iter().map(to_serde).collect()),
        Value::Object(object) => Serde::Object(
            object.iter().map(|(name, member)| (name.to_owned(), to_serde(member))).collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use jsonschema::json::conformance;

    use crate::json::{Limits, Value, parse};

    #[test]
    fn keeps_the_contract_of_the_schema_engine() {
        let document = conformance::document().to_string();
        let value = parse(document.as_bytes(), &Limits::for_size(1 << 20)).unwrap();
        let node: &Value<'_> = &value;
        conformance::assert_conformance::<super::StrictJson>(&node);
    }
}
