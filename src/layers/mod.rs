//! The layers of GPT-2, one a file, from the smallest to the largest.
//!
//! Each file has a *forward* function, which computes the layer's output from its input, and right under it a
//! *backward* function, which only learning needs. The *loss* says how wrong the model's predictions are. Given how the
//! loss changes with the output (`d_y`), backward computes how it changes with the input (`d_x`), and adds how it
//! changes with each parameter to a gradient of the same shape as the layer. Read the forward parts first; chapter 12
//! of the book returns to the backward parts.
//!
//! Each formula is written here as a plain loop, forward and backward, the way the chapter explains it. `forward` and
//! `backward` themselves call its fast twin in the [engine room](crate::kernels). You need not read the twin: a test
//! gives both the same numbers, and the loop is the judge. The twin of the linear layer is the matrix product.
//! Embedding, MLP and block have none, because they only look up rows or call other layers.
//!
//! `activation.rs` is for relatives of GPT-2 that were trained with another bend than GELU. GPT-2 needs nothing of it.
//!
//! Whatever else a layer must know travels in a [`Pass`](crate::Pass): how long the sequences are, the cache, who
//! watches, and what is saved for backward.
//!
//! A batch is a stack of rows: the tokens of all its sequences, one row each, `[n_tok, n_embd]`. Only attention and the
//! position embedding need to know that every `n_seq` rows are one sequence; all other layers work on each row alone.
//!
//! [Chapter 4](crate::book::ch04_basic_layers) explains the simple ones, [3](crate::book::ch03_embeddings) the
//! embedding, [5](crate::book::ch05_attention) attention, and [6](crate::book::ch06_mlp_and_block) what they are
//! assembled into.

pub mod activation;
pub mod attention;
pub mod block;
pub mod embedding;
pub mod gelu;
pub mod layer_norm;
pub mod linear;
pub mod mlp;
pub mod softmax;
