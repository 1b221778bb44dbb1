//! Top-p where the sum is exactly p: what exact arithmetic keeps.
//!
//! `fixtures/top_p_borders.py` made the cases, with the versions that it names.

use gpt60::checkpoint::Json;
use gpt60::generate::knobs;

#[test]
fn top_p_keeps_what_exact_arithmetic_keeps_where_a_sum_is_exactly_p() {
    let json = Json::parse(include_str!("fixtures/top_p_borders.json")).unwrap();
    let cases = json.get("cases").unwrap().as_array().unwrap();
    let mut n_other = 0;
    for case in cases {
        let number = |key: &str| case.get(key).unwrap().as_usize().unwrap();
        let p = case.get("p").unwrap().as_f32().unwrap();
        let probabilities: Vec<f64> = match case.get("n_equal") {
            Some(n) => vec![1.0 / n.as_usize().unwrap() as f64; n.as_usize().unwrap()],
            None => {
                case.get("probabilities").unwrap().as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
            }
        };
        // The logarithms rounded once or twice, and all of them larger or smaller by the same number, which rounds again.
        let once = probabilities.iter().map(|p| p.ln() as f32).collect::<Vec<_>>();
        let twice = probabilities.iter().map(|&p| (p as f32).ln()).collect::<Vec<_>>();
        let shifted = |by: f32| once.iter().map(|score| score + by).collect::<Vec<_>>();
        for logits in [once.clone(), twice, shifted(1.7), shifted(-0.3)] {
            let mut left = logits.clone();
            knobs::top_p(&mut left, p);
            let kept = left.iter().filter(|&&score| score > f32::NEG_INFINITY).count();
            assert_eq!(kept, number("kept"), "p = {p} of {probabilities:?}");
        }
        n_other += usize::from(number("transformers") != number("kept"));
    }
    // `transformers` lets rounding decide; docs/08-choosing-a-token.md says in how many.
    assert_eq!((cases.len(), n_other), (267, 9));
}
