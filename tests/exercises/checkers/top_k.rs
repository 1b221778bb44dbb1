//! Top-k.

use crate::check::{Answer, Exercise, Mistake, numbers, one};
use crate::exercises;
use gpt60::generate::knobs;
use gpt60::{Rng, argmax};

type Input = (Vec<f32>, usize);

const INF: f32 = f32::NEG_INFINITY;

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "top_k",
        inputs: || {
            let mut rng = Rng::new(5);
            let random = (0..17).map(|_| 2.0 * rng.normal() as f32).collect();
            vec![
                (vec![1.0, 4.0, 2.0, 0.0, 2.0], 2),
                (random, 5),
                (vec![-3.0, -1.0, -2.0, -4.0], 1),
                (vec![5.0, 3.0, 5.0, 1.0, 4.0], 2), // the two likeliest are equal
                (vec![3.0, INF, 1.0, 2.0, INF], 3),
                (vec![0.5, 0.25, -0.5], 0),
                (vec![0.5, 0.25, -0.5], 7),
                (vec![1.0, 1.0, 1.0, 1.0], 2),
                (vec![2.0, 1.0, 3.0], 3),
            ]
        },
        describe: |(logits, k)| format!("k = {k} and logits {logits:?}"),
        stub: |i| changed(i, exercises::top_k::top_k),
        library: |i| changed(i, knobs::top_k),
        tolerance: 0.0,
        mistakes: vec![
            Mistake {
                when: "tokens as likely as the k-th are removed too, and fewer than k may be left",
                answer: |i| changed(i, |logits, k| keep(logits, k, |x, kth, _| x > kth)),
            },
            Mistake {
                when: "exactly k tokens stay: those as likely as the k-th must stay as well",
                answer: |i| changed(i, |logits, k| keep(logits, k, |_, _, rank| rank < k)),
            },
            Mistake {
                when: "equal scores are counted once: the k-th is found among the different ones",
                answer: |i| {
                    changed(i, |logits, k| {
                        let mut different = logits.to_vec();
                        different.sort_by(|a, b| b.total_cmp(a));
                        different.dedup();
                        if k > 0 && k < logits.len() {
                            let kth = different[(k - 1).min(different.len() - 1)];
                            logits.iter_mut().filter(|x| **x < kth).for_each(|x| *x = INF);
                        }
                    })
                },
            },
            Mistake {
                when: "the k least likely tokens are kept: the sort runs the wrong way",
                answer: |i| {
                    changed(i, |logits, k| {
                        let mut turned: Vec<f32> = logits.iter().map(|x| -x).collect();
                        keep(&mut turned, k, |x, kth, _| x >= kth);
                        logits.iter_mut().zip(turned).filter(|(_, t)| *t == INF).for_each(|(x, _)| *x = INF);
                    })
                },
            },
            Mistake {
                when: "one token too many stays: the k-th largest is at index k - 1",
                answer: |i| {
                    changed(i, |logits, k| {
                        if k > 0 {
                            keep(logits, k + 1, |x, kth, _| x >= kth);
                        }
                    })
                },
            },
            Mistake { when: ZERO, answer: |i| changed(i, |logits, k| removed(logits, k, 0.0, true)) },
            Mistake { when: ZERO, answer: |i| changed(i, |logits, k| removed(logits, k, 0.0, false)) },
            Mistake { when: FINITE, answer: |i| changed(i, |logits, k| removed(logits, k, -1e9, true)) },
            Mistake { when: FINITE, answer: |i| changed(i, |logits, k| removed(logits, k, -1e10, true)) },
            Mistake { when: FINITE, answer: |i| changed(i, |logits, k| removed(logits, k, f32::MIN, true)) },
            Mistake {
                when: "the largest in size are kept: -3 is less than 1",
                answer: |i| {
                    changed(i, |logits, k| {
                        let mut sizes: Vec<f32> = logits.iter().map(|x| x.abs()).collect();
                        keep(&mut sizes, k, |x, kth, _| x >= kth);
                        logits.iter_mut().zip(sizes).filter(|(_, size)| *size == INF).for_each(|(x, _)| *x = INF);
                    })
                },
            },
            Mistake {
                when: "k = 0 removes everything: it means that the knob is off",
                answer: |i| changed(i, |logits, k| if k == 0 { logits.fill(INF) } else { knobs::top_k(logits, k) }),
            },
            Mistake {
                when: "only the likeliest token stays",
                answer: |i| {
                    changed(i, |logits, k| {
                        if k > 0 {
                            let best = argmax(logits);
                            logits.iter_mut().enumerate().filter(|(i, _)| Some(*i) != best).for_each(|(_, x)| *x = INF);
                        }
                    })
                },
            },
        ],
    }
}

const ZERO: &str = "what is removed becomes 0: that is a score like any other; it must be minus infinity";
const FINITE: &str = "what is removed becomes a large negative number: it must be `f32::NEG_INFINITY`";

/// What is removed gets this number; also what was removed before, if `all`.
fn removed(logits: &mut [f32], k: usize, number: f32, all: bool) {
    let before = logits.to_vec();
    knobs::top_k(logits, k);
    if k > 0 && k < logits.len() {
        let gone = |(x, old): &(&mut f32, f32)| **x == INF && (all || *old != INF);
        logits.iter_mut().zip(before).filter(gone).for_each(|(x, _)| *x = number);
    }
}

fn changed((logits, k): &Input, knob: fn(&mut [f32], usize)) -> Answer {
    let mut logits = logits.clone();
    knob(&mut logits, *k);
    one(numbers(&logits))
}

/// Removes what does not stay: `stays` gets the score, the k-th largest score and the rank.
fn keep(logits: &mut [f32], k: usize, stays: impl Fn(f32, f32, usize) -> bool) {
    if k == 0 || k >= logits.len() {
        return;
    }
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    let kth = logits[order[k - 1]];
    for (rank, id) in order.into_iter().enumerate() {
        if !stays(logits[id], kth, rank) {
            logits[id] = INF;
        }
    }
}
