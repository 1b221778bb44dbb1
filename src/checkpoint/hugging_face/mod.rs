//! A GPT-2 in a directory, as Hugging Face lays it out: read and written.
//!
//! This is the form in which the world exchanges models. A directory holds a few files, each for one part of a model:
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
//! This file is about the directory. The first two files have a source file each, `config_json.rs` and `weights.rs`;
//! `vocabulary.rs` handles the next three. In each, the writer follows the reader.
//!
//! Version 5.23 of the `transformers` library has read what this module writes, with the same logits and the same ids.
//!
//! [Chapter 14](crate::book::ch14_the_real_gpt2) explains it.

mod config_json;
mod vocabulary;
mod weights;

#[cfg(test)]
mod tests;

use super::beside::write_beside;
use super::json::Json;
use super::safetensors::{self, Dtype, Header, SafeTensors};
use crate::error::{Error, Result};
use crate::model::Gpt2;
use crate::text_file;
use crate::tokenizer::Tokenizer;
use config_json::{ConfigJson, parse_end_ids};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// The contents of a model directory.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The model.
    pub model: Gpt2,
    /// Its vocabulary, if the directory has one.
    pub tokenizer: Option<Tokenizer>,
    /// The ids that end a text. The list may be empty.
    pub end_ids: Vec<u32>,
}

