//! Exercise: the linear layer, backward. Chapter 12. Medium, 20 minutes.
//!
//! Forward was `y = x·W + b`. You are told how the loss changes with `y`. How does it change with everything that `y`
//! was made of: with `x`, with `W`, and with `b`? Ask of each what it acts on, and how strongly.
//!
//! ```text
//! forward    y(t, o)   = sum over i of x(t, i) * W(i, o)  +  b(o)         t: token, i: input, o: output
//!
//! backward   d_x(t, i) = sum over o of d_y(t, o) * W(i, o)
//!            d_W(i, o) = sum over t of x(t, i) * d_y(t, o)
//!            d_b(o)    = sum over t of d_y(t, o)
//! ```
//!
//! `d_x` is the result. `d_W` and `d_b` are **added** to what is in `grad` already: the layer may have been used
//! before, and contributions add up. The check begins with gradients that are not zero.
//!
//! A worked example: two tokens, two inputs, three outputs.
//!
//! ```text
//!     x =  1  2      W =  1  2  3      d_y =  1  0 -1      grad.weight =  0  0  0      grad.bias = 10  10  10
//!          3  4           4  5  6             0  1  0                     0  0  0
//!
//!     d_x = -2 -2            -2 = 1*1 + 0*2 - 1*3: row 0 of d_y with row 0 of W
//!            2  5
//!     d_W =  1  3 -1          3 = 1*0 + 3*1: column 0 of x with column 1 of d_y
//!            2  4 -2
//!     d_b =  1  1 -1          the rows of d_y, added
//!
//!     grad.weight = d_W       because it was 0
//!     grad.bias   = 11 11 9
//! ```
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `linear.weight`, `linear.bias` | `[in, out]`, `[out]` | the layer: it stays as it is |
//! | `x` | `[n_tok, in]` | what forward was given |
//! | `d_y` | `[n_tok, out]` | how the loss changes with what forward returned |
//! | `grad.weight`, `grad.bias` | `[in, out]`, `[out]` | where `d_W` and `d_b` are added |
//! | result | `[n_tok, in]` | `d_x` |
//!
//! `linear.weight` and `grad.weight` are of the type `Weight`, because a weight can also be stored in fewer bytes. Their
//! numbers are a `Tensor`: `linear.weight.tensor()?` to read it, `grad.weight.tensor_mut()?` to change it. A weight in fewer
//! bytes has none, and the answer is an error.
//!
//! Of use: `Tensor::matmul_t` (times a transposed), `Tensor::t_matmul_add` (a transposed times, added to a third),
//! `Tensor::row`, `Tensor::data_mut`. Plain loops do just as well.

use super::not_started;
use gpt60::layers::linear::Linear;
use gpt60::{Result, Tensor};

/// How the loss changes with `x`, `[n_tok, out] -> [n_tok, in]`; adds how it changes with `W` and `b` to `grad`.
pub fn backward(linear: &Linear, x: &Tensor, d_y: &Tensor, grad: &mut Linear) -> Result<Tensor> {
    not_started()
}

// Solution: src/layers/linear.rs, Linear::backward
