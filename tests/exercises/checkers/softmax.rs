//! Softmax.

use crate::check::{Answer, Exercise, Mistake, Part, tensor, with_rows};
use crate::exercises;
use gpt60::layers::softmax;
use gpt60::{Rng, Tensor};

pub fn exercise() -> Exercise<Tensor> {
    Exercise {
        name: "softmax",
        inputs,
        describe: |x| with_rows(format!("x of shape {:?}", x.shape()), x),
        stub: |x| answer(exercises::softmax::forward(x)),
        library: |x| answer(softmax::forward(x)),
        tolerance: 1e-5,
        mistakes: vec![
            Mistake {
                when: "the largest score is not subtracted first: e^x overflows",
                answer: |x| by_row(x, |row| normalize(row.iter().map(|x| x.exp()).collect())),
            },
            Mistake {
                when: "large scores are cut off instead of subtracting the largest: [1000, 900] would be [0.5, 0.5]",
                answer: |x| by_row(x, |row| normalize(row.iter().map(|x| x.min(80.0).exp()).collect())),
            },
            Mistake {
                when: "the largest score of all rows is subtracted, not that of each: a row far below it becomes 0 / 0",
                answer: |x| less(x, |x, _| largest_from(x.data(), f32::NEG_INFINITY)),
            },
            Mistake { when: BEGINS, answer: |x| less(x, |_, row| largest_from(row, 0.0)) },
            Mistake { when: BEGINS, answer: |x| less(x, |_, row| largest_from(row, f32::MIN_POSITIVE)) },
            Mistake { when: BEGINS, answer: |x| less(x, |_, row| largest_from(row, -1000.0)) },
            Mistake {
                when: "the largest score of the first row is subtracted from all rows: each has its own",
                answer: |x| less(x, |x, _| largest_from(x.row(0), f32::NEG_INFINITY)),
            },
            Mistake {
                when: "the first score of the row is subtracted, not the largest: e^x still overflows",
                answer: |x| less(x, |_, row| row[0]),
            },
            Mistake {
                when: "the mean of the row is subtracted, not the largest score: e^x still overflows",
                answer: |x| less(x, |_, row| row.iter().sum::<f32>() / row.len() as f32),
            },
            Mistake {
                when: "the smallest score is subtracted, not the largest: e^x overflows even more",
                answer: |x| less(x, |_, row| row.iter().copied().fold(f32::INFINITY, f32::min)),
            },
            Mistake {
                when: "e^x is computed in f64 without subtracting the largest score first: from e^710 on, f64 overflows too",
                answer: |x| {
                    by_row(x, |row| {
                        let sum: f64 = row.iter().map(|&x| f64::from(x).exp()).sum();
                        row.iter().map(|&x| (f64::from(x).exp() / sum) as f32).collect()
                    })
                },
            },
            Mistake {
                when: "all rows share one sum, though each row is a list of its own",
                answer: |x| answer(over_all(x)),
            },
            Mistake {
                when: "the columns add up to 1, not the rows",
                answer: |x| answer(softmax::forward(&x.transpose().unwrap()).transpose().unwrap()),
            },
            Mistake { when: "the powers are not divided by their sum", answer: |x| by_row(x, powers) },
            Mistake {
                when: "only the last row is divided by its sum: each row has its own",
                answer: |x| {
                    let mut table = rows(x, powers);
                    let last = x.n_rows() - 1;
                    table.row_mut(last).copy_from_slice(&normalize(powers(x.row(last))));
                    answer(table)
                },
            },
            Mistake {
                when: "each power is divided by the sum so far: the sum has to be complete first",
                answer: |x| {
                    by_row(x, |row| {
                        let mut sum = 0.0;
                        let so_far = |power| {
                            sum += power;
                            power / sum
                        };
                        powers(row).into_iter().map(so_far).collect()
                    })
                },
            },
            Mistake {
                when: "a small number is added to the sum: the largest power is 1, so nothing is ever divided by 0",
                answer: |x| {
                    by_row(x, |row| {
                        let sum = powers(row).iter().sum::<f32>() + 1e-4;
                        powers(row).iter().map(|power| power / sum).collect()
                    })
                },
            },
            Mistake {
                when: "the powers are those of 2, not of e",
                answer: |x| {
                    let ln_2 = std::f32::consts::LN_2;
                    by_row(x, |row| normalize(powers(&row.iter().map(|x| x * ln_2).collect::<Vec<f32>>())))
                },
            },
            Mistake {
                when: "the logarithms of the probabilities are returned",
                answer: |x| {
                    by_row(x, |row| {
                        let largest = largest_from(row, f32::NEG_INFINITY);
                        let sum: f32 = powers(row).iter().sum();
                        row.iter().map(|x| x - largest - sum.ln()).collect()
                    })
                },
            },
            Mistake {
                when: "minus infinity stays what it is: as a score it has the probability 0",
                answer: |x| {
                    by_row(x, |row| {
                        let p = normalize(powers(row));
                        row.iter().zip(p).map(|(&x, p)| if x.is_finite() { p } else { x }).collect()
                    })
                },
            },
            Mistake { when: SMALL, answer: |x| by_row(x, |row| without_small(row, 1e-6)) },
            Mistake { when: SMALL, answer: |x| by_row(x, |row| without_small(row, 1e-12)) },
            Mistake { when: LIFTED, answer: |x| by_row(x, |row| normalize(lifted(powers(row), 1e-10))) },
            Mistake { when: LIFTED, answer: |x| by_row(x, |row| normalize(lifted(powers(row), 1e-12))) },
            Mistake {
                when: "the scores are divided by their sum, without taking powers",
                answer: |x| by_row(x, |row| normalize(row.to_vec())),
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
        Tensor::new(&[1, 3], vec![0.0, -16.0, -40.0]).unwrap(), // small probabilities
        // The first row is far below the second, and the other way round.
        Tensor::new(&[2, 2], vec![0.0, 1.0, 1000.0, 1001.0]).unwrap(),
        Tensor::new(&[2, 2], vec![2001.0, 2000.0, 0.0, 1.0]).unwrap(),
        // The mean is near the largest, and the smallest is far below.
        Tensor::new(&[1, 4], vec![100.0, 100.0, 0.0, 100.0]).unwrap(),
        // Nothing to begin with is low enough, but minus infinity (and `f32::MIN`).
        Tensor::new(&[3, 2], vec![-1001.0, -1000.0, -1e5, -1e5, -1e30, -1e30]).unwrap(),
    ]
}

const BEGINS: &str = "the search for the largest score begins at a number such as 0, or it is subtracted only if it is large: \
                      all scores of a row may be far below 0";
const SMALL: &str = "small probabilities are set to 0: they are small, and still there";
const LIFTED: &str = "powers are raised to a number such as 1e-10 at least: that of minus infinity is 0";

/// The probabilities, and their logarithms: these show what is wrong with a small one.
fn answer(probabilities: Tensor) -> Answer {
    let ln = |&p: &f32| if p.abs() < 1e-30 { f32::NEG_INFINITY } else { p.ln() };
    let logarithms = probabilities.data().iter().map(ln).collect();
    let logarithms = Part::Numbers(probabilities.shape().to_vec(), logarithms);
    vec![("", tensor(&probabilities)), ("the logarithm of the result", logarithms)]
}

fn largest_from(row: &[f32], from: f32) -> f32 {
    row.iter().copied().fold(from, f32::max)
}

/// Softmax where something else is subtracted than the largest score: `what` gets the table and the row.
fn less(x: &Tensor, what: fn(&Tensor, &[f32]) -> f32) -> Answer {
    by_row(x, |row| normalize(row.iter().map(|score| (score - what(x, row)).exp()).collect()))
}

fn by_row(x: &Tensor, f: impl Fn(&[f32]) -> Vec<f32>) -> Answer {
    answer(rows(x, f))
}

fn rows(x: &Tensor, f: impl Fn(&[f32]) -> Vec<f32>) -> Tensor {
    let data = (0..x.n_rows()).flat_map(|i| f(x.row(i))).collect();
    Tensor::new(x.shape(), data).unwrap()
}

fn powers(row: &[f32]) -> Vec<f32> {
    let largest = largest_from(row, f32::NEG_INFINITY);
    row.iter().map(|x| (x - largest).exp()).collect()
}

fn normalize(row: Vec<f32>) -> Vec<f32> {
    let sum: f32 = row.iter().sum();
    row.iter().map(|x| x / sum).collect()
}

fn without_small(row: &[f32], border: f32) -> Vec<f32> {
    normalize(powers(row)).into_iter().map(|p| if p < border { 0.0 } else { p }).collect()
}

fn lifted(powers: Vec<f32>, least: f32) -> Vec<f32> {
    powers.into_iter().map(|power| power.max(least)).collect()
}

fn over_all(x: &Tensor) -> Tensor {
    let one_row = x.clone().reshape(&[1, x.len()]).unwrap();
    softmax::forward(&one_row).reshape(x.shape()).unwrap()
}
