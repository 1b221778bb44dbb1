//! Writing on: from scores to text, one token at a time.
//!
//! The model only ever answers one question: what comes next? To write a text, its answer is put at the end of the input,
//! and the question is asked again. That is all there is to *autoregressive* generation.
//!
//! Two ways to choose are here. [`greedy`] always takes the token with the highest score. [`sample`] draws one at random, each
//! with the probability that the model gives it.
//!
//! Source: the sixty lines' `generate`.

use crate::layers::softmax::softmax_row;
use crate::tensor::argmax;
use crate::{Error, Gpt2, KvCache, Result, Rng};

/// Always the likeliest next token: an endless text, until the end token or a full context stops it. Take as many tokens
/// as you want with `.take(n)`.
///
/// The end token, if it comes, is the last one given. Ties go to the smaller id.
///
/// # Errors
///
/// If the prompt is empty, longer than the context, or has an id that is not in the vocabulary. Later tokens are `Ok`, unless
/// the model computes something that is not a number.
///
/// # Example: five tokens after a prompt
///
/// ```
/// use gpt60::{Config, Gpt2, Rng, generate::greedy};
///
/// let model = Gpt2::random(&Config::new(10, 8, 12, 3, 2), &mut Rng::new(1))?;
/// let ids = greedy(&model, &[5, 1], &[])?.take(5).collect::<Result<Vec<u32>, _>>()?;
/// assert_eq!(ids.len(), 5);
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn greedy<'a>(model: &'a Gpt2, prompt: &[u32], end_ids: &[u32]) -> Result<Continuation<'a>> {
    begin(model, prompt, end_ids, Choice::Likeliest)
}

/// Draws each next token at random, each with the probability that the model gives it; otherwise like [`greedy`].
///
/// The logits are divided by `temperature` first. Below 1, likely tokens become likelier still, and the text tamer; above 1,
/// they come closer to each other, and the text gets wilder. The same `rng` gives the same text.
///
/// # Errors
///
/// As [`greedy`], and if the temperature is not above 0.
///
/// # Example: two texts, two seeds
///
/// ```
/// use gpt60::{Config, Gpt2, Rng, generate::sample};
///
/// let model = Gpt2::random(&Config::new(1000, 8, 12, 3, 2), &mut Rng::new(1))?;
/// let text = |seed| sample(&model, &[5, 1], &[], 1.0, Rng::new(seed))?.take(5).collect::<Result<Vec<u32>, _>>();
/// assert_eq!(text(7)?, text(7)?);
/// assert_ne!(text(7)?, text(8)?); // the same five of a thousand tokens by chance: one in 10^15
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn sample<'a>(
    model: &'a Gpt2,
    prompt: &[u32],
    end_ids: &[u32],
    temperature: f32,
    rng: Rng,
) -> Result<Continuation<'a>> {
    if !(temperature > 0.0 && temperature.is_finite()) {
        let problem = format!("it is {temperature}; it must be above 0 (the likeliest token is what `greedy` takes)");
        return Err(Error::argument("temperature", problem));
    }
    begin(model, prompt, end_ids, Choice::Draw { temperature, rng })
}

fn begin<'a>(model: &'a Gpt2, prompt: &[u32], end_ids: &[u32], choice: Choice) -> Result<Continuation<'a>> {
    check_prompt(model, prompt)?;
    let cache = KvCache::new(&model.config, 1);
    Ok(Continuation { model, cache, unread: prompt.to_vec(), end_ids: end_ids.to_vec(), choice, stop: None })
}

/// How the next token is chosen from its logits.
#[derive(Debug, Clone)]
enum Choice {
    Likeliest,
    Draw { temperature: f32, rng: Rng },
}

impl Choice {
    /// The chosen id; `None` if the logits are not numbers.
    fn choose(&mut self, logits: &[f32]) -> Option<u32> {
        match self {
            Choice::Likeliest => argmax(logits).map(|id| id as u32),
            Choice::Draw { temperature, rng } => {
                // The largest is taken off before the division, which could overflow. It would cancel in softmax anyway.
                let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let mut probabilities: Vec<f32> = logits.iter().map(|x| (x - largest) / *temperature).collect();
                softmax_row(&mut probabilities);
                draw(&probabilities, rng)
            }
        }
    }
}

/// Draws an index, each with its probability; `None` if they are not numbers.
///
/// Think of the probabilities as pieces of a line of length 1, side by side. A random point of the line lies in one of them.
fn draw(probabilities: &[f32], rng: &mut Rng) -> Option<u32> {
    let total: f64 = probabilities.iter().map(|&p| f64::from(p)).sum(); // 1, up to rounding
    let point = rng.uniform() * total;
    let mut end = 0.0;
    for (id, &p) in probabilities.iter().enumerate() {
        end += f64::from(p);
        if point < end {
            return Some(id as u32);
        }
    }
    None
}

