//! Exercise: the causal mask. Chapter 5. Easy, 10 minutes.
//!
//! A token may look at itself and at the tokens before it, but not at any token after it. The *mask* is a table that
//! says so: it is added to the scores before softmax. Row `i` belongs to the token that looks (the query), column `j`
//! to the token that is looked at (the key).
//!
//! ```text
//! mask(i, j) = 0           if j <= i
//!            = -infinity   if j > i
//! ```
//!
//! A worked example, for three tokens:
//!
//! ```text
//!  0  -inf  -inf      the first token sees only itself
//!  0    0   -inf
//!  0    0     0       the last one sees all
//! ```
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `n_seq` | a number | how many tokens; 0 is allowed |
//! | result | `[n_seq, n_seq]` | zeros, and `f32::NEG_INFINITY` |
//!
//! Of use: `Tensor::zeros`, `Tensor::row_mut`.

use super::not_started;
use gpt60::Tensor;

/// 0 where a query may look, minus infinity where not: `[n_seq, n_seq]`.
pub fn causal_mask(n_seq: usize) -> Tensor {
    not_started()
}

// Solution: src/layers/attention.rs, attend
