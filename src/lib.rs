//! GPT-2 from bytes to trained weights, on nothing but `std`: a textbook that runs.
//!
//! A GPT reads text as a list of *token ids*, numbers that stand for pieces of text, and says how likely each token of
//! its vocabulary is to come next. This crate is that function, written to be read: the forward pass, learning,
//! generation, file formats, and the matrix product underneath. It depends on no other crate. If you know some Rust and
//! no machine learning, it is written for you.
//!
//! # Example: write with the built-in model
//!
//! ```
//! use gpt60::{generate::Sampler, storybook};
//!
//! let story = storybook::load();
//! let sampler = Sampler { temperature: 0.7, ..Sampler::new(42) };
//! for piece in story.write("Once upon a time", sampler)?.limit(30) {
//!     print!("{}", piece?);
//! }
//! # Ok::<(), gpt60::Error>(())
//! ```
//!
//! # Example: write with a GPT-2 from a directory
//!
//! ```no_run
//! use gpt60::{checkpoint, generate::Sampler};
//!
//! let gpt2 = checkpoint::load("weights/gpt2")?; // ./weights-fetch.sh fetches it
//! let text = gpt2.write("The capital of France is", Sampler::greedy())?.limit(10).collect::<Result<String, _>>()?;
//! println!("{text}");
//! # Ok::<(), gpt60::Error>(())
//! ```
//!
//! # Example: train on a text
//!
//! ```
//! use gpt60::tokenizer::Tokenizer;
//! use gpt60::train::{adamw::AdamW, batches::Tokens, step::Workspace};
//! use gpt60::{Config, Gpt2, Rng};
//!
//! let text = "the cat sat on the mat. the dog sat on the log. ".repeat(20);
//! let tokenizer = Tokenizer::learn(&text, 270)?;
//! let tokens = Tokens::new(&[&text], &tokenizer, 16)?; // windows of 16 tokens
//! let mut rng = Rng::new(1);
//! let mut model = Gpt2::random(&Config::new(tokenizer.n_vocab(), 16, 16, 2, 1), &mut rng)?;
//! let (mut adamw, mut workspace) = (AdamW::new(&model, 0.9, 0.99, 0.1), Workspace::new(&model));
//! let mut losses = Vec::new();
//! for _ in 0..30 {
//!     let batch = tokens.random_batch(4, &mut rng);
//!     let report = workspace.make_step(&mut model, &mut adamw, &[batch], tokens.n_seq(), 0.01, 1.0)?;
//!     losses.push(report.loss);
//! }
//! assert!(losses[29] < 0.7 * losses[0]); // it learns
//! # Ok::<(), gpt60::Error>(())
//! ```
//!
//! # Example: look at attention
//!
//! ```
//! use gpt60::{Pass, Probe, storybook};
//!
//! let story = storybook::load();
//! let ids = story.encode("The old fox saw the little girl")?;
//! let mut probe = Probe::only(&["h.12.attn.weights"]); // block 12: who looks where?
//! story.model.hidden(&ids, Pass::new(ids.len()).watched_by(&mut probe))?;
//! let weights = probe.get("h.12.attn.weights").unwrap();
//! assert_eq!(weights.shape(), [6, ids.len(), ids.len()]); // [n_head, n_seq, n_seq]
//! # Ok::<(), gpt60::Error>(())
//! ```
//!
//! # Example: count tokens
//!
//! ```
//! use gpt60::tokenizer::Tokenizer;
//!
//! let tokenizer = Tokenizer::gpt2(); // GPT-2's own 50,257 tokens are built in
//! assert_eq!(tokenizer.encode("How many tokens are these?").len(), 6);
//! ```
//!
//! # Where to begin
//!
//! The book is in `docs/`, and here as [`book`]. Begin with chapter 0, [`book::ch00_what_is_a_gpt`]. Each chapter names
//! the source files that it explains; keep them open beside it. If you would rather read the source alone, go floor by
//! floor. A file uses only what stands on the floors below it, or before it on its own, so you never meet a name before
//! its explanation:
//!
//! | floor | files | what they are |
//! | --- | --- | --- |
//! | 1 | `error.rs`, `rng.rs`, `close.rs`, [`float16`], [`quantize`], [`int4`], [`tape`] | errors that name the remedy, repeatable randomness, comparing numbers, numbers in two bytes, in one, and in four bits; slopes of single numbers |
//! | 2 | [`kernels`] | the engine room: products, threads. Leave it for later; nothing above depends on how it works |
//! | 3 | `tensor.rs` | [`Tensor`]: a shape, and the numbers in it |
//! | 4 | `config.rs`, `probe.rs`, `kv_cache.rs`, `pass.rs`, [`weight`] | the size of a model, watching it, what it remembers, what travels through it in a pass; a matrix in fewer bytes |
//! | 5 | [`layers`] | softmax, GELU, layer norm, linear, embedding, attention, MLP, block |
//! | 6 | `model.rs`, `parameters.rs` | [`Gpt2`]: the pieces put together, and the table of all its parameters |
//! | 7 | [`checkpoint`] | weights in files, read and written |
//! | 8 | [`generate`], [`train`] | writing, and learning |
//! | 9 | [`storybook`], [`lens`] | the built-in model; what to look at in a model, and how to draw it |
//! | 10 | `cli/` | what the examples share |
//!
//! [`tokenizer`] (text to ids and back) stands beside them, on floor 1. Each layer has its *backward* function right
//! under its *forward* function. Only learning needs it, so skip it at first.
//!
//! # Notation
//!
//! Each thing has one name everywhere: in the code, in the book, and in GPT-2's published weights.
//!
//! | name | what it is | in the smallest GPT-2 |
//! | --- | --- | --- |
//! | `n_vocab` | how many different tokens there are | 50257 |
//! | `n_ctx` | how many tokens the model can look at | 1024 |
//! | `n_embd` | how many numbers stand for a token inside the model | 768 |
//! | `n_layer` | how many blocks there are | 12 |
//! | `n_head` | how many attention heads a block has | 12 |
//! | `head_size` | `n_embd / n_head` | 64 |
//! | `n_inner` | how wide the middle of the MLP is, `4*n_embd` | 3072 |
//! | `n_seq` | how many tokens a sequence has | however many you give it |
//! | `n_tok` | how many tokens a batch has in all its sequences | the same, for one sequence |
//! | `n_past` | how many tokens of a sequence the cache already holds | 0 without a cache |
//!
//! | tensor | shape | what it is |
//! | --- | --- | --- |
//! | `wte` | `[n_vocab, n_embd]` | the token embedding: a vector for each token; also the head, which makes the logits |
//! | `wpe` | `[n_ctx, n_embd]` | the position embedding: a vector for each position |
//! | `x` | `[n_tok, n_embd]` | the residual stream, which every layer reads: a row for each token |
//! | `ln_1`, `ln_2`, `ln_f` | `[n_embd]` twice | layer norms: `weight` and `bias` |
//! | `attn.c_attn` | `[n_embd, 3*n_embd]` | makes queries, keys and values |
//! | `q`, `k`, `v` | `[n_seq, head_size]` in a head | queries, keys, values |
//! | `attn.c_proj` | `[n_embd, n_embd]` | mixes the heads' results |
//! | `mlp.c_fc` | `[n_embd, n_inner]` | widens |
//! | `mlp.c_proj` | `[n_inner, n_embd]` | narrows |
//! | `logits` | `[n_tok, n_vocab]` | a score for each possible next token |
//! | `d_x` | the shape of `x` | how the loss changes with `x`: its gradient |
//!
//! A shape is written `[rows, columns]`, and a line that makes a tensor gives the shapes:
//! `// [n_tok, n_embd] -> [n_tok, 3*n_embd]`. A weight is `[in, out]`, as GPT-2 stores it, so `y = x·W + b` reads as
//! written. `A·B` is the matrix product, `Aᵀ` the transpose, and `a(i, j)` the number in row `i` and column `j`,
//! counted from 0.
//!
//! # The sixty lines
//!
//! The crate mirrors Jay Mody's "GPT in 60 Lines of NumPy" (2023) and continues where that post stops.
//! `examples/sixty_lines.rs` is the post's program in Rust. Here each of its functions has become a file:
//!
//! | there | here |
//! | --- | --- |
//! | NumPy | [`Tensor`], on top of [`kernels`] |
//! | `gelu`, `softmax`, `layer_norm`, `linear` | [`layers::gelu`], [`layers::softmax`], [`layers::layer_norm`], [`layers::linear`] |
//! | `ffn` | [`layers::mlp`] |
//! | `attention`, `mha` | [`layers::attention`]: the function `attend`, and `Attention::forward` around it |
//! | `transformer_block` | [`layers::block`] |
//! | `gpt2` | [`layers::embedding`], and [`Gpt2::hidden`] and [`Gpt2::head`] |
//! | `generate` | [`generate`] |
//! | the encoder | [`tokenizer`] |
//! | loading the weights | [`checkpoint`] |
//! | not there | [`train`] and every `backward`, [`KvCache`], [`Probe`] |
//!
//! # What it promises
//!
//! No dependencies. No `unsafe` outside [`kernels`]. No panic on bad input: errors are values, one line each
//! ([`Error`]). The same numbers with any number of threads, bit for bit.

#![deny(unsafe_code)]
#![deny(missing_docs)]

pub mod book;
pub mod checkpoint;
// Public only because the examples, which are separate programs, use it. It is no part of the library's interface.
#[doc(hidden)]
pub mod cli;
pub mod close;
pub mod float16;
pub mod generate;
pub mod int4;
pub mod kernels;
pub mod layers;
pub mod lens;
pub mod quantize;
pub mod storybook;
pub mod tape;
// Public only because the examples, which are separate programs, use it.
#[doc(hidden)]
pub mod text_file;
pub mod tokenizer;
pub mod train;
pub mod weight;

mod config;
mod error;
mod kv_cache;
mod model;
mod parameters;
mod pass;
mod probe;
mod rng;
mod tensor;

pub use config::{Activation, Config};
pub use error::{Error, Result};
pub use kv_cache::KvCache;
pub use model::Gpt2;
pub use parameters::Head;
pub use pass::{Pass, Saved};
pub use probe::Probe;
pub use rng::Rng;
pub use tensor::{Tensor, argmax};
