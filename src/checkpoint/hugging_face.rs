//! A GPT-2 in a directory, as Hugging Face lays it out: read and written.
//!
//! This is the form in which the world exchanges models. A directory holds a few files, each for one part of what a
//! model is:
//!
//! ```text
//! config.json             how large the model is: n_embd, n_layer, ...              becomes a Config
//! model.safetensors       the weights, each under its name                          becomes a Gpt2
//! tokenizer.json          the vocabulary, in one file of the `tokenizers` library   \
//! vocab.json              the vocabulary as older models have it: token to id        > becomes a Tokenizer
//! merges.txt              and its merges, one a line, by rank                       /
//! generation_config.json  how to generate; only its end tokens are read here        end_ids
//! ```
//!
//! The names of the weights are those of this crate, because this crate took them over from here: `wte.weight`,
//! `h.0.attn.c_attn.weight` and so on. Three things differ from file to file:
//!
//! - **a prefix.** OpenAI's GPT-2 has the plain names; files saved from the `transformers` library have `transformer.`
//!   before all of them but the head's;
//! - **masks.** `h.0.attn.bias` is no bias but the triangle of the causal mask, which older programs saved with the
//!   weights. It is skipped by its name;
//! - **the head.** GPT-2 uses `wte` a second time to turn its last vectors into logits: the head is *tied*. A file may
//!   hold `lm_head.weight` all the same. If it differs from `wte`, the model was trained untied, and both are kept.
//!
//! **Nothing is guessed.** `config.json` can ask for things that GPT-2 does not do, such as another activation. A model
//! read without regard to them would run, and write nonsense. So whatever would change the numbers is an error that
//! says so.
//!
//! And as before, a file is not believed: every tensor's shape is held against the configuration before the model is
//! allocated, so that a configuration of a billion layers costs nothing.
//!
//! What is written here was read by version 5.23 of the `transformers` library, with the same logits and the same ids.
//!
//! [Chapter 14](crate::book::ch14_the_real_gpt2) explains it.

use super::beside::write_beside;
use super::json::{Json, quote};
use super::safetensors::{self, Dtype, Header, SafeTensors};
use crate::parameters::Head;
use crate::tokenizer::{Tokenizer, byte_to_symbol};
use crate::{Config, Error, Gpt2, Result, Tensor};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::io::{Read, Seek};
use std::path::Path;

/// What a directory holds.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The model.
    pub model: Gpt2,
    /// Its vocabulary, if the directory has one.
    pub tokenizer: Option<Tokenizer>,
    /// The ids after which a text is finished. There may be none.
    pub end_ids: Vec<u32>,
}

impl Checkpoint {
    /// A token for the eye: its text in quotes, since many begin with a space; without a vocabulary, its id.
    ///
    /// # Example: a token of the storybook
    ///
    /// ```
    /// let mut story = gpt60::storybook::load();
    /// let id = story.tokenizer.as_ref().unwrap().encode(" fox")[0];
    /// assert_eq!(story.token_name(id), "\" fox\"");
    /// story.tokenizer = None;
    /// assert_eq!(story.token_name(7), "token 7");
    /// ```
    pub fn token_name(&self, id: u32) -> String {
        match self.tokenizer.as_ref().and_then(|tokenizer| tokenizer.token_bytes(id)) {
            Some(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
            None => format!("token {id}"),
        }
    }
}

/// Reads the model in the directory `dir`.
///
/// The vocabulary is that of `tokenizer.json` if there is one, else of `vocab.json` and `merges.txt`, else of
/// `merges.txt` alone with OpenAI's numbering. A directory with none of them is a model that speaks in ids.
///
/// # Errors
///
/// Files that are missing or broken, tensors that are missing or of another shape than the configuration says, a
/// configuration that asks for something other than GPT-2, a vocabulary that is larger than the model's. The error
/// names the file, what was found and what was expected.
pub fn load(dir: &Path) -> Result<Checkpoint> {
    let settings = read_settings(dir)?;
    let weights_path = dir.join("model.safetensors");
    if is_missing(&weights_path) {
        return Err(missing_weights(dir));
    }
    let mut weights = SafeTensors::open(&weights_path)?;
    let model = read_model(&settings, &mut weights).map_err(|e| e.in_file(&weights_path))?;

    let n_vocab = model.config.n_vocab;
    let tokenizer = read_tokenizer(dir, n_vocab)?;
    let generation_path = dir.join("generation_config.json");
    let end_ids = if generation_path.is_file() {
        // Where there is a file on how to generate, it decides alone, also if it names no end token.
        parse_end_ids(&read_json(&generation_path)?).map_err(|e| e.in_file(&generation_path))?.or(Some(Vec::new()))
    } else {
        settings.end_ids
    };
    let end_ids = match end_ids {
        Some(ids) => ids,
        None => tokenizer.iter().filter_map(Tokenizer::end_of_text).collect(),
    };
    // A small model often has GPT-2's 50256 in its configuration, left there by a default. It can never be produced.
    let end_ids = end_ids.into_iter().filter(|&id| (id as usize) < n_vocab).collect();
    Ok(Checkpoint { model, tokenizer, end_ids })
}

/// Reads the vocabulary alone from the directory `dir`: the weights may be large, or missing. `None` if there is no vocabulary.
///
/// # Errors
///
/// As [`load`], as far as the configuration and the vocabulary are concerned.
pub fn load_tokenizer(dir: &Path) -> Result<Option<Tokenizer>> {
    let settings = read_settings(dir)?;
    read_tokenizer(dir, settings.config.n_vocab)
}

fn read_settings(dir: &Path) -> Result<Settings> {
    let path = dir.join("config.json");
    if is_missing(&path) {
        let why = if dir.is_dir() { "it has no config.json" } else { "there is no such directory" };
        return Err(Error::missing(dir, format!("{why}: expected config.json and model.safetensors in it")));
    }
    Settings::parse(&read_text(&path)?).map_err(|e| e.in_file(&path))
}

/// Reads a model from the text of a `config.json` and the bytes of a `model.safetensors`: for a model that is part of
/// the program.
///
/// # Errors
///
/// As [`load`].
pub fn load_from_bytes(config_json: &str, safetensors: &[u8]) -> Result<Gpt2> {
    let settings = Settings::parse(config_json).map_err(|e| e.in_file("config.json"))?;
    let mut weights = SafeTensors::from_bytes(safetensors).map_err(|e| e.in_file("model.safetensors"))?;
    read_model(&settings, &mut weights).map_err(|e| e.in_file("model.safetensors"))
}

fn missing_weights(dir: &Path) -> Error {
    let advice = if dir.join("model.safetensors.index.json").is_file() {
        "model.safetensors.index.json says that the weights are in several files: load the model with the transformers \
         library and save it again with max_shard_size=\"100GB\""
    } else if dir.join("pytorch_model.bin").is_file() {
        "pytorch_model.bin is a Python pickle, which is not read here: load the model with the transformers library \
         and save it again, which writes model.safetensors"
    } else {
        "expected config.json and model.safetensors in it"
    };
    Error::missing(dir, format!("it has no model.safetensors; {advice}"))
}

/// Whether there is no such file. One that is there and may not be read is not missing: reading it says so.
fn is_missing(path: &Path) -> bool {
    let metadata = fs::metadata(path);
    metadata.is_err_and(|e| matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory))
}

