//! Beam search: look for a likely *text*, not for a likely next token.
//!
//! Greedy choice can walk into a trap: the likeliest next token may be followed by nothing likely. A text's probability
//! is the product of its tokens' probabilities, and to find the likeliest text you would have to try all of them,
//! `n_vocab` to the power of its length. Beam search tries the most promising ones: it keeps the best few unfinished
//! texts, its *beams*.
//!
//! ```text
//! begin with one beam: the prompt, score 0
//! repeat: continue each beam with every token of the vocabulary; a candidate's score is its beam's plus log(probability)
//!         of the best candidates, those that end go to the list of finished texts; the best of the others are the new beams
//! ```
//!
//! Scores are sums of logarithms, because a product of many small numbers would underflow. They are negative, and every
//! further token makes them smaller: long texts would always lose to short ones. That is why finished texts are
//! compared by `sum / length^length_penalty`: with a penalty of 1, by the mean of a token's log-probability.
//!
//! Source: Lowerre's thesis on the Harpy speech system (1976) for the idea. The rules in detail (how many candidates are looked
//! at, which may finish, when to stop) are those of version 5.24 of the `transformers` library; `tests/beam.rs` compares.

use super::{Sampler, check_prompt, knobs, no_token_left, smallest_n};
use crate::error::{Error, Result};
use crate::kv_cache::KvCache;
use crate::layers::softmax::log_softmax_row;
use crate::model::Gpt2;
use crate::rng::Rng;

/// When to stop, once the number of finished texts equals the number of beams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EarlyStopping {
    /// When the best beam, scored at its present length, is no better than the worst finished text. (`false` in transformers.)
    IfNoBetter,
    /// At once. (`true` in transformers.)
    AtOnce,
    /// When the best beam can never become better, no matter what follows. (`"never"` in transformers.)
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
    /// How many texts are kept at a time. With one, this is greedy choice, or plain sampling if `sample` is set.
    pub beams: usize,
    /// How many of the best texts to return, at most `beams`.
    pub count: usize,
    /// Finished texts are compared by `sum / length^length_penalty`. Above 0, it favours long texts; 0 compares the
    /// sums. From -10 to 10.
    pub length_penalty: f32,
    /// When to stop.
    pub early_stopping: EarlyStopping,
    /// The penalties and the minimum of tokens always apply; the other knobs and the generator only if `sample` is set.
    pub sampler: Sampler,
    /// Whether candidates are drawn by their probabilities, instead of taking the best.
    pub sample: bool,
}

/// A finished text: one that the search believes to be among the best.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis {
    /// The new tokens, the end token included. [`Tokenizer::decode_text`](crate::tokenizer::Tokenizer::decode_text) leaves it
    /// out of the text.
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
    /// What happened to it.
    pub fate: Fate,
}

/// What happens to a candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Fate {
    /// It becomes a beam of the next step.
    Kept,
    /// It has ended, with this score.
    Finished(f32),
    /// Others were better.
    Dropped,
}

/// One step of the search, for callers that want to watch it.
#[derive(Debug)]
pub struct Step<'a> {
    /// The beams before the step: the new tokens of each.
    pub beams: &'a [Vec<u32>],
    /// The candidates that were considered, best first.
    pub candidates: &'a [Candidate],
}

impl BeamSearch {
    /// A search for the best text with this many beams, and the usual settings: length penalty 1, no drawing.
    #[must_use]
    pub fn new(beams: usize) -> BeamSearch {
        BeamSearch {
            beams,
            count: 1,
            length_penalty: 1.0,
            early_stopping: EarlyStopping::IfNoBetter,
            sampler: Sampler::new(42),
            sample: false,
        }
    }

