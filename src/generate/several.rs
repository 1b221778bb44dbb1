//! Several answers to one prompt, side by side.
//!
//! To write three answers you could run the model three times. But most of that time goes into reading the weights from
//! memory, and all answers need the same weights. Here the answers are rows of one batch: each step reads the weights
//! once and makes a token for every answer. The prompt, which they share, is read only once.
//!
//! ```text
//! read the prompt                      one row
//! KvCache::select(&[0, 0, 0])          three rows that have read the same
//! choose, read, choose, read, ...      each row has a sampler and a text of its own; a row that has ended leaves
//! ```
//!
//! To the last token, an answer is the text that its sampler writes alone with [`Gpt2::generate`]: a product of a few
//! rows sums each row as it sums a single one. That holds for up to `MAX_TOGETHER` rows; more answers are written in
//! groups.

use super::{Sampler, Stop, check_prompt};
use crate::error::{Error, Result};
use crate::kernels::matmul;
use crate::kv_cache::KvCache;
use crate::model::Gpt2;
use crate::tensor::Tensor;

/// How many answers [`Gpt2::generate_several`] writes together; more are written in groups.
#[doc(hidden)]
pub const MAX_TOGETHER: usize = matmul::FEW_ROWS;

/// What ends an answer.
struct Ends<'a> {
    ids: &'a [u32],
    n_tokens: usize,
    /// Whether an answer of the group is over with this token.
    is_over: &'a mut dyn FnMut(usize, u32) -> bool,
}

/// One answer of [`Gpt2::generate_several`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The new tokens, the end token included. [`Tokenizer::decode_text`](crate::tokenizer::Tokenizer::decode_text) leaves it
    /// out of the text.
    pub ids: Vec<u32>,
    /// Why the text ended; `None` if it reached the number of tokens that was asked for.
    pub stopped_by: Option<Stop>,
}

impl Gpt2 {
    /// Continues one prompt in several ways: one answer for each sampler, each with at most `n_tokens` new tokens.
    ///
    /// An answer ends early after one of `end_ids`, or when the context is full.
    ///
    /// # Errors
    ///
    /// As [`Gpt2::generate`]; the first error of any answer ends all of them. Or if there is not the memory to remember so many
    /// tokens.
    ///
    /// # Example: three answers, the likeliest one and two others
    ///
    /// ```
    /// use gpt60::{Config, Gpt2, Rng, generate::Sampler};
    ///
    /// let model = Gpt2::random(&Config::new(1000, 8, 12, 3, 2), &mut Rng::new(1))?;
    /// let samplers = vec![Sampler::greedy(), Sampler::new(1), Sampler::new(2)];
    /// let answers = model.generate_several(&[5, 1], samplers, &[], 4)?;
    /// assert_eq!(answers.len(), 3);
    /// assert_eq!(answers[2].ids.len(), 4);
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn generate_several(
        &self,
        prompt: &[u32],
        samplers: Vec<Sampler>,
        end_ids: &[u32],
        n_tokens: usize,
    ) -> Result<Vec<Answer>> {
        self.generate_several_until(prompt, samplers, end_ids, n_tokens, |_, _| false)
    }

    /// Like [`Gpt2::generate_several`], where answer `i` also ends after a token for which `is_over(i, token)` says so: the
    /// one that completes a stop text, for example. It is asked once for each token, in order.
    ///
    /// # Errors
    ///
    /// As [`Gpt2::generate_several`].
    pub fn generate_several_until(
        &self,
        prompt: &[u32],
        mut samplers: Vec<Sampler>,
        end_ids: &[u32],
        n_tokens: usize,
        mut is_over: impl FnMut(usize, u32) -> bool,
    ) -> Result<Vec<Answer>> {
        check_prompt(self, prompt)?;
        samplers.iter().try_for_each(Sampler::check)?;
        let each = n_tokens.min(self.config.n_ctx - prompt.len());
        KvCache::check_memory(&self.config, prompt.len() + each.saturating_mul(samplers.len().min(MAX_TOGETHER)))?;
        let mut answers = Vec::new();
        let mut read = KvCache::new(&self.config, 1);
        let logits = self.next_logits(prompt, &mut read)?; // [1, n_vocab]
        for group in samplers.chunks_mut(MAX_TOGETHER) {
            let rows = vec![0; group.len()]; // each begins as the one row of the prompt
            let (cache, logits) = (read.select(&rows)?, logits.take_rows(&rows)?);
            let first = answers.len();
            let mut ends = Ends { ids: end_ids, n_tokens, is_over: &mut |i, id| is_over(first + i, id) };
            let texts = vec![prompt.to_vec(); group.len()];
            answers.extend(self.write_group(texts, cache, logits, group, &mut ends)?);
        }
        Ok(answers)
    }

