//! The slope of the loss.

use crate::check::{Answer, Exercise, Mistake, attempt, one, tensor, with_rows};
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
            let (shape, targets) = (i.logits.shape(), &i.targets);
            let words = format!("a weight of {}, the targets {targets:?} and logits of shape {shape:?}", i.weight);
            with_rows(words, &i.logits)
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
            Mistake {
                when: "it is divided by the number of rows twice",
                answer: |i| scaled(i, share(i) / i.targets.len() as f32),
            },
            Mistake { when: ONE_LESS, answer: |i| scaled(i, i.weight / (i.targets.len() as f32 - 1.0)) },
            Mistake { when: ONE_LESS, answer: |i| scaled(i, i.weight / (i.targets.len() as f32 - 1.0).max(1.0)) },
            Mistake {
                when: "it is divided by the weight, instead of multiplied by it",
                answer: |i| scaled(i, share(i) / (i.weight * i.weight)),
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
                    let rows = (0..i.targets.len()).map(|r| r % i.logits.n_cols());
                    changed(i, rows.collect(), |p| p - 1.0)
                },
            },
            Mistake {
                when: "each row gets the target of the row after it, instead of its own",
                answer: |i| changed(i, targets(i, |i, r| i.targets[(r + 1) % i.targets.len()]), |p| p - 1.0),
            },
            Mistake {
                when: "the target is cut to a type such as u8: a vocabulary may be larger than that",
                answer: |i| changed(i, targets(i, |i, r| u32::from(i.targets[r] as u8)), |p| p - 1.0),
            },
            Mistake {
                when: "the 1 is subtracted in the first row only: each row has a target",
                answer: |i| changed(i, vec![i.targets[0] as usize], |p| p - 1.0),
            },
            Mistake {
                when: "the 1 is added at the target: it is subtracted",
                answer: |i| changed(i, targets(i, |i, r| i.targets[r]), |p| p + 1.0),
            },
            Mistake {
                when: "the target's place is set to -1: the 1 is subtracted from the probability there",
                answer: |i| changed(i, targets(i, |i, r| i.targets[r]), |_| -1.0),
            },
            Mistake {
                when: "the weight is subtracted at the target, and then multiplied once more: it is 1 that is subtracted",
                answer: |i| one(tensor(&minus_one_hot(i, softmax::forward(&i.logits), i.weight).scale(share(i)))),
            },
            Mistake {
                when: "each probability p becomes p * (1 - p), the slope of softmax itself: the loss has softmax minus one-hot",
                answer: |i| one(tensor(&softmax::forward(&i.logits).map(|p| p * (1.0 - p)).scale(share(i)))),
            },
            Mistake {
                when: "softmax is computed without subtracting the largest logit: e^x overflows",
                answer: |i| own_softmax(i, |_, _| 0.0),
            },
            Mistake { when: BEGINS, answer: |i| own_softmax(i, |_, row| row.iter().copied().fold(0.0, f32::max)) },
            Mistake { when: BEGINS, answer: |i| own_softmax(i, |_, row| row.iter().copied().fold(-1000.0, f32::max)) },
            Mistake {
                when: "softmax subtracts the largest logit of all rows, not that of each: a row far below it becomes 0 / 0",
                answer: |i| own_softmax(i, |i, _| i.logits.data().iter().copied().fold(f32::NEG_INFINITY, f32::max)),
            },
            Mistake {
                when: "softmax subtracts the largest logit of the first row from all rows: each has its own",
                answer: |i| own_softmax(i, |i, _| i.logits.row(0).iter().copied().fold(f32::NEG_INFINITY, f32::max)),
            },
            Mistake {
                when: "softmax subtracts the first logit of the row, not the largest: e^x still overflows",
                answer: |i| own_softmax(i, |_, row| row[0]),
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
        // Rows far below 0, and far from each other.
        Input { logits: table(2, 2, &[-200.0, -201.0, -30000.0, -30001.0]), targets: vec![1, 0], weight: 2.0 },
        Input { logits: table(2, 2, &[0.0, 1.0, 300.0, 302.0]), targets: vec![1, 0], weight: 2.0 },
        // Five of many tokens may come.
        Input { logits: wide(), targets: vec![299], weight: 1.0 },
    ]
}

/// A row with more columns than a byte can count.
fn wide() -> Tensor {
    let numbers = (0..300).map(|column| if column % 64 == 43 { column as f32 / 100.0 } else { -200.0 });
    Tensor::new(&[1, 300], numbers.collect()).unwrap()
}

const ONE_LESS: &str = "it is divided by the number of rows minus 1";

const BEGINS: &str = "softmax subtracts the largest logit, whose search begins at a number such as 0: all logits of a row may be below it";

/// Everything is right but softmax: it subtracts this from each row.
fn own_softmax(input: &Input, what: fn(&Input, &[f32]) -> f32) -> Answer {
    let mut d = input.logits.clone();
    for i in 0..d.n_rows() {
        let what = what(input, input.logits.row(i));
        let powers: Vec<f32> = input.logits.row(i).iter().map(|x| (x - what).exp()).collect();
        let sum: f32 = powers.iter().sum();
        d.row_mut(i).iter_mut().zip(powers).for_each(|(x, power)| *x = power / sum);
    }
    one(tensor(&minus_one_hot(input, d, 1.0).scale(share(input))))
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

/// The column of each row, as `f` has it.
fn targets(input: &Input, f: fn(&Input, usize) -> u32) -> Vec<usize> {
    (0..input.targets.len()).map(|r| f(input, r) as usize).collect()
}

/// Softmax, with something else in these columns, one in each row.
fn changed(input: &Input, columns: Vec<usize>, at_target: fn(f32) -> f32) -> Answer {
    let mut d = softmax::forward(&input.logits);
    for (r, column) in columns.into_iter().enumerate() {
        d.row_mut(r)[column] = at_target(d.row(r)[column]);
    }
    one(tensor(&d.scale(share(input))))
}

fn scaled(input: &Input, factor: f32) -> Answer {
    one(tensor(&minus_one_hot(input, softmax::forward(&input.logits), 1.0).scale(factor)))
}
