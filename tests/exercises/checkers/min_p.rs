//! Min-p.

use crate::check::{Answer, Exercise, Mistake, numbers, one};
use crate::exercises;
use gpt60::generate::knobs;
use gpt60::layers::softmax::softmax_row;
use gpt60::{Rng, argmax};

type Input = (Vec<f32>, f32);

const INF: f32 = f32::NEG_INFINITY;

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "min_p",
        inputs: || {
            let mut rng = Rng::new(7);
            let random = (0..13).map(|_| 1.5 * rng.normal() as f32).collect();
            let of = |probabilities: &[f32]| probabilities.iter().map(|p: &f32| p.ln()).collect::<Vec<f32>>();
            vec![
                (of(&[0.6, 0.3, 0.06, 0.04]), 0.2),
                (random, 0.3),
                (of(&[0.1, 0.25, 0.35, 0.3]), 0.5),
                (vec![2.0, 5.0, 3.0, 5.0], 1.0), // two are the likeliest
                (vec![1.0, INF, 2.0, -1.5], 0.1),
                (vec![-8.0, -9.0, -7.0, -12.0], 0.2),
                (vec![1.0, -3.0], 0.0),
                // Far below 0, and far above. (e^-2 is 0.135.)
                (vec![-2000.0, -2003.0, -2001.0, -2002.0], 0.2),
                (vec![1000.0, 997.0, 999.0], 0.2),
                (vec![0.0, -200.0, 1.0], 0.0), // a probability that rounds to 0, and stays
                (of(&[0.6, 0.39875, 0.0007, 0.00055]), 0.001),
            ]
        },
        describe: |(logits, p)| format!("p = {p} and logits {logits:?}"),
        stub: |i| changed(i, exercises::min_p::min_p),
        library: |i| changed(i, knobs::min_p),
        tolerance: 0.0,
        mistakes: vec![
            Mistake {
                when: "p is compared with each probability itself, not with its share of the largest",
                answer: |i| changed(i, |logits, p| remove(logits, |own, _| own < p)),
            },
            Mistake {
                when: "logits are compared with p times the largest logit: they are no probabilities yet",
                answer: |i| {
                    changed(i, |logits, p| {
                        below(logits, p * largest_from(logits, INF));
                    })
                },
            },
            Mistake { when: OTHERS, answer: |i| changed(i, |logits, p| remove(logits, |own, most| own >= p * most)) },
            Mistake { when: OTHERS, answer: |i| changed(i, |logits, p| remove(logits, |own, most| own > p * most)) },
            Mistake {
                when: "nothing is removed: the logits stay as they are, or the smallest probability is taken for the largest, or \
                       x_max - x_i is compared with ln(p)",
                answer: |i| changed(i, |_, _| {}),
            },
            Mistake {
                when: "the share is 1 - p, where it should be p",
                answer: |i| changed(i, |logits, p| remove(logits, |own, most| own < (1.0 - p) * most)),
            },
            Mistake {
                when: "a token whose probability rounds to 0 is removed: a p of 0 removes nothing",
                answer: |i| changed(i, |logits, p| remove(logits, |own, most| own < p * most || own == 0.0)),
            },
            Mistake {
                when: "a p of 1 removes nothing: it leaves only the likeliest and those as likely",
                answer: |i| {
                    changed(i, |logits, p| {
                        if p < 1.0 {
                            knobs::min_p(logits, p)
                        }
                    })
                },
            },
            Mistake {
                when: "a p of 1 leaves one token only: those as likely stay, too",
                answer: |i| {
                    changed(i, |logits, p| {
                        let best = if p < 1.0 { None } else { argmax(logits) };
                        knobs::min_p(logits, p);
                        let others = |(i, _): &(usize, &mut f32)| best.is_some_and(|best| best != *i);
                        logits.iter_mut().enumerate().filter(others).for_each(|(_, x)| *x = INF);
                    })
                },
            },
            Mistake {
                when: "the mean of the probabilities is taken, where the largest is asked for",
                answer: |i| {
                    changed(i, |logits, p| remove_below(logits, |all| p * all.iter().sum::<f32>() / all.len() as f32))
                },
            },
            Mistake {
                when: "the logarithm has the base 10: it must be the natural one, `f32::ln`",
                answer: |i| changed(i, |logits, p| below(logits, largest_from(logits, INF) + p.log10())),
            },
            Mistake {
                when: "x_i is compared with x_max * ln(p): it must be the difference, x_i - x_max, and ln(p)",
                answer: |i| changed(i, |logits, p| below(logits, largest_from(logits, INF) * p.ln())),
            },
            Mistake { when: EXACT, answer: |i| changed(i, |logits, p| remove(logits, |own, most| own <= p * most)) },
            Mistake {
                when: EXACT,
                answer: |i| {
                    changed(i, |logits, p| {
                        let most = largest_from(logits, INF);
                        logits.iter_mut().filter(|x| **x - most <= p.ln()).for_each(|x| *x = INF);
                    })
                },
            },
            Mistake {
                when: "tokens up to p below the largest stay: the border is p times the largest, not the largest minus p",
                answer: |i| changed(i, |logits, p| remove(logits, |own, most| own < most - p)),
            },
            Mistake {
                when: NO_LOGARITHM,
                answer: |i| changed(i, |logits, p| below(logits, largest_from(logits, INF) - p)),
            },
            Mistake {
                when: NO_LOGARITHM,
                answer: |i| changed(i, |logits, p| below(logits, largest_from(logits, INF) + p)),
            },
            Mistake { when: ZERO, answer: |i| changed(i, |logits, p| removed(logits, p, 0.0, true)) },
            Mistake { when: ZERO, answer: |i| changed(i, |logits, p| removed(logits, p, 0.0, false)) },
            Mistake { when: FINITE, answer: |i| changed(i, |logits, p| removed(logits, p, -1e9, true)) },
            Mistake { when: FINITE, answer: |i| changed(i, |logits, p| removed(logits, p, -1e10, true)) },
            Mistake { when: FINITE, answer: |i| changed(i, |logits, p| removed(logits, p, f32::MIN, true)) },
            Mistake {
                when: BEGINS,
                answer: |i| changed(i, |logits, p| below(logits, largest_from(logits, 0.0) + p.ln())),
            },
            Mistake {
                when: BEGINS,
                answer: |i| changed(i, |logits, p| below(logits, largest_from(logits, -1000.0) + p.ln())),
            },
            Mistake {
                when: "softmax is computed without subtracting the largest logit: e^x overflows, or all of it rounds to 0",
                answer: |i| {
                    changed(i, |logits, p| {
                        let powers: Vec<f32> = logits.iter().map(|x| x.exp()).collect();
                        let sum: f32 = powers.iter().sum();
                        let most = powers.iter().map(|power| power / sum).fold(0.0, f32::max);
                        for (logit, power) in logits.iter_mut().zip(powers) {
                            if power / sum < p * most {
                                *logit = INF;
                            }
                        }
                    })
                },
            },
            Mistake {
                when: PROBABILITIES,
                answer: |i| {
                    changed(i, |logits, p| {
                        let mut probabilities = logits.to_vec();
                        softmax_row(&mut probabilities);
                        knobs::min_p(logits, p);
                        let stays = |(x, _): &(&mut f32, f32)| **x > INF || p == 0.0;
                        logits.iter_mut().zip(probabilities).filter(stays).for_each(|(x, own)| *x = own);
                    })
                },
            },
            Mistake {
                when: PROBABILITIES,
                answer: |i| {
                    changed(i, |logits, p| {
                        knobs::min_p(logits, p);
                        softmax_row(logits);
                    })
                },
            },
        ],
    }
}

