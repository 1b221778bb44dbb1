//! GELU.

use crate::check::{Answer, Exercise, Mistake, number, numbers, one};
use crate::exercises;
use gpt60::layers::gelu::gelu;
use std::f64::consts::{FRAC_2_SQRT_PI, PI};

pub fn exercise() -> Exercise<Vec<f32>> {
    Exercise {
        name: "gelu",
        inputs,
        describe: |xs| match xs[..] {
            [x] => format!("x = {x}"),
            _ => format!("x = each of {xs:?}"),
        },
        stub: |xs| answer(xs, exercises::gelu::gelu),
        library: |xs| answer(xs, gelu),
        tolerance: 1e-5,
        mistakes: vec![
            Mistake {
                when: "the exact GELU is computed, with erf: GPT-2 was trained with the formula with tanh",
                answer: |xs| each(xs, |x| 0.5 * x * (1.0 + erf(x / 2f64.sqrt()))),
            },
            Mistake { when: "the term 0.044715 * x^3 is left out", answer: |xs| each(xs, |x| half(x, ROOT * x)) },
            Mistake { when: "x^2 is used for x^3", answer: |xs| each(xs, |x| bent(x, x * x)) },
            Mistake { when: "x^4 is used for x^3", answer: |xs| each(xs, |x| bent(x, x.powi(4))) },
            Mistake {
                when: "x^3 loses its sign: below 0 it is negative",
                answer: |xs| each(xs, |x| bent(x, x.abs().powi(3))),
            },
            Mistake { when: "0.044715 multiplies x, and not x^3", answer: |xs| each(xs, |x| bent(x, x)) },
            Mistake {
                when: "0.044715 is raised to the third power with x: it multiplies x^3",
                answer: |xs| each(xs, |x| half(x, ROOT * (x + (0.044715 * x).powi(3)))),
            },
            Mistake {
                when: "x + 0.044715 is multiplied by x^3: brackets are in the wrong place",
                answer: |xs| each(xs, |x| half(x, ROOT * (x + 0.044715) * x.powi(3))),
            },
            Mistake { when: "0.44715 is written for 0.044715", answer: |xs| each(xs, |x| bent(x, 10.0 * x.powi(3))) },
            Mistake { when: "sqrt(2/pi) is left out", answer: |xs| each(xs, |x| half(x, u(x) / ROOT)) },
            Mistake {
                when: "sqrt(2/pi) is upside down, sqrt(pi/2)",
                answer: |xs| each(xs, |x| half(x, u(x) / ROOT / ROOT)),
            },
            Mistake {
                when: "the root is missing: it is sqrt(2/pi), not 2/pi",
                answer: |xs| each(xs, |x| half(x, u(x) * ROOT)),
            },
            Mistake {
                when: "the root is taken of 2 alone, and not of 2/pi",
                answer: |xs| each(xs, |x| half(x, u(x) / PI.sqrt())),
            },
            Mistake {
                when: "sqrt(2/pi) multiplies x alone: brackets are missing",
                answer: |xs| each(xs, |x| half(x, ROOT * x + 0.044715 * x.powi(3))),
            },
            Mistake { when: "the factor 0.5 is left out", answer: |xs| each(xs, |x| 2.0 * half(x, u(x))) },
            Mistake { when: "the 1 in 1 + tanh(u) is left out", answer: |xs| each(xs, |x| 0.5 * x * u(x).tanh()) },
            Mistake {
                when: "tanh is subtracted from 1, where it should be added",
                answer: |xs| each(xs, |x| half(x, -u(x))),
            },
            Mistake {
                when: "tanh is left out: u itself is added to 1",
                answer: |xs| each(xs, |x| 0.5 * x * (1.0 + u(x))),
            },
            Mistake {
                when: "the tangent, tan, is used in place of tanh",
                answer: |xs| each(xs, |x| 0.5 * x * (1.0 + u(x).tan())),
            },
            Mistake {
                when: "the factor x is left out: what is left is a probability",
                answer: |xs| each(xs, |x| half(1.0, u(x))),
            },
            Mistake { when: CUT, answer: |xs| each(xs, |x| if x < -3.0 { 0.0 } else { half(x, u(x)) }) },
            Mistake { when: CUT, answer: |xs| each(xs, |x| if x > 3.0 { x } else { half(x, u(x)) }) },
            Mistake { when: CUT, answer: |xs| each(xs, |x| if x.abs() > 3.0 { x.max(0.0) } else { half(x, u(x)) }) },
            Mistake {
                when: OWN_TANH,
                answer: |xs| answer(xs, |x| own(x, |u| ((2.0 * u).exp() - 1.0) / ((2.0 * u).exp() + 1.0))),
            },
            Mistake {
                when: OWN_TANH,
                answer: |xs| answer(xs, |x| own(x, |u| (u.exp() - (-u).exp()) / (u.exp() + (-u).exp()))),
            },
            Mistake {
                when: OWN_TANH,
                answer: |xs| answer(xs, |x| own(x, |u| (1.0 - (-2.0 * u).exp()) / (1.0 + (-2.0 * u).exp()))),
            },
            Mistake { when: "a ReLU is used in place of the GELU", answer: |xs| each(xs, |x| x.max(0.0)) },
            Mistake {
                when: "the other approximation, x * sigmoid(1.702 * x), is used: GPT-2 has the one with tanh",
                answer: |xs| each(xs, |x| x / (1.0 + (-1.702 * x).exp())),
            },
            Mistake {
                when: "x * sigmoid(x) is computed: that is another bend, known as SiLU or Swish",
                answer: |xs| each(xs, |x| x / (1.0 + (-x).exp())),
            },
        ],
    }
}

