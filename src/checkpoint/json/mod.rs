//! JSON, read and written: the notation in which a model describes itself.
//!
//! A Hugging Face model is a handful of files, and nearly all of them are JSON: `config.json`, `tokenizer.json`, and
//! the header of `model.safetensors`. JSON (RFC 8259) knows six kinds of value, and [`Json`] has one variant for each:
//!
//! ```text
//! null      true      -1.5e3      "text\n"      [1, 2, 3]      {"key": value, "other": value}
//! ```
//!
//! This file has the value itself; `read.rs` makes it from text, and `write.rs` turns it into text. Three decisions
//! deserve a word:
//!
//! - **A number stays text** until someone asks for an integer or a fraction. In an `f64`, the integer 9007199254740993
//!   would silently become 9007199254740992: a double has only 53 bits for digits.
//! - **A duplicate key is an error.** The standard leaves open which one counts, and two readers may see two different
//!   files. In a file from a stranger, that is a trap.
//! - **Nesting has a limit**, because each level is a function call and the stack is finite.
//!
//! A production program would use the crates `serde` and `serde_json`.
//!
//! [Chapter 14](crate::book::ch14_the_real_gpt2) explains it.

mod read;
mod write;

#[cfg(test)]
mod tests;

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
    /// A string, without its quotes and escapes.
    String(String),
    /// `[...]`.
    Array(Vec<Json>),
    /// `{...}`, in the order of the text.
    Object(Vec<(String, Json)>),
}

impl Json {
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

    /// The number as the nearest `f64`; one that is too large for an `f64` becomes infinity.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Json::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The number as the nearest `f32`.
    ///
    /// This is not `as_f64` followed by a cast: that would round twice, and now and then end one step away.
    pub fn as_f32(&self) -> Option<f32> {
        match self {
            Json::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The string, if the value is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// The boolean, if the value is a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The elements, if the value is an array.
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Json::Array(values) => Some(values),
            _ => None,
        }
    }

    /// The keys and values, if the value is an object.
    pub fn as_object(&self) -> Option<&[(String, Json)]> {
        match self {
            Json::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// Whether the value is `null`.
    pub fn is_null(&self) -> bool {
        *self == Json::Null
    }

    /// An object with these entries.
    pub fn object<const N: usize>(entries: [(&str, Json); N]) -> Json {
        Json::Object(entries.into_iter().map(|(key, value)| (key.to_string(), value)).collect())
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
    /// The shortest text that reads back as the same number. JSON has no infinity and no NaN: they become `null`.
    fn from(value: f32) -> Json {
        if value.is_finite() { Json::Number(value.to_string()) } else { Json::Null }
    }
}

impl From<f64> for Json {
    /// The shortest text that reads back as the same number. JSON has no infinity and no NaN: they become `null`.
    fn from(value: f64) -> Json {
        if value.is_finite() { Json::Number(value.to_string()) } else { Json::Null }
    }
}

impl From<String> for Json {
    fn from(value: String) -> Json {
        Json::String(value)
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Json {
        Json::String(value.to_string())
    }
}

/// A string for an error message: in quotes, on one line, and not too long.
pub(crate) fn quote(text: &str) -> String {
    match beginning(text) {
        None => format!("{text:?}"),
        Some(start) => format!("{start:?}..."),
    }
}

/// As [`quote`], without the quotes.
pub(super) fn shortened(text: &str) -> String {
    match beginning(text) {
        None => text.to_string(),
        Some(start) => format!("{start}..."),
    }
}

/// The beginning of a text that is too long for an error message; `None` if it is short enough.
fn beginning(text: &str) -> Option<&str> {
    const LONGEST: usize = 80;
    text.char_indices().nth(LONGEST).map(|(end, _)| &text[..end])
}
