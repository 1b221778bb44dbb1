//! What the larger exercises are built from: your own pieces, once you have begun them, and the library's until then.
//!
//! So you can write the block before the MLP, or skip what does not interest you. Call `parts::mlp(...)` where you need an MLP,
//! and do not look here for how it is computed: every function below only picks one of two.
//!
//! While an exercise is checked, each piece's result is compared with the library's for the same input. If a large exercise
//! goes wrong because a small one is, the check can say which.

use super::{NotStarted, embedding, gelu, layer_norm, linear, matmul, merge_pair, mlp, softmax};
use gpt60::close::relative_difference;
use gpt60::layers;
use gpt60::layers::layer_norm::LayerNorm;
use gpt60::layers::linear::Linear;
use gpt60::layers::mlp::Mlp;
use gpt60::tokenizer::{Merge, replace_pair};
use gpt60::{Probe, Result, Tensor};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The matrix product: `[m, k] · [k, n] -> [m, n]`.
pub fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    piece("matmul", || matmul::matmul(a, b), || a.matmul(b))
}

/// The tokens with `merged` wherever `left` and `right` stood side by side.
pub fn merge_pair(tokens: &[u32], left: u32, right: u32, merged: u32) -> Vec<u32> {
    let merge = Merge { left, right, result: merged };
    piece("merge_pair", || merge_pair::merge_pair(tokens, left, right, merged), || replace_pair(tokens, merge))
}

/// The vectors of token ids, which are sequences of `n_seq`: `[n_tok] -> [n_tok, n_embd]`.
pub fn embedding(wte: &Tensor, wpe: &Tensor, ids: &[u32], n_seq: usize) -> Result<Tensor> {
    let library = || layers::embedding::forward(wte, wpe, ids, n_seq, 0);
    piece("embedding", || embedding::forward(wte, wpe, ids, n_seq), library)
}

/// Softmax of each row: `[m, n] -> [m, n]`.
pub fn softmax(x: &Tensor) -> Tensor {
    piece("softmax", || softmax::forward(x), || layers::softmax::forward(x))
}

/// The linear layer: `[n_tok, in] -> [n_tok, out]`.
pub fn linear(linear: &Linear, x: &Tensor) -> Result<Tensor> {
    piece("linear", || linear::forward(linear, x), || linear.forward(x))
}

/// GELU of one number.
pub fn gelu(x: f32) -> f32 {
    piece("gelu", || gelu::gelu(x), || layers::gelu::gelu(x))
}

/// Layer norm: `[n_tok, n_embd] -> [n_tok, n_embd]`.
pub fn layer_norm(ln: &LayerNorm, x: &Tensor) -> Result<Tensor> {
    piece("layer_norm", || layer_norm::forward(ln, x), || ln.forward(x, None))
}

/// The MLP: `[n_tok, n_embd] -> [n_tok, n_embd]`.
pub fn mlp(mlp: &Mlp, x: &Tensor) -> Result<Tensor> {
    piece("mlp", || mlp::forward(mlp, x), || mlp.forward(x, &mut Probe::off(), None))
}

// ---------------------------------------------------------------------------------------------------------------------
// How a piece is picked and watched
// ---------------------------------------------------------------------------------------------------------------------

/// What to do with pieces that are called.
#[derive(Debug, Clone, Default)]
enum Mode {
    /// Pick, and nothing else.
    #[default]
    Pick,
    /// Compare each with the library's, and keep the name of the first that differs.
    Watch(Option<String>),
    /// Use no piece of the library, and keep the names of those that are missing.
    Strict(Vec<String>),
}

thread_local! {
    static MODE: RefCell<Mode> = RefCell::default();
}

/// Compares the pieces that `work` calls with the library's: its result, and the name of the first piece that differs.
pub fn watch<T>(work: impl FnOnce() -> T) -> (T, Option<String>) {
    MODE.set(Mode::Watch(None));
    let result = work();
    match MODE.take() {
        Mode::Watch(first) => (result, first),
        _ => (result, None),
    }
}

/// Notes which pieces `work` calls that have not been begun (the library's are used for them): its result, and their names.
pub fn strict<T>(work: impl FnOnce() -> T) -> (T, Vec<String>) {
    MODE.set(Mode::Strict(Vec::new()));
    let result = work();
    match MODE.take() {
        Mode::Strict(missing) => (result, missing),
        _ => (result, Vec::new()),
    }
}

fn piece<T: Comparable>(name: &str, own: impl Fn() -> T, library: impl Fn() -> T) -> T {
    let result = match catch_unwind(AssertUnwindSafe(own)) {
        Ok(result) => result,
        Err(payload) if payload.is::<NotStarted>() => {
            MODE.with_borrow_mut(|mode| match mode {
                Mode::Strict(missing) if !missing.iter().any(|known| known == name) => missing.push(name.to_string()),
                _ => {}
            });
            return library();
        }
        Err(payload) => resume_unwind(payload),
    };
    // Only the first piece that differs is of interest: what comes after it may be wrong because of it.
    if MODE.with_borrow(|mode| matches!(mode, Mode::Watch(None))) && !result.is_close(&library()) {
        MODE.with_borrow_mut(|mode| match mode {
            // A piece inside of this one has been asked before it, and was right.
            Mode::Watch(first) if first.is_none() => *first = Some(name.to_string()),
            _ => {}
        });
    }
    result
}

/// Results that can be compared, up to rounding.
trait Comparable {
    fn is_close(&self, other: &Self) -> bool;
}

impl Comparable for Tensor {
    fn is_close(&self, other: &Tensor) -> bool {
        relative_difference((self.shape(), self.data()), (other.shape(), other.data())).is_ok_and(|d| d < 1e-4)
    }
}

impl Comparable for f32 {
    fn is_close(&self, other: &f32) -> bool {
        (self - other).abs() <= 1e-5 * other.abs().max(1.0) || (self.is_nan() && other.is_nan()) || self == other
    }
}

impl Comparable for Vec<u32> {
    fn is_close(&self, other: &Vec<u32>) -> bool {
        self == other
    }
}

impl<T: Comparable> Comparable for Result<T> {
    fn is_close(&self, other: &Result<T>) -> bool {
        match (self, other) {
            (Ok(a), Ok(b)) => a.is_close(b),
            (Err(_), Err(_)) => true,
            _ => false,
        }
    }
}
