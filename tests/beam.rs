//! Beam search: what the `transformers` library finds, never better than the true best, and drawn with the right
//! probabilities.
//!
//! `fixtures/beam.py` made the model and the expected answers, with the versions that it names. `beam_drawn.rs` compares what
//! is drawn.

use gpt60::checkpoint::{self, Json};
use gpt60::generate::{BeamSearch, EarlyStopping, Fate, Hypothesis, Sampler, greedy};
use gpt60::{Config, Gpt2, Rng, Tensor};
use proptest::prelude::*;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/beam")
}

fn ids(json: &Json) -> Vec<u32> {
    json.as_array().unwrap().iter().map(|id| id.as_usize().unwrap() as u32).collect()
}

#[test]
fn the_answers_are_those_of_transformers() {
    let model = checkpoint::load(dir()).unwrap().model;
    let cases = Json::parse(&std::fs::read_to_string(dir().join("expected.json")).unwrap()).unwrap();
    let cases = cases.as_array().unwrap();
    let mut n_answers = 0;
    for (i, case) in cases.iter().enumerate() {
        let count = |key: &str| case.get(key).unwrap().as_usize().unwrap();
        let number = |key: &str| case.get(key).unwrap().as_f32().unwrap();
        let search = BeamSearch {
            beams: count("beams"),
            count: count("count"),
            length_penalty: number("length_penalty"),
            early_stopping: match case.get("early_stopping").unwrap().as_str().unwrap() {
                "if-no-better" => EarlyStopping::IfNoBetter,
                "at-once" => EarlyStopping::AtOnce,
                _ => EarlyStopping::IfHopeless,
            },
            sampler: Sampler {
                repetition_penalty: number("repetition_penalty"),
                no_repeat_ngram: count("no_repeat_ngram"),
                min_tokens: case.get("min_tokens").map_or(0, |x| x.as_usize().unwrap()),
                ..Sampler::new(0)
            },
            sample: false,
        };
        let prompt = ids(case.get("prompt").unwrap());
        let end_ids = ids(case.get("end_ids").unwrap());
        let found = search.search(&model, &prompt, &end_ids, count("n_tokens")).unwrap();
        let expected = case.get("answers").unwrap().as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "case {i}");
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found.ids, ids(expected.get("ids").unwrap()), "case {i}: {search:?}");
            let score = expected.get("score").unwrap().as_f32().unwrap();
            assert!(
                (found.score - score).abs() <= 1e-4 * score.abs().max(1.0),
                "case {i}: {} is not {score}",
                found.score
            );
            n_answers += 1;
        }
    }
    assert!(cases.len() >= 60 && n_answers >= 170, "{} cases, {n_answers} answers", cases.len());
}

/// A model whose probabilities all differ much.
fn model(n_vocab: usize, seed: u64) -> Gpt2 {
    random_model(n_vocab, 0.8, seed)
}

fn random_model(n_vocab: usize, deviation: f32, seed: u64) -> Gpt2 {
    let mut model = Gpt2::zeros(&Config::new(n_vocab, 8, 6, 2, 1)).unwrap();
    let mut rng = Rng::new(seed);
    for (_, tensor) in model.parameters_mut().unwrap() {
        *tensor = Tensor::random(tensor.shape(), deviation, &mut rng);
    }
    model
}

/// `log(probability)` of each next token, in f64.
fn log_probabilities(model: &Gpt2, text: &[u32]) -> Vec<f64> {
    let logits = model.logits(text).unwrap();
    let row: Vec<f64> = logits.row(text.len() - 1).iter().map(|&x| f64::from(x)).collect();
    let sum: f64 = row.iter().map(|x| x.exp()).sum();
    row.iter().map(|x| x - sum.ln()).collect()
}

/// All possible texts: up to `n` new tokens, ended by an end token or by the limit, with the sum of the
/// log-probabilities.
fn all_texts(model: &Gpt2, prompt: &[u32], end_ids: &[u32], n: usize) -> Vec<(Vec<u32>, f64)> {
    let mut texts = Vec::new();
    for (id, log_probability) in log_probabilities(model, prompt).into_iter().enumerate() {
        let id = id as u32;
        if n == 1 || end_ids.contains(&id) {
            texts.push((vec![id], log_probability));
        } else {
            for (rest, sum) in all_texts(model, &[prompt, &[id]].concat(), end_ids, n - 1) {
                texts.push(([&[id], &rest[..]].concat(), log_probability + sum));
            }
        }
    }
    texts
}

