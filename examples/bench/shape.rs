//! The sizes of the models that are measured, and the work that they take by arithmetic.

use gpt60::cli::Outcome;
use gpt60::weight::Precision;
use gpt60::{Config, Gpt2, Rng};

/// A model's size, and the batch it is trained with.
pub struct Shape {
    pub name: &'static str,
    pub config: Config,
    /// How many sequences are in a batch.
    pub n_sequences: usize,
    /// How many tokens each sequence has.
    pub n_seq: usize,
    /// How many training steps are timed in a run: many, if they are short.
    pub n_steps: usize,
}

/// The shapes' names, for messages.
pub const NAMES: &str = "124M, 355M, six or four";

impl Shape {
    pub fn named(name: &str) -> Option<Shape> {
        Some(match name {
            "124M" => Shape { name: "124M", config: Config::gpt2(), n_sequences: 4, n_seq: 64, n_steps: 1 },
            "355M" => Shape { name: "355M", config: Config::gpt2_medium(), n_sequences: 1, n_seq: 64, n_steps: 1 },
            // Two sizes in which people train a first model of their own, with a vocabulary of single characters.
            "six" => {
                Shape { name: "six", config: Config::new(65, 256, 384, 6, 6), n_sequences: 12, n_seq: 256, n_steps: 1 }
            }
            "four" => {
                Shape { name: "four", config: Config::new(65, 64, 128, 4, 4), n_sequences: 12, n_seq: 64, n_steps: 20 }
            }
            _ => return None,
        })
    }

    /// A model of this shape. It is untrained; that makes no difference to the time.
    ///
    /// Its weights are spread evenly, with GPT-2's deviation of 0.02: numbers from a normal distribution take ten times
    /// longer to make.
    pub fn model(&self) -> Outcome<Gpt2> {
        let mut model = Gpt2::zeros(&self.config)?;
        let mut rng = Rng::new(60);
        let width = 0.02 * 12f64.sqrt(); // numbers spread evenly over this width have the deviation 0.02
        for (name, tensor) in model.parameters_mut()? {
            if name.contains("ln_") && name.ends_with(".weight") {
                tensor.data_mut().fill(1.0);
            } else {
                tensor.data_mut().fill_with(|| ((rng.uniform() - 0.5) * width) as f32);
            }
        }
        Ok(model)
    }

    /// Some tokens. The time does not depend on which ones they are.
    pub fn ids(&self, n: usize) -> Vec<u32> {
        (0..n).map(|i| ((i * 7919 + 13) % self.config.n_vocab) as u32).collect()
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// How much work it is
// ---------------------------------------------------------------------------------------------------------------------

/// How many bytes of weights are read for one more token: all of them, except that the position embedding is read one
/// row at a time.
///
/// The matrices are stored as `kind`; biases and layer norms stay f32. The token embedding counts as the head, which
/// reads all of it. Small things are not counted: the scales of int8, and the cache (1 % of the weights after 80
/// tokens).
pub fn bytes_per_token(config: &Config, kind: Precision) -> f64 {
    let Config { n_embd: d, n_inner, n_layer, n_vocab, n_ctx, .. } = *config;
    let block = d * 3 * d + d * d + 2 * d * n_inner; // c_attn, c_proj, c_fc and the MLP's c_proj
    let matrices = n_layer * block + n_vocab * d;
    let vectors = config.n_parameters() - n_ctx * d - matrices;
    matrices as f64 * kind.n_bytes() + vectors as f64 * Precision::F32.n_bytes()
}

/// How many operations a forward pass over sequences of `n_seq` tokens takes, `n_tok` tokens in all, when `n_head_rows`
/// of them go through the head. A multiplication and an addition are two.
///
/// * **Blocks.** Each parameter of the blocks is multiplied and added once for each token. (A bias is only added, yet
///   counts double here; it is one number in a thousand.)
/// * **Attention.** A token looks at itself and at all tokens before it, at `n_seq / 2` tokens on average. Each look is
///   a dot product with a key, and the addition of a value: `n_embd` multiply-adds each, all heads together.
/// * **Head.** A dot product of length `n_embd` for each entry of the vocabulary.
///
/// Softmax, layer norm and GELU are left out: they take a few operations for each number that a matrix product has
/// made.
pub fn forward_operations(config: &Config, n_tok: usize, n_seq: usize, n_head_rows: usize) -> f64 {
    let Config { n_embd, n_layer, n_vocab, n_ctx, .. } = *config;
    let blocks = 2 * (config.n_parameters() - (n_vocab + n_ctx) * n_embd) as u64 * n_tok as u64;
    let attention = 2 * 2 * (n_tok * n_seq / 2) as u64 * (n_embd * n_layer) as u64;
    let head = 2 * (n_head_rows * n_vocab) as u64 * n_embd as u64;
    (blocks + attention + head) as f64
}

/// How many operations a training step takes: a forward pass, and twice as many for backward, because each product has
/// two gradients, one for each factor. AdamW's few operations for each parameter are left out.
pub fn training_operations(shape: &Shape) -> f64 {
    let n_tok = shape.n_sequences * shape.n_seq;
    3.0 * forward_operations(&shape.config, n_tok, shape.n_seq, n_tok)
}
