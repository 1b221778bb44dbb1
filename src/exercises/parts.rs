//! What the larger exercises are built from: your own pieces, once you have begun them, and the library's until then.
//!
//! This way you can write the block before the MLP, or skip what does not interest you. Call `parts::mlp(...)` where
//! you need an MLP, and do not look here for how it is computed: every function below only picks one of two.
//!
//! While an exercise is checked, each piece's result is compared with the library's for the same input. If a large
//! exercise is wrong because a small one is wrong, the check can say which.

pub use super::piece::{Account, Watcher, fill, strict, watch};
use super::piece::{composite, piece};
use super::{adamw, cross_entropy, cross_entropy_gradient, learning_rate, linear_backward};
use super::{attention, causal_mask, filled, gpt2, multi_head};
use super::{embedding, gelu, layer_norm, linear, matmul, merge_pair, mlp, softmax};
use gpt60::layers;
use gpt60::layers::attention::Attention;
use gpt60::layers::block::Block;
use gpt60::layers::layer_norm::LayerNorm;
use gpt60::layers::linear::Linear;
use gpt60::layers::mlp::Mlp;
use gpt60::tokenizer::{Merge, replace_pair};
use gpt60::train::{self, loss, schedule::Schedule};
use gpt60::{Config, Gpt2, Pass, Result, Tensor};

/// The matrix product: `[m, k] · [k, n] -> [m, n]`.
pub fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    piece("matmul", || matmul::matmul(a, b), || a.matmul(b))
}

/// The tokens with `merged` wherever `left` and `right` stood side by side.
pub fn merge_pair(tokens: &[u32], left: u32, right: u32, merged: u32) -> Vec<u32> {
    let merge = Merge { left, right, result: merged };
    piece("merge_pair", || merge_pair::merge_pair(tokens, left, right, merged), || replace_pair(tokens, merge))
}

/// The vectors of token ids, in sequences of `n_seq`: `[n_tok] -> [n_tok, n_embd]`.
pub fn embedding(wte: &Tensor, wpe: &Tensor, ids: &[u32], n_seq: usize) -> Result<Tensor> {
    let library = || layers::embedding::forward(&wte.clone().into(), wpe, ids, n_seq, 0);
    piece("embedding", || embedding::forward(wte, wpe, ids, n_seq), library)
}

/// Softmax of each row: `[m, n] -> [m, n]`.
pub fn softmax(x: &Tensor) -> Tensor {
    piece("softmax", || softmax::forward(x), || layers::softmax::forward(x))
}

/// The linear layer: `[n_tok, in] -> [n_tok, out]`.
pub fn linear(linear: &Linear, x: &Tensor) -> Result<Tensor> {
    composite("linear", || linear::forward(linear, x), || filled::linear(linear, x), || linear.forward(x))
}

/// GELU of one number.
pub fn gelu(x: f32) -> f32 {
    piece("gelu", || gelu::gelu(x), || layers::gelu::gelu(x))
}

/// Layer norm: `[n_tok, n_embd] -> [n_tok, n_embd]`.
pub fn layer_norm(ln: &LayerNorm, x: &Tensor) -> Result<Tensor> {
    piece("layer_norm", || layer_norm::forward(ln, x), || ln.forward(x))
}

/// 0 where a query may look, minus infinity where not: `[n_seq, n_seq]`.
pub fn causal_mask(n_seq: usize) -> Tensor {
    let library = || {
        let mut mask = Tensor::zeros(&[n_seq, n_seq]);
        (0..n_seq).for_each(|i| mask.row_mut(i)[i + 1..].fill(f32::NEG_INFINITY));
        mask
    };
    piece("causal_mask", || causal_mask::causal_mask(n_seq), library)
}

/// One causal head: `[n_seq, head_size]` three times `-> [n_seq, head_size]`.
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
    let (own, filled) = (|| attention::attention(q, k, v), || filled::attention(q, k, v));
    composite("attention", own, filled, || one_head(q, k, v))
}

/// The library's attention makes queries, keys and values itself. With one head, and weights that pass them through, it
/// computes exactly what is needed here.
fn one_head(q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
    let (n_seq, n) = q.table("attention")?;
    let mut attn = Attention::zeros(3 * n, 3);
    for c in 0..3 * n {
        // x = [q | k | v]. The first head's queries, keys and values are to be q, k and v.
        let (part, column) = (c / n, c % n);
        attn.c_attn.weight.tensor_mut()?.row_mut(c)[part * 3 * n + column] = 1.0;
        attn.c_proj.weight.tensor_mut()?.row_mut(c)[c] = 1.0;
    }
    let x = Tensor::concat_cols(&[q.clone(), k.clone(), v.clone()])?;
    let y = attn.forward(&x, Pass::new(n_seq))?; // [n_seq, 3*n]: the first head's result in front
    Ok(y.split_cols(3)?.swap_remove(0))
}

