//! Strict JSON: one parser, one tree, one canonical form.
//!
//! Whatever is signed is read by [`parse`] and by nothing else. The tree borrows from the input
//! where a string has no escapes. Members are kept in the order of RFC 8785 (UTF-16 code units),
//! so that duplicates show themselves while parsing and canonicalization is a plain walk.

mod canonical;
mod parse;
mod schema_node;

use std::borrow::Cow;
use std::cmp::Ordering;

pub use canonical::{
    Sink, canonical_length, canonical_members, canonicalize, to_canonical_string, to_pretty_string,
};
pub use parse::{JsonError, JsonErrorKind, Limits, parse};
pub(crate) use schema_node::StrictJson;

/// The largest integer that every JSON implementation reads alike: 2^53 - 1 (RFC 7493, 2.2).
pub const MAX_SAFE_INTEGER: i64 = 9_007_199_254_740_991;

/// A JSON value; strings without escapes borrow from the input.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number; see [`Number`].
    Number(Number),
    /// A string of Unicode scalar values.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object without duplicate names.
    Object(Object<'a>),
}

/// A finite JSON number. Remembers whether it was written as an integer, since some members
/// (RFC 7519 dates here) must be.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// Written without fraction and exponent; at most 2^53 - 1 in magnitude.
    Integer(i64),
    /// Written with a fraction or an exponent; always finite.
    Float(f64),
}

impl Number {
    /// The value as a double, exact for either form.
    #[allow(clippy::cast_precision_loss)] // integers are at most 2^53 - 1
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Float(float) => float,
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.as_f64() == other.as_f64()
    }
}

impl<'a> Value<'a> {
    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(string) => Some(string),
            _ => None,
        }
    }

    /// The object, if it is one.
    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The items, if it is an array.
    pub fn as_array(&self) -> Option<&[Value<'a>]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(boolean) => Some(*boolean),
            _ => None,
        }
    }

    /// The integer, if it is a number written as one.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Number(Number::Integer(integer)) => Some(*integer),
            _ => None,
        }
    }

    /// The member `name`, if this is an object that has it.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.as_object()?.get(name)
    }

    /// What an RFC 6901 pointer leads to.
    pub fn pointer(&self, pointer: &str) -> Option<&Value<'a>> {
        if pointer.is_empty() {
            return Some(self);
        }
        let mut here = self;
        for token in pointer.strip_prefix('/')?.split('/') {
            let token = match token.contains('~') {
                true => Cow::Owned(token.replace("~1", "/").replace("~0", "~")),
                false => Cow::Borrowed(token),
            };
            here = match here {
                Self::Object(object) => object.get(&token)?,
                Self::Array(items) => items.get(token.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(here)
    }

    /// Views one value or an array of values as a slice: many members of the VC data model are
    /// "one or more".
    pub fn one_or_more(&self) -> &[Value<'a>] {
        match self {
            Self::Array(items) => items,
            single => std::slice::from_ref(single),
        }
    }

    /// The same value without borrowing.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(boolean) => Value::Bool(boolean),
            Self::Number(number) => Value::Number(number),
            Self::String(string) => Value::String(Cow::Owned(string.into_owned())),
            Self::Array(items) => Value::Array(items.into_iter().map(Value::into_owned).collect()),
            Self::Object(object) => Value::Object(object.into_owned()),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(string: &'a str) -> Self {
        Self::String(Cow::Borrowed(string))
    }
}

impl From<String> for Value<'_> {
    fn from(string: String) -> Self {
        Self::String(Cow::Owned(string))
    }
}

impl From<bool> for Value<'_> {
    fn from(boolean: bool) -> Self {
        Self::Bool(boolean)
    }
}

impl From<u32> for Value<'_> {
    fn from(integer: u32) -> Self {
        Self::Number(Number::Integer(i64::from(integer)))
    }
}

impl<'a> From<Object<'a>> for Value<'a> {
    fn from(object: Object<'a>) -> Self {
        Self::Object(object)
    }
}

impl<'a, T: Into<Value<'a>>> From<Vec<T>> for Value<'a> {
    fn from(items: Vec<T>) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

