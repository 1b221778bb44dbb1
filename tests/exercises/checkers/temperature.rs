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

fn changed((logits, t): &Input, knob: fn(&mut [f32], f32)) -> Answer {
    let mut logits = logits.clone();
    knob(&mut logits, *t);
    one(numbers(&logits))
}

fn of(logits: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    logits.iter_mut().for_each(|x| *x = f(*x, largest));
}
