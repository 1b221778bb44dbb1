//! Beam search: look for a likely *text*, not for a likely next token.
//!
//! Greedy choice can walk into a trap: the likeliest next token may be followed by nothing likely. A text's probability is the
//! product of its tokens' probabilities, and to find the likeliest text you would have to try all of them, `n_vocab` to the
//! power of its length. Beam search tries the most promising ones: it keeps the best few unfinished texts, its *beams*.
//!
//! ```text
//! begin with one beam: the prompt, score 0
//! repeat: continue each beam with every token of the vocabulary; a candidate's score is its beam's plus log(probability)
//!         of the best candidates, those that end go to the list of finished texts; the best of the others are the new beams
//! ```
//!
//! Scores are sums of logarithms, because a product of many small numbers would underflow. They are negative, and every
//! further token makes them smaller: so long texts would always lose against short ones. That is why finished texts are
//! compared by `sum / length^length_penalty`: with a penalty of 1, by the mean of a token's log-probability.
//!
//! Source: Lowerre's thesis on the Harpy speech system (1976) for the idea. The rules in detail (how many candidates are looked
//! at, which may finish, when to stop) are those of version 5.23 of the `transformers` library; `tests/beam.rs` compares.

use super::{Sampler, check_prompt, first, knobs};
use crate::{Error, Gpt2, KvCache, Result};
use std::cmp::Ordering;

/// When to stop, once as many texts are finished as there are beams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlyStopping {
    /// When the best beam, scored at its present length, is no better than the worst finished text. (`false` in transformers.)
    IfNoBetter,
    /// At once. (`true` in transformers.)
    AtOnce,
    /// When the best beam can never become better, whatever follows. (`"never"` in transformers.)
    IfHopeless,
}

/// The settings of a beam search.
///
/// # Example: the three best texts of four tokens
///
/// ```
/// use gpt60::{Config, Gpt2, Rng, generate::BeamSearch};
///
/// let model = Gpt2::random(&Config::new(10, 8, 12, 3, 2), &mut Rng::new(1))?;
/// let best = BeamSearch { count: 3, ..BeamSearch::new(5) }.search(&model, &[5, 1], &[], 4)?;
/// assert_eq!((best.len(), best[0].ids.len()), (3, 4));
/// assert!(best[0].score >= best[1].score && best[1].score >= best[2].score);
/// # Ok::<(), gpt60::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BeamSearch {
    /// How many texts are kept at a time. With one, this is greedy choice, or plain sampling if `draw` says so.
    pub beams: usize,
    /// How many of the best texts to give, at most `beams`.
    pub count: usize,
    /// Finished texts are compared by `sum / length^length_penalty`. Above 0, it favours long texts; 0 compares the sums. From
    /// -10 to 10.
    pub length_penalty: f32,
    /// When to stop.
    pub early_stopping: EarlyStopping,
    /// Its two penalties hold always. Its other knobs and its chance are used if `draw` says so.
    pub sampler: Sampler,
    /// Whether candidates are drawn by their probabilities, instead of the best being taken.
    pub draw: bool,
}

/// A finished text.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The new tokens, the end token included.
    pub ids: Vec<u32>,
    /// `sum of log(probability) / length^length_penalty`.
    pub score: f32,
}

/// One continuation of a beam by one token.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Which of the beams it continues.
    pub beam: usize,
    /// The token.
    pub id: u32,
    /// The sum of log-probabilities, from the first new token to this one.
    pub sum: f32,
    /// What became of it.
    pub fate: Fate,
}

/// What becomes of a candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate {
    /// It is a beam of the next step.
    Runs,
    /// It has ended, with this score.
    Finished(f32),
    /// Others were better.
    Dropped,
}

/// One step of the search, for whoever wants to see it.
#[derive(Debug)]
pub struct Step<'a> {
    /// The beams before the step: the new tokens of each.
    pub beams: &'a [Vec<u32>],
    /// The candidates that were looked at, best first (or in the order in which they were drawn).
    pub candidates: &'a [Candidate],
}

impl BeamSearch {
    /// A search for the best text with so many beams, and the usual settings: length penalty 1, nothing is drawn.
    pub fn new(beams: usize) -> BeamSearch {
        BeamSearch {
            beams,
            count: 1,
            length_penalty: 1.0,
            early_stopping: EarlyStopping::IfNoBetter,
            sampler: Sampler::new(42),
            draw: false,
        }
    }

