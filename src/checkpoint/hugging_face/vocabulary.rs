//! The vocabulary: `tokenizer.json`, or `vocab.json` and `merges.txt`.
//!
//! A vocabulary is a list of tokens with their ids, and a list of merges in the order in which they were learned. Older
//! programs kept the two in two files; today's keep them in one, together with everything else that a tokenizer may do
//! to a text. Only what GPT-2's tokenizer does is read here; anything else would change the ids, and is an error.

use super::kept::set;
use super::{read_json, read_text};
use crate::checkpoint::beside::write_beside;
use crate::checkpoint::json::{Json, quote};
use crate::error::{Error, Result};
use crate::tokenizer::{Tokenizer, byte_to_symbol};
use std::collections::HashSet;
use std::path::Path;

type Vocab = Vec<(String, u32)>;
type Pairs = Vec<(String, String)>;

/// Reads the optional vocabulary in `dir`, for a model of `n_vocab` rows.
pub(super) fn read(dir: &Path, n_vocab: usize) -> Result<Option<Tokenizer>> {
    let [all, vocab, merges] = ["tokenizer.json", "vocab.json", "merges.txt"].map(|name| dir.join(name));
    let (path, tokenizer) = if all.is_file() {
        let json = read_json(&all)?;
        let tokenizer = parse_tokenizer_json(&json, n_vocab).map_err(|e| e.in_file(&all))?;
        (all, tokenizer)
    } else if vocab.is_file() {
        if !merges.is_file() {
            return Err(Error::missing(dir, "it has vocab.json and no merges.txt: a vocabulary takes both"));
        }
        let ids = parse_vocab(&read_json(&vocab)?).map_err(|e| e.in_file(&vocab))?;
        let pairs = Tokenizer::parse_merges(&read_text(&merges)?).map_err(|e| e.in_file(&merges))?;
        let tokenizer = Tokenizer::from_vocab(&ids, &pairs).map_err(|e| e.in_file(&vocab))?;
        (vocab, tokenizer)
    } else if merges.is_file() {
        let pairs = Tokenizer::parse_merges(&read_text(&merges)?).map_err(|e| e.in_file(&merges))?;
        let tokenizer = Tokenizer::from_merges(&pairs).map_err(|e| e.in_file(&merges))?;
        (merges, tokenizer)
    } else {
        return Ok(None);
    };
    if tokenizer.n_vocab() > n_vocab {
        let last = tokenizer.n_vocab() - 1;
        return Err(Error::file(path, format!("it has ids up to {last}, and the model's vocab_size is {n_vocab}")));
    }
    // These change the ids without being part of the vocabulary.
    let extra = dir.join("tokenizer_config.json");
    if extra.is_file() {
        let json = read_json(&extra)?;
        for key in ["add_prefix_space", "add_bos_token"] {
            if json.get(key).and_then(Json::as_bool) == Some(true) {
                return Err(Error::file(extra, format!("`{key}` is true, and only false is supported")));
            }
        }
    }
    Ok(Some(tokenizer))
}

/// The object of `vocab.json`, which is also the one inside `tokenizer.json`: token to id.
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

