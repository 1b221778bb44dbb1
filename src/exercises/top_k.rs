//! Exercise: top-k. Chapter 8. Medium, 15 minutes.
//!
//! Keep the `k` likeliest tokens, and remove the others: their logits become minus infinity, and softmax gives them
//! probability 0. Tokens as likely as the `k`-th all stay. `k = 0` turns the knob off, and so does a `k` equal to the
//! size of the vocabulary or larger.
//!
//! A worked example: `k = 2` on `[1, 4, 2, 0, 2]`. The second largest is 2, and there are two of it: `[-inf, 4, 2, -inf, 2]`.
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `logits` | `[n_vocab]` | changed in place; some may be minus infinity already |
//! | `k` | a number | |
//!
//! Of use: `slice::sort_by` with `f32::total_cmp`. The library does it without sorting; you need not.

use super::not_started;

/// Removes all but the `k` likeliest tokens, and those as likely as the last of them: `[n_vocab]`.
pub fn top_k(logits: &mut [f32], k: usize) {
    not_started()
}

// Solution: src/generate/knobs.rs, top_k
