//! Writing JSON: from a value to text, on one line or on many.

use super::Json;
use std::fmt;

/// How many spaces a line begins with; `None` puts everything on a single line.
type Indent = Option<usize>;

impl Json {
    /// The text of this value with one line for each entry, for human readers; [`Json::parse`] reads it back.
    ///
    /// `to_string()` gives the same on a single line.
    ///
    /// # Example: write a configuration
    ///
    /// ```
    /// use gpt60::checkpoint::Json;
    ///
    /// let config = Json::object([("n_embd", 64usize.into()), ("name", "tiny".into())]);
    /// assert_eq!(config.to_pretty_string(), "{\n  \"n_embd\": 64,\n  \"name\": \"tiny\"\n}\n");
    /// assert_eq!(config.to_string(), r#"{"n_embd":64,"name":"tiny"}"#);
    /// ```
    #[must_use]
    pub fn to_pretty_string(&self) -> String {
        let mut text = String::new();
        self.write(Some(0), &mut text);
        text.push('\n');
        text
    }

    /// Appends the text of this value to `out`.
    fn write(&self, indent: Indent, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Json::Number(text) => out.push_str(text),
            Json::String(text) => write_string(text, out),
            Json::Array(values) => write_list(values, indent, out),
            Json::Object(entries) => write_entries(entries, indent, out),
        }
    }
}

impl fmt::Display for Json {
    /// The text on a single line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(None, &mut text);
        f.write_str(&text)
    }
}

fn write_list(values: &[Json], indent: Indent, out: &mut String) {
    out.push('[');
    for (i, value) in values.iter().enumerate() {
        begin_item(i, indent, out);
        value.write(deeper(indent), out);
    }
    end_items(values.len(), indent, out);
    out.push(']');
}

fn write_entries(entries: &[(String, Json)], indent: Indent, out: &mut String) {
    out.push('{');
    for (i, (key, value)) in entries.iter().enumerate() {
        begin_item(i, indent, out);
        write_string(key, out);
        out.push_str(if indent.is_some() { ": " } else { ":" });
        value.write(deeper(indent), out);
    }
    end_items(entries.len(), indent, out);
    out.push('}');
}

/// What comes before item `i` of a list or object: a comma after the previous item, and a new line.
fn begin_item(i: usize, indent: Indent, out: &mut String) {
    if i > 0 {
        out.push(',');
    }
    new_line(deeper(indent), out);
}

/// What comes after the last of `n` items: the bracket has a line of its own, unless the list is empty.
fn end_items(n: usize, indent: Indent, out: &mut String) {
    if n > 0 {
        new_line(indent, out);
    }
}

fn deeper(indent: Indent) -> Indent {
    indent.map(|spaces| spaces + 2)
}

fn new_line(indent: Indent, out: &mut String) {
    if let Some(spaces) = indent {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', spaces));
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