const EXACT: &str = "a token that is exactly as likely as the border is removed: with p = 1 nothing is left";
const OTHERS: &str = "the likely tokens are removed and the others stay: the comparison runs the wrong way";
const NO_LOGARITHM: &str = "p is not turned into a logarithm: x_i - x_max is compared with -p or p, not with ln(p)";
const PROBABILITIES: &str = "the logits become probabilities: only the removed ones may change";
const ZERO: &str = "what is removed becomes 0: that is a score like any other; it must be minus infinity";
const FINITE: &str = "what is removed becomes a large negative number: it must be `f32::NEG_INFINITY`";
const BEGINS: &str = "the search for the largest logit begins at a number such as 0: all of them may be below it";

fn largest_from(logits: &[f32], from: f32) -> f32 {
    logits.iter().copied().fold(from, f32::max)
}

fn below(logits: &mut [f32], border: f32) {
    logits.iter_mut().filter(|x| **x < border).for_each(|x| *x = INF);
}

/// What is removed gets this number; also what was removed before, if `all`.
fn removed(logits: &mut [f32], p: f32, number: f32, all: bool) {
    let before = logits.to_vec();
    knobs::min_p(logits, p);
    if p > 0.0 {
        let gone = |(x, old): &(&mut f32, f32)| **x == INF && (all || *old != INF);
        logits.iter_mut().zip(before).filter(gone).for_each(|(x, _)| *x = number);
    }
}

fn changed((logits, p): &Input, knob: fn(&mut [f32], f32)) -> Answer {
    let mut logits = logits.clone();
    knob(&mut logits, *p);
    one(numbers(&logits))
}

/// Removes the tokens that `goes` names: it gets a token's probability and the largest one.
fn remove(logits: &mut [f32], goes: impl Fn(f32, f32) -> bool) {
    let mut probabilities = logits.to_vec();
    softmax_row(&mut probabilities);
    let most = probabilities.iter().copied().fold(0.0, f32::max);
    for (logit, own) in logits.iter_mut().zip(probabilities) {
        if goes(own, most) {
            *logit = INF;
        }
    }
}

/// Removes the tokens below this border: it is made from all probabilities.
fn remove_below(logits: &mut [f32], border: impl Fn(&[f32]) -> f32) {
    let mut probabilities = logits.to_vec();
    softmax_row(&mut probabilities);
    let border = border(&probabilities);
    remove(logits, |own, _| own < border);
}
