//! Exercise: one step with a KV cache. Chapter 10. Medium, 20 minutes.
//!
//! A new token looks back at all tokens so far. Their keys and values do not change any more: they are kept, and only
//! the new token's are added. This is one step of one head:
//!
//! 1. Append the new key to the keys, and the new value to the values. (The token sees itself, too.)
//! 2. The score of each key is its dot product with the query, divided by `sqrt(head_size)`.
//! 3. Softmax of the scores.
//! 4. The result is the sum of the values, each times its probability.
//!
//! No mask is needed: everything in the cache comes before the new token.
//!
//! A worked example with `head_size` 1. The cache holds the key 0 and the value 4. The new token has the query 1, the key `ln 3`
//! and the value 8. Scores `0, ln 3`, probabilities `0.25, 0.75`, result `0.25*4 + 0.75*8 = 7`.
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `q`, `k`, `v` | `[head_size]` each | of the new token |
//! | `keys`, `values` | `[n_past, head_size]`, row after row | afterwards `[n_past + 1, head_size]` |
//! | result | `[head_size]` | |
//!
//! Of use: `slice::chunks(head_size)`, which gives the rows; `gpt60::layers::softmax::softmax_row`.

use super::not_started;
use gpt60::layers::softmax::softmax_row;

/// One head's result for one new token, `[head_size]`; its key and value are added to the cache.
pub fn attend_next(q: &[f32], k: &[f32], v: &[f32], keys: &mut Vec<f32>, values: &mut Vec<f32>) -> Vec<f32> {
    not_started()
}

// Solution: src/layers/attention.rs, attend