/// The best score of all texts, by trying every text.
fn best_score(texts: &[(Vec<u32>, f64)], length_penalty: f32) -> f64 {
    let score = |(ids, sum): &(Vec<u32>, f64)| sum / (ids.len() as f64).powf(f64::from(length_penalty));
    texts.iter().map(score).fold(f64::NEG_INFINITY, f64::max)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..Default::default() })]

    #[test]
    fn no_answer_is_better_than_the_best_of_all_texts_and_each_has_the_score_of_its_ids(
        seed: u64, beams in 1usize..6, penalty in -1.0f32..2.0, has_end: bool, rule in 0usize..3,
    ) {
        let model = model(4, seed);
        let end_ids: &[u32] = if has_end { &[2] } else { &[] };
        let texts = all_texts(&model, &[1], end_ids, 4);
        let early_stopping = [EarlyStopping::IfNoBetter, EarlyStopping::AtOnce, EarlyStopping::IfHopeless][rule];
        let search = BeamSearch { count: beams, length_penalty: penalty, early_stopping, ..BeamSearch::new(beams) };
        let found = search.search(&model, &[1], end_ids, 4).unwrap();
        prop_assert!(!found.is_empty());
        let sums: HashMap<&[u32], f64> = texts.iter().map(|(ids, sum)| (&ids[..], *sum)).collect();
        for Hypothesis { ids, score } in &found {
            let expected = sums[&ids[..]] / (ids.len() as f64).powf(f64::from(penalty));
            prop_assert!((f64::from(*score) - expected).abs() < 1e-4 * expected.abs().max(1.0), "{score} is not {expected}");
            prop_assert!(f64::from(*score) <= best_score(&texts, penalty) + 1e-4 * expected.abs().max(1.0));
        }
        prop_assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score && pair[0].ids != pair[1].ids));
    }

    #[test]
    fn with_room_for_everything_the_best_text_is_found(seed: u64, penalty in 0.0f32..2.0, has_end: bool) {
        let model = model(3, seed);
        let end_ids: &[u32] = if has_end { &[0] } else { &[] };
        // 3^4 texts of four tokens: with that many beams, nothing is ever dropped. The search goes on to the last step.
        let search = BeamSearch { length_penalty: penalty, early_stopping: EarlyStopping::IfHopeless, ..BeamSearch::new(81) };
        let found = search.search(&model, &[1], end_ids, 4).unwrap();
        let best = best_score(&all_texts(&model, &[1], end_ids, 4), penalty);
        prop_assert!((f64::from(found[0].score) - best).abs() < 1e-4 * best.abs().max(1.0), "{} is not {best}", found[0].score);
    }

    #[test]
    fn one_beam_is_greedy_with_any_other_settings(
        seed: u64, n_tokens in 1usize..8, penalty in -1.0f32..2.0, rule in 0usize..3, n_end in 0u32..4,
    ) {
        let model = model(7, seed);
        let end_ids: Vec<u32> = (0..n_end).collect();
        let expected: Vec<u32> = greedy(&model, &[1, 5], &end_ids).unwrap().take(n_tokens).map(|id| id.unwrap()).collect();
        let early_stopping = [EarlyStopping::IfNoBetter, EarlyStopping::AtOnce, EarlyStopping::IfHopeless][rule];
        let search = BeamSearch { early_stopping, length_penalty: penalty, ..BeamSearch::new(1) };
        prop_assert_eq!(&search.search(&model, &[1, 5], &end_ids, n_tokens).unwrap()[0].ids, &expected);
    }
}