/// The text of a file. (In UTF-8, which JSON must be.)
fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|e| Error::io(path, "read", e))
}

fn read_json(path: &Path) -> Result<Json> {
    Json::parse(&read_text(path)?).map_err(|e| e.in_file(path))
}

// ---------------------------------------------------------------------------------------------------------------------
// config.json
// ---------------------------------------------------------------------------------------------------------------------

/// What `config.json` says.
#[derive(Debug)]
struct Settings {
    config: Config,
    /// Whether the head is said to be tied.
    tied: bool,
    /// The end ids, or `None` if nothing is said about them.
    end_ids: Option<Vec<u32>>,
}

impl Settings {
    fn parse(text: &str) -> Result<Settings> {
        let json = Json::parse(text)?;
        if json.as_object().is_none() {
            return Err(Error::format("config", "expected an object, `{...}`"));
        }
        check_is_gpt2(&json)?;
        let n_embd = integer(&json, "n_embd")?;
        let is_given = |key: &str| json.get(key).is_some_and(|value| !value.is_null());
        let config = Config {
            n_vocab: integer(&json, "vocab_size")?,
            // The oldest files call it n_ctx.
            n_ctx: integer(&json, if is_given("n_positions") || !is_given("n_ctx") { "n_positions" } else { "n_ctx" })?,
            n_embd,
            n_head: integer(&json, "n_head")?,
            n_layer: integer(&json, "n_layer")?,
            n_inner: if is_given("n_inner") { integer(&json, "n_inner")? } else { n_embd.saturating_mul(4) },
            layer_norm_epsilon: match json.get("layer_norm_epsilon") {
                None => 1e-5,
                Some(value) => value.as_f32().ok_or_else(|| unexpected("layer_norm_epsilon", value, "a number"))?,
            },
        };
        config.check()?;
        let tied = truth(&json, "tie_word_embeddings", true)?;
        Ok(Settings { config, tied, end_ids: parse_end_ids(&json)? })
    }
}

/// Refuses what is not GPT-2, and what would change the numbers if it were not regarded.
///
/// (`reorder_and_upcast_attn` may be true: it only says in which order to multiply, for numbers of 16 bits.)
fn check_is_gpt2(json: &Json) -> Result<()> {
    for (key, only) in [("model_type", "gpt2"), ("activation_function", "gelu_new")] {
        match json.get(key) {
            None => {}
            Some(value) if value.as_str() == Some(only) => {}
            Some(value) => return Err(unexpected(key, value, &format!("{only:?}, the only one supported"))),
        }
    }
    let only =
        [("scale_attn_weights", true), ("scale_attn_by_inverse_layer_idx", false), ("add_cross_attention", false)];
    for (key, only) in only {
        if truth(json, key, only)? != only {
            return Err(unexpected(key, &Json::from(!only), &format!("{only}, the only one supported")));
        }
    }
    if json.get("quantization_config").is_some_and(|value| !value.is_null()) {
        return Err(Error::format("config", "`quantization_config` is given, and only plain weights are supported"));
    }
    Ok(())
}

