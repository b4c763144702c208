//! Constraints on the use of rights. They can be tightened, never loosened.

use std::collections::BTreeSet;
use std::fmt;

use super::MOST_NAMES;
use crate::Malformed;
use crate::json::{MAX_SAFE_INTEGER, Number, Object, Value};

const WHAT: &str = "constraint";

/// The longest text, in bytes.
const LONGEST: usize = 512;

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// A limit on how rights are used. Of several, all hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// At most so much is spent, over all uses of the credential and of what is delegated under it.
    Budget {
        /// What is counted: a currency code, `tokens`, …
        unit: String,
        /// In whole units (of a currency: its smallest, such as cents).
        amount: u64,
    },
    /// At most so many uses, of the credential and of what is delegated under it.
    Uses {
        /// How many.
        max: u64,
    },
    /// Only at this time of day, in UTC. It may go over midnight; its end is not included.
    TimeOfDay {
        /// The first minute of the day, 0 to 1439.
        from: u16,
        /// The minute at which it ends.
        until: u16,
    },
    /// An argument of the call has to fit, and so has to be there.
    Argument {
        /// Its name.
        name: String,
        /// What it may be.
        pattern: Pattern,
    },
    /// A kind that is not known here: whatever holds it is refused.
    Unknown {
        /// Its `type`.
        constraint_type: String,
    },
}

/// What an argument may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// One of these texts.
    OneOf(Vec<String>),
    /// A text that begins so. Where there is a slash in it, it is taken for a path, and an argument
    /// with a dot segment, or with encoded dots or separators, does not fit.
    Prefix(String),
    /// A whole number within these bounds, both included.
    Range {
        /// The least.
        at_least: Option<i64>,
        /// The most.
        at_most: Option<i64>,
    },
}

impl Constraint {
    /// Reads a constraint from its object in `constraints`. A member that is not known is an error;
    /// a type that is not known is kept as such.
    pub fn from_value(value: &Value<'_>) -> Result<Self, Malformed> {
        let object = value.as_object().ok_or_else(|| Malformed::new(WHAT, "expected an object"))?;
        let reader = Reader(object);
        let (constraint, members) = match reader.text("type")? {
            "Budget" => {
                let unit = reader.text("unit")?.to_owned();
                (Self::Budget { unit, amount: reader.count("amount")? }, 3)
            }
            "Uses" => (Self::Uses { max: reader.count("max")? }, 2),
            "TimeOfDay" => {
                let (from, until) = (reader.minute("from")?, reader.minute("until")?);
                if from == until {
                    return Err(Malformed::at(WHAT, "/until", "is the same as from"));
                }
                (Self::TimeOfDay { from, until }, 3)
            }
            "Argument" => {
                let (pattern, members) = reader.pattern()?;
                (Self::Argument { name: reader.text("name")?.to_owned(), pattern }, 2 + members)
            }
            other => {
                return Ok(Self::Unknown { constraint_type: other.chars().take(64).collect() });
            }
        };
        match object.len() == members {
            true => Ok(constraint),
            false => Err(Malformed::new(WHAT, "a member that is not known")),
        }
    }

    /// The constraint as it stands in `constraints`.
    pub fn to_object(&self) -> Object<'static> {
        let number = |number: u64| {
            Value::Number(Number::Integer(i64::try_from(number).unwrap_or(MAX_SAFE_INTEGER)))
        };
        match self {
            Self::Budget { unit, amount } => Object::from([
                ("type", Value::from("Budget")),
                ("unit", unit.clone().into()),
                ("amount", number(*amount)),
            ]),
            Self::Uses { max } => {
                Object::from([("type", Value::from("Uses")), ("max", number(*max))])
            }
            Self::TimeOfDay { from, until } => Object::from([
                ("type", Value::from("TimeOfDay")),
                ("from", clock(*from).into()),
                ("until", clock(*until).into()),
            ]),
            Self::Argument { name, pattern } => {
                let mut object = Object::from([
                    ("type", Value::from("Argument")),
                    ("name", name.clone().into()),
                ]);
                match pattern {
                    Pattern::OneOf(values) => object.insert("oneOf", values.clone()),
                    Pattern::Prefix(prefix) => object.insert("prefix", prefix.clone()),
                    Pattern::Range { at_least, at_most } => {
                        for (name, bound) in [("atLeast", at_least), ("atMost", at_most)] {
                            if let Some(bound) = bound {
                                object.insert(name, Value::Number(Number::Integer(*bound)));
                            }
                        }
                        None
                    }
                };
                object
            }
            Self::Unknown { constraint_type } => Object::from([("type", constraint_type.clone())]),
        }
    }

    /// Whether whatever meets this constraint meets `other` too. Where that can't be shown, it is
    /// not so.
    pub fn implies(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Budget { unit, amount }, Self::Budget { unit: same, amount: most }) => {
                unit == same && amount <= most
            }
            (Self::Uses { max }, Self::Uses { max: most }) => max <= most,
            (
                Self::TimeOfDay { from, until },
                Self::TimeOfDay { from: outer_from, until: outer_until },
            ) => {
                let length = |from: u16, until: u16| (until + DAY - from) % DAY;
                let offset = length(*outer_from, *from);
                offset + length(*from, *until) <= length(*outer_from, *outer_until)
            }
            (Self::Argument { name, pattern }, Self::Argument { name: same, pattern: wider }) => {
                name == same && pattern.implies(wider)
            }
            _ => false,
        }
    }

    /// Whether a minute of the UTC day lies within a time of day; `true` for other constraints.
    pub fn allows_minute(&self, minute: u16) -> bool {
        match self {
            Self::TimeOfDay { from, until } if from < until => (*from..*until).contains(&minute),
            Self::TimeOfDay { from, until } => minute >= *from || minute < *until,
            _ => true,
        }
    }
}

