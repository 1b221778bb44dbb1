//! Exercise: one head of attention. Chapter 5. Medium, 25 minutes.
//!
//! Each token compares its query with the keys of the tokens up to itself, turns the scores into probabilities, and
//! takes the average of the values, weighted by them.
//!
//! ```text
//! attention(q, k, v) = softmax(q·kᵀ / sqrt(head_size) + mask)·v
//! ```
//!
//! The mask hides everything after the query; it is `parts::causal_mask`. Softmax is taken of each row: a row belongs
//! to a query, and its columns to the keys that the query sees.
//!
//! A worked example, with `head_size` 1, where the root is 1. Queries `1, 1`, keys `0, ln 3`, values `4, 8`:
//!
//! ```text
//! scores q·kᵀ     masked          softmax          times the values
//! 0  ln 3         0  -inf         1     0          1*4          = 4
//! 0  ln 3         0  ln 3         0.25  0.75       0.25*4 + 0.75*8 = 7
//! ```
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `q`, `k`, `v` | `[n_seq, head_size]` | queries, keys and values of the same tokens |
//! | result | `[n_seq, head_size]` | |
//!
//! Of use: `parts::causal_mask`, `parts::softmax`, `parts::matmul`; `Tensor::transpose`, `scale`, `add`.

use super::{not_started, parts};
use gpt60::{Result, Tensor};

/// One causal head: `[n_seq, head_size]` three times `-> [n_seq, head_size]`.
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
    not_started()
}

// Solution: src/layers/attention.rs, attend
