//! Reading JSON: from text to a value.
//!
//! The reader is *recursive descent*: one small function for each kind of value. Each looks at the next byte to know
//! what comes next. An array's function calls the value's function, which may call the array's again.

use super::{Json, quote};
use crate::error::{Error, Result};
use std::collections::HashSet;
use std::fmt;

/// How deeply arrays and objects may be nested.
pub(super) const DEPTH_LIMIT: usize = 100;

impl Json {
    /// Reads one JSON value that fills the whole text; white space around it is allowed.
    ///
    /// # Errors
    ///
    /// Text that is not JSON, a duplicate key in an object, half of a surrogate pair in `\u` escapes, or more than
    /// 100 levels of nesting. The error names the byte.
    pub fn parse(text: &str) -> Result<Json> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.skip_space();
        if reader.at < text.len() { Err(reader.expected("the end of the text")) } else { Ok(value) }
    }
}

/// A position in the text. Everything that has a meaning in JSON is ASCII, so the reader looks at bytes. Only the
/// inside of a string can hold other characters, and those are copied unchanged.
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

    /// Steps over `byte` if it comes next, and returns whether it did.
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
                // A list keeps room to grow, up to four times what one element needs. This one will not grow any more.
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
        // All at once at the end: searching the list for each new key would be slow with 50,000 of them.
        let mut seen = HashSet::new();
        for (key, _) in &entries {
            if !seen.insert(key.as_str()) {
                return Err(self.error(format!("duplicate key {} in the object that ends", quote(key))));
            }
        }
        Ok(Json::Object(entries))
    }

    /// `-`? digits (`.` digits)? (`e` or `E`, sign?, digits)?, where the first digits are a single 0 or do not begin
    /// with 0.
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
            // Everything up to the next byte with a meaning is copied in one go.
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
    /// *surrogate pair*, ten bits each, with the high half marked by 0xD800 and the low half by 0xDC00. Half a pair is
    /// not a character.
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
