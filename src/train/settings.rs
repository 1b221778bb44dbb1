//! What a training run is told: sizes, rates, texts.
//!
//! These numbers and the texts decide everything about a run. They are kept in its state as names and values, so you
//! need not repeat them when you resume the run.
//!
//! [Chapter 13](crate::book::ch13_training) leads to [its page](crate::book::train) in the book.

use super::adamw::AdamW;
use crate::checkpoint::{self, Json};
use crate::config::Config;
use crate::error::{Error, Result};
pub use crate::kernels::arithmetic::Arithmetic;
use crate::model::Gpt2;
use crate::text_file;
use std::fs;
use std::path::PathBuf;

/// What a run is told, apart from its texts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Blocks of the model.
    pub n_layer: usize,
    /// Attention heads of a block.
    pub n_head: usize,
    /// Numbers that stand for a token.
    pub n_embd: usize,
    /// Tokens that the model can look at.
    pub n_ctx: usize,
    /// Tokens in the vocabulary, at most; it is learned from the texts.
    pub n_vocab: usize,
    /// Windows of text in a batch.
    pub batch: usize,
    /// Batches whose gradients are added up before a step: a larger batch in the same memory. At least 1.
    pub accumulate: usize,
    /// Steps in all.
    pub steps: u64,
    /// Steps until the learning rate reaches its peak.
    pub warmup: u64,
    /// The peak of the learning rate.
    pub lr: f32,
    /// How slowly AdamW's first average forgets.
    pub beta1: f32,
    /// How slowly AdamW's second average forgets.
    pub beta2: f32,
    /// How much matrices and embeddings shrink.
    pub weight_decay: f32,
    /// Whether the matrices of the blocks are moved by [Muon](super::muon) and not by AdamW.
    pub muon: bool,
    /// The longest gradient that is not clipped; 0 for no clipping.
    pub clip: f32,
    /// The seed of the random numbers.
    pub seed: u64,
    /// In which numbers the products of a step are made.
    pub precision: Arithmetic,
    /// Steps between two measurements of the validation loss.
    pub valid_every: u64,
    /// Steps between two saves of the state, which is also saved by the clock: soon after the start, then each minute.
    pub save_every: u64,
}

impl Default for Settings {
    /// A small model that learns from a small text in a few minutes.
    fn default() -> Settings {
        Settings {
            n_layer: 4,
            n_head: 4,
            n_embd: 128,
            n_ctx: 128,
            n_vocab: 2048,
            batch: 16,
            accumulate: 1,
            steps: 1000,
            warmup: 50,
            lr: 2e-3,
            beta1: 0.9,
            beta2: 0.95,
            weight_decay: 0.1,
            muon: false,
            clip: 1.0,
            seed: 42,
            precision: Arithmetic::F32,
            valid_every: 100,
            save_every: 250,
        }
    }
}

impl Settings {
    /// The settings as names and values, for the metadata of the state.
    pub(super) fn to_list(self) -> Vec<(String, String)> {
        let list: [(&str, String); 19] = [
            ("n_layer", self.n_layer.to_string()),
            ("n_head", self.n_head.to_string()),
            ("n_embd", self.n_embd.to_string()),
            ("n_ctx", self.n_ctx.to_string()),
            ("n_vocab", self.n_vocab.to_string()),
            ("batch", self.batch.to_string()),
            ("accumulate", self.accumulate.to_string()),
            ("steps", self.steps.to_string()),
            ("warmup", self.warmup.to_string()),
            ("lr", self.lr.to_string()),
            ("beta1", self.beta1.to_string()),
            ("beta2", self.beta2.to_string()),
            ("weight_decay", self.weight_decay.to_string()),
            ("muon", self.muon.to_string()),
            ("clip", self.clip.to_string()),
            ("seed", self.seed.to_string()),
            ("precision", self.precision.to_string()),
            ("valid_every", self.valid_every.to_string()),
            ("save_every", self.save_every.to_string()),
        ];
        list.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
    }

    /// The settings from [`Settings::to_list`].
    ///
    /// # Errors
    ///
    /// If an entry is missing or is not valid. Only the precision and the choice of Muon may be missing: the states of older
    /// versions of this crate do not have them. Their products were made in `f32`, and AdamW moved everything.
    pub(super) fn from_list(list: &[(String, String)]) -> Result<Settings> {
        fn number<T: std::str::FromStr>(list: &[(String, String)], name: &str) -> Result<T> {
            let text = lookup(list, name)?;
            text.parse().map_err(|_| Error::format("training state", format!("{name}: {text:?} is not a valid number")))
        }
        let precision = match lookup(list, "precision") {
            Ok(name) => name.parse().map_err(|e: Error| Error::format("training state", format!("precision: {e}")))?,
            Err(_) => Arithmetic::F32,
        };
        let muon = match lookup(list, "muon") {
            Ok("true") => true,
            Ok("false") | Err(_) => false,
            Ok(other) => return Err(Error::format("training state", format!("muon: {other:?} is not true or false"))),
        };
        Ok(Settings {
            n_layer: number(list, "n_layer")?,
            n_head: number(list, "n_head")?,
            n_embd: number(list, "n_embd")?,
            n_ctx: number(list, "n_ctx")?,
            n_vocab: number(list, "n_vocab")?,
            batch: number(list, "batch")?,
            accumulate: number(list, "accumulate")?,
            steps: number(list, "steps")?,
            warmup: number(list, "warmup")?,
            lr: number(list, "lr")?,
            beta1: number(list, "beta1")?,
            beta2: number(list, "beta2")?,
            weight_decay: number(list, "weight_decay")?,
            muon,
            clip: number(list, "clip")?,
            seed: number(list, "seed")?,
            precision,
            valid_every: number(list, "valid_every")?,
            save_every: number(list, "save_every")?,
        })
    }

