//! nanoGPT's `ckpt.pt`: a model, its settings and the state of its training in one file of PyTorch.
//!
//! nanoGPT is Andrej Karpathy's program to train GPT-2s, from which many learn. Its file is a pickled dictionary:
//!
//! ```text
//! model          the weights, under the names of GPT-2 (in a compiled model, with `_orig_mod.` in front)
//! model_args     n_layer, n_head, n_embd, block_size, bias, vocab_size, dropout
//! optimizer, iter_num, best_val_loss, config    the state of the training, which is not needed to run the model
//! ```
//!
//! Three things differ from OpenAI's GPT-2. Its layers are PyTorch's own, which keep `[out, in]`: their weights are turned
//! while they are read. Its GELU is the exact one. And with `bias` false, as it is by default, linear layers and layer norms
//! have no biases, which is the same as biases of zero.

use super::weights::{self, Described};
use super::{Checkpoint, vocabulary};
use crate::checkpoint::gpt2_names::{in_block, without_prefixes};
use crate::checkpoint::pytorch::{self, TorchFile};
use crate::checkpoint::tensors::Order;
use crate::config::{Activation, Config};
use crate::error::{Error, Result};
use crate::tokenizer::Tokenizer;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// nanoGPT's file that is meant by `path`, if it is one: the file itself, or the `ckpt.pt` in a directory without a
/// `config.json`.
pub(super) fn find(path: &Path) -> Option<PathBuf> {
    let file = if path.is_dir() { path.join("ckpt.pt") } else { path.to_path_buf() };
    let mut start = Vec::new();
    File::open(&file).ok()?.take(16).read_to_end(&mut start).ok()?;
    let is_beside = file.parent().is_some_and(|dir| dir.join("config.json").is_file());
    // A file of before 2020 is PyTorch's too, and is refused with that remedy.
    (!is_beside && pytorch::is_it(&start) != Ok(false)).then_some(file)
}

/// Opens the file and reads its pickle.
fn open(path: &Path) -> Result<(TorchFile<File>, Sizes)> {
    let file = pytorch::open(path)?.ok_or_else(|| Error::file(path, "is not a file of PyTorch"))?;
    let sizes = Sizes::read(&file).map_err(|e| e.in_file(path))?;
    Ok((file, sizes))
}

/// How large the model in nanoGPT's file `path` is.
pub(super) fn config(path: &Path) -> Result<Config> {
    Ok(open(path)?.1.config)
}

/// The vocabulary of nanoGPT's file `path`: see `vocabulary_beside`.
pub(super) fn tokenizer(path: &Path) -> Result<Option<Tokenizer>> {
    Ok(vocabulary_beside(path, config(path)?.n_vocab, &mut Vec::new())?.0)
}

/// Reads nanoGPT's file `path`.
///
/// # Errors
///
/// A file of PyTorch that nanoGPT did not write, and whatever a directory's weights may be refused for.
pub(super) fn load(path: &Path) -> Result<Checkpoint> {
    let (file, Sizes { config, bias }) = open(path)?;
    let mut tensors = file.tensors_under("model", path).map_err(|e| e.in_file(path))?;
    let linear = ["attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight"];
    for place in &mut tensors.places {
        let is_linear = in_block(without_prefixes(&place.name)).is_some_and(|(_, name)| linear.contains(&name));
        if is_linear && place.shape.len() == 2 {
            place.shape.reverse();
            place.order = match place.order {
                Order::Rows => Order::Columns,
                Order::Columns => Order::Rows,
                Order::Other => Order::Other,
            };
        }
    }
    // nanoGPT ties the head to the table, and saves both.
    let described = Described { config: &config, tied: true, has_biases: bias, by: "model_args" };
    let (model, mut notes) = weights::read(&described, &mut tensors).map_err(|e| e.in_file(path))?;
    if !bias {
        notes.push("the model was trained with bias=False: its biases are zero".to_string());
    }
    let (tokenizer, is_assumed) = vocabulary_beside(path, config.n_vocab, &mut notes)?;
    if is_assumed {
        notes.push("there is no vocabulary beside the file: by its size, GPT-2's own is taken".to_string());
    }
    Ok(Checkpoint { notes, ..Checkpoint::new(model, tokenizer) })
}

/// The vocabulary in the file's directory; or GPT-2's own, if the model has as many rows, or 50,304, to which nanoGPT rounds
/// them up because tables of such a size are multiplied faster. Also whether it is GPT-2's own for want of another.
fn vocabulary_beside(path: &Path, n_vocab: usize, notes: &mut Vec<String>) -> Result<(Option<Tokenizer>, bool)> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let found = vocabulary::read(dir, n_vocab, notes)?;
    // One that is there and cannot be used here is another than GPT-2's.
    let is_assumed = !vocabulary::is_in(dir) && [50_257, 50_304].contains(&n_vocab);
    Ok((found.or_else(|| is_assumed.then(Tokenizer::gpt2)), is_assumed))
}

/// What `model_args` says.
struct Sizes {
    config: Config,
    /// Whether there are biases.
    bias: bool,
}

impl Sizes {
    fn read(file: &TorchFile<File>) -> Result<Sizes> {
        if !file.has("model") || !file.has("model_args") {
            let problem = "is not of nanoGPT, whose files have `model` and `model_args`: give a directory with config.json and \
                           this file as pytorch_model.bin, if it is the state dict of a GPT-2";
            return Err(Error::format("the dictionary in it", problem));
        }
        let size = |key: &str| {
            let found = file.size_under("model_args", key);
            found.ok_or_else(|| Error::format("model_args", format!("`{key}` must be an integer from 0 on")))
        };
        let [n_vocab, n_ctx, n_embd, n_head, n_layer] =
            [size("vocab_size")?, size("block_size")?, size("n_embd")?, size("n_head")?, size("n_layer")?];
        let activation_function = Activation::Gelu;
        let config = Config { activation_function, ..Config::new(n_vocab, n_ctx, n_embd, n_head, n_layer) };
        config.check()?;
        let bias = file.truth_under("model_args", "bias");
        let bias = bias.ok_or_else(|| Error::format("model_args", "`bias` must be True or False"))?;
        Ok(Sizes { config, bias })
    }
}
