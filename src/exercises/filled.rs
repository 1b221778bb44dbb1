//! The larger exercises that you have not begun, put together from the pieces that you have: for
//! `examples/greedy_mine.rs`, so that your softmax writes along even while the attention around it is not yours yet.
//!
//! Below are the solutions of `greedy`, `gpt2`, `block`, `mlp`, `multi_head`, `attention` and `linear`: read them when you
//! have written yours.

use super::parts;
use gpt60::layers::attention::Attention;
use gpt60::layers::block::Block;
use gpt60::layers::linear::Linear;
use gpt60::layers::mlp::Mlp;
use gpt60::{Gpt2, Result, Tensor, argmax};

/// The likeliest next token: `[n_seq] ->` an id.
pub fn greedy(model: &Gpt2, ids: &[u32]) -> Result<u32> {
    let logits = parts::logits(model, ids)?; // [n_seq, n_vocab]
    Ok(argmax(logits.row(ids.len() - 1)).unwrap_or(0) as u32)
}

/// `[n_seq] -> [n_seq, n_vocab]`
pub fn logits(model: &Gpt2, ids: &[u32]) -> Result<Tensor> {
    let mut x = parts::embedding(model.wte.tensor()?, &model.wpe, ids, ids.len())?; // [n_seq, n_embd]
    for block in &model.h {
        x = parts::block(block, &x)?;
    }
    let head = model.lm_head.as_ref().unwrap_or(&model.wte).tensor()?; // [n_vocab, n_embd]
    parts::matmul(&parts::layer_norm(&model.ln_f, &x)?, &head.transpose()?)
}

/// `[n_seq, n_embd] -> [n_seq, n_embd]`
pub fn block(block: &Block, x: &Tensor) -> Result<Tensor> {
    let mid = x.add(&parts::multi_head(&block.attn, &parts::layer_norm(&block.ln_1, x)?)?)?;
    mid.add(&parts::mlp(&block.mlp, &parts::layer_norm(&block.ln_2, &mid)?)?)
}

/// `[n_tok, n_embd] -> [n_tok, n_embd]`
pub fn mlp(mlp: &Mlp, x: &Tensor) -> Result<Tensor> {
    let fc = parts::linear(&mlp.c_fc, x)?; // [n_tok, n_inner]
    parts::linear(&mlp.c_proj, &fc.map(parts::gelu))
}

/// `[n_seq, n_embd] -> [n_seq, n_embd]`
pub fn multi_head(attn: &Attention, x: &Tensor) -> Result<Tensor> {
    let qkv = parts::linear(&attn.c_attn, x)?.split_cols(3)?; // three times [n_seq, n_embd]
    let [q, k, v] = [0, 1, 2].map(|part| qkv[part].split_cols(attn.n_head)); // n_head times [n_seq, head_size] each
    let (q, k, v) = (q?, k?, v?);
    let heads: Result<Vec<Tensor>> = (0..attn.n_head).map(|h| parts::attention(&q[h], &k[h], &v[h])).collect();
    parts::linear(&attn.c_proj, &Tensor::concat_cols(&heads?)?)
}

/// `[n_seq, head_size]` three times `-> [n_seq, head_size]`
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
    let scores = parts::matmul(q, &k.transpose()?)?.scale(1.0 / (q.n_cols() as f32).sqrt()); // [n_seq, n_seq]
    parts::matmul(&parts::softmax(&scores.add(&parts::causal_mask(q.n_rows()))?), v)
}

/// `[n_tok, in] -> [n_tok, out]`
pub fn linear(linear: &Linear, x: &Tensor) -> Result<Tensor> {
    parts::matmul(x, linear.weight.tensor()?)?.add(&linear.bias)
}