fn unexpected(key: &str, found: &Json, expected: &str) -> Error {
    let found = found.to_string();
    // Texts are in quotes already; what is long (a list in the place of a number) is cut.
    let found = if found.len() <= 80 { found } else { quote(&found) };
    Error::format("config", format!("`{key}` is {found}, expected {expected}"))
}

fn integer(json: &Json, key: &str) -> Result<usize> {
    let value = json.get(key).ok_or_else(|| Error::format("config", format!("`{key}` is missing")))?;
    value.as_usize().ok_or_else(|| unexpected(key, value, "an integer from 0 on"))
}

fn truth(json: &Json, key: &str, default: bool) -> Result<bool> {
    match json.get(key) {
        None => Ok(default),
        Some(value) => value.as_bool().ok_or_else(|| unexpected(key, value, "true or false")),
    }
}

/// `eos_token_id` is an id, a list of them, or null. A number that cannot be an id is left out: no model produces it.
fn parse_end_ids(json: &Json) -> Result<Option<Vec<u32>>> {
    let Some(value) = json.get("eos_token_id") else {
        return Ok(None);
    };
    let ids = match value {
        Json::Null => &[],
        Json::Array(ids) => ids.as_slice(),
        id => std::slice::from_ref(id),
    };
    if ids.iter().any(|id| !matches!(id, Json::Number(_))) {
        return Err(unexpected("eos_token_id", value, "an id, a list of ids, or null"));
    }
    Ok(Some(ids.iter().filter_map(Json::as_usize).filter_map(|id| u32::try_from(id).ok()).collect()))
}

// ---------------------------------------------------------------------------------------------------------------------
// model.safetensors
// ---------------------------------------------------------------------------------------------------------------------

/// Reads the weights into a model. Each is converted straight into its place, so that nothing is in memory twice.
fn read_model<R: Read + Seek>(settings: &Settings, file: &mut SafeTensors<R>) -> Result<Gpt2> {
    let config = &settings.config;
    let mut places = places(file)?;
    if settings.tied && !places.contains_key("wte.weight") {
        // Two names for one tensor: some programs keep the other one.
        places.remove("lm_head.weight").map(|i| places.insert("wte.weight".to_string(), i));
    }
    let own_head = !settings.tied || places.contains_key("lm_head.weight");
    let head = if own_head { Head::Own } else { Head::Tied };
    check_tensors(config, head, &places, file)?;

    // Now every tensor of this model is known to be in the file, with as many numbers as will be allocated.
    let mut model = Gpt2::zeros(config)?;
    if head == Head::Own {
        model.lm_head = Some(Tensor::zeros(&[config.n_vocab, config.n_embd]).into());
    }
    for (name, tensor) in model.parameters_mut()? {
        let i = places.get(&name).ok_or_else(|| missing_tensor(&name, config))?;
        file.read_into(*i, tensor.data_mut())?;
    }
    if settings.tied {
        // A head of its own that holds the very bits of `wte` is `wte`, saved twice.
        if let Some(head) = &model.lm_head {
            let pairs = head.tensor()?.data().iter().zip(model.wte.tensor()?.data());
            if pairs.into_iter().all(|(a, b)| a.to_bits() == b.to_bits()) {
                model.lm_head = None;
            }
        }
    }
    Ok(model)
}

/// Where each weight is in the file, by its name without the prefix.
fn places<R: Read + Seek>(file: &SafeTensors<R>) -> Result<HashMap<String, usize>> {
    let mut places = HashMap::new();
    for (i, entry) in file.header().tensors.iter().enumerate() {
        let name = entry.name.strip_prefix("transformer.").unwrap_or(&entry.name);
        if is_mask(name) {
            continue;
        }
        if places.insert(name.to_string(), i).is_some() {
            let problem = "is there with the prefix `transformer.` and without it: which one is meant?";
            return Err(Error::format(format!("tensor {}", quote(name)), problem));
        }
    }
    Ok(places)
}

/// Whether this is `h.<number>.attn.bias` or `h.<number>.attn.masked_bias`.
fn is_mask(name: &str) -> bool {
    let Some((layer, rest)) = name.strip_prefix("h.").and_then(|rest| rest.split_once('.')) else {
        return false;
    };
    layer.parse::<usize>().is_ok() && (rest == "attn.bias" || rest == "attn.masked_bias")
}

