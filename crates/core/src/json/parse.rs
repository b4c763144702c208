//! The strict parser (RFC 8259 narrowed by RFC 7493 and by the limits of the caller).

use std::borrow::Cow;

use super::{MAX_SAFE_INTEGER, Number, Object, Value, utf16_order};

/// How much a document may hold. Checked before (bytes) and while (depth, values) parsing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest document, in bytes.
    pub bytes: usize,
    /// How deep arrays and objects may nest.
    pub depth: usize,
    /// How many values there may be in all. A tree costs far more memory than the text
    /// `[0,0,0,…]`; this keeps it within four times the cap on bytes.
    pub values: usize,
}

impl Limits {
    /// Limits for documents of at most `bytes` bytes: depth 128, and one value per 64 bytes of the
    /// cap (never fewer than 4,096).
    pub const fn for_size(bytes: usize) -> Self {
        let values = bytes / 64;
        Self { bytes, depth: 128, values: if values < 4096 { 4096 } else { values } }
    }
}

/// Why a text is not the strict JSON asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct JsonError {
    /// What is wrong.
    pub kind: JsonErrorKind,
    /// Where, in bytes from the start.
    pub offset: usize,
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// Longer than [`Limits::bytes`].
    #[error("longer than {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// Deeper than [`Limits::depth`].
    #[error("nested deeper than {limit}")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// More values than [`Limits::values`].
    #[error("more than {limit} values")]
    TooManyValues {
        /// The limit.
        limit: usize,
    },
    /// Not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// A name occurs twice in one object.
    #[error("duplicate name {0:?}")]
    DuplicateName(String),
    /// `\uD800` to `\uDFFF` without its partner.
    #[error("lone surrogate")]
    LoneSurrogate,
    /// An integer beyond 2^53 - 1, which not every reader reads alike.
    #[error("integer beyond 2^53 - 1")]
    IntegerTooLarge,
    /// A number beyond the range of a double.
    #[error("number beyond the range of a double")]
    NumberNotFinite,
    /// Something after the value.
    #[error("unexpected content after the value")]
    TrailingContent,
    /// The text ends early.
    #[error("unexpected end")]
    UnexpectedEnd,
    /// A control character inside a string.
    #[error("unescaped control character")]
    ControlCharacter,
    /// Anything else that JSON does not allow here.
    #[error("expected {0}")]
    Expected(&'static str),
}

/// Parses `input` strictly.
///
/// Refused: everything RFC 8259 refuses, and duplicate names at any depth, lone surrogates,
/// integers beyond 2^53 - 1, numbers that are not finite doubles, a byte order mark, and whatever
/// goes past `limits`. Linear in the input but for sorting the names of unsorted objects.
pub fn parse<'a>(input: &'a [u8], limits: &Limits) -> Result<Value<'a>, JsonError> {
    let fail = |kind, offset| Err(JsonError { kind, offset });
    if input.len() > limits.bytes {
        return fail(JsonErrorKind::TooLong { limit: limits.bytes }, limits.bytes);
    }
    let text = match std::str::from_utf8(input) {
        Ok(text) => text,
        Err(error) => return fail(JsonErrorKind::NotUtf8, error.valid_up_to()),
    };
    let mut parser = Parser { text, bytes: input, at: 0, limits, values: 0 };
    parser.skip_whitespace();
    let value = parser.value(0)?;
    parser.skip_whitespace();
    if parser.at < input.len() {
        return parser.fail(JsonErrorKind::TrailingContent);
    }
    Ok(value)
}

struct Parser<'a, 'l> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    limits: &'l Limits,
    values: usize,
}

