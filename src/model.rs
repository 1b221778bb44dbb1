//! The whole model: token ids in, a score for every possible next token out.
//!
//! ```text
//! x = wte[ids] + wpe[positions]     the embedding
//! x = block(x)                      n_layer times
//! x = ln_f(x)                       a last layer norm
//! logits = x·wteᵀ                   the head: how well does x match each token's vector?
//! ```
//!
//! The scores are called *logits*; softmax turns them into probabilities. There is a row of them for every token of the
//! input: row `t` is the model's guess at token `t + 1`, made from the tokens up to `t`.
//!
//! The head uses the embedding table a second time (*weight tying*): the vector that stands for a token when it is read
//! also stands for it when it is predicted. Some checkpoints have a separate table for the head; `lm_head` holds it.
//!
//! Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019); the sixty lines' `gpt2`.

use crate::config::Config;
use crate::error::{Error, Result};
use crate::kernels::arithmetic::{self, Arithmetic, within};
use crate::kv_cache::KvCache;
use crate::layers::block::Block;
use crate::layers::embedding;
use crate::layers::layer_norm::LayerNorm;
use crate::pass::{Pass, Saved};
use crate::rng::Rng;
use crate::tensor::Tensor;
use crate::weight::Weight;

/// A GPT-2: its size and its parameters, under the names that its checkpoints use.
///
/// The gradient of a `Gpt2` is also a `Gpt2`: a number for each parameter. `parameters.rs` lists them.
///
/// # Example: how likely is each next token?
///
/// ```
/// use gpt60::{Config, Gpt2, Rng, layers::softmax};
///
/// let model = Gpt2::random(&Config::new(10, 8, 12, 3, 2), &mut Rng::new(1))?;
/// let logits = model.logits(&[5, 1, 7])?;
/// assert_eq!(logits.shape(), [3, 10]); // after each of the 3 tokens, a score for each of the 10 in the vocabulary
/// let probabilities = softmax::forward(&logits);
/// assert!((probabilities.row(2).iter().sum::<f32>() - 1.0).abs() < 1e-5);
/// # Ok::<(), gpt60::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Gpt2 {
    /// How large it is.
    pub config: Config,
    /// The token embedding, `[n_vocab, n_embd]`.
    pub wte: Weight,
    /// The position embedding, `[n_ctx, n_embd]`.
    pub wpe: Tensor,
    /// The blocks.
    pub h: Vec<Block>,
    /// The last layer norm.
    pub ln_f: LayerNorm,
    /// The head, `[n_vocab, n_embd]`, if it is not tied to `wte`.
    pub lm_head: Option<Weight>,
}

impl Gpt2 {
    /// A model whose parameters are all zero, with a tied head: a gradient to begin with, or a place to load weights
    /// into.
    ///
    /// # Errors
    ///
    /// If [`Config::check`] refuses the configuration.
    pub fn zeros(config: &Config) -> Result<Gpt2> {
        config.check()?;
        Ok(Gpt2 {
            config: *config,
            wte: Tensor::zeros(&[config.n_vocab, config.n_embd]).into(),
            wpe: Tensor::zeros(&[config.n_ctx, config.n_embd]),
            h: (0..config.n_layer).map(|i| Block::zeros(config).at(i, config)).collect(),
            ln_f: LayerNorm::zeros(config.n_embd, config.layer_norm_epsilon),
            lm_head: None,
        })
    }

    /// A model to start training from, initialized as GPT-2 was: small random weights, zero biases, a tied head.
    ///
    /// # Errors
    ///
    /// If [`Config::check`] refuses the configuration.
    pub fn random(config: &Config, rng: &mut Rng) -> Result<Gpt2> {
        config.check()?;
        Ok(Gpt2 {
            config: *config,
            wte: Tensor::random(&[config.n_vocab, config.n_embd], 0.02, rng).into(),
            wpe: Tensor::random(&[config.n_ctx, config.n_embd], 0.02, rng),
            h: (0..config.n_layer).map(|i| Block::random(config, rng).at(i, config)).collect(),
            ln_f: LayerNorm::new(config.n_embd, config.layer_norm_epsilon),
            lm_head: None,
        })
    }