/// `sqrt(2/pi)`.
const ROOT: f64 = FRAC_2_SQRT_PI / std::f64::consts::SQRT_2;

const CUT: &str = "far from 0, the answer is simply 0 or x: the formula holds for every x, and still bends at -3 and 3";

const OWN_TANH: &str = "tanh is computed from powers of e, which overflow where u is large: use `f32::tanh`";

/// GELU with a tanh of one's own, in single precision as a learner has it.
fn own(x: f32, tanh: fn(f32) -> f32) -> f32 {
    0.5 * x * (1.0 + tanh(ROOT as f32 * (x + 0.044715 * x * x * x)))
}

fn inputs() -> Vec<Vec<f32>> {
    vec![
        vec![2.0],
        vec![-1.0],
        vec![0.0],
        // Several at once, because they are compared relative to the largest: far to the left, only rounding is left.
        vec![-3.0, -2.0, -1.5, -0.75, -0.5, -0.1, 0.1, 0.3, 0.5, 1.0, 1.3, 1.7, 2.5, 3.0],
        // Where the bend is nearly over.
        vec![-4.2, -4.0, -3.5, -3.1, 0.5],
        vec![3.1, 3.5, 3.9],
        vec![-100.0, -20.0, -7.0, 7.0, 20.0, 100.0],
    ]
}

fn answer(xs: &[f32], f: impl Fn(f32) -> f32) -> Answer {
    one(match xs {
        [x] => number(f(*x)),
        _ => numbers(&xs.iter().map(|&x| f(x)).collect::<Vec<_>>()),
    })
}

/// A mistake, in double precision: rounding is not what is wrong with it.
fn each(xs: &[f32], f: fn(f64) -> f64) -> Answer {
    answer(xs, |x| f(f64::from(x)) as f32)
}

/// The right u.
fn u(x: f64) -> f64 {
    ROOT * (x + 0.044715 * x.powi(3))
}

/// GELU with something else in place of x^3.
fn bent(x: f64, cube: f64) -> f64 {
    half(x, ROOT * (x + 0.044715 * cube))
}

fn half(x: f64, u: f64) -> f64 {
    0.5 * x * (1.0 + u.tanh())
}

/// The error function, by its series; from 5 on it is 1 to all digits of an `f32`.
fn erf(x: f64) -> f64 {
    if x.abs() > 5.0 {
        return x.signum();
    }
    // x - x^3 / (3 * 1!) + x^5 / (5 * 2!) - ...
    let (mut sum, mut power) = (x, x);
    for n in 1..100 {
        power *= -x * x / f64::from(n);
        sum += power / f64::from(2 * n + 1);
    }
    FRAC_2_SQRT_PI * sum
}
