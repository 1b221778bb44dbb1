//! Exercise: top-p. Chapter 8. Medium, 20 minutes.
//!
//! Keep the smallest set of likeliest tokens whose probabilities add up to `p` or more, and remove the others. At least
//! one stays. Among equally likely tokens, those with the smaller ids stay. A `p` of 1 or more turns the knob off.
//!
//! Note that `p` is about *probabilities*, but you are given logits; and that you have to change the logits.
//!
//! A worked example: the probabilities 0.3, 0.5 and 0.2, and `p = 0.6`. The likeliest, 0.5, is not enough. With 0.3 it
//! is 0.8: enough. The first two stay, and the third one's logit becomes minus infinity.
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `logits` | `[n_vocab]` | changed in place |
//! | `p` | a number from 0 to 1 | |
//!
//! Of use: `gpt60::layers::softmax::softmax_row`; a list of ids, sorted by probability (`sort_by` keeps equals in their order).

use super::not_started;
use gpt60::layers::softmax::softmax_row;

/// Keeps the likeliest tokens that make up `p` of the probability: `[n_vocab]`.
pub fn top_p(logits: &mut [f32], p: f32) {
    not_started()
}

// Solution: src/generate/knobs.rs, top_p