    /// Checks that every setting is in its range.
    ///
    /// # Errors
    ///
    /// Names the setting, its value and the range.
    pub fn check(&self) -> Result<()> {
        if !(1..=MAX_BEAMS).contains(&self.beams) {
            return Err(Error::argument("beams", format!("{} are asked for; 1 to {MAX_BEAMS} can be", self.beams)));
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
        if self.sample && t < MIN_TEMPERATURE {
            let problem = format!("it is {t}; beams that are drawn need at least {MIN_TEMPERATURE:e}");
            return Err(Error::argument("temperature", problem));
        }
        self.sampler.check()
    }

    /// The best continuations of the prompt by at most `n_tokens` tokens, best first; fewer than `count` if no more
    /// exist.
    ///
    /// # Errors
    ///
    /// If a setting or the prompt is impossible, the model computes something that is not a number, or no-repeat n-gram has
    /// removed every token before a text was finished.
    pub fn search(&self, model: &Gpt2, prompt: &[u32], end_ids: &[u32], n_tokens: usize) -> Result<Vec<Hypothesis>> {
        self.search_watched(model, prompt, end_ids, n_tokens, |_| {})
    }

    /// Like [`BeamSearch::search`], and shows every step to `watch`.
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
        watch: impl FnMut(&Step),
    ) -> Result<Vec<Hypothesis>> {
        self.search_until(model, prompt, end_ids, n_tokens, |_| false, watch)
    }

    /// Like [`BeamSearch::search_watched`], where a text also ends when `is_over` says that its new tokens are complete: a
    /// stop text, for example.
    ///
    /// # Errors
    ///
    /// As [`BeamSearch::search`].
    pub fn search_until(
        &self,
        model: &Gpt2,
        prompt: &[u32],
        end_ids: &[u32],
        n_tokens: usize,
        is_over: impl Fn(&[u32]) -> bool,
        mut watch: impl FnMut(&Step),
    ) -> Result<Vec<Hypothesis>> {
        self.check()?;
        check_prompt(model, prompt)?;
        // One token more can be chosen than read: the last one.
        let n_tokens = n_tokens.min((model.config.n_ctx + 1).saturating_sub(prompt.len()));
        KvCache::check_memory(&model.config, n_tokens.saturating_mul(self.beams).saturating_add(prompt.len()))?;
        if n_tokens == 0 {
            return Ok(vec![Hypothesis { ids: Vec::new(), score: 0.0 }]); // the only text of no tokens
        }
        let mut search = Search {
            settings: self,
            model,
            prompt,
            end_ids,
            is_over: &is_over,
            n_tokens,
            length: 0,
            beams: vec![Vec::new()],
            sums: vec![0.0],
            unread: prompt.to_vec(),
            cache: KvCache::new(&model.config, 1),
            rng: self.sampler.rng.clone(),
            finished: Vec::new(),
        };
        while search.length < n_tokens {
            search.length += 1;
            let scores = search.score()?;
            let mut candidates = search.candidates(&scores);
            let kept = search.settle(&mut candidates);
            watch(&Step { beams: &search.beams, candidates: &candidates });
            if kept.is_empty() || search.is_done(candidates[kept[0]].sum) {
                break;
            }
            search.advance(&candidates, &kept)?;
        }
        if search.finished.is_empty() {
            return Err(no_token_left());
        }
        search.finished.truncate(self.count);
        Ok(search.finished)
    }

    /// Turns the knobs on a row of log-probabilities: `[n_vocab]`. `beam` are the new tokens, which follow the prompt.
    ///
    /// The sums of several beams are compared here, so nothing may be subtracted from a row as [`knobs::temperature`]
    /// does. And a beam needs a way to continue: one token more stays than there are end tokens.
    fn turn_knobs(&self, row: &mut [f32], prompt: &[u32], beam: &[u32], end_ids: &[u32]) {
        let (knob, before) = (&self.sampler, [prompt, beam].concat());
        if knob.repetition_penalty != 1.0 {
            knobs::repetition_penalty(row, &before, knob.repetition_penalty);
        }
        knobs::no_repeat_ngram(row, &before, knob.no_repeat_ngram);
        knobs::no_end(row, knob.too_early(beam.len(), end_ids));
        if !self.sample {
            return;
        }
        row.iter_mut().for_each(|x| *x /= knob.temperature);
        let at_least = if self.beams == 1 { 1 } else { 2.max(end_ids.len() + 1) };
        if knob.top_k > 0 {
            knobs::top_k(row, knob.top_k.max(at_least));
        }
        if knob.top_p < 1.0 {
            keep_best(row, at_least, |row| knobs::top_p(row, knob.top_p));
        }
        if knob.min_p > 0.0 {
            keep_best(row, at_least, |row| knobs::min_p(row, knob.min_p));
        }
        knobs::typical_p_of_at_least(row, knob.typical_p, at_least);
        if knob.epsilon_cutoff > 0.0 {
            keep_best(row, at_least, |row| knobs::epsilon_cutoff(row, knob.epsilon_cutoff));
        }
    }
}