/// A JSON object: members with unique names, in RFC 8785 order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object<'a> {
    members: Vec<(Cow<'a, str>, Value<'a>)>,
}

impl<'a> Object<'a> {
    /// An object without members.
    pub fn new() -> Self {
        Self::default()
    }

    /// An object of members in any order, sorted once. Fails with a name that occurs twice.
    pub fn from_members(mut members: Vec<(Cow<'a, str>, Value<'a>)>) -> Result<Self, Cow<'a, str>> {
        members.sort_unstable_by(|(left, _), (right, _)| utf16_order(left, right));
        match members.windows(2).position(|pair| pair[0].0 == pair[1].0) {
            Some(twice) => Err(members.swap_remove(twice).0),
            None => Ok(Self { members }),
        }
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.members.binary_search_by(|(key, _)| utf16_order(key, name))
    }

    /// The member `name`.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        // Equality first: objects are small, and comparing lengths beats ordering strings.
        if self.members.len() <= 16 {
            return self.members.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        }
        self.position(name).ok().map(|index| &self.members[index].1)
    }

    /// The member `name`, to be changed in place.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value<'a>> {
        let index = self.position(name).ok()?;
        Some(&mut self.members[index].1)
    }

    /// The member `name`, if it is a string.
    pub fn str(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Whether there is a member `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets the member `name`, returning what it was.
    pub fn insert(
        &mut self,
        name: impl Into<Cow<'a, str>>,
        value: impl Into<Value<'a>>,
    ) -> Option<Value<'a>> {
        let name = name.into();
        let value = value.into();
        match self.position(&name) {
            Ok(index) => Some(std::mem::replace(&mut self.members[index].1, value)),
            Err(index) => {
                self.members.insert(index, (name, value));
                None
            }
        }
    }

    /// Takes the member `name` out.
    pub fn remove(&mut self, name: &str) -> Option<Value<'a>> {
        self.position(name).ok().map(|index| self.members.remove(index).1)
    }

    /// The members in RFC 8785 order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value<'a>)> {
        self.members.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The same object without borrowing.
    pub fn into_owned(self) -> Object<'static> {
        Object {
            members: self
                .members
                .into_iter()
                .map(|(name, value)| (Cow::Owned(name.into_owned()), value.into_owned()))
                .collect(),
        }
    }
}

impl<'a, K: Into<Cow<'a, str>>, V: Into<Value<'a>>, const N: usize> From<[(K, V); N]>
    for Object<'a>
{
    fn from(members: [(K, V); N]) -> Self {
        let mut object = Self::new();
        for (name, value) in members {
            object.insert(name, value);
        }
        object
    }
}

/// Orders names by UTF-16 code units (RFC 8785, 3.2.3) without converting them.
///
/// UTF-8 order is code point order; the two differ only where one side is beyond U+FFFF (lead
/// byte 0xF0 and up) and the other in U+E000..=U+FFFF (lead bytes 0xEE and 0xEF).
pub(crate) fn utf16_order(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let common = common_prefix(left, right);
    let (Some(&l), Some(&r)) = (left.get(common), right.get(common)) else {
        return left.len().cmp(&right.len());
    };
    let swapped =
        (l >= 0xF0 && (0xEE..0xF0).contains(&r)) || (r >= 0xF0 && (0xEE..0xF0).contains(&l));
    if swapped { r.cmp(&l) } else { l.cmp(&r) }
}

/// How many bytes two slices begin with alike. In steps of many bytes: hostile names are long and
/// differ at their ends.
fn common_prefix(left: &[u8], right: &[u8]) -> usize {
    const STEP: usize = 16;
    let (left_steps, right_steps) = (left.as_chunks::<STEP>().0, right.as_chunks::<STEP>().0);
    let steps = left_steps.iter().zip(right_steps).take_while(|(l, r)| l == r).count();
    let rest = left[steps * STEP..].iter().zip(&right[steps * STEP..]);
    steps * STEP + rest.take_while(|(l, r)| l == r).count()
}

#[cfg(test)]
mod tests;
