//! The block of 2017: layer norm after the addition. The library's own block has it before.
//!
//! ```text
//! post-LN:   x = ln_1(x + attn(x))        pre-LN:   x = x + attn(ln_1(x))
//!            x = ln_2(x + mlp(x))                   x = x + mlp(ln_2(x))
//! ```
//!
//! The layers and their parameters are the same. The whole model has the same parameters too: it is a [`Gpt2`], put
//! together in another way. Only `ln_f` has nothing to do, because the last block already ends with a layer norm.

use gpt60::layers::block::Block;
use gpt60::layers::embedding;
use gpt60::train::batches::Batch;
use gpt60::train::loss::cross_entropy_and_gradient;
use gpt60::{Gpt2, Pass, Result, Saved, Tensor};

/// `ln_1(x + attn(x))`, then `ln_2(x + mlp(x))`: `[n_tok, n_embd] -> [n_tok, n_embd]`.
pub fn forward(block: &Block, x: Tensor, mut pass: Pass) -> Result<Tensor> {
    let sum_1 = block.attn.forward(&x, pass.part("attn"))?.plus(&x)?; // x + attn(x)
    let mid = block.ln_1.forward(&sum_1)?;
    let sum_2 = block.mlp.forward(&mid, pass.part("mlp"))?.plus(&mid)?; // x + mlp(x)
    let y = block.ln_2.forward(&sum_2)?;
    pass.save([("x", x), ("sum_1", sum_1), ("mid", mid), ("sum_2", sum_2)]);
    Ok(y)
}

/// How the loss changes with `x`, `[n_tok, n_embd] -> [n_tok, n_embd]`; adds how it changes with the parameters to
/// `grad`.
///
/// Every gradient goes through a layer norm first, twice in each block: there is no way past it.
pub fn backward(block: &Block, saved: &Saved, d_y: &Tensor, grad: &mut Block) -> Result<Tensor> {
    // Forward was: y = ln_2(sum_2), and sum_2 = mid + mlp(mid)
    let d_sum_2 = block.ln_2.backward(saved.tensor("sum_2")?, d_y, &mut grad.ln_2)?;
    let d_mid =
        block.mlp.backward(saved.tensor("mid")?, saved.part("mlp")?, &d_sum_2, &mut grad.mlp)?.plus(&d_sum_2)?;
    // Forward was: mid = ln_1(sum_1), and sum_1 = x + attn(x)
    let d_sum_1 = block.ln_1.backward(saved.tensor("sum_1")?, &d_mid, &mut grad.ln_1)?;
    block.attn.backward(saved.tensor("x")?, saved.part("attn")?, &d_sum_1, &mut grad.attn)?.plus(&d_sum_1)
}

/// Adds how the loss on a batch changes with each parameter to `grad`; returns the mean loss in nats. This is
/// `train::step::loss_and_gradient` for post-LN.
pub fn loss_and_gradient(model: &Gpt2, batch: &Batch, n_seq: usize, grad: &mut Gpt2) -> Result<f64> {
    let mut x = embedding::forward(&model.wte, &model.wpe, &batch.inputs, n_seq, 0)?; // [n_tok] -> [n_tok, n_embd]
    let mut saved = Saved::new();
    let mut pass = Pass::saving(n_seq, &mut saved);
    for (i, block) in model.h.iter().enumerate() {
        x = forward(block, x, pass.in_block(i))?; // [n_tok, n_embd]
    }
    let logits = model.head(&x)?; // [n_tok, n_embd] -> [n_tok, n_vocab]
    let (loss, d_logits) = cross_entropy_and_gradient(logits, &batch.targets, 1.0)?; // [n_tok, n_vocab]

    // logits = x·wteᵀ
    d_logits.t_matmul_add(&x, grad.wte.tensor_mut()?)?; // [n_tok, n_vocab]ᵀ · [n_tok, n_embd] -> [n_vocab, n_embd]
    let mut d_x = d_logits.matmul(model.wte.tensor()?)?; // [n_tok, n_vocab] · [n_vocab, n_embd] -> [n_tok, n_embd]
    for (i, (block, grad)) in model.h.iter().zip(&mut grad.h).enumerate().rev() {
        d_x = backward(block, saved.in_block(i)?, &d_x, grad)?;
    }
    embedding::backward(&batch.inputs, n_seq, &d_x, grad.wte.tensor_mut()?, &mut grad.wpe)?;
    Ok(loss)
}
