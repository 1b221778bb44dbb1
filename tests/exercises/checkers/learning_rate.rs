//! The learning rate.

use crate::check::{Answer, Exercise, Mistake, numbers, one};
use crate::exercises;
use gpt60::train::schedule::Schedule;
use std::f32::consts::PI;
use std::ops::Range;

pub struct Input {
    schedule: Schedule,
    /// Which steps are asked for.
    range: Range<u64>,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "learning_rate",
        inputs,
        describe: |i| {
            let (Schedule { peak, warmup, steps }, Range { start, end }) = (&i.schedule, &i.range);
            format!(
                "peak {peak}, warmup {warmup} and steps {steps}, a number for each step from {start} to {}",
                end - 1
            )
        },
        stub: |i| rates(i, exercises::learning_rate::rate),
        library: |i| rates(i, Schedule::rate),
        tolerance: 1e-5,
        mistakes: vec![
            Mistake {
                when: "the climb begins at 0: the first step must have 1 / warmup of the peak already",
                answer: |i| climbing(i, |s, step| s.peak * step as f32 / s.warmup as f32),
            },
            Mistake {
                when: "the climb takes one step too many: it is `(step + 1) / warmup`, not `(step + 1) / (warmup + 1)`",
                answer: |i| climbing(i, |s, step| s.peak * (step + 1) as f32 / (s.warmup + 1) as f32),
            },
            Mistake {
                when: "two integers are divided in the climb, which rounds to 0: turn both into f32 first",
                answer: |i| climbing(i, |s, step| s.peak * ((step + 1) / s.warmup) as f32),
            },
            Mistake {
                when: "the climb begins at the lowest rate, instead of near 0",
                answer: |i| {
                    climbing(i, |s, step| lowest(s) + (s.peak - lowest(s)) * (step + 1) as f32 / s.warmup as f32)
                },
            },
            Mistake { when: "the warm-up is left out: it begins at the peak", answer: |i| climbing(i, |s, _| s.peak) },
            Mistake { when: TOO_LONG, answer: |i| rates(i, |s, step| too_long(s, step, true)) },
            Mistake { when: TOO_LONG, answer: |i| rates(i, |s, step| too_long(s, step, s.warmup > 0)) },
            Mistake {
                when: "a warm-up longer than the run is cut to the run: the climb takes `warmup` steps in any case",
                answer: |i| rates(i, |s, step| Schedule { warmup: s.warmup.min(s.steps), ..*s }.rate(step)),
            },
            Mistake {
                when: "the end of the run is asked for before the warm-up: while it warms up, the rate climbs in any case",
                answer: |i| rates(i, |s, step| if step >= s.steps { lowest(s) } else { s.rate(step) }),
            },
            Mistake {
                when: "the lowest rate is 0.1 itself, instead of a tenth of the peak",
                answer: |i| {
                    rates(i, |s, step| match step {
                        _ if step < s.warmup => s.rate(step),
                        _ if step < s.steps => 0.1 + (s.peak - 0.1) * height(done(s, step)),
                        _ => 0.1,
                    })
                },
            },
            Mistake {
                when: "the lowest rate is a hundredth of the peak, instead of a tenth",
                answer: |i| {
                    rates(i, |s, step| match step {
                        _ if step < s.warmup => s.rate(step),
                        _ if step < s.steps => s.peak * (0.01 + 0.99 * height(done(s, step))),
                        _ => 0.01 * s.peak,
                    })
                },
            },
            Mistake {
                when: "the peak is taken to be 1: multiply by `schedule.peak`",
                answer: |i| rates(i, |s, step| Schedule { peak: 1.0, ..*s }.rate(step)),
            },
            Mistake {
                when: "the rate falls to 0, instead of to a tenth of the peak",
                answer: |i| {
                    rates(i, |s, step| match step {
                        _ if step < s.warmup => s.rate(step),
                        _ if step < s.steps => s.peak * height(done(s, step)),
                        _ => 0.0,
                    })
                },
            },
            Mistake {
                when: "the rate falls to 0, and only then, after the last step, is a tenth of the peak",
                answer: |i| falling(i, |s, step| s.peak * height(done(s, step))),
            },
            Mistake {
                when: "the wave falls to 0 and is cut off at a tenth of the peak, instead of ending there",
                answer: |i| falling(i, |s, step| (s.peak * height(done(s, step))).max(lowest(s))),
            },
            Mistake {
                when: "the lowest rate is added to a wave as high as the peak, which then begins above the peak",
                answer: |i| falling(i, |s, step| lowest(s) + s.peak * height(done(s, step))),
            },
            Mistake {
                when: "the lowest rate is not added to the wave",
                answer: |i| falling(i, |s, step| (s.peak - lowest(s)) * height(done(s, step))),
            },
            Mistake {
                when: "the factor 0.5 is left out",
                answer: |i| falling(i, |s, step| lowest(s) + (s.peak - lowest(s)) * 2.0 * height(done(s, step))),
            },
            Mistake {
                when: "the cosine is subtracted from 1, where it should be added: the rate rises",
                answer: |i| falling(i, |s, step| fall(s, 1.0 - done(s, step))),
            },
            Mistake {
                when: "it takes a quarter of a wave, instead of half of one",
                answer: |i| falling(i, |s, step| lowest(s) + (s.peak - lowest(s)) * (0.5 * PI * done(s, step)).cos()),
            },
            Mistake {
                when: "the angle is in degrees, 180 for pi: `cos` takes radians",
                answer: |i| falling(i, |s, step| fall(s, 180.0 / PI * done(s, step))),
            },
            Mistake {
                when: "`done` is counted from step 0, instead of from the end of the warm-up",
                answer: |i| falling(i, |s, step| fall(s, step as f32 / s.steps as f32)),
            },
            Mistake {
                when: "`done` is divided by all steps, instead of by those after the warm-up",
                answer: |i| falling(i, |s, step| fall(s, (step - s.warmup) as f32 / s.steps as f32)),
            },
            Mistake {
                when: "`done` is divided by one step less: it is 1 at step `steps`, not at the last step",
                answer: |i| {
                    falling(i, |s, step| fall(s, (step - s.warmup) as f32 / ((s.steps - s.warmup) as f32 - 1.0)))
                },
            },
            Mistake {
                when: "the last step of the run has the lowest rate already: that begins at step `steps`",
                answer: |i| {
                    rates(i, |s, step| if step >= s.warmup && step + 1 >= s.steps { lowest(s) } else { s.rate(step) })
                },
            },
            Mistake {
                when: "`done` is one step ahead",
                answer: |i| falling(i, |s, step| fall(s, (step + 1 - s.warmup) as f32 / (s.steps - s.warmup) as f32)),
            },
            Mistake {
                when: "two integers are divided, which rounds `done` down to 0: turn both into f32 first",
                answer: |i| falling(i, |s, _| s.peak),
            },
            Mistake {
                when: "it falls in a straight line, instead of along a cosine",
                answer: |i| falling(i, |s, step| lowest(s) + (s.peak - lowest(s)) * (1.0 - done(s, step))),
            },
            Mistake {
                when: "it takes a whole wave, down and up again, instead of half of one",
                answer: |i| falling(i, |s, step| fall(s, 2.0 * done(s, step))),
            },
            Mistake {
                when: "pi is left out: the cosine is taken of `done` itself",
                answer: |i| falling(i, |s, step| fall(s, done(s, step) / PI)),
            },
            Mistake { when: GOES_ON, answer: |i| endless(i, |s, step| fall(s, done_of(s, step))) },
            Mistake { when: GOES_ON, answer: |i| endless(i, |s, step| fall(s, done(s, step))) },
            Mistake {
                when: "the end of the run is not asked for: if the warm-up is as long as the run, `done` is 0 divided by 0",
                answer: |i| endless(i, |s, step| fall(s, done_of(s, step).clamp(0.0, 1.0))),
            },
            Mistake {
                when: "the step is cut to fewer bits, and begins again at 0: it is a u64",
                answer: |i| rates(i, |s, step| s.rate(step & 0xff)),
            },
            Mistake {
                when: "the step is cut to fewer bits, and begins again at 0: it is a u64",
                answer: |i| rates(i, |s, step| s.rate(step & 0xffff)),
            },
            Mistake {
                when: "the step is cut to fewer bits, and begins again at 0: it is a u64",
                answer: |i| rates(i, |s, step| s.rate(step & 0xffff_ffff)),
            },
            Mistake {
                when: "after the last step the rate is 0, instead of a tenth of the peak",
                answer: |i| rates(i, |s, step| if step < s.steps.max(s.warmup) { s.rate(step) } else { 0.0 }),
            },
        ],
    }
}

