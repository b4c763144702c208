//! Reading the policy's TOML: unknown settings are refused, and every error has a line.

use std::ops::Range;
use std::time::Duration;

use bonafide_core::attestation::{ATTESTATION_TYPES, Tier};
use bonafide_core::delegation::Resource;
use bonafide_core::did::Did;
use bonafide_core::status::BitstringStatusListCredential;
use bonafide_core::time::parse_duration;
use serde::Deserialize;
use toml::Spanned;

use super::{
    Delegation, Grants, OnUnknown, Policy, Rung, Sizes, TrustedIssuer, WantedCertification,
};
use crate::Mode;
use crate::evidence::is_self_certifying;

/// Why a policy was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct PolicyError {
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Spanned<u32>,
    mode: Option<Text>,
    clock_skew: Option<Text>,
    #[serde(default)]
    bundle: BundleTable,
    #[serde(default)]
    status: StatusTable,
    #[serde(default)]
    unknown: UnknownTable,
    #[serde(default)]
    limits: LimitsTable,
    #[serde(default)]
    delegation: DelegationTable,
    #[serde(default)]
    issuer: Vec<IssuerTable>,
    #[serde(default)]
    level: Vec<Spanned<LevelTable>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct BundleTable {
    #[serde(default)]
    signers: Vec<Text>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct StatusTable {
    max_age: Option<Text>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnknownTable {
    status: Option<Text>,
    schema: Option<Text>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsTable {
    credential: Option<usize>,
    presentation: Option<usize>,
    bundle: Option<usize>,
    credentials: Option<usize>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DelegationTable {
    judge: Option<Text>,
    carried: Option<Text>,
    obligations: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantsTable {
    actions: Spanned<Vec<Text>>,
    resources: Spanned<Vec<Text>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuerTable {
    did: Text,
    name: Option<String>,
    attests: Spanned<Vec<Text>>,
    #[serde(default)]
    cosigners: Vec<Text>,
    grants: Option<Spanned<GrantsTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LevelTable {
    name: Text,
    #[serde(default)]
    credentials: Vec<Text>,
    tier: Option<Text>,
    score: Option<Spanned<u8>>,
    confidence: Option<Spanned<u8>>,
    #[serde(default)]
    builders: Vec<Text>,
    #[serde(default)]
    certifications: Vec<CertificationTable>,
    status_max_age: Option<Text>,
    #[serde(default)]
    actions: Vec<String>,
    #[serde(default)]
    grant: bool,
    max_delegations: Option<Spanned<u8>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificationTable {
    scheme: String,
    level: Option<String>,
    issuer: Option<Text>,
}

pub(super) fn load(text: &str) -> Result<Policy, PolicyError> {
    let file: File = toml::from_str(text).map_err(|error| {
        let message = error.message().trim().to_owned();
        located(text, Fault(error.span().unwrap_or(0..0), message))
    })?;
    policy(file).map_err(|fault| located(text, fault))
}

fn located(text: &str, Fault(span, message): Fault) -> PolicyError {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    PolicyError { line, column, message }
}

fn policy(file: File) -> Result<Policy, Fault> {
    if *file.version.get_ref() != 1 {
        return Err(Fault(file.version.span(), "this verifier reads version = 1".to_owned()));
    }
    let mode = match one_of(file.mode.as_ref(), &["enforce", "audit"])? {
        Some("audit") => Mode::Audit,
        _ => Mode::Enforce,
    };
    let on_unknown =
        |setting: Option<&Text>| Ok(one_of(setting, &["refuse", "ignore"])? == Some("ignore"));
    let unknown = OnUnknown {
        ignore_status: on_unknown(file.unknown.status.as_ref())?,
        ignore_schema: on_unknown(file.unknown.schema.as_ref())?,
    };
    let sizes = Sizes::default();
    let clock_skew = duration(file.clock_skew.as_ref(), Duration::from_secs(30))?;
    if clock_skew > Duration::from_secs(600) {
        let span = file.clock_skew.map_or(0..0, |text| text.span());
        return Err(Fault(
            span,
            "a clock skew over 10m hides a broken clock; set the clock".to_owned(),
        ));
    }
    let ladder = ladder(&file.level)?;
    let delegation = delegation(&file.delegation, &ladder)?;
    Ok(Policy {
        mode,
        clock_skew,
        bundle_signers: file.bundle.signers.iter().map(bundle_signer).collect::<Result<_, _>>()?,
        status_max_age: duration(file.status.max_age.as_ref(), Duration::from_secs(900))?,
        unknown,
        limits: Sizes {
            credential: file.limits.credential.unwrap_or(sizes.credential),
            presentation: file.limits.presentation.unwrap_or(sizes.presentation),
            bundle: file.limits.bundle.unwrap_or(sizes.bundle),
            credentials: file.limits.credentials.unwrap_or(sizes.credentials),
        },
        issuers: issuers(&file.issuer)?,
        delegation,
        ladder,
        digest: String::new(),
    })
}

fn one_of<'t>(setting: Option<&'t Text>, allowed: &[&str]) -> Result<Option<&'t str>, Fault> {
    let Some(text) = setting else { return Ok(None) };
    if allowed.contains(&text.get_ref().as_str()) {
        return Ok(Some(text.get_ref()));
    }
    Err(Fault(text.span(), format!("expected one of {}", allowed.join(", "))))
}

fn duration(setting: Option<&Text>, default: Duration) -> Result<Duration, Fault> {
    match setting {
        None => Ok(default),
        Some(text) => {
            parse_duration(text.get_ref()).map_err(|error| Fault(text.span(), error.detail))
        }
    }
}

fn did(text: &Text) -> Result<String, Fault> {
    match Did::parse(text.get_ref()) {
        Ok(did) => Ok(did.as_str().to_owned()),
        Err(error) => Err(Fault(text.span(), format!("not a DID: {}", error.detail))),
    }
}

/// Nothing can be looked up before the bundle is open, so its signer has to be its own key.
fn bundle_signer(text: &Text) -> Result<String, Fault> {
    let did = did(text)?;
    if is_self_certifying(&did) {
        return Ok(did);
    }
    Err(Fault(text.span(), "a bundle's signer has to be a did:key or did:jwk".to_owned()))
}

fn delegation(table: &DelegationTable, ladder: &[Rung]) -> Result<Delegation, Fault> {
    let known = |name: &Text| ladder.iter().any(|rung| rung.name == *name.get_ref());
    if let Some(name) = table.carried.as_ref().filter(|name| !known(name)) {
        return Err(Fault(name.span(), "expected the name of a level".to_owned()));
    }
    let (judge, obligations) = (&["all", "presenter"], &["report", "undecided"]);
    Ok(Delegation {
        presenter_alone: one_of(table.judge.as_ref(), judge)? == Some("presenter"),
        carried: table.carried.as_ref().map(|name| name.get_ref().clone()),
        open_obligations_undecided: one_of(table.obligations.as_ref(), obligations)?
            == Some("undecided"),
    })
}

/// The type whose issuers have to be told what they may grant.
const GRANT: &str = "TaskGrantCredential";

/// What an issuer may grant. Whoever may grant at all is told what; any action or resource is
/// written as `["*"]`.
fn grants(table: &IssuerTable) -> Result<Grants, Fault> {
    let attests = table.attests.get_ref().iter().any(|name| name.get_ref() == GRANT);
    let Some(spanned) = table.grants.as_ref() else {
        if !attests {
            return Ok(Grants::NOTHING);
        }
        let message = "an issuer of TaskGrantCredential needs grants = { actions = [\"…\"], \
                       resources = [\"https://…\"] }; [\"*\"] stands for any";
        return Err(Fault(table.attests.span(), message.to_owned()));
    };
    if !attests {
        let message = "grants without TaskGrantCredential among what it attests".to_owned();
        return Err(Fault(spanned.span(), message));
    }
    let GrantsTable { actions, resources } = spanned.get_ref();
    let any =
        |list: &Spanned<Vec<Text>>| matches!(&list.get_ref()[..], [one] if one.get_ref() == "*");
    let action = |text: &Text| match text.get_ref().contains('*') {
        true => Err(Fault(text.span(), "name the action whole, or write [\"*\"] alone".to_owned())),
        false => Ok(text.get_ref().clone()),
    };
    let resource = |text: &Text| {
        Resource::parse(text.get_ref()).map_err(|error| Fault(text.span(), error.detail))
    };
    Ok(Grants {
        actions: match any(actions) {
            true => None,
            false => Some(actions.get_ref().iter().map(action).collect::<Result<_, _>>()?),
        },
        resources: match any(resources) {
            true => None,
            false => Some(resources.get_ref().iter().map(resource).collect::<Result<_, _>>()?),
        },
    })
}

fn issuers(tables: &[IssuerTable]) -> Result<Vec<TrustedIssuer>, Fault> {
    let mut issuers: Vec<TrustedIssuer> = Vec::new();
    for table in tables {
        let did = did(&table.did)?;
        if issuers.iter().any(|issuer| issuer.did == did) {
            return Err(Fault(
                table.did.span(),
                "this issuer occurs twice; join the two".to_owned(),
            ));
        }
        if table.attests.get_ref().is_empty() {
            return Err(Fault(
                table.attests.span(),
                "name at least one credential type".to_owned(),
            ));
        }
        if let Some(cosigner) = table.cosigners.iter().find(|cosigner| *cosigner.get_ref() == did) {
            return Err(Fault(cosigner.span(), "an issuer can't be its own cosigner".to_owned()));
        }
        let attests = table.attests.get_ref().iter().map(credential_type);
        issuers.push(TrustedIssuer {
            did,
            name: table.name.clone(),
            attests: attests.collect::<Result<_, _>>()?,
            cosigners: table.cosigners.iter().map(self::did).collect::<Result<_, _>>()?,
            grants: grants(table)?,
        });
    }
    Ok(issuers)
}

/// A credential type by name; a near miss of a built-in one is taken for a typing error.
fn credential_type(text: &Text) -> Result<String, Fault> {
    let name = text.get_ref();
    let known = ATTESTATION_TYPES.iter().map(|known| known.name);
    let near = known.chain([BitstringStatusListCredential::TYPE]).find(|known| {
        let loose = |name: &str| name.to_lowercase().replace(['-', '_', ' '], "");
        *known != name
            && loose(known).trim_end_matches("credential")
                == loose(name).trim_end_matches("credential")
    });
    match near {
        Some(known) => Err(Fault(text.span(), format!("did you mean {known:?}?"))),
        None if name.is_empty() || name == "VerifiableCredential" => Err(Fault(
            text.span(),
            "name the credential's own type; every credential is a VerifiableCredential".to_owned(),
        )),
        None if name == "DelegationCredential" => Err(Fault(
            text.span(),
            "agents delegate, no issuer does; the chain decides about delegations".to_owned(),
        )),
        None => Ok(name.clone()),
    }
}

fn ladder(tables: &[Spanned<LevelTable>]) -> Result<Vec<Rung>, Fault> {
    let mut ladder: Vec<Rung> = Vec::new();
    for table in tables {
        let rung = rung(table)?;
        if ladder.iter().any(|other| other.name == rung.name) {
            return Err(Fault(table.get_ref().name.span(), "this level occurs twice".to_owned()));
        }
        ladder.push(rung);
    }
    Ok(ladder)
}

fn rung(spanned: &Spanned<LevelTable>) -> Result<Rung, Fault> {
    let table = spanned.get_ref();
    let percent = |setting: &Option<Spanned<u8>>| match setting {
        Some(value) if *value.get_ref() > 100 => {
            Err(Fault(value.span(), "expected 0 to 100".to_owned()))
        }
        Some(value) => Ok(Some(*value.get_ref())),
        None => Ok(None),
    };
    let tier = match &table.tier {
        None => None,
        Some(text) => Some(Tier::parse(text.get_ref()).ok_or_else(|| {
            let names = Tier::ALL.map(Tier::name).join(", ");
            Fault(text.span(), format!("expected one of {names}"))
        })?),
    };
    let rung = Rung {
        name: table.name.get_ref().clone(),
        credentials: table.credentials.iter().map(credential_type).collect::<Result<_, _>>()?,
        tier,
        score: percent(&table.score)?,
        confidence: percent(&table.confidence)?,
        builders: table.builders.iter().map(did).collect::<Result<_, _>>()?,
        certifications: table
            .certifications
            .iter()
            .map(|wanted| {
                Ok(WantedCertification {
                    scheme: wanted.scheme.clone(),
                    level: wanted.level.clone(),
                    issuer: wanted.issuer.as_ref().map(did).transpose()?,
                })
            })
            .collect::<Result<_, _>>()?,
        status_max_age: match &table.status_max_age {
            None => None,
            some => Some(duration(some.as_ref(), Duration::ZERO)?),
        },
        actions: table.actions.clone(),
        grant: table.grant,
        max_delegations: match &table.max_delegations {
            Some(most) if *most.get_ref() > 9 => {
                return Err(Fault(most.span(), "expected 0 to 9".to_owned()));
            }
            most => most.as_ref().map(|most| *most.get_ref()),
        },
    };
    if rung.name.trim().is_empty() {
        return Err(Fault(table.name.span(), "a level needs a name".to_owned()));
    }
    let who = ["AgentIdentityCredential", "AgentBuilderCredential", "AgentCertificationCredential"];
    let asks_who = !rung.builders.is_empty()
        || !rung.certifications.is_empty()
        || rung.credentials.iter().any(|wanted| who.contains(&wanted.as_str()));
    if asks_who {
        return Ok(rung);
    }
    // A score says how well commitments were kept, not whose they were.
    Err(Fault(
        table.name.span(),
        format!(
            "level {:?} does not ask who the agent is; add credentials = \
             [\"AgentIdentityCredential\"], builders or certifications",
            rung.name
        ),
    ))
}
