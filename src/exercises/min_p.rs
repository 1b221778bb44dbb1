//! Exercise: min-p. Chapter 8. Easy, 10 minutes.
//!
//! Remove every token whose probability is less than `p` times that of the likeliest token. A token that has exactly this
//! share stays. A `p` of 0 removes nothing, and a `p` of 1 leaves only the likeliest and those as likely.
//!
//! ```text
//! token i stays if  p_i >= p * p_max        which is the same as  x_i - x_max >= ln(p)
//! ```
//!
//! `p_i` are probabilities, but you are given logits `x_i`; and you have to change the logits. Which of the two
//! conditions you compute is up to you: softmax is one way, and the second condition needs none.
//!
//! A worked example: the probabilities 0.6, 0.3, 0.06 and 0.04, and `p = 0.2`. The likeliest has 0.6, and 0.2 of that is
//! 0.12. The first two stay, and the logits of the others become minus infinity.
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `logits` | `[n_vocab]` | changed in place; some may be minus infinity already |
//! | `p` | a number from 0 to 1 | |
//!
//! Of use: `gpt60::layers::softmax::softmax_row`, or `f32::ln`.

use super::not_started;
use gpt60::layers::softmax::softmax_row;

/// Removes the tokens that are less than `p` times as likely as the likeliest: `[n_vocab]`.
pub fn min_p(logits: &mut [f32], p: f32) {
    not_started()
}

// Solution: src/generate/knobs.rs, min_p
