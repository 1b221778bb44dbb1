//! Choosing a token: the knobs are those of `transformers`, the draws have the right distribution, and a knob that is
//! off does nothing.
//!
//! `fixtures/sampling.py` made the expected values, with the versions that it names.

#[path = "common/knobs.rs"]
mod fixture;

use gpt60::checkpoint::Json;
use gpt60::generate::{Sampler, greedy, knobs};
use gpt60::kernels::threads;
use gpt60::{Config, Gpt2, Rng, Tensor, argmax, storybook};
use proptest::prelude::*;

const REMOVED: f32 = f32::NEG_INFINITY;

/// The scores after all knobs: `[n_vocab]`.
fn turned(sampler: &Sampler, logits: &[f32], before: &[u32]) -> Vec<f32> {
    let mut logits = logits.to_vec();
    sampler.turn_knobs(&mut logits, before, |_, _| {});
    logits
}

// ---------------------------------------------------------------------------------------------------------------------
// As transformers does it
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn the_probabilities_after_all_knobs_are_those_of_transformers() {
    let json = Json::parse(include_str!("fixtures/sampling.json")).unwrap();
    let cases = json.get("cases").unwrap().as_array().unwrap();
    let (mut n_compared, mut n_removed) = (0, 0);
    for (i, case) in cases.iter().enumerate() {
        let list = |key: &str| case.get(key).unwrap().as_array().unwrap();
        let logits: Vec<f32> = list("scores").iter().map(|x| x.as_f32().unwrap_or(REMOVED)).collect();
        let before: Vec<u32> = list("before").iter().map(|id| id.as_usize().unwrap() as u32).collect();
        let expected: Vec<Option<f32>> = list("expected").iter().map(Json::as_f32).collect();
        let sampler = fixture::sampler(case, 1);
        let left: Vec<bool> = turned(&sampler, &logits, &before).iter().map(|&score| score > REMOVED).collect();
        let expected_left: Vec<bool> = expected.iter().map(Option::is_some).collect();
        assert_eq!(left, expected_left, "case {i}: other tokens are left: {sampler:?}");
        let found = sampler.probabilities(&logits, &before).unwrap();
        for (id, (&found, expected)) in found.iter().zip(&expected).enumerate() {
            let expected = expected.unwrap_or(0.0);
            // Scores and probabilities here are float32, where a probability has an error of a few 1e-7.
            assert!((found - expected).abs() < 1e-6, "case {i}, token {id}: {found} is not {expected}, {sampler:?}");
            assert!(found > 0.0 || expected < 1e-35, "case {i}, token {id}: {found} is not {expected}");
            n_compared += 1;
            n_removed += usize::from(expected == 0.0);
        }
    }
    assert!(cases.len() >= 466 && n_compared > 9000 && n_removed > 5000, "{} {n_compared} {n_removed}", cases.len());
}

// ---------------------------------------------------------------------------------------------------------------------
// The draws
// ---------------------------------------------------------------------------------------------------------------------

/// Eight scores: e^score is 8, 6, 4, 3, 2, 1, 0.5 and 0.25, which makes the shares easy to write down.
const WEIGHTS: [f64; 8] = [2.0, 8.0, 0.25, 4.0, 1.0, 3.0, 0.5, 6.0];