impl<'a> Parser<'a, '_> {
    fn fail<T>(&self, kind: JsonErrorKind) -> Result<T, JsonError> {
        Err(JsonError { kind, offset: self.at })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_whitespace(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), JsonError> {
        match self.peek() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => self.fail(JsonErrorKind::Expected(what)),
            None => self.fail(JsonErrorKind::UnexpectedEnd),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        self.values += 1;
        if self.values > self.limits.values {
            return self.fail(JsonErrorKind::TooManyValues { limit: self.limits.values });
        }
        match self.peek() {
            Some(b'"') => self.string().map(Value::String),
            Some(b'{') => self.object(depth + 1).map(Value::Object),
            Some(b'[') => self.array(depth + 1).map(Value::Array),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(_) => self.fail(JsonErrorKind::Expected("a value")),
            None => self.fail(JsonErrorKind::UnexpectedEnd),
        }
    }

    fn word(&mut self, word: &'static str, value: Value<'a>) -> Result<Value<'a>, JsonError> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(value)
        } else {
            self.fail(JsonErrorKind::Expected("a value"))
        }
    }

    fn enter(&mut self, depth: usize) -> Result<(), JsonError> {
        if depth > self.limits.depth {
            return self.fail(JsonErrorKind::TooDeep { limit: self.limits.depth });
        }
        self.at += 1;
        self.skip_whitespace();
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Value<'a>>, JsonError> {
        self.enter(depth)?;
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(items);
        }
        loop {
            items.push(self.value(depth)?);
            self.skip_whitespace();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                Some(_) => return self.fail(JsonErrorKind::Expected("',' or ']'")),
                None => return self.fail(JsonErrorKind::UnexpectedEnd),
            }
            self.skip_whitespace();
        }
        self.at += 1;
        Ok(items)
    }

    fn object(&mut self, depth: usize) -> Result<Object<'a>, JsonError> {
        let start = self.at;
        self.enter(depth)?;
        let mut members: Vec<(Cow<'a, str>, Value<'a>)> = Vec::new();
        let mut sorted = true;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Object { members });
        }
        loop {
            if self.peek() != Some(b'"') {
                return match self.peek() {
                    Some(_) => self.fail(JsonErrorKind::Expected("a name")),
                    None => self.fail(JsonErrorKind::UnexpectedEnd),
                };
            }
            let name = self.string()?;
            self.skip_whitespace();
            self.expect(b':', "':'")?;
            self.skip_whitespace();
            let value = self.value(depth)?;
            sorted = sorted
                && members.last().is_none_or(|(previous, _)| utf16_order(previous, &name).is_lt());
            members.push((name, value));
            self.skip_whitespace();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                Some(_) => return self.fail(JsonErrorKind::Expected("',' or '}'")),
                None => return self.fail(JsonErrorKind::UnexpectedEnd),
            }
            self.skip_whitespace();
        }
        self.at += 1;
        if sorted {
            return Ok(Object { members });
        }
        Object::from_members(members).map_err(|name| {
            let kind = JsonErrorKind::DuplicateName(name.chars().take(64).collect());
            JsonError { kind, offset: start }
        })
    }

    fn number(&mut self) -> Result<Number, JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return self.fail(JsonErrorKind::Expected("a digit")),
        }
        let mut integer = true;
        if self.peek() == Some(b'.') {
            integer = false;
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            integer = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        let token = &self.text[start..self.at];
        let fail = |kind| Err(JsonError { kind, offset: start });
        if integer {
            return match token.parse::<i64>() {
                Ok(value) if value.abs() <= MAX_SAFE_INTEGER => Ok(Number::Integer(value)),
                _ => fail(JsonErrorKind::IntegerTooLarge),
            };
        }
        match token.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Number::Float(value)),
            _ => fail(JsonErrorKind::NumberNotFinite),
        }
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return self.fail(JsonErrorKind::Expected("a digit"));
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    /// Reads a string whose opening quote is at `self.at`.
    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.at += 1;
        let start = self.at;
        self.skip_plain();
        if self.peek() == Some(b'"') {
            let plain = &self.text[start..self.at];
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut unescaped = String::from(&self.text[start..self.at]);
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    unescaped.shrink_to_fit();
                    return Ok(Cow::Owned(unescaped));
                }
                Some(b'\\') => unescaped.push(self.escape()?),
                Some(_) => return self.fail(JsonErrorKind::ControlCharacter),
                None => return self.fail(JsonErrorKind::UnexpectedEnd),
            }
            let run = self.at;
            self.skip_plain();
            unescaped.push_str(&self.text[run..self.at]);
        }
    }

    /// Moves to the next quote, backslash or control character.
    fn skip_plain(&mut self) {
        self.at += plain_prefix(&self.bytes[self.at..]);
    }

    /// Reads an escape whose backslash is at `self.at`.
    fn escape(&mut self) -> Result<char, JsonError> {
        self.at += 1;
        let escaped = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            Some(_) => return self.fail(JsonErrorKind::Expected("an escape")),
            None => return self.fail(JsonErrorKind::UnexpectedEnd),
        };
        self.at += 1;
        Ok(escaped)
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let start = self.at;
        let lone = Err(JsonError { kind: JsonErrorKind::LoneSurrogate, offset: start });
        let first = self.hex4()?;
        let code = match first {
            0xD800..=0xDBFF => {
                if !self.bytes[self.at..].starts_with(b"\\u") {
                    return lone;
                }
                self.at += 1;
                let second = self.hex4()?;
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return lone;
                }
                0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            _ => first,
        };
        char::from_u32(code).map_or(lone, Ok)
    }

    /// Reads `uXXXX` with the `u` at `self.at`.
    fn hex4(&mut self) -> Result<u32, JsonError> {
        self.at += 1;
        let mut code = 0;
        for _ in 0..4 {
            let digit = match self.peek() {
                Some(byte) => (byte as char).to_digit(16),
                None => return self.fail(JsonErrorKind::UnexpectedEnd),
            };
            let Some(digit) = digit else {
                return self.fail(JsonErrorKind::Expected("a hexadecimal digit"));
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }
}

/// How many bytes stand before the next quote, backslash or control character: those that a string
/// may not hold as they are. Eight bytes at a time.
pub(super) fn plain_prefix(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let has_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let hits = has_zero(word ^ (ONES * u64::from(b'"')))
            | has_zero(word ^ (ONES * u64::from(b'\\')))
            | control;
        if hits != 0 {
            // The lowest hit is exact; those above it need not be.
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = &bytes[at..];
    let plain = |byte: &&u8| **byte >= 0x20 && **byte != b'"' && **byte != b'\\';
    at + rest.iter().take_while(plain).count()
}
