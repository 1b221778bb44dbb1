//! Exercise: the block. Chapter 6. Easy, 15 minutes.
//!
//! A block adds to each token's vector what attention has to say, and then what the MLP has to say. Each of the two
//! reads a normed copy; their results are added to the vector itself, the *residual stream*.
//!
//! ```text
//! x = x + attn(ln_1(x))
//! x = x + mlp(ln_2(x))
//! ```
//!
//! Note that the second line works on the `x` that the first one has made.
//!
//! A worked example: if all weights of `attn` and `mlp` are 0, and all their biases too, both add nothing, and the
//! block returns `x` unchanged.
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `block.ln_1`, `block.ln_2` | | layer norms |
//! | `block.attn`, `block.mlp` | | attention and MLP |
//! | `x` | `[n_seq, n_embd]` | the tokens of one sequence |
//! | result | `[n_seq, n_embd]` | |
//!
//! Of use: `parts::layer_norm`, `parts::multi_head`, `parts::mlp`; `Tensor::add`.

use super::{not_started, parts};
use gpt60::layers::block::Block;
use gpt60::{Result, Tensor};

/// One block, of one sequence: `[n_seq, n_embd] -> [n_seq, n_embd]`.
pub fn forward(block: &Block, x: &Tensor) -> Result<Tensor> {
    not_started()
}

// Solution: src/layers/block.rs, Block::forward
