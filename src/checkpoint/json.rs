//! JSON, read and written: the notation in which a model describes itself.
//!
//! A Hugging Face model is a handful of files, and nearly all of them are JSON: `config.json`, `tokenizer.json`, and
//! the header of `model.safetensors`. JSON (RFC 8259) knows six kinds of value, and [`Json`] has one variant for each:
//!
//! ```text
//! null      true      -1.5e3      "text\n"      [1, 2, 3]      {"key": value, "other": value}
//! ```
//!
//! The reader is *recursive descent*: one small function for each kind of value, each of which looks at the next byte
//! to know what it has in front of it. An array's function calls the value's function, which may call the array's
//! again.
//!
//! Three decisions deserve a word:
//!
//! - **A number stays text** until someone asks for an integer or a fraction. Through an `f64`, the integer
//!   9007199254740993 would silently become 9007199254740992: a double has only 53 bits for digits.
//! - **The same key twice is an error.** The standard leaves it open which one counts, so two readers may see two
//!   different files. For a file from a stranger, that is a trap.
//! - **Nesting has a limit**, since each level is a function call and the stack is finite.
//!
//! A production program would use the crates `serde` and `serde_json`.
//!
//! [Chapter 14](crate::book::ch14_the_real_gpt2) explains it.

use crate::{Error, Result};
use std::collections::HashSet;
use std::fmt;

/// How many arrays and objects may lie inside one another.
const DEPTH_LIMIT: usize = 100;

/// A JSON value.
///
/// # Example: read one number of a configuration
///
/// ```
/// use gpt60::checkpoint::Json;
///
/// let config = Json::parse(r#"{"n_embd": 768, "activation_function": "gelu_new"}"#)?;
/// assert_eq!(config.get("n_embd").and_then(Json::as_usize), Some(768));
/// assert_eq!(config.get("n_inner"), None);
/// # Ok::<(), gpt60::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// A text, without its quotes and escapes.
    String(String),
    /// `[...]`.
    Array(Vec<Json>),
    /// `{...}`, in the order of the text.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads one JSON value that fills the whole text; white space around it is allowed.
    ///
    /// # Errors
    ///
    /// Text that is not JSON, a key that an object has twice, half of a surrogate pair in `\u` escapes, or more than
    /// 100 levels of nesting. The error names the byte.
    pub fn parse(text: &str) -> Result<Json> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.skip_space();
        if reader.at < text.len() { Err(reader.expected("the end of the text")) } else { Ok(value) }
    }

    /// The value under `key`, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Json> {
        let found = self.as_object()?.iter().find(|(k, _)| k == key);
        found.map(|(_, value)| value)
    }

    /// The number, if it is written as a plain integer (no sign, fraction or exponent) that a `usize` holds.
    pub fn as_usize(&self) -> Option<usize> {
        match self {
            Json::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The number as the nearest `f64`; one too large for any is an infinity.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Json::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The number as the nearest `f32`.
    ///
    /// This is not `as_f64` and then a cast: that would round twice, and now and then end one step away.
    pub fn as_f32(&self) -> Option<f32> {
        match self {
            Json::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The elements, if this is an array.
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Json::Array(values) => Some(values),
            _ => None,
        }
    }

    /// The keys and values, if this is an object.
    pub fn as_object(&self) -> Option<&[(String, Json)]> {
        match self {
            Json::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        *self == Json::Null
    }

    /// The text of this value with a line for each entry of an object, for human readers; [`Json::parse`] reads it.
    ///
    /// Without the lines, there is `to_string()`.
    ///
    /// # Example: write a configuration
    ///
    /// ```
    /// use gpt60::checkpoint::Json;
    ///
    /// let config = Json::object([("n_embd", 64usize.into()), ("name", "tiny".into())]);
    /// assert_eq!(config.to_text(), "{\n  \"n_embd\": 64,\n  \"name\": \"tiny\"\n}\n");
    /// assert_eq!(config.to_string(), r#"{"n_embd":64,"name":"tiny"}"#);
    /// ```
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, Some(0));
        text.push('\n');
        text
    }

    /// An object with these entries.
    pub fn object<const N: usize>(entries: [(&str, Json); N]) -> Json {
        Json::Object(entries.into_iter().map(|(key, value)| (key.to_string(), value)).collect())
    }

    /// Appends the text of this value to `out`; `indent` is the current indentation, or `None` for a single line.
    fn write(&self, out: &mut String, indent: Option<usize>) {
        let (open, close, count) = match self {
            Json::Null => return out.push_str("null"),
            Json::Bool(value) => return out.push_str(if *value { "true" } else { "false" }),
            Json::Number(text) => return out.push_str(text),
            Json::String(text) => return write_string(text, out),
            Json::Array(values) => ('[', ']', values.len()),
            Json::Object(entries) => ('{', '}', entries.len()),
        };
        let inner = indent.map(|spaces| spaces + 2);
        let new_line = |out: &mut String, indent: Option<usize>| {
            if let Some(spaces) = indent {
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', spaces));
            }
        };
        out.push(open);
        for i in 0..count {
            if i > 0 {
                out.push(',');
            }
            new_line(out, inner);
            match self {
                Json::Array(values) => values[i].write(out, inner),
                Json::Object(entries) => {
                    write_string(&entries[i].0, out);
                    out.push_str(if indent.is_some() { ": " } else { ":" });
                    entries[i].1.write(out, inner);
                }
                _ => {} // not a list: answered above
            }
        }
        if count > 0 {
            new_line(out, indent);
        }
        out.push(close);
    }
}