#[test]
fn one_beam_does_not_go_on_past_its_end_in_the_hope_of_a_better_score() {
    // After token 2, the end token 0 is a little likelier than token 1, but what follows token 1 is certain. The text
    // `0` has the score ln(0.54), and `1 1 1 1` has ln(0.46) / 4, which is better. One beam has chosen before it could
    // know.
    let mut model = Gpt2::zeros(&Config::new(3, 8, 4, 1, 1)).unwrap();
    model.ln_f.weight.data_mut().fill(1.0);
    model.wte.tensor_mut().unwrap().row_mut(1)[0] = 1.0; // behind the last layer norm, token 1 is (1.7, -0.6, -0.6, -0.6)
    model.wte.tensor_mut().unwrap().row_mut(2)[1] = 1.0; // and token 2 is (-0.6, 1.7, -0.6, -0.6)
    let head = [[0.0, 0.1, 0.0, 0.0], [30.0, 10.0, 0.0, 0.0], [-30.0, -30.0, 0.0, 0.0]];
    model.lm_head = Some(Tensor::new(&[3, 4], head.concat()).unwrap().into());
    let [after_1, after_2] = [1, 2].map(|id| log_probabilities(&model, &[id]));
    assert!(after_1[1] > -1e-6 && after_2[0] > after_2[1] && after_2[1] > -1.0, "{after_1:?} {after_2:?}");
    let search = BeamSearch { early_stopping: EarlyStopping::IfHopeless, ..BeamSearch::new(1) };
    assert_eq!(search.search(&model, &[2], &[0], 4).unwrap()[0].ids, [0]);
}

#[test]
fn a_text_that_is_over_is_a_text_that_ends() {
    for seed in 0..20 {
        let model = model(7, seed);
        let search = BeamSearch { count: 3, ..BeamSearch::new(3) };
        let expected = search.search(&model, &[1], &[2], 6).unwrap();
        let is_over = |ids: &[u32]| ids.last() == Some(&2);
        assert_eq!(search.search_until(&model, &[1], &[], 6, is_over, |_| {}).unwrap(), expected);
        // And what must go on does: `min_tokens` is about end tokens alone.
        let sampler = Sampler { min_tokens: 3, ..Sampler::new(1) };
        let longer = BeamSearch { sampler, ..search }.search(&model, &[1], &[2], 6).unwrap();
        assert!(longer.iter().all(|found| found.ids.len() > 3 && !found.ids[..3].contains(&2)), "{longer:?}");
    }
}

#[test]
fn a_full_context_ends_the_search() {
    let model = model(7, 3); // its context holds 8
    let found = BeamSearch::new(3).search(&model, &[1; 6], &[], 100).unwrap();
    assert_eq!(found[0].ids.len(), 3); // two more can be read, and one more chosen
    assert_eq!(BeamSearch::new(3).search(&model, &[1; 8], &[], 100).unwrap()[0].ids.len(), 1);
    assert!(BeamSearch::new(3).search(&model, &[1; 9], &[], 100).is_err());
}

#[test]
fn impossible_settings_are_errors_that_name_them() {
    let model = model(7, 3);
    let error = |search: BeamSearch| search.search(&model, &[1], &[], 2).unwrap_err().to_string();
    assert!(error(BeamSearch::new(0)).contains("beams"));
    assert!(error(BeamSearch::new(usize::MAX)).contains("beams"));
    assert!(error(BeamSearch { count: 4, ..BeamSearch::new(3) }).contains("count"));
    assert!(error(BeamSearch { count: 0, ..BeamSearch::new(3) }).contains("count"));
    for penalty in [f32::NAN, f32::INFINITY, -10.5] {
        assert!(error(BeamSearch { length_penalty: penalty, ..BeamSearch::new(3) }).contains("length penalty"));
    }
    for temperature in [0.0, 1e-45] {
        let sampler = Sampler { temperature, ..Sampler::new(1) };
        assert!(error(BeamSearch { sample: true, sampler, ..BeamSearch::new(3) }).contains("temperature"));
    }
    assert!(
        error(BeamSearch { sampler: Sampler { top_p: 2.0, ..Sampler::new(1) }, ..BeamSearch::new(3) })
            .contains("top-p")
    );
}

