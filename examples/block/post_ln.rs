//! The block of 2017: layer norm after the addition. The library's own has it before.
//!
//! ```text
//! post-LN:   x = ln_1(x + attn(x))        pre-LN:   x = x + attn(ln_1(x))
//!            x = ln_2(x + mlp(x))                   x = x + mlp(ln_2(x))
//! ```
//!
//! The layers and their parameters are the same, and so are the parameters of the whole model: a [`Gpt2`], put together in
//! another way. Only `ln_f` has nothing to do, because the last block ends with a layer norm already.

use gpt60::layers::attention::AttentionSaved;
use gpt60::layers::block::Block;
use gpt60::layers::embedding;
use gpt60::layers::layer_norm::LayerNormSaved;
use gpt60::layers::mlp::MlpSaved;
use gpt60::train::batches::Batch;
use gpt60::train::loss::cross_entropy_and_gradient;
use gpt60::{Gpt2, Probe, Result, Tensor};

/// What a block's forward saves for its backward: the input of every layer, and what the layers saved themselves.
pub struct Saved {
    x: Tensor,
    attn: AttentionSaved,
    sum_1: Tensor,
    ln_1: LayerNormSaved,
    mid: Tensor,
    mlp: MlpSaved,
    sum_2: Tensor,
    ln_2: LayerNormSaved,
}

impl Saved {
    /// Nothing yet.
    pub fn new() -> Saved {
        let none = || Tensor::zeros(&[0]);
        let (ln_1, ln_2) = (LayerNormSaved::default(), LayerNormSaved::default());
        let (attn, mlp) = (AttentionSaved::default(), MlpSaved::default());
        Saved { x: none(), attn, sum_1: none(), ln_1, mid: none(), mlp, sum_2: none(), ln_2 }
    }
}

/// `ln_1(x + attn(x))`, then `ln_2(x + mlp(x))`: `[n_tok, n_embd] -> [n_tok, n_embd]`.
pub fn forward(block: &Block, x: Tensor, n_seq: usize, saved: &mut Saved) -> Result<Tensor> {
    let off = &mut Probe::off();
    let mut sum_1 = block.attn.forward(&x, n_seq, None, off, Some(&mut saved.attn))?;
    sum_1.add_assign(&x)?; // x + attn(x)
    let mid = block.ln_1.forward(&sum_1, Some(&mut saved.ln_1))?;
    let mut sum_2 = block.mlp.forward(&mid, off, Some(&mut saved.mlp))?;
    sum_2.add_assign(&mid)?; // x + mlp(x)
    let y = block.ln_2.forward(&sum_2, Some(&mut saved.ln_2))?;
    (saved.x, saved.sum_1, saved.mid, saved.sum_2) = (x, sum_1, mid, sum_2);
    Ok(y)
}

/// How the loss changes with `x`, `[n_tok, n_embd] -> [n_tok, n_embd]`; adds how it changes with the parameters to `grad`.
///
/// Whatever comes back goes through a layer norm first, twice in every block: there is no way past it.
pub fn backward(block: &Block, n_seq: usize, saved: &Saved, d_y: &Tensor, grad: &mut Block) -> Result<Tensor> {
    // y = ln_2(sum_2), and sum_2 = mid + mlp(mid)
    let d_sum_2 = block.ln_2.backward(&saved.sum_2, &saved.ln_2, d_y, &mut grad.ln_2)?;
    let mut d_mid = block.mlp.backward(&saved.mid, &saved.mlp, &d_sum_2, &mut grad.mlp)?;
    d_mid.add_assign(&d_sum_2)?;
    // mid = ln_1(sum_1), and sum_1 = x + attn(x)
    let d_sum_1 = block.ln_1.backward(&saved.sum_1, &saved.ln_1, &d_mid, &mut grad.ln_1)?;
    let mut d_x = block.attn.backward(&saved.x, n_seq, &saved.attn, &d_sum_1, &mut grad.attn)?;
    d_x.add_assign(&d_sum_1)?;
    Ok(d_x)
}

/// Adds how the loss on a batch changes with each parameter to `grad`; returns the mean loss in nats. What
/// `train::trainer::loss_and_gradient` does for a model with pre-LN.
pub fn loss_and_gradient(model: &Gpt2, batch: &Batch, n_seq: usize, grad: &mut Gpt2) -> Result<f64> {
    let mut x = embedding::forward(&model.wte, &model.wpe, &batch.inputs, n_seq, 0)?; // [n_tok] -> [n_tok, n_embd]
    let mut saved = Vec::new();
    for block in &model.h {
        saved.push(Saved::new());
        x = forward(block, x, n_seq, saved.last_mut().unwrap())?; // [n_tok, n_embd]
    }
    let logits = model.head(&x)?; // [n_tok, n_embd] -> [n_tok, n_vocab]
    let (loss, d_logits) = cross_entropy_and_gradient(logits, &batch.targets, 1.0)?; // [n_tok, n_vocab]

    // logits = x·wteᵀ
    d_logits.t_matmul_add(&x, grad.wte.tensor_mut()?)?; // [n_tok, n_vocab]ᵀ · [n_tok, n_embd] -> [n_vocab, n_embd]
    let mut d_x = d_logits.matmul(model.wte.tensor()?)?; // [n_tok, n_vocab] · [n_vocab, n_embd] -> [n_tok, n_embd]
    for ((block, saved), grad) in model.h.iter().zip(&saved).zip(&mut grad.h).rev() {
        d_x = backward(block, n_seq, saved, &d_x, grad)?;
    }
    embedding::backward(&batch.inputs, n_seq, &d_x, grad.wte.tensor_mut()?, &mut grad.wpe)?;
    Ok(loss)
}