/// Turns a knob, and brings back the `n` best scores if it has removed them.
fn keep_best(row: &mut [f32], n: usize, knob: impl FnOnce(&mut [f32])) {
    let mut best = row.to_vec();
    knobs::top_k(&mut best, n);
    knob(row);
    row.iter_mut().zip(&best).for_each(|(x, best)| *x = x.max(*best));
}

/// The largest number of beams: more than anyone needs, and each takes its own part of the cache.
const MAX_BEAMS: usize = 1000;

/// A score divided by a smaller temperature might overflow.
const MIN_TEMPERATURE: f32 = 1e-30;

/// A search under way. Each step calls `score`, `candidates`, `settle` and `advance`, in this order.
struct Search<'a> {
    settings: &'a BeamSearch,
    model: &'a Gpt2,
    prompt: &'a [u32],
    end_ids: &'a [u32],
    /// Whether these new tokens are a complete text.
    is_over: &'a dyn Fn(&[u32]) -> bool,
    n_tokens: usize,
    /// How many new tokens a candidate of this step has.
    length: usize,
    /// The new tokens of each beam.
    beams: Vec<Vec<u32>>,
    /// The sum of log-probabilities of each beam.
    sums: Vec<f32>,
    /// What the model has not read yet: first the prompt, then the newest token of each beam.
    unread: Vec<u32>,
    cache: KvCache,
    rng: Rng,
    /// The best finished texts so far, best first.
    finished: Vec<Hypothesis>,
}

