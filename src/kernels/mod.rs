//! The engine room: the few loops in which all the time is spent.
//!
//! A transformer spends nearly all of its time multiplying matrices. The rest of the crate says *what* is computed, in the
//! plainest way; this folder says how to do the heavy part fast. It works on slices of `f32` and knows nothing of layers.
//!
//! * [`matmul`] has the matrix product twice: [`matmul::plain`], three loops that anyone can check, and the fast one that
//!   is tested against it. Its files: `matmul/stream.rs` for a few rows; `tiles.rs`, `pack.rs`
//!   and `words.rs` for many; `bytes.rs` for weights of one byte.
//! * `number.rs` and `matrix.rs` say what these products read: numbers of several kinds, and parts of a slice.
//! * [`arithmetic`] says whether products are made in `f32` or in `bf16`.
//! * `math.rs` has the other loops over many numbers: sums, dot products, exponentials.
//! * `softmax.rs`, `gelu.rs`, `layer_norm.rs`, [`attention`], `loss.rs` and [`adamw`] are fast twins. The functions of the
//!   same names in `layers/` and `train/` are plain loops; they say what is computed, and judge these in the tests.
//!   `one_query.rs` is attention once more, for a single new token; `strips.rs` lays out what many queries meet.
//! * `activation.rs` runs any other function over many numbers.
//! * `memory.rs` keeps the memory of long tensors for the next one of the same size.
//! * `unpack.rs` turns the bytes of a file into numbers, and matrices the other way round.
//! * `dot/` has the instructions for short numbers, and `peak.rs` measures them.
//! * [`threads`] splits work among the processor's cores.
//! * [`cpu`] finds out what the processor can do, and runs a loop with the best instructions it has.
//!
//! This is the only place where `unsafe` is allowed, and each use says why it is sound. One file names instructions, `dot/x86.rs`; all
//! other loops are plain Rust, shaped so that the compiler can turn them into vector instructions. Chapter 16 of the book
//! explains how.
//!
//! One rule holds everywhere: how a *sum* is split does not depend on the number of threads. Either one thread adds all of it
//! up, or it is cut into parts that the shapes alone decide, and these are added up in a fixed order. The outputs may be
//! shared out in any way, since that changes no sum. So a result is bit for bit the same for any number of threads.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

#[doc(hidden)] // `layers::activation` calls it
pub mod activation;
pub mod adamw;
pub mod arithmetic;
pub mod attention;
pub mod cpu;
#[doc(hidden)] // public for the tests of the instruction sets
pub mod dot;
#[doc(hidden)] // its twin is the one to call
pub mod gelu;
#[doc(hidden)] // its twin is the one to call
pub mod layer_norm;
#[doc(hidden)] // its twin is the one to call
pub mod loss;
#[doc(hidden)] // public for the tests of the instruction sets
pub mod math;
pub mod matmul;
pub mod matrix;
pub(crate) mod memory;
mod number;
#[doc(hidden)] // `attention` calls it
pub mod one_query;
#[doc(hidden)] // `bench` calls it
pub mod peak;
#[doc(hidden)] // its twin is the one to call
pub mod softmax;
mod strips;
pub mod threads;
pub(crate) mod unpack;

/// A line for each environment variable of this folder that is set to something that cannot be done: what it is, and what
/// happens instead.
#[doc(hidden)] // for the examples, which print it: the library itself prints nothing
pub fn unheeded() -> Vec<String> {
    [threads::unheeded(), cpu::unheeded()].into_iter().flatten().collect()
}

/// What an environment variable says, if it is set and not empty.
fn said_by(variable: &str) -> Option<String> {
    let text = std::env::var_os(variable)?.to_string_lossy().trim().to_string();
    Some(text).filter(|text| !text.is_empty())
}
