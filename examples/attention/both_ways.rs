//! A model's forward pass with the mask, as in GPT, and without it, as in BERT.
//!
//! The library only has causal attention. Here the formula of chapter 5 is written out once more, with the mask as an
//! option; everything else is the model's own layers and weights. (A model that was trained with the mask writes
//! nonsense without it. This is only for seeing which tokens a token hears of.)

use gpt60::layers::{embedding, softmax};
use gpt60::{Gpt2, Pass, Result, Tensor};

/// Runs the model, and shows one head's weights: `[n_seq] -> [n_seq, n_embd]` after `ln_f`, and `[n_seq, n_seq]`.
pub fn run(model: &Gpt2, ids: &[u32], causal: bool, layer: usize, head: usize) -> Result<(Tensor, Tensor)> {
    let n_head = model.config.n_head;
    let mut shown = Tensor::zeros(&[0, 0]);
    let mut x = embedding::forward(&model.wte, &model.wpe, ids, ids.len(), 0)?; // [n_seq] -> [n_seq, n_embd]
    for (i, block) in model.h.iter().enumerate() {
        let qkv = block.attn.c_attn.forward(&block.ln_1.forward(&x)?)?; // [n_seq, n_embd] -> [n_seq, 3*n_embd]
        let parts = qkv.split_cols(3 * n_head)?; // every head's queries, then the keys, then the values
        let mut heads = Vec::new();
        for h in 0..n_head {
            let (q, k, v) = (&parts[h], &parts[n_head + h], &parts[2 * n_head + h]); // [n_seq, head_size] each
            let weights = weights(q, &k.scale(block.attn.score_factor), causal)?; // [n_seq, n_seq]; GPT-2's factor is 1
            heads.push(weights.matmul(v)?); // [n_seq, n_seq] · [n_seq, head_size] -> [n_seq, head_size]
            if (i, h) == (layer, head) {
                shown = weights;
            }
        }
        x.add_assign(&block.attn.c_proj.forward(&Tensor::concat_cols(&heads)?)?)?; // x + attn(ln_1(x))
        x.add_assign(&block.mlp.forward(&block.ln_2.forward(&x)?, Pass::new(1))?)?; // x + mlp(ln_2(x))
    }
    Ok((model.ln_f.forward(&x)?, shown))
}

/// Who looks where: `softmax(q·kᵀ / sqrt(head_size) + mask)`, with or without the mask, `-> [n_seq, n_seq]`.
fn weights(q: &Tensor, k: &Tensor, causal: bool) -> Result<Tensor> {
    let mut scores = q.matmul_t(k)?.scale(1.0 / (q.n_cols() as f32).sqrt());
    for t in 0..q.n_rows() {
        if causal {
            scores.row_mut(t)[t + 1..].fill(f32::NEG_INFINITY);
        }
    }
    Ok(softmax::forward(&scores))
}

/// How far each row has moved, as a percentage of its length: `[n_seq]`.
pub fn moved(before: &Tensor, after: &Tensor) -> Result<Vec<f32>> {
    let length = |x: &Tensor| -> Result<Tensor> { Ok(x.mul(x)?.row_sum().map(f32::sqrt)) }; // [n_seq, 1]
    Ok(length(&after.sub(before)?)?.div(&length(before)?)?.scale(100.0).into_data())
}
