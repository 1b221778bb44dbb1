//! The slope of one step.

use crate::check::{Answer, Exercise, Mistake, number, numbers};
use crate::exercises;
use gpt60::tape::{Tape, Value};

/// Each function has inputs of its own, for a learner who has not written all of them yet.
#[derive(Debug)]
pub enum Input {
    Add(f64, f64),
    Mul(f64, f64),
    Powf(f64, f64),
    Ln(f64),
    Exp(f64),
    Relu(f64),
}

/// The six functions.
#[derive(Clone, Copy)]
struct Steps {
    add: fn(f64, f64) -> (f64, [f64; 2]),
    mul: fn(f64, f64) -> (f64, [f64; 2]),
    powf: fn(f64, f64) -> (f64, f64),
    ln: fn(f64) -> (f64, f64),
    exp: fn(f64) -> (f64, f64),
    relu: fn(f64) -> (f64, f64),
}

/// The library's: each is done on a tape, and read from there.
const RIGHT: Steps = Steps {
    add: |a, b| with_two(a, b, Tape::add),
    mul: |a, b| with_two(a, b, Tape::mul),
    powf: |a, n| with_one(a, |tape, a| tape.powf(a, n)),
    ln: |a| with_one(a, Tape::ln),
    exp: |a| with_one(a, Tape::exp),
    relu: |a| with_one(a, Tape::relu),
};

pub fn exercise() -> Exercise<Input> {
    use exercises::value_backward as learners;
    Exercise {
        name: "value_backward",
        inputs,
        describe: |i| match i {
            Input::Add(a, b) => format!("add({a}, {b})"),
            Input::Mul(a, b) => format!("mul({a}, {b})"),
            Input::Powf(a, n) => format!("powf({a}, {n})"),
            Input::Ln(a) => format!("ln({a})"),
            Input::Exp(a) => format!("exp({a})"),
            Input::Relu(a) => format!("relu({a})"),
        },
        stub: |i| {
            use learners::{add, exp, ln, mul, powf, relu};
            answer(i, Steps { add, mul, powf, ln, exp, relu })
        },
        library: |i| answer(i, RIGHT),
        tolerance: 1e-5,
        mistakes: [of_two_inputs(), of_powf(), of_ln_and_exp(), of_relu()].into_iter().flatten().collect(),
    }
}

/// Mistakes in `add` and `mul`.
fn of_two_inputs() -> Vec<Mistake<Input>> {
    vec![
        Mistake {
            when: "add has its own inputs as slopes: a step of either is a step of the sum, whatever they are",
            answer: |i| answer(i, Steps { add: |a, b| (a + b, [a, b]), ..RIGHT }),
        },
        Mistake {
            when: "add has the other input as slope, as in a product: here both slopes are 1",
            answer: |i| answer(i, Steps { add: |a, b| (a + b, [b, a]), ..RIGHT }),
        },
        Mistake {
            when: "add shares one step among its inputs: each has the slope 1, not a half",
            answer: |i| answer(i, Steps { add: |a, b| (a + b, [0.5, 0.5]), ..RIGHT }),
        },
        Mistake {
            when: "add has the slope 0 in its second input",
            answer: |i| answer(i, Steps { add: |a, b| (a + b, [1.0, 0.0]), ..RIGHT }),
        },
        Mistake {
            when: "mul has each input as its own slope: a step of `a` counts `b` times, so it is the *other* input",
            answer: |i| answer(i, Steps { mul: |a, b| (a * b, [a, b]), ..RIGHT }),
        },
        Mistake {
            when: "mul has the slopes 1 and 1: those of a sum",
            answer: |i| answer(i, Steps { mul: |a, b| (a * b, [1.0, 1.0]), ..RIGHT }),
        },
        Mistake {
            when: "mul has the product itself as slope",
            answer: |i| answer(i, Steps { mul: |a, b| (a * b, [a * b, a * b]), ..RIGHT }),
        },
        Mistake {
            when: "mul has the sum of both inputs as slope: that is the change when *both* move, and each has a slope of its own",
            answer: |i| answer(i, Steps { mul: |a, b| (a * b, [a + b, a + b]), ..RIGHT }),
        },
        Mistake {
            when: "mul has the slope 0 in its second input",
            answer: |i| answer(i, Steps { mul: |a, b| (a * b, [b, 0.0]), ..RIGHT }),
        },
    ]
}

