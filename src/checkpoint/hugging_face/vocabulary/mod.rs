//! The vocabulary: `tokenizer.json`, or `vocab.json` and `merges.txt`, or `encoder.json` and `vocab.bpe`.
//!
//! A vocabulary is a list of tokens with their ids, and a list of merges in the order in which they were learned. Older
//! programs kept the two in two files; today's keep them in one, together with everything else that a tokenizer may do
//! to a text. Only what GPT-2's tokenizer does is read here; anything else would change the ids, and is an error.
//!
//! OpenAI called the two files `encoder.json` and `vocab.bpe` when it released GPT-2. They are the same under other names.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `tokenizer_json.rs` | the one file of today |
//! | `added.rs` | the tokens that were added later: up to four files list them |
//! | `write.rs` | all of these files, written |

mod added;
mod tokenizer_json;
mod write;

#[cfg(test)]
mod tests;

pub(in crate::checkpoint) use write::fill_tokenizer_config;
pub(crate) use write::to_json;
pub(in crate::checkpoint) use write::write;

use super::{find, is_missing, read_json, read_text};
use crate::checkpoint::forms::why_without_vocabulary;
use crate::checkpoint::json::{Json, quote};
use crate::error::{Error, Result};
use crate::tokenizer::{AddedToken, Fault, Tokenizer, line_of_merge};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

type Vocab = Vec<(String, u32)>;
type Pairs = Vec<(String, String)>;

/// The tokens with their ids, under the name of today and under OpenAI's.
const VOCABS: [&str; 2] = ["vocab.json", "encoder.json"];
/// The merges, likewise.
const MERGES: [&str; 2] = ["merges.txt", "vocab.bpe"];

/// The first file of these names that is in `dir`.
fn first_of(names: [&str; 2], dir: &Path) -> Option<PathBuf> {
    names.map(|name| dir.join(name)).into_iter().find(|path| path.is_file())
}

/// Whether `dir` has a file of a vocabulary, whatever is in it.
pub(in crate::checkpoint) fn is_in(dir: &Path) -> bool {
    let names = [["tokenizer.json"; 2], VOCABS, MERGES];
    names.as_flattened().iter().any(|name| !is_missing(&dir.join(name)))
}

/// Reads the optional vocabulary in `dir`, for a model of `n_vocab` rows. `None`: there is none, or one of another kind;
/// [`no_vocabulary`] says which. What was left out is added to `notes`, a line each.
pub(in crate::checkpoint) fn read(dir: &Path, n_vocab: usize, notes: &mut Vec<String>) -> Result<Option<Tokenizer>> {
    let all = dir.join("tokenizer.json");
    let (vocab, merges) = (first_of(VOCABS, dir), first_of(MERGES, dir));
    // `lines`: the file of the merges and its text, if they come from one.
    let (path, tokens, pairs, listed, lines);
    if all.is_file() {
        let json = read_json(&all)?;
        if tokenizer_json::other_kind(&json).is_some() {
            return Ok(None);
        }
        (tokens, pairs) = tokenizer_json::parse(&json).map_err(|e| e.in_file(&all))?;
        listed = added::in_tokenizer_json(&json).map_err(|e| e.in_file(&all))?;
        (path, lines) = (&all, None);
    } else if let Some(merges) = &merges {
        let text = read_text(merges)?;
        pairs = Tokenizer::parse_merges(&text).map_err(|e| e.in_file(merges))?;
        (path, tokens) = match &vocab {
            Some(vocab) => (vocab, parse_vocab(&read_json(vocab)?).map_err(|e| e.in_file(vocab))?),
            None => (merges, Tokenizer::openai_vocab(&pairs)),
        };
        (listed, lines) = (Vec::new(), Some((merges, text)));
    } else if let Some(vocab) = &vocab {
        let [vocab, merges] = if vocab.ends_with(VOCABS[0]) { [VOCABS[0], MERGES[0]] } else { [VOCABS[1], MERGES[1]] };
        return Err(Error::missing(dir, format!("it has {vocab} and no {merges}: a vocabulary takes both")));
    } else {
        return Ok(None);
    }
    let settings_path = dir.join("tokenizer_config.json");
    let settings = read_optional(&settings_path)?.unwrap_or(Json::Null);
    let (added_path, added) = added::collect(dir, &settings, listed, &tokens, lines.is_some())?;
    let added = with_a_row(added, &tokens, n_vocab, |note| notes.push(format!("{}: {note}", added_path.display())));
    let in_file = |fault| match (fault, &lines) {
        (Fault::Added(problem), _) => Error::file(&added_path, problem),
        (Fault::Merge(rank, problem), Some((merges, text))) => {
            Error::file(merges, format!("line {}: {problem}", line_of_merge(text, rank)))
        }
        (Fault::Merge(_, problem), None) => Error::file(&all, format!("model.merges: {problem}")),
        (Fault::Vocab(problem), Some(_)) => Error::file(path, problem),
        (Fault::Vocab(problem), None) => Error::file(path, format!("model.vocab: {problem}")),
    };
    let tokenizer = Tokenizer::from_lists(&tokens, &pairs, &added).map_err(in_file)?;
    if tokenizer.n_vocab() > n_vocab {
        let last = tokenizer.n_vocab() - 1;
        return Err(Error::file(path, format!("it has ids up to {last}, and the model's vocab_size is {n_vocab}")));
    }
    // These change the ids without being part of the vocabulary.
    for key in ["add_prefix_space", "add_bos_token"] {
        if settings.get(key).and_then(Json::as_bool) == Some(true) {
            return Err(Error::file(settings_path, format!("`{key}` is true, and only false is supported")));
        }
    }
    Ok(Some(tokenizer))
}

