//! What the service tells of, as a person reads it.

use std::fmt::Write as _;

use bonafide_core::json::{Number, Value, to_canonical_string};
use bonafide_core::time::Timestamp;

use crate::human::{BOLD, DIM, PLAIN, shown, shown_json};

/// Wider cells stand out of their column instead of widening it.
const WIDEST: usize = 60;

/// A member, safe to show. Members that end in `At` are milliseconds since 1970.
pub(crate) fn cell(value: &Value<'_>, member: &str) -> String {
    match value.get(member) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => shown(text),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(Value::Number(Number::Integer(time))) if member.ends_with("At") => {
            let time = Timestamp::from_unix(time.div_euclid(1000));
            time.as_ref().map(ToString::to_string).unwrap_or_default()
        }
        Some(other) => shown_json(&to_canonical_string(other)),
    }
}

/// The items of a page, a line each: a column for each member, under the column's name. What else
/// there is has `more` to say where it begins.
pub(crate) fn page(page: &Value<'_>, what: &str, columns: &[(&str, &str)], more: &str) -> String {
    let items = page.get("items").and_then(Value::as_array).unwrap_or_default();
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| columns.iter().map(|(_, member)| cell(item, member)).collect())
        .collect();
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let mut text = if rows.is_empty() { format!("no {what}\n") } else { table(&names, &rows) };
    text.push_str(&rest(page, more));
    text
}

/// How to go on where a page is not the last one.
pub(crate) fn rest(page: &Value<'_>, more: &str) -> String {
    match cell(page, "next") {
        next if next.is_empty() => String::new(),
        next => format!("{DIM}there is more: {more} {next}{PLAIN}\n"),
    }
}

/// Rows under the names of their columns.
pub(crate) fn table(names: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| cell.chars().count()).filter(|width| *width <= WIDEST).max();
        widest.unwrap_or_default().max(names.get(column).map_or(0, |name| name.len()))
    };
    let widths: Vec<usize> = (0..names.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut text = format!("{BOLD}{}{PLAIN}\n", line(&mut names.iter().copied()));
    for row in rows {
        // A write into a string can't fail.
        let _ = writeln!(text, "{}", line(&mut row.iter().map(String::as_str)));
    }
    text
}

/// The members that are there, a line each, after their names.
pub(crate) fn fields(value: &Value<'_>, names: &[(&str, &str)]) -> String {
    let width = names.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for (name, member) in names {
        let cell = cell(value, member);
        if !cell.is_empty() {
            // A write into a string can't fail.
            let _ = writeln!(text, "{DIM}{name:<width$}{PLAIN}  {cell}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use bonafide_core::json::{Limits, parse};

    use super::*;

    #[test]
    fn cells_paint_nothing() {
        let text = r#"{"a": "\u001b[31m\u009b\u202e", "bAt": 1000, "c": true, "d": {"e": "\u009b"}, "f": null}"#;
        let value = parse(text.as_bytes(), &Limits::for_size(1000)).unwrap();
        let shown = |member| cell(&value, member);
        assert_eq!(shown("a"), r"\u{1b}[31m\u{9b}\u{202e}");
        assert_eq!(shown("bAt"), "1970-01-01T00:00:01Z");
        assert_eq!(
            (shown("c").as_str(), shown("f").as_str(), shown("g").as_str()),
            ("yes", "", "")
        );
        assert_eq!(shown("d"), r#"{"e":"\u009b"}"#);
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [["a", "1"], ["longer", "2"]].map(|row| row.map(str::to_owned).to_vec());
        let text = table(&["name", "n"], &rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1..], ["a       1", "longer  2"]);
    }
}
