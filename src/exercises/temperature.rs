//! Exercise: temperature. Chapter 8. Easy, 10 minutes.
//!
//! Make a choice tamer or wilder: divide all logits by the same number, the temperature. Below 1 the differences grow,
//! and likely tokens become even likelier. Above 1 they shrink.
//!
//! ```text
//! logit_i = (logit_i - largest) / t
//! ```
//!
//! The largest logit is subtracted first. Softmax does not notice, and a division by a very small number cannot
//! overflow upwards.
//!
//! A worked example: `[1, 3, 2.5]` at temperature 0.5 becomes `[-2, 0, -0.5] / 0.5 = [-4, 0, -1]`.
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `logits` | `[n_vocab]` | at least one; changed in place; minus infinity (a removed token) stays what it is |
//! | `t` | a number above 0 | |

use super::not_started;

/// Subtracts the largest logit from all, then divides by `t`: `[n_vocab]`.
pub fn temperature(logits: &mut [f32], t: f32) {
    not_started()
}

// Solution: src/generate/knobs.rs, temperature