fn inputs() -> Vec<Input> {
    let input = |peak, warmup, steps, range| Input { schedule: Schedule { peak, warmup, steps }, range };
    vec![
        // Each of the three cases by itself, for a learner who has not written all of them yet.
        input(1.0, 4, 12, 0..4),
        input(1.0, 4, 12, 4..12),
        input(1.0, 4, 12, 12..15),
        input(0.002, 7, 20, 0..23),
        input(0.5, 0, 5, 0..8),
        input(2.0, 1, 4, 0..7),
        // A warm-up as long as the run, and a longer one.
        input(1.0, 3, 3, 0..6),
        input(1.0, 5, 2, 0..8),
        // Steps that need more than 8, 16 and 32 bits.
        input(1.0, 300, 70_000, 250..260),
        input(1.0, 300, 70_000, 65_530..65_540),
        input(1.0, 300, 6 << 30, (1 << 32) - 2..(1 << 32) + 3),
        input(1.0, 6 << 30, 7 << 30, (1 << 32) - 2..(1 << 32) + 3),
        // A short fall after a climb so long that an f32 does not hold each of its steps.
        input(1.0, 1 << 25, (1 << 25) + 8, 1 << 25..(1 << 25) + 10),
    ]
}

const TOO_LONG: &str = "the warm-up lasts a step too long, by <= for <: step `warmup` is the first after it";
const GOES_ON: &str = "after the last step the wave goes on and rises again";