    /// The logits after every token of one sequence: `[n_seq] -> [n_seq, n_vocab]`.
    ///
    /// # Errors
    ///
    /// If there are no tokens or more than `n_ctx`, or one is not in the vocabulary.
    pub fn logits(&self, ids: &[u32]) -> Result<Tensor> {
        let hidden = self.hidden(ids, Pass::new(ids.len()))?; // [n_seq, n_embd]
        self.head(&hidden) // [n_seq, n_embd] -> [n_seq, n_vocab]
    }

    /// Reads `ids` and gives the logits for the next token of each sequence in `cache`: `-> [n_sequences, n_vocab]`.
    ///
    /// `ids` are the new tokens of all sequences, one sequence after the other, the same number for each. Only the last
    /// token of each sequence goes through the head, which is the largest matrix of a small model.
    ///
    /// # Errors
    ///
    /// If the new tokens do not fit into the context, cannot be divided equally among the sequences, or are not in the
    /// vocabulary. The cache is then unchanged.
    pub fn next_logits(&self, ids: &[u32], cache: &mut KvCache) -> Result<Tensor> {
        let n_sequences = cache.n_sequences();
        let n_seq = ids.len() / n_sequences.max(1);
        if n_seq * n_sequences != ids.len() {
            let problem =
                format!("{} token ids cannot be divided into {n_sequences} sequences of equal length", ids.len());
            return Err(Error::argument("next_logits", problem));
        }
        let hidden = self.hidden(ids, Pass::cached(n_seq, cache))?;
        let last: Vec<usize> = (0..n_sequences).map(|s| (s + 1) * n_seq - 1).collect();
        self.head(&hidden.take_rows(&last)?) // [n_sequences, n_embd] -> [n_sequences, n_vocab]
    }

    /// Everything but the head: `[n_tok] -> [n_tok, n_embd]`. Every other way to run the model goes through here.
    ///
    /// Every [`Pass::n_seq`] of the ids are one sequence. If the pass has a cache, they follow the tokens in it and are
    /// added to it. A probe is shown `wte`, `wpe` and `embd` (their sum); then for block `i` (`h.0`, `h.1`, ...):
    /// `ln_1`, `attn.q`, `attn.k`, `attn.v`, `attn.weights`, `attn.heads`, `attn.out`, `mid`, `ln_2`, `mlp.fc`,
    /// `mlp.act`, `mlp.out`, `out`; and finally `ln_f`.
    ///
    /// # Errors
    ///
    /// If there are no tokens, a sequence grows longer than `n_ctx`, an id is not in the vocabulary, or the cache
    /// belongs to another kind of model. The cache is then unchanged.
    pub fn hidden(&self, ids: &[u32], mut pass: Pass) -> Result<Tensor> {
        let (n_seq, n_past) = (pass.n_seq(), pass.n_past());
        if ids.is_empty() {
            return Err(Error::argument("hidden", "there is no token to start from; give at least one"));
        }
        if let Some(cache) = pass.cache()
            && (!cache.fits(&self.config) || cache.n_sequences() * n_seq != ids.len())
        {
            let problem = "the cache belongs to another model or to another number of sequences; make a new one";
            return Err(Error::argument("hidden", problem));
        }
        let mut x = embedding::forward(&self.wte, &self.wpe, ids, n_seq, n_past)?; // [n_tok] -> [n_tok, n_embd]
        self.show_embedding(ids, &mut pass)?;
        pass.see("embd", &x);
        // Where packed weights meet rounded numbers, attention's products may be rounded as well.
        let arithmetic = if self.wte.is_packed() { Arithmetic::Bf16 } else { arithmetic::current() };
        for (i, block) in self.h.iter().enumerate() {
            x = within(arithmetic, || block.forward(x, pass.in_block(i)))?; // [n_tok, n_embd]
        }
        if let Some(cache) = pass.cache() {
            cache.advance(n_seq);
        }
        let hidden = self.ln_f.forward(&x)?; // [n_tok, n_embd]
        pass.see("ln_f", &hidden);
        if pass.is_saving() {
            pass.save([("x", x), ("hidden", hidden.clone())]);
        }
        Ok(hidden)
    }