#[test]
fn tokens_are_drawn_as_often_as_the_definition_says() {
    let logits = WEIGHTS.map(|w| w.ln() as f32);
    let off = Sampler::new(1);
    // The shares by hand, in f64, with 0 for what must be removed. Chi-square needs no sum of 1.
    let settings: [(&str, Sampler, Vec<u32>, [f64; 8]); 5] = [
        ("all off", off.clone(), vec![], WEIGHTS),
        // e^(score / 0.5) = weight^2
        ("temperature 0.5", Sampler { temperature: 0.5, ..off.clone() }, vec![], WEIGHTS.map(|w| w * w)),
        ("top-k 3", Sampler { top_k: 3, ..off.clone() }, vec![], [0.0, 8.0, 0.0, 4.0, 0.0, 0.0, 0.0, 6.0]),
        // All weights are 24.75. 8 + 6 + 4 = 18 is 0.727 of it, with 3 more it is 0.848: enough for 0.8.
        ("top-p 0.8", Sampler { top_p: 0.8, ..off.clone() }, vec![], [0.0, 8.0, 0.0, 4.0, 0.0, 3.0, 0.0, 6.0]),
        (
            // Tokens 1 and 2 were used: scores above 0 are halved (8 -> sqrt 8), below 0 doubled (0.25 -> 1/16).
            // "1 7" was there and 1 is the last: 7 is removed. Temperature 2 takes the root of each weight: 2, 8, 4, 1, 3, 0.5
            // become roots; the five likeliest are 3: 2, 5: 1.732, 1: 8^(1/4) = 1.682, 0: 1.414, 4: 1; top-p 0.85 of 7.828
            // is 6.654: the first four make 6.828.
            "all on",
            Sampler { repetition_penalty: 2.0, no_repeat_ngram: 2, temperature: 2.0, top_k: 5, top_p: 0.85, ..off },
            vec![1, 2, 1, 7, 1],
            [2f64.sqrt(), 8f64.powf(0.25), 0.0, 2.0, 0.0, 3f64.sqrt(), 0.0, 0.0],
        ),
    ];
    // Chi-square that one fair experiment of a thousand exceeds, by degrees of freedom (tables of the distribution, p = 0.001).
    const CRITICAL: [f64; 8] = [0.0, 10.828, 13.816, 16.266, 18.467, 20.515, 22.458, 24.322];
    const N: usize = 100_000;
    for (name, mut sampler, before, shares) in settings {
        sampler.rng = Rng::new(20);
        // Token 7 was used in the last setting, but it is removed; its penalty does not matter.
        let mut counts = [0usize; 8];
        for _ in 0..N {
            counts[sampler.choose(&logits, &before).unwrap() as usize] += 1;
        }
        let total: f64 = shares.iter().sum();
        let mut chi_square = 0.0;
        for (count, share) in counts.iter().zip(shares) {
            let expected = N as f64 * share / total;
            if expected == 0.0 {
                assert_eq!(*count, 0, "{name}: {counts:?}");
            } else {
                chi_square += (*count as f64 - expected).powi(2) / expected;
            }
        }
        let freedom = shares.iter().filter(|&&share| share > 0.0).count() - 1;
        assert!(chi_square < CRITICAL[freedom], "{name}: chi-square {chi_square}, {counts:?}");
        assert!(chi_square > 0.0, "{name}: no chance in it");
    }
}

#[test]
fn the_same_seed_writes_the_same_text_with_any_number_of_threads() {
    let story = storybook::load();
    // A long prompt: its products are large enough to be shared among threads.
    let prompt = story.tokenizer.unwrap().encode(&"Once upon a time there was a little fox. ".repeat(12));
    let text = |n_threads| {
        threads::set(n_threads);
        let sampler = Sampler { temperature: 0.9, top_k: 50, top_p: 0.95, repetition_penalty: 1.1, ..Sampler::new(5) };
        let ids = story.model.generate(&prompt, sampler).unwrap().take(40).collect::<Result<Vec<u32>, _>>();
        threads::set(0);
        ids.unwrap()
    };
    let one = text(1);
    for n_threads in [1, 2, 3, 8] {
        assert_eq!(text(n_threads), one, "{n_threads} threads");
    }
    let other = story.model.generate(&prompt, Sampler::new(6)).unwrap().take(40).collect::<Result<Vec<u32>, _>>();
    assert_ne!(other.unwrap(), one);
}

// ---------------------------------------------------------------------------------------------------------------------
// What holds for all scores
// ---------------------------------------------------------------------------------------------------------------------

/// Scores, some of them equal, some removed, at least one not.
fn any_logits() -> impl Strategy<Value = Vec<f32>> {
    let score = prop_oneof![
        6 => -20f32..20.0,
        2 => (-3i8..4).prop_map(f32::from),
        1 => Just(REMOVED),
    ];
    prop::collection::vec(score, 1..60).prop_map(|mut logits| {
        if logits.iter().all(|&score| score == REMOVED) {
            logits[0] = 0.0;
        }
        logits
    })
}

