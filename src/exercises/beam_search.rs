//! Exercise: beam search. Chapter 9. Hard, 35 minutes.
//!
//! Look for a likely text, not for a likely next token. Keep the best few texts, the *beams*; continue each with every token;
//! keep the best few of all these; and so on. (The library's version also knows end tokens and length penalties. Here every
//! text gets `n_tokens` tokens.)
//!
//! A text's score is the sum of `log(probability)` of its tokens, because probabilities multiply and logarithms add.
//!
//! ```text
//! begin with one beam: nothing written, score 0
//! n_tokens times: the candidates are all beams, each continued by every token; their scores are the beam's + next[token]
//!                 the best n_beams candidates are the new beams
//! ```
//!
//! A worked example with two tokens, two beams, two steps, and scores that are easy to add. After the prompt: `[-1, -2]`. After a
//! 0: `[-5, -5]`. After a 1: `[-1, -9]`.
//!
//! ```text
//! step 1    0: -1      1: -2                             both stay
//! step 2    0 0: -6    0 1: -6    1 0: -3    1 1: -11    1 0 and 0 0 stay: among equal scores, the first
//! ```
//!
//! Greedy choice would have begun with 0, and missed the best text.
//!
//! | argument | type | |
//! | --- | --- | --- |
//! | `next` | a function | the text so far, with the prompt, `-> [n_vocab]` log-probabilities of the next token, none of them minus infinity |
//! | `prompt` | `&[u32]` | |
//! | `n_beams` | `usize` | how many texts are kept; there may be fewer candidates than that |
//! | `n_tokens` | `usize` | how many tokens each text gets |
//! | result | `Vec<(f32, Vec<u32>)>` | score and new ids (without the prompt) of each beam, best first |
//!
//! Candidates with equal scores stay in the order in which they are made: by beam, then by token.

use super::not_started;

/// The best `n_beams` texts of `n_tokens` new tokens that the search finds, best first.
pub fn beam_search(
    next: &dyn Fn(&[u32]) -> Vec<f32>,
    prompt: &[u32],
    n_beams: usize,
    n_tokens: usize,
) -> Vec<(f32, Vec<u32>)> {
    not_started()
}

// Solution: src/generate/beam.rs, BeamSearch::search_watched
