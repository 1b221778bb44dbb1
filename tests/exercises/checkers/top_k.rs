//! Top-k.

use crate::check::{Answer, Exercise, Mistake, numbers, one};
use crate::exercises;
use gpt60::generate::knobs;
use gpt60::layers::softmax::softmax_row;
use gpt60::{Rng, argmax};
use std::cmp::Ordering;

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
                (vec![2.0, 1.0, 3.0], 2),
                (vec![1.0, 3.0, 3.0], 1),
                (vec![1.0, 1.0 + f32::EPSILON, 0.5], 1), // nearly equal is not equal
                (vec![0.0, -200.0, -400.0, -300.0], 2),  // probabilities that are 0
                (vec![3.0, INF, 1.0, INF, INF], 4),      // fewer than k are left
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
                when: "with k = 1 only one of several likeliest tokens stays: those as likely must stay as well",
                answer: |i| {
                    changed(i, |logits, k| keep(logits, k, |x, kth, rank| if k == 1 { rank < 1 } else { x >= kth }))
                },
            },
            Mistake { when: NEARLY, answer: |i| changed(i, |logits, k| keep(logits, k, |x, kth, _| x >= kth - 0.01)) },
            Mistake { when: NEARLY, answer: |i| changed(i, |logits, k| keep(logits, k, |x, kth, _| x >= kth - 1e-6)) },
            Mistake {
                when: "probabilities are compared: those of very unlikely tokens are all 0, but their logits differ",
                answer: |i| {
                    changed(i, |logits, k| {
                        let mut probabilities = logits.to_vec();
                        softmax_row(&mut probabilities);
                        keep_as(logits, probabilities, k);
                    })
                },
            },
            Mistake {
                when: "tokens that are removed already are not counted: where fewer than k are left, all of them are removed",
                answer: |i| {
                    changed(i, |logits, k| {
                        if logits.iter().filter(|x| x.is_finite()).count() < k && k < logits.len() {
                            logits.fill(INF);
                        }
                        knobs::top_k(logits, k);
                    })
                },
            },
            Mistake {
                when: "the first k tokens are kept, by their ids",
                answer: |i| {
                    changed(i, |logits, k| {
                        if k > 0 {
                            logits.iter_mut().skip(k).for_each(|x| *x = INF);
                        }
                    })
                },
            },
            Mistake {
                when: "the k likeliest tokens are removed, and the others kept",
                answer: |i| changed(i, |logits, k| keep(logits, k, |x, kth, _| x < kth)),
            },
            Mistake {
                when: "the border is the k-th smallest: the sort runs the wrong way",
                answer: |i| changed(i, |logits, k| bordered(logits, k, f32::total_cmp)),
            },
            Mistake {
                when: "the border is the k-th largest in size: -3 is less than 1",
                answer: |i| changed(i, |logits, k| bordered(logits, k, |a, b| b.abs().total_cmp(&a.abs()))),
            },
            Mistake {
                when: "the logits themselves are sorted: each token keeps its place, so sort a copy",
                answer: |i| {
                    changed(i, |logits, k| {
                        if k > 0 && k < logits.len() {
                            logits.sort_by(|a, b| b.total_cmp(a));
                            knobs::top_k(logits, k);
                        }
                    })
                },
            },
            Mistake {
                when: "the k least likely tokens are kept: the sort runs the wrong way",
                answer: |i| {
                    changed(i, |logits, k| {
                        let turned = logits.iter().map(|x| -x).collect();
                        keep_as(logits, turned, k);
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
                        let sizes = logits.iter().map(|x| x.abs()).collect();
                        keep_as(logits, sizes, k);
                    })
                },
            },
            Mistake {
                when: "k = 1 turns the knob off: only 0 does, and a k as large as the vocabulary",
                answer: |i| {
                    changed(i, |logits, k| {
                        if k != 1 {
                            knobs::top_k(logits, k)
                        }
                    })
                },
            },
            Mistake {
                when: "a k of one less than the vocabulary turns the knob off: one token is to be removed",
                answer: |i| {
                    changed(i, |logits, k| {
                        if k + 1 < logits.len() {
                            knobs::top_k(logits, k)
                        }
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
const NEARLY: &str = "tokens nearly as likely as the k-th stay: only those exactly as likely do";
const FINITE: &str = "what is removed becomes a large negative number: it must be `f32::NEG_INFINITY`";

/// What is removed gets this number; also what was removed before, if `all`.
fn removed(logits: &mut [f32], k: usize, number: f32, all: bool) {
    let before = logits.to_vec();
    knobs::top_k(logits, k);
    let least = logits.iter().copied().filter(|x| *x > INF).fold(f32::INFINITY, f32::min);
    // If fewer than k tokens are left, nothing is below the k-th.
    if k > 0 && k < logits.len() && before.iter().filter(|x| **x >= least).count() >= k {
        let gone = |(x, old): &(&mut f32, f32)| **x == INF && (all || *old != INF);
        logits.iter_mut().zip(before).filter(gone).for_each(|(x, _)| *x = number);
    }
}

fn changed((logits, k): &Input, knob: fn(&mut [f32], usize)) -> Answer {
    let mut logits = logits.clone();
    knob(&mut logits, *k);
    one(numbers(&logits))
}

/// Keeps the tokens for which the k largest of these numbers stand.
fn keep_as(logits: &mut [f32], mut numbers: Vec<f32>, k: usize) {
    keep(&mut numbers, k, |x, kth, _| x >= kth);
    logits.iter_mut().zip(numbers).filter(|(_, number)| *number == INF).for_each(|(x, _)| *x = INF);
}

/// Removes what is below the k-th number of a sort.
fn bordered(logits: &mut [f32], k: usize, order: fn(&f32, &f32) -> Ordering) {
    if k > 0 && k < logits.len() {
        let mut sorted = logits.to_vec();
        sorted.sort_by(order);
        logits.iter_mut().filter(|x| **x < sorted[k - 1]).for_each(|x| *x = INF);
    }
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
