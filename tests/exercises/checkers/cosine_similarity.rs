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
        library: |i| answer(i, |dot, aa, bb| dot / (aa.sqrt() * bb.sqrt())),
        tolerance: 1e-4,
        mistakes: vec![
            Mistake { when: "the dot product is not divided by the lengths", answer: |i| answer(i, |dot, _, _| dot) },
            Mistake {
                when: "the lengths are squared: the roots are missing",
                answer: |i| answer(i, |dot, aa, bb| dot / (aa * bb)),
            },
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
                    let n = i.a.len() as f64;
                    one(number((dot(&i.a, &i.b) / (n * n)) as f32))
                },
            },
            Mistake {
                when: "the products are averaged: divide by the lengths of the vectors, not by their `len()`",
                answer: |i| one(number((dot(&i.a, &i.b) / i.a.len() as f64) as f32)),
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
                when: "the sum of the numbers is used as the length: it is the root of the sum of their squares",
                answer: |i| {
                    let sum = |x: &[f32]| x.iter().map(|&x| f64::from(x).abs()).sum::<f64>();
                    one(number((dot(&i.a, &i.b) / (sum(&i.a) * sum(&i.b))) as f32))
                },
            },
        ],
    }
}

fn inputs() -> Vec<Input> {
    let mut rng = Rng::new(1);
    let mut random = |n: usize| Tensor::random(&[n], 2.0, &mut rng).into_data();
    let mut inputs: Vec<Input> = [5, 7, 3].into_iter().map(|n| Input { a: random(n), b: random(n) }).collect();
    let pairs =
        [[[3.0, 4.0], [4.0, 3.0]], [[3.0, 4.0], [-1.0, 0.0]], [[3.0, 4.0], [30.0, 40.0]], [[2.0, 0.0], [0.0, 7.0]]];
    inputs.splice(0..0, pairs.map(|[a, b]| Input { a: a.to_vec(), b: b.to_vec() }));
    inputs.push(Input { a: vec![-0.5], b: vec![3.0] });
    inputs
}

/// In double precision. The library has no function for this: it makes all rows of a table 1 long and takes a matrix
/// product.
fn answer(i: &Input, of: fn(f64, f64, f64) -> f64) -> Answer {
    one(number(of(dot(&i.a, &i.b), dot(&i.a, &i.a), dot(&i.b, &i.b)) as f32))
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
}