fn too_long(s: &Schedule, step: u64, may_be: bool) -> f32 {
    match may_be && step == s.warmup {
        true => s.peak * (step + 1) as f32 / s.warmup as f32,
        false => s.rate(step),
    }
}

/// The rates of all steps that are asked for.
fn rates(input: &Input, rate: impl Fn(&Schedule, u64) -> f32) -> Answer {
    one(numbers(&input.range.clone().map(|step| rate(&input.schedule, step)).collect::<Vec<f32>>()))
}

fn lowest(s: &Schedule) -> f32 {
    0.1 * s.peak
}

fn done(s: &Schedule, step: u64) -> f32 {
    (step - s.warmup) as f32 / (s.steps - s.warmup) as f32
}

/// The same, also if the warm-up is longer than the run.
fn done_of(s: &Schedule, step: u64) -> f32 {
    (step - s.warmup) as f32 / s.steps.saturating_sub(s.warmup) as f32
}

fn height(done: f32) -> f32 {
    0.5 * (1.0 + (PI * done).cos())
}

fn fall(s: &Schedule, done: f32) -> f32 {
    lowest(s) + (s.peak - lowest(s)) * height(done)
}

/// Everything is right but the climb.
fn climbing(input: &Input, climb: fn(&Schedule, u64) -> f32) -> Answer {
    rates(input, |s, step| if step < s.warmup { climb(s, step) } else { s.rate(step) })
}

/// The climb is right, and then there is a fall without an end.
fn endless(input: &Input, fall: fn(&Schedule, u64) -> f32) -> Answer {
    rates(input, |s, step| if step < s.warmup { s.rate(step) } else { fall(s, step) })
}

/// Everything is right but the fall.
fn falling(input: &Input, fall: fn(&Schedule, u64) -> f32) -> Answer {
    rates(input, |s, step| if step < s.warmup || step >= s.steps { s.rate(step) } else { fall(s, step) })
}