    /// The optimizer that these settings describe, before its first step.
    pub(super) fn optimizer(&self, model: &Gpt2) -> AdamW {
        AdamW { muon: self.muon, ..AdamW::new(model, self.beta1, self.beta2, self.weight_decay) }
    }

    /// Checks that every setting is in its range.
    ///
    /// # Errors
    ///
    /// If one is not. The error names the setting and the range.
    pub fn check(&self) -> Result<()> {
        Config::new(self.n_vocab, self.n_ctx, self.n_embd, self.n_head, self.n_layer).check()?;
        let wrong = |name: &str, rule: &str| Err(Error::argument(name, rule));
        if self.n_vocab < 257 {
            return wrong("n_vocab", "it must be 257 or more: the 256 bytes and <|endoftext|>");
        }
        for (name, n) in [
            ("batch", self.batch as u64),
            ("accumulate", self.accumulate as u64),
            ("steps", self.steps),
            ("valid_every", self.valid_every),
            ("save_every", self.save_every),
        ] {
            if n == 0 {
                return wrong(name, "it must be 1 or more");
            }
        }
        if !(self.lr > 0.0 && self.lr <= 1.0) {
            // A step moves every parameter by about lr, and good parameters are well below 1.
            return wrong("lr", "the learning rate must be above 0 and at most 1");
        }
        if !(0.0..1.0).contains(&self.beta1) || !(0.0..1.0).contains(&self.beta2) {
            return wrong("beta", "beta1 and beta2 must be at least 0 and below 1");
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite() && self.clip >= 0.0) {
            return wrong("weight_decay", "weight decay and clip must be 0 or more");
        }
        Ok(())
    }
}

/// The texts of a run, and the model it begins from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inputs {
    /// Text files to learn from.
    pub train: Vec<PathBuf>,
    /// Text files that the model is only measured on; nothing is learned from them.
    pub valid: Vec<PathBuf>,
    /// A model directory to begin from instead of random weights: fine-tuning.
    pub init: Option<PathBuf>,
}

impl Inputs {
    /// The same paths made absolute, so a run can be resumed from any directory.
    ///
    /// # Errors
    ///
    /// If a file does not exist, its path is not UTF-8, or there is no model to begin from.
    pub(super) fn absolute(&self) -> Result<Inputs> {
        let absolute = |path: &PathBuf| {
            let found = fs::canonicalize(path).map_err(|e| Error::io(path, "read", e))?;
            match found.to_str() {
                Some(_) => Ok(found),
                None => Err(Error::file(found, "its path is not UTF-8 and cannot be stored; move or rename it")),
            }
        };
        if let Some(init) = &self.init {
            checkpoint::load_config(init)?; // which says more about a directory without a model
        }
        Ok(Inputs {
            train: self.train.iter().map(absolute).collect::<Result<_>>()?,
            valid: self.valid.iter().map(absolute).collect::<Result<_>>()?,
            init: self.init.as_ref().map(absolute).transpose()?,
        })
    }

    /// The paths as names and values, for the metadata of the state.
    pub(super) fn to_list(&self) -> Vec<(String, String)> {
        let paths = |paths: &[PathBuf]| {
            Json::Array(paths.iter().map(|path| Json::String(path.to_string_lossy().into_owned())).collect())
                .to_pretty_string()
        };
        let init: Vec<PathBuf> = self.init.iter().cloned().collect();
        vec![
            ("train_files".to_string(), paths(&self.train)),
            ("valid_files".to_string(), paths(&self.valid)),
            ("init".to_string(), paths(&init)),
        ]
    }

    /// The paths from [`Inputs::to_list`].
    ///
    /// # Errors
    ///
    /// If an entry is missing or is not a list of paths.
    pub(super) fn from_list(list: &[(String, String)]) -> Result<Inputs> {
        let paths = |name: &str| -> Result<Vec<PathBuf>> {
            let json = Json::parse(lookup(list, name)?)?;
            let wrong = || Error::format("training state", format!("{name} is not a list of paths"));
            let texts = json.as_array().ok_or_else(wrong)?;
            texts.iter().map(|text| text.as_str().map(PathBuf::from).ok_or_else(wrong)).collect()
        };
        Ok(Inputs {
            train: paths("train_files")?,
            valid: paths("valid_files")?,
            init: paths("init")?.into_iter().next(),
        })
    }
}

/// The texts in these files.
///
/// # Errors
///
/// If no file is given, or one cannot be read or is not UTF-8.
pub(super) fn read_texts(paths: &[PathBuf]) -> Result<Vec<String>> {
    if paths.is_empty() {
        return Err(Error::argument("train", "no text file was given"));
    }
    paths.iter().map(text_file::read).collect()
}

/// Checks that something stands in each of these texts. `purpose` is what they are for: "training" or "validation".
///
/// # Errors
///
/// If a file is empty, or has only white space. The error names it and its purpose.
pub(super) fn check_texts(paths: &[PathBuf], texts: &[String], purpose: &str) -> Result<()> {
    for (path, text) in paths.iter().zip(texts) {
        let found = match text.trim() {
            "" if text.is_empty() => "the file is empty",
            "" => "the file has only white space",
            _ => continue,
        };
        let problem = format!("{found}: give a {purpose} text of at least a sentence, or leave this one out");
        return Err(Error::file(path, problem));
    }
    Ok(())
}

/// The value under a name.
///
/// # Errors
///
/// If the name is not in the list.
pub(super) fn lookup<'a>(list: &'a [(String, String)], name: &str) -> Result<&'a str> {
    let found = list.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str()).ok_or_else(|| Error::format("training state", format!("{name} is missing")))
}