/// Mistakes with a power.
fn of_powf() -> Vec<Mistake<Input>> {
    vec![
        Mistake {
            when: "the factor `n` is left out of the slope of a power",
            answer: |i| power(i, |a, n| a.powf(n - 1.0)),
        },
        Mistake {
            when: "the exponent is not lowered in the slope of a power: it is `n * a^(n - 1)`",
            answer: |i| power(i, |a, n| n * a.powf(n)),
        },
        Mistake {
            when: "the factor of a power is lowered too: it is `n * a^(n - 1)`, not `(n - 1) * a^(n - 1)`",
            answer: |i| power(i, |a, n| (n - 1.0) * a.powf(n - 1.0)),
        },
        Mistake {
            when: "the exponent is raised in the slope of a power, as in an integral",
            answer: |i| power(i, |a, n| a.powf(n + 1.0) / (n + 1.0)),
        },
        Mistake {
            when: "the slope of a power is `a^n * ln(a)`: that is the slope in `n`, but it is `a` that moves",
            answer: |i| power(i, |a, n| a.powf(n) * a.ln()),
        },
        Mistake {
            when: "the slope of a power is `n * a`, which is right for n = 2 alone",
            answer: |i| power(i, |a, n| n * a),
        },
        Mistake {
            when: "the exponent of a slope is cut to a whole number: `powi` cannot do 0.5",
            answer: |i| power(i, |a, n| n * a.powi((n - 1.0) as i32)),
        },
        Mistake {
            when: "the slope of a power has lost its sign: a negative number to an odd power is negative",
            answer: |i| power(i, |a, n| n * a.abs().powf(n - 1.0)),
        },
    ]
}

/// Mistakes in `ln` and `exp`.
fn of_ln_and_exp() -> Vec<Mistake<Input>> {
    vec![
        Mistake {
            when: "the slope of ln is the number itself: it is 1 divided by it",
            answer: |i| answer(i, Steps { ln: |a| (a.ln(), a), ..RIGHT }),
        },
        Mistake {
            when: "the slope of ln is made of its value, 1 / ln(a): it is made of its input, 1 / a",
            answer: |i| answer(i, Steps { ln: |a| (a.ln(), 1.0 / a.ln()), ..RIGHT }),
        },
        Mistake {
            when: "the slope of ln has a minus: `-1 / a^2` is the slope of 1 / a",
            answer: |i| answer(i, Steps { ln: |a| (a.ln(), -1.0 / (a * a)), ..RIGHT }),
        },
        Mistake {
            when: "ln is the logarithm to the base 10: `f64::ln` is the natural one",
            answer: |i| answer(i, Steps { ln: |a| (a.log10(), 1.0 / a), ..RIGHT }),
        },
        Mistake {
            when: "ln is the logarithm to the base 2: `f64::ln` is the natural one",
            answer: |i| answer(i, Steps { ln: |a| (a.log2(), 1.0 / a), ..RIGHT }),
        },
        Mistake {
            when: "the slope of exp is its input: it is its value, e^a",
            answer: |i| answer(i, Steps { exp: |a| (a.exp(), a), ..RIGHT }),
        },
        Mistake {
            when: "exp is treated as a power of `a`: in `a * e^(a - 1)` the wrong one of the two moves",
            answer: |i| answer(i, Steps { exp: |a| (a.exp(), a * (a - 1.0).exp()), ..RIGHT }),
        },
        Mistake {
            when: "the slope of exp has the factor `a` too much: that belongs to e^(a*x), if x moves",
            answer: |i| answer(i, Steps { exp: |a| (a.exp(), a * a.exp()), ..RIGHT }),
        },
        Mistake { when: "the slope of exp is 1", answer: |i| answer(i, Steps { exp: |a| (a.exp(), 1.0), ..RIGHT }) },
    ]
}