/// Appends `text` in quotes. RFC 8259 section 7: only the quote, the backslash and control characters must be escaped.
fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1F}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out.push('"');
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text, None);
        f.write_str(&text)
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Json {
        Json::Bool(value)
    }
}

impl From<usize> for Json {
    fn from(value: usize) -> Json {
        Json::Number(value.to_string())
    }
}

impl From<u32> for Json {
    fn from(value: u32) -> Json {
        Json::Number(value.to_string())
    }
}

impl From<f32> for Json {
    /// The shortest text that is read back as the same number. JSON has no infinity and no NaN: they become `null`.
    fn from(value: f32) -> Json {
        if value.is_finite() { Json::Number(value.to_string()) } else { Json::Null }
    }
}

impl From<f64> for Json {
    /// The shortest text that is read back as the same number. JSON has no infinity and no NaN: they become `null`.
    fn from(value: f64) -> Json {
        if value.is_finite() { Json::Number(value.to_string()) } else { Json::Null }
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Json {
        Json::String(value.to_string())
    }
}

/// A text for an error message: in quotes, in one line, and not too long.
pub(crate) fn quote(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}...", &text[..end]),
    }
}

/// A place in the text. Everything that has a meaning in JSON is ASCII, so the reader looks at bytes; only the inside
/// of a string can hold other characters, and those are copied as they are.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn error(&self, problem: impl fmt::Display) -> Error {
        Error::format("JSON", format!("{problem} at byte {}", self.at))
    }

    fn expected(&self, what: &str) -> Error {
        match self.text[self.at..].chars().next() {
            Some(c) => self.error(format!("expected {what} and found {c:?}")),
            None => self.error(format!("expected {what} and found the end of the text")),
        }
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Steps over `byte` if it is next, and says whether it was.
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Json> {
        if depth > DEPTH_LIMIT {
            return Err(self.error(format!("more than {DEPTH_LIMIT} levels of nesting")));
        }
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'n') => self.word("null", Json::Null),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            _ => Err(self.expected("a value")),
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.expected(word));
        }
        self.at += word.len();
        Ok(value)
    }

    fn array(&mut self, depth: usize) -> Result<Json> {
        self.at += 1; // the [
        let mut values = Vec::new();
        self.skip_space();
        if self.eat(b']') {
            return Ok(Json::Array(values));
        }
        loop {
            values.push(self.value(depth + 1)?);
            self.skip_space();
            if self.eat(b']') {
                // A list keeps room to grow, up to four times what one element needs. This one will not grow.
                values.shrink_to_fit();
                return Ok(Json::Array(values));
            }
            if !self.eat(b',') {
                return Err(self.expected("`,` or `]`"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json> {
        self.at += 1; // the {
        let mut entries = Vec::new();
        self.skip_space();
        if self.eat(b'}') {
            return Ok(Json::Object(entries));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key in quotes"));
            }
            let key = self.string()?;
            self.skip_space();
            if !self.eat(b':') {
                return Err(self.expected("`:`"));
            }
            entries.push((key, self.value(depth + 1)?));
            self.skip_space();
            if self.eat(b'}') {
                break;
            }
            if !self.eat(b',') {
                return Err(self.expected("`,` or `}`"));
            }
        }
        entries.shrink_to_fit();
        // All at once at the end: looking through the list for each new key would be slow for 50,000 of them.
        let mut seen = HashSet::new();
        for (key, _) in &entries {
            if !seen.insert(key.as_str()) {
                return Err(self.error(format!("the key {} is there twice in the object that ends", quote(key))));
            }
        }
        Ok(Json::Object(entries))
    }

    /// `-`? digits (`.` digits)? (`e` or `E`, sign?, digits)?, where the first are 0 alone or do not begin with 0.
    fn number(&mut self) -> Result<Json> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            if !self.eat(b'+') {
                self.eat(b'-');
            }
            self.digits()?;
        }
        Ok(Json::Number(self.text[start..self.at].to_string()))
    }

    fn digits(&mut self) -> Result<()> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.expected("a digit"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<String> {
        self.at += 1; // the opening quote
        let mut out = String::new();
        loop {
            // Everything up to the next byte that means something is copied in one go.
            let rest = &self.text[self.at..];
            let plain = rest.bytes().position(|b| b == b'"' || b == b'\\' || b < 0x20).unwrap_or(rest.len());
            out.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    out.shrink_to_fit();
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(self.expected("an escape instead of a control character")),
                None => return Err(self.expected("a closing quote")),
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        self.at += 1; // the backslash
        let c = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{C}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.expected("one of \" \\ / b f n r t u after a backslash")),
        };
        self.at += 1;
        Ok(c)
    }

    /// `\uXXXX`, or two of them. Sixteen bits do not reach every character: those from U+10000 on are written as a
    /// *surrogate pair*, ten bits each, the high half marked by 0xD800 and the low half by 0xDC00. Half a pair is no
    /// character.
    fn unicode_escape(&mut self) -> Result<char> {
        let first = self.hex4()?;
        let code = match first {
            0xD800..0xDC00 => {
                if !self.text[self.at..].starts_with("\\u") {
                    return Err(self.error("half of a surrogate pair"));
                }
                self.at += 1; // the backslash; hex4 steps over the u
                let second = self.hex4()?;
                if !(0xDC00..0xE000).contains(&second) {
                    return Err(self.error("half of a surrogate pair"));
                }
                0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            _ => first,
        };
        char::from_u32(code).ok_or_else(|| self.error("half of a surrogate pair"))
    }

    fn hex4(&mut self) -> Result<u32> {
        self.at += 1; // the u
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| char::from(b).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.expected("four hexadecimal digits after \\u"));
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
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
    fn a_key_that_is_there_twice_is_refused_however_it_is_written() {
        assert!(refused(r#"{"a": 1, "b": 2, "a": 1}"#).contains("\"a\" is there twice"));
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
        // 1 + 2^-24 lies halfway between 1 and the next f32, and the text is above it by less than an f64 can tell:
        // rounded to f64 first it would be the halfway point itself, and go down to 1.
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
            prop_assert_eq!(&Json::parse(&value.to_text()).unwrap(), &value);
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
}
