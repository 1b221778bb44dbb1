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

// Hint 1. Adding the same number to all scores of a row changes nothing: the factor that it brings stands above and below
//         the fraction bar. You are free to choose that number well.
//
// Hint 2. Subtract the row's largest score: softmax(x)_i = e^(x_i - max) / sum over j of e^(x_j - max). The largest power
//         is then e^0 = 1.
//
// Hint 3. Begin with `let mut y = x.clone();`. For each row: find the largest with `fold(f32::NEG_INFINITY, f32::max)`,
//         replace each number by `(*v - largest).exp()`, add them up, divide each by the sum.

// Solution: src/layers/softmax.rs, forward
