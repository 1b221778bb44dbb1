//! The logit lens: what would the model answer if it stopped here?
//!
//! Every block reads the residual stream and adds to it, and only after the last one does the head turn the stream into
//! scores. But the stream has the same width everywhere, and each block only adds a little. You can just as well give
//! the head the stream after block 0, or block 3. Its answers are the guesses of a model cut short, and you can watch
//! the final answer emerge among them.
//!
//! ```text
//! logits after a layer = head(ln_f(x))        x: the stream after that layer, [n_seq, n_embd]
//! ```
//!
//! The first reading is of the embedding, before any block. The last is the model's own answer, the same bit for bit:
//! `head(ln_f(x))` is how the model ends. What lies between them is a hint, not a proof: nobody trained the head to
//! read a half-finished stream.
//!
//! Source: nostalgebraist, "interpreting GPT: the logit lens" (2020).
//!
//! [Chapter 15](crate::book::ch15_looking_inside) explains it.

use crate::generate::smallest_n;
use crate::layers::softmax;
use crate::tensor::argmax;
use crate::{Gpt2, Result, Tensor};

/// A token that may come next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guess {
    /// Which token.
    pub id: u32,
    /// How likely it is, from 0 to 1.
    pub probability: f32,
}

/// What the stream after one layer says about the token that follows one position.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The likeliest tokens, the best first.
    pub guesses: Vec<Guess>,
    /// How many tokens are likelier here than the one that the whole model will choose; 0 if that one is already first.
    pub rank_of_answer: usize,
}

/// The logits that the head gives to a residual stream: `[n_seq, n_embd] -> [n_seq, n_vocab]`.
///
/// # Errors
///
/// If the rows of `stream` are not `n_embd` long.
///
/// # Example: read after the last block, the lens shows what the model says
///
/// ```
/// use gpt60::lens::logit_lens;
/// use gpt60::{Config, Gpt2, Pass, Probe, Rng};
///
/// let model = Gpt2::random(&Config::new(10, 8, 12, 3, 2), &mut Rng::new(1))?;
/// let mut probe = Probe::only(&["embd", "h.0.out", "h.1.out"]);
/// model.hidden(&[5, 1, 7], Pass::new(3).watched_by(&mut probe))?;
/// let after_last = logit_lens::logits(&model, probe.get("h.1.out").unwrap())?;
/// assert_eq!(after_last, model.logits(&[5, 1, 7])?);
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn logits(model: &Gpt2, stream: &Tensor) -> Result<Tensor> {
    model.head(&model.ln_f.forward(stream)?) // [n_seq, n_embd] -> [n_seq, n_vocab]
}

/// The `n_guesses` likeliest tokens of every row of `logits`, and the rank of each row's answer. `logits` is
/// `[n_seq, n_vocab]`, and `answers` has an id for each row.
///
/// Of equally likely tokens, the one with the smaller id comes first.
///
/// # Panics
///
/// If there are fewer answers than rows, or an answer is not a column.
///
/// # Example: token 2 is the first, token 0 the third
///
/// ```
/// use gpt60::{Tensor, lens::logit_lens};
///
/// let logits = Tensor::new(&[1, 3], vec![0.2_f32.ln(), 0.3_f32.ln(), 0.5_f32.ln()])?;
/// let readings = logit_lens::readings(&logits, &[0], 2);
/// assert_eq!(readings[0].guesses.iter().map(|guess| guess.id).collect::<Vec<_>>(), [2, 1]);
/// assert!((readings[0].guesses[0].probability - 0.5).abs() < 1e-6);
/// assert_eq!(readings[0].rank_of_answer, 2); // two tokens are likelier
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn readings(logits: &Tensor, answers: &[u32], n_guesses: usize) -> Vec<Reading> {
    let probabilities = softmax::forward(logits); // [n_seq, n_vocab]
    let reading = |t: usize| {
        let (row, answer) = (logits.row(t), answers[t] as usize);
        let is_before = |id: usize| row[id] > row[answer] || (row[id] == row[answer] && id < answer);
        let guess = |id: usize| Guess { id: id as u32, probability: probabilities.row(t)[id] };
        Reading {
            guesses: likeliest(row, n_guesses).into_iter().map(guess).collect(),
            rank_of_answer: (0..row.len()).filter(|&id| is_before(id)).count(),
        }
    };
    (0..logits.n_rows()).map(reading).collect()
}

/// The likeliest id of each row of logits: `[n_seq, n_vocab] -> [n_seq]`.
pub fn answers(logits: &Tensor) -> Vec<u32> {
    (0..logits.n_rows()).map(|t| argmax(logits.row(t)).unwrap_or(0) as u32).collect()
}

/// The `n` ids with the highest scores, the best first; of equals, the smaller id.
fn likeliest(scores: &[f32], n: usize) -> Vec<usize> {
    smallest_n((0..scores.len()).collect(), n, |&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_come_in_order_and_equals_by_their_ids() {
        let scores = [0.5, 2.0, -1.0, 2.0, 0.5, 3.0];
        assert_eq!(likeliest(&scores, 4), [5, 1, 3, 0]);
        assert_eq!(likeliest(&scores, 99), [5, 1, 3, 0, 4, 2]);
        assert_eq!(likeliest(&scores, 0), []);
    }

    #[test]
    fn a_rank_counts_who_comes_before() {
        let logits = Tensor::new(&[2, 4], vec![1.0, 3.0, 3.0, 0.0, 9.0, 8.0, 7.0, 6.0]).unwrap();
        let ranks =
            |answers: &[u32]| readings(&logits, answers, 1).iter().map(|r| r.rank_of_answer).collect::<Vec<_>>();
        assert_eq!(answers(&logits), [1, 0]);
        assert_eq!(ranks(&answers(&logits)), [0, 0]);
        assert_eq!(ranks(&[2, 3]), [1, 3]); // 2 is as likely as 1, which comes first
    }
}
