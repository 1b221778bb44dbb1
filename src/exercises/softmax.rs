//! Exercise: softmax that does not overflow. Chapter 4. Easy, 10 minutes.
//!
//! Turn each row of scores into probabilities: all positive, adding up to 1, the larger the score the larger the
//! probability.
//!
//! ```text
//! softmax(x)_i = e^(x_i) / (e^(x_0) + e^(x_1) + ... + e^(x_(n-1)))
//! ```
//!
//! Watch two things. Every *row* is a list of its own. And `e^89` is more than an `f32` can hold: the formula as it is
//! gives NaN for a row such as `[1000, 1000]`, whose softmax is `[0.5, 0.5]`.
//!
//! A worked example: the row `[0, ln 3]` has the powers `1` and `3`, whose sum is 4: `[0.25, 0.75]`.
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `x` | `[m, n]` | scores; minus infinity is allowed, and gets probability 0 |
//! | result | `[m, n]` | each row adds up to 1 |
//!
//! Of use: `Tensor::row_mut`, `Tensor::n_rows`.

use super::not_started;
use gpt60::Tensor;

/// Softmax of each row: `[m, n] -> [m, n]`.
pub fn forward(x: &Tensor) -> Tensor {
    not_started()
}

// Solution: src/layers/softmax.rs, forward
