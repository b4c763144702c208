use proptest::prelude::*;

use super::*;

fn strict(text: &str) -> Result<Value<'_>, JsonError> {
    parse(text.as_bytes(), &Limits::for_size(1 << 20))
}

#[test]
fn borrows_strings_without_escapes_and_owns_the_others() {
    let value = strict(r#"{"plain":"a","escaped":"\u00e9\n"}"#).unwrap();
    let object = value.as_object().unwrap();
    assert!(matches!(object.get("plain"), Some(Value::String(Cow::Borrowed("a")))));
    assert!(matches!(object.get("escaped"), Some(Value::String(Cow::Owned(_)))));
    assert_eq!(object.str("escaped"), Some("\u{e9}\n"));
}

#[test]
fn orders_names_by_utf_16() {
    // U+FB33 is before U+1F600 by code point and after it by UTF-16 (RFC 8785, 3.2.3).
    let value = strict("{\"\u{fb33}\":1,\"\u{1f600}\":2,\"\u{80}\":3,\"a\":4}").unwrap();
    let names: Vec<&str> = value.as_object().unwrap().iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "\u{80}", "\u{1f600}", "\u{fb33}"]);
}

#[test]
fn orders_names_that_begin_alike_as_utf_16_does() {
    let ends =
        ["", "a", "b", "\u{80}", "\u{d7ff}", "\u{e000}", "\u{fb33}", "\u{10000}", "\u{1f600}"];
    for length in [0, 1, 15, 16, 17, 31, 32, 33, 640] {
        let names = ends.map(|end| format!("{}{end}", "n".repeat(length)));
        for left in &names {
            for right in &names {
                let expected = left.encode_utf16().cmp(right.encode_utf16());
                assert_eq!(utf16_order(left, right), expected, "{left:?} {right:?}");
            }
        }
    }
}

#[test]
fn members_in_any_order_make_an_object_unless_a_name_occurs_twice() {
    let members = |names: &[&'static str]| {
        names.iter().map(|name| (Cow::Borrowed(*name), Value::Null)).collect::<Vec<_>>()
    };
    let object = Object::from_members(members(&["b", "\u{fb33}", "\u{1f600}", "a"])).unwrap();
    let names: Vec<&str> = object.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "b", "\u{1f600}", "\u{fb33}"]);
    assert!(object.contains("b"));
    assert_eq!(Object::from_members(members(&["b", "a", "b"])), Err("b".into()));
}

#[test]
fn members_are_changed_in_place() {
    let mut object = Object::from([("b", 1_u32), ("a", 2)]);
    *object.get_mut("b").unwrap() = Value::from("x");
    assert!(object.get_mut("c").is_none());
    assert_eq!(to_canonical_string(&object.into()), r#"{"a":2,"b":"x"}"#);
}

#[test]
fn pointers_follow_rfc_6901() {
    let value = strict(r#"{"a/b":{"~":[1,{"":2}]}}"#).unwrap();
    assert_eq!(value.pointer("/a~1b/~0/1/").and_then(Value::as_integer), Some(2));
    assert_eq!(value.pointer("").unwrap(), &value);
    assert!(value.pointer("/a~1b/~0/2").is_none());
    assert!(value.pointer("a").is_none());
}

#[test]
fn integers_stay_apart_from_floats_but_equal() {
    assert_eq!(strict("1").unwrap(), strict("1.0").unwrap());
    assert_eq!(strict("1.0").unwrap().as_integer(), None);
    for (text, canonical) in
        [("-0", "0"), ("-0.0", "0"), ("1e2", "100"), ("1.50", "1.5"), ("1e-7", "1e-7")]
    {
        assert_eq!(to_canonical_string(&strict(text).unwrap()), canonical, "{text}");
    }
}

#[test]
fn the_number_of_values_is_bounded() {
    let limits = Limits { values: 3, ..Limits::for_size(100) };
    assert!(parse(b"[1,2]", &limits).is_ok());
    let error = parse(b"[1,2,3]", &limits).unwrap_err();
    assert_eq!(error.kind, JsonErrorKind::TooManyValues { limit: 3 });
}

#[test]
fn errors_say_where() {
    assert_eq!(strict("{\"a\":tru}").unwrap_err().to_string(), "expected a value at byte 5");
    assert_eq!(strict("[1").unwrap_err().to_string(), "unexpected end at byte 2");
}

#[test]
fn large_objects_are_searched_and_sorted() {
    let members: Vec<String> = (0..100).rev().map(|n| format!("\"k{n:03}\":{n}")).collect();
    let text = format!("{{{}}}", members.join(","));
    let value = strict(&text).unwrap();
    assert_eq!(value.get("k042").and_then(Value::as_integer), Some(42));
    let twice = text.replace("k099", "k000");
    assert!(matches!(strict(&twice).unwrap_err().kind, JsonErrorKind::DuplicateName(_)));
}

/// Trees of every shape, as our own values.
fn tree() -> impl Strategy<Value = Value<'static>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-MAX_SAFE_INTEGER..=MAX_SAFE_INTEGER).prop_map(|n| Value::Number(Number::Integer(n))),
        any::<f64>()
            .prop_filter("finite", |float| float.is_finite())
            .prop_map(|float| Value::Number(Number::Float(float))),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            prop::collection::vec((any::<String>(), inner), 0..8).prop_map(|members| {
                let mut object = Object::new();
                for (name, value) in members {
                    object.insert(name, value);
                }
                Value::Object(object)
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_is_written_is_read_back(value in tree()) {
        for text in [to_canonical_string(&value), to_pretty_string(&value)] {
            // Integers beyond 2^53 - 1 come from floats, which canonical form writes as integers.
            match strict(&text) {
                Ok(read) => prop_assert_eq!(&read, &value),
                Err(error) => prop_assert_eq!(error.kind, JsonErrorKind::IntegerTooLarge),
            }
        }
    }

    #[test]
    fn the_canonical_form_is_a_fixed_point(value in tree()) {
        let canonical = to_canonical_string(&value);
        if let Ok(read) = strict(&canonical) {
            prop_assert_eq!(to_canonical_string(&read), canonical.clone());
        }
        prop_assert_eq!(canonical_length(&value), canonical.len());
    }

    #[test]
    fn canonicalization_agrees_with_an_independent_implementation(value in tree()) {
        let pretty = to_pretty_string(&value);
        if let (Ok(ours), Ok(theirs)) =
            (strict(&pretty), serde_json::from_str::<serde_json::Value>(&pretty))
        {
            let theirs = serde_json_canonicalizer::to_string(&theirs).unwrap();
            prop_assert_eq!(to_canonical_string(&ours), theirs);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]{}:,\"\\\\/a-f0-9eE+.u\u{0}-\u{1f} \u{7f}-\u{ff}-]{0,64}") {
        if let Ok(value) = strict(&text) {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{value:?}");
        }
    }
}
