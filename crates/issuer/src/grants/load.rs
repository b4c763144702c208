//! Reading the grant policy's TOML: unknown settings are refused, and every error has a line.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use bonafide_core::attestation::Tier;
use bonafide_core::delegation::{Constraint, LONGEST_CHAIN, Resource};
use bonafide_core::did::Did;
use bonafide_core::json::{Number, Object, Value};
use bonafide_core::time::{format_duration, parse_duration};
use serde::Deserialize;
use toml::Spanned;

use super::{GrantPolicy, Names, Rule, USUAL, WantsPrincipal, Who};

/// No rule grants anything for longer.
pub const LONGEST: Duration = Duration::from_secs(3600);

/// Why a grant policy was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct GrantPolicyError {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

/// A fault and where it is.
struct Fault(Range<usize>, String);

type Text = Spanned<String>;
type Texts = Spanned<Vec<Text>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Spanned<u32>,
    #[serde(default)]
    rule: Vec<Spanned<RuleTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTable {
    name: Text,
    agents: Option<Texts>,
    sponsors: Option<Texts>,
    kinds: Option<Texts>,
    tier: Option<Text>,
    score: Option<Spanned<u8>>,
    #[serde(default)]
    certifications: Vec<CertificationTable>,
    principal: Option<Text>,
    #[serde(default)]
    principals: Vec<Text>,
    actions: Texts,
    resources: Texts,
    audience: Texts,
    max_valid_for: Option<Text>,
    max_depth: Option<Spanned<u8>>,
    #[serde(default)]
    constraints: Vec<Spanned<toml::Table>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificationTable {
    scheme: String,
    level: Option<String>,
}

pub(super) fn load(text: &str) -> Result<GrantPolicy, GrantPolicyError> {
    let file: File = toml::from_str(text).map_err(|error| {
        let message = error.message().trim().to_owned();
        located(text, Fault(error.span().unwrap_or(0..0), message))
    })?;
    policy(&file).map_err(|fault| located(text, fault))
}

fn located(text: &str, Fault(span, message): Fault) -> GrantPolicyError {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    GrantPolicyError { line, column, message }
}

fn policy(file: &File) -> Result<GrantPolicy, Fault> {
    if *file.version.get_ref() != 1 {
        return Err(Fault(file.version.span(), "this issuer reads version = 1".to_owned()));
    }
    let mut names = BTreeSet::new();
    let mut rules = Vec::new();
    for table in &file.rule {
        let rule = rule(table)?;
        if !names.insert(rule.name.clone()) {
            return Err(Fault(table.get_ref().name.span(), "this rule occurs twice".to_owned()));
        }
        rules.push(rule);
    }
    Ok(GrantPolicy { rules, there: true })
}

fn rule(spanned: &Spanned<RuleTable>) -> Result<Rule, Fault> {
    let table = spanned.get_ref();
    let fault = |span, text: &str| Err(Fault(span, text.to_owned()));
    if table.name.get_ref().trim().is_empty() {
        return fault(table.name.span(), "a rule needs a name");
    }
    let principal = match table.principal.as_ref().map(|text| text.get_ref().as_str()) {
        None | Some("required") => WantsPrincipal::Required,
        Some("optional") => WantsPrincipal::Optional,
        Some("none") => WantsPrincipal::None,
        Some(_) => {
            let span = table.principal.as_ref().map_or(0..0, Spanned::span);
            return fault(span, "expected required, optional or none");
        }
    };
    if let (WantsPrincipal::None, Some(first)) = (principal, table.principals.first()) {
        return fault(first.span(), "principal = \"none\": nobody's word is asked for");
    }
    let max_valid_for = match &table.max_valid_for {
        None => USUAL,
        Some(text) => {
            parse_duration(text.get_ref()).map_err(|error| Fault(text.span(), error.detail))?
        }
    };
    if !(Duration::from_secs(1)..=LONGEST).contains(&max_valid_for) {
        let span = table.max_valid_for.as_ref().map_or(0..0, Spanned::span);
        return fault(span, &format!("expected 1s to {}", format_duration(LONGEST)));
    }
    let max_depth = table.max_depth.as_ref().map_or(0, |depth| *depth.get_ref());
    if usize::from(max_depth) >= LONGEST_CHAIN {
        let span = table.max_depth.as_ref().map_or(0..0, Spanned::span);
        return fault(span, "expected 0 to 9");
    }
    Ok(Rule {
        name: table.name.get_ref().clone(),
        who: who(table)?,
        principal,
        principals: table.principals.iter().map(|text| text.get_ref().clone()).collect(),
        actions: names(&table.actions)?,
        resources: resources(&table.resources)?,
        audience: names(&table.audience)?,
        max_valid_for,
        max_depth,
        constraints: table.constraints.iter().map(constraint).collect::<Result<_, _>>()?,
    })
}

fn who(table: &RuleTable) -> Result<Who, Fault> {
    let tier = match &table.tier {
        None => None,
        Some(text) => Some(Tier::parse(text.get_ref()).ok_or_else(|| {
            let names = Tier::ALL.map(Tier::name).join(", ");
            Fault(text.span(), format!("expected one of {names}"))
        })?),
    };
    if let Some(score) = table.score.as_ref().filter(|score| *score.get_ref() > 100) {
        return Err(Fault(score.span(), "expected 0 to 100".to_owned()));
    }
    for kind in table.kinds.iter().flat_map(Spanned::get_ref) {
        if !["tool", "orchestrator", "workflow", "ephemeral", "*"].contains(&&**kind.get_ref()) {
            let text = "expected tool, orchestrator, workflow or ephemeral";
            return Err(Fault(kind.span(), text.to_owned()));
        }
    }
    for sponsor in table.sponsors.iter().flat_map(Spanned::get_ref) {
        if sponsor.get_ref() != "*"
            && let Err(error) = Did::parse(sponsor.get_ref())
        {
            return Err(Fault(sponsor.span(), format!("not a DID: {}", error.detail)));
        }
    }
    let some = |texts: &Option<Texts>| texts.as_ref().map(names).transpose();
    let who = Who {
        agents: some(&table.agents)?,
        sponsors: some(&table.sponsors)?,
        kinds: some(&table.kinds)?,
        tier,
        score: table.score.as_ref().map(|score| *score.get_ref()),
        certifications: table
            .certifications
            .iter()
            .map(|wanted| (wanted.scheme.clone(), wanted.level.clone()))
            .collect(),
    };
    let anybody = who.agents.is_none()
        && who.sponsors.is_none()
        && who.kinds.is_none()
        && who.tier.is_none()
        && who.score.is_none()
        && who.certifications.is_empty();
    match anybody {
        false => Ok(who),
        true => Err(Fault(
            table.name.span(),
            "the rule does not say whom it is for; add agents, sponsors, kinds, tier, score or \
             certifications, or agents = [\"*\"] for every agent"
                .to_owned(),
        )),
    }
}

/// Names, or a star that stands alone for all.
fn names(texts: &Texts) -> Result<Names, Fault> {
    let list = texts.get_ref();
    if list.is_empty() {
        return Err(Fault(texts.span(), "name at least one, or \"*\" for all".to_owned()));
    }
    if list.iter().any(|text| text.get_ref() == "*") {
        return match list.len() {
            1 => Ok(Names::All),
            _ => Err(Fault(texts.span(), "\"*\" stands for all, and alone".to_owned())),
        };
    }
    // A star would look like a promise that nobody keeps.
    let odd = |name: &str| name.is_empty() || name.contains('*');
    if let Some(text) = list.iter().find(|text| odd(text.get_ref())) {
        let why = "names are compared whole; \"*\" stands for all, and alone";
        return Err(Fault(text.span(), why.to_owned()));
    }
    Ok(Names::Some(list.iter().map(|text| text.get_ref().clone()).collect()))
}

fn resources(texts: &Texts) -> Result<Option<Vec<Resource>>, Fault> {
    let Names::Some(_) = names(texts)? else { return Ok(None) };
    let read = |text: &Text| {
        Resource::parse(text.get_ref()).map_err(|error| Fault(text.span(), error.detail))
    };
    texts.get_ref().iter().map(read).collect::<Result<_, _>>().map(Some)
}

/// A constraint, written as in a grant.
fn constraint(table: &Spanned<toml::Table>) -> Result<Constraint, Fault> {
    let at = |detail: String| Fault(table.span(), detail);
    let mut object = Object::new();
    for (name, value) in table.get_ref() {
        let value = json(value).ok_or_else(|| {
            at(format!("{name}: expected a text, a whole number or a list of texts"))
        })?;
        object.insert(name.clone(), value);
    }
    match Constraint::from_value(&Value::Object(object)) {
        Ok(Constraint::Unknown { constraint_type }) => {
            Err(at(format!("the constraint {constraint_type:?} is not known")))
        }
        Ok(known) => Ok(known),
        Err(error) => Err(at(error.to_string())),
    }
}

fn json(value: &toml::Value) -> Option<Value<'static>> {
    Some(match value {
        toml::Value::String(text) => text.clone().into(),
        toml::Value::Integer(number) => Value::Number(Number::Integer(*number)),
        toml::Value::Array(list) => {
            let texts: Option<Vec<String>> =
                list.iter().map(|text| text.as_str().map(ToOwned::to_owned)).collect();
            texts?.into()
        }
        _ => return None,
    })
}
