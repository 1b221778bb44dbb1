//! Exercise: the linear layer. Chapter 4. Easy, 10 minutes.
//!
//! Every output is a weighted sum of all inputs, plus a constant of its own. Nearly all parameters of a GPT are in such
//! layers.
//!
//! ```text
//! y = x·W + b        that is        y(t, j) = (the sum over i of x(t, i) * W(i, j)) + b_j
//! ```
//!
//! `W` is `linear.weight.tensor()?` (a weight can also be stored in fewer bytes, as chapter 16 shows; then it is not a
//! tensor), and `b` is `linear.bias`. Every row of `x` is a token, and the whole of `b` is added to each.
//!
//! A worked example, with one token, two inputs and three outputs:
//!
//! ```text
//! x = 1 2     W = 3 4 5     b = 0.5 0 -0.5     y = (1*3 + 2*6 + 0.5, 1*4 + 2*7 + 0, 1*5 + 2*8 - 0.5)
//!                 6 7 8                          = (15.5, 18, 20.5)
//! ```
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `linear.weight` | `[in, out]` | as GPT-2 stores it |
//! | `linear.bias` | `[out]` | |
//! | `x` | `[n_tok, in]` | a row of another length is an error |
//! | result | `[n_tok, out]` | |
//!
//! Of use: `parts::matmul`, which is your own once you have begun it; `Tensor::add`, which adds one row to every row.

use super::{not_started, parts};
use gpt60::layers::linear::Linear;
use gpt60::{Result, Tensor};

/// The linear layer: `[n_tok, in] -> [n_tok, out]`.
pub fn forward(linear: &Linear, x: &Tensor) -> Result<Tensor> {
    not_started()
}

// Solution: src/layers/linear.rs, Linear::forward