/// Whether a model can go on from a prompt.
///
/// # Errors
///
/// If the prompt is empty, longer than the context, or has an id that is not in the vocabulary.
pub fn check_prompt(model: &Gpt2, prompt: &[u32]) -> Result<()> {
    let (n_ctx, n_vocab) = (model.config.n_ctx, model.config.n_vocab);
    if prompt.is_empty() {
        return Err(Error::argument("prompt", "it is empty; give at least one token to start from"));
    }
    if prompt.len() > n_ctx {
        let problem = format!("it has {} tokens and the model's context holds {n_ctx}; shorten it", prompt.len());
        return Err(Error::argument("prompt", problem));
    }
    if let Some(id) = prompt.iter().find(|&&id| id as usize >= n_vocab) {
        let problem = format!("token id {id} is not in the vocabulary, whose ids are 0 to {}", n_vocab - 1);
        return Err(Error::argument("prompt", problem));
    }
    Ok(())
}

/// Why a text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The model chose an end token.
    EndToken,
    /// The context is full: there is no position left for another token to be read at.
    FullContext,
}

/// The tokens of [`greedy`] or [`sample`], made one by one as they are asked for.
#[derive(Debug, Clone)]
pub struct Continuation<'a> {
    model: &'a Gpt2,
    cache: KvCache,
    unread: Vec<u32>,
    end_ids: Vec<u32>,
    choice: Choice,
    stop: Option<Stop>,
}

impl Continuation<'_> {
    /// Why the text ended, if it did.
    pub fn stopped_by(&self) -> Option<Stop> {
        self.stop
    }
}

impl Iterator for Continuation<'_> {
    type Item = Result<u32>;

    fn next(&mut self) -> Option<Result<u32>> {
        if self.stop.is_some() {
            return None;
        }
        if self.cache.n_past() + self.unread.len() > self.model.config.n_ctx {
            self.stop = Some(Stop::FullContext);
            return None;
        }
        let logits = match self.model.next_logits(&self.unread, &mut self.cache) {
            Ok(logits) => logits, // [1, n_vocab]
            Err(error) => return Some(Err(error)),
        };
        let Some(id) = self.choice.choose(logits.data()) else {
            let problem = "the scores are not numbers: the weights are damaged";
            return Some(Err(Error::argument("generate", problem)));
        };
        self.unread = vec![id];
        if self.end_ids.contains(&id) {
            self.stop = Some(Stop::EndToken);
        }
        Some(Ok(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Rng};

    fn model() -> Gpt2 {
        Gpt2::random(&Config::new(11, 6, 12, 3, 2), &mut Rng::new(1)).unwrap()
    }

    #[test]
    fn every_token_is_the_likeliest_one_after_all_before_it() {
        let model = model();
        let mut text = vec![3, 1];
        for id in greedy(&model, &text.clone(), &[]).unwrap() {
            let logits = model.logits(&text).unwrap(); // everything anew, without a cache
            assert_eq!(Some(id.clone().unwrap() as usize), argmax(logits.row(text.len() - 1)));
            text.push(id.unwrap());
        }
        // The context holds 6; the token after the last of them is still chosen, but cannot be read any more.
        assert_eq!(text.len(), 7);
    }

    #[test]
    fn the_end_token_is_given_and_is_the_last() {
        let model = model();
        let free: Vec<u32> = greedy(&model, &[3], &[]).unwrap().map(|id| id.unwrap()).collect();
        let mut stopped = greedy(&model, &[3], &[free[2]]).unwrap();
        let ids: Vec<u32> = stopped.by_ref().map(|id| id.unwrap()).collect();
        let first = free.iter().position(|id| *id == free[2]).unwrap();
        assert_eq!(ids, free[..=first]);
        assert_eq!(stopped.stopped_by(), Some(Stop::EndToken));
    }

    #[test]
    fn tokens_are_drawn_as_often_as_they_are_likely() {
        let mut rng = Rng::new(3);
        let mut counts = [0usize; 3];
        for _ in 0..10_000 {
            counts[draw(&[0.7, 0.0, 0.3], &mut rng).unwrap() as usize] += 1;
        }
        // Standard deviation sqrt(10000 * 0.7 * 0.3) = 46: five of them.
        assert!(counts[0].abs_diff(7000) < 230 && counts[1] == 0, "{counts:?}");
        assert_eq!(draw(&[f32::NAN, 0.5], &mut rng), None);
    }

    #[test]
    fn a_low_temperature_is_greedy() {
        let model = model();
        let cold = sample(&model, &[3], &[], 1e-4, Rng::new(1)).unwrap().map(|id| id.unwrap());
        let greedy = greedy(&model, &[3], &[]).unwrap().map(|id| id.unwrap());
        let greedy: Vec<u32> = greedy.collect();
        assert_eq!(cold.collect::<Vec<_>>(), greedy);
        // A score divided by the smallest f32 is infinite; the text is the same.
        let coldest = sample(&model, &[3], &[], 1e-45, Rng::new(1)).unwrap().map(|id| id.unwrap());
        assert_eq!(coldest.collect::<Vec<_>>(), greedy);
        assert!(sample(&model, &[3], &[], 0.0, Rng::new(1)).is_err());
        assert!(sample(&model, &[3], &[], f32::NAN, Rng::new(1)).is_err());
    }

    #[test]
    fn impossible_prompts_are_errors() {
        let model = model();
        assert!(greedy(&model, &[], &[]).is_err());
        assert!(greedy(&model, &[1; 7], &[]).unwrap_err().to_string().contains("7 tokens"));
        assert!(greedy(&model, &[11], &[]).unwrap_err().to_string().contains("0 to 10"));
    }
}
