//! The loss.

use crate::check::{Answer, Exercise, Mistake, attempt, numbers, one, with_rows};
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
            with_rows(format!("the targets {:?} and logits of shape {:?}", i.targets, i.logits.shape()), &i.logits)
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
            Mistake { when: ROUNDED, answer: |i| rows(i, |row, t| -probability(row, t).ln()) },
            Mistake { when: ROUNDED, answer: |i| rows(i, |row, t| -own_probability(row, t).ln()) },
            Mistake {
                when: "the probability is computed first, and the loss is set to 0 where it rounds to 0: it is largest there",
                answer: |i| {
                    rows(i, |row, t| Some(own_probability(row, t)).filter(|p| *p > 0.0).map_or(0.0, |p| -p.ln()))
                },
            },
            Mistake {
                when: "the loss is cut off at 100: it may be any number",
                answer: |i| rows(i, |row, t| right(row, t).min(100.0)),
            },
            Mistake {
                when: "the largest logit is subtracted in the powers only, and not from the target's logit",
                answer: |i| rows(i, |row, t| powers(row, largest(row)).iter().sum::<f32>().ln() - row[t]),
            },
            Mistake { when: BEGINS, answer: |i| rows(i, |row, t| less(row, t, largest(row).max(0.0))) },
            Mistake { when: BEGINS, answer: |i| rows(i, |row, t| less(row, t, largest(row).max(-1000.0))) },
            Mistake {
                when: "the target's logit is subtracted in the powers, not the largest: e^x still overflows",
                answer: |i| rows(i, |row, t| less(row, t, row[t])),
            },
            Mistake {
                when: "the first logit of the row is subtracted, not the largest: e^x still overflows",
                answer: |i| rows(i, |row, t| less(row, t, row[0])),
            },
            Mistake {
                when: "the largest logit of all rows is subtracted, not that of each: a row far below it is the logarithm of 0",
                answer: |i| {
                    let largest = largest(i.logits.data());
                    let losses = i.targets.iter().enumerate().map(|(r, &t)| less(i.logits.row(r), t as usize, largest));
                    one(numbers(&losses.collect::<Vec<_>>()))
                },
            },
            Mistake {
                when: "the largest logit of the first row is subtracted from all rows: each has its own",
                answer: |i| {
                    let largest = largest(i.logits.row(0));
                    let losses = i.targets.iter().enumerate().map(|(r, &t)| less(i.logits.row(r), t as usize, largest));
                    one(numbers(&losses.collect::<Vec<_>>()))
                },
            },
            Mistake {
                when: "e^x is computed in f64 without subtracting the largest logit first: from e^710 on, f64 overflows too",
                answer: |i| {
                    rows(i, |row, t| {
                        (row.iter().map(|&x| f64::from(x).exp()).sum::<f64>().ln() - f64::from(row[t])) as f32
                    })
                },
            },
            Mistake { when: BOUNDED, answer: |i| rows(i, |row, t| -(probability(row, t) + 1e-9).ln()) },
            Mistake { when: BOUNDED, answer: |i| rows(i, |row, t| -(probability(row, t) + 1e-10).ln()) },
            Mistake { when: BOUNDED, answer: |i| rows(i, |row, t| -(probability(row, t) + 1e-8).ln()) },
            Mistake { when: BOUNDED, answer: |i| rows(i, |row, t| -probability(row, t).max(1e-9).ln()) },
            Mistake { when: BOUNDED, answer: |i| rows(i, |row, t| -probability(row, t).max(1e-30).ln()) },
            Mistake { when: BOUNDED, answer: |i| rows(i, |row, t| -probability(row, t).max(f32::MIN_POSITIVE).ln()) },
            Mistake { when: "the logarithm is left out: this is the probability", answer: |i| rows(i, probability) },
            Mistake { when: "the minus sign is left out", answer: |i| rows(i, |row, t| -right(row, t)) },
            Mistake {
                when: "the logarithm is to base 2: this is the loss in bits",
                answer: |i| rows(i, |row, t| right(row, t) / 2f32.ln()),
            },
            Mistake { when: "the logarithm is to base 10", answer: |i| rows(i, |row, t| right(row, t) / 10f32.ln()) },
            // The same in the repaired formula, where the logits themselves are no logarithms to another base.
            Mistake {
                when: "the logarithm of the sum is to base 2: the natural one is `ln`",
                answer: |i| {
                    rows(i, |row, t| {
                        let largest = largest(row);
                        powers(row, largest).iter().sum::<f32>().log2() + largest - row[t]
                    })
                },
            },
            Mistake {
                when: "the logarithm of the sum is to base 10: the natural one is `ln`",
                answer: |i| {
                    rows(i, |row, t| {
                        let largest = largest(row);
                        powers(row, largest).iter().sum::<f32>().log10() + largest - row[t]
                    })
                },
            },
            Mistake {
                when: "the row's own number is used as the target, instead of `targets[i]`",
                answer: |i| {
                    let n = i.logits.n_cols();
                    one(numbers(&(0..i.targets.len()).map(|r| right(i.logits.row(r), r % n)).collect::<Vec<_>>()))
                },
            },
            Mistake {
                when: "each row gets the target of the row after it, instead of its own",
                answer: |i| {
                    let n = i.targets.len();
                    let target = |r: usize| i.targets[(r + 1) % n] as usize;
                    one(numbers(&(0..n).map(|r| right(i.logits.row(r), target(r))).collect::<Vec<_>>()))
                },
            },
            Mistake {
                when: "the targets are counted from 1, and the column before each is used: they are counted from 0",
                answer: |i| rows(i, |row, t| right(row, t.saturating_sub(1))),
            },
            Mistake {
                when: "the target is cut to a type such as u8: a vocabulary may be larger than that",
                answer: |i| rows(i, |row, t| right(row, usize::from(t as u8))),
            },
            Mistake { when: LIKELIEST, answer: |i| rows(i, |row, _| right(row, argmax(row).unwrap())) },
            Mistake { when: LIKELIEST, answer: |i| rows(i, |row, _| less(row, argmax(row).unwrap(), largest(row))) },
            Mistake {
                when: "the target's own power is left out of the sum",
                answer: |i| {
                    rows(i, |row, t| {
                        let others = [&row[..t], &row[t + 1..]].concat();
                        powers(&others, largest(row)).iter().sum::<f32>().ln() + largest(row) - row[t]
                    })
                },
            },
            Mistake {
                when: "it is 1 minus the probability, instead of minus its logarithm",
                answer: |i| rows(i, |row, t| 1.0 - own_probability(row, t)),
            },
            Mistake {
                when: "the other tokens are judged too, by -ln(1 - p): only the target counts",
                answer: |i| {
                    rows(i, |row, t| {
                        let others = (0..row.len()).filter(|j| *j != t).map(|j| own_probability(row, j));
                        let of_others: f32 = others.map(|p| -(1.0 - p).ln()).sum();
                        of_others + powers(row, largest(row)).iter().sum::<f32>().ln() + largest(row) - row[t]
                    })
                },
            },
            Mistake {
                when: "each loss is divided by the number of rows: that would belong to their mean",
                answer: |i| {
                    let n = i.targets.len() as f32;
                    one(numbers(&list(i, right).iter().map(|loss| loss / n).collect::<Vec<_>>()))
                },
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
        // ln(1 + e^-1) far below 0; and 95, though e^95 overflows and e^-95 does not round to 0.
        Input { logits: table(3, 2, &[0.0, 2000.0, -30000.0, -30001.0, 95.0, 0.0]), targets: vec![0, 0, 1] },
        // 50: as a probability that is far below 1e-9, and far above the smallest f32. And 200.
        Input { logits: table(2, 2, &[0.0, 50.0, 0.0, 200.0]), targets: vec![0, 0] },
        // Five of many tokens may come.
        Input { logits: wide(), targets: vec![299] },
    ]
}

/// A row with more columns than a byte can count.
fn wide() -> Tensor {
    let numbers = (0..300).map(|column| if column % 64 == 43 { column as f32 / 100.0 } else { -200.0 });
    Tensor::new(&[1, 300], numbers.collect()).unwrap()
}

const ROUNDED: &str = "the probability is computed first: it can round to 0, whose logarithm is infinite";

const LIKELIEST: &str = "the loss of the likeliest token is computed, instead of the target's";

const BEGINS: &str =
    "the search for the largest logit begins at a number such as 0: all logits of a row may be below it";

const BOUNDED: &str =
    "the probability is computed first, and kept away from 0 by a small number: the loss cannot grow on";

/// The loss, where this is subtracted from the logits before they become powers.
fn less(row: &[f32], target: usize, what: f32) -> f32 {
    powers(row, what).iter().sum::<f32>().ln() + what - row[target]
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

/// With powers that are not rounded to 0 where an f32 can still hold them.
fn own_probability(row: &[f32], target: usize) -> f32 {
    let largest = largest(row);
    (row[target] - largest).exp() / powers(row, largest).iter().sum::<f32>()
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
