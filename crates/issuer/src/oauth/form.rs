//! The parameters of a request (RFC 6749, appendix B).

use url::form_urlencoded;

use super::error::OAuthError;

/// No request is longer, in bytes. Two presentations with their chains fit in.
pub(crate) const LONGEST: usize = 512 << 10;
/// More parameters than this are refused.
const MOST: usize = 64;
/// Those that may be there several times (RFC 8693, 2.1).
const REPEATED: [&str; 2] = ["audience", "resource"];

/// Parameters by name. One without a value is as good as left out (RFC 6749, 3.2); those that
/// nobody knows are not looked at.
#[derive(Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a body; a parameter that is there twice is refused.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, OAuthError> {
        let refuse = |detail: String| OAuthError::request("malformed", detail);
        if body.len() > LONGEST {
            return Err(refuse(format!("the body is longer than {LONGEST} bytes")));
        }
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(body).filter(|(_, value)| !value.is_empty()) {
            let name: String = name.chars().take(64).collect();
            // What is not UTF-8 was replaced, and two values could look the same.
            if value.contains(char::REPLACEMENT_CHARACTER) {
                return Err(refuse(format!("{name} is not UTF-8")));
            }
            let there = parameters.iter().any(|(known, _)| *known == name);
            if there && !REPEATED.contains(&name.as_str()) {
                let detail = format!("the parameter {name} is there twice");
                return Err(OAuthError::request("parameter-repeated", detail));
            }
            if parameters.len() == MOST {
                return Err(refuse(format!("more than {MOST} parameters")));
            }
            parameters.push((name, value.into_owned()));
        }
        Ok(Self(parameters))
    }

    /// A parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// A parameter that has to be there.
    pub(crate) fn required(&self, name: &str) -> Result<&str, OAuthError> {
        self.get(name).ok_or_else(|| {
            OAuthError::request("parameter-missing", format!("the parameter {name} is missing"))
        })
    }

    /// Every value of a parameter.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let found = self.0.iter().filter(move |(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_there_once_but_for_targets() {
        let form = Form::parse(b"a=1&b=%20x+y&audience=p&audience=q&c=&c=").unwrap();
        assert_eq!(form.get("a"), Some("1"));
        assert_eq!(form.get("b"), Some(" x y"));
        assert_eq!(form.get("c"), None, "without a value it is left out");
        assert_eq!(form.all("audience").collect::<Vec<_>>(), ["p", "q"]);
        assert_eq!(form.required("d").unwrap_err().code, "parameter-missing");
        let code = |body: &[u8]| Form::parse(body).unwrap_err().code;
        assert_eq!(code(b"a=1&b=2&a=1"), "parameter-repeated");
        assert_eq!(code(b"a=%ff"), "malformed");
        assert_eq!(code(&vec![b'a'; LONGEST + 1]), "malformed");
        let many = "audience=1&".repeat(MOST + 1);
        assert_eq!(code(many.as_bytes()), "malformed");
    }
}
