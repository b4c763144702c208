//! N-Quads (RDF 1.1 N-Quads), read and written in canonical form (RDFC-1.0, 5).

use std::collections::HashMap;

use super::{Dataset, Quad, Term};

/// A line that is not N-Quads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {detail}")]
pub struct NQuadsError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong.
    pub detail: &'static str,
}

/// Reads N-Quads.
pub fn parse_nquads(text: &str) -> Result<Dataset, NQuadsError> {
    let mut dataset = Dataset::default();
    let mut nodes = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let failed = |detail| NQuadsError { line: index + 1, detail };
        let mut reader = Reader { rest: line.trim(), dataset: &mut dataset, nodes: &mut nodes };
        if reader.rest.is_empty() || reader.rest.starts_with('#') {
            continue;
        }
        let quad = reader.quad().map_err(failed)?;
        dataset.quads.push(quad);
    }
    Ok(dataset)
}

struct Reader<'r> {
    rest: &'r str,
    dataset: &'r mut Dataset,
    nodes: &'r mut HashMap<String, usize>,
}

impl Reader<'_> {
    fn quad(&mut self) -> Result<Quad, &'static str> {
        let subject = self.resource()?;
        let Term::Written(predicate) = self.resource()? else {
            return Err("a predicate is an IRI");
        };
        let object = if self.rest.starts_with('"') { self.literal()? } else { self.resource()? };
        let graph = match self.rest.starts_with('.') {
            true => None,
            false => Some(self.resource()?),
        };
        self.rest = self.rest.strip_prefix('.').ok_or("expected a full stop")?.trim_start();
        if self.rest.is_empty() || self.rest.starts_with('#') {
            return Ok(Quad { subject, predicate, object, graph });
        }
        Err("something follows the full stop")
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest[bytes..].trim_start();
    }

    fn resource(&mut self) -> Result<Term, &'static str> {
        if self.rest.starts_with('<') {
            return Ok(Term::Written(format!("<{}>", self.iri()?)));
        }
        let name = self.rest.strip_prefix("_:").ok_or("expected an IRI or a blank node")?;
        let end = name.find(char::is_whitespace).unwrap_or(name.len());
        // A full stop inside of a name is part of it; one at its end is not.
        let name = name[..end].trim_end_matches('.').to_owned();
        if name.is_empty() {
            return Err("expected the name of a blank node");
        }
        self.advance(2 + name.len());
        let blank_nodes = &mut self.dataset.blank_nodes;
        let node = *self.nodes.entry(name).or_insert_with_key(|name| {
            blank_nodes.push(name.clone());
            blank_nodes.len() - 1
        });
        Ok(Term::Blank(node))
    }

    fn iri(&mut self) -> Result<String, &'static str> {
        let rest = self.rest.strip_prefix('<').ok_or("expected an IRI")?;
        let end = rest.find('>').ok_or("an IRI without end")?;
        let iri = unescape(&rest[..end])?;
        self.advance(end + 2);
        Ok(iri)
    }

    fn literal(&mut self) -> Result<Term, &'static str> {
        let body = &self.rest[1..];
        let mut escaped = false;
        let end = body
            .find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            })
            .ok_or("a literal without end")?;
        let text = unescape(&body[..end])?;
        self.rest = &body[end + 1..];
        if let Some(tag) = self.rest.strip_prefix('@') {
            let end = tag.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            let tag = tag[..end.unwrap_or(tag.len())].to_owned();
            self.advance(1 + tag.len());
            return Ok(literal(&text, Some(&tag), None));
        }
        if let Some(datatype) = self.rest.strip_prefix("^^") {
            self.rest = datatype;
            let datatype = self.iri()?;
            return Ok(literal(&text, None, Some(&datatype)));
        }
        self.advance(0);
        Ok(literal(&text, None, None))
    }
}

fn unescape(text: &str) -> Result<String, &'static str> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('t') => plain.push('\t'),
            Some('b') => plain.push('\u{8}'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('f') => plain.push('\u{c}'),
            Some(c @ ('"' | '\'' | '\\')) => plain.push(c),
            Some('u') => plain.push(character(&mut chars, 4)?),
            Some('U') => plain.push(character(&mut chars, 8)?),
            _ => return Err("an escape that is not known"),
        }
    }
    Ok(plain)
}

fn character(chars: &mut std::str::Chars<'_>, digits: usize) -> Result<char, &'static str> {
    let hex: String = chars.take(digits).collect();
    let code = u32::from_str_radix(&hex, 16).ok().filter(|_| hex.len() == digits);
    code.and_then(char::from_u32).ok_or("an escape that is no character")
}

/// A literal in canonical N-Quads: with a language tag, with a datatype other than `xsd:string`,
/// or plain.
pub fn literal(text: &str, language: Option<&str>, datatype: Option<&str>) -> Term {
    const STRING: &str = "http://www.w3.org/2001/XMLSchema#string";
    let mut written = String::with_capacity(text.len() + 2);
    written.push('"');
    for c in text.chars() {
        match c {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            '\u{8}' => written.push_str("\\b"),
            '\u{c}' => written.push_str("\\f"),
            '\0'..='\u{1f}' | '\u{7f}' => written.push_str(&format!("\\u{:04X}", u32::from(c))),
            _ => written.push(c),
        }
    }
    written.push('"');
    match (language, datatype) {
        (Some(language), _) => {
            written.push('@');
            written.push_str(language);
        }
        (None, Some(datatype)) if datatype != STRING => {
            written.push_str(&format!("^^<{datatype}>"));
        }
        _ => {}
    }
    Term::Written(written)
}