    /// Continues each of several prompts, the first with the first sampler and so on, each with at most `n_tokens` new tokens.
    ///
    /// Each prompt is read alone; then those of equal length are continued side by side. An answer ends early after one of
    /// `end_ids`, or when the context is full.
    ///
    /// # Errors
    ///
    /// If there is not one sampler for each prompt; otherwise as [`Gpt2::generate_several`].
    ///
    /// # Example: two prompts, an answer to each
    ///
    /// ```
    /// use gpt60::{Config, Gpt2, Rng, generate::Sampler};
    ///
    /// let model = Gpt2::random(&Config::new(1000, 8, 12, 3, 2), &mut Rng::new(1))?;
    /// let prompts = [vec![5, 1], vec![7, 2]];
    /// let answers = model.generate_each(&prompts, vec![Sampler::new(1), Sampler::new(2)], &[], 4)?;
    /// let alone = model.generate_several(&prompts[1], vec![Sampler::new(2)], &[], 4)?;
    /// assert_eq!(answers[1], alone[0]);
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn generate_each(
        &self,
        prompts: &[Vec<u32>],
        samplers: Vec<Sampler>,
        end_ids: &[u32],
        n_tokens: usize,
    ) -> Result<Vec<Answer>> {
        if prompts.len() != samplers.len() {
            let problem = format!("{} prompts need as many samplers, and there are {}", prompts.len(), samplers.len());
            return Err(Error::argument("generate_each", problem));
        }
        prompts.iter().try_for_each(|prompt| check_prompt(self, prompt))?;
        samplers.iter().try_for_each(Sampler::check)?;
        let longest = prompts.iter().map(|prompt| prompt.len().saturating_add(n_tokens)).max().unwrap_or(0);
        KvCache::check_memory(&self.config, longest.min(self.config.n_ctx) * prompts.len().min(MAX_TOGETHER))?;
        let mut order: Vec<usize> = (0..prompts.len()).collect();
        order.sort_by_key(|&i| prompts[i].len()); // stable: among equals, in their order
        let mut answers = vec![Answer::default(); prompts.len()];
        for equal in order.chunk_by(|&a, &b| prompts[a].len() == prompts[b].len()) {
            for group in equal.chunks(MAX_TOGETHER) {
                let mut read = vec![KvCache::new(&self.config, 1); group.len()];
                let mut logits = Tensor::zeros(&[group.len(), self.config.n_vocab]);
                for (row, (&i, cache)) in group.iter().zip(&mut read).enumerate() {
                    logits.row_mut(row).copy_from_slice(self.next_logits(&prompts[i], cache)?.row(0));
                }
                let texts = group.iter().map(|&i| prompts[i].clone()).collect();
                let mut own: Vec<Sampler> = group.iter().map(|&i| samplers[i].clone()).collect();
                let mut ends = Ends { ids: end_ids, n_tokens, is_over: &mut |_, _| false };
                let cache = KvCache::side_by_side(&read)?;
                drop(read); // what a second cache shares cannot grow in place
                let written = self.write_group(texts, cache, logits, &mut own, &mut ends)?;
                group.iter().zip(written).for_each(|(&i, answer)| answers[i] = answer);
            }
        }
        Ok(answers)
    }

