//! Verdicts as a person reads them.

use std::fmt::Write as _;

use bonafide_core::delegation::Principal;
use bonafide_verifier::{
    Check, CheckOutcome, DidVersion, Effect, Effective, Mode, Outcome, Part, ProofReport,
    RungReport, Verdict,
};

pub(crate) const PLAIN: anstyle::Reset = anstyle::Reset;
pub(crate) const BOLD: anstyle::Style = anstyle::Style::new().bold();
pub(crate) const DIM: anstyle::Style = anstyle::Style::new().dimmed();
pub(crate) const GREEN: anstyle::Style = color(anstyle::AnsiColor::Green);
pub(crate) const RED: anstyle::Style = color(anstyle::AnsiColor::Red);
pub(crate) const YELLOW: anstyle::Style = color(anstyle::AnsiColor::Yellow);

/// Text of others, safe to show: control characters and marks that turn the reading direction
/// are written as escapes, so that nobody can paint a verdict of their own.
pub(crate) fn shown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if paints(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// The same for JSON, which stays the same JSON: such characters stand in its strings alone, and
/// there as JSON escapes them. Line breaks and tabs between its tokens stay.
pub(crate) fn shown_json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if paints(c) && !matches!(c, '\n' | '\r' | '\t') {
            // None of them is beyond U+FFFF. A write into a string can't fail.
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

fn paints(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns
}

/// The same for text of several lines.
pub(crate) fn shown_lines(text: &str) -> String {
    text.split('\n').map(shown).collect::<Vec<_>>().join("\n")
}

const fn color(color: anstyle::AnsiColor) -> anstyle::Style {
    anstyle::Style::new().fg_color(Some(anstyle::Color::Ansi(color)))
}

fn mark(outcome: CheckOutcome) -> (anstyle::Style, char) {
    match outcome {
        CheckOutcome::Passed => (GREEN, '✓'),
        CheckOutcome::Failed => (RED, '✗'),
        CheckOutcome::Unknown => (YELLOW, '?'),
        CheckOutcome::NotChecked => (DIM, '·'),
    }
}

fn outcome_mark(outcome: Outcome) -> (anstyle::Style, char) {
    match outcome {
        Outcome::Accepted => (GREEN, '✓'),
        Outcome::Rejected => (RED, '✗'),
        Outcome::Undecided => (YELLOW, '?'),
    }
}

/// The whole verdict.
pub(crate) fn verdict(verdict: &Verdict) -> String {
    let mut text = headline(verdict);
    if let Some(presenter) = verdict.presenter() {
        // A write into a string can't fail.
        let _ = writeln!(text, "  presented by {}", shown(presenter));
    }
    for DidVersion { did, id, time } in verdict.did_versions() {
        let _ = writeln!(text, "  {} by its version {id} of {time}", shown(did));
    }
    if let Some(Principal { issuer, subject, .. }) = verdict.principal() {
        let _ = writeln!(text, "  on behalf of {}, as {} says", shown(subject), shown(issuer));
    }
    checks(verdict.checks(), &mut text);
    chain(verdict, &mut text);
    ladder(verdict, &mut text);
    text
}

/// The grant and where it went, and what is left of it.
fn chain(verdict: &Verdict, text: &mut String) {
    let links = verdict.chain();
    if !links.is_empty() {
        let _ = writeln!(text, "\n{BOLD}chain{PLAIN}");
    }
    for (index, link) in links.iter().enumerate() {
        let what = if index == 0 { "granted" } else { "handed on" };
        let (issuer, subject, task) =
            (shown(&link.issuer), shown(&link.subject), shown(&link.task));
        let until = link.valid_until.map(|until| format!(", until {until}")).unwrap_or_default();
        let _ = writeln!(text, "  {what} by {issuer}\n      to {subject}\n      for {task}{until}");
    }
    let Effective { actions, resources, obligations } = verdict.effective();
    if links.is_empty() && obligations.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{BOLD}rights{PLAIN}");
    for (what, names) in [("actions", actions), ("resources", resources)] {
        if !names.is_empty() {
            let _ = writeln!(text, "  {what}: {}", shown(&names.join(", ")));
        }
    }
    for obligation in obligations {
        let _ = writeln!(text, "  {YELLOW}!{PLAIN} {}", shown(&obligation.to_string()));
    }
}

/// One line: outcome, level, and why not.
pub(crate) fn headline(verdict: &Verdict) -> String {
    let (style, mark) = outcome_mark(verdict.outcome());
    let outcome = verdict.outcome().name();
    let level = match (verdict.level(), verdict.outcome()) {
        (Some(level), _) => format!(", level {BOLD}{level}{PLAIN}"),
        (None, Outcome::Accepted) => ", authentic; a credential alone earns no level".to_owned(),
        (None, _) => ", no level".to_owned(),
    };
    let audit = match verdict.mode() {
        Mode::Audit => format!(" {DIM}(audit only: nothing is enforced){PLAIN}"),
        Mode::Enforce => String::new(),
    };
    format!("{style}{mark} {outcome}{PLAIN}{level}{audit}\n")
}

/// The answer to the narrower question.
pub(crate) fn proof_report(report: &ProofReport) -> String {
    let (style, mark) = outcome_mark(report.outcome);
    let word = match report.outcome {
        Outcome::Accepted => "the proof is good",
        Outcome::Rejected => "the proof is not good",
        Outcome::Undecided => "whether the proof is good is not known",
    };
    let mut text = format!("{style}{mark} {word}{PLAIN}\n");
    checks(&report.checks, &mut text);
    text.push_str("\nThis says nothing about trust: not who signed, whether it was revoked, or what it permits.\n");
    text
}

fn part_title(part: Part) -> String {
    match part {
        Part::Bundle => "bundle".to_owned(),
        Part::Presentation => "presentation".to_owned(),
        Part::Credential(index) => format!("credential {}", index + 1),
    }
}

fn checks(checks: &[Check], text: &mut String) {
    let mut part = None;
    for check in checks {
        if part != Some(check.part) {
            part = Some(check.part);
            let _ = writeln!(text, "\n{BOLD}{}{PLAIN}", part_title(check.part));
        }
        let (style, mark) = mark(check.outcome);
        let name = check.name.name();
        if check.reasons.is_empty() {
            let _ = writeln!(
                text,
                "  {style}{mark}{PLAIN} {name:<10} {DIM}{}{PLAIN}",
                shown(&check.note())
            );
        }
        for reason in &check.reasons {
            let style = match reason.effect() {
                Effect::Rejects => RED,
                Effect::LeavesUndecided => YELLOW,
            };
            let (code, reason) = (reason.code(), shown(&reason.to_string()));
            let _ =
                writeln!(text, "  {style}{mark} {name:<10}{PLAIN} {reason} {style}[{code}]{PLAIN}");
        }
    }
}

fn ladder(verdict: &Verdict, text: &mut String) {
    if verdict.ladder().is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{BOLD}levels{PLAIN}");
    for RungReport { level, lacks } in verdict.ladder() {
        let (style, mark) = match (lacks.is_empty(), verdict.level()) {
            (false, _) => (RED, '✗'),
            (true, Some(granted)) if granted == level => (GREEN, '✓'),
            (true, _) => (DIM, '·'),
        };
        let detail = match (lacks.is_empty(), mark) {
            (true, '·') => "would hold, but the presentation is not accepted".to_owned(),
            _ => lacks
                .iter()
                .map(|lack| {
                    shown(&format!("{}: needs {}, has {}", lack.what, lack.needs, lack.has))
                })
                .collect::<Vec<_>>()
                .join("; "),
        };
        let _ =
            writeln!(text, "{}", format!("  {style}{mark} {level:<10}{PLAIN} {detail}").trim_end());
    }
}

/// The verdict in few lines: the headline, each part's checks on one line, what speaks against it.
pub(crate) fn summary(verdict: &Verdict) -> String {
    let mut text = headline(verdict);
    let mut parts: Vec<Part> = Vec::new();
    for check in verdict.checks() {
        if !parts.contains(&check.part) {
            parts.push(check.part);
        }
    }
    for part in parts {
        let _ = write!(text, "  {:<13}", part_title(part));
        for check in verdict.checks().iter().filter(|check| check.part == part) {
            let (style, mark) = mark(check.outcome);
            let _ = write!(text, " {style}{mark}{PLAIN} {}", check.name.name());
        }
        text.push('\n');
    }
    for check in verdict.checks() {
        for reason in &check.reasons {
            let (style, mark) = mark(check.outcome);
            let code = reason.code();
            let reason = shown(&reason.to_string());
            let _ = writeln!(text, "  {style}{mark} {reason} [{code}]{PLAIN}");
        }
    }
    if verdict.level().is_some() || verdict.has_reason("no-level") {
        ladder(verdict, &mut text);
    }
    text
}
