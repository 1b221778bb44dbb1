//! The slope of one step.

use crate::check::{Answer, Exercise, Mistake, Part, number, numbers};
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
        describe: |i| match *i {
            Input::Add(a, b) => format!("add({}, {})", short(a), short(b)),
            Input::Mul(a, b) => format!("mul({}, {})", short(a), short(b)),
            Input::Powf(a, n) => format!("powf({}, {n})", short(a)),
            Input::Ln(a) => format!("ln({})", short(a)),
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

/// A number in words: very large and very small ones with an exponent.
fn short(x: f64) -> String {
    if x == 0.0 || (1e-9..1e9).contains(&x.abs()) { x.to_string() } else { format!("{x:e}") }
}

/// Mistakes in `add` and `mul`, and one in all.
fn of_two_inputs() -> Vec<Mistake<Input>> {
    vec![
        Mistake {
            when: "everything is computed as f32, which ends at 3.4e38: an f64 goes on to 1.8e308",
            answer: as_f32,
        },
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
            when: "add subtracts its second input",
            answer: |i| answer(i, Steps { add: |a, b| (a - b, [1.0, -1.0]), ..RIGHT }),
        },
        Mistake {
            when: "mul has the second input as slope in both: in `b` the slope is `a`",
            answer: |i| answer(i, Steps { mul: |a, b| (a * b, [b, b]), ..RIGHT }),
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
            when: "the exponent is cut to a whole number: `powi` cannot do 0.5",
            answer: |i| powers(i, |a, n| (a.powi(n as i32), n * a.powi(n as i32 - 1))),
        },
        Mistake {
            when: "a power is made as e^(n * ln(a)): a number below 0 has no logarithm, but a square",
            answer: |i| powers(i, |a, n| ((n * a.ln()).exp(), n * ((n - 1.0) * a.ln()).exp())),
        },
        Mistake {
            when: "the slope of a power is its value times `n / a`: where `a` is 0, that is 0 / 0",
            answer: |i| power(i, |a, n| a.powf(n) * n / a),
        },
        Mistake {
            when: "the slope of a power is 0 wherever `a` is 0: for n = 1 it is 1",
            answer: |i| power(i, |a, n| if a == 0.0 { 0.0 } else { n * a.powf(n - 1.0) }),
        },
        Mistake {
            when: "every power is a square: `n` says which it is",
            answer: |i| powers(i, |a, _| (a * a, 2.0 * a)),
        },
        Mistake {
            when: "a negative exponent is taken for a positive one: a^(-1) is 1 / a",
            answer: |i| powers(i, |a, n| (a.powf(n.abs()), n.abs() * a.powf(n.abs() - 1.0))),
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
            when: "the slope of ln is 1 / a^2: it is 1 / a",
            answer: |i| answer(i, Steps { ln: |a| (a.ln(), 1.0 / (a * a)), ..RIGHT }),
        },
        Mistake {
            when: "a small number is added to the input of ln: `a` is above 0, so nothing can go wrong",
            answer: |i| answer(i, Steps { ln: |a| ((a + 1e-3).ln(), 1.0 / (a + 1e-3)), ..RIGHT }),
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
        Mistake { when: BASE, answer: |i| exponential(i, |a| (2718f64 / 1000.0).powf(a)) },
        Mistake { when: BASE, answer: |i| exponential(i, f64::exp2) },
        Mistake { when: BASE, answer: |i| exponential(i, |a| 10f64.powf(a)) },
        Mistake {
            when: "exp is computed as an f32, which ends at e^88: an f64 goes on to e^709",
            answer: |i| exponential(i, exp_as_f32),
        },
        Mistake {
            when: "exp does not go beyond e^20: there is room in an f64 up to e^709",
            answer: |i| exponential(i, |a| a.min(20.0).exp()),
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
        Mistake { when: SIZE, answer: |i| answer(i, Steps { relu: |a| (a.max(0.0), sign(a)), ..RIGHT }) },
        Mistake { when: SIZE, answer: |i| answer(i, Steps { relu: |a| (a.max(0.0), a.signum()), ..RIGHT }) },
        Mistake {
            when: "relu takes the smaller of `a` and 0: it is the larger",
            answer: |i| answer(i, Steps { relu: |a| (a.min(0.0), f64::from(a > 0.0)), ..RIGHT }),
        },
        Mistake {
            when: "relu ends at 6: that is another one, called relu6",
            answer: |i| answer(i, Steps { relu: |a| (a.clamp(0.0, 6.0), f64::from(a > 0.0 && a < 6.0)), ..RIGHT }),
        },
        Mistake {
            when: "relu lets a hundredth through below 0: that is the leaky one",
            answer: |i| answer(i, Steps { relu: |a| if a > 0.0 { (a, 1.0) } else { (0.01 * a, 0.01) }, ..RIGHT }),
        },
    ]
}

const BASE: &str = "exp is a power of another number than e: `f64::exp` knows it to the last digit";
const SIZE: &str = "relu has the slope -1 below 0: that is the slope of the size, |a|";

fn inputs() -> Vec<Input> {
    use Input::{Add, Exp, Ln, Mul, Powf, Relu};
    let add = [(3.0, 5.0), (-2.5, 0.75), (1e300, -1e300)].map(|(a, b)| Add(a, b));
    let mul = [(3.0, 5.0), (-2.0, 0.5), (0.0, 4.0), (1e300, 1e-300)].map(|(a, b)| Mul(a, b));
    let powers = [(2.0, 3.0), (4.0, 0.5), (2.0, -1.0), (-3.0, 2.0), (1.5, 1.0), (5.0, 0.0), (1e200, 0.1)];
    let powf = powers.into_iter().chain([(0.0, 2.0), (0.0, 1.0)]).map(|(a, n)| Powf(a, n));
    let ln = [4.0, 0.2, 1.0, 1e300].map(Ln);
    let exp = [2.0, 0.0, -1.5, 100.0].map(Exp);
    let relu = [3.0, -2.0, 0.0, 0.25, 100.0].map(Relu);
    add.into_iter().chain(mul).chain(powf).chain(ln).chain(exp).chain(relu).collect()
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
        Input::Exp(a) => of_exp(a, (steps.exp)(a)),
        Input::Relu(a) => one((steps.relu)(a)),
    }
}

/// Everything is right but powers.
fn powers(input: &Input, powf: fn(f64, f64) -> (f64, f64)) -> Answer {
    answer(input, Steps { powf, ..RIGHT })
}

/// Everything is right but the slope of a power.
fn power(input: &Input, slope: fn(f64, f64) -> f64) -> Answer {
    match *input {
        Input::Powf(a, n) => vec![("value", number(a.powf(n) as f32)), ("slope", number(slope(a, n) as f32))],
        _ => answer(input, RIGHT),
    }
}

/// Everything is right but exp, which is its own slope.
fn exponential(input: &Input, exp: impl Fn(f64) -> f64) -> Answer {
    match *input {
        Input::Exp(a) => of_exp(a, (exp(a), exp(a))),
        _ => answer(input, RIGHT),
    }
}

fn exp_as_f32(a: f64) -> f64 {
    f64::from((a as f32).exp())
}

/// The steps on numbers that were cut to an f32.
fn as_f32(input: &Input) -> Answer {
    let cut = |x: f64| f64::from(x as f32);
    match *input {
        Input::Add(a, b) => answer(&Input::Add(cut(a), cut(b)), RIGHT),
        Input::Mul(a, b) => answer(&Input::Mul(cut(a), cut(b)), RIGHT),
        Input::Powf(a, n) => answer(&Input::Powf(cut(a), n), RIGHT),
        Input::Ln(a) => answer(&Input::Ln(cut(a)), RIGHT),
        _ => exponential(input, exp_as_f32),
    }
}

/// A value and a slope of exp. If no f32 holds them, a few digits.
fn of_exp(a: f64, (value, slope): (f64, f64)) -> Answer {
    let part = |x: f64| if a > 80.0 { Part::Text(format!("{x:.5e}")) } else { number(x as f32) };
    vec![("value", part(value)), ("slope", part(slope))]
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
