//! The forms in which the world keeps GPT-2s, and how to know which one a path leads to.
//!
//! The same numbers travel in several envelopes. Each program that trained or ran a GPT-2 has made its own, and each was a
//! good idea when it was made:
//!
//! | file here | what it reads |
//! | --- | --- |
//! | `hugging_face/` (beside this folder) | a directory with `config.json` and `model.safetensors`, the form of today |
//! | `nano_gpt.rs` | `ckpt.pt`, what nanoGPT saves in training: a file of PyTorch |
//! | `llm_c/` | `gpt2_124M.bin`, what llm.c trains: a header of integers, and the numbers |
//! | `gguf/` | `gpt2.Q4_K_M.gguf` and the like, what llama.cpp runs: entries, a list of tensors, and the vocabulary; also written |
//! | `tensorflow/` | `model.ckpt.index` and its data, what OpenAI released, and `hparams.json` beside them |
//!
//! All readers do the same: they turn a path into an [`Opened`] model. That is the configuration, and a list of tensors
//! with the places where their numbers lie. No weight is read yet, so it takes no time and no memory, whatever the size of
//! the file. What comes after is the same for all forms: `weights/` reads the numbers.
//!
//! [Models in other files](crate::book::other_files) has a table of the forms, and explains each.

pub(super) mod gguf;
pub(super) mod llm_c;
mod nano_gpt;
mod tensorflow;

use super::Kept;
use super::beside::directory_of;
use super::hugging_face;
use super::pytorch;
use super::tensors::Tensors;
use super::weights::Described;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::text_file::begins_as_safetensors;
use crate::tokenizer::Tokenizer;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// A form in which models are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::checkpoint) enum Form {
    HuggingFace,
    NanoGpt,
    LlmC,
    Gguf,
    TensorFlow,
}

/// What it is, for a reader.
impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Form::HuggingFace => "a directory in the form of Hugging Face",
            Form::NanoGpt => "a checkpoint of nanoGPT",
            Form::LlmC => "a checkpoint of llm.c",
            Form::Gguf => "a model in the form of llama.cpp (GGUF)",
            Form::TensorFlow => "a checkpoint of TensorFlow",
        })
    }
}

/// A model of which everything is known but its numbers.
#[derive(Debug)]
pub(in crate::checkpoint) struct Opened {
    pub form: Form,
    /// How large it is, and what else is said about it.
    pub described: Described,
    /// The file with the weights, or the index of several: for messages.
    pub path: PathBuf,
    pub tensors: Tensors<File>,
    pub vocabulary: Vocabulary,
    /// What changes the numbers or the text, and is said when the model is read, a line each.
    pub notes: Vec<String>,
    /// What else is peculiar about the file, for `inspect`.
    pub remarks: Vec<String>,
}

/// Where the vocabulary of a model is.
#[derive(Debug)]
pub(in crate::checkpoint) enum Vocabulary {
    /// In the files of a directory of Hugging Face, which also says more about the model.
    Directory(PathBuf),
    /// In files beside the model's own; or it is GPT-2's, if there are none and the model has as many rows.
    Beside(PathBuf),
    /// In the file itself, of which this is the first part.
    Gguf(gguf::Header),
}

impl Vocabulary {
    /// In files beside the model's file `path`.
    fn beside(path: &Path) -> Vocabulary {
        Vocabulary::Beside(directory_of(path).to_path_buf())
    }
}

impl Opened {
    /// A model about which there is nothing else to say.
    pub fn new(
        form: Form,
        described: Described,
        path: &Path,
        tensors: Tensors<File>,
        vocabulary: Vocabulary,
    ) -> Opened {
        let path = path.to_path_buf();
        Opened { form, described, path, tensors, vocabulary, notes: Vec::new(), remarks: Vec::new() }
    }

    /// The vocabulary, if there is one, and what else is said about the model. What was left out is added to the notes.
    ///
    /// # Errors
    ///
    /// Files of a vocabulary that are broken, or do not fit the model.
    pub fn vocabulary(&mut self) -> Result<(Option<Tokenizer>, Kept)> {
        let n_vocab = self.described.config.n_vocab;
        match &self.vocabulary {
            Vocabulary::Directory(dir) => {
                Ok((hugging_face::read_vocabulary(dir, n_vocab, &mut self.notes)?, Kept::read(dir)?))
            }
            Vocabulary::Gguf(header) => {
                let read = gguf::read_vocabulary(header, n_vocab, &mut self.notes);
                read.map_err(|e| e.in_file(&self.path))
            }
            Vocabulary::Beside(dir) => {
                let found = hugging_face::read_vocabulary(dir, n_vocab, &mut self.notes)?;
                // One that is there and cannot be used here is another than GPT-2's.
                if found.is_some() || hugging_face::has_vocabulary(dir) || ![50_257, 50_304].contains(&n_vocab) {
                    return Ok((found, Kept::default()));
                }
                self.notes
                    .push("there is no vocabulary beside the file: by its size, GPT-2's own is taken".to_string());
                Ok((Some(Tokenizer::gpt2()), Kept::default()))
            }
        }
    }
}

/// What a path leads to: a form, and the directory or the file of it.
#[derive(Debug)]
pub(in crate::checkpoint) struct Found {
    form: Form,
    /// The directory of a model of Hugging Face, or the file of another.
    path: PathBuf,
    /// The file with the weights, if that was given and not its directory.
    weights: Option<PathBuf>,
}

