//! Exercise: the MLP. Chapter 6. Easy, 10 minutes.
//!
//! Every token thinks for itself: its vector is made wider, bent, and made narrow again.
//!
//! ```text
//! mlp(x) = c_proj(gelu(c_fc(x)))
//! ```
//!
//! A worked example: with `c_fc` and `c_proj` that multiply by 1 and add 0, the number 1 becomes `gelu(1) = 0.8412`.
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `mlp.c_fc` | `[n_embd, n_inner]` | widens |
//! | `mlp.c_proj` | `[n_inner, n_embd]` | narrows |
//! | `x` | `[n_tok, n_embd]` | a row of another length is an error |
//! | result | `[n_tok, n_embd]` | |
//!
//! Of use: `parts::linear` and `parts::gelu`, which are your own once you have begun them.

use super::{not_started, parts};
use gpt60::layers::mlp::Mlp;
use gpt60::{Result, Tensor};

/// The MLP: `[n_tok, n_embd] -> [n_tok, n_embd]`.
pub fn forward(mlp: &Mlp, x: &Tensor) -> Result<Tensor> {
    not_started()
}

// Solution: src/layers/mlp.rs, Mlp::forward
