//! The transformer block: attention, then MLP, each added to what was there.
//!
//! ```text
//! x = x + attn(ln_1(x))
//! x = x + mlp(ln_2(x))
//! ```
//!
//! The `x` that runs through all blocks is called the *residual stream*. No layer replaces it; each reads it and adds
//! something. Information can therefore pass through unharmed, and so can gradients on their way back: the slope of
//! `x + f(x)` has a 1 in it, whatever `f` does. That is what makes deep stacks trainable.
//!
//! The layer norms stand before attention and MLP, inside the branches (*pre-LN*); the original transformer of 2017 put
//! them after the addition.
//!
//! Source: He et al. (2015) for residual connections; Radford et al. (2019), section 2.3, for their place; the sixty
//! lines' `transformer_block`.
//!
//! [Chapter 6](crate::book::ch06_mlp_and_block) explains it;
//! [layer by layer](crate::book::layer_by_layer), its `backward`.

use super::attention::Attention;
use super::layer_norm::LayerNorm;
use super::mlp::Mlp;
use crate::config::Config;
use crate::error::Result;
use crate::pass::{Pass, Saved};
use crate::rng::Rng;
use crate::tensor::Tensor;

/// The parameters of a block.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Before attention.
    pub ln_1: LayerNorm,
    /// Tokens look at each other.
    pub attn: Attention,
    /// Before the MLP.
    pub ln_2: LayerNorm,
    /// Each token alone.
    pub mlp: Mlp,
}

impl Block {
    /// Parameters that are all zero: where a gradient begins.
    pub fn zeros(config: &Config) -> Block {
        let d = config.n_embd;
        Block {
            ln_1: LayerNorm::zeros(d, config.layer_norm_epsilon),
            attn: Attention::zeros(d, config.n_head),
            ln_2: LayerNorm::zeros(d, config.layer_norm_epsilon),
            mlp: Mlp::zeros(d, config.n_inner),
        }
        .at(0, config)
    }

    /// Parameters to start training from, initialized as GPT-2's were: deviation 0.02, divided by `sqrt(2 * n_layer)`
    /// where a result is added to the residual stream, because `2 * n_layer` such results are added up (Radford et al.
    /// 2019, section 2.3).
    pub fn random(config: &Config, rng: &mut Rng) -> Block {
        let d = config.n_embd;
        let proj = 0.02 / (2.0 * config.n_layer as f32).sqrt();
        Block {
            ln_1: LayerNorm::new(d, config.layer_norm_epsilon),
            attn: Attention::random(d, config.n_head, 0.02, proj, rng),
            ln_2: LayerNorm::new(d, config.layer_norm_epsilon),
            mlp: Mlp::random(d, config.n_inner, 0.02, proj, rng),
        }
        .at(0, config)
    }

    /// The same parameters as block `i` of a model. In GPT-2 that is nothing new; some of its relatives bend or scale in
    /// another way (see [`Config`]), and may scale in each block in another way.
    #[must_use]
    pub fn at(mut self, i: usize, config: &Config) -> Block {
        self.attn.score_factor = config.score_factor(i);
        self.mlp.activation = config.activation_function;
        self
    }

    /// `x + attn(ln_1(x))`, then `x + mlp(ln_2(x))`: `[n_tok, n_embd] -> [n_tok, n_embd]`.
    ///
    /// Takes `x` by value: it is the residual stream, and what comes back is the same stream further down. A probe is
    /// shown `ln_1`, everything of `attn`, `mid` (the stream after attention), `ln_2`, everything of `mlp`, and `out`.
    /// Backward reads `x`, `ln_1`, `mid` and `ln_2`.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit, or the rows are not whole sequences of `n_seq`.
    ///
    /// # Example: the stream after attention
    ///
    /// ```
    /// use gpt60::{Config, Pass, Probe, Rng, Tensor, layers::block::Block};
    ///
    /// let mut rng = Rng::new(1);
    /// let block = Block::random(&Config::new(10, 8, 12, 3, 2), &mut rng);
    /// let x = Tensor::random(&[4, 12], 1.0, &mut rng); // one sequence of 4 tokens
    /// let mut probe = Probe::only(&["attn.out", "mid"]);
    /// let y = block.forward(x.clone(), Pass::new(4).watched_by(&mut probe))?;
    /// assert_eq!(y.shape(), [4, 12]);
    /// assert_eq!(&x.add(probe.get("attn.out").unwrap())?, probe.get("mid").unwrap());
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn forward(&self, x: Tensor, mut pass: Pass) -> Result<Tensor> {
        let ln_1 = self.ln_1.forward(&x)?; // [n_tok, n_embd], as all others here
        pass.see("ln_1", &ln_1);
        let mid = self.attn.forward(&ln_1, pass.part("attn"))?.plus(&x)?; // x + attn(ln_1(x))
        pass.see("mid", &mid);
        let ln_2 = self.ln_2.forward(&mid)?;
        pass.see("ln_2", &ln_2);
        let y = self.mlp.forward(&ln_2, pass.part("mlp"))?.plus(&mid)?; // x + mlp(ln_2(x))
        pass.see("out", &y);
        pass.save([("x", x), ("ln_1", ln_1), ("mid", mid), ("ln_2", ln_2)]);
        Ok(y)
    }

    /// Returns how the loss changes with `x`, `[n_tok, n_embd] -> [n_tok, n_embd]`, and adds to `grad` how it changes
    /// with the parameters.
    ///
    /// Forward was `y = x + f(x)`, twice. `x` acts on `y` in two ways, directly and through `f`, so `d_x` is `d_y` plus
    /// what comes back through `f`.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit, or `saved` is not from a forward pass.
    pub fn backward(&self, saved: &Saved, d_y: &Tensor, grad: &mut Block) -> Result<Tensor> {
        // Forward was: y = mid + mlp(ln_2(mid))
        let d_ln_2 = self.mlp.backward(saved.tensor("ln_2")?, saved.part("mlp")?, d_y, &mut grad.mlp)?;
        let d_mid = self.ln_2.backward(saved.tensor("mid")?, &d_ln_2, &mut grad.ln_2)?.plus(d_y)?;
        // Forward was: mid = x + attn(ln_1(x))
        let d_ln_1 = self.attn.backward(saved.tensor("ln_1")?, saved.part("attn")?, &d_mid, &mut grad.attn)?;
        self.ln_1.backward(saved.tensor("x")?, &d_ln_1, &mut grad.ln_1)?.plus(&d_mid)
    }
}