    /// Writes an answer for each sampler; sequence `i` of `cache` has read `texts[i]`, the prompt, and row `i` of `logits`
    /// follows it.
    fn write_group(
        &self,
        mut texts: Vec<Vec<u32>>,
        mut cache: KvCache,
        mut logits: Tensor, // [n_samplers, n_vocab]
        samplers: &mut [Sampler],
        ends: &mut Ends,
    ) -> Result<Vec<Answer>> {
        let mut answers = vec![Answer::default(); samplers.len()];
        let mut alive: Vec<usize> = (0..samplers.len()).collect(); // row r belongs to answer alive[r]
        if ends.n_tokens == 0 {
            return Ok(answers);
        }
        loop {
            let mut rows_left = Vec::new();
            for (row, &i) in alive.iter().enumerate() {
                let id = samplers[i].choose_new(logits.row(row), &texts[i], answers[i].ids.len(), ends.ids)?;
                texts[i].push(id);
                answers[i].ids.push(id);
                if ends.ids.contains(&id) {
                    answers[i].stopped_by = Some(Stop::EndToken);
                } else if (ends.is_over)(i, id) {
                    answers[i].stopped_by = Some(Stop::StopText);
                } else if answers[i].ids.len() < ends.n_tokens {
                    rows_left.push(row);
                }
            }
            alive = rows_left.iter().map(|&row| alive[row]).collect();
            if cache.n_past() == self.config.n_ctx {
                alive.drain(..).for_each(|i| answers[i].stopped_by = Some(Stop::FullContext));
            }
            if alive.is_empty() {
                return Ok(answers);
            }
            if alive.len() < cache.n_sequences() {
                cache = cache.select(&rows_left)?;
            }
            let newest: Vec<u32> = alive.iter().filter_map(|&i| texts[i].last().copied()).collect();
            logits = self.next_logits(&newest, &mut cache)?; // [n_alive, n_vocab]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Rng};

    /// A model with large random weights: its texts differ.
    fn model() -> Gpt2 {
        let mut model = Gpt2::zeros(&Config::new(50, 24, 12, 3, 2)).unwrap();
        let mut rng = Rng::new(5);
        for (_, tensor) in model.parameters_mut().unwrap() {
            *tensor = Tensor::random(tensor.shape(), 0.5, &mut rng);
        }
        model
    }

    fn alone(model: &Gpt2, sampler: Sampler, end_ids: &[u32], n_tokens: usize) -> Answer {
        let mut text = model.generate(&[3, 1], sampler).unwrap().until(end_ids);
        let mut answer = Answer::default();
        while answer.ids.len() < n_tokens
            && let Some(id) = text.next()
        {
            answer.ids.push(id.unwrap());
        }
        answer.stopped_by = text.stopped_by();
        answer
    }

    #[test]
    fn each_answer_is_the_text_that_its_sampler_writes_alone() {
        let model = model();
        let samplers: Vec<Sampler> = (0..MAX_TOGETHER + 5)
            .map(|i| Sampler {
                temperature: [0.0, 0.7, 1.0][i % 3],
                top_k: 20 * (i % 2),
                repetition_penalty: if i > 4 { 1.3 } else { 1.0 },
                min_tokens: 8 * (i % 2),
                ..Sampler::new(i as u64)
            })
            .collect();
        // End tokens that come early in some texts and late in others; too few tokens, and more than the context holds.
        let ends = [5, 6];
        let mut n_stops = [0; 3];
        for n_tokens in [1, 10, 22, 23, 24, 1000] {
            let answers = model.generate_several(&[3, 1], samplers.clone(), &ends, n_tokens).unwrap();
            for (answer, sampler) in answers.iter().zip(&samplers) {
                assert_eq!(*answer, alone(&model, sampler.clone(), &ends, n_tokens));
                match answer.stopped_by {
                    Some(Stop::EndToken) => n_stops[0] += 1,
                    Some(Stop::FullContext) => n_stops[1] += 1,
                    _ => n_stops[2] += 1,
                }
            }
        }
        assert!(n_stops.iter().all(|&n| n >= 5), "{n_stops:?}"); // each kind of ending was met
    }

    #[test]
    fn each_answer_can_be_over_with_a_token_of_its_own() {
        let model = model();
        let samplers: Vec<Sampler> = (0..MAX_TOGETHER + 5).map(|i| Sampler::new(i as u64)).collect();
        let free = model.generate_several(&[3, 1], samplers.clone(), &[], 10).unwrap();
        // Answer i is over after i % 4 + 1 tokens, and it is asked about each of its own.
        let mut seen = vec![Vec::new(); samplers.len()];
        let is_over = |i: usize, id| {
            seen[i].push(id);
            seen[i].len() > i % 4
        };
        let answers = model.generate_several_until(&[3, 1], samplers, &[], 10, is_over).unwrap();
        for (i, (answer, free)) in answers.iter().zip(&free).enumerate() {
            assert_eq!((&answer.ids[..], answer.stopped_by), (&free.ids[..=i % 4], Some(Stop::StopText)), "answer {i}");
            assert_eq!(seen[i], answer.ids);
        }
    }

    #[test]
    fn logits_side_by_side_are_those_of_each_alone_bit_for_bit() {
        let model = model();
        let mut together = KvCache::new(&model.config, MAX_TOGETHER);
        let mut alone = vec![KvCache::new(&model.config, 1); MAX_TOGETHER];
        for t in 0..24 {
            let ids: Vec<u32> = (0..MAX_TOGETHER as u32).map(|i| (7 * i + 13 * t) % 50).collect();
            let logits = model.next_logits(&ids, &mut together).unwrap();
            for (i, cache) in alone.iter_mut().enumerate() {
                let expected = model.next_logits(&ids[i..=i], cache).unwrap();
                let bits = |xs: &[f32]| xs.iter().map(|x| x.to_bits()).collect::<Vec<u32>>();
                assert_eq!(bits(logits.row(i)), bits(expected.row(0)), "sequence {i}, token {t}");
            }
        }
    }

    #[test]
    fn each_prompt_is_continued_as_it_would_be_alone() {
        let model = model();
        // Lengths 1 to 3, mixed, more of each than are written together; the longest leave room for 21 tokens.
        let prompts: Vec<Vec<u32>> =
            (0..3 * MAX_TOGETHER as u32 + 9).map(|i| vec![i % 50, 7, 3][..=i as usize % 3].to_vec()).collect();
        let samplers: Vec<Sampler> = (0..prompts.len()).map(|i| Sampler::new(i as u64 / 2)).collect();
        for n_tokens in [1, 10, 100] {
            let answers = model.generate_each(&prompts, samplers.clone(), &[5, 6], n_tokens).unwrap();
            for ((answer, prompt), sampler) in answers.iter().zip(&prompts).zip(&samplers) {
                let alone = model.generate_several(prompt, vec![sampler.clone()], &[5, 6], n_tokens).unwrap();
                assert_eq!(*answer, alone[0], "{prompt:?}");
            }
        }
        assert_eq!(model.generate_each(&[], vec![], &[], 5).unwrap(), []);
        let error = model.generate_each(&prompts, vec![Sampler::new(1)], &[], 5).unwrap_err().to_string();
        assert!(error.contains("57 prompts need as many samplers, and there are 1"), "{error}");
        assert!(model.generate_each(&[vec![3], vec![]], samplers[..2].to_vec(), &[], 5).is_err());
    }

    #[test]
    fn no_samplers_or_no_tokens_give_no_text() {
        let model = model();
        assert_eq!(model.generate_several(&[3], vec![], &[], 5).unwrap(), []);
        let none = model.generate_several(&[3], vec![Sampler::new(1)], &[], 0).unwrap();
        assert_eq!(none, [Answer::default()]);
    }

    #[test]
    fn the_first_error_ends_all() {
        let model = model();
        let several = |prompt: &[u32], sampler| model.generate_several(prompt, vec![Sampler::new(1), sampler], &[], 60);
        assert!(several(&[], Sampler::new(2)).is_err());
        assert!(several(&[50], Sampler::new(2)).is_err());
        assert!(several(&[3], Sampler { top_p: 2.0, ..Sampler::new(2) }).unwrap_err().to_string().contains("top-p"));
        // One token is left in the end; the other four are forbidden once they have been used.
        let mut tiny = Gpt2::random(&Config::new(3, 24, 12, 3, 1), &mut Rng::new(1)).unwrap();
        let picky = Sampler { no_repeat_ngram: 1, ..Sampler::new(1) };
        let error = tiny.generate_several(&[0], vec![picky], &[], 5).unwrap_err().to_string();
        assert!(error.contains("no token is left"), "{error}");
        tiny.ln_f.bias.data_mut()[0] = f32::NAN;
        assert!(tiny.generate_several(&[0], vec![Sampler::new(1)], &[], 5).is_err());
    }
}
