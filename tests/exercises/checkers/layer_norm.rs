//! Layer norm.

use crate::check::{Answer, Exercise, Mistake, attempt, one, tensor, with_rows};
use crate::exercises;
use gpt60::layers::layer_norm::LayerNorm;
use gpt60::{Result, Rng, Tensor};

pub struct Input {
    ln: LayerNorm,
    x: Tensor,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "layer_norm",
        inputs,
        describe: |i| with_rows(format!("epsilon {} and x of shape {:?}", i.ln.epsilon, i.x.shape()), &i.x),
        stub: |i| answer(exercises::layer_norm::forward(&i.ln, &i.x)),
        library: |i| answer(i.ln.forward(&i.x)),
        tolerance: 1e-4,
        mistakes: vec![
            Mistake {
                when: "epsilon is added outside the root",
                answer: |i| rows(i, |s| s.d / (s.variance.sqrt() + s.epsilon) * s.weight + s.bias),
            },
            Mistake {
                when: "epsilon is left out: a row of equal numbers is 0 divided by 0",
                answer: |i| rows(i, |s| s.d / s.variance.sqrt() * s.weight + s.bias),
            },
            Mistake {
                when: "epsilon is always 0.00001, and `ln.epsilon` is ignored",
                answer: |i| rows(i, |s| s.d / (s.variance + 1e-5).sqrt() * s.weight + s.bias),
            },
            Mistake {
                when: "epsilon is squared before it is added",
                answer: |i| rows(i, |s| s.d / (s.variance + s.epsilon * s.epsilon).sqrt() * s.weight + s.bias),
            },
            Mistake { when: EQUAL, answer: |i| rows(i, |s| if s.variance == 0.0 { s.x } else { right(&s) }) },
            Mistake { when: EQUAL, answer: |i| rows(i, |s| if s.variance == 0.0 { 0.0 } else { right(&s) }) },
            Mistake {
                when: "the variance is divided by n - 1: here it is divided by n",
                answer: |i| rows(i, |s| s.d / (s.variance * s.n / (s.n - 1.0) + s.epsilon).sqrt() * s.weight + s.bias),
            },
            Mistake {
                when: "the variance is not divided by n: it is the mean of the squares, not their sum",
                answer: |i| rows(i, |s| s.d / (s.variance * s.n + s.epsilon).sqrt() * s.weight + s.bias),
            },
            Mistake {
                when: "the mean is not subtracted before the division",
                answer: |i| rows(i, |s| s.x / (s.variance + s.epsilon).sqrt() * s.weight + s.bias),
            },
            Mistake {
                when: "the variance is the mean of x^2: it must be the mean of (x - mean)^2",
                answer: |i| rows(i, |s| s.d / (s.mean_square + s.epsilon).sqrt() * s.weight + s.bias),
            },
            Mistake {
                when: "the variance is the mean of |x - mean|: it must be the mean of (x - mean)^2",
                answer: |i| rows(i, |s| s.d / (s.mean_size + s.epsilon).sqrt() * s.weight + s.bias),
            },
            Mistake {
                when: "it is divided by the mean of |x - mean|: it must be the root of the mean of (x - mean)^2",
                answer: |i| rows(i, |s| s.d / (s.mean_size + s.epsilon) * s.weight + s.bias),
            },
            Mistake {
                when: "the mean is never subtracted",
                answer: |i| rows(i, |s| s.x / (s.mean_square + s.epsilon).sqrt() * s.weight + s.bias),
            },
            Mistake {
                when: "the variance is the mean of x^2 minus the square of the mean: with large numbers its digits are lost",
                answer: |i| rows(i, |s| s.d / (s.mean_square - s.mean * s.mean + s.epsilon).sqrt() * s.weight + s.bias),
            },
            Mistake {
                when: "the root is missing: it is divided by the variance",
                answer: |i| rows(i, |s| s.d / (s.variance + s.epsilon) * s.weight + s.bias),
            },
            Mistake {
                when: "the weight is left out",
                answer: |i| rows(i, |s| s.d / (s.variance + s.epsilon).sqrt() + s.bias),
            },
            Mistake {
                when: "the bias is left out",
                answer: |i| rows(i, |s| s.d / (s.variance + s.epsilon).sqrt() * s.weight),
            },
            Mistake {
                when: "weight and bias are left out",
                answer: |i| rows(i, |s| s.d / (s.variance + s.epsilon).sqrt()),
            },
            Mistake {
                when: "weight and bias are swapped",
                answer: |i| rows(i, |s| s.d / (s.variance + s.epsilon).sqrt() * s.bias + s.weight),
            },
            Mistake {
                when: "the bias is added before the multiplication by the weight",
                answer: |i| rows(i, |s| (s.d / (s.variance + s.epsilon).sqrt() + s.bias) * s.weight),
            },
            Mistake {
                when: "weight and bias are taken by row, row t those of number t: each column has its own",
                answer: |i| rows(i, |s| s.d / (s.variance + s.epsilon).sqrt() * s.of_row.0 + s.of_row.1),
            },
            Mistake {
                when: "mean and variance are those of the columns: each row, which is one token, has its own",
                answer: |i| answer(over_columns(i)),
            },
            Mistake {
                when: "mean and variance are those of all rows together: each row has its own",
                answer: |i| answer(over_all(i)),
            },
        ],
    }
}

