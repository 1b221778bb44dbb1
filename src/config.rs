//! The numbers that tell one GPT-2 from another: six sizes, and layer norm's epsilon.
//!
//! All GPT-2 models are the same program. They differ in these numbers alone, and in the values of their weights.
//!
//! Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), table 2, for the four
//! published sizes.

use crate::{Error, Result};

/// How large a GPT-2 is, under the names that its checkpoints use.
///
/// # Example: how many parameters has the smallest GPT-2?
///
/// ```
/// use gpt60::Config;
///
/// assert_eq!(Config::gpt2().n_parameters(), 124_439_808);
/// ```
#[derive(Debug, Clone, PartialEq)]
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
    /// A configuration with the usual width of the MLP and the usual epsilon.
    pub fn new(n_vocab: usize, n_ctx: usize, n_embd: usize, n_head: usize, n_layer: usize) -> Config {
        let n_inner = n_embd.saturating_mul(4);
        Config { n_vocab, n_ctx, n_embd, n_head, n_layer, n_inner, layer_norm_epsilon: 1e-5 }
    }

    /// GPT-2 as most people mean it: 12 layers, 124 million parameters. (The paper counted 117 million, by mistake.)
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

    /// Whether these numbers describe a model.
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
            // 2^32 of anything is beyond every memory, and the limit keeps the products of two sizes from overflowing.
            if size == 0 || size > u32::MAX as usize {
                return Err(Error::argument(
                    "config",
                    format!("{name} is {size}; it must be 1 or more, and below 2^32"),
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

    /// The shape of every parameter, by its name in a checkpoint, in the order of the forward pass; with a head of its own
    /// (`lm_head.weight`) if the model is untied.
    pub fn shapes(&self, untied: bool) -> Vec<(String, Vec<usize>)> {
        let (d, inner) = (self.n_embd, self.n_inner);
        let mut shapes =
            vec![("wte.weight".to_string(), vec![self.n_vocab, d]), ("wpe.weight".to_string(), vec![self.n_ctx, d])];
        for i in 0..self.n_layer {
            let mut add = |name: &str, shape: &[usize]| shapes.push((format!("h.{i}.{name}"), shape.to_vec()));
            add("ln_1.weight", &[d]);
            add("ln_1.bias", &[d]);
            add("attn.c_attn.weight", &[d, 3 * d]);
            add("attn.c_attn.bias", &[3 * d]);
            add("attn.c_proj.weight", &[d, d]);
            add("attn.c_proj.bias", &[d]);
            add("ln_2.weight", &[d]);
            add("ln_2.bias", &[d]);
            add("mlp.c_fc.weight", &[d, inner]);
            add("mlp.c_fc.bias", &[inner]);
            add("mlp.c_proj.weight", &[inner, d]);
            add("mlp.c_proj.bias", &[d]);
        }
        shapes.push(("ln_f.weight".to_string(), vec![d]));
        shapes.push(("ln_f.bias".to_string(), vec![d]));
        if untied {
            shapes.push(("lm_head.weight".to_string(), vec![self.n_vocab, d]));
        }
        shapes
    }

    /// How many parameters the model has, with its head tied to the embedding: every single number of the weights and
    /// biases.
    ///
    /// For sizes beyond all sense the answer stops at the largest `usize`.
    pub fn n_parameters(&self) -> usize {
        let (d, inner) = (self.n_embd, self.n_inner);
        let times = |a: usize, b: usize| a.saturating_mul(b);
        let layer_norm = times(2, d);
        let attention = times(d, times(3, d)).saturating_add(times(3, d)).saturating_add(times(d, d)).saturating_add(d);
        let mlp = times(2, times(d, inner)).saturating_add(inner).saturating_add(d);
        let block = times(2, layer_norm).saturating_add(attention).saturating_add(mlp);
        times(self.n_vocab, d)
            .saturating_add(times(self.n_ctx, d))
            .saturating_add(times(self.n_layer, block))
            .saturating_add(layer_norm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_sizes_have_the_published_numbers_of_parameters() {
        // Counted from the published checkpoints.
        assert_eq!(Config::gpt2().n_parameters(), 124_439_808);
        assert_eq!(Config::gpt2_medium().n_parameters(), 354_823_168);
        assert_eq!(Config::gpt2_large().n_parameters(), 774_030_080);
        assert_eq!(Config::gpt2_xl().n_parameters(), 1_557_611_200);
    }

    #[test]
    fn the_shapes_hold_as_many_numbers_as_were_counted() {
        let config = Config { n_inner: 50, ..Config::new(101, 33, 35, 5, 3) };
        let count = |untied| config.shapes(untied).iter().map(|(_, s)| s.iter().product::<usize>()).sum::<usize>();
        assert_eq!(count(false), config.n_parameters());
        assert_eq!(count(true), config.n_parameters() + 101 * 35);
    }

    #[test]
    fn senseless_numbers_are_refused() {
        assert!(Config::gpt2().check().is_ok());
        assert!(Config { n_head: 0, ..Config::gpt2() }.check().is_err());
        assert!(Config { n_head: 7, ..Config::gpt2() }.check().is_err());
        assert!(Config { n_vocab: usize::MAX, ..Config::gpt2() }.check().is_err());
        assert!(Config { layer_norm_epsilon: f32::NAN, ..Config::gpt2() }.check().is_err());
        assert_eq!(Config::new(usize::MAX, 1, usize::MAX, 1, usize::MAX).n_parameters(), usize::MAX);
    }
}
