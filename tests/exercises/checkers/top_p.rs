//! Top-p.

use crate::check::{Answer, Exercise, Mistake, numbers, one};
use crate::exercises;
use gpt60::Rng;
use gpt60::generate::knobs;
use gpt60::layers::softmax::softmax_row;

type Input = (Vec<f32>, f32);

const INF: f32 = f32::NEG_INFINITY;

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "top_p",
        inputs: || {
            let mut rng = Rng::new(6);
            let random = (0..13).map(|_| 1.5 * rng.normal() as f32).collect();
            let of = |probabilities: &[f32]| probabilities.iter().map(|p: &f32| p.ln()).collect::<Vec<f32>>();
            vec![
                (of(&[0.3, 0.5, 0.2]), 0.6),
                (random, 0.8),
                (of(&[0.05, 0.1, 0.6, 0.25]), 0.7),
                (of(&[0.25, 0.25, 0.25, 0.25]), 0.4),
                (vec![2.0, 5.0, 3.0], 0.0),
                (vec![1.0, INF, 2.0, 1.5], 0.75),
                (vec![1.0, -3.0], 1.0),
            ]
        },
        describe: |(logits, p)| format!("p = {p} and logits {logits:?}"),
        stub: |i| changed(i, exercises::top_p::top_p),
        library: |i| changed(i, knobs::top_p),
        tolerance: 0.0,
        mistakes: vec![
            Mistake {
                when: "the token that reaches p is removed too: the sum stays below p",
                answer: |i| changed(i, |logits, p| walk(logits, p, true, |before, own, p| before + own < p)),
            },
            Mistake {
                when: "tokens are added up in the order of their ids, not from the likeliest on",
                answer: |i| changed(i, |logits, p| walk(logits, p, false, |before, _, p| before < p || before == 0.0)),
            },
            Mistake {
                when: "p is compared with each probability alone, not with their sum",
                answer: |i| changed(i, |logits, p| walk(logits, p, true, |_, own, p| own >= p)),
            },
            Mistake {
                when: "one token too many stays: the sum is compared with p before the last one is added",
                answer: |i| {
                    changed(i, |logits, p| {
                        let mut last = 0.0;
                        walk(logits, p, true, move |before, own, p| {
                            let stays = before - last < p;
                            last = own;
                            stays
                        });
                    })
                },
            },
            Mistake {
                when: "what is removed becomes 0: that is a score like any other; it must be minus infinity",
                answer: |i| {
                    changed(i, |logits, p| {
                        let before = logits.to_vec();
                        knobs::top_p(logits, p);
                        logits.iter_mut().zip(before).filter(|(x, old)| *x != old).for_each(|(x, _)| *x = 0.0);
                    })
                },
            },
            Mistake {
                when: "the logits become probabilities: only the removed ones may change",
                answer: |i| {
                    changed(i, |logits, p| {
                        knobs::top_p(logits, p);
                        softmax_row(logits);
                    })
                },
            },
            Mistake {
                when: "with p = 0 nothing is left: at least one token stays",
                answer: |i| changed(i, |logits, p| if p == 0.0 { logits.fill(INF) } else { knobs::top_p(logits, p) }),
            },
            Mistake {
                when: "the least likely tokens are kept: the sort runs the wrong way",
                answer: |i| {
                    changed(i, |logits, p| {
                        if p < 1.0 {
                            let mut turned: Vec<f32> = logits.to_vec();
                            softmax_row(&mut turned);
                            let mut order: Vec<usize> = (0..turned.len()).collect();
                            order.sort_by(|&a, &b| turned[a].total_cmp(&turned[b]));
                            let mut sum = 0.0;
                            for (rank, id) in order.into_iter().enumerate() {
                                if rank > 0 && sum >= p {
                                    logits[id] = INF;
                                }
                                sum += turned[id];
                            }
                        }
                    })
                },
            },
        ],
    }
}

fn changed((logits, p): &Input, knob: fn(&mut [f32], f32)) -> Answer {
    let mut logits = logits.clone();
    knob(&mut logits, *p);
    one(numbers(&logits))
}

/// Goes through the tokens (from the likeliest on, if `sorted`) and keeps those that `stays` accepts: it gets the sum
/// before, the token's own probability, and p.
fn walk(logits: &mut [f32], p: f32, sorted: bool, mut stays: impl FnMut(f32, f32, f32) -> bool) {
    if p >= 1.0 {
        return;
    }
    let mut probabilities = logits.to_vec();
    softmax_row(&mut probabilities);
    let mut order: Vec<usize> = (0..logits.len()).collect();
    if sorted {
        order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
    }
    let mut sum = 0.0;
    for id in order {
        if !stays(sum, probabilities[id], p) {
            logits[id] = INF;
        }
        sum += probabilities[id];
    }
}