fn any_sampler() -> impl Strategy<Value = Sampler> {
    let penalty = prop_oneof![Just(1.0), 0.2f32..5.0];
    let temperature = prop_oneof![Just(1.0), Just(0.0), 0.05f32..5.0];
    let top_p = prop_oneof![Just(1.0), 0f32..1.0];
    let others = (
        prop_oneof![Just(0.0), 0f32..=1.0],
        prop_oneof![Just(1.0), 0.001f32..1.0],
        prop_oneof![3 => Just(0.0), 1 => 0f32..0.99],
    );
    (penalty, 0usize..4, temperature, 0usize..80, top_p, others, any::<u64>()).prop_map(
        |(repetition_penalty, no_repeat_ngram, temperature, top_k, top_p, others, seed)| Sampler {
            repetition_penalty,
            no_repeat_ngram,
            temperature,
            top_k,
            top_p,
            min_p: others.0,
            typical_p: others.1,
            epsilon_cutoff: others.2,
            ..Sampler::new(seed)
        },
    )
}

/// Ids from the likeliest on; among equals, the smallest first.
fn likeliest_first(logits: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].partial_cmp(&logits[a]).unwrap().then(a.cmp(&b)));
    order
}

/// Top-k by sorting everything.
fn top_k_oracle(logits: &[f32], k: usize) -> Vec<f32> {
    let kth = logits[likeliest_first(logits)[k.min(logits.len()) - 1]];
    logits.iter().map(|&score| if score < kth { REMOVED } else { score }).collect()
}

/// Top-p by sorting everything; `None` if a sum is so close to p that rounding decides.
fn top_p_oracle(logits: &[f32], p: f64) -> Option<Vec<f32>> {
    let powers: Vec<f64> = logits.iter().map(|&score| f64::from(score).exp()).collect();
    let total: f64 = powers.iter().sum();
    let mut left = vec![REMOVED; logits.len()];
    let mut sum = 0.0;
    for id in likeliest_first(logits) {
        left[id] = logits[id];
        sum += powers[id] / total;
        if (sum - p).abs() < 1e-5 {
            return None;
        }
        if sum >= p {
            break;
        }
    }
    Some(left)
}

