//! The cosine of the angle between two vectors.

use crate::check::{Answer, Exercise, Mistake, number, one};
use crate::exercises;
use gpt60::{Rng, Tensor};

pub struct Input {
    a: Vec<f32>,
    b: Vec<f32>,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "cosine_similarity",
        inputs,
        describe: |i| format!("a = {:?} and b = {:?}", i.a, i.b),
        stub: |i| one(number(exercises::cosine_similarity::cosine_similarity(&i.a, &i.b))),
        library,
        tolerance: 1e-4,
        mistakes: vec![
            Mistake { when: "the dot product is not divided by the lengths", answer: |i| answer(i, |dot, _, _| dot) },
            Mistake { when: SQUARED, answer: |i| answer(i, |dot, aa, bb| dot / (aa * bb)) },
            Mistake { when: SQUARED, answer: |i| answer(i, |dot, aa, bb| dot / aa / bb) },
            Mistake {
                when: "it is divided by the length of a only",
                answer: |i| answer(i, |dot, aa, _| dot / aa.sqrt()),
            },
            Mistake {
                when: "it is divided by the length of b only",
                answer: |i| answer(i, |dot, _, bb| dot / bb.sqrt()),
            },
            Mistake {
                when: "it is divided by the length of a twice, not by each length once",
                answer: |i| answer(i, |dot, aa, _| dot / aa),
            },
            Mistake {
                when: "the lengths are added, where they should be multiplied",
                answer: |i| answer(i, |dot, aa, bb| dot / (aa.sqrt() + bb.sqrt())),
            },
            Mistake {
                when: "it is divided by one length and then multiplied by the other: brackets are missing",
                answer: |i| answer(i, |dot, aa, bb| dot / aa.sqrt() * bb.sqrt()),
            },
            Mistake {
                when: "`len()` is used as the length: it only counts the numbers",
                answer: |i| {
                    let n = i.a.len() as f32;
                    one(number(dot(&i.a, &i.b) / (n * n)))
                },
            },
            Mistake {
                when: "the products are averaged: divide by the lengths of the vectors, not by their `len()`",
                answer: |i| one(number(dot(&i.a, &i.b) / i.a.len() as f32)),
            },
            Mistake {
                when: "it is subtracted from 1: that is a distance, 0 for the same direction",
                answer: |i| answer(i, |dot, aa, bb| 1.0 - dot / (aa.sqrt() * bb.sqrt())),
            },
            Mistake {
                when: "the sign is lost: opposite directions have -1",
                answer: |i| answer(i, |dot, aa, bb| dot.abs() / (aa.sqrt() * bb.sqrt())),
            },
            Mistake {
                when: "negative results become 0: opposite directions have -1",
                answer: |i| answer(i, |dot, aa, bb| (dot / (aa.sqrt() * bb.sqrt())).max(0.0)),
            },
            Mistake { when: BELOW, answer: |i| answer(i, |dot, aa, bb| dot / (aa.sqrt() * bb.sqrt() + 1e-3)) },
            Mistake { when: BELOW, answer: |i| answer(i, |dot, aa, bb| dot / (aa.sqrt() * bb.sqrt() + 1e-6)) },
            Mistake { when: BELOW, answer: |i| answer(i, |dot, aa, bb| dot / (aa.sqrt() * bb.sqrt() + 1e-8)) },
            Mistake { when: BELOW, answer: |i| answer(i, |dot, aa, bb| dot / (aa.sqrt() * bb.sqrt() + 1e-9)) },
            Mistake { when: BELOW, answer: |i| answer(i, |dot, aa, bb| dot / (aa.sqrt() * bb.sqrt() + 1e-10)) },
            Mistake { when: BELOW, answer: |i| answer(i, |dot, aa, bb| dot / (aa.sqrt() * bb.sqrt() + 1e-12)) },
            Mistake { when: BELOW, answer: |i| answer(i, |dot, aa, bb| dot / (aa.sqrt() * bb.sqrt() + f32::EPSILON)) },
            Mistake { when: BELOW, answer: |i| answer(i, |dot, aa, bb| dot / (aa.sqrt() * bb.sqrt()).max(1e-6)) },
            Mistake { when: BELOW, answer: |i| answer(i, |dot, aa, bb| dot / (aa.sqrt() * bb.sqrt()).max(1e-8)) },
            Mistake {
                when: BELOW,
                answer: |i| answer(i, |dot, aa, bb| dot / (aa.sqrt() * bb.sqrt()).max(f32::EPSILON)),
            },
            Mistake {
                when: "short vectors get 0, as if they were all zeros: lengths do not matter",
                answer: |i| {
                    answer(i, |dot, aa, bb| if aa.min(bb) < 1e-12 { 0.0 } else { dot / (aa.sqrt() * bb.sqrt()) })
                },
            },
            Mistake {
                when: "the squares of the lengths are multiplied before the root is taken: of long vectors that is more than an \
                       f32 can hold",
                answer: |i| answer(i, |dot, aa, bb| dot / (aa * bb).sqrt()),
            },
            Mistake {
                when: "the mean is subtracted from each vector: that is a correlation",
                answer: |i| {
                    let centred = |x: &[f32]| {
                        let mean = x.iter().sum::<f32>() / x.len() as f32;
                        x.iter().map(|x| x - mean).collect()
                    };
                    let i = Input { a: centred(&i.a), b: centred(&i.b) };
                    answer(&i, |dot, aa, bb| dot / (aa.sqrt() * bb.sqrt()))
                },
            },
            Mistake {
                when: "the result is rounded to two digits",
                answer: |i| answer(i, |dot, aa, bb| (dot / (aa.sqrt() * bb.sqrt()) * 100.0).round() / 100.0),
            },
            Mistake {
                when: "the sum of the numbers is used as the length: it is the root of the sum of their squares",
                answer: |i| {
                    let sum = |x: &[f32]| x.iter().map(|x| x.abs()).sum::<f32>();
                    one(number(dot(&i.a, &i.b) / (sum(&i.a) * sum(&i.b))))
                },
            },
        ],
    }
}

