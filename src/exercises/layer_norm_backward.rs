//! Exercise: layer norm, backward. Chapter 12. Hard, 30 minutes.
//!
//! Forward shifts and scales each row to mean 0 and variance 1, then gives each column a scale and a shift of its own:
//!
//! ```text
//! scale = 1 / sqrt(variance + epsilon)
//! z     = (x - mean) * scale
//! y     = z * weight + bias
//! ```
//!
//! Backward goes from the end to the beginning. The last line is number by number. The two before are not: each number
//! of a row acts on *all* others of its row, through the mean and through the variance.
//!
//! ```text
//! d_bias   = sum over the rows of d_y                 added to grad.bias
//! d_weight = sum over the rows of d_y * z             added to grad.weight
//! d_z      = d_y * weight
//! d_x_j    = scale * (d_z_j - mean of d_z - z_j * mean of (d_z * z))        both means are over the row
//! ```
//!
//! A worked example: the row `[1, -1, 1, -1]` with epsilon 0 has mean 0 and variance 1, so `scale` is 1 and `z` is the
//! row itself. Let all weights be 2, and only the first number of the result matter:
//!
//! ```text
//!     d_y   = 1  0  0  0         d_bias = 1 0 0 0        d_weight = 1*1 0 0 0
//!     d_z   = 2  0  0  0         mean of d_z = 2/4       mean of d_z * z = 2/4
//!
//!     d_x_0 = 2 - 1/2 - 1/2 =  1
//!     d_x_1 = 0 - 1/2 + 1/2 =  0
//!     d_x_2 = 0 - 1/2 - 1/2 = -1
//!     d_x_3 = 0 - 1/2 + 1/2 =  0
//! ```
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `ln.weight`, `ln.bias` | `[n_embd]` | the layer, with `ln.epsilon`: it stays as it is |
//! | `x` | `[n_tok, n_embd]` | what forward was given |
//! | `d_y` | `[n_tok, n_embd]` | how the loss changes with what forward returned |
//! | `grad.weight`, `grad.bias` | `[n_embd]` | where `d_weight` and `d_bias` are added: they may not be zero |
//! | result | `[n_tok, n_embd]` | `d_x` |
//!
//! The library's `backward` gets the mean and scale that forward has saved. You have `x`: compute them again. The
//! variance is divided by `n_embd`, not by one less.
//!
//! Of use: `Tensor::row`, `Tensor::row_mut`, `Tensor::data_mut`.

use super::not_started;
use gpt60::layers::layer_norm::LayerNorm;
use gpt60::{Result, Tensor};

/// How the loss changes with `x`, `[n_tok, n_embd] -> [n_tok, n_embd]`; adds how it changes with `weight` and `bias` to
/// `grad`.
pub fn backward(ln: &LayerNorm, x: &Tensor, d_y: &Tensor, grad: &mut LayerNorm) -> Result<Tensor> {
    not_started()
}

// Solution: src/layers/layer_norm.rs, LayerNorm::backward
