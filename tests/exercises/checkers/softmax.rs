//! Softmax.

use crate::check::{Exercise, Mistake, one, tensor};
use crate::exercises;
use gpt60::layers::softmax;
use gpt60::{Rng, Tensor};

pub fn exercise() -> Exercise<Tensor> {
    Exercise {
        name: "softmax",
        inputs,
        describe: |x| format!("x of shape {:?}, whose first row is {:?}", x.shape(), x.row(0)),
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
    ]
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