#[test]
fn a_watcher_sees_every_beam_come_from_a_candidate() {
    let model = model(11, 5);
    let mut running: Vec<Vec<u32>> = vec![vec![]];
    let mut finished = Vec::new();
    let search = BeamSearch { count: 4, ..BeamSearch::new(4) };
    let found = search
        .search_watched(&model, &[1], &[3], 5, |step| {
            assert_eq!(step.beams, running);
            assert_eq!(step.candidates.len(), 2 * 4);
            let text = |c: &gpt60::generate::Candidate| [&step.beams[c.beam][..], &[c.id]].concat();
            running = step.candidates.iter().filter(|c| c.fate == Fate::Kept).map(text).collect();
            for candidate in step.candidates {
                if let Fate::Finished(score) = candidate.fate {
                    finished.push((text(candidate), score));
                }
            }
        })
        .unwrap();
    assert!(found.iter().all(|f| finished.contains(&(f.ids.clone(), f.score))));
}

/// The sum of `(observed - expected)^2 / expected`, which is large if the draws are not as expected.
fn chi_square(counts: &HashMap<Vec<u32>, usize>, expected: &HashMap<Vec<u32>, f64>, n: usize) -> f64 {
    assert!(counts.keys().all(|ids| expected.contains_key(ids)));
    let observed = |ids| counts.get(ids).copied().unwrap_or(0) as f64;
    expected.iter().map(|(ids, p)| (observed(ids) - n as f64 * p).powi(2) / (n as f64 * p)).sum()
}

/// How probable it is that each place is the likeliest of `n` that are drawn one after the other, none twice.
fn best_of_drawn(p: &[f64], n: usize) -> Vec<f64> {
    let mut best = vec![0.0; p.len()];
    let mut all = vec![(Vec::new(), 1.0)]; // all orders in which they can come
    for _ in 0..n {
        let mut longer = Vec::new();
        for (drawn, probability) in all {
            let left = 1.0 - drawn.iter().map(|&i: &usize| p[i]).sum::<f64>();
            for i in (0..p.len()).filter(|i| !drawn.contains(i)) {
                longer.push(([&drawn[..], &[i]].concat(), probability * p[i] / left));
            }
        }
        all = longer;
    }
    for (drawn, probability) in all {
        best[drawn.into_iter().max_by(|&i, &j| p[i].total_cmp(&p[j])).unwrap()] += probability;
    }
    best
}

#[test]
fn beams_that_are_drawn_are_drawn_by_their_probabilities() {
    // One token, two beams, a vocabulary of six: four candidates are drawn, and the likeliest of them is the answer.
    let model = random_model(6, 0.6, 8);
    let p: Vec<f64> = log_probabilities(&model, &[1]).iter().map(|x| x.exp()).collect();
    let best = best_of_drawn(&p, 4);
    let expected: HashMap<Vec<u32>, f64> =
        (0..6).filter(|&id| best[id] > 0.0).map(|id| (vec![id as u32], best[id])).collect();
    let n = 20_000;
    assert_eq!(expected.len(), 3); // three are left out, so the best of the others is one of the best three
    assert!(expected.values().all(|p| p * n as f64 > 5.0), "{expected:?}");
    let mut counts: HashMap<Vec<u32>, usize> = HashMap::new();
    for seed in 0..n {
        let search = BeamSearch { sample: true, sampler: Sampler::new(seed as u64), ..BeamSearch::new(2) };
        *counts.entry(search.search(&model, &[1], &[], 1).unwrap().remove(0).ids).or_default() += 1;
    }
    // Three outcomes, two degrees of freedom: above 13.82 once in 1000 tries. (The seeds are fixed, so this is one try.)
    let chi = chi_square(&counts, &expected, n);
    assert!(chi < 13.82, "{chi}: {counts:?} of {expected:?}");
}