/// Checks that the file has exactly the tensors of this model, each with its shape, and allocates nothing for them.
fn check_tensors<R: Read + Seek>(
    config: &Config,
    head: Head,
    places: &HashMap<String, usize>,
    file: &SafeTensors<R>,
) -> Result<()> {
    // A block has 12 tensors. With one layer more than the file can have, one is sure to be missed: enough to say so.
    let n_layer = config.n_layer.min(places.len() / 12 + 1);
    let shapes = Config { n_layer, ..*config }.shapes(head);
    for (name, shape) in &shapes {
        let &i = places.get(name).ok_or_else(|| missing_tensor(name, config))?;
        let entry = &file.header().tensors[i];
        let what = || format!("tensor {}", quote(&entry.name));
        if entry.shape != *shape {
            let found = if entry.shape.len() <= 4 {
                format!("has shape {:?}", entry.shape)
            } else {
                format!("has {} dimensions", entry.shape.len())
            };
            let turned = shape.len() == 2 && entry.shape.iter().eq(shape.iter().rev());
            let hint = if turned { "; it seems to be transposed: GPT-2 keeps [in, out]" } else { "" };
            let problem = format!("{found}, and config.json makes it {shape:?}{hint}");
            return Err(Error::format(what(), problem));
        }
        if !entry.dtype.is_weight() {
            let problem = format!("its dtype is {}, expected F32, F16 or BF16", entry.dtype);
            return Err(Error::format(what(), problem));
        }
    }
    // Parts for other tasks (a classifier's `score.weight`) may stand beside the model. Inside of the blocks, anything
    // unknown means that this is another model than the configuration says.
    let known: HashSet<&str> = shapes.iter().map(|(name, _)| name.as_str()).collect();
    let unknown = places.keys().filter(|name| name.starts_with("h.") && !known.contains(name.as_str())).min();
    match unknown {
        None => Ok(()),
        Some(name) => {
            let problem = format!("is not part of a GPT-2 with n_layer {}, as config.json has it", config.n_layer);
            Err(Error::format(format!("tensor {}", quote(name)), problem))
        }
    }
}

fn missing_tensor(name: &str, config: &Config) -> Error {
    let why = match name {
        "lm_head.weight" => "config.json has tie_word_embeddings false".to_string(),
        _ => format!("config.json has n_layer {}", config.n_layer),
    };
    Error::format(format!("tensor {}", quote(name)), format!("is missing; {why}, so it must be there"))
}

// ---------------------------------------------------------------------------------------------------------------------
// tokenizer.json, or vocab.json and merges.txt
// ---------------------------------------------------------------------------------------------------------------------

type Vocab = Vec<(String, u32)>;
type Pairs = Vec<(String, String)>;

