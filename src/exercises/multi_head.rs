//! Exercise: several heads. Chapter 5. Medium, 25 minutes.
//!
//! One linear layer, `c_attn`, makes the queries, keys and values of all heads side by side. Each head works on its own
//! `head_size` columns of them. The heads' results are put side by side again, in order, and `c_proj` mixes them.
//!
//! ```text
//! c_attn(x)       | q: n_embd columns | k: n_embd columns | v: n_embd columns |
//! q               | head 0 | head 1 | ...           head_size = n_embd / n_head columns each; k and v likewise
//! result          c_proj(| head 0's result | head 1's result | ... |)
//! ```
//!
//! A worked example of the cutting: with `n_embd` 4 and two heads, `c_attn(x)` has 12 columns. Head 1 takes columns 2 and 3 as
//! its queries, 6 and 7 as its keys, 10 and 11 as its values.
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `attn.c_attn` | `[n_embd, 3*n_embd]` | |
//! | `attn.c_proj` | `[n_embd, n_embd]` | |
//! | `attn.n_head` | a number | divides `n_embd` |
//! | `x` | `[n_seq, n_embd]` | the tokens of one sequence |
//! | result | `[n_seq, n_embd]` | |
//!
//! Of use: `parts::linear`, `parts::attention`; `Tensor::split_cols`, `Tensor::concat_cols`.

use super::{not_started, parts};
use gpt60::layers::attention::Attention;
use gpt60::{Result, Tensor};

/// Causal attention with several heads, of one sequence: `[n_seq, n_embd] -> [n_seq, n_embd]`.
pub fn forward(attn: &Attention, x: &Tensor) -> Result<Tensor> {
    not_started()
}

// Solution: src/layers/attention.rs, Attention::forward
