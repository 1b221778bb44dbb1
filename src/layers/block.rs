//! The transformer block: attention, then MLP, each added to what was there.
//!
//! ```text
//! x = x + attn(ln_1(x))
//! x = x + mlp(ln_2(x))
//! ```
//!
//! The `x` that runs through all blocks is called the *residual stream*. No layer replaces it; each reads it and adds
//! something. So information can pass through unharmed, and so can gradients on their way back: the slope of `x + f(x)` has
//! a 1 in it, whatever `f` does. That is what makes deep stacks trainable.
//!
//! The layer norms stand before attention and MLP, inside the branches (*pre-LN*); the original transformer of 2017 put
//! them after the addition.
//!
//! Source: He et al. (2015) for residual connections; Radford et al. (2019), section 2.3, for their place; the sixty lines'
//! `transformer_block`.
//!
//! [Chapter 6](crate::book::ch06_mlp_and_block) explains it;
//! [chapter 12](crate::book::ch12_backpropagation), its `backward`.

use super::attention::{Attention, AttentionSaved};
use super::layer_norm::{LayerNorm, LayerNormSaved};
use super::mlp::{Mlp, MlpSaved};
use crate::kv_cache::LayerCache;
use crate::{Config, Probe, Result, Rng, Tensor};

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

/// What forward saves for backward: the input of every layer, and what the layers saved themselves.
#[derive(Debug, Clone)]
pub struct BlockSaved {
    x: Tensor,
    ln_1: LayerNormSaved,
    attn_in: Tensor,
    attn: AttentionSaved,
    x_mid: Tensor,
    ln_2: LayerNormSaved,
    mlp_in: Tensor,
    mlp: MlpSaved,
}

impl Default for BlockSaved {
    fn default() -> Self {
        let none = || Tensor::zeros(&[0]);
        let (ln_1, ln_2) = (LayerNormSaved::default(), LayerNormSaved::default());
        let (attn, mlp) = (AttentionSaved::default(), MlpSaved::default());
        Self { x: none(), ln_1, attn_in: none(), attn, x_mid: none(), ln_2, mlp_in: none(), mlp }
    }
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
    }

    /// Parameters to begin training with, as GPT-2's were: deviation 0.02, and smaller by `sqrt(2 * n_layer)` where a result
    /// is added to the residual stream, because so many of them are added up (Radford et al. 2019, section 2.3).
    pub fn random(config: &Config, rng: &mut Rng) -> Block {
        let d = config.n_embd;
        let proj = 0.02 / (2.0 * config.n_layer as f32).sqrt();
        Block {
            ln_1: LayerNorm::new(d, config.layer_norm_epsilon),
            attn: Attention::random(d, config.n_head, 0.02, proj, rng),
            ln_2: LayerNorm::new(d, config.layer_norm_epsilon),
            mlp: Mlp::random(d, config.n_inner, 0.02, proj, rng),
        }
    }

    /// `x + attn(ln_1(x))`, then `x + mlp(ln_2(x))`: `[n_tok, n_embd] -> [n_tok, n_embd]`.
    ///
    /// Takes `x` by value: it is the residual stream, and what comes back is the same stream further down. The probe is
    /// shown `ln_1`, everything of `attn`, `mid` (the stream after attention), `ln_2`, everything of `mlp`, and `out`.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit, or the rows are not whole sequences of `n_seq`.
    ///
    /// # Example: the stream after attention
    ///
    /// ```
    /// use gpt60::{Config, Probe, Rng, Tensor, layers::block::Block};
    ///
    /// let mut rng = Rng::new(1);
    /// let block = Block::random(&Config::new(10, 8, 12, 3, 2), &mut rng);
    /// let x = Tensor::random(&[4, 12], 1.0, &mut rng); // one sequence of 4 tokens
    /// let mut probe = Probe::only(&["attn.out", "mid"]);
    /// let y = block.forward(x.clone(), 4, None, &mut probe, None)?;
    /// assert_eq!(y.shape(), [4, 12]);
    /// assert_eq!(&x.add(probe.get("attn.out").unwrap())?, probe.get("mid").unwrap());
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn forward(
        &self,
        x: Tensor,
        n_seq: usize,
        cache: Option<&mut LayerCache>,
        probe: &mut Probe,
        mut saved: Option<&mut BlockSaved>,
    ) -> Result<Tensor> {
        let attn_in = self.ln_1.forward(&x, saved.as_mut().map(|s| &mut s.ln_1))?;
        probe.see("ln_1", &attn_in);
        probe.enter(|| "attn".to_string());
        let mut x_mid = self.attn.forward(&attn_in, n_seq, cache, probe, saved.as_mut().map(|s| &mut s.attn))?;
        probe.leave();
        x_mid.add_assign(&x)?; // x + attn(ln_1(x))
        probe.see("mid", &x_mid);

        let mlp_in = self.ln_2.forward(&x_mid, saved.as_mut().map(|s| &mut s.ln_2))?;
        probe.see("ln_2", &mlp_in);
        probe.enter(|| "mlp".to_string());
        let mut y = self.mlp.forward(&mlp_in, probe, saved.as_mut().map(|s| &mut s.mlp))?;
        probe.leave();
        y.add_assign(&x_mid)?; // x + mlp(ln_2(x))
        probe.see("out", &y);

        if let Some(saved) = saved {
            (saved.x, saved.attn_in, saved.x_mid, saved.mlp_in) = (x, attn_in, x_mid, mlp_in);
        }
        Ok(y)
    }

    /// How the loss changes with `x`, `[n_tok, n_embd] -> [n_tok, n_embd]`; adds how it changes with the parameters to
    /// `grad`.
    ///
    /// Forward was `y = x + f(x)`, twice. `x` acts on `y` in two ways, directly and through `f`: so `d_x` is `d_y` plus what
    /// comes back through `f`.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit, or `saved` is not from a forward pass.
    pub fn backward(&self, n_seq: usize, saved: &BlockSaved, d_y: &Tensor, grad: &mut Block) -> Result<Tensor> {
        // y = x_mid + mlp(ln_2(x_mid))
        let d = self.mlp.backward(&saved.mlp_in, &saved.mlp, d_y, &mut grad.mlp)?;
        let mut d_mid = self.ln_2.backward(&saved.x_mid, &saved.ln_2, &d, &mut grad.ln_2)?;
        d_mid.add_assign(d_y)?;
        // x_mid = x + attn(ln_1(x))
        let d = self.attn.backward(&saved.attn_in, n_seq, &saved.attn, &d_mid, &mut grad.attn)?;
        let mut d_x = self.ln_1.backward(&saved.x, &saved.ln_1, &d, &mut grad.ln_1)?;
        d_x.add_assign(&d_mid)?;
        Ok(d_x)
    }
}