fn answer(result: Result<Tensor>) -> Answer {
    attempt(result, |y| one(tensor(&y)))
}

fn inputs() -> Vec<Input> {
    let mut rng = Rng::new(1);
    let mut random = |n_tok: usize, n_embd: usize, deviation: f32, epsilon: f32| {
        let mut vector = || Tensor::random(&[n_embd], 1.0, &mut rng);
        let ln = LayerNorm { weight: vector(), bias: vector(), epsilon };
        let x = Tensor::random(&[n_tok, n_embd], deviation, &mut rng).map(|x| x + deviation);
        Input { ln, x }
    };
    let example = Input {
        ln: LayerNorm {
            weight: Tensor::new(&[2], vec![10.0, 20.0]).unwrap(),
            bias: Tensor::new(&[2], vec![1.0, 2.0]).unwrap(),
            epsilon: 3.0,
        },
        x: Tensor::new(&[1, 2], vec![1.0, 3.0]).unwrap(),
    };
    // Far from 0 and close together. Mean 10000, variance 2.5, and both are exact in an f32.
    let mut far = random(1, 4, 1.0, 1e-5);
    far.x = Tensor::new(&[1, 4], vec![10001.0, 9999.0, 10002.0, 9998.0]).unwrap();
    // Equal numbers.
    let mut flat = random(2, 3, 1.0, 1e-5);
    flat.x = Tensor::new(&[2, 3], vec![7.0, 7.0, 7.0, -0.5, 2.0, 1.0]).unwrap();
    // Rows that are too short, and too long.
    let mut misfit = |n_weights: usize| Input { ln: LayerNorm::new(n_weights, 1e-5), ..random(2, 3, 1.0, 1e-5) };
    let (short, long) = (misfit(4), misfit(2));
    vec![
        example,
        random(3, 5, 2.0, 1e-5),
        random(2, 7, 0.1, 0.01), // epsilon is as large as the variance
        random(3, 3, 30.0, 1e-5),
        far,
        flat,
        short,
        long,
    ]
}

const EQUAL: &str = "a row of equal numbers is treated by itself: epsilon takes care of it, and the result is the bias";

/// What is known about a number when its turn comes.
struct Step {
    x: f32,
    /// `x - mean`.
    d: f32,
    n: f32,
    mean: f32,
    variance: f32,
    mean_square: f32,
    /// The mean of `|x - mean|`.
    mean_size: f32,
    epsilon: f32,
    weight: f32,
    bias: f32,
    /// The weight and the bias with the number of the row.
    of_row: (f32, f32),
}

fn right(s: &Step) -> f32 {
    s.d / (s.variance + s.epsilon).sqrt() * s.weight + s.bias
}

fn mean(xs: impl ExactSizeIterator<Item = f32>) -> f32 {
    let n = xs.len() as f32;
    xs.sum::<f32>() / n
}

/// Each number of each row, by `f`.
fn rows(i: &Input, f: fn(Step) -> f32) -> Answer {
    answer(i.x.add(&i.ln.weight).map(|mut y| {
        for t in 0..y.n_rows() {
            let row = i.x.row(t);
            let (n, mean_square) = (row.len() as f32, mean(row.iter().map(|x| x * x)));
            let mean_x = mean(row.iter().copied());
            let variance = mean(row.iter().map(|x| (x - mean_x) * (x - mean_x)));
            let mean_size = mean(row.iter().map(|x| (x - mean_x).abs()));
            for (j, &x) in row.iter().enumerate() {
                let (weight, bias, epsilon) = (i.ln.weight.data()[j], i.ln.bias.data()[j], i.ln.epsilon);
                let of_row = (i.ln.weight.data()[t % row.len()], i.ln.bias.data()[t % row.len()]);
                let (d, mean) = (x - mean_x, mean_x);
                y.row_mut(t)[j] =
                    f(Step { x, d, n, mean, variance, mean_square, mean_size, epsilon, weight, bias, of_row });
            }
        }
        y
    }))
}

fn over_columns(i: &Input) -> Result<Tensor> {
    let plain = LayerNorm::new(i.x.n_rows(), i.ln.epsilon);
    plain.forward(&i.x.transpose()?)?.transpose()?.mul(&i.ln.weight)?.add(&i.ln.bias)
}

fn over_all(i: &Input) -> Result<Tensor> {
    let plain = LayerNorm::new(i.x.len(), i.ln.epsilon);
    let one_row = i.x.clone().reshape(&[1, i.x.len()])?;
    plain.forward(&one_row)?.reshape(i.x.shape())?.mul(&i.ln.weight)?.add(&i.ln.bias)
}
