//! The loss.

use crate::check::{Answer, Exercise, Mistake, attempt, numbers, one};
use crate::exercises;
use gpt60::layers::softmax;
use gpt60::train::loss;
use gpt60::{Rng, Tensor, argmax};

pub struct Input {
    logits: Tensor,
    targets: Vec<u32>,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "cross_entropy",
        inputs,
        describe: |i| {
            let (shape, row) = (i.logits.shape(), i.logits.row(0));
            format!("logits of shape {shape:?}, whose first row is {row:?}, and the targets {:?}", i.targets)
        },
        stub: |i| attempt(exercises::cross_entropy::cross_entropy(&i.logits, &i.targets), |l| one(numbers(&l))),
        library: |i| attempt(loss::cross_entropy(&i.logits, &i.targets), |l| one(numbers(&l))),
        tolerance: 1e-5,
        mistakes: vec![
            Mistake {
                when: "the largest logit is not subtracted first: e^x overflows",
                answer: |i| rows(i, |row, t| powers(row, 0.0).iter().sum::<f32>().ln() - row[t]),
            },
            Mistake {
                when: "the largest logit is not subtracted first: e^x overflows",
                answer: |i| rows(i, |row, t| -(row[t].exp() / powers(row, 0.0).iter().sum::<f32>()).ln()),
            },
            Mistake {
                when: "the probability is computed first: it can round to 0, whose logarithm is infinite",
                answer: |i| rows(i, |row, t| -probability(row, t).ln()),
            },
            Mistake {
                when: "the largest logit is subtracted in the powers only, and not from the target's logit",
                answer: |i| rows(i, |row, t| powers(row, largest(row)).iter().sum::<f32>().ln() - row[t]),
            },
            Mistake {
                when: "the search for the largest logit begins at 0, though all logits of a row may be below it",
                answer: |i| {
                    rows(i, |row, t| {
                        let largest = largest(row).max(0.0);
                        powers(row, largest).iter().sum::<f32>().ln() + largest - row[t]
                    })
                },
            },
            Mistake { when: "the logarithm is left out: this is the probability", answer: |i| rows(i, probability) },
            Mistake { when: "the minus sign is left out", answer: |i| rows(i, |row, t| -right(row, t)) },
            Mistake {
                when: "the logarithm is to base 2: this is the loss in bits",
                answer: |i| rows(i, |row, t| right(row, t) / 2f32.ln()),
            },
            Mistake { when: "the logarithm is to base 10", answer: |i| rows(i, |row, t| right(row, t) / 10f32.ln()) },
            Mistake {
                when: "the row's own number is used as the target, instead of `targets[i]`",
                answer: |i| {
                    let n = i.logits.n_cols();
                    one(numbers(&(0..i.targets.len()).map(|r| right(i.logits.row(r), r % n)).collect::<Vec<_>>()))
                },
            },
            Mistake {
                when: "the loss of the likeliest token is computed, instead of the target's",
                answer: |i| rows(i, |row, _| right(row, argmax(row).unwrap())),
            },
            Mistake {
                when: "the mean over the rows is returned, instead of a number for each row",
                answer: |i| one(numbers(&[list(i, right).iter().sum::<f32>() / i.targets.len() as f32])),
            },
        ],
    }
}

fn inputs() -> Vec<Input> {
    let mut rng = Rng::new(1);
    let table = |n_tok, n_vocab, data: &[f32]| Tensor::new(&[n_tok, n_vocab], data.to_vec()).unwrap();
    vec![
        Input { logits: table(1, 3, &[2.0, 1.0, 0.0]), targets: vec![1] },
        Input { logits: Tensor::random(&[3, 5], 2.0, &mut rng), targets: vec![4, 0, 3] },
        Input { logits: Tensor::random(&[5, 2], 2.0, &mut rng), targets: vec![1, 1, 0, 0, 1] },
        // 1000 + ln 2, ln(1 + e^-1), 1000, and 0: e^-200 is nothing beside 1.
        Input {
            logits: table(4, 2, &[1000.0, 1000.0, -500.0, -501.0, 1000.0, 0.0, 200.0, 0.0]),
            targets: vec![1, 0, 1, 0],
        },
        Input {
            logits: table(2, 3, &[f32::NEG_INFINITY, 1.0, 2.0, -1.0, f32::NEG_INFINITY, 1.5]),
            targets: vec![1, 0],
        },
        // A single token is certain.
        Input { logits: table(2, 1, &[3.0, -3.0]), targets: vec![0, 0] },
    ]
}

fn largest(row: &[f32]) -> f32 {
    row.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

fn powers(row: &[f32], off: f32) -> Vec<f32> {
    row.iter().map(|x| (x - off).exp()).collect()
}

fn probability(row: &[f32], target: usize) -> f32 {
    softmax::forward(&Tensor::new(&[row.len()], row.to_vec()).unwrap()).data()[target]
}

fn right(row: &[f32], target: usize) -> f32 {
    loss::cross_entropy(&Tensor::new(&[1, row.len()], row.to_vec()).unwrap(), &[target as u32]).unwrap()[0]
}

fn list(input: &Input, f: fn(&[f32], usize) -> f32) -> Vec<f32> {
    input.targets.iter().enumerate().map(|(i, &t)| f(input.logits.row(i), t as usize)).collect()
}

fn rows(input: &Input, f: fn(&[f32], usize) -> f32) -> Answer {
    one(numbers(&list(input, f)))
}