/// Mistakes in `relu`.
fn of_relu() -> Vec<Mistake<Input>> {
    vec![
        Mistake {
            when: "relu has the slope 1 at exactly 0: ask for `a > 0`, not `a >= 0`",
            answer: |i| answer(i, Steps { relu: |a| (a.max(0.0), f64::from(a >= 0.0)), ..RIGHT }),
        },
        Mistake {
            when: "relu has the slope a half at exactly 0: everybody takes 0",
            answer: |i| answer(i, Steps { relu: |a| (a.max(0.0), 0.5 + 0.5 * sign(a)), ..RIGHT }),
        },
        Mistake {
            when: "relu has the slope 1 everywhere: below 0 nothing moves",
            answer: |i| answer(i, Steps { relu: |a| (a.max(0.0), 1.0), ..RIGHT }),
        },
        Mistake {
            when: "relu has the slope 0 everywhere: above 0 a step comes out unchanged",
            answer: |i| answer(i, Steps { relu: |a| (a.max(0.0), 0.0), ..RIGHT }),
        },
        Mistake {
            when: "relu has its value as slope: above 0 the slope is 1",
            answer: |i| answer(i, Steps { relu: |a| (a.max(0.0), a.max(0.0)), ..RIGHT }),
        },
        Mistake {
            when: "relu has the slope -1 below 0: that is the slope of the size, |a|",
            answer: |i| answer(i, Steps { relu: |a| (a.max(0.0), sign(a)), ..RIGHT }),
        },
        Mistake {
            when: "relu lets a hundredth through below 0: that is the leaky one",
            answer: |i| answer(i, Steps { relu: |a| if a > 0.0 { (a, 1.0) } else { (0.01 * a, 0.01) }, ..RIGHT }),
        },
    ]
}

fn inputs() -> Vec<Input> {
    use Input::{Add, Exp, Ln, Mul, Powf, Relu};
    vec![
        Add(3.0, 5.0),
        Add(-2.5, 0.75),
        Mul(3.0, 5.0),
        Mul(-2.0, 0.5),
        Mul(0.0, 4.0),
        Powf(2.0, 3.0),
        Powf(4.0, 0.5),
        Powf(2.0, -1.0),
        Powf(-3.0, 2.0),
        Powf(0.0, 2.0),
        Powf(1.5, 1.0),
        Powf(5.0, 0.0),
        Ln(4.0),
        Ln(0.2),
        Ln(1.0),
        Exp(2.0),
        Exp(0.0),
        Exp(-1.5),
        Relu(3.0),
        Relu(-2.0),
        Relu(0.0),
        Relu(0.25),
    ]
}

/// One of the six functions on its input.
fn answer(input: &Input, steps: Steps) -> Answer {
    let two = |(value, [a, b]): (f64, [f64; 2])| {
        vec![("value", number(value as f32)), ("slopes", numbers(&[a as f32, b as f32]))]
    };
    let one = |(value, slope): (f64, f64)| vec![("value", number(value as f32)), ("slope", number(slope as f32))];
    match *input {
        Input::Add(a, b) => two((steps.add)(a, b)),
        Input::Mul(a, b) => two((steps.mul)(a, b)),
        Input::Powf(a, n) => one((steps.powf)(a, n)),
        Input::Ln(a) => one((steps.ln)(a)),
        Input::Exp(a) => one((steps.exp)(a)),
        Input::Relu(a) => one((steps.relu)(a)),
    }
}

/// Everything is right but the slope of a power.
fn power(input: &Input, slope: fn(f64, f64) -> f64) -> Answer {
    match *input {
        Input::Powf(a, n) => vec![("value", number(a.powf(n) as f32)), ("slope", number(slope(a, n) as f32))],
        _ => answer(input, RIGHT),
    }
}

/// 1 above 0, -1 below, and 0 at 0.
fn sign(a: f64) -> f64 {
    if a == 0.0 { 0.0 } else { a.signum() }
}

/// What a tape writes down for a number that is made from two.
fn with_two(a: f64, b: f64, step: fn(&mut Tape, Value, Value) -> Value) -> (f64, [f64; 2]) {
    let mut tape = Tape::new();
    let (a, b) = (tape.leaf(a), tape.leaf(b));
    let node = step(&mut tape, a, b).0;
    (tape.nodes[node].value, tape.nodes[node].inputs.map(|(_, slope)| slope))
}

/// What a tape writes down for a number that is made from one.
fn with_one(a: f64, step: impl Fn(&mut Tape, Value) -> Value) -> (f64, f64) {
    let mut tape = Tape::new();
    let a = tape.leaf(a);
    let node = step(&mut tape, a).0;
    (tape.nodes[node].value, tape.nodes[node].inputs[0].1)
}
