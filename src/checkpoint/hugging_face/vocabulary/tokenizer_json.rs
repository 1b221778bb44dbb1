//! `tokenizer.json`: a vocabulary and everything that is done to a text, in one file.
//!
//! The file of the `tokenizers` library can describe a hundred kinds of tokenizer. Only GPT-2's is accepted: no
//! normalizer, the byte-level split, byte-pair encoding, nothing added before or after.

use super::{Pairs, Vocab, parse_vocab};
use crate::checkpoint::json::{Json, quote};
use crate::error::{Error, Result};

/// GPT-2's split rule as a regular expression, in the two ways in which it is written.
const SPLIT_RULES: [&str; 2] = [
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
];

/// What kind of model the file has, if it is none that merges pairs.
pub(super) fn other_kind(json: &Json) -> Option<&'static str> {
    let kind = json.get("model")?.get("type")?.as_str()?;
    ["WordPiece", "Unigram", "WordLevel"].into_iter().find(|other| *other == kind)
}

/// The tokens and the merges.
pub(super) fn parse(json: &Json) -> Result<(Vocab, Pairs)> {
    let Some(model) = given(json, "model") else {
        return refuse("it has no model");
    };
    // The oldest files leave out the type.
    if model.get("type").is_some() && kind(model) != "BPE" {
        return refuse(&format!("its model is {}", quote(kind(model))));
    }
    if let Some(normalizer) = given(json, "normalizer") {
        return refuse(&format!("it has the normalizer {}", quote(kind(normalizer))));
    }
    check_pre_tokenizer(given(json, "pre_tokenizer"))?;
    if let Some(post) = given(json, "post_processor") {
        // A template of the sequence alone adds nothing.
        let adds = |part: &Json| part.get("Sequence").is_none();
        let template = post.get("single").and_then(Json::as_array);
        let harmless = match kind(post) {
            "ByteLevel" => true,
            "TemplateProcessing" => template.is_some_and(|parts| parts.len() == 1 && !parts.iter().any(adds)),
            _ => false,
        };
        if !harmless {
            return refuse("its post_processor adds tokens to a text");
        }
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
        if model.get(key).and_then(Json::as_str).is_some_and(|text| !text.is_empty()) {
            return refuse(&format!("its model has a {key}"));
        }
    }
    if is(model, "byte_fallback", true) || is(model, "ignore_merges", true) {
        return refuse("its model has byte_fallback or ignore_merges");
    }
    if given(model, "dropout").and_then(Json::as_f64).is_some_and(|p| p != 0.0) {
        return refuse("its model has a dropout");
    }
    let in_model = |key: &str| model.get(key).unwrap_or(&Json::Null);
    Ok((parse_vocab(in_model("vocab"))?, parse_pairs(in_model("merges"))?))
}

/// Checks how a text is split: by GPT-2's rule, which `ByteLevel` contains, or which stands before it as a `Split`.
fn check_pre_tokenizer(pre: Option<&Json>) -> Result<()> {
    let Some(pre) = pre else {
        return refuse("it has no pre_tokenizer");
    };
    if kind(pre) != "Sequence" {
        return check_byte_level(pre, true);
    }
    match pre.get("pretokenizers").and_then(Json::as_array).unwrap_or(&[]) {
        [byte_level] => check_byte_level(byte_level, true),
        [split, byte_level] if kind(split) == "Split" => {
            let pattern = split.get("pattern");
            let text = pattern.and_then(|pattern| pattern.as_object()?.first()?.1.as_str()).unwrap_or("");
            let is_regex = pattern.is_some_and(|pattern| pattern.get("Regex").is_some());
            if !is_regex || !SPLIT_RULES.contains(&text) {
                return refuse(&format!("its pre_tokenizer splits by another rule than GPT-2's, {}", quote(text)));
            }
            if split.get("behavior").and_then(Json::as_str) != Some("Isolated") || is(split, "invert", true) {
                return refuse("its pre_tokenizer has a Split that is not \"Isolated\", or inverted");
            }
            check_byte_level(byte_level, false)
        }
        others => {
            let kinds: Vec<&str> = others.iter().map(kind).collect();
            refuse(&format!("its pre_tokenizer is a Sequence of {}", quote(&kinds.join(", "))))
        }
    }
}

/// Checks the step that turns a text into bytes; `splits`: whether it must also split it.
fn check_byte_level(pre: &Json, splits: bool) -> Result<()> {
    if kind(pre) != "ByteLevel" {
        return refuse(&format!("its pre_tokenizer is {}", quote(kind(pre))));
    }
    if is(pre, "add_prefix_space", true) {
        return refuse("its pre_tokenizer has add_prefix_space true");
    }
    match (splits, is(pre, "use_regex", false)) {
        (true, true) => refuse("its pre_tokenizer has use_regex false"),
        (false, false) => refuse("its pre_tokenizer splits twice: its ByteLevel must have use_regex false"),
        _ => Ok(()),
    }
}

fn refuse<T>(what: &str) -> Result<T> {
    Err(Error::format("tokenizer", format!("{what}; only GPT-2's byte-level BPE is supported")))
}

fn kind(json: &Json) -> &str {
    json.get("type").and_then(Json::as_str).unwrap_or("nothing known")
}

fn given<'a>(json: &'a Json, key: &str) -> Option<&'a Json> {
    json.get(key).filter(|value| !value.is_null())
}

fn is(json: &Json, key: &str, value: bool) -> bool {
    json.get(key).and_then(Json::as_bool) == Some(value)
}

/// Each merge is `["a", "b"]`, or `"a b"` in older files.
pub(super) fn parse_pairs(json: &Json) -> Result<Pairs> {
    let list = json.as_array().ok_or_else(|| Error::format("merges", "expected a list"))?;
    let mut pairs = Vec::new();
    for (rank, merge) in list.iter().enumerate() {
        let pair = match merge {
            Json::String(text) => text.split_once(' '),
            Json::Array(parts) => match parts.as_slice() {
                [left, right] => left.as_str().zip(right.as_str()),
                _ => None,
            },
            _ => None,
        };
        let (left, right) = pair.ok_or_else(|| Error::format("merges", format!("merge {rank} is not two tokens")))?;
        pairs.push((left.to_string(), right.to_string()));
    }
    Ok(pairs)
}