impl Search<'_> {
    /// The score of every beam continued with every token: `[n_beams * n_vocab]`.
    fn score(&mut self) -> Result<Vec<f32>> {
        let logits = self.model.next_logits(&self.unread, &mut self.cache)?; // [n_beams, n_vocab]
        let mut scores = Vec::with_capacity(logits.len());
        for (i, (beam, sum)) in self.beams.iter().zip(&self.sums).enumerate() {
            let mut row = logits.row(i).to_vec();
            log_softmax_row(&mut row);
            if row.iter().any(|x| x.is_nan()) {
                return Err(Error::damaged_weights("generate"));
            }
            self.settings.turn_knobs(&mut row, self.prompt, beam, self.end_ids);
            scores.extend(row.iter().map(|log_probability| sum + log_probability));
        }
        Ok(scores)
    }

    /// The candidates that are considered, best first: the best scores, or some that are drawn.
    fn candidates(&mut self, scores: &[f32]) -> Vec<Candidate> {
        // With one end token, at most half of these have ended, and enough are left to continue. A single beam takes
        // what comes first, even if that is its end.
        let n_beams = self.settings.beams;
        let n = if n_beams == 1 { 1 } else { 2.max(1 + self.end_ids.len()) * n_beams };
        let chosen = match self.settings.sample {
            true => {
                let mut drawn = draw_without_replacement(scores, n, &mut self.rng);
                drawn.sort_by(|&a, &b| scores[b].total_cmp(&scores[a])); // equals stay in the order of drawing
                drawn
            }
            false => best(scores, n),
        };
        let n_vocab = self.model.config.n_vocab;
        let candidate = |i| Candidate {
            beam: i / n_vocab,
            id: (i % n_vocab) as u32,
            sum: scores[i],
            fate: Fate::Dropped, // until `settle` decides
        };
        chosen.into_iter().map(candidate).collect()
    }

    /// Decides every candidate's fate, and records those that have finished. Returns the places of those that are kept,
    /// best first.
    ///
    /// A candidate that ends counts only if it is among the first `beams`. The best of the others are kept.
    fn settle(&mut self, candidates: &mut [Candidate]) -> Vec<usize> {
        let n_beams = self.settings.beams;
        let mut alive = Vec::new();
        for (rank, candidate) in candidates.iter_mut().enumerate() {
            let ids = [&self.beams[candidate.beam][..], &[candidate.id]].concat();
            if !(self.end_ids.contains(&candidate.id) || self.length == self.n_tokens || (self.is_over)(&ids)) {
                alive.push(rank);
            } else if rank < n_beams {
                let score = self.score_at(candidate.sum, self.length);
                candidate.fate = Fate::Finished(score);
                self.finished.push(Hypothesis { ids, score });
            }
        }
        self.finished.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.finished.truncate(n_beams);
        alive.truncate(n_beams);
        alive.iter().for_each(|&rank| candidates[rank].fate = Fate::Kept);
        alive
    }

    /// Whether no beam can, or is given the chance to, become better than the worst of the finished texts.
    fn is_done(&self, best_sum: f32) -> bool {
        let Some(worst) = self.finished.last().filter(|_| self.finished.len() == self.settings.beams) else {
            return false;
        };
        match self.settings.early_stopping {
            EarlyStopping::AtOnce => true,
            EarlyStopping::IfNoBetter => self.score_at(best_sum, self.length) <= worst.score,
            // The sum can only fall. Divided by the greatest possible length, it is as small as possible.
            EarlyStopping::IfHopeless if self.settings.length_penalty > 0.0 => {
                self.score_at(best_sum, self.n_tokens) <= worst.score
            }
            EarlyStopping::IfHopeless => self.score_at(best_sum, self.length) <= worst.score,
        }
    }

    /// The score of a text that ends with this sum and this length.
    fn score_at(&self, sum: f32, length: usize) -> f32 {
        sum / (length as f32).powf(self.settings.length_penalty)
    }

    /// Turns the candidates that are kept into the beams of the next step.
    fn advance(&mut self, candidates: &[Candidate], kept: &[usize]) -> Result<()> {
        let kept: Vec<&Candidate> = kept.iter().map(|&rank| &candidates[rank]).collect();
        self.beams = kept.iter().map(|c| [&self.beams[c.beam][..], &[c.id]].concat()).collect();
        self.sums = kept.iter().map(|c| c.sum).collect();
        self.unread = kept.iter().map(|c| c.id).collect();
        self.cache = self.cache.select(&kept.iter().map(|c| c.beam).collect::<Vec<_>>())?;
        Ok(())
    }
}

/// The places of the `n` largest scores, largest first; among equals, the smaller place first. Removed scores (minus
/// infinity) are not candidates.
fn best(scores: &[f32], n: usize) -> Vec<usize> {
    let order = |&a: &usize, &b: &usize| scores[b].total_cmp(&scores[a]).then(a.cmp(&b));
    smallest_n((0..scores.len()).filter(|&i| scores[i] > f32::NEG_INFINITY).collect(), n, order)
}

/// Draws `n` different places, one after the other, each with probability `softmax(scores)` among those that are left.
///
/// There is a shortcut. Add to each score a random number from the *Gumbel* distribution, `-ln(-ln(u))` with `u`
/// uniform in (0, 1). The place of the largest sum is then a draw from the softmax, the second largest a draw among the
/// rest, and so on. Source: Kool, van Hoof and Welling, "Stochastic Beams and Where to Find Them" (2019), section 2.3.
fn draw_without_replacement(scores: &[f32], n: usize, rng: &mut Rng) -> Vec<usize> {
    let mut noisy: Vec<(f64, usize)> = Vec::with_capacity(scores.len());
    for (i, &score) in scores.iter().enumerate().filter(|(_, score)| **score > f32::NEG_INFINITY) {
        let u = 1.0 - rng.uniform(); // in (0, 1]
        noisy.push((f64::from(score) - (-u.ln()).max(f64::MIN_POSITIVE).ln(), i));
    }
    let order = |a: &(f64, usize), b: &(f64, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    smallest_n(noisy, n, order).into_iter().map(|(_, i)| i).collect()
}
