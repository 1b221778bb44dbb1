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
                (vec![1.0, 0.999, 0.5], 1e-39), // 1 / t is infinite
                // All below 0, and far below any number to begin with.
                (vec![-5.0, -3.0, -4.5], 0.5),
                (vec![-1e30, -3e30, inf, -2e30], 4.0),
            ]
        },
        describe: |(logits, t)| format!("{logits:?} at temperature {t:?}"),
        stub: |i| changed(i, exercises::temperature::temperature),
        library: |i| changed(i, knobs::temperature),
        tolerance: 1e-5,
        mistakes: vec![
            Mistake {
                when: "the logits are multiplied by the temperature, not divided",
                answer: |i| of(i, |x, largest, t| (x - largest) * t),
            },
            Mistake {
                when: "the logits are multiplied by 1 / t, which is infinite for the smallest t: divide by t",
                answer: |i| of(i, |x, largest, t| (x - largest) * (1.0 / t)),
            },
            Mistake { when: "the largest logit is not subtracted first", answer: |i| of(i, |x, _, t| x / t) },
            Mistake {
                when: "the largest logit is subtracted after the division",
                answer: |i| of(i, |x, largest, t| x / t - largest),
            },
            Mistake {
                when: "only the largest logit is divided by the temperature: the difference is to be divided, so it needs brackets",
                answer: |i| of(i, |x, largest, t| x - largest / t),
            },
            Mistake {
                when: "both are divided before they are subtracted: a very small temperature makes both infinite",
                answer: |i| of(i, |x, largest, t| x / t - largest / t),
            },
            Mistake {
                when: "the sign is wrong: the largest is subtracted from the logits, not the logits from the largest",
                answer: |i| of(i, |x, largest, t| (largest - x) / t),
            },
            Mistake {
                when: "the logits are not divided by the temperature",
                answer: |i| of(i, |x, largest, _| x - largest),
            },
            Mistake {
                when: "the logits are divided by the root of the temperature",
                answer: |i| of(i, |x, largest, t| (x - largest) / t.sqrt()),
            },
            Mistake {
                when: "a temperature of 1 changes nothing: the largest logit is still subtracted",
                answer: |i| of(i, |x, largest, t| if t == 1.0 { x } else { (x - largest) / t }),
            },
            Mistake {
                when: "a temperature above 1 is taken for 1: it makes the differences smaller",
                answer: |i| of(i, |x, largest, t| (x - largest) / t.min(1.0)),
            },
            Mistake { when: RAISED, answer: |i| of(i, |x, largest, t| (x - largest) / t.max(0.01)) },
            Mistake { when: RAISED, answer: |i| of(i, |x, largest, t| (x - largest) / t.max(1e-6)) },
            Mistake {
                when: "removed tokens come back with a large negative number: minus infinity stays what it is",
                answer: |i| of(i, |x, largest, t| ((x - largest) / t).max(f32::MIN)),
            },
            Mistake {
                when: "removed tokens come back with 0, a score like any other: minus infinity stays what it is",
                answer: |i| of(i, |x, largest, t| if x.is_infinite() { 0.0 } else { (x - largest) / t }),
            },
            Mistake {
                when: "tokens far below the largest are removed: only the division is asked for",
                answer: |i| {
                    of(i, |x, largest, t| match (x - largest) / t {
                        far if far < -1000.0 => f32::NEG_INFINITY,
                        near => near,
                    })
                },
            },
            Mistake {
                when: "the smallest logit is subtracted, not the largest",
                answer: |i| less(i, |logits| logits.iter().copied().fold(f32::INFINITY, f32::min)),
            },
            Mistake {
                when: "the mean is subtracted, not the largest logit",
                answer: |i| less(i, |logits| logits.iter().sum::<f32>() / logits.len() as f32),
            },
            Mistake {
                when: "the largest in size is subtracted: a large negative logit is not the largest",
                answer: |i| less(i, |logits| logits.iter().fold(f32::NEG_INFINITY, |largest, x| largest.max(x.abs()))),
            },
            Mistake { when: BEGINS, answer: |i| of(i, |x, largest, t| (x - largest.max(0.0)) / t) },
            Mistake { when: BEGINS, answer: |i| of(i, |x, largest, t| (x - largest.max(-1000.0)) / t) },
            Mistake { when: "the first logit is subtracted, not the largest", answer: |i| less(i, |logits| logits[0]) },
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

const RAISED: &str = "a small temperature is raised to a larger one: any number above 0 will do";
const BEGINS: &str = "the search for the largest logit begins at a number such as 0: all of them may be below it";

fn changed((logits, t): &Input, knob: fn(&mut [f32], f32)) -> Answer {
    let mut logits = logits.clone();
    knob(&mut logits, *t);
    one(numbers(&logits))
}

/// What `new` makes of each logit, the largest of them, and the temperature.
fn of((logits, t): &Input, new: fn(f32, f32, f32) -> f32) -> Answer {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    one(numbers(&logits.iter().map(|&x| new(x, largest, *t)).collect::<Vec<f32>>()))
}

/// Something else is subtracted than the largest.
fn less((logits, t): &Input, what: fn(&[f32]) -> f32) -> Answer {
    let what = what(logits);
    one(numbers(&logits.iter().map(|x| (x - what) / t).collect::<Vec<f32>>()))
}
