//! Temperature.

use crate::check::{Answer, Exercise, Mistake, numbers, one};
use crate::exercises;
use gpt60::generate::knobs;
use gpt60::layers::softmax::softmax_row;

type Input = (Vec<f32>, f32);

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "temperature",
        inputs: || {
            let inf = f32::NEG_INFINITY;
            vec![
                (vec![1.0, 3.0, 2.5], 0.5),
                (vec![-2.0, 0.5, -7.0, 0.25], 3.0),
                (vec![4.0, inf, 3.0, inf], 0.8),
                (vec![5.0], 0.3),
                (vec![2.0, -1.0, 0.5], 1.0),
                (vec![9.0, 8.0, 10.0], 1e-38),
                // All below 0, and far below any number to begin with.
                (vec![-5.0, -3.0, -4.5], 0.5),
                (vec![-1e30, -3e30, inf, -2e30], 4.0),
            ]
        },
        describe: |(logits, t)| format!("{logits:?} at temperature {t}"),
        stub: |i| changed(i, exercises::temperature::temperature),
        library: |i| changed(i, knobs::temperature),
        tolerance: 1e-5,
        mistakes: vec![
            Mistake {
                when: "the logits are multiplied by the temperature, not divided",
                answer: |i| changed(i, |logits, t| of(logits, |x, largest| (x - largest) * t)),
            },
            Mistake {
                when: "the largest logit is not subtracted first",
                answer: |i| changed(i, |logits, t| of(logits, |x, _| x / t)),
            },
            Mistake {
                when: "the largest logit is subtracted after the division",
                answer: |i| changed(i, |logits, t| of(logits, |x, largest| x / t - largest)),
            },
            Mistake {
                when: "the logits are not divided by the temperature",
                answer: |i| changed(i, |logits, _| of(logits, |x, largest| x - largest)),
            },
            Mistake {
                when: "the smallest logit is subtracted, not the largest",
                answer: |i| {
                    changed(i, |logits, t| {
                        let smallest = logits.iter().copied().fold(f32::INFINITY, f32::min);
                        logits.iter_mut().for_each(|x| *x = (*x - smallest) / t);
                    })
                },
            },
            Mistake {
                when: BEGINS,
                answer: |i| changed(i, |logits, t| of(logits, |x, largest| (x - largest.max(0.0)) / t)),
            },
            Mistake {
                when: BEGINS,
                answer: |i| changed(i, |logits, t| of(logits, |x, largest| (x - largest.max(-1000.0)) / t)),
            },
            Mistake {
                when: "the first logit is subtracted, not the largest",
                answer: |i| {
                    changed(i, |logits, t| {
                        let first = logits[0];
                        logits.iter_mut().for_each(|x| *x = (*x - first) / t);
                    })
                },
            },
            Mistake {
                when: "the largest logit is searched while the logits change: what was divided already is compared, too",
                answer: |i| {
                    changed(i, |logits, t| {
                        for id in 0..logits.len() {
                            let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                            logits[id] = (logits[id] - largest) / t;
                        }
                    })
                },
            },
            Mistake {
                when: "softmax is taken too: that comes later",
                answer: |i| {
                    changed(i, |logits, t| {
                        knobs::temperature(logits, t);
                        softmax_row(logits);
                    })
                },
            },
        ],
    }
}

const BEGINS: &str = "the search for the largest logit begins at a number such as 0: all of them may be below it";

fn changed((logits, t): &Input, knob: fn(&mut [f32], f32)) -> Answer {
    let mut logits = logits.clone();
    knob(&mut logits, *t);
    one(numbers(&logits))
}

fn of(logits: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    logits.iter_mut().for_each(|x| *x = f(*x, largest));
}