impl Found {
    fn new(form: Form, path: &Path) -> Found {
        Found { form, path: path.to_path_buf(), weights: None }
    }

    /// Opens the model.
    ///
    /// # Errors
    ///
    /// Files that are missing, broken, or hold something that is not a GPT-2. The error names the file.
    pub fn open(&self) -> Result<Opened> {
        match self.form {
            Form::HuggingFace => hugging_face::open(&self.path, self.weights.as_deref()),
            Form::NanoGpt => nano_gpt::open(&self.path),
            Form::LlmC => llm_c::open(&self.path),
            Form::Gguf => gguf::open(&self.path),
            Form::TensorFlow => tensorflow::open(&self.path),
        }
    }

    /// How large the model is. A directory need not have weights for that.
    ///
    /// # Errors
    ///
    /// As [`Found::open`].
    pub fn config(&self) -> Result<Config> {
        match self.form {
            Form::HuggingFace => hugging_face::config(&self.path),
            _ => Ok(self.open()?.described.config),
        }
    }

    /// The vocabulary. A directory need not have weights for that.
    ///
    /// # Errors
    ///
    /// As [`Found::open`] and [`Opened::vocabulary`].
    pub fn tokenizer(&self) -> Result<Option<Tokenizer>> {
        match self.form {
            Form::HuggingFace => {
                let n_vocab = hugging_face::config(&self.path)?.n_vocab;
                hugging_face::read_vocabulary(&self.path, n_vocab, &mut Vec::new())
            }
            _ => Ok(self.open()?.vocabulary()?.0),
        }
    }
}

/// What is at `path`: a directory, or a file of a model. The contents decide, not the names.
///
/// # Errors
///
/// If there is nothing that is read here. The error says what it is instead, as far as that is known, and what to do.
pub(in crate::checkpoint) fn find(path: &Path) -> Result<Found> {
    if let Some(index) = tensorflow::index(path)? {
        return Ok(Found::new(Form::TensorFlow, &index));
    }
    if path.is_file() {
        return find_file(path);
    }
    let dir = hugging_face::directory(path)?;
    let is_described = dir.join("config.json").is_file();
    if !is_described || hugging_face::weights_in(&dir).is_none() {
        let mut alone = alone_in(&dir);
        alone.extend(tensorflow::index_in(&dir)?.map(|index| Found::new(Form::TensorFlow, &index)));
        if alone.len() > 1 && !is_described {
            let (n, first) = (alone.len(), alone[0].path.display());
            return Err(Error::file(&dir, format!("there are {n} models in it: give one, for example {first}")));
        }
        if alone.len() == 1 {
            return Ok(alone.remove(0));
        }
    }
    Ok(Found::new(Form::HuggingFace, &dir))
}

/// Why the model at `path` has no vocabulary that can be used, if the file of the model itself says so.
pub(in crate::checkpoint) fn why_without_vocabulary(path: &Path) -> Option<String> {
    match find(path).ok()?.open().ok()?.vocabulary {
        Vocabulary::Gguf(header) => gguf::other_kind(&header).ok()?,
        Vocabulary::Directory(_) | Vocabulary::Beside(_) => None,
    }
}

/// What the file `path` is.
fn find_file(path: &Path) -> Result<Found> {
    let dir = directory_of(path);
    let start = start_of(path).map_err(|e| Error::io(path, "read", e))?;
    let is_described = dir.join("config.json").is_file();
    // A file of PyTorch of before 2020 is refused with a remedy of its own, when it is opened.
    let is_torch = pytorch::is_it(&start) != Ok(false);
    if is_described && (is_torch || begins_as_safetensors(&start) || hugging_face::is_index(path)) {
        return Ok(Found { form: Form::HuggingFace, path: dir.to_path_buf(), weights: Some(path.to_path_buf()) });
    }
    match form_by_itself(&start) {
        Some(form) => Ok(Found::new(form, path)),
        // Under this name there is nothing else; what is wrong with the file is said when it is opened.
        None if path.extension().is_some_and(|extension| extension == "gguf") => Ok(Found::new(Form::Gguf, path)),
        None if is_torch => Ok(Found::new(Form::NanoGpt, path)),
        None => Err(hugging_face::is_a_file(path)),
    }
}

/// The models that are a single file in `dir`.
fn alone_in(dir: &Path) -> Vec<Found> {
    // A model's directory has a few files. In one with thousands, the first will do.
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().take(1000).map(|entry| entry.path()).collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths.iter().filter(|path| path.is_file()) {
        let Ok(start) = start_of(path) else { continue };
        // Of the many files of PyTorch there may be, nanoGPT's has this name.
        let is_nano = path.ends_with("ckpt.pt") && pytorch::is_it(&start) != Ok(false);
        let form = if is_nano { Some(Form::NanoGpt) } else { form_by_itself(&start) };
        found.extend(form.map(|form| Found::new(form, path)));
    }
    found
}

/// The form of a file that is a whole model, if its first bytes show it.
fn form_by_itself(start: &[u8]) -> Option<Form> {
    match start {
        _ if begins_as_safetensors(start) => None,
        _ if gguf::is_it(start) => Some(Form::Gguf),
        _ if llm_c::is_it(start) => Some(Form::LlmC),
        _ => None,
    }
}

/// The first bytes of a file.
fn start_of(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut start = Vec::new();
    File::open(path)?.take(16).read_to_end(&mut start)?;
    Ok(start)
}