fn read_tokenizer(dir: &Path, n_vocab: usize) -> Result<Option<Tokenizer>> {
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
    // These change the ids from outside of the vocabulary.
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

/// The object of `vocab.json`, which is also the one inside of `tokenizer.json`: token to id.
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

/// The file of the `tokenizers` library can describe a hundred kinds of tokenizer. Only GPT-2's is read: no normalizer,
/// the byte-level split, byte-pair encoding, nothing added before or after.
fn parse_tokenizer_json(json: &Json, n_vocab: usize) -> Result<Tokenizer> {
    let refuse =
        |what: &str| Err(Error::format("tokenizer", format!("{what}; only GPT-2's byte-level BPE is supported")));
    let kind = |json: &Json| json.get("type").and_then(Json::as_str).unwrap_or("nothing known").to_string();
    let given = |json: &Json, key: &str| json.get(key).filter(|value| !value.is_null()).cloned();
    let is = |json: &Json, key: &str, value: bool| json.get(key).and_then(Json::as_bool) == Some(value);

    let Some(model) = given(json, "model") else {
        return refuse("it has no model");
    };
    // The oldest files leave the type out.
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
/// model may have a row for them, and then they can be decoded. What is beyond the model's rows is left out.
fn add_tokens(vocab: &mut Vocab, added: &[Json], n_vocab: usize) {
    let mut ids: HashSet<u32> = vocab.iter().map(|(_, id)| *id).collect();
    let mut names: HashSet<String> = vocab.iter().map(|(token, _)| token.clone()).collect();
    for token in added {
        let content = token.get("content").and_then(Json::as_str);
        let id = token.get("id").and_then(Json::as_usize).filter(|&id| id < n_vocab);
        let (Some(content), Some(id)) = (content, id.and_then(|id| u32::try_from(id).ok())) else {
            continue;
        };
        // Here tokens are written plainly, and in the vocabulary as the printable symbols of their bytes.
        let symbols: String = content.bytes().map(byte_to_symbol).collect();
        let is_new = !names.contains(content) && !names.contains(&symbols) && !symbols.is_empty();
        if is_new && ids.insert(id) {
            names.insert(symbols.clone());
            vocab.push((symbols, id));
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Writing
// ---------------------------------------------------------------------------------------------------------------------

/// Whether there is nothing of a model in `dir` yet, so that [`save`] writes over nobody's work.
///
/// # Errors
///
/// If one of a model's files is there. The error names it.
pub fn check_free(dir: &Path) -> Result<()> {
    let files = [
        "model.safetensors",
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.json",
        "merges.txt",
        "generation_config.json", // is not written, but read: another model's end tokens would count
    ];
    match files.iter().map(|name| dir.join(name)).find(|path| path.exists()) {
        Some(path) => Err(Error::file(path, "is there already; choose another directory")),
        None => Ok(()),
    }
}

/// Writes a model, with its vocabulary if it has one, as a directory that [`load`] reads back, and `transformers` too.
/// The directory is made if it is not there; in one that is, files are written over (see [`check_free`]).
///
/// `dtype` is what the weights are rounded to: `F32` keeps them as they are.
///
/// # Errors
///
/// A vocabulary larger than the model's, a model with [packed](crate::weight) weights, a weight too large for `dtype`, or
/// what the operating system refuses.
///
/// # Example: write a model, and read it back
///
/// ```
/// use gpt60::checkpoint::{Dtype, load, save};
/// use gpt60::{Config, Gpt2, Rng};
///
/// let dir = std::env::temp_dir().join(format!("gpt60-model-{}", std::process::id()));
/// let model = Gpt2::random(&Config::new(10, 8, 12, 3, 2), &mut Rng::new(1))?;
/// save(&dir, &model, None, Dtype::F32)?;
/// assert_eq!(load(&dir)?.model, model);
/// # std::fs::remove_dir_all(&dir).unwrap();
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn save(dir: &Path, model: &Gpt2, tokenizer: Option<&Tokenizer>, dtype: Dtype) -> Result<()> {
    if let Some(tokenizer) = tokenizer
        && tokenizer.n_vocab() > model.config.n_vocab
    {
        let (ids, rows) = (tokenizer.n_vocab(), model.config.n_vocab);
        let problem = format!("the vocabulary needs {ids} rows of the embedding, and the model has {rows}");
        return Err(Error::argument("save", problem));
    }
    let with_prefix = |name: String| if name == "lm_head.weight" { name } else { format!("transformer.{name}") };
    let tensors: Vec<(String, &Tensor)> =
        model.parameters()?.into_iter().map(|(name, tensor)| (with_prefix(name), tensor)).collect();
    // The transformers library wants to be told for whom the file was written: "pt" is PyTorch, and row-major.
    let metadata = [("format".to_string(), "pt".to_string())];
    // What cannot be written is refused before anything is.
    let weights_path = dir.join("model.safetensors");
    let header = Header::of(&tensors, &metadata, dtype).map_err(|e| e.in_file(&weights_path))?;

    fs::create_dir_all(dir).map_err(|e| Error::io(dir, "made", e))?;
    let end = tokenizer.and_then(Tokenizer::end_of_text);
    write_beside(&dir.join("config.json"), config_text(model, end, dtype).as_bytes())?;
    if let Some(tokenizer) = tokenizer {
        write_tokenizer(dir, tokenizer)?;
    }
    // Last: where there are weights, there is everything.
    safetensors::write_under(&header, &weights_path, &tensors)
}

fn config_text(model: &Gpt2, end: Option<u32>, dtype: Dtype) -> String {
    let config = &model.config;
    let end = end.map_or(Json::Null, Json::from);
    let dtype = match dtype {
        Dtype::F16 => "float16",
        Dtype::Bf16 => "bfloat16",
        _ => "float32",
    };
    let json = Json::object([
        ("architectures", Json::Array(vec!["GPT2LMHeadModel".into()])),
        ("model_type", "gpt2".into()),
        ("vocab_size", config.n_vocab.into()),
        ("n_positions", config.n_ctx.into()),
        ("n_ctx", config.n_ctx.into()),
        ("n_embd", config.n_embd.into()),
        ("n_head", config.n_head.into()),
        ("n_layer", config.n_layer.into()),
        ("n_inner", config.n_inner.into()),
        ("activation_function", "gelu_new".into()),
        ("layer_norm_epsilon", config.layer_norm_epsilon.into()),
        ("tie_word_embeddings", model.lm_head.is_none().into()),
        ("bos_token_id", end.clone()),
        ("eos_token_id", end),
        ("dtype", dtype.into()),
    ]);
    json.to_pretty_string()
}

/// The vocabulary three times over: whole in `tokenizer.json` for today's programs, and in `vocab.json` and
/// `merges.txt` for those of yesterday.
fn write_tokenizer(dir: &Path, tokenizer: &Tokenizer) -> Result<()> {
    let vocab = Json::Object(tokenizer.vocab().into_iter().map(|(token, id)| (token, id.into())).collect());
    let merges = tokenizer.merges();
    let end = tokenizer.end_of_text().and_then(|id| tokenizer.symbol(id).map(|symbol| (id, symbol)));

    write_beside(&dir.join("vocab.json"), vocab.to_string().as_bytes())?;
    let mut lines = "#version: 0.2\n".to_string();
    for (left, right) in &merges {
        lines.push_str(&format!("{left} {right}\n"));
    }
    write_beside(&dir.join("merges.txt"), lines.as_bytes())?;

    let special = end.iter().map(|(id, symbol)| {
        Json::object([
            ("id", (*id).into()),
            ("content", symbol.as_str().into()),
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
    let pairs = merges.iter().map(|(a, b)| Json::Array(vec![a.as_str().into(), b.as_str().into()])).collect();
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
    let json = Json::object([
        ("version", "1.0".into()),
        ("truncation", Json::Null),
        ("padding", Json::Null),
        ("added_tokens", Json::Array(special.collect())),
        ("normalizer", Json::Null),
        ("pre_tokenizer", byte_level.clone()),
        ("post_processor", byte_level.clone()),
        ("decoder", byte_level),
        ("model", model),
    ]);
    write_beside(&dir.join("tokenizer.json"), json.to_string().as_bytes())?;

    let symbol = end.map_or(Json::Null, |(_, symbol)| symbol.as_str().into());
    let json = Json::object([
        ("tokenizer_class", "GPT2Tokenizer".into()),
        ("add_prefix_space", false.into()),
        ("bos_token", symbol.clone()),
        ("eos_token", symbol.clone()),
        ("unk_token", symbol),
        ("pad_token", Json::Null),
    ]);
    write_beside(&dir.join("tokenizer_config.json"), json.to_pretty_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use crate::weight::Precision;
    use std::path::PathBuf;

    const CONFIG: &str = r#"{"vocab_size": 300, "n_positions": 5, "n_embd": 6, "n_head": 2, "n_layer": 2}"#;

    fn model() -> Gpt2 {
        Gpt2::random(&Config::new(300, 5, 6, 2, 2), &mut Rng::new(1)).unwrap()
    }

    /// The configuration with one more entry; a later one of the same name takes the place of the first.
    fn config_with(key: &str, value: &str) -> String {
        let Json::Object(mut entries) = Json::parse(CONFIG).unwrap() else { panic!("{CONFIG} is an object") };
        entries.retain(|(other, _)| other != key);
        entries.push((key.to_string(), Json::parse(value).unwrap()));
        Json::Object(entries).to_string()
    }

    fn config_without(key: &str) -> String {
        let Json::Object(mut entries) = Json::parse(CONFIG).unwrap() else { panic!("{CONFIG} is an object") };
        entries.retain(|(other, _)| other != key);
        Json::Object(entries).to_string()
    }

    type Tensors = Vec<(String, Tensor)>;

    /// The model's tensors, to be changed.
    fn tensors() -> Tensors {
        model().parameters().unwrap().into_iter().map(|(name, tensor)| (name, tensor.clone())).collect()
    }

    /// What comes of this configuration and these tensors.
    fn loaded(config: &str, tensors: &Tensors) -> Result<Gpt2> {
        let borrowed: Vec<(String, &Tensor)> = tensors.iter().map(|(name, tensor)| (name.clone(), tensor)).collect();
        load_from_bytes(config, &safetensors::to_bytes(&borrowed, &[], Dtype::F32).unwrap())
    }

    fn refused(config: &str, tensors: &Tensors) -> String {
        let message = loaded(config, tensors).unwrap_err().to_string();
        assert!(!message.contains('\n'), "{message}");
        message
    }

    // The configuration.

    #[test]
    fn what_is_not_said_has_the_value_that_gpt2_has() {
        let found = loaded(CONFIG, &tensors()).unwrap();
        assert_eq!(found, model());
        assert_eq!(found.config.n_inner, 4 * 6);
        assert_eq!(found.config.layer_norm_epsilon, 1e-5);
        assert_eq!(loaded(&config_with("n_inner", "null"), &tensors()).unwrap(), model());
        assert_eq!(loaded(&config_with("activation_function", "\"gelu_new\""), &tensors()).unwrap(), model());
        assert_eq!(loaded(&config_with("reorder_and_upcast_attn", "true"), &tensors()).unwrap(), model());
        assert_eq!(loaded(&CONFIG.replace("n_positions", "n_ctx"), &tensors()).unwrap(), model());
    }

    #[test]
    fn what_would_change_the_numbers_is_refused() {
        for (key, value, expected) in [
            ("scale_attn_by_inverse_layer_idx", "true", "`scale_attn_by_inverse_layer_idx` is true, expected false"),
            ("add_cross_attention", "true", "`add_cross_attention` is true, expected false"),
            ("scale_attn_weights", "false", "`scale_attn_weights` is false, expected true"),
            ("activation_function", "\"relu\"", "`activation_function` is \"relu\", expected \"gelu_new\""),
            ("model_type", "\"bert\"", "`model_type` is \"bert\", expected \"gpt2\""),
            ("quantization_config", "{}", "only plain weights"),
        ] {
            let message = refused(&config_with(key, value), &tensors());
            assert!(message.starts_with("config.json: ") && message.contains(expected), "{message}");
        }
    }

    #[test]
    fn a_number_that_is_missing_or_no_integer_is_refused_by_name() {
        for key in ["vocab_size", "n_positions", "n_embd", "n_head", "n_layer"] {
            assert_eq!(refused(&config_without(key), &tensors()), format!("config.json: config: `{key}` is missing"));
            for value in ["null", "-1", "6.0", "\"6\"", "[6]", "1e1"] {
                let message = refused(&config_with(key, value), &tensors());
                assert!(message.contains(&format!("`{key}` is {value}, expected an integer")), "{message}");
            }
        }
        assert!(refused(&config_with("n_inner", "-1"), &tensors()).contains("`n_inner`"));
        assert!(refused(&config_with("layer_norm_epsilon", "\"small\""), &tensors()).contains("`layer_norm_epsilon`"));
        assert!(refused(&config_with("n_head", "4"), &tensors()).contains("not a multiple"));
        assert!(refused("[]", &tensors()).contains("expected an object"));
        assert!(refused("", &tensors()).starts_with("config.json: JSON"));
    }

    #[test]
    fn end_ids_are_a_number_a_list_or_null() {
        let end_ids = |value: &str| Settings::parse(&config_with("eos_token_id", value)).unwrap().end_ids;
        assert_eq!(Settings::parse(CONFIG).unwrap().end_ids, None);
        assert_eq!(end_ids("null"), Some(vec![]));
        assert_eq!(end_ids("7"), Some(vec![7]));
        assert_eq!(end_ids("[7, 9]"), Some(vec![7, 9]));
        assert_eq!(end_ids("[7, -1, 99999999999]"), Some(vec![7])); // no model produces the others
        for value in ["\"7\"", "true", "{}", "[null]"] {
            assert!(Settings::parse(&config_with("eos_token_id", value)).is_err(), "{value}");
        }
    }

    // The weights.

    #[test]
    fn a_missing_tensor_is_named() {
        let full = tensors();
        for i in 0..full.len() {
            let mut less = full.clone();
            let (name, _) = less.remove(i);
            let expected = format!(
                "model.safetensors: tensor {name:?}: is missing; config.json has n_layer 2, so it must be there"
            );
            assert_eq!(refused(CONFIG, &less), expected);
        }
    }

    #[test]
    fn a_tensor_of_another_shape_is_named_with_both_shapes() {
        let full = tensors();
        for i in 0..full.len() {
            let mut other = full.clone();
            let shape = [other[i].1.shape(), &[1]].concat();
            other[i].1 = Tensor::zeros(&shape);
            let message = refused(CONFIG, &other);
            let expected = full[i].1.shape();
            let text = format!("tensor {:?}: has shape {shape:?}, and config.json makes it {expected:?}", full[i].0);
            assert!(message.contains(&text), "{message}");
        }
        let mut turned = full;
        let at = turned.iter().position(|(name, _)| name == "h.1.mlp.c_fc.weight").unwrap();
        turned[at].1 = Tensor::zeros(&[24, 6]);
        assert!(refused(CONFIG, &turned).contains("transposed"));
    }

    #[test]
    fn masks_are_skipped_by_name_and_nothing_else_is() {
        let mut with_masks = tensors();
        with_masks.push(("h.0.attn.bias".to_string(), Tensor::zeros(&[1, 1, 5, 5])));
        with_masks.push(("transformer.h.1.attn.masked_bias".to_string(), Tensor::zeros(&[])));
        assert_eq!(loaded(CONFIG, &with_masks).unwrap(), model());
        for name in ["h.0.attn.bias", "h.47.attn.bias", "h.3.attn.masked_bias"] {
            assert!(is_mask(name), "{name}");
        }
        for name in ["h.0.attn.c_attn.bias", "h.x.attn.bias", "attn.bias", "h.0.mlp.attn.bias", "h.0.ln_1.bias"] {
            assert!(!is_mask(name), "{name}");
        }
    }

    #[test]
    fn the_prefix_makes_no_difference_but_the_same_name_twice_does() {
        let prefixed: Tensors = tensors().into_iter().map(|(n, t)| (format!("transformer.{n}"), t)).collect();
        assert_eq!(loaded(CONFIG, &prefixed).unwrap(), model());
        let mut twice = tensors();
        twice.push(prefixed[3].clone());
        assert!(refused(CONFIG, &twice).contains("with the prefix `transformer.` and without it"));
    }

    #[test]
    fn layers_beyond_the_configuration_are_refused_and_heads_for_other_tasks_are_not() {
        let message = refused(&config_with("n_layer", "1"), &tensors());
        assert!(message.contains("\"h.1.attn.c_attn.bias\": is not part of a GPT-2 with n_layer 1"), "{message}");
        let mut classifier = tensors();
        classifier.push(("score.weight".to_string(), Tensor::zeros(&[2, 6])));
        assert_eq!(loaded(CONFIG, &classifier).unwrap(), model());
    }

    #[test]
    fn a_head_of_its_own_is_kept_if_it_differs_or_the_configuration_asks() {
        let untied = config_with("tie_word_embeddings", "false");
        let head = |config: &str, head: Option<Tensor>| {
            let mut tensors = tensors();
            tensors.extend(head.map(|head| ("lm_head.weight".to_string(), head)));
            loaded(config, &tensors).map(|model| model.lm_head.map(|head| head.tensor().unwrap().clone()))
        };
        let (wte, other) = (model().wte.tensor().unwrap().clone(), Tensor::full(&[300, 6], 0.5));
        assert_eq!(head(CONFIG, None), Ok(None));
        assert_eq!(head(CONFIG, Some(wte.clone())), Ok(None));
        assert_eq!(head(CONFIG, Some(other.clone())), Ok(Some(other.clone())));
        assert_eq!(head(&untied, Some(other.clone())), Ok(Some(other)));
        assert_eq!(head(&untied, Some(wte.clone())), Ok(Some(wte)));
        let message = head(&untied, None).unwrap_err().to_string();
        assert!(
            message.contains("\"lm_head.weight\": is missing; config.json has tie_word_embeddings false"),
            "{message}"
        );
    }

    #[test]
    fn a_tied_model_may_keep_its_one_table_under_the_name_of_the_head() {
        let mut renamed = tensors();
        renamed[0].0 = "lm_head.weight".to_string();
        assert_eq!(loaded(CONFIG, &renamed).unwrap(), model());
        assert!(refused(&config_with("tie_word_embeddings", "false"), &renamed).contains("\"wte.weight\": is missing"));
    }

    // The directory.

    /// A directory for one test, with these files in it.
    fn directory(name: &str, files: &[(&str, &[u8])]) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("gpt60-hf-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        for (file, bytes) in files {
            fs::write(dir.join(file), bytes).unwrap();
        }
        dir
    }

    /// The error for a directory with these files, without the directory's name.
    fn refused_directory(name: &str, files: &[(&str, &[u8])]) -> String {
        let dir = directory(name, files);
        let message = load(&dir).unwrap_err().to_string();
        fs::remove_dir_all(&dir).unwrap();
        let shown = dir.display().to_string();
        assert!(message.starts_with(&shown) && !message.contains('\n'), "{message}");
        message[shown.len()..].to_string()
    }

    #[test]
    fn missing_files_are_named_with_what_to_do() {
        let config = ("config.json", CONFIG.as_bytes());
        let expected = "expected config.json and model.safetensors in it";
        assert_eq!(refused_directory("empty", &[]), format!(": it has no config.json: {expected}"));
        assert_eq!(refused_directory("config", &[config]), format!(": it has no model.safetensors; {expected}"));
        let message = refused_directory("pickle", &[config, ("pytorch_model.bin", b"")]);
        assert!(
            message.contains("pytorch_model.bin is a Python pickle") && message.contains("save it again"),
            "{message}"
        );
        let message = refused_directory("shards", &[config, ("model.safetensors.index.json", b"{}")]);
        assert!(message.contains("in several files") && message.contains("save it again"), "{message}");
        let message = load(Path::new("no/such/directory")).unwrap_err().to_string();
        assert_eq!(message, format!("no/such/directory: there is no such directory: {expected}"));
    }

    #[test]
    fn broken_files_are_named() {
        let config = ("config.json", CONFIG.as_bytes());
        let message = refused_directory("json", &[("config.json", b"{")]);
        assert!(message.starts_with("/config.json: JSON: expected"), "{message}");
        let message = refused_directory("cut", &[config, ("model.safetensors", b"cut")]);
        assert!(message.starts_with("/model.safetensors: safetensors header: the file has 3 bytes"), "{message}");
    }

    // The vocabulary.

    fn tokenizer() -> Tokenizer {
        Tokenizer::learn("the cat sat on the hat, the cat that sat<|endoftext|>the end of the cat", 265).unwrap()
    }

    /// A directory with the model and its vocabulary, and the `tokenizer.json` in it.
    fn with_vocabulary(name: &str) -> (PathBuf, Json) {
        let dir = directory(name, &[]);
        save(&dir, &model(), Some(&tokenizer()), Dtype::F32).unwrap();
        let json = read_json(&dir.join("tokenizer.json")).unwrap();
        (dir, json)
    }

    /// The same JSON with the value at the end of this path of keys replaced, or added.
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

    #[test]
    fn of_a_model_that_cannot_be_written_nothing_is_written() {
        let mut model = model();
        let dir = directory("refused", &[]).join("new");
        let mut packed = model.clone();
        packed.pack(Precision::Int8).unwrap();
        let message = save(&dir, &packed, None, Dtype::F32).unwrap_err().to_string();
        assert!(message.contains("packed in fewer bytes") && message.contains("load the model as f32"), "{message}");
        assert!(!dir.exists());
        model.wte.tensor_mut().unwrap().data_mut()[0] = 70_000.0; // more than an f16 can hold
        let message = save(&dir, &model, Some(&tokenizer()), Dtype::F16).unwrap_err().to_string();
        assert!(message.contains("model.safetensors") && message.contains("too large"), "{message}");
        assert!(!dir.exists());
        fs::remove_dir_all(dir.parent().unwrap()).unwrap();
    }

    #[test]
    fn a_file_on_generation_decides_alone_where_a_text_ends() {
        // So does transformers 5.23, as a trial with each of these showed.
        let dir = directory("generation", &[]);
        save(&dir, &model(), None, Dtype::F32).unwrap();
        fs::write(dir.join("config.json"), config_with("eos_token_id", "7")).unwrap();
        assert_eq!(load(&dir).unwrap().end_ids, [7]);
        for (text, expected) in [
            (r#"{"eos_token_id": 9}"#, vec![9]),
            (r#"{"eos_token_id": [9, 4]}"#, vec![9, 4]),
            (r#"{"eos_token_id": null}"#, vec![]),
            (r#"{"max_length": 50}"#, vec![]),
        ] {
            fs::write(dir.join("generation_config.json"), text).unwrap();
            assert_eq!(load(&dir).unwrap().end_ids, expected, "{text}");
        }
        fs::write(dir.join("generation_config.json"), r#"{"eos_token_id": "x"}"#).unwrap();
        let error = load(&dir).unwrap_err().to_string();
        assert!(error.contains("generation_config.json") && error.contains("`eos_token_id`"), "{error}");
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn without_an_end_id_in_the_configuration_the_vocabulary_has_it() {
        let (dir, _) = with_vocabulary("end");
        assert_eq!(load(&dir).unwrap().end_ids, [264]); // written by save
        fs::write(dir.join("config.json"), CONFIG).unwrap();
        assert_eq!(load(&dir).unwrap().end_ids, [264]); // not in the configuration: <|endoftext|> of the vocabulary
        fs::write(dir.join("config.json"), config_with("eos_token_id", "null")).unwrap();
        assert_eq!(load(&dir).unwrap().end_ids, []);
        fs::write(dir.join("config.json"), config_with("eos_token_id", "50256")).unwrap();
        assert_eq!(load(&dir).unwrap().end_ids, []); // beyond the vocabulary
        fs::remove_dir_all(&dir).unwrap();
    }
}