/// Each merge is `["a", "b"]`, or `"a b"` in older files.
fn parse_pairs(json: &Json) -> Result<Pairs> {
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

/// The file of the `tokenizers` library can describe a hundred kinds of tokenizer. Only GPT-2's is accepted: no
/// normalizer, the byte-level split, byte-pair encoding, nothing added before or after.
fn parse_tokenizer_json(json: &Json, n_vocab: usize) -> Result<Tokenizer> {
    let refuse =
        |what: &str| Err(Error::format("tokenizer", format!("{what}; only GPT-2's byte-level BPE is supported")));
    let kind = |json: &Json| json.get("type").and_then(Json::as_str).unwrap_or("nothing known").to_string();
    let given = |json: &Json, key: &str| json.get(key).filter(|value| !value.is_null()).cloned();
    let is = |json: &Json, key: &str, value: bool| json.get(key).and_then(Json::as_bool) == Some(value);

    let Some(model) = given(json, "model") else {
        return refuse("it has no model");
    };
    // The oldest files leave out the type.
    if model.get("type").is_some() && kind(&model) != "BPE" {
        return refuse(&format!("its model is {}", quote(&kind(&model))));
    }
    if let Some(normalizer) = given(json, "normalizer") {
        return refuse(&format!("it has the normalizer {}", quote(&kind(&normalizer))));
    }
    match given(json, "pre_tokenizer") {
        None => return refuse("it has no pre_tokenizer"),
        Some(pre) if kind(&pre) != "ByteLevel" => {
            return refuse(&format!("its pre_tokenizer is {}", quote(&kind(&pre))));
        }
        Some(pre) if is(&pre, "add_prefix_space", true) => {
            return refuse("its pre_tokenizer has add_prefix_space true");
        }
        Some(pre) if is(&pre, "use_regex", false) => return refuse("its pre_tokenizer has use_regex false"),
        Some(_) => {}
    }
    if let Some(post) = given(json, "post_processor") {
        // A template of the sequence alone adds nothing.
        let adds = |part: &Json| part.get("Sequence").is_none();
        let template = post.get("single").and_then(Json::as_array);
        let harmless = match kind(&post).as_str() {
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
    if is(&model, "byte_fallback", true) || is(&model, "ignore_merges", true) {
        return refuse("its model has byte_fallback or ignore_merges");
    }
    if given(&model, "dropout").and_then(|value| value.as_f64()).is_some_and(|p| p != 0.0) {
        return refuse("its model has a dropout");
    }

    let none = Json::Null;
    let mut vocab = parse_vocab(model.get("vocab").unwrap_or(&none))?;
    let pairs = parse_pairs(model.get("merges").unwrap_or(&none))?;
    add_tokens(&mut vocab, json.get("added_tokens").and_then(Json::as_array).unwrap_or(&[]), n_vocab);
    Tokenizer::from_vocab(&vocab, &pairs)
}

/// Tokens such as a `[PAD]` that someone added after the vocabulary was learned. No text merges into them, but the
/// model may have a row for them, and then they can be decoded. Ids beyond the model's rows are left out.
fn add_tokens(vocab: &mut Vocab, added: &[Json], n_vocab: usize) {
    let mut ids: HashSet<u32> = vocab.iter().map(|(_, id)| *id).collect();
    let mut names: HashSet<String> = vocab.iter().map(|(token, _)| token.clone()).collect();
    for token in added {
        let content = token.get("content").and_then(Json::as_str);
        let id = token.get("id").and_then(Json::as_usize).filter(|&id| id < n_vocab);
        let (Some(content), Some(id)) = (content, id.and_then(|id| u32::try_from(id).ok())) else {
            continue;
        };
        // These tokens are written plainly; the vocabulary uses the printable symbols of their bytes.
        let symbols: String = content.bytes().map(byte_to_symbol).collect();
        let is_new = !names.contains(content) && !names.contains(&symbols) && !symbols.is_empty();
        if is_new && ids.insert(id) {
            names.insert(symbols.clone());
            vocab.push((symbols, id));
        }
    }
}

/// Writes the vocabulary twice: whole in `tokenizer.json` for today's programs, and in `vocab.json` and `merges.txt`
/// for older ones.
pub(super) fn write(dir: &Path, tokenizer: &Tokenizer) -> Result<()> {
    let vocab = vocab_json(tokenizer);
    write_beside(dir.join("vocab.json"), vocab.to_string().as_bytes())?;
    write_beside(dir.join("merges.txt"), merges_text(tokenizer).as_bytes())?;
    write_beside(dir.join("tokenizer.json"), tokenizer_json(tokenizer, vocab).to_string().as_bytes())
}

fn vocab_json(tokenizer: &Tokenizer) -> Json {
    Json::Object(tokenizer.vocab().into_iter().map(|(token, id)| (token, id.into())).collect())
}

fn merges_text(tokenizer: &Tokenizer) -> String {
    let mut lines = "#version: 0.2\n".to_string();
    for (left, right) in tokenizer.merges() {
        lines.push_str(&format!("{left} {right}\n"));
    }
    lines
}

/// The id and the symbol of `<|endoftext|>`, if the vocabulary has it.
pub(super) fn end_token(tokenizer: &Tokenizer) -> Option<(u32, String)> {
    tokenizer.end_of_text().and_then(|id| tokenizer.symbol(id).map(|symbol| (id, symbol)))
}

fn tokenizer_json(tokenizer: &Tokenizer, vocab: Json) -> Json {
    let special = end_token(tokenizer).into_iter().map(|(id, symbol)| {
        Json::object([
            ("id", id.into()),
            ("content", symbol.into()),
            ("single_word", false.into()),
            ("lstrip", false.into()),
            ("rstrip", false.into()),
            ("normalized", false.into()),
            ("special", true.into()),
        ])
    });
    let byte_level = Json::object([
        ("type", "ByteLevel".into()),
        ("add_prefix_space", false.into()),
        ("trim_offsets", true.into()),
        ("use_regex", true.into()),
    ]);
    let pairs = tokenizer.merges().into_iter().map(|(a, b)| Json::Array(vec![a.into(), b.into()])).collect();
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
        ("merges", Json::Array(pairs)),
    ]);
    Json::object([
        ("version", "1.0".into()),
        ("truncation", Json::Null),
        ("padding", Json::Null),
        ("added_tokens", Json::Array(special.collect())),
        ("normalizer", Json::Null),
        ("pre_tokenizer", byte_level.clone()),
        ("post_processor", byte_level.clone()),
        ("decoder", byte_level),
        ("model", model),
    ])
}

/// Writes into `json`, the object of a new `tokenizer_config.json`, what other programs need to know of this vocabulary.
pub(super) fn fill_tokenizer_config(json: &mut Json, tokenizer: &Tokenizer) {
    let symbol = end_token(tokenizer).map_or(Json::Null, |(_, symbol)| symbol.into());
    for (key, value) in [
        ("tokenizer_class", "GPT2Tokenizer".into()),
        ("add_prefix_space", false.into()),
        ("bos_token", symbol.clone()),
        ("eos_token", symbol.clone()),
        ("unk_token", symbol),
        ("pad_token", Json::Null),
    ] {
        set(json, key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{tokenizer, with_vocabulary};
    use super::super::{load, save};
    use super::*;
    use crate::checkpoint::safetensors::Dtype;
    use crate::{Config, Gpt2, Rng};
    use std::fs;

    /// The same JSON with the value at the end of this path of keys replaced or added.
    fn with(json: &Json, path: &[&str], value: Json) -> Json {
        let Some((key, rest)) = path.split_first() else {
            return value;
        };
        let mut entries = json.as_object().unwrap().to_vec();
        match entries.iter().position(|(other, _)| other == key) {
            Some(i) => entries[i].1 = with(&entries[i].1, rest, value),
            None => entries.push((key.to_string(), with(&Json::Object(vec![]), rest, value))),
        }
        Json::Object(entries)
    }

    #[test]
    fn a_tokenizer_that_is_not_gpt2s_is_refused() {
        let (dir, json) = with_vocabulary("foreign");
        let kind = |name: &str| Json::object([("type", name.into())]);
        let adds_a_token = r#"{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}}]}"#;
        for (path, value, expected) in [
            (&["model", "type"][..], "WordPiece".into(), "its model is \"WordPiece\""),
            (&["normalizer"], kind("NFC"), "it has the normalizer \"NFC\""),
            (&["pre_tokenizer"], Json::Null, "it has no pre_tokenizer"),
            (&["pre_tokenizer"], kind("Whitespace"), "its pre_tokenizer is \"Whitespace\""),
            (&["pre_tokenizer", "add_prefix_space"], true.into(), "add_prefix_space true"),
            (&["pre_tokenizer", "use_regex"], false.into(), "use_regex false"),
            (&["post_processor"], Json::parse(adds_a_token).unwrap(), "adds tokens"),
            (&["model", "byte_fallback"], true.into(), "byte_fallback"),
            (&["model", "ignore_merges"], true.into(), "ignore_merges"),
            (&["model", "end_of_word_suffix"], "</w>".into(), "end_of_word_suffix"),
            (&["model", "dropout"], 0.1f32.into(), "dropout"),
            (&["model", "vocab"], Json::Null, "expected an object of tokens and ids"),
            (&["model", "merges"], Json::Null, "expected a list"),
            (&["model"], Json::Null, "it has no model"),
        ] {
            fs::write(dir.join("tokenizer.json"), with(&json, path, value).to_string()).unwrap();
            let message = load(&dir).unwrap_err().to_string();
            assert!(message.contains("tokenizer.json: ") && message.contains(expected), "{message}");
        }
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn what_makes_no_difference_to_a_tokenizer_is_accepted() {
        let (dir, json) = with_vocabulary("harmless");
        let alone = r#"{"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}]}"#;
        let merges = tokenizer().merges().iter().map(|(a, b)| Json::String(format!("{a} {b}"))).collect();
        let pad = |id: usize| Json::object([("id", id.into()), ("content", "[my pad]".into())]);
        let end = json.get("added_tokens").unwrap().as_array().unwrap()[0].clone();
        for (path, value) in [
            (&["post_processor"][..], Json::Null),
            (&["post_processor"], Json::parse(alone).unwrap()),
            (&["truncation"], Json::object([("max_length", 5usize.into())])),
            (&["model", "merges"], Json::Array(merges)),
            (&["model", "dropout"], 0.0f32.into()),
            (&["added_tokens"], Json::Array(vec![])),
            (&["added_tokens"], Json::Array(vec![end.clone(), pad(300)])), // beyond the rows of the model
        ] {
            fs::write(dir.join("tokenizer.json"), with(&json, path, value).to_string()).unwrap();
            assert_eq!(load(&dir).unwrap().tokenizer, Some(tokenizer()), "{path:?}");
        }
        // Within the rows of the model, a pad token gets its id, even with a space in its name.
        let added = with(&json, &["added_tokens"], Json::Array(vec![end, pad(299)]));
        fs::write(dir.join("tokenizer.json"), added.to_string()).unwrap();
        let found = load(&dir).unwrap().tokenizer.unwrap();
        assert_eq!(found.decode(&[299]).unwrap(), "[my pad]");
        assert_eq!(found.encode("the [my pad]"), tokenizer().encode("the [my pad]"));
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_vocabulary_larger_than_the_model_is_refused() {
        let small = Gpt2::random(&Config::new(264, 5, 6, 2, 2), &mut Rng::new(1)).unwrap();
        let (dir, _) = with_vocabulary("large");
        let message = save(&dir, &small, Some(&tokenizer()), Dtype::F32).unwrap_err().to_string();
        assert_eq!(message, "save: the vocabulary needs 265 rows of the embedding, and the model has 264");
        save(&dir, &small, None, Dtype::F32).unwrap();
        for gone in ["tokenizer.json", "vocab.json", "merges.txt"] {
            let message = load(&dir).unwrap_err().to_string();
            assert!(message.contains("it has ids up to 264, and the model's vocab_size is 264"), "{message}");
            fs::remove_file(dir.join(gone)).unwrap();
        }
        assert!(load(&dir).unwrap().tokenizer.is_none());
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_vocabulary_without_its_merges_and_settings_that_change_the_ids_are_refused() {
        let (dir, _) = with_vocabulary("half");
        for key in ["add_prefix_space", "add_bos_token"] {
            let settings = Json::object([(key, true.into())]).to_string();
            fs::write(dir.join("tokenizer_config.json"), settings).unwrap();
            let message = load(&dir).unwrap_err().to_string();
            assert!(message.contains(&format!("tokenizer_config.json: `{key}` is true")), "{message}");
        }
        fs::remove_file(dir.join("tokenizer_config.json")).unwrap();
        fs::remove_file(dir.join("tokenizer.json")).unwrap();
        fs::remove_file(dir.join("merges.txt")).unwrap();
        assert!(load(&dir).unwrap_err().to_string().contains("vocab.json and no merges.txt"));
        fs::remove_dir_all(&dir).unwrap();
    }
}
