//! Beam search that draws: the texts of the `transformers` library come as often here.
//!
//! `fixtures/beam_drawn.py` made the model and counted the answers, with the versions that it names.

#[path = "common/knobs.rs"]
mod knobs;

use gpt60::checkpoint::{self, Json};
use gpt60::generate::BeamSearch;
use std::collections::{HashMap, HashSet};
use std::path::Path;

fn ids(json: &Json) -> Vec<u32> {
    json.as_array().unwrap().iter().map(|id| id.as_usize().unwrap() as u32).collect()
}

/// What chi-square exceeds once in 1000 tries, by degrees of freedom (Wilson and Hilferty, 1931; 3.09 is that quantile of
/// the normal distribution).
fn critical(freedom: usize) -> f64 {
    let k = freedom as f64;
    k * (1.0 - 2.0 / (9.0 * k) + 3.09 * (2.0 / (9.0 * k)).sqrt()).powi(3)
}

#[test]
fn drawn_beams_find_the_texts_of_transformers_as_often() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/beam_drawn");
    let model = checkpoint::load(&dir).unwrap().model;
    let cases = Json::parse(&std::fs::read_to_string(dir.join("expected.json")).unwrap()).unwrap();
    let cases = cases.as_array().unwrap();
    for case in cases {
        let count = |key: &str| case.get(key).map_or(0, |x| x.as_usize().unwrap());
        let length_penalty = case.get("length_penalty").map_or(1.0, |x| x.as_f32().unwrap());
        let (prompt, end_ids) = (ids(case.get("prompt").unwrap()), ids(case.get("end_ids").unwrap()));
        let mut theirs: HashMap<Vec<u32>, usize> = HashMap::new();
        for answer in case.get("answers").unwrap().as_array().unwrap() {
            theirs.insert(ids(answer.get("ids").unwrap()), answer.get("count").unwrap().as_usize().unwrap());
        }
        let n: usize = theirs.values().sum();
        let mut ours: HashMap<Vec<u32>, usize> = HashMap::new();
        for seed in 0..n {
            let sampler = knobs::sampler(case, 3_000_000 + seed as u64);
            let search = BeamSearch { sample: true, length_penalty, sampler, ..BeamSearch::new(count("beams")) };
            let found = search.search(&model, &prompt, &end_ids, count("n_tokens")).unwrap();
            *ours.entry(found[0].ids.clone()).or_default() += 1;
        }
        // Two samples of the same size: the sum of (a - b)^2 / (a + b) over the texts. Rare texts are counted together.
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        let mut rare = (0, 0);
        let texts: HashSet<&Vec<u32>> = theirs.keys().chain(ours.keys()).collect();
        for text in texts {
            let of = |counts: &HashMap<Vec<u32>, usize>| counts.get(text).copied().unwrap_or(0);
            let pair = (of(&theirs), of(&ours));
            if pair.0 + pair.1 >= 20 {
                pairs.push(pair);
            } else {
                rare = (rare.0 + pair.0, rare.1 + pair.1);
            }
        }
        if rare.0 + rare.1 >= 20 {
            pairs.push(rare);
        }
        let term = |&(a, b): &(usize, usize)| a.abs_diff(b).pow(2) as f64 / (a + b) as f64;
        let chi: f64 = pairs.iter().map(term).sum();
        assert!(pairs.len() >= 3 && chi < critical(pairs.len() - 1), "{chi} for {case:?}: {pairs:?}");
    }
    assert_eq!(cases.len(), 12);
}
