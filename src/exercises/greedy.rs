//! Exercise: greedy choice. Chapter 8. Easy, 15 minutes.
//!
//! Let the model write. Ask it for the logits of the text so far, take the likeliest next token, append it to the text,
//! and ask again.
//!
//! Only the *last* row of the logits matters: it belongs to the last token, and is the guess at what follows the whole
//! text. Among several equal scores, take the token with the smallest id.
//!
//! A worked example: after the prompt `[3, 1]` the logits have two rows. If the last is `[0.5, 2.0, 2.0]`, token 1 is written,
//! and the model reads `[3, 1, 1]` next.
//!
//! | argument | type | |
//! | --- | --- | --- |
//! | `prompt` | `&[u32]` | at least one id; one longer than `n_ctx` is an error |
//! | `n_tokens` | `usize` | how many to write; 0 is allowed |
//! | result | `Result<Vec<u32>>` | the new ids, without the prompt |
//!
//! Of use: `parts::logits`, whose rows are `Tensor::row`; `gpt60::argmax`, which takes the first of equals.

use super::{not_started, parts};
use gpt60::{Gpt2, Result, argmax};

/// The likeliest continuation, token by token: `n_tokens` new ids.
pub fn greedy(model: &Gpt2, prompt: &[u32], n_tokens: usize) -> Result<Vec<u32>> {
    not_started()
}

// Solution: src/generate/mod.rs, greedy
