//! The numbers that tell one GPT-2 from another: six sizes, and layer norm's epsilon.
//!
//! All GPT-2 models are the same program. They differ only in these numbers and in the values of their weights.
//! `parameters.rs` lists the parameters that follow from them.
//!
//! GPT-2's relatives, trained by others, have the same parameters but change one thing or another in the computation:
//! another [`Activation`], or attention scores of another scale. The last fields of [`Config`] say what. In GPT-2 they
//! are as [`Config::new`] sets them, and you can skip them at first.
//!
//! Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), table 2, for the four
//! published sizes.

use crate::{Error, Result};
use std::fmt;
use std::str::FromStr;

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
    /// The bend in the middle of the MLP.
    pub activation_function: Activation,
    /// Whether attention scores are divided by `sqrt(head_size)`, as GPT-2's are.
    pub scale_attn_weights: bool,
    /// Whether block `i`, counted from 0, also divides them by `i + 1`. GPT-2 does not.
    pub scale_attn_by_inverse_layer_idx: bool,
    /// Whether a program that computes in 16 bits shall compute the scores in 32. Here everything is 32 bits, and this
    /// changes nothing; it is kept for the file that the model is written to.
    pub reorder_and_upcast_attn: bool,
}

impl Config {
    /// A configuration with the usual MLP width and the usual epsilon.
    pub fn new(n_vocab: usize, n_ctx: usize, n_embd: usize, n_head: usize, n_layer: usize) -> Config {
        let n_inner = n_embd.saturating_mul(4);
        Config {
            n_vocab,
            n_ctx,
            n_embd,
            n_head,
            n_layer,
            n_inner,
            layer_norm_epsilon: 1e-5,
            activation_function: Activation::GeluNew,
            scale_attn_weights: true,
            scale_attn_by_inverse_layer_idx: false,
            reorder_and_upcast_attn: false,
        }
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

    /// What block `i` multiplies its attention scores by, beside dividing them by `sqrt(head_size)`: 1 in GPT-2.
    ///
    /// # Panics
    ///
    /// If `n_head` is 0, which [`Config::check`] refuses.
    ///
    /// # Example: the third block of a model that divides by the block's number
    ///
    /// ```
    /// use gpt60::Config;
    ///
    /// let config = Config { scale_attn_by_inverse_layer_idx: true, ..Config::gpt2() };
    /// assert_eq!((config.score_factor(0), config.score_factor(2)), (1.0, 1.0 / 3.0));
    /// ```
    pub fn score_factor(&self, i: usize) -> f32 {
        let divided_by = if self.scale_attn_by_inverse_layer_idx { (i + 1) as f32 } else { 1.0 };
        let undo = if self.scale_attn_weights { 1.0 } else { (self.head_size() as f32).sqrt() };
        undo / divided_by
    }

    /// Whether it computes what GPT-2 computes, and is no relative that bends or scales in another way.
    pub fn is_gpt2(&self) -> bool {
        self.activation_function == Activation::GeluNew
            && self.scale_attn_weights
            && !self.scale_attn_by_inverse_layer_idx
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

/// The bend in the middle of an MLP. `layers/activation.rs` has the formulas.
///
/// # Example: two names of one function
///
/// ```
/// use gpt60::Activation;
///
/// assert_eq!("gelu_pytorch_tanh".parse(), Ok(Activation::GeluNew));
/// assert_eq!(Activation::GeluNew.to_string(), "gelu_new");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// `gelu_new`: GELU by way of `tanh`, as GPT-2 has it.
    GeluNew,
    /// `gelu`: GELU itself, by the error function.
    Gelu,
    /// `quick_gelu`: a rougher GELU, by the logistic function.
    QuickGelu,
    /// `silu`: the logistic function instead of the probability in GELU.
    Silu,
    /// `relu`: negative numbers become 0.
    Relu,
}

impl Activation {
    /// Every name that `config.json` may have for one of them. The first of each is the one that is written.
    pub const NAMES: [(&str, Activation); 11] = [
        ("gelu_new", Activation::GeluNew),
        ("gelu_fast", Activation::GeluNew),
        ("gelu_pytorch_tanh", Activation::GeluNew),
        ("gelu_python_tanh", Activation::GeluNew),
        ("gelu_accurate", Activation::GeluNew),
        ("gelu", Activation::Gelu),
        ("gelu_python", Activation::Gelu),
        ("quick_gelu", Activation::QuickGelu),
        ("silu", Activation::Silu),
        ("swish", Activation::Silu),
        ("relu", Activation::Relu),
    ];
}

impl fmt::Display for Activation {
    /// The name in `config.json`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Activation::NAMES.iter().find(|(_, activation)| activation == self);
        f.pad(found.map_or("unnamed", |(name, _)| name))
    }
}

impl FromStr for Activation {
    type Err = Error;

    fn from_str(name: &str) -> Result<Activation> {
        let found = Activation::NAMES.iter().find(|(known, _)| *known == name);
        let known: Vec<&str> = Activation::NAMES.iter().map(|(name, _)| *name).collect();
        let unknown = || Error::argument("activation", format!("{name:?} is none of {}", known.join(", ")));
        found.map(|(_, activation)| *activation).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_activation_is_written_by_a_name_that_is_read_as_itself() {
        for (name, activation) in Activation::NAMES {
            assert_eq!(name.parse(), Ok(activation));
            assert_eq!(activation.to_string().parse(), Ok(activation));
        }
        let error = "mish".parse::<Activation>().unwrap_err().to_string();
        assert!(error.contains("\"mish\" is none of gelu_new, gelu_fast,") && error.ends_with("relu"), "{error}");
    }

    #[test]
    fn scores_are_scaled_as_the_configuration_says() {
        let config = Config::new(11, 5, 12, 3, 4); // heads of 4 numbers, whose root is 2
        let inverse = Config { scale_attn_by_inverse_layer_idx: true, ..config };
        let unscaled = Config { scale_attn_weights: false, ..config };
        let both = Config { scale_attn_weights: false, ..inverse };
        let factors = |config: Config| [0, 1, 3].map(|i| config.score_factor(i));
        assert_eq!(factors(config), [1.0, 1.0, 1.0]);
        assert_eq!(factors(inverse), [1.0, 0.5, 0.25]);
        assert_eq!(factors(unscaled), [2.0, 2.0, 2.0]);
        assert_eq!(factors(both), [2.0, 1.0, 0.5]);
        let relu = Config { activation_function: Activation::Relu, ..config };
        let upcast = Config { reorder_and_upcast_attn: true, ..config };
        assert_eq!([config, upcast, inverse, unscaled, relu].map(|c| c.is_gpt2()), [true, true, false, false, false]);
    }

    #[test]
    fn sizes_that_make_no_sense_are_refused() {
        assert!(Config::gpt2().check().is_ok());
        assert!(Config { n_head: 0, ..Config::gpt2() }.check().is_err());
        assert!(Config { n_head: 7, ..Config::gpt2() }.check().is_err());
        assert!(Config { n_vocab: usize::MAX, ..Config::gpt2() }.check().is_err());
        assert!(Config { layer_norm_epsilon: f32::NAN, ..Config::gpt2() }.check().is_err());
    }
}
