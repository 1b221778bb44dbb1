//! Exercise: the loss. Chapter 11. Easy, 15 minutes.
//!
//! The model gave a score, a *logit*, to every token of the vocabulary. One of them came: the *target*. How surprised
//! was the model? Each row of logits is judged by the probability that it gave to its own target, and by nothing else:
//!
//! ```text
//! loss = -ln(softmax(x)_t)        x: the row of logits, t: its target
//!      = ln(e^(x_0) + e^(x_1) + ... + e^(x_(n-1))) - x_t
//! ```
//!
//! On paper, the two lines are the same number. In an `f32` the first one fails where the probability is too small to
//! hold: it rounds to 0, and the loss becomes infinite. For the row `[1000, 0]` and target 1 the loss is 1000, not
//! infinity. The second line fails too if you take it word for word, because `e^1000` is more than an `f32` can hold.
//! But it can be repaired.
//!
//! A worked example: the row `[2, 1, 0]` with target 1.
//!
//! ```text
//!     x             2        1        0
//!     e^x        7.3891   2.7183   1.0000      sum 11.1073
//!     loss = ln(11.1073) - 1 = 1.4076
//! ```
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `logits` | `[n_tok, n_vocab]` | a row for each token that was read |
//! | `targets` | `[n_tok]` | which token came after it: a column of `logits` |
//! | result | `[n_tok]` | the loss of each row, in nats; not their mean |
//!
//! The check gives one target for each row, all of them in the vocabulary: you need not look for errors, so end with
//! `Ok`.
//!
//! Of use: `Tensor::row`, `f32::exp`, `f32::ln` (the natural logarithm).

use super::not_started;
use gpt60::{Result, Tensor};

/// The loss of each row of logits: `[n_tok, n_vocab]` and `[n_tok]` targets `-> [n_tok]`, in nats.
pub fn cross_entropy(logits: &Tensor, targets: &[u32]) -> Result<Vec<f32>> {
    not_started()
}

// Solution: src/train/loss.rs, cross_entropy