fn bits(logits: &[f32]) -> Vec<u32> {
    logits.iter().map(|score| score.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..Default::default() })]

    #[test]
    fn a_knob_at_the_end_of_its_range_changes_nothing_bit_for_bit(
        logits in any_logits(), before in prop::collection::vec(0u32..60, 0..20), more in 0usize..3,
    ) {
        let off = Sampler { top_k: logits.len() + more, ..Sampler::new(1) };
        prop_assert_eq!(bits(&turned(&off, &logits, &before)), bits(&logits));
        // Each function by itself, too.
        let mut same = logits.clone();
        knobs::top_k(&mut same, logits.len() + more);
        knobs::top_k(&mut same, 0);
        knobs::top_p(&mut same, 1.0);
        knobs::min_p(&mut same, 0.0);
        knobs::typical_p(&mut same, 1.0);
        knobs::epsilon_cutoff(&mut same, 0.0);
        knobs::no_end(&mut same, &[]);
        knobs::repetition_penalty(&mut same, &before, 1.0);
        knobs::no_repeat_ngram(&mut same, &before, 0);
        prop_assert_eq!(bits(&same), bits(&logits));
        // Temperature 1 subtracts the largest score, which rounds; the probabilities are the same.
        knobs::temperature(&mut same, 1.0);
        let after = Sampler::new(1).probabilities(&same, &before).unwrap();
        let model = Sampler::new(1).probabilities(&logits, &before).unwrap();
        prop_assert!(after.iter().zip(&model).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn the_coldest_settings_are_greedy(mut logits in any_logits(), seed in any::<u64>()) {
        // The maximum is made unique, by more than any rounding.
        let best = argmax(&logits).unwrap();
        logits[best] += 0.5;
        let off = Sampler::new(seed);
        for mut cold in [
            Sampler { top_k: 1, ..off.clone() },
            Sampler { top_p: 0.0, ..off.clone() },
            Sampler { top_p: 1e-6, ..off.clone() }, // the likeliest of up to 60 has at least 1/60
            Sampler { min_p: 1.0, ..off.clone() },
            Sampler { min_p: 0.61, ..off.clone() }, // e^-0.5 is 0.607
            Sampler { epsilon_cutoff: 0.9999, temperature: 0.05, ..off.clone() }, // e^-10 for the second
            Sampler { temperature: 0.0, ..off.clone() },
            Sampler { temperature: 1e-3, ..off.clone() }, // e^-500 for the second
            Sampler { temperature: f32::from_bits(1), ..off.clone() },
            Sampler { temperature: 0.0, top_k: 7, top_p: 0.3, ..off },
        ] {
            prop_assert_eq!(cold.choose(&logits, &[]).unwrap() as usize, best, "{:?}", cold);
            prop_assert_eq!(cold.probabilities(&logits, &[]).unwrap()[best], 1.0);
        }
    }

    #[test]
    fn probabilities_add_up_to_one_and_a_removed_token_is_never_drawn(
        logits in any_logits(), before in prop::collection::vec(0u32..60, 0..20), mut sampler in any_sampler(),
    ) {
        let left = turned(&sampler, &logits, &before);
        let Ok(probabilities) = sampler.probabilities(&logits, &before) else {
            prop_assert!(left.iter().all(|&score| score == REMOVED) && sampler.no_repeat_ngram > 0);
            return Ok(());
        };
        let sum: f64 = probabilities.iter().map(|&p| f64::from(p)).sum();
        prop_assert!((sum - 1.0).abs() < 1e-5, "{}", sum);
        prop_assert!(probabilities.iter().zip(&left).all(|(&p, &score)| p >= 0.0 && (p == 0.0 || score > REMOVED)));
        for _ in 0..20 {
            prop_assert!(probabilities[sampler.choose(&logits, &before).unwrap() as usize] > 0.0);
        }
    }

    #[test]
    fn no_knob_brings_back_a_token_that_was_removed(
        logits in any_logits(), before in prop::collection::vec(0u32..60, 0..20), sampler in any_sampler(),
    ) {
        let mut was = logits.clone();
        let mut brought_back = Vec::new();
        sampler.turn_knobs(&mut logits.clone(), &before, |name, now| {
            if was.iter().zip(now).any(|(&was, &now)| was == REMOVED && now > REMOVED) {
                brought_back.push(name);
            }
            was = now.to_vec();
        });
        prop_assert!(brought_back.is_empty(), "{:?}", brought_back);
    }

    #[test]
    fn top_k_is_what_sorting_everything_gives(logits in any_logits(), k in 1usize..70) {
        let mut found = logits.clone();
        knobs::top_k(&mut found, k);
        prop_assert_eq!(bits(&found), bits(&top_k_oracle(&logits, k)));
    }

    #[test]
    fn top_p_is_what_sorting_everything_gives(logits in any_logits(), p in 0f32..1.0) {
        let mut found = logits.clone();
        knobs::top_p(&mut found, p);
        if let Some(expected) = top_p_oracle(&logits, f64::from(p)) {
            prop_assert_eq!(bits(&found), bits(&expected));
        }
    }

    #[test]
    fn min_p_and_epsilon_cutoff_are_their_definitions(logits in any_logits(), border in 0f32..1.0) {
        let powers: Vec<f64> = logits.iter().map(|&score| f64::from(score).exp()).collect();
        let (total, most) = (powers.iter().sum::<f64>(), powers.iter().copied().fold(0.0, f64::max));
        let close = |x: f64| (x - f64::from(border)).abs() < 1e-5; // there, rounding decides
        let mut found = logits.clone();
        knobs::min_p(&mut found, border);
        for (id, power) in powers.iter().enumerate().filter(|(_, power)| !close(**power / most)) {
            prop_assert_eq!(found[id] > REMOVED, power / most > f64::from(border), "token {}", id);
        }
        let mut found = logits.clone();
        knobs::epsilon_cutoff(&mut found, border);
        for (id, power) in powers.iter().enumerate().filter(|(_, power)| !close(**power / total)) {
            let stays = power / total > f64::from(border) || *power == most;
            prop_assert_eq!(found[id] > REMOVED, stays && *power > 0.0, "token {}", id);
        }
    }

    #[test]
    fn typical_p_keeps_the_nearest_to_the_entropy_and_just_enough_of_them(logits in any_logits(), p in 0.001f32..1.0) {
        let powers: Vec<f64> = logits.iter().map(|&score| f64::from(score).exp()).collect();
        let total: f64 = powers.iter().sum();
        let of = |id: usize| powers[id] / total;
        let entropy: f64 = (0..logits.len()).filter(|&id| of(id) > 0.0).map(|id| -of(id) * of(id).ln()).sum();
        let distance = |id: usize| (-of(id).ln() - entropy).abs();
        let mut found = logits.clone();
        knobs::typical_p(&mut found, p);
        let (left, gone): (Vec<usize>, Vec<usize>) = (0..logits.len()).partition(|&id| found[id] > REMOVED);
        let farthest = left.iter().map(|&id| distance(id)).fold(0.0, f64::max);
        prop_assert!(!left.is_empty());
        prop_assert!(gone.iter().all(|&id| of(id) == 0.0 || distance(id) > farthest));
        let sum: f64 = left.iter().map(|&id| of(id)).sum();
        prop_assert!(sum > f64::from(p) - 1e-5, "{} is not enough", sum);
        // Without the farthest, and what is about as far, it would not be.
        let nearer: f64 = left.iter().filter(|&&id| distance(id) < farthest - 1e-4).map(|&id| of(id)).sum();
        prop_assert!(nearer < f64::from(p), "{} was enough", nearer);
    }

    #[test]
    fn what_is_left_keeps_its_order(logits in any_logits(), mut sampler in any_sampler()) {
        // The penalties are there to change the order, and typical-p may remove the likeliest. The others never do.
        sampler.repetition_penalty = 1.0;
        sampler.no_repeat_ngram = 0;
        sampler.typical_p = 1.0;
        let probabilities = sampler.probabilities(&logits, &[]).unwrap();
        let order = likeliest_first(&logits);
        for pair in order.windows(2) {
            prop_assert!(probabilities[pair[0]] >= probabilities[pair[1]], "{:?}: {:?}", sampler, probabilities);
        }
    }

    #[test]
    fn a_penalty_moves_the_tokens_that_were_used_and_no_other(
        logits in any_logits(), before in prop::collection::vec(0u32..60, 0..20), penalty in 0.2f32..5.0,
    ) {
        let mut found = logits.clone();
        knobs::repetition_penalty(&mut found, &before, penalty);
        for (id, (&was, &is)) in logits.iter().zip(&found).enumerate() {
            if !before.contains(&(id as u32)) || was == REMOVED {
                prop_assert_eq!(was.to_bits(), is.to_bits());
            } else if penalty >= 1.0 {
                prop_assert!(is <= was);
            } else {
                prop_assert!(is >= was);
            }
        }
    }
}

#[test]
fn greedy_is_the_sampler_at_temperature_zero_on_a_whole_text() {
    let model = random_model();
    let greedy: Vec<u32> = greedy(&model, &[1, 2], &[]).unwrap().map(|id| id.unwrap()).collect();
    for cold in [Sampler { top_k: 1, ..Sampler::new(3) }, Sampler { top_p: 0.0, ..Sampler::new(4) }] {
        let ids: Vec<u32> = model.generate(&[1, 2], cold).unwrap().map(|id| id.unwrap()).collect();
        assert_eq!(ids, greedy);
    }
}

/// A model with large random weights: all of its probabilities differ.
fn random_model() -> Gpt2 {
    let mut model = Gpt2::zeros(&Config::new(50, 24, 12, 3, 2)).unwrap();
    let mut rng = Rng::new(5);
    for (_, tensor) in model.parameters_mut().unwrap() {
        *tensor = Tensor::random(tensor.shape(), 0.5, &mut rng);
    }
    model
}
