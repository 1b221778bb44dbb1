//! Exercise: the slope of the loss. Chapter 11. Easy, 15 minutes.
//!
//! How does the loss change if you raise a logit a little? All learning begins with the answer, and it is short: the
//! probabilities, minus a row that has a 1 at the target and 0 elsewhere.
//!
//! ```text
//! d_x_j = (softmax(x)_j - (1 if j is t else 0)) * weight / n_tok
//! ```
//!
//! The loss is the *mean* over the rows, so each of them counts `1 / n_tok`. And the caller may want the whole to count
//! more or less than 1, for example a half when two batches share one step: that is `weight`.
//!
//! A worked example: one row `[2, 1, 0]`, target 1, weight 1.
//!
//! ```text
//!     softmax    0.6652   0.2447   0.0900
//!     one-hot    0        1        0
//!     d_x        0.6652  -0.7553   0.0900      the sum is 0
//! ```
//!
//! With a second row below it and a weight of 3, this row would count 3/2: `0.9979  -1.1329  0.1350`.
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `logits` | `[n_tok, n_vocab]` | a row for each token that was read; some are very large |
//! | `targets` | `[n_tok]` | which token came after it: a column of `logits` |
//! | `weight` | | how much all rows together count |
//! | result | `[n_tok, n_vocab]` | how `weight` times the mean loss changes with each logit |
//!
//! The library's function for this, `loss::cross_entropy_and_gradient`, returns the mean loss too. The check gives one
//! target for each row, all of them in the vocabulary: end with `Ok`.
//!
//! Of use: `parts::softmax`, which is your own once you have begun it; `Tensor::row_mut`, `Tensor::scale`.

use super::{not_started, parts};
use gpt60::{Result, Tensor};

/// How `weight` times the mean loss changes with each logit: `[n_tok, n_vocab] -> [n_tok, n_vocab]`.
pub fn gradient(logits: &Tensor, targets: &[u32], weight: f32) -> Result<Tensor> {
    not_started()
}

// Solution: src/train/loss.rs, cross_entropy_and_gradient