impl Checkpoint {
    /// A token for the eye: its text in quotes, because many begin with a space; without a vocabulary, its id.
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
    #[must_use]
    pub fn token_name(&self, id: u32) -> String {
        match self.tokenizer.as_ref().and_then(|tokenizer| tokenizer.token_bytes(id)) {
            Some(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
            None => format!("token {id}"),
        }
    }
}

/// Reads the model in the directory `dir`.
///
/// The vocabulary comes from `tokenizer.json`, otherwise from `vocab.json` and `merges.txt`, otherwise from
/// `merges.txt` alone with OpenAI's numbering. A directory with none of them is a model that works with ids only.
///
/// # Errors
///
/// Files that are missing or broken, tensors that are missing or do not have the shape in the configuration, a
/// configuration that asks for something other than GPT-2, a vocabulary that is larger than the model's. The error
/// names the file, what was found and what was expected.
pub fn load(dir: impl AsRef<Path>) -> Result<Checkpoint> {
    let dir = dir.as_ref();
    let json = read_config_json(dir)?;
    let weights_path = dir.join("model.safetensors");
    if is_missing(&weights_path) {
        return Err(missing_weights(dir));
    }
    let mut file = SafeTensors::open(&weights_path)?;
    let model = weights::read(&json, &mut file).map_err(|e| e.in_file(&weights_path))?;

    let n_vocab = model.config.n_vocab;
    let tokenizer = vocabulary::read(dir, n_vocab)?;
    let end_ids = match generation_end_ids(dir)?.or(json.end_ids) {
        Some(ids) => ids,
        None => tokenizer.iter().filter_map(Tokenizer::end_of_text).collect(),
    };
    // A small model often has GPT-2's 50256 in its configuration, left over from a default. The model can never produce
    // it.
    let end_ids = end_ids.into_iter().filter(|&id| (id as usize) < n_vocab).collect();
    Ok(Checkpoint { model, tokenizer, end_ids })
}

/// The end ids of the optional `generation_config.json`. If it exists, it alone decides, even if it names no end token.
fn generation_end_ids(dir: &Path) -> Result<Option<Vec<u32>>> {
    let path = dir.join("generation_config.json");
    if !path.is_file() {
        return Ok(None);
    }
    let ids = parse_end_ids(&read_json(&path)?).map_err(|e| e.in_file(&path))?;
    Ok(Some(ids.unwrap_or_default()))
}

/// Reads only the vocabulary from `dir`, when the weights are large or missing. `None` without a vocabulary.
///
/// # Errors
///
/// As [`load`], as far as the configuration and the vocabulary are concerned.
pub fn load_tokenizer(dir: impl AsRef<Path>) -> Result<Option<Tokenizer>> {
    let dir = dir.as_ref();
    let json = read_config_json(dir)?;
    vocabulary::read(dir, json.config.n_vocab)
}

fn read_config_json(dir: &Path) -> Result<ConfigJson> {
    let path = dir.join("config.json");
    if is_missing(&path) {
        let why = if dir.is_dir() { "it has no config.json" } else { "there is no such directory" };
        return Err(Error::missing(dir, format!("{why}: expected config.json and model.safetensors in it")));
    }
    ConfigJson::parse(&read_text(&path)?).map_err(|e| e.in_file(&path))
}

/// Reads a model from the text of a `config.json` and the bytes of a `model.safetensors`, for a model that is built
/// into the program.
///
/// # Errors
///
/// As [`load`].
#[doc(hidden)]
pub fn load_from_bytes(config_json: &str, safetensors: &[u8]) -> Result<Gpt2> {
    let json = ConfigJson::parse(config_json).map_err(|e| e.in_file("config.json"))?;
    let mut file = SafeTensors::from_bytes(safetensors).map_err(|e| e.in_file("model.safetensors"))?;
    weights::read(&json, &mut file).map_err(|e| e.in_file("model.safetensors"))
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

/// Whether the file is missing. A file that exists but may not be read is not missing: reading it reports the reason.
fn is_missing(path: &Path) -> bool {
    let metadata = fs::metadata(path);
    metadata.is_err_and(|e| matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory))
}

/// The text of a file, which must be UTF-8, as all JSON is.
fn read_text(path: &Path) -> Result<String> {
    let text = text_file::read(path)?;
    text_file::refuse_byte_order_mark(&text).map_err(|problem| Error::file(path, problem))?;
    Ok(text)
}

fn read_json(path: &Path) -> Result<Json> {
    Json::parse(&read_text(path)?).map_err(|e| e.in_file(path))
}

/// Checks that `dir` holds nothing of a model yet, so [`save`] overwrites nothing.
///
/// # Errors
///
/// If the directory holds one of the files of a model. The error names it.
#[doc(hidden)]
pub fn check_free(dir: impl AsRef<Path>) -> Result<()> {
    let dir = dir.as_ref();
    let files = [
        "model.safetensors",
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.json",
        "merges.txt",
        "generation_config.json", // never written, but read: another model's end tokens would apply
    ];
    match files.iter().map(|name| dir.join(name)).find(|path| path.exists()) {
        Some(path) => Err(Error::file(path, "is there already; choose another directory")),
        None => Ok(()),
    }
}

/// Writes a model, and its optional vocabulary, as a directory that both [`load`] and `transformers` can read. A
/// missing directory is created; in an existing one, files are overwritten (see `check_free`).
///
/// `dtype` is what the weights are rounded to: `F32` keeps them as they are.
///
/// # Errors
///
/// A vocabulary larger than the model's, a model with [packed](crate::weight) weights, a weight too large for `dtype`,
/// or a refusal of the operating system.
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
pub fn save(dir: impl AsRef<Path>, model: &Gpt2, tokenizer: Option<&Tokenizer>, dtype: Dtype) -> Result<()> {
    let dir = dir.as_ref();
    if let Some(tokenizer) = tokenizer
        && tokenizer.n_vocab() > model.config.n_vocab
    {
        let (ids, rows) = (tokenizer.n_vocab(), model.config.n_vocab);
        let problem = format!("the vocabulary needs {ids} rows of the embedding, and the model has {rows}");
        return Err(Error::argument("save", problem));
    }
    let tensors = weights::named_for_file(model)?;
    // The transformers library asks which program the file is for: "pt" is PyTorch, and row-major.
    let metadata = [("format".to_string(), "pt".to_string())];
    // Anything that cannot be written is refused before the first file is written.
    let weights_path = dir.join("model.safetensors");
    let header = Header::of(&tensors, &metadata, dtype).map_err(|e| e.in_file(&weights_path))?;

    fs::create_dir_all(dir).map_err(|e| Error::io(dir, "made", e))?;
    let end = tokenizer.and_then(Tokenizer::end_of_text);
    write_beside(dir.join("config.json"), config_json::text(model, end, dtype).as_bytes())?;
    if let Some(tokenizer) = tokenizer {
        vocabulary::write(dir, tokenizer)?;
    }
    // Last: if the weights are there, everything is there.
    safetensors::write_under(&header, &weights_path, &tensors)
}
