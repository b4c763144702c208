//! Selecting a part of a document by JSON pointers (ECDSA Cryptosuites 1.0, 3.4.12 and 3.4.13).

use std::collections::BTreeMap;

use bonafide_core::json::{Object, Value};
use bonafide_proof::data_integrity::ProofError;

use super::invalid;

/// What is chosen of a value.
enum Choice {
    Whole,
    Parts(BTreeMap<String, Choice>),
}

/// The part of `document` that the pointers lead to, with the context, and with the id and the
/// type of each object on the way; arrays close up over what is left out. `None` without pointers.
///
/// A pointer that leads nowhere is an error.
pub fn select(
    document: &Value<'static>,
    pointers: &[&str],
) -> Result<Option<Object<'static>>, ProofError> {
    if pointers.is_empty() {
        return Ok(None);
    }
    let mut choice = Choice::Parts(BTreeMap::new());
    for pointer in pointers {
        choose(document, pointer, &mut choice)?;
    }
    let Value::Object(mut selected) = take(document, &choice) else { return Ok(None) };
    if let Some(context) = document.get("@context") {
        selected.insert("@context", context.clone());
    }
    Ok(Some(selected))
}

fn choose(
    document: &Value<'static>,
    pointer: &str,
    mut choice: &mut Choice,
) -> Result<(), ProofError> {
    let nowhere = || {
        let shown: String = pointer.chars().take(128).collect();
        invalid(format!("the pointer {shown:?} leads nowhere"))
    };
    let mut here = document;
    let tokens: Vec<String> = match pointer.strip_prefix('/') {
        Some(tokens) => {
            tokens.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect()
        }
        None if pointer.is_empty() => Vec::new(),
        None => return Err(nowhere()),
    };
    for token in tokens {
        here = match here {
            Value::Object(object) => object.get(&token),
            Value::Array(items) => {
                let index = token.parse::<usize>().ok().filter(|index| index.to_string() == token);
                index.and_then(|index| items.get(index))
            }
            _ => None,
        }
        .ok_or_else(nowhere)?;
        choice = match choice {
            Choice::Whole => return Ok(()),
            Choice::Parts(parts) => {
                parts.entry(token).or_insert_with(|| Choice::Parts(BTreeMap::new()))
            }
        };
    }
    *choice = Choice::Whole;
    Ok(())
}

fn take(value: &Value<'static>, choice: &Choice) -> Value<'static> {
    match (value, choice) {
        (Value::Object(object), Choice::Parts(parts)) => take_object(object, parts).into(),
        (Value::Array(items), Choice::Parts(parts)) => {
            let kept = items
                .iter()
                .enumerate()
                .filter_map(|(index, item)| Some(take(item, parts.get(&index.to_string())?)));
            Value::Array(kept.collect())
        }
        _ => value.clone(),
    }
}

fn take_object(object: &Object<'static>, parts: &BTreeMap<String, Choice>) -> Object<'static> {
    let mut selected = Object::new();
    for name in ["id", "type"] {
        if let Some(value) = object.get(name) {
            selected.insert(name, value.clone());
        }
    }
    for (name, choice) in parts {
        if let Some(value) = object.get(name) {
            selected.insert(name.clone(), take(value, choice));
        }
    }
    selected
}
