//! What is written can be read back, and anything that is not JSON is refused.

use super::read::DEPTH_LIMIT;
use super::*;
use proptest::prelude::*;

fn refused(text: &str) -> String {
    match Json::parse(text) {
        Ok(value) => panic!("{text:?} was read as {value:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_kind_of_value_is_read() {
    let value = Json::parse(" {\"a\": [null, true, false, -1.5e3, \"x\"], \"b\": {}, \"c\": []}\r\n\t").unwrap();
    let expected = Json::Object(vec![
        (
            "a".to_string(),
            Json::Array(vec![
                Json::Null,
                Json::Bool(true),
                Json::Bool(false),
                Json::Number("-1.5e3".to_string()),
                Json::String("x".to_string()),
            ]),
        ),
        ("b".to_string(), Json::Object(vec![])),
        ("c".to_string(), Json::Array(vec![])),
    ]);
    assert_eq!(value, expected);
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "",
        " ",
        "nul",
        "True",
        "[1,]",
        "[1 2]",
        "[",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "01",
        "-",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "Infinity",
        "\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\n\"",
        "\"\0\"",
        "1 1",
        "{} {}",
        "[]\0",
        "\u{FEFF}{}",
        "// note\n1",
        "\"\\",
    ] {
        refused(text);
    }
}

#[test]
fn the_error_names_what_was_expected_and_where() {
    assert_eq!(refused("[1, x]"), "JSON: expected a value and found 'x' at byte 4");
    assert_eq!(refused("{\"a\" 1}"), "JSON: expected `:` and found '1' at byte 5");
    assert_eq!(refused("[1"), "JSON: expected `,` or `]` and found the end of the text at byte 2");
}

#[test]
fn a_duplicate_key_is_refused_however_it_is_written() {
    assert!(refused(r#"{"a": 1, "b": 2, "a": 1}"#).contains("duplicate key \"a\""));
    refused(r#"{"a": 1, "\u0061": 1}"#);
}

#[test]
fn integers_are_exact_and_only_plain_integers_are_usize() {
    let number = |text: &str| Json::parse(text).unwrap();
    assert_eq!(number("9007199254740993").as_usize(), Some(9_007_199_254_740_993)); // 2^53 + 1
    for text in ["-1", "-0", "1.0", "1e2", "99999999999999999999999"] {
        assert_eq!(number(text).as_usize(), None, "{text}");
    }
    assert_eq!(number("1e-05").as_f64(), Some(1e-5));
    assert_eq!(number("1e-05").as_f32(), Some(1e-5));
}

#[test]
fn a_number_is_rounded_to_f32_once() {
    // 1 + 2^-24 lies halfway between 1 and the next f32, and the text is above it by less than an f64 can tell: rounded
    // to f64 first, it would be exactly the halfway point, and round down to 1.
    let json = Json::parse("1.00000005960464477539062500001").unwrap();
    assert_eq!(json.as_f32(), Some(1.0 + f32::EPSILON));
    assert_eq!(json.as_f64().map(|x| x as f32), Some(1.0));
}

#[test]
fn escapes_are_read_and_surrogates_must_come_in_pairs() {
    let value = Json::parse(r#""\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\uDE00""#).unwrap();
    assert_eq!(value.as_str(), Some("\"\\/\u{8}\u{C}\n\r\tA\u{e9}\u{1F600}"));
    for text in
        [r#""\ud83d""#, r#""\ude00""#, r#""\ud83dx""#, r#""\ud83d\n""#, r#""\ud83d\ud83d""#, r#""\ud83d\u0041""#]
    {
        assert!(refused(text).contains("surrogate"), "{text}");
    }
}

#[test]
fn nesting_ends_at_its_limit_and_not_in_a_stack_overflow() {
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(Json::parse(&nested(DEPTH_LIMIT)).is_ok());
    assert!(refused(&nested(1_000_000)).contains("levels of nesting"));
    refused(&"{\"a\":".repeat(1_000_000));
}

#[test]
fn text_is_escaped_as_rfc_8259_asks() {
    let text = Json::String("\"\\\n\r\t\u{1}\u{7F}é😀/".to_string()).to_string();
    assert_eq!(text, "\"\\\"\\\\\\n\\r\\t\\u0001\u{7F}é😀/\"");
}

#[test]
fn numbers_without_a_json_form_become_null() {
    assert_eq!(Json::from(f32::NAN), Json::Null);
    assert_eq!(Json::from(f64::INFINITY), Json::Null);
    assert_eq!(Json::from(1e-5f32).to_string(), "0.00001");
}

#[test]
fn long_names_are_cut_in_messages() {
    assert_eq!(quote("a\nb"), "\"a\\nb\"");
    assert!(quote(&"é".repeat(1_000_000)).len() < 200);
}

/// Any JSON value a few levels deep.
fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<usize>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        any::<f32>().prop_map(Json::from),
        any::<String>().prop_map(Json::String),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let object = proptest::collection::btree_map(any::<String>(), inner.clone(), 0..6);
        prop_oneof![
            proptest::collection::vec(inner, 0..6).prop_map(Json::Array),
            object.prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_written_is_read_back_the_same(value in any_json()) {
        prop_assert_eq!(&Json::parse(&value.to_string()).unwrap(), &value);
        prop_assert_eq!(&Json::parse(&value.to_pretty_string()).unwrap(), &value);
    }

    #[test]
    fn f32_and_f64_survive_the_way_through_text(x in any::<f32>(), y in any::<f64>()) {
        if x.is_finite() {
            prop_assert_eq!(Json::from(x).as_f32().map(f32::to_bits), Some(x.to_bits()));
        }
        if y.is_finite() {
            prop_assert_eq!(Json::from(y).as_f64().map(f64::to_bits), Some(y.to_bits()));
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        let _ = Json::parse(&text);
    }

    #[test]
    fn no_change_of_a_byte_makes_the_reader_panic(value in any_json(), at in any::<usize>(), byte in any::<u8>()) {
        let mut bytes = value.to_string().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = Json::parse(&String::from_utf8_lossy(&bytes));
    }
}
