//! Exercise: from token ids to vectors. Chapter 3. Easy, 15 minutes.
//!
//! The model cannot compute with ids, which are only names. Each token therefore has a vector, its row of the table
//! `wte`. Each position has a vector too, its row of the table `wpe`: it tells the model what comes first. Add the two.
//!
//! ```text
//! x(t) = wte[ids[t]] + wpe[position of t]
//! ```
//!
//! The ids are one or more sequences, laid end to end, of `n_seq` tokens each. Positions are counted from 0, and every
//! sequence begins at position 0 again.
//!
//! A worked example: the ids `2 0 2 1`, and `n_seq` is 2, so there are two sequences, `2 0` and `2 1`.
//!
//! ```text
//! wte = 1 2      wpe = 0.1 0.2      x(0) = wte[2] + wpe[0] = (5, 6) + (0.1, 0.2) = (5.1, 6.2)
//!       3 4            0.3 0.4      x(1) = wte[0] + wpe[1] = (1, 2) + (0.3, 0.4) = (1.3, 2.4)
//!       5 6            0.5 0.6      x(2) = wte[2] + wpe[0] = (5, 6) + (0.1, 0.2) = (5.1, 6.2)
//!                      ...          x(3) = wte[1] + wpe[1] = (3, 4) + (0.3, 0.4) = (3.3, 4.4)
//! ```
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `wte` | `[n_vocab, n_embd]` | a row for each token |
//! | `wpe` | `[n_ctx, n_embd]` | a row for each position |
//! | `ids` | `[n_tok]` | an id that is not below `n_vocab` is an error |
//! | `n_seq` | a number | at least 1, and `n_tok` is a multiple of it; more than `n_ctx` is an error |
//! | result | `[n_tok, n_embd]` | |
//!
//! Of use: `Tensor::take_rows`, which makes the errors for you (it wants `usize`, and the ids are `u32`); `Tensor::add`.

use super::not_started;
use gpt60::{Error, Result, Tensor};

/// The vectors of token ids, in sequences of `n_seq`: `[n_tok] -> [n_tok, n_embd]`.
pub fn forward(wte: &Tensor, wpe: &Tensor, ids: &[u32], n_seq: usize) -> Result<Tensor> {
    not_started()
}

// Solution: src/layers/embedding.rs, forward