    /// The head: how well does each row match each token's vector? `[n_rows, n_embd] -> [n_rows, n_vocab]`.
    ///
    /// # Errors
    ///
    /// If the rows are not `n_embd` long.
    pub fn head(&self, hidden: &Tensor) -> Result<Tensor> {
        // hidden·headᵀ: [n_rows, n_embd] · [n_vocab, n_embd]ᵀ. (Of a `Weight`, `w.matmul_t(&x)` is x·wᵀ.)
        self.lm_head.as_ref().unwrap_or(&self.wte).matmul_t(hidden)
    }

    /// Adds to `grad` how the loss changes with each parameter, given how it changes with the logits of the forward
    /// pass that filled `saved`: `d_logits` is `[n_tok, n_vocab]`.
    ///
    /// Forward's steps in reverse. With a tied head, `wte` acts in two places, as embedding and as head, and gets the
    /// sum of both gradients.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit, or `grad` belongs to another kind of model.
    pub fn backward(&self, ids: &[u32], saved: &Saved, d_logits: &Tensor, grad: &mut Gpt2) -> Result<()> {
        if saved.n_parts() != self.h.len()
            || grad.h.len() != self.h.len()
            || grad.lm_head.is_some() != self.lm_head.is_some()
        {
            return Err(Error::argument("backward", "what was saved and the gradient must belong to this model"));
        }
        // logits = hidden·headᵀ
        let head = self.lm_head.as_ref().unwrap_or(&self.wte).tensor()?;
        let d_hidden = d_logits.matmul(head)?; // [n_tok, n_vocab] · [n_vocab, n_embd] -> [n_tok, n_embd]
        let d_head = grad.lm_head.as_mut().unwrap_or(&mut grad.wte);
        // [n_tok, n_vocab]ᵀ · [n_tok, n_embd] -> [n_vocab, n_embd]
        d_logits.t_matmul_add(saved.tensor("hidden")?, d_head.tensor_mut()?)?;
        // hidden = ln_f(x)
        let mut d_x = self.ln_f.backward(saved.tensor("x")?, &d_hidden, &mut grad.ln_f)?;
        // x = block(x), n_layer times
        for i in (0..self.h.len()).rev() {
            d_x = self.h[i].backward(saved.in_block(i)?, &d_x, &mut grad.h[i])?;
        }
        // x = wte[ids] + wpe[positions]
        embedding::backward(ids, saved.n_seq(), &d_x, grad.wte.tensor_mut()?, &mut grad.wpe)
    }

    /// Shows the two parts of the embedding to a probe that wants them.
    fn show_embedding(&self, ids: &[u32], pass: &mut Pass) -> Result<()> {
        if pass.wants("wte") {
            let rows: Vec<usize> = ids.iter().map(|&id| id as usize).collect();
            pass.see("wte", &self.wte.take_rows(&rows)?);
        }
        if pass.wants("wpe") {
            let rows: Vec<usize> = (0..ids.len()).map(|t| pass.n_past() + t % pass.n_seq()).collect();
            pass.see("wpe", &self.wpe.take_rows(&rows)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn going_past_the_context_is_an_error_and_leaves_the_cache_as_it_was() {
        let config = Config::new(11, 4, 6, 3, 2);
        let model = Gpt2::random(&config, &mut Rng::new(1)).unwrap();
        let error = model.logits(&[1, 2, 3, 4, 5]).unwrap_err().to_string();
        assert!(error.contains("5 tokens are more than the context of 4 holds"), "{error}");
        let mut cache = KvCache::new(&config, 1);
        model.next_logits(&[1, 2, 3], &mut cache).unwrap();
        assert!(model.next_logits(&[1, 2], &mut cache).is_err());
        assert!(model.next_logits(&[99], &mut cache).is_err());
        assert!(model.next_logits(&[], &mut cache).is_err());
        assert_eq!(cache.n_past(), 3);
        model.next_logits(&[1], &mut cache).unwrap();
    }

    #[test]
    fn a_cache_of_another_model_is_refused() {
        let config = Config::new(11, 4, 6, 3, 2);
        let model = Gpt2::random(&config, &mut Rng::new(1)).unwrap();
        let mut cache = KvCache::new(&Config { n_layer: 3, ..config }, 1);
        assert!(model.next_logits(&[1], &mut cache).is_err());
    }
}
