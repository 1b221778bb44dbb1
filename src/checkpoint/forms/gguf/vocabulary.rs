//! The vocabulary in a GGUF file, and what the file says about it.
//!
//! | entry | what it is |
//! | --- | --- |
//! | `tokenizer.ggml.model` | the kind: `gpt2` is byte-pair encoding on bytes |
//! | `tokenizer.ggml.pre` | the rule by which a text is split before anything is merged: `gpt-2` |
//! | `tokenizer.ggml.tokens` | the tokens by id, in printable symbols; added tokens in their own characters |
//! | `tokenizer.ggml.token_type` | what each is: a usual one, a mark, one that was added, a row without a token |
//! | `tokenizer.ggml.merges` | the merges by rank, two symbols with a space between |
//! | `tokenizer.ggml.bos_token_id` | what begins a text |
//! | `tokenizer.ggml.eos_token_id`, `tokenizer.ggml.eot_token_id` | what ends it |

use super::header::Header;
use super::values::{Value, fail};
use crate::checkpoint::hugging_face::Kept;
use crate::checkpoint::hugging_face::kept::{CONFIG, TOKENIZER, set};
use crate::checkpoint::hugging_face::vocabulary::fill_tokenizer_config;
use crate::checkpoint::json::{Json, quote};
use crate::error::Result;
use crate::tokenizer::{AddedToken, Tokenizer};

pub(super) const MODEL: &str = "tokenizer.ggml.model";
pub(super) const PRE: &str = "tokenizer.ggml.pre";
pub(super) const TOKENS: &str = "tokenizer.ggml.tokens";
pub(super) const TYPES: &str = "tokenizer.ggml.token_type";
pub(super) const MERGES: &str = "tokenizer.ggml.merges";
pub(super) const BEGIN_ID: &str = "tokenizer.ggml.bos_token_id";
pub(super) const END_ID: &str = "tokenizer.ggml.eos_token_id";
pub(super) const OTHER_END_ID: &str = "tokenizer.ggml.eot_token_id";
pub(super) const ADD_BEGIN: &str = "tokenizer.ggml.add_bos_token";
const ADD_SPACE: &str = "tokenizer.ggml.add_space_prefix";
const TEMPLATE: &str = "tokenizer.chat_template";

/// The entries that are asked for.
pub(super) const KEYS: [&str; 11] =
    [MODEL, PRE, TOKENS, TYPES, MERGES, BEGIN_ID, END_ID, OTHER_END_ID, ADD_BEGIN, ADD_SPACE, TEMPLATE];

/// Types of tokens, besides the usual one: of no known meaning, a mark, one that was added as text, a row without a token.
pub(super) const UNKNOWN: i32 = 2;
pub(super) const CONTROL: i32 = 3;
pub(super) const USER_DEFINED: i32 = 4;
pub(super) const UNUSED: i32 = 5;

/// The names of the split rules that are GPT-2's: other vocabularies that are split in the same way have their own.
const GPT2_RULES: [&str; 13] = [
    "gpt-2",
    "phi-2",
    "mpt",
    "olmo",
    "jais",
    "trillion",
    "gigachat",
    "mellum",
    "a.x-4.0",
    "jina-es",
    "jina-de",
    "jina-v2-es",
    "jina-v2-de",
];

/// The vocabulary, for a model of `n_vocab` rows, and what a directory with this model would say. What is special is added to
/// `notes`, a line each.
///
/// # Errors
///
/// A vocabulary that is damaged, or does not fit the model.
pub(in super::super) fn read(
    header: &Header,
    n_vocab: usize,
    notes: &mut Vec<String>,
) -> Result<(Option<Tokenizer>, Kept)> {
    let mut kept = Kept::default();
    if let Some(id) = header.size(BEGIN_ID)? {
        set(kept.file(CONFIG), "bos_token_id", id.into());
    }
    if let Some(id) = header.size(END_ID)? {
        let other = header.size(OTHER_END_ID)?.filter(|other| *other != id);
        let ids = other.map_or(id.into(), |other| Json::Array(vec![id.into(), other.into()]));
        set(kept.file(CONFIG), "eos_token_id", ids);
    }
    if let Some(template) = header.text(TEMPLATE)? {
        *kept.file("chat_template.jinja") = template.into();
    }
    if let Some(problem) = other_kind(header)? {
        notes.push(format!("{problem}: the model works with ids only"));
        return Ok((None, kept));
    }
    if header.text(PRE)?.is_none_or(|rule| rule == "default") {
        notes.push("the file does not say by which rule a text is split: GPT-2's is taken".to_string());
    }
    let tokenizer = tokenizer(header, n_vocab)?;
    let symbol = |id: Option<usize>| id.and_then(|id| tokenizer.symbol(u32::try_from(id).ok()?)).map(Json::from);
    let settings = kept.file(TOKENIZER);
    fill_tokenizer_config(settings, &tokenizer);
    for (key, name) in [(BEGIN_ID, "bos_token"), (END_ID, "eos_token")] {
        if let Some(symbol) = symbol(header.size(key)?) {
            set(settings, name, symbol);
        }
    }
    Ok((Some(tokenizer), kept))
}

