//! The book: the chapters of `docs/`, as documentation, so that rustdoc compiles and runs every Rust block in them.
//!
//! A book about a program goes wrong in a quiet way: the program changes and the book does not. Here each chapter is the
//! documentation of an empty module. `cargo test --doc` runs its blocks against the crate as it is, and the asserts in them
//! hold the numbers in the text to what the code computes. A chapter that no longer agrees with the source fails the tests.
//!
//! Read the chapters here or in `docs/`; the text is the same. Links to source files work in `docs/`.
//!
//! A chapter shows a picture by a name, `![what it shows][knobs]`, and says in its last lines which file that is:
//! `img/knobs.svg`. Here, no such file is beside the page. But of two lines that explain a name, the first counts; so a
//! line above the chapter says where the pictures are: in the source from which this page was made.

// A block of the book is a whole program, to be copied out and run.
#![allow(clippy::needless_doctest_main)]

/// The line that says where a picture is: `[knobs]: <file:///home/you/gpt60/docs/img/knobs.svg>`.
macro_rules! picture {
    ($name:literal) => {
        concat!("[", $name, "]: <file://", env!("CARGO_MANIFEST_DIR"), "/docs/img/", $name, ".svg>")
    };
}

#[doc = include_str!("../docs/00-what-is-a-gpt.md")]
pub mod ch00_what_is_a_gpt {}
#[doc = include_str!("../docs/01-tensors.md")]
pub mod ch01_tensors {}
#[doc = include_str!("../docs/02-tokens.md")]
pub mod ch02_tokens {}
#[doc = include_str!("../docs/03-embeddings.md")]
pub mod ch03_embeddings {}
#[doc = include_str!("../docs/04-basic-layers.md")]
pub mod ch04_basic_layers {}
#[doc = picture!("attention-mask")]
#[doc = picture!("attention-head")]
#[doc = picture!("attention-maps")]
#[doc = include_str!("../docs/05-attention.md")]
pub mod ch05_attention {}
#[doc = picture!("block")]
#[doc = include_str!("../docs/06-mlp-and-block.md")]
pub mod ch06_mlp_and_block {}
#[doc = picture!("parameters")]
#[doc = include_str!("../docs/07-the-whole-model.md")]
pub mod ch07_the_whole_model {}
#[doc = picture!("knobs")]
#[doc = include_str!("../docs/08-choosing-a-token.md")]
pub mod ch08_choosing_a_token {}
#[doc = include_str!("../docs/09-beam-search.md")]
pub mod ch09_beam_search {}
#[doc = include_str!("../docs/10-kv-cache.md")]
pub mod ch10_kv_cache {}
#[doc = include_str!("../docs/11-loss.md")]
pub mod ch11_loss {}
#[doc = include_str!("../docs/12-backpropagation.md")]
pub mod ch12_backpropagation {}
#[doc = picture!("loss-curve")]
#[doc = include_str!("../docs/13-training.md")]
pub mod ch13_training {}
#[doc = include_str!("../docs/14-the-real-gpt2.md")]
pub mod ch14_the_real_gpt2 {}
#[doc = include_str!("../docs/15-looking-inside.md")]
pub mod ch15_looking_inside {}
#[doc = picture!("roofline")]
#[doc = include_str!("../docs/16-making-it-fast.md")]
pub mod ch16_making_it_fast {}
#[doc = include_str!("../docs/17-where-to-go.md")]
pub mod ch17_where_to_go {}
#[doc = include_str!("../docs/exercises.md")]
pub mod exercises {}
#[doc = include_str!("../docs/glossary.md")]
pub mod glossary {}