#[test]
fn two_steps_of_drawn_beams_are_as_enumeration_says() {
    // Two beams, two tokens, a vocabulary of three, no end. Step 1: all three candidates are drawn; those with the two
    // best sums run on. Step 2: 6 candidates, 4 are drawn one after the other, and the two best of these finish; the
    // answer is the better one.
    let model = random_model(3, 0.4, 9); // closer to each other: each outcome is met often
    let first = log_probabilities(&model, &[1]);
    let mut order: Vec<usize> = (0..3).collect();
    order.sort_by(|&a, &b| first[b].total_cmp(&first[a]));
    let mut candidates: Vec<(Vec<u32>, f64)> = Vec::new();
    for &a in &order[..2] {
        for (b, log_probability) in log_probabilities(&model, &[1, a as u32]).into_iter().enumerate() {
            candidates.push((vec![a as u32, b as u32], first[a] + log_probability));
        }
    }
    let total: f64 = candidates.iter().map(|(_, sum)| sum.exp()).sum();
    let p: Vec<f64> = candidates.iter().map(|(_, sum)| sum.exp() / total).collect();
    let best = best_of_drawn(&p, 4);
    let expected: HashMap<Vec<u32>, f64> =
        (0..6).filter(|&i| best[i] > 0.0).map(|i| (candidates[i].0.clone(), best[i])).collect();
    let n = 20_000;
    assert_eq!(expected.len(), 3);
    assert!(expected.values().all(|p| p * n as f64 > 5.0), "{expected:?}");
    let mut counts: HashMap<Vec<u32>, usize> = HashMap::new();
    for seed in 0..n {
        let search = BeamSearch { sample: true, sampler: Sampler::new(1_000_000 + seed as u64), ..BeamSearch::new(2) };
        *counts.entry(search.search(&model, &[1], &[], 2).unwrap().remove(0).ids).or_default() += 1;
    }
    // Three outcomes, two degrees of freedom: above 13.82 once in 1000 tries.
    let chi = chi_square(&counts, &expected, n);
    assert!(chi < 13.82, "{chi}: {counts:?} of {expected:?}");
}

#[test]
fn one_beam_that_is_drawn_draws_texts_with_their_probabilities() {
    let model = random_model(3, 0.4, 9);
    let expected: HashMap<Vec<u32>, f64> =
        all_texts(&model, &[1], &[], 2).into_iter().map(|(ids, sum)| (ids, sum.exp())).collect();
    let n = 20_000;
    assert!(expected.len() == 9 && expected.values().all(|p| p * n as f64 > 5.0), "{expected:?}");
    let mut counts: HashMap<Vec<u32>, usize> = HashMap::new();
    for seed in 0..n {
        let search = BeamSearch { sample: true, sampler: Sampler::new(2_000_000 + seed as u64), ..BeamSearch::new(1) };
        *counts.entry(search.search(&model, &[1], &[], 2).unwrap().remove(0).ids).or_default() += 1;
    }
    // Nine outcomes, eight degrees of freedom: above 26.12 once in 1000 tries.
    let chi = chi_square(&counts, &expected, n);
    assert!(chi < 26.12, "{chi}: {counts:?} of {expected:?}");
}

#[test]
fn the_coldest_draw_is_none() {
    let model = model(50, 4);
    let sampler = Sampler { temperature: 1e-30, top_k: 20, ..Sampler::new(1) };
    let cold = BeamSearch { sample: true, sampler, ..BeamSearch::new(3) };
    let ids = |search: BeamSearch| search.search(&model, &[1, 2], &[], 5).unwrap().remove(0).ids;
    assert_eq!(ids(cold), ids(BeamSearch::new(3)));
}

#[test]
fn if_fewer_texts_exist_than_asked_for_all_are_given_and_none_is_an_error() {
    let model = model(3, 8);
    let nothing = BeamSearch::new(2).search(&model, &[1], &[], 0).unwrap();
    assert_eq!(nothing, [Hypothesis { ids: vec![], score: 0.0 }]);
    assert_eq!(BeamSearch { count: 8, ..BeamSearch::new(8) }.search(&model, &[1], &[], 1).unwrap().len(), 3);
    // One of three tokens is in the prompt, and no token may be used twice: two more can be written, not three.
    let once = BeamSearch { sampler: Sampler { no_repeat_ngram: 1, ..Sampler::new(1) }, ..BeamSearch::new(2) };
    assert_eq!(once.search(&model, &[1], &[], 2).unwrap()[0].ids.len(), 2);
    assert!(once.search(&model, &[1], &[], 3).unwrap_err().to_string().contains("no token is left"));
}

#[test]
fn the_same_seed_draws_the_same_beams() {
    let model = model(50, 4);
    let text = |seed| {
        let search = BeamSearch { sample: true, count: 3, sampler: Sampler::new(seed), ..BeamSearch::new(3) };
        search.search(&model, &[1, 2], &[], 5).unwrap()
    };
    assert_eq!(text(1), text(1));
    assert_ne!(text(1), text(2));
}
