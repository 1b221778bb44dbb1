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

use super::{Form, Opened, Vocabulary};
use crate::checkpoint::pytorch::{self, TorchFile};
use crate::checkpoint::weights::Described;
use crate::config::{Activation, Config};
use crate::error::{Error, Result};
use std::fs::File;
use std::path::Path;

/// Opens nanoGPT's file `path`.
///
/// # Errors
///
/// A file of PyTorch that nanoGPT did not write, or that cannot be read.
pub(super) fn open(path: &Path) -> Result<Opened> {
    let file = pytorch::open(path)?.ok_or_else(|| Error::file(path, "is not a file of PyTorch"))?;
    let Sizes { config, bias } = Sizes::read(&file).map_err(|e| e.in_file(path))?;
    let tensors = file.tensors_under("model", path).map_err(|e| e.in_file(path))?.with_linear_layers_turned();
    // nanoGPT ties the head to the table, and saves both.
    let described = Described { config, tied: true, has_biases: bias, by: "model_args" };
    let mut opened = Opened::new(Form::NanoGpt, described, path, tensors, Vocabulary::beside(path));
    if !bias {
        opened.notes.push("the model was trained with bias=False: its biases are zero".to_string());
    }
    Ok(opened)
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
