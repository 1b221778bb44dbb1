//! The slope of the loss.

use crate::check::{Answer, Exercise, Mistake, attempt, one, tensor};
use crate::exercises;
use gpt60::layers::softmax;
use gpt60::train::loss;
use gpt60::{Rng, Tensor};

pub struct Input {
    logits: Tensor,
    targets: Vec<u32>,
    weight: f32,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "cross_entropy_gradient",
        inputs,
        describe: |i| {
            let shape = i.logits.shape();
            format!("logits of shape {shape:?}, the targets {:?} and a weight of {}", i.targets, i.weight)
        },
        stub: |i| {
            let gradient = exercises::cross_entropy_gradient::gradient(&i.logits, &i.targets, i.weight);
            attempt(gradient, |d| one(tensor(&d)))
        },
        library: |i| {
            let both = loss::cross_entropy_and_gradient(i.logits.clone(), &i.targets, i.weight);
            attempt(both, |(_, d)| one(tensor(&d)))
        },
        tolerance: 1e-5,
        mistakes: vec![
            Mistake {
                when: "the 1 is not subtracted at the target",
                answer: |i| one(tensor(&softmax::forward(&i.logits).scale(share(i)))),
            },
            Mistake {
                when: "the sign is wrong: one-hot minus softmax, instead of softmax minus one-hot",
                answer: |i| one(tensor(&minus_one_hot(i, softmax::forward(&i.logits), 1.0).scale(-share(i)))),
            },
            Mistake {
                when: "it is not divided by the number of rows: the loss is their mean, not their sum",
                answer: |i| scaled(i, i.weight),
            },
            Mistake {
                when: "it is divided by the size of the vocabulary, instead of the number of rows",
                answer: |i| scaled(i, i.weight / i.logits.n_cols() as f32),
            },
            Mistake {
                when: "it is divided by the number of logits, instead of the number of rows",
                answer: |i| scaled(i, i.weight / i.logits.len() as f32),
            },
            Mistake { when: "the weight is left out", answer: |i| scaled(i, share(i) / i.weight) },
            Mistake {
                when: "a whole 1 is subtracted after the multiplication: the 1 must be multiplied too",
                answer: |i| one(tensor(&minus_one_hot(i, softmax::forward(&i.logits).scale(share(i)), 1.0))),
            },
            Mistake {
                when: "softmax is left out: the 1 is subtracted from the logit itself",
                answer: |i| one(tensor(&minus_one_hot(i, i.logits.clone(), 1.0).scale(share(i)))),
            },
            Mistake {
                when: "only the target's own logit gets a slope: raising any other lowers the target's probability too",
                answer: |i| {
                    let mut d = Tensor::zeros(i.logits.shape());
                    let right = minus_one_hot(i, softmax::forward(&i.logits), 1.0).scale(share(i));
                    for (r, &t) in i.targets.iter().enumerate() {
                        d.row_mut(r)[t as usize] = right.row(r)[t as usize];
                    }
                    one(tensor(&d))
                },
            },
            Mistake {
                when: "the row's own number is used as the target, instead of `targets[i]`",
                answer: |i| {
                    let mut d = softmax::forward(&i.logits);
                    let n = d.n_cols();
                    (0..d.n_rows()).for_each(|r| d.row_mut(r)[r % n] -= 1.0);
                    one(tensor(&d.scale(share(i))))
                },
            },
            Mistake {
                when: "softmax is computed without subtracting the largest logit: e^x overflows",
                answer: |i| {
                    let mut d = i.logits.map(f32::exp);
                    for r in 0..d.n_rows() {
                        let sum: f32 = d.row(r).iter().sum();
                        d.row_mut(r).iter_mut().for_each(|x| *x /= sum);
                    }
                    one(tensor(&minus_one_hot(i, d, 1.0).scale(share(i))))
                },
            },
        ],
    }
}

fn inputs() -> Vec<Input> {
    let mut rng = Rng::new(1);
    let table = |n_tok, n_vocab, data: &[f32]| Tensor::new(&[n_tok, n_vocab], data.to_vec()).unwrap();
    vec![
        Input { logits: table(1, 3, &[2.0, 1.0, 0.0]), targets: vec![1], weight: 1.0 },
        Input { logits: table(2, 3, &[2.0, 1.0, 0.0, 1.0, -1.0, 3.0]), targets: vec![1, 0], weight: 3.0 },
        Input { logits: Tensor::random(&[7, 3], 2.0, &mut rng), targets: vec![2, 1, 1, 0, 2, 2, 1], weight: 0.5 },
        Input { logits: Tensor::random(&[2, 5], 2.0, &mut rng), targets: vec![4, 0], weight: 1.0 },
        Input { logits: table(2, 2, &[1000.0, 1001.0, -200.0, 0.0]), targets: vec![0, 0], weight: 1.0 },
    ]
}

fn share(input: &Input) -> f32 {
    input.weight / input.targets.len() as f32
}

fn minus_one_hot(input: &Input, mut d: Tensor, hot: f32) -> Tensor {
    for (i, &t) in input.targets.iter().enumerate() {
        d.row_mut(i)[t as usize] -= hot;
    }
    d
}

fn scaled(input: &Input, factor: f32) -> Answer {
    one(tensor(&minus_one_hot(input, softmax::forward(&input.logits), 1.0).scale(factor)))
}