/// Causal attention with several heads, of one sequence: `[n_seq, n_embd] -> [n_seq, n_embd]`.
pub fn multi_head(attn: &Attention, x: &Tensor) -> Result<Tensor> {
    let library = || attn.forward(x, Pass::new(x.n_rows()));
    composite("multi_head", || multi_head::forward(attn, x), || filled::multi_head(attn, x), library)
}

/// The MLP: `[n_tok, n_embd] -> [n_tok, n_embd]`.
pub fn mlp(mlp: &Mlp, x: &Tensor) -> Result<Tensor> {
    composite("mlp", || mlp::forward(mlp, x), || filled::mlp(mlp, x), || mlp.forward(x, Pass::new(1)))
}

/// One block, of one sequence: `[n_seq, n_embd] -> [n_seq, n_embd]`.
pub fn block(block: &Block, x: &Tensor) -> Result<Tensor> {
    let library = || block.forward(x.clone(), Pass::new(x.n_rows()));
    composite("block", || super::block::forward(block, x), || filled::block(block, x), library)
}

/// The logits after every token of one sequence: `[n_seq] -> [n_seq, n_vocab]`.
pub fn logits(model: &Gpt2, ids: &[u32]) -> Result<Tensor> {
    composite("gpt2", || gpt2::logits(model, ids), || filled::logits(model, ids), || model.logits(ids))
}

/// The loss of each row of logits: `[n_tok, n_vocab]` and `[n_tok]` targets `-> [n_tok]`, in nats.
pub fn cross_entropy(logits: &Tensor, targets: &[u32]) -> Result<Vec<f32>> {
    let own = || cross_entropy::cross_entropy(logits, targets);
    piece("cross_entropy", own, || loss::cross_entropy(logits, targets))
}

/// How `weight` times the mean loss changes with each logit: `[n_tok, n_vocab] -> [n_tok, n_vocab]`.
pub fn cross_entropy_gradient(logits: &Tensor, targets: &[u32], weight: f32) -> Result<Tensor> {
    let own = || cross_entropy_gradient::gradient(logits, targets, weight);
    let library = || Ok(loss::cross_entropy_and_gradient(logits.clone(), targets, weight)?.1);
    piece("cross_entropy_gradient", own, library)
}

/// How the loss changes with the `x` of a linear layer, `[n_tok, out] -> [n_tok, in]`; adds how it changes with the
/// parameters to `grad`.
pub fn linear_backward(linear: &Linear, x: &Tensor, d_y: &Tensor, grad: &mut Linear) -> Result<Tensor> {
    let before = grad.clone();
    let with = |backward: fn(&Linear, &Tensor, &Tensor, &mut Linear) -> Result<Tensor>| {
        let mut grad = before.clone();
        let d_x = backward(linear, x, d_y, &mut grad)?;
        Ok((d_x, grad))
    };
    let d_x;
    (d_x, *grad) = piece("linear_backward", || with(linear_backward::backward), || with(Linear::backward))?;
    Ok(d_x)
}

/// Moves every parameter of `p` against its gradient, by a step of about `lr`.
pub fn adamw(adamw: &mut adamw::AdamW, p: &mut [f32], g: &[f32], lr: f32) {
    let before = (adamw.clone(), p.to_vec());
    let with = |update: fn(&mut adamw::AdamW, &mut [f32], &[f32], f32)| {
        let (mut adamw, mut p) = before.clone();
        update(&mut adamw, &mut p, g, lr);
        (adamw, p)
    };
    let after;
    (*adamw, after) = piece("adamw", || with(adamw::update), || with(library_adamw));
    p.copy_from_slice(&after);
}

/// The learning rate of step `step`, counted from 0.
pub fn learning_rate(schedule: &Schedule, step: u64) -> f32 {
    piece("learning_rate", || learning_rate::rate(schedule, step), || schedule.rate(step))
}

/// The library's AdamW for a list of numbers. It moves the parameters of a whole model, so the list becomes the `wte`
/// of a model.
pub fn library_adamw(adamw: &mut adamw::AdamW, p: &mut [f32], g: &[f32], lr: f32) {
    let model_of = |list: &[f32]| -> Gpt2 {
        let mut model = Gpt2::zeros(&Config::new(list.len(), 1, 1, 1, 1)).expect("a small model");
        model.wte.tensor_mut().expect("a full model").data_mut().copy_from_slice(list);
        model
    };
    let mut model = model_of(p);
    let mut library = train::adamw::AdamW {
        beta1: adamw.beta1,
        beta2: adamw.beta2,
        epsilon: adamw.epsilon,
        muon: false,
        weight_decay: adamw.weight_decay,
        step: adamw.step,
        m: model_of(&adamw.m),
        v: model_of(&adamw.v),
    };
    library.update(&mut model, &model_of(g), lr).expect("as many gradients as parameters");
    adamw.step = library.step;
    let wte = |model: &Gpt2| model.wte.tensor().expect("a full model").data().to_vec();
    (adamw.m, adamw.v) = (wte(&library.m), wte(&library.v));
    p.copy_from_slice(&wte(&model));
}
