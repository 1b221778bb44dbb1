//! The exercises: functions of this crate with their bodies missing, for you to write.
//!
//! One file each, in the order of the book. A file says what to compute, with the formula and an example worked out in
//! numbers. Three hints for it, each plainer than the one before, are in `hints/`. Replace `not_started()` by your code,
//! and
//!
//! ```text
//! cargo run --example exercises                  where you are, and what comes next
//! cargo run --example exercises -- check NAME    is it right?
//! cargo run --example exercises -- watch         checks again whenever you save a file
//! cargo run --example exercises -- hint NAME     a hint; again for the next one
//! cargo run --example exercises -- reset NAME    begin again; a copy of what you wrote is kept
//! cargo run --example exercises -- solution NAME where the library does it, once your own passes
//! cargo run --example exercises -- page          something to keep
//! ```
//!
//! `docs/exercises.md` has the whole list, and two ways through it.
//!
//! This folder is not part of the library: no matter what you write here, `greedy` and all other examples still work.
//! Only the checks in `tests/exercises/` and `examples/greedy_mine.rs` include it. Use anything from `gpt60` except the
//! exercise itself: the checks cannot see whether you call the library's own function, but you can.
//!
//! The guide reads these files as text. The first line of an exercise gives its title, chapter, difficulty and minutes;
//! the last one, `// Solution: FILE, FUNCTION`, says where the library does it. `reset` looks at how lines begin to
//! know what was there in the beginning: it keeps `//!`, `use`, everything `pub`, an `impl` above the function, and that
//! last line, and puts `not_started()` into each `pub fn`. Your own private functions are removed (the copy in `mine/`
//! keeps them).

// A stub uses neither its arguments nor its imports yet, and not every program that includes this folder uses every stub.
#![allow(unused_variables, unused_imports, dead_code)]
// Nor does it make its lists longer yet.
#![allow(clippy::ptr_arg)]

pub(crate) mod filled;
pub mod parts;
mod piece;

// In the order of the book; the empty lines keep `cargo fmt` from sorting them.
pub mod matmul;

pub mod most_frequent_pair;

pub mod merge_pair;

pub mod byte_to_symbol;

pub mod split;

pub mod encode;

pub mod cosine_similarity;

pub mod embedding;

pub mod softmax;

pub mod linear;

pub mod gelu;

pub mod layer_norm;

pub mod causal_mask;

pub mod attention;

pub mod multi_head;

pub mod mlp;

pub mod block;

pub mod gpt2;

pub mod n_parameters;

pub mod greedy;

pub mod temperature;

pub mod top_k;

pub mod top_p;

pub mod min_p;

pub mod beam_search;

pub mod kv_cache;

pub mod cross_entropy;
pub mod cross_entropy_gradient;

pub mod value_backward;

pub mod tape_backward;

pub mod topological_order;

pub mod linear_backward;

pub mod layer_norm_backward;

pub mod attention_backward;

pub mod adamw;
pub mod learning_rate;

pub mod training;

pub mod quantize;

/// The body of a function that has not been begun.
///
/// It stops the function right there, and tells the check that nothing is wrong: nobody has tried yet.
pub fn not_started() -> ! {
    // Not `panic!`: that would print a message.
    std::panic::resume_unwind(Box::new(NotStarted))
}

/// What [`not_started`] throws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotStarted;
