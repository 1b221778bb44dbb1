//! The tokens that were added to a vocabulary: which files list them, and how.
//!
//! Today's `tokenizer.json` has a list `added_tokens`, and `tokenizer_config.json` often repeats it as
//! `added_tokens_decoder`. Both say everything about a token. Older directories have `added_tokens.json`, which gives only
//! names and ids, and `special_tokens_map.json`, which says what some of them are for: to begin a text, to end one, to fill
//! up a line. What is for such a purpose is special.
//!
//! Where two of the lists have a token, `tokenizer_config.json` counts, then `tokenizer.json`. Version 5.24 of the
//! `transformers` library does the same. In one thing it differs: it gives the ids anew, without gaps. Here a token has
//! the id that its file says.

use super::{Vocab, parse_vocab, read_optional};
use crate::checkpoint::json::{Json, quote};
use crate::error::{Error, Result};
use crate::tokenizer::AddedToken;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// The entries that name one token with a purpose, and those that name several.
const PURPOSES: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];
const MORE: [&str; 2] = ["additional_special_tokens", "extra_special_tokens"];

/// All added tokens that the files of `dir` list, where the last of two with one content counts; and the file to blame
/// for them. `settings`: `tokenizer_config.json`. `listed`: the tokens of `tokenizer.json`. `is_old`: the directory has no
/// such file.
pub(super) fn collect(
    dir: &Path,
    settings: &Json,
    listed: Vec<AddedToken>,
    vocab: &Vocab,
    is_old: bool,
) -> Result<(PathBuf, Vec<AddedToken>)> {
    let [settings_path, purposes_path, old_path, new_path] =
        ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "tokenizer.json"]
            .map(|name| dir.join(name));
    let mut named = with_a_purpose(settings);
    let mut tokens = listed;
    let path = if let Some(decoder) = settings.get("added_tokens_decoder").and_then(Json::as_object) {
        for (id, json) in decoder {
            let token = id.parse().ok().and_then(|id| from_json(id, json));
            let wrong = || Error::file(&settings_path, format!("added_tokens_decoder: {} is no token", quote(id)));
            tokens.push(token.ok_or_else(wrong)?);
        }
        settings_path
    } else {
        named.extend(with_a_purpose(&read_optional(&purposes_path)?.unwrap_or(Json::Null)));
        if let Some(json) = read_optional(&old_path)? {
            let special: HashSet<&str> = named.iter().map(|token| token.content.as_str()).collect();
            let old = parse_vocab(&json).map_err(|e| e.in_file(&old_path))?.into_iter().map(|(content, id)| {
                let special = special.contains(content.as_str());
                AddedToken { special, normalized: !special, ..AddedToken::special(id, &content) }
            });
            tokens.splice(..0, old);
        }
        if is_old { old_path } else { new_path }
    };
    // A token of the vocabulary that has a purpose is an added one, though no list says it.
    let known: HashSet<String> = tokens.iter().map(|token| token.content.clone()).collect();
    named.retain(|token| !known.contains(&token.content));
    if !named.is_empty() {
        let ids: HashMap<&str, u32> = vocab.iter().map(|(symbol, id)| (symbol.as_str(), *id)).collect();
        let inside = |token: AddedToken| Some(AddedToken { id: *ids.get(token.content.as_str())?, ..token });
        tokens.extend(named.into_iter().filter_map(inside));
    }
    Ok((path, tokens))
}

/// The list in `tokenizer.json`.
pub(super) fn in_tokenizer_json(json: &Json) -> Result<Vec<AddedToken>> {
    let list = json.get("added_tokens").and_then(Json::as_array).unwrap_or(&[]);
    list.iter().map(added_from_json).collect()
}

/// The tokens that these settings name, each for a purpose. Their ids are not said there.
fn with_a_purpose(json: &Json) -> Vec<AddedToken> {
    let one = PURPOSES.iter().filter_map(|key| json.get(key));
    let more = MORE.iter().filter_map(|key| json.get(key)?.as_array()).flatten();
    let token = |json: &Json| match json {
        Json::String(content) => Some(AddedToken::special(0, content)),
        object => from_json(0, object).map(|token| AddedToken { special: true, ..token }),
    };
    one.chain(more).filter_map(token).collect()
}

/// A token from what a list says about it. What is not said is false; only a token that is not special is `normalized`.
fn from_json(id: u32, json: &Json) -> Option<AddedToken> {
    let flag = |key: &str| json.get(key).and_then(Json::as_bool);
    let special = flag("special").unwrap_or(false);
    Some(AddedToken {
        id,
        content: json.get("content")?.as_str()?.to_string(),
        special,
        single_word: flag("single_word").unwrap_or(false),
        lstrip: flag("lstrip").unwrap_or(false),
        rstrip: flag("rstrip").unwrap_or(false),
        normalized: flag("normalized").unwrap_or(!special),
    })
}

/// A token from an entry of `added_tokens`.
///
/// # Errors
///
/// If it has no id or no content. The error shows it.
fn added_from_json(json: &Json) -> Result<AddedToken> {
    let id = json.get("id").and_then(Json::as_usize).and_then(|id| u32::try_from(id).ok());
    let wrong = || {
        Error::format("added_tokens", format!("a token needs an `id` and a `content`: {}", quote(&json.to_string())))
    };
    id.and_then(|id| from_json(id, json)).ok_or_else(wrong)
}

/// A token as an entry of `added_tokens`.
pub(super) fn added_to_json(token: &AddedToken) -> Json {
    let mut entries = vec![("id".to_string(), token.id.into())];
    entries.extend(properties(token));
    Json::Object(entries)
}

/// Everything about a token but its id.
pub(super) fn properties(token: &AddedToken) -> Vec<(String, Json)> {
    let entries = [
        ("content", token.content.as_str().into()),
        ("single_word", token.single_word.into()),
        ("lstrip", token.lstrip.into()),
        ("rstrip", token.rstrip.into()),
        ("normalized", token.normalized.into()),
        ("special", token.special.into()),
    ];
    entries.map(|(key, value)| (key.to_string(), value)).into()
}
