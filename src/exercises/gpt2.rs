//! Exercise: the whole forward pass. Chapter 7. Medium, 20 minutes.
//!
//! Token ids in, a score for every possible next token out. You have all the pieces.
//!
//! ```text
//! x = wte[ids] + wpe[positions]     the embedding
//! x = block(x)                      for each block, in order
//! x = ln_f(x)                       a last layer norm
//! logits = x·wteᵀ                   the head: how well does x match each token's vector?
//! ```
//!
//! Some models have a separate table for the head. Then `model.lm_head` is `Some(table)`, and replaces `wte` in the
//! last line.
//!
//! A worked example: in a model whose blocks all add nothing, and whose `ln_f` has only weights of 0 and biases of 0,
//! every logit is 0, no matter what the model reads.
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `model.wte` | `[n_vocab, n_embd]` | a `Weight`: `model.wte.tensor()?` is its table |
//! | `model.wpe` | `[n_ctx, n_embd]` | a `Tensor` |
//! | `model.h` | a list of blocks | |
//! | `model.ln_f` | | the last layer norm |
//! | `ids` | `[n_seq]` | one sequence; an error if it is longer than `n_ctx`, or an id is not below `n_vocab` |
//! | result | `[n_seq, n_vocab]` | a row of logits for each token |
//!
//! Of use: `parts::embedding`, `parts::block`, `parts::layer_norm`, `parts::matmul`; `Tensor::transpose`, `Option::as_ref`.

use super::{not_started, parts};
use gpt60::{Gpt2, Result, Tensor};

/// The logits after every token of one sequence: `[n_seq] -> [n_seq, n_vocab]`.
pub fn logits(model: &Gpt2, ids: &[u32]) -> Result<Tensor> {
    not_started()
}

// Solution: src/model.rs, Gpt2::hidden
