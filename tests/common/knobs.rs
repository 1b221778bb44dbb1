//! The knobs of a fixture's case.

use gpt60::checkpoint::Json;
use gpt60::generate::Sampler;

/// The sampler that a case describes. A knob that it does not name is off.
pub fn sampler(case: &Json, seed: u64) -> Sampler {
    let number = |key: &str, off: f32| case.get(key).map_or(off, |x| x.as_f32().unwrap());
    let count = |key: &str| case.get(key).map_or(0, |x| x.as_usize().unwrap());
    Sampler {
        repetition_penalty: number("repetition_penalty", 1.0),
        no_repeat_ngram: count("no_repeat_ngram"),
        temperature: number("temperature", 1.0),
        top_k: count("top_k"),
        top_p: number("top_p", 1.0),
        min_p: number("min_p", 0.0),
        typical_p: number("typical_p", 1.0),
        epsilon_cutoff: number("epsilon_cutoff", 0.0),
        min_tokens: count("min_tokens"),
        ..Sampler::new(seed)
    }
}