const BELOW: &str =
    "a small number is added below the bar, or is the least that may stand there: short vectors come out too small";

const SQUARED: &str = "the lengths are squared: the roots are missing";

fn inputs() -> Vec<Input> {
    let mut rng = Rng::new(1);
    let mut random = |n: usize| Tensor::random(&[n], 2.0, &mut rng).into_data();
    let mut inputs: Vec<Input> = [5, 7, 3].into_iter().map(|n| Input { a: random(n), b: random(n) }).collect();
    let pairs =
        [[[3.0, 4.0], [4.0, 3.0]], [[3.0, 4.0], [-1.0, 0.0]], [[3.0, 4.0], [30.0, 40.0]], [[2.0, 0.0], [0.0, 7.0]]];
    inputs.splice(0..0, pairs.map(|[a, b]| Input { a: a.to_vec(), b: b.to_vec() }));
    inputs.push(Input { a: vec![-0.5], b: vec![3.0] });
    // Very short, and very long: the product of all four squares is more than an f32 can hold.
    inputs.push(Input { a: vec![3e-10, 4e-10], b: vec![4e-10, 3e-10] });
    inputs.push(Input { a: vec![3e10, 4e10], b: vec![4e10, 3e10] });
    inputs
}

/// In double precision. The library has no function for this: it makes all rows of a table 1 long and takes a matrix
/// product.
fn library(i: &Input) -> Answer {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>();
    one(number((dot(&i.a, &i.b) / (dot(&i.a, &i.a).sqrt() * dot(&i.b, &i.b).sqrt())) as f32))
}

/// What is made of the dot product of both, of that of `a` with itself, and of that of `b`.
fn answer(i: &Input, of: fn(f32, f32, f32) -> f32) -> Answer {
    one(number(of(dot(&i.a, &i.b), dot(&i.a, &i.a), dot(&i.b, &i.b))))
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
