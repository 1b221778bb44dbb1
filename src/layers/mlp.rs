//! The MLP: each token thinks for itself.
//!
//! After attention has brought a token what it needs from the others, the *multi-layer perceptron* (also called the
//! feed-forward network) works on it alone: make the vector four times as wide, bend it with GELU, narrow it again.
//!
//! ```text
//! y = c_proj(gelu(c_fc(x)))
//! ```
//!
//! (A few relatives of GPT-2 bend with another function: see `activation.rs`.)
//!
//! Two thirds of a block's parameters are here. One way to see it: each of the `4*n_embd` columns in the middle looks
//! for one pattern in `x`, and says what to add when the pattern is found.
//!
//! Source: Vaswani et al. (2017), section 3.3; the sixty lines' `ffn`.
//!
//! [Chapter 6](crate::book::ch06_mlp_and_block) explains it;
//! [layer by layer](crate::book::layer_by_layer), its `backward`.

use super::activation;
use super::linear::Linear;
use crate::config::Activation;
use crate::error::Result;
use crate::pass::{Pass, Saved};
use crate::rng::Rng;
use crate::tensor::Tensor;

/// The parameters of an MLP.
#[derive(Debug, Clone, PartialEq)]
pub struct Mlp {
    /// Widens: `[n_embd, n_inner]`.
    pub c_fc: Linear,
    /// Narrows: `[n_inner, n_embd]`.
    pub c_proj: Linear,
    /// Which function bends: GELU in GPT-2.
    pub activation: Activation,
}

impl Mlp {
    /// Parameters that are all zero: where a gradient begins.
    pub fn zeros(n_embd: usize, n_inner: usize) -> Mlp {
        let (c_fc, c_proj) = (Linear::zeros(n_embd, n_inner), Linear::zeros(n_inner, n_embd));
        Mlp { c_fc, c_proj, activation: Activation::GeluNew }
    }

    /// Parameters to start training from; `c_proj`, whose result is added to the residual stream, has its own
    /// deviation.
    pub fn random(n_embd: usize, n_inner: usize, deviation: f32, proj_deviation: f32, rng: &mut Rng) -> Mlp {
        let c_fc = Linear::random(n_embd, n_inner, deviation, rng);
        let c_proj = Linear::random(n_inner, n_embd, proj_deviation, rng);
        Mlp { c_fc, c_proj, activation: Activation::GeluNew }
    }

    /// `y = c_proj(gelu(c_fc(x)))`: `[n_tok, n_embd] -> [n_tok, n_embd]`.
    ///
    /// A probe is shown `fc` (before GELU), `act` (after it) and `out`; backward reads `fc` and `act`.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit.
    ///
    /// # Example: one token through the MLP
    ///
    /// ```
    /// use gpt60::{Pass, Probe, Rng, Tensor, layers::mlp::Mlp};
    ///
    /// let mut rng = Rng::new(1);
    /// let mlp = Mlp::random(4, 16, 0.1, 0.1, &mut rng);
    /// let x = Tensor::random(&[1, 4], 1.0, &mut rng);
    /// let mut probe = Probe::only(&["act"]);
    /// let y = mlp.forward(&x, Pass::new(1).watched_by(&mut probe))?;
    /// assert_eq!(y.shape(), [1, 4]);
    /// assert_eq!(probe.get("act").unwrap().shape(), [1, 16]);
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn forward(&self, x: &Tensor, mut pass: Pass) -> Result<Tensor> {
        let fc = self.c_fc.forward(x)?; // [n_tok, n_embd] -> [n_tok, n_inner]
        let act = activation::forward(self.activation, &fc); // [n_tok, n_inner]
        let y = self.c_proj.forward(&act)?; // [n_tok, n_inner] -> [n_tok, n_embd]
        pass.see("fc", &fc);
        pass.see("act", &act);
        pass.see("out", &y);
        pass.save([("fc", fc), ("act", act)]);
        Ok(y)
    }

    /// Returns how the loss changes with `x`, `[n_tok, n_embd] -> [n_tok, n_embd]`, and adds to `grad` how it changes
    /// with the parameters. Forward's three steps, in reverse.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit, or `saved` is not from a forward pass on `x`.
    pub fn backward(&self, x: &Tensor, saved: &Saved, d_y: &Tensor, grad: &mut Mlp) -> Result<Tensor> {
        let (fc, act) = (saved.tensor("fc")?, saved.tensor("act")?);
        let d_act = self.c_proj.backward(act, d_y, &mut grad.c_proj)?; // -> [n_tok, n_inner]
        let d_fc = activation::backward(self.activation, fc, &d_act)?; // [n_tok, n_inner]
        self.c_fc.backward(x, &d_fc, &mut grad.c_fc) // -> [n_tok, n_embd]
    }
}