/// The added tokens for which the model has a row, or which are in the vocabulary itself. A `[PAD]` is often added
/// without a row: the program that trains never asks for it. The others are named in a note.
fn with_a_row(added: Vec<AddedToken>, vocab: &Vocab, n_vocab: usize, mut note: impl FnMut(String)) -> Vec<AddedToken> {
    let has_row = |token: &AddedToken| (token.id as usize) < n_vocab;
    if added.iter().all(has_row) {
        return added;
    }
    let inside: HashSet<&str> = vocab.iter().map(|(symbol, _)| symbol.as_str()).collect();
    let (kept, left_out): (Vec<_>, Vec<_>) =
        added.into_iter().partition(|token| has_row(token) || inside.contains(token.content.as_str()));
    if let Some(first) = left_out.first() {
        let more = if left_out.len() > 1 { format!(" and {} more", left_out.len() - 1) } else { String::new() };
        note(format!(
            "left out are added tokens whose ids are not below the model's vocab_size, {n_vocab}: {} ({}){more}",
            quote(&first.content),
            first.id,
        ));
    }
    kept
}

/// A vocabulary from the three lists of [`to_json`].
///
/// # Errors
///
/// If a list is missing or damaged, or they do not fit together.
pub(crate) fn from_json(json: &Json) -> Result<Tokenizer> {
    let list = |key: &str| json.get(key).unwrap_or(&Json::Null);
    let (vocab, pairs) = (parse_vocab(list("vocab"))?, tokenizer_json::parse_pairs(list("merges"))?);
    Ok(Tokenizer::from_lists(&vocab, &pairs, &added::in_tokenizer_json(json)?)?)
}

/// Why the model at `dir` cannot read text: it has no vocabulary, or one of another kind.
#[doc(hidden)]
#[must_use]
pub fn no_vocabulary(dir: impl AsRef<Path>) -> Error {
    if let Some(problem) = why_without_vocabulary(dir.as_ref()) {
        return Error::file(dir, problem);
    }
    let dir = &find::directory(dir.as_ref()).unwrap_or_else(|_| dir.as_ref().to_path_buf());
    let in_json = || tokenizer_json::other_kind(&read_json(&dir.join("tokenizer.json")).ok()?);
    let found = match in_json() {
        Some(kind) => Some(format!("tokenizer.json has a {kind} model")),
        None => {
            OTHER_KINDS.iter().find(|(name, _)| dir.join(name).is_file()).map(|(name, kind)| format!("{name}, {kind}"))
        }
    };
    match found {
        Some(found) => Error::file(
            dir,
            format!("it has no vocabulary of GPT-2's kind, byte-level BPE; it has one of another kind ({found})"),
        ),
        None => Error::missing(
            dir,
            "it has no vocabulary: looked for tokenizer.json, for vocab.json with merges.txt (or encoder.json with vocab.bpe), \
             and for merges.txt alone",
        ),
    }
}

/// Files of vocabularies that GPT-2 does not have, and what they are.
const OTHER_KINDS: [(&str, &str); 4] = [
    ("vocab.txt", "WordPiece, as BERT has it"),
    ("spiece.model", "SentencePiece"),
    ("tokenizer.model", "SentencePiece"),
    ("sentencepiece.bpe.model", "SentencePiece"),
];

/// The JSON of a file that need not be there.
fn read_optional(path: &Path) -> Result<Option<Json>> {
    if is_missing(path) { Ok(None) } else { read_json(path).map(Some) }
}

/// The object of `vocab.json`, which is also the one inside `tokenizer.json` and `added_tokens.json`: token to id.
fn parse_vocab(json: &Json) -> Result<Vocab> {
    let entries =
        json.as_object().ok_or_else(|| Error::format("vocabulary", "expected an object of tokens and ids"))?;
    let mut vocab = Vec::new();
    for (token, value) in entries {
        let Some(id) = value.as_usize().and_then(|id| u32::try_from(id).ok()) else {
            return Err(Error::format("vocabulary", format!("the id of token {} is not an integer", quote(token))));
        };
        vocab.push((token.clone(), id));
    }
    Ok(vocab)
}
