//! Exercise: training. Chapter 13. Hard, 40 minutes.
//!
//! Everything comes together: let a model learn a text by heart, with the loss, the gradients and the steps that you
//! have written yourself.
//!
//! The model is the smallest that can learn anything about a language: it looks at one token, and says which comes
//! next. It is a single linear layer, whose input is *one-hot*: a row with a 1 in the column of the token, and 0
//! elsewhere. Such a row times a matrix picks a row of the matrix: row `i` of the weight holds the logits of what comes
//! after token `i`. (A table of which token follows which is called a *bigram* model.)
//!
//! A text of n tokens gives n - 1 lessons: each token but the last is an input, and the one after it is its target.
//! Every step reads all of them:
//!
//! ```text
//! x        = one-hot rows of the inputs                  [n_tok, n_vocab]       n_tok = n - 1
//! logits   = x·W + b                                     [n_tok, n_vocab]
//! loss     = the mean of cross_entropy(logits, targets)
//! d_logits = its gradient, with weight 1                 [n_tok, n_vocab]
//! d_W, d_b = the linear layer's backward                 from zero, at every step
//! W, b     = one update of AdamW each, with the learning rate of this step
//! ```
//!
//! `W` and `b` each need their own AdamW, with the usual settings, which lives as long as the run. `W` decays by 0.1;
//! `b` does not decay.
//!
//! A worked example: a vocabulary of 2, the text `[0, 1]`, `W` and `b` all zero, and two steps with a peak of 0.1 and
//! no warm-up.
//!
//! ```text
//!     step 0   logits = 0  0           loss = ln 2 = 0.6931       rate 0.1
//!              d_logits = 0.5 -0.5     d_W = 0.5 -0.5             d_b = 0.5 -0.5
//!                                            0    0               token 1 was never an input
//!              W = -0.1  0.1           b = -0.1  0.1              AdamW's first step is as long as the rate
//!                   0    0
//!     step 1   logits = -0.2  0.2      loss = ln(1 + e^-0.4) = 0.5130             rate 0.055
//! ```
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `linear.weight`, `linear.bias` | `[n_vocab, n_vocab]`, `[n_vocab]` | the model: you train it |
//! | `ids` | `[n]` | the text, at least two tokens |
//! | `schedule` | | `schedule.steps` is how many steps to make; the first is step 0 |
//! | result | `[steps]` | the mean loss at each step, before its update |
//!
//! The check looks at every number after one, two and five steps. Then it lets your function learn a sentence, and lets
//! the model write it down from its first word.
//!
//! `linear.weight` is of the type `Weight`. Its numbers are a `Tensor`: `linear.weight.tensor()?` to read it,
//! `linear.weight.tensor_mut()?` to change it, and `data()` or `data_mut()` of that are the plain list that AdamW takes.
//!
//! Of use: `Linear::forward`, `Linear::zeros`, and your own pieces (the library's, until you have begun them):
//! `parts::cross_entropy`, `parts::cross_entropy_gradient`, `parts::linear_backward`, `parts::adamw`,
//! `parts::learning_rate`.

use super::adamw::AdamW;
use super::{not_started, parts};
use gpt60::layers::linear::Linear;
use gpt60::train::schedule::Schedule;
use gpt60::{Result, Tensor};

/// Trains `linear` to predict each token of `ids` from the one before it: the mean loss at each step, before its update.
pub fn train(linear: &mut Linear, ids: &[u32], schedule: &Schedule) -> Result<Vec<f32>> {
    not_started()
}

// Solution: src/train/step.rs, Workspace::make_step