/// Why the vocabulary is not one of GPT-2's kind, or that there is none.
pub(in super::super) fn other_kind(header: &Header) -> Result<Option<String>> {
    match header.text(MODEL)? {
        Some("gpt2") => {}
        None | Some("none" | "no_vocab") => return Ok(Some("the file has no vocabulary".to_string())),
        Some(kind) => {
            return Ok(Some(format!("the vocabulary is of the kind {}, and GPT-2's is \"gpt2\"", quote(kind))));
        }
    }
    match header.text(PRE)? {
        None | Some("default") => Ok(None),
        Some(rule) if GPT2_RULES.contains(&rule) => Ok(None),
        Some(rule) => Ok(Some(format!("the vocabulary splits a text by the rule {}, and not by GPT-2's", quote(rule)))),
    }
}

fn tokenizer(header: &Header, n_vocab: usize) -> Result<Tokenizer> {
    for key in [ADD_BEGIN, ADD_SPACE] {
        if header.is_true(key)? {
            return Err(fail(format!(
                "`{key}` is true, and only false is supported: `gguf-set-metadata FILE {key} false`, of the Python package \
                 gguf, changes it"
            )));
        }
    }
    let missing = |key: &str| fail(format!("it has no `{key}`, which a vocabulary needs"));
    let tokens = header.texts(TOKENS)?.ok_or_else(|| missing(TOKENS))?;
    let merges = pairs(header.texts(MERGES)?.ok_or_else(|| missing(MERGES))?)?;
    if tokens.len() > n_vocab {
        return Err(fail(format!("it has {} tokens, and `token_embd.weight` has {n_vocab} rows", tokens.len())));
    }
    let types = match header.get(TYPES) {
        None => &[],
        Some(Value::Integers(types)) if types.len() >= tokens.len() => types.as_slice(),
        Some(_) => return Err(fail(format!("`{TYPES}` does not have an integer of 4 bytes for each token"))),
    };
    let (mut vocab, mut added) = (Vec::new(), Vec::new());
    for (i, token) in tokens.iter().enumerate() {
        let id = u32::try_from(i).map_err(|_| fail("it has too many tokens"))?;
        let kind = types.get(i).copied().unwrap_or(1);
        if kind == UNUSED {
            continue;
        }
        vocab.push((token.to_string(), id));
        if [UNKNOWN, CONTROL, USER_DEFINED].contains(&kind) {
            let special = kind != USER_DEFINED;
            added.push(AddedToken { special, normalized: !special, ..AddedToken::special(id, token) });
        }
    }
    Ok(Tokenizer::from_lists(&vocab, &merges, &added)?)
}

/// The two parts of each merge. The first may begin with a space: there, it is a symbol.
fn pairs(merges: &[Box<str>]) -> Result<Vec<(String, String)>> {
    let mut pairs = Vec::with_capacity(merges.len());
    for (rank, merge) in merges.iter().enumerate() {
        let first = merge.chars().next().map_or(0, char::len_utf8);
        let space = merge[first..].find(' ').map(|at| first + at);
        let Some(at) = space else {
            return Err(fail(format!("merge {rank}, {}, is not two tokens with a space between", quote(merge))));
        };
        pairs.push((merge[..at].to_string(), merge[at + 1..].to_string()));
    }
    Ok(pairs)
}