impl Pattern {
    /// Whether an argument fits.
    pub fn fits(&self, argument: &str) -> bool {
        match self {
            Self::OneOf(values) => values.iter().any(|value| value == argument),
            Self::Prefix(prefix) => {
                argument.starts_with(prefix.as_str()) && !(prefix.contains('/') && climbs(argument))
            }
            Self::Range { at_least, at_most } => {
                // One spelling for each number.
                let number =
                    argument.parse().ok().filter(|number: &i64| number.to_string() == argument);
                number.is_some_and(|number| {
                    at_least.is_none_or(|least| number >= least)
                        && at_most.is_none_or(|most| number <= most)
                })
            }
        }
    }

    fn implies(&self, wider: &Self) -> bool {
        match (self, wider) {
            (Self::OneOf(values), Self::OneOf(wider)) => {
                // Each constraint of a child is held against each of its parent: 64 texts against
                // 64 one by one would add up.
                let wider: BTreeSet<&String> = wider.iter().collect();
                values.iter().all(|value| wider.contains(value))
            }
            (Self::OneOf(values), wider) => values.iter().all(|value| wider.fits(value)),
            (Self::Prefix(prefix), Self::Prefix(shorter)) => prefix.starts_with(shorter.as_str()),
            (
                Self::Range { at_least, at_most },
                Self::Range { at_least: lower, at_most: upper },
            ) => {
                lower.is_none_or(|lower| at_least.is_some_and(|least| least >= lower))
                    && upper.is_none_or(|upper| at_most.is_some_and(|most| most <= upper))
            }
            _ => false,
        }
    }
}

/// Whether a path may lead out of where it begins, as some reader might take it.
fn climbs(path: &str) -> bool {
    let dots = |segment: &str| segment == "." || segment == "..";
    let encoded = |code: &str| path.to_ascii_lowercase().contains(code);
    path.split(['/', '\\']).any(dots) || ["%2e", "%2f", "%5c"].into_iter().any(encoded)
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneOf(values) => write!(f, "one of {}", values.join(", ")),
            Self::Prefix(prefix) => write!(f, "beginning with {prefix}"),
            Self::Range { at_least, at_most } => {
                let bound = |bound: &Option<i64>, none: &str| {
                    bound.map_or_else(|| none.to_owned(), |bound| bound.to_string())
                };
                write!(f, "from {} to {}", bound(at_least, "any"), bound(at_most, "any"))
            }
        }
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget { unit, amount } => write!(f, "at most {amount} {unit}"),
            Self::Uses { max } => write!(f, "at most {max} uses"),
            Self::TimeOfDay { from, until } => {
                write!(f, "from {} until {} UTC", clock(*from), clock(*until))
            }
            Self::Argument { name, pattern } => write!(f, "argument {name} {pattern}"),
            Self::Unknown { constraint_type } => write!(f, "unknown constraint {constraint_type}"),
        }
    }
}

fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

struct Reader<'v, 'a>(&'v Object<'a>);

impl<'v> Reader<'v, '_> {
    fn fail<T>(member: &str, detail: &str) -> Result<T, Malformed> {
        Err(Malformed::at(WHAT, format!("/{member}"), detail))
    }

    fn text(&self, member: &str) -> Result<&'v str, Malformed> {
        match self.0.str(member) {
            Some(text) if !text.is_empty() && text.len() <= LONGEST => Ok(text),
            _ => Self::fail(member, "expected a text of 1 to 512 bytes"),
        }
    }

    fn count(&self, member: &str) -> Result<u64, Malformed> {
        match self.0.get(member).and_then(Value::as_integer).map(u64::try_from) {
            Some(Ok(count)) => Ok(count),
            _ => Self::fail(member, "expected a whole number, not negative"),
        }
    }

    fn minute(&self, member: &str) -> Result<u16, Malformed> {
        let text = self.text(member)?;
        let digits = |text: &str| {
            let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| text.parse::<u16>().ok()).flatten()
        };
        match text.split_once(':').map(|(hour, minute)| (digits(hour), digits(minute))) {
            Some((Some(hour @ 0..=23), Some(minute @ 0..=59))) => Ok(hour * 60 + minute),
            _ => Self::fail(member, "expected hours and minutes, such as 08:30"),
        }
    }

    fn bound(&self, member: &str) -> Result<Option<i64>, Malformed> {
        match self.0.get(member) {
            None => Ok(None),
            Some(value) => match value.as_integer() {
                Some(bound) => Ok(Some(bound)),
                None => Self::fail(member, "expected a whole number"),
            },
        }
    }

    /// The pattern, and how many members it has.
    fn pattern(&self) -> Result<(Pattern, usize), Malformed> {
        if let Some(values) = self.0.get("oneOf") {
            let values = values.as_array().unwrap_or_default();
            let texts: Vec<String> =
                values.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
            let good = (1..=MOST_NAMES).contains(&texts.len())
                && texts.len() == values.len()
                && texts.iter().all(|text| text.len() <= LONGEST);
            return match good {
                true => Ok((Pattern::OneOf(texts), 1)),
                false => Self::fail("oneOf", "expected a list of 1 to 64 texts of up to 512 bytes"),
            };
        }
        if self.0.contains("prefix") {
            return Ok((Pattern::Prefix(self.text("prefix")?.to_owned()), 1));
        }
        match (self.bound("atLeast")?, self.bound("atMost")?) {
            (None, None) => Self::fail("oneOf", "expected oneOf, prefix, atLeast or atMost"),
            (at_least, at_most) => {
                let members = usize::from(at_least.is_some()) + usize::from(at_most.is_some());
                Ok((Pattern::Range { at_least, at_most }, members))
            }
        }
    }
}