    /// Checks that every setting has a value that it can have.
    ///
    /// # Errors
    ///
    /// Names the setting, its value and what would be right.
    pub fn check(&self) -> Result<()> {
        if !(1..=MOST_BEAMS).contains(&self.beams) {
            return Err(Error::argument("beams", format!("{} are asked for; 1 to {MOST_BEAMS} can be", self.beams)));
        }
        if !(1..=self.beams).contains(&self.count) {
            let problem = format!("{} texts are asked for; {} beams find 1 to {}", self.count, self.beams, self.beams);
            return Err(Error::argument("count", problem));
        }
        // Within these limits, a power of a length and what is divided by it are ordinary floats.
        if !(-10.0..=10.0).contains(&self.length_penalty) {
            let problem = format!("it is {}; it must be from -10 to 10", self.length_penalty);
            return Err(Error::argument("length penalty", problem));
        }
        let t = self.sampler.temperature;
        if self.draw && t < LEAST_TEMPERATURE {
            let problem = format!("it is {t}; beams that are drawn need at least {LEAST_TEMPERATURE:e}");
            return Err(Error::argument("temperature", problem));
        }
        self.sampler.check()
    }

    /// The best continuations of the prompt by at most `n_tokens` tokens, best first; fewer than `count` if there are no more.
    ///
    /// # Errors
    ///
    /// If a setting or the prompt is impossible, the model computes something that is not a number, or no-repeat n-gram has
    /// removed every token before a text was finished.
    pub fn search(&self, model: &Gpt2, prompt: &[u32], end_ids: &[u32], n_tokens: usize) -> Result<Vec<Found>> {
        self.search_watched(model, prompt, end_ids, n_tokens, |_| {})
    }

    /// [`BeamSearch::search`], which shows every step to `watch`.
    ///
    /// # Errors
    ///
    /// As [`BeamSearch::search`].
    pub fn search_watched(
        &self,
        model: &Gpt2,
        prompt: &[u32],
        end_ids: &[u32],
        n_tokens: usize,
        mut watch: impl FnMut(&Step),
    ) -> Result<Vec<Found>> {
        self.check()?;
        check_prompt(model, prompt)?;
        // One token more can be chosen than read: the last one.
        let n_tokens = n_tokens.min(model.config.n_ctx + 1 - prompt.len());
        if n_tokens == 0 {
            return Ok(vec![Found { ids: Vec::new(), score: 0.0 }]); // the one text of no tokens
        }
        let mut rng = self.sampler.rng.clone();
        let mut cache = KvCache::new(&model.config, 1);
        let mut beams: Vec<Vec<u32>> = vec![Vec::new()]; // the new tokens of each
        let mut sums = vec![0.0];
        let mut unread = prompt.to_vec();
        let mut finished: Vec<Found> = Vec::new();

        for length in 1..=n_tokens {
            let logits = model.next_logits(&unread, &mut cache)?; // [n_beams, n_vocab]
            let mut scores = Vec::with_capacity(logits.len());
            for (i, (beam, sum)) in beams.iter().zip(&sums).enumerate() {
                let mut row = logits.row(i).to_vec();
                log_softmax_row(&mut row)?;
                self.turn_knobs(&mut row, &[prompt, beam].concat(), end_ids.len());
                scores.extend(row.iter().map(|log_probability| sum + log_probability));
            }

            // With one end token, at most half of these have ended: so there are always enough to go on with. A single beam
            // takes what comes first, even if that is its end.
            let n_candidates = if self.beams == 1 { 1 } else { 2.max(1 + end_ids.len()) * self.beams };
            let chosen = if self.draw {
                draw_without_replacement(&scores, n_candidates, &mut rng)
            } else {
                best(&scores, n_candidates)
            };
            let n_vocab = model.config.n_vocab;
            let mut candidates: Vec<Candidate> = chosen
                .into_iter()
                .map(|i| Candidate { beam: i / n_vocab, id: (i % n_vocab) as u32, sum: scores[i], fate: Fate::Dropped })
                .collect();

            // Those that end, if they are among the first; and the best of those that do not.
            let mut running = Vec::new();
            for (rank, candidate) in candidates.iter_mut().enumerate() {
                let ends = end_ids.contains(&candidate.id) || length == n_tokens;
                if !ends {
                    running.push(rank);
                } else if rank < self.beams {
                    let score = candidate.sum / (length as f32).powf(self.length_penalty);
                    candidate.fate = Fate::Finished(score);
                    finished.push(Found { ids: [&beams[candidate.beam][..], &[candidate.id]].concat(), score });
                }
            }
            finished.sort_by(|a, b| b.score.total_cmp(&a.score));
            finished.truncate(self.beams);
            running.sort_by(|&a, &b| candidates[b].sum.total_cmp(&candidates[a].sum));
            running.truncate(self.beams);
            running.iter().for_each(|&rank| candidates[rank].fate = Fate::Runs);
            watch(&Step { beams: &beams, candidates: &candidates });

            let running: Vec<&Candidate> = running.into_iter().map(|rank| &candidates[rank]).collect();
            if running.is_empty() || self.is_done(&finished, running[0].sum, length, n_tokens) {
                break;
            }
            beams = running.iter().map(|c| [&beams[c.beam][..], &[c.id]].concat()).collect();
            sums = running.iter().map(|c| c.sum).collect();
            cache = cache.select(&running.iter().map(|c| c.beam).collect::<Vec<_>>())?;
            unread = running.iter().map(|c| c.id).collect();
        }
        if finished.is_empty() {
            let problem = "no token is left: all were used, and no-repeat n-gram forbids to use them again";
            return Err(Error::argument("generate", problem));
        }
        finished.truncate(self.count);
        Ok(finished)
    }

