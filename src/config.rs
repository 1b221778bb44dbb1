//! The numbers that tell one GPT-2 from another: six sizes, and layer norm's epsilon.
//!
//! All GPT-2 models are the same program. They differ only in these numbers and in the values of their weights.
//! `parameters.rs` lists the parameters that follow from them.
//!
//! Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), table 2, for the four
//! published sizes.

use crate::{Error, Result};

/// How large a GPT-2 is, under the names that its checkpoints use.
///
/// # Example: how many parameters does the smallest GPT-2 have?
///
/// ```
/// use gpt60::Config;
///
/// assert_eq!(Config::gpt2().n_parameters(), 124_439_808);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// How many different tokens there are.
    pub n_vocab: usize,
    /// How many tokens the model can look at: the length of its context.
    pub n_ctx: usize,
    /// How many numbers stand for a token inside the model.
    pub n_embd: usize,
    /// How many attention heads a block has; `n_embd` is a multiple of it.
    pub n_head: usize,
    /// How many blocks there are, one after the other.
    pub n_layer: usize,
    /// How wide the middle of the MLP is: `4 * n_embd` in every published GPT-2.
    pub n_inner: usize,
    /// The small number that keeps layer norm from dividing by zero.
    pub layer_norm_epsilon: f32,
}

impl Config {
    /// A configuration with the usual MLP width and the usual epsilon.
    pub fn new(n_vocab: usize, n_ctx: usize, n_embd: usize, n_head: usize, n_layer: usize) -> Config {
        let n_inner = n_embd.saturating_mul(4);
        Config { n_vocab, n_ctx, n_embd, n_head, n_layer, n_inner, layer_norm_epsilon: 1e-5 }
    }

    /// The GPT-2 that most people mean: 12 layers, 124 million parameters. (The paper counted 117 million, by mistake.)
    pub fn gpt2() -> Config {
        Config::new(50_257, 1024, 768, 12, 12)
    }

    /// GPT-2 medium: 24 layers, 355 million parameters. (345 million in the paper.)
    pub fn gpt2_medium() -> Config {
        Config::new(50_257, 1024, 1024, 16, 24)
    }

    /// GPT-2 large: 36 layers, 774 million parameters. (762 million in the paper.)
    pub fn gpt2_large() -> Config {
        Config::new(50_257, 1024, 1280, 20, 36)
    }

    /// GPT-2 XL: 48 layers, 1558 million parameters. (1542 million in the paper.)
    pub fn gpt2_xl() -> Config {
        Config::new(50_257, 1024, 1600, 25, 48)
    }

    /// How many numbers a head works with: `n_embd / n_head`.
    ///
    /// # Panics
    ///
    /// If `n_head` is 0, which [`Config::check`] refuses.
    pub fn head_size(&self) -> usize {
        self.n_embd / self.n_head
    }

    /// Checks that these numbers describe a model.
    ///
    /// # Errors
    ///
    /// If a size is zero or too large for any memory, `n_embd` is not a multiple of `n_head`, or epsilon is negative or
    /// not finite.
    pub fn check(&self) -> Result<()> {
        let sizes = [
            ("n_vocab", self.n_vocab),
            ("n_ctx", self.n_ctx),
            ("n_embd", self.n_embd),
            ("n_head", self.n_head),
            ("n_layer", self.n_layer),
            ("n_inner", self.n_inner),
        ];
        for (name, size) in sizes {
            // No memory holds 2^32 of anything, and this limit keeps the product of two sizes from overflowing.
            if size == 0 || size > u32::MAX as usize {
                return Err(Error::argument(
                    "config",
                    format!("{name} is {size}; it must be at least 1 and below 2^32"),
                ));
            }
        }
        if !self.n_embd.is_multiple_of(self.n_head) {
            let problem = format!("n_embd {} is not a multiple of n_head {}", self.n_embd, self.n_head);
            return Err(Error::argument("config", problem));
        }
        if !(self.layer_norm_epsilon >= 0.0 && self.layer_norm_epsilon.is_finite()) {
            let problem =
                format!("layer_norm_epsilon is {}; it must be 0 or a small positive number", self.layer_norm_epsilon);
            return Err(Error::argument("config", problem));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_make_no_sense_are_refused() {
        assert!(Config::gpt2().check().is_ok());
        assert!(Config { n_head: 0, ..Config::gpt2() }.check().is_err());
        assert!(Config { n_head: 7, ..Config::gpt2() }.check().is_err());
        assert!(Config { n_vocab: usize::MAX, ..Config::gpt2() }.check().is_err());
        assert!(Config { layer_norm_epsilon: f32::NAN, ..Config::gpt2() }.check().is_err());
    }
}
