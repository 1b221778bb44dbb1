//! Writing a vocabulary: whole in `tokenizer.json` for today's programs, and in the files of older ones.

use super::super::kept::set;
use super::added::{added_to_json, properties};
use crate::checkpoint::beside::write_beside;
use crate::checkpoint::json::Json;
use crate::error::Result;
use crate::tokenizer::Tokenizer;
use std::path::Path;

/// Writes `tokenizer.json`; and for older programs `vocab.json`, `merges.txt` and, if tokens
/// were added that are not in the vocabulary itself, `added_tokens.json`.
///
/// A merge with a space in one of its parts cannot be said in `merges.txt`. No text can ever make such a merge, but a
/// vocabulary may have one: then there is only the one file.
pub(in crate::checkpoint) fn write(dir: &Path, tokenizer: &Tokenizer) -> Result<()> {
    let vocab = vocab_json(tokenizer);
    if let Some(merges) = merges_text(tokenizer) {
        write_beside(dir.join("vocab.json"), vocab.to_string().as_bytes())?;
        write_beside(dir.join("merges.txt"), merges.as_bytes())?;
        if let Some(added) = added_tokens_json(tokenizer) {
            write_beside(dir.join("added_tokens.json"), added.to_pretty_string().as_bytes())?;
        }
    }
    write_beside(dir.join("tokenizer.json"), tokenizer_json(tokenizer, vocab).to_string().as_bytes())
}

fn vocab_json(tokenizer: &Tokenizer) -> Json {
    Json::Object(tokenizer.vocab().into_iter().map(|(token, id)| (token, id.into())).collect())
}

/// The merges by rank, each as a list of two tokens.
fn merges_json(tokenizer: &Tokenizer) -> Json {
    Json::Array(tokenizer.merges().into_iter().map(|(a, b)| Json::Array(vec![a.into(), b.into()])).collect())
}

/// The added tokens, with all that is known of them.
fn list_json(tokenizer: &Tokenizer) -> Json {
    Json::Array(tokenizer.added().iter().map(added_to_json).collect())
}

/// The three lists that make up a vocabulary, for the state of a training run; [`from_json`](super::from_json) reads them.
pub(crate) fn to_json(tokenizer: &Tokenizer) -> Json {
    Json::object([
        ("vocab", vocab_json(tokenizer)),
        ("merges", merges_json(tokenizer)),
        ("added_tokens", list_json(tokenizer)),
    ])
}

/// The lines of `merges.txt`, if it can hold all merges.
fn merges_text(tokenizer: &Tokenizer) -> Option<String> {
    let fits = |part: &str| !part.is_empty() && !part.contains([' ', '\n', '\r']);
    let mut lines = "#version: 0.2\n".to_string();
    for (left, right) in tokenizer.merges() {
        if !fits(&left) || !fits(&right) {
            return None;
        }
        lines.push_str(&format!("{left} {right}\n"));
    }
    Some(lines)
}

/// The names and ids of the tokens that `vocab.json` does not have.
fn added_tokens_json(tokenizer: &Tokenizer) -> Option<Json> {
    let outside = tokenizer.added().iter().filter(|token| tokenizer.is_outside(token.id));
    let entries: Vec<_> = outside.map(|token| (token.content.clone(), token.id.into())).collect();
    (!entries.is_empty()).then_some(Json::Object(entries))
}

fn tokenizer_json(tokenizer: &Tokenizer, vocab: Json) -> Json {
    let byte_level = Json::object([
        ("type", "ByteLevel".into()),
        ("add_prefix_space", false.into()),
        ("trim_offsets", true.into()),
        ("use_regex", true.into()),
    ]);
    let model = Json::object([
        ("type", "BPE".into()),
        ("dropout", Json::Null),
        ("unk_token", Json::Null),
        ("continuing_subword_prefix", "".into()),
        ("end_of_word_suffix", "".into()),
        ("fuse_unk", false.into()),
        ("byte_fallback", false.into()),
        ("ignore_merges", false.into()),
        ("vocab", vocab),
        ("merges", merges_json(tokenizer)),
    ]);
    Json::object([
        ("version", "1.0".into()),
        ("truncation", Json::Null),
        ("padding", Json::Null),
        ("added_tokens", list_json(tokenizer)),
        ("normalizer", Json::Null),
        ("pre_tokenizer", byte_level.clone()),
        ("post_processor", byte_level.clone()),
        ("decoder", byte_level),
        ("model", model),
    ])
}

/// Writes into `json`, the object of a new `tokenizer_config.json`, what other programs need to know of this vocabulary.
pub(in crate::checkpoint) fn fill_tokenizer_config(json: &mut Json, tokenizer: &Tokenizer) {
    let added = tokenizer.added().iter().map(|token| (token.id.to_string(), Json::Object(properties(token))));
    let end = tokenizer.end_of_text().and_then(|id| tokenizer.symbol(id)).map_or(Json::Null, Json::from);
    for (key, value) in [
        ("tokenizer_class", "GPT2Tokenizer".into()),
        ("add_prefix_space", false.into()),
        ("added_tokens_decoder", Json::Object(added.collect())),
        ("bos_token", end.clone()),
        ("eos_token", end.clone()),
        ("unk_token", end),
        ("pad_token", Json::Null),
    ] {
        set(json, key, value);
    }
}