    /// Whether no beam can, or is given the chance to, become better than the worst of the finished texts.
    fn is_done(&self, finished: &[Found], best_sum: f32, length: usize, n_tokens: usize) -> bool {
        if finished.len() < self.beams {
            return false;
        }
        let worst = finished[finished.len() - 1].score;
        let score_at = |length: usize| best_sum / (length as f32).powf(self.length_penalty);
        match self.early_stopping {
            EarlyStopping::AtOnce => true,
            EarlyStopping::IfNoBetter => score_at(length) <= worst,
            // The sum can only fall. Divided by the greatest length that there can be, it is as small as it can be.
            EarlyStopping::IfHopeless if self.length_penalty > 0.0 => score_at(n_tokens) <= worst,
            EarlyStopping::IfHopeless => score_at(length) <= worst,
        }
    }

    /// Turns the knobs on a row of log-probabilities: `[n_vocab]`.
    ///
    /// Here the sums of several beams are compared, so nothing may be taken off a row as [`knobs::temperature`] does. And a beam
    /// needs something to go on with: one token more stays than there are end tokens.
    fn turn_knobs(&self, row: &mut [f32], before: &[u32], n_end: usize) {
        let knob = &self.sampler;
        if knob.repetition_penalty != 1.0 {
            knobs::repetition_penalty(row, before, knob.repetition_penalty);
        }
        knobs::no_repeat_ngram(row, before, knob.no_repeat_ngram);
        if !self.draw {
            return;
        }
        row.iter_mut().for_each(|x| *x /= knob.temperature);
        let at_least = if self.beams == 1 { 1 } else { 2.max(n_end + 1) };
        if knob.top_k > 0 {
            knobs::top_k(row, knob.top_k.max(at_least));
        }
        if knob.top_p < 1.0 {
            let mut best = row.to_vec();
            knobs::top_k(&mut best, at_least);
            knobs::top_p(row, knob.top_p);
            row.iter_mut().zip(&best).for_each(|(x, best)| *x = x.max(*best));
        }
    }
}

/// More beams than anyone needs; each takes its own part of the cache.
const MOST_BEAMS: usize = 1000;

/// A score divided by a smaller temperature might overflow.
const LEAST_TEMPERATURE: f32 = 1e-30;

/// The logarithm of softmax: `x_i - max - ln(sum of e^(x_j - max))`.
///
/// The logarithm of `softmax(x)` itself would be minus infinity where softmax underflows.
fn log_softmax_row(row: &mut [f32]) -> Result<()> {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = row.iter().map(|&x| f64::from(x - largest).exp()).sum();
    if !(largest.is_finite() && sum.is_finite()) {
        return Err(Error::argument("generate", "the scores are not numbers: the weights are damaged"));
    }
    let shift = f64::from(largest) + sum.ln();
    row.iter_mut().for_each(|x| *x = (f64::from(*x) - shift) as f32);
    Ok(())
}

/// The places of the `n` largest scores, largest first, of equals the first; removed ones (minus infinity) are no candidates.
fn best(scores: &[f32], n: usize) -> Vec<usize> {
    let order = |&a: &usize, &b: &usize| scores[b].total_cmp(&scores[a]).then(a.cmp(&b));
    first((0..scores.len()).filter(|&i| scores[i] > f32::NEG_INFINITY).collect(), n, order)
}

/// Draws `n` different places, one after the other, each with probability `softmax(scores)` among those that are left.
///
/// There is a short way. Add to each score a random number from the *Gumbel* distribution, `-ln(-ln(u))` with `u` uniform in
/// (0, 1); the place of the largest sum is then a draw from the softmax, the second largest a draw among the rest, and so on.
/// Source: Kool, van Hoof and Welling, "Stochastic Beams and Where to Find Them" (2019), section 2.3.
fn draw_without_replacement(scores: &[f32], n: usize, rng: &mut crate::Rng) -> Vec<usize> {
    let mut noisy: Vec<(f64, usize)> = Vec::with_capacity(scores.len());
    for (i, &score) in scores.iter().enumerate().filter(|(_, score)| **score > f32::NEG_INFINITY) {
        let u = 1.0 - rng.uniform(); // in (0, 1]
        noisy.push((f64::from(score) - (-u.ln()).max(f64::MIN_POSITIVE).ln(), i));
    }
    let order = |a: &(f64, usize), b: &(f64, usize)| -> Ordering { b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)) };
    first(noisy, n, order).into_iter().map(|(_, i)| i).collect()
}
