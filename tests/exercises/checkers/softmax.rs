//! Softmax.

use crate::check::{Exercise, Mistake, one, tensor, with_rows};
use crate::exercises;
use gpt60::layers::softmax;
use gpt60::{Rng, Tensor};

pub fn exercise() -> Exercise<Tensor> {
    Exercise {
        name: "softmax",
        inputs,
        describe: |x| with_rows(format!("x of shape {:?}", x.shape()), x),
        stub: |x| one(tensor(&exercises::softmax::forward(x))),
        library: |x| one(tensor(&softmax::forward(x))),
        tolerance: 1e-5,
        mistakes: vec![
            Mistake {
                when: "the largest score is not subtracted first: e^x overflows",
                answer: |x| one(tensor(&rows(x, |row| normalize(row.iter().map(|x| x.exp()).collect())))),
            },
            Mistake {
                when: "the largest score of all rows is subtracted, not that of each: a row far below it becomes 0 / 0",
                answer: |x| {
                    let largest = x.data().iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    let powers = |row: &[f32]| row.iter().map(|x| (x - largest).exp()).collect();
                    one(tensor(&rows(x, |row| normalize(powers(row)))))
                },
            },
            Mistake { when: BEGINS, answer: |x| one(tensor(&less(x, |_, row| largest_from(row, 0.0)))) },
            Mistake { when: BEGINS, answer: |x| one(tensor(&less(x, |_, row| largest_from(row, f32::MIN_POSITIVE)))) },
            Mistake { when: BEGINS, answer: |x| one(tensor(&less(x, |_, row| largest_from(row, -1000.0)))) },
            Mistake {
                when: "the largest score of the first row is subtracted from all rows: each has its own",
                answer: |x| one(tensor(&less(x, |x, _| largest_from(x.row(0), f32::NEG_INFINITY)))),
            },
            Mistake {
                when: "the first score of the row is subtracted, not the largest: e^x still overflows",
                answer: |x| one(tensor(&less(x, |_, row| row[0]))),
            },
            Mistake {
                when: "the mean of the row is subtracted, not the largest score: e^x still overflows",
                answer: |x| one(tensor(&less(x, |_, row| row.iter().sum::<f32>() / row.len() as f32))),
            },
            Mistake {
                when: "the smallest score is subtracted, not the largest: e^x overflows even more",
                answer: |x| one(tensor(&less(x, |_, row| row.iter().copied().fold(f32::INFINITY, f32::min)))),
            },
            Mistake {
                when: "e^x is computed in f64 without subtracting the largest score first: from e^710 on, f64 overflows too",
                answer: |x| {
                    one(tensor(&rows(x, |row| {
                        let sum: f64 = row.iter().map(|&x| f64::from(x).exp()).sum();
                        row.iter().map(|&x| (f64::from(x).exp() / sum) as f32).collect()
                    })))
                },
            },
            Mistake {
                when: "all rows share one sum, though each row is a list of its own",
                answer: |x| one(tensor(&over_all(x))),
            },
            Mistake {
                when: "the columns add up to 1, not the rows",
                answer: |x| one(tensor(&softmax::forward(&x.transpose().unwrap()).transpose().unwrap())),
            },
            Mistake { when: "the powers are not divided by their sum", answer: |x| one(tensor(&rows(x, powers))) },
            Mistake {
                when: "the scores are divided by their sum, without taking powers",
                answer: |x| one(tensor(&rows(x, |row| normalize(row.to_vec())))),
            },
        ],
    }
}

fn inputs() -> Vec<Tensor> {
    let mut rng = Rng::new(1);
    vec![
        Tensor::new(&[1, 2], vec![0.0, 3f32.ln()]).unwrap(),
        Tensor::random(&[3, 5], 2.0, &mut rng),
        Tensor::new(&[2, 3], vec![1000.0, 1000.0, -1000.0, 0.0, 200.0, 1.0]).unwrap(),
        Tensor::new(&[2, 2], vec![f32::NEG_INFINITY, 1.0, -500.0, -500.0]).unwrap(),
        Tensor::new(&[1, 1], vec![-7.0]).unwrap(),
        // The first row is far below the second, and the other way round.
        Tensor::new(&[2, 2], vec![0.0, 1.0, 1000.0, 1001.0]).unwrap(),
        Tensor::new(&[2, 2], vec![2001.0, 2000.0, 0.0, 1.0]).unwrap(),
        // The mean is near the largest, and the smallest is far below.
        Tensor::new(&[1, 4], vec![100.0, 100.0, 0.0, 100.0]).unwrap(),
        // Nothing to begin with is low enough, but minus infinity (and `f32::MIN`).
        Tensor::new(&[3, 2], vec![-1001.0, -1000.0, -1e5, -1e5, -1e30, -1e30]).unwrap(),
    ]
}

const BEGINS: &str =
    "the search for the largest score begins at a number such as 0: all scores of a row may be below it";

fn largest_from(row: &[f32], from: f32) -> f32 {
    row.iter().copied().fold(from, f32::max)
}

/// Softmax where something else is subtracted than the largest score: it gets the table and the row.
fn less(x: &Tensor, what: fn(&Tensor, &[f32]) -> f32) -> Tensor {
    rows(x, |row| normalize(row.iter().map(|score| (score - what(x, row)).exp()).collect()))
}

fn rows(x: &Tensor, f: impl Fn(&[f32]) -> Vec<f32>) -> Tensor {
    let data = (0..x.n_rows()).flat_map(|i| f(x.row(i))).collect();
    Tensor::new(x.shape(), data).unwrap()
}

fn powers(row: &[f32]) -> Vec<f32> {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter().map(|x| (x - largest).exp()).collect()
}

fn normalize(row: Vec<f32>) -> Vec<f32> {
    let sum: f32 = row.iter().sum();
    row.iter().map(|x| x / sum).collect()
}

fn over_all(x: &Tensor) -> Tensor {
    let one_row = x.clone().reshape(&[1, x.len()]).unwrap();
    softmax::forward(&one_row).reshape(x.shape()).unwrap()
}
