//! RFC 8785 (JSON Canonicalization Scheme), written straight from the tree.

use super::parse::plain_prefix;
use super::{Number, Value};

/// Where canonical bytes go: a hasher, or a vector.
pub trait Sink {
    /// Takes the next bytes.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// How many bytes the canonical form has. White space is gone; a number in another spelling may be
/// up to five times as long.
pub fn canonical_length(value: &Value<'_>) -> usize {
    struct Counter(usize);
    impl Sink for Counter {
        fn put(&mut self, bytes: &[u8]) {
            self.0 += bytes.len();
        }
    }
    let mut counter = Counter(0);
    canonicalize(value, &mut counter);
    counter.0
}

/// Writes the canonical form of `value` (RFC 8785, 3.2).
pub fn canonicalize(value: &Value<'_>, sink: &mut impl Sink) {
    match value {
        Value::Null => sink.put(b"null"),
        Value::Bool(true) => sink.put(b"true"),
        Value::Bool(false) => sink.put(b"false"),
        Value::Number(number) => canonical_number(*number, sink),
        Value::String(string) => canonical_string(string, sink),
        Value::Array(items) => {
            sink.put(b"[");
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    sink.put(b",");
                }
                canonicalize(item, sink);
            }
            sink.put(b"]");
        }
        Value::Object(object) => canonical_members(object.iter(), sink),
    }
}

/// Writes an object of the given members, which must come in RFC 8785 order, as
/// [`Object::iter`](super::Object::iter) gives them. Lets a caller leave out or replace members
/// without copying the tree.
pub fn canonical_members<'v, 'a: 'v>(
    members: impl Iterator<Item = (&'v str, &'v Value<'a>)>,
    sink: &mut impl Sink,
) {
    sink.put(b"{");
    for (index, (name, value)) in members.enumerate() {
        if index > 0 {
            sink.put(b",");
        }
        canonical_string(name, sink);
        sink.put(b":");
        canonicalize(value, sink);
    }
    sink.put(b"}");
}

/// The canonical form as a string.
pub fn to_canonical_string(value: &Value<'_>) -> String {
    let mut bytes = Vec::new();
    canonicalize(value, &mut bytes);
    // Canonical bytes are made of whole strings and ASCII, so this never replaces anything.
    String::from_utf8(bytes).unwrap_or_default()
}

/// An indented form for people, two spaces a level; parses to the same tree.
pub fn to_pretty_string(value: &Value<'_>) -> String {
    let mut bytes = Vec::new();
    pretty(value, 0, &mut bytes);
    bytes.push(b'\n');
    String::from_utf8(bytes).unwrap_or_default()
}

fn pretty(value: &Value<'_>, indent: usize, sink: &mut Vec<u8>) {
    let line = |sink: &mut Vec<u8>, indent: usize| {
        sink.push(b'\n');
        sink.extend(std::iter::repeat_n(b' ', indent * 2));
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            sink.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    sink.push(b',');
                }
                line(sink, indent + 1);
                pretty(item, indent + 1, sink);
            }
            line(sink, indent);
            sink.push(b']');
        }
        Value::Object(object) if !object.is_empty() => {
            sink.push(b'{');
            for (index, (name, member)) in object.iter().enumerate() {
                if index > 0 {
                    sink.push(b',');
                }
                line(sink, indent + 1);
                canonical_string(name, sink);
                sink.extend_from_slice(b": ");
                pretty(member, indent + 1, sink);
            }
            line(sink, indent);
            sink.push(b'}');
        }
        plain => canonicalize(plain, sink),
    }
}

fn canonical_number(number: Number, sink: &mut impl Sink) {
    match number {
        Number::Integer(integer) => sink.put(itoa::Buffer::new().format(integer).as_bytes()),
        // RFC 8785, 3.2.2.3 asks for ECMAScript's form, minus zero as 0.
        Number::Float(float) => sink.put(ryu_js::Buffer::new().format_finite(float).as_bytes()),
    }
}

fn canonical_string(string: &str, sink: &mut impl Sink) {
    sink.put(b"\"");
    let mut rest = string.as_bytes();
    loop {
        let (plain, after) = rest.split_at(plain_prefix(rest));
        sink.put(plain);
        let Some((&special, after)) = after.split_first() else { break };
        rest = after;
        match special {
            b'"' => sink.put(b"\\\""),
            b'\\' => sink.put(b"\\\\"),
            0x08 => sink.put(b"\\b"),
            0x09 => sink.put(b"\\t"),
            0x0A => sink.put(b"\\n"),
            0x0C => sink.put(b"\\f"),
            0x0D => sink.put(b"\\r"),
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let (high, low) = (HEX[usize::from(special >> 4)], HEX[usize::from(special & 15)]);
                sink.put(&[b'\\', b'u', b'0', b'0', high, low]);
            }
        }
    }
    sink.put(b"\"");
}
