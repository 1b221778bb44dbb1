//! Exercise: layer norm. Chapter 4. Medium, 20 minutes.
//!
//! Bring each row to a known scale: otherwise the numbers could grow from block to block. For each row of `x`, which is
//! one token:
//!
//! 1. Subtract its mean.
//! 2. Divide by the root of its variance. The *variance* is the mean of the squares of what is left after step 1.
//! 3. Multiply each column by its weight, and add its bias.
//!
//! ```text
//! mean     = (x_0 + x_1 + ... + x_(n-1)) / n
//! variance = ((x_0 - mean)^2 + ... + (x_(n-1) - mean)^2) / n
//! y_j      = (x_j - mean) / sqrt(variance + epsilon) * weight_j + bias_j
//! ```
//!
//! The variance is divided by `n`, not by `n - 1`. Epsilon is a small number, `ln.epsilon`; it prevents a division by 0
//! if all numbers of a row are equal.
//!
//! A worked example: the row `(1, 3)`, with the weight `(10, 20)` and the bias `(1, 2)`. Epsilon is 3, to show you what it
//! does; usually it is 0.00001.
//!
//! ```text
//! mean      (1 + 3) / 2 = 2            less the mean     (-1, 1)
//! variance  (1 + 1) / 2 = 1            divided by 2      (-0.5, 0.5)
//! root      sqrt(1 + 3) = 2            y                 (-0.5*10 + 1, 0.5*20 + 2) = (-4, 12)
//! ```
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `ln.weight`, `ln.bias` | `[n_embd]` | one for each column |
//! | `ln.epsilon` | a number | |
//! | `x` | `[n_tok, n_embd]` | rows of another length are an error |
//! | result | `[n_tok, n_embd]` | |
//!
//! Of use: `Tensor::row_mean`, which makes a column, `[n_tok, 1]`; `sub`, `mul`, `div` and `add` with such a column or
//! with a row, which return the errors for you; `map`.

use super::not_started;
use gpt60::layers::layer_norm::LayerNorm;
use gpt60::{Error, Result, Tensor};

/// Layer norm: `[n_tok, n_embd] -> [n_tok, n_embd]`.
pub fn forward(ln: &LayerNorm, x: &Tensor) -> Result<Tensor> {
    not_started()
}

// Solution: src/layers/layer_norm.rs, LayerNorm::forward
