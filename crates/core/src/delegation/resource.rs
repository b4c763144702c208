//! Names of resources, in one spelling each.

use std::fmt;

use crate::Malformed;

const WHAT: &str = "resource";

/// The longest name, in bytes.
const LONGEST: usize = 2048;

/// A resource in canonical form: `scheme://host[:port]` or `scheme:name`, then segments, each after
/// a `/`. Nothing is normalized: whatever could be another spelling of the same name is refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource(String);

impl Resource {
    /// Reads a name. Refused are: capitals in scheme and host, a default port, user information,
    /// dot segments, empty segments and a slash at the end, `;`, `\`, queries and fragments,
    /// encoded separators and encodings that are not needed (RFC 3986, 6.2.2), whatever is not
    /// visible ASCII.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let refuse = |detail: &str| Err(Malformed::new(WHAT, detail));
        if text.len() > LONGEST {
            return refuse("longer than 2048 bytes");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return refuse("expected visible ASCII alone; encode the rest as %XX");
        }
        let Some((scheme, rest)) = text.split_once(':') else {
            return refuse("expected a scheme, such as https://host/path or urn:name");
        };
        if !is_scheme(scheme) {
            return refuse("expected a scheme in lower case");
        }
        let path = match rest.strip_prefix("//") {
            Some(rest) => {
                let (authority, path) = match rest.find('/') {
                    Some(slash) => (&rest[..slash], &rest[slash + 1..]),
                    None => (rest, ""),
                };
                check_authority(scheme, authority)?;
                if path.is_empty() && rest.ends_with('/') {
                    return refuse("a slash at the end; leave it out");
                }
                path
            }
            None if rest.is_empty() => return refuse("a scheme and nothing else"),
            None => rest,
        };
        if !path.is_empty() {
            path.split('/').try_for_each(check_segment)?;
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` is this resource or lies below it, at the border of a segment.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_scheme(text: &str) -> bool {
    let rest =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+.-".contains(&byte);
    text.bytes().next().is_some_and(|first| first.is_ascii_lowercase()) && text.bytes().all(rest)
}

fn check_authority(scheme: &str, authority: &str) -> Result<(), Malformed> {
    let refuse = |detail: &str| Err(Malformed::new(WHAT, detail));
    // A colon inside of brackets belongs to an IPv6 address.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let name =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    let good = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => {
            address.parse::<std::net::Ipv6Addr>().is_ok_and(|parsed| parsed.to_string() == address)
        }
        None => host.bytes().all(name) && host.split('.').all(|label| !label.is_empty()),
    };
    if !good {
        return refuse("expected a host in lower case, without user information");
    }
    let Some(port) = port else { return Ok(()) };
    let number: Option<u16> = port.parse().ok().filter(|number: &u16| number.to_string() == port);
    match (number, scheme) {
        (None | Some(0), _) => refuse("expected a port from 1 to 65535"),
        (Some(443), "https" | "wss") | (Some(80), "http" | "ws") => {
            refuse("the scheme's default port; leave it out")
        }
        _ => Ok(()),
    }
}

fn check_segment(segment: &str) -> Result<(), Malformed> {
    let refuse = |detail: &str| Err(Malformed::new(WHAT, detail));
    if segment.is_empty() {
        return refuse("an empty segment, or a slash at the end");
    }
    if segment == "." || segment == ".." {
        return refuse("a dot segment");
    }
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let encoded = [bytes.next(), bytes.next()].map(|digit| digit.and_then(hex_digit));
                let [Some(high), Some(low)] = encoded else {
                    return refuse("expected %XX with capital digits");
                };
                match high << 4 | low {
                    b'/' | b'\\' | b';' | b'%' | b'*' => return refuse("an encoded separator"),
                    byte if byte.is_ascii_control() => {
                        return refuse("an encoded control character");
                    }
                    byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                        return refuse("an encoding that is not needed");
                    }
                    _ => {}
                }
            }
            b'?' | b'#' => return refuse("a query or a fragment"),
            b';' | b'\\' | b'*' => return refuse("one of ; \\ *, which others read otherwise"),
            b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' | b'[' | b']' => {
                return refuse("a character that has to be encoded");
            }
            _ => {}
        }
    }
    Ok(())
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
