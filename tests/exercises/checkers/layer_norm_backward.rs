//! Layer norm, backward.

use crate::check::{Answer, Exercise, Mistake, attempt, tensor, with_rows};
use crate::exercises;
use gpt60::layers::layer_norm::LayerNorm;
use gpt60::{Result, Rng, Tensor};

pub struct Input {
    ln: LayerNorm,
    x: Tensor,
    d_y: Tensor,
    /// What is in the gradient before.
    grad: LayerNorm,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "layer_norm_backward",
        inputs,
        describe: |i| with_rows(format!("an epsilon of {} and x of shape {:?}", i.ln.epsilon, i.x.shape()), &i.x),
        stub: |i| run(i, exercises::layer_norm_backward::backward),
        library: |i| run(i, library),
        tolerance: 1e-4,
        mistakes: vec![
            Mistake {
                when: "the mean of d_z is not subtracted",
                answer: |i| d_x(i, |r, j| r.scale * (r.d_z[j] - r.z[j] * mean(&r.d_z_times_z))),
            },
            Mistake {
                when: "the term with z is left out, or is 0: each number acts on its row through the variance too",
                answer: |i| d_x(i, |r, j| r.scale * (r.d_z[j] - mean(&r.d_z))),
            },
            Mistake {
                when: "both means are left out, though each number acts on all others of its row",
                answer: |i| d_x(i, |r, j| r.scale * r.d_z[j]),
            },
            Mistake {
                when: "d_x is not multiplied by the scale, 1 / sqrt(variance + epsilon)",
                answer: |i| d_x(i, |r, j| r.d_x[j] / r.scale),
            },
            Mistake {
                when: "d_x is divided by variance + epsilon, instead of by its root",
                answer: |i| d_x(i, |r, j| r.d_x[j] * r.scale),
            },
            Mistake {
                when: "d_x is multiplied by the square root of the variance, instead of divided by it",
                answer: |i| d_x(i, |r, j| r.d_x[j] / (r.scale * r.scale)),
            },
            Mistake {
                when: "d_y is not multiplied by the weight: it is used as d_z",
                answer: |i| d_x(i, |r, j| r.scale * (r.d_y[j] - mean(r.d_y) - r.z[j] * mean(&r.d_y_times_z))),
            },
            Mistake {
                when: "d_y is multiplied by the weight only at the end, after the means are taken",
                answer: |i| {
                    d_x(i, |r, j| r.scale * r.weight[j] * (r.d_y[j] - mean(r.d_y) - r.z[j] * mean(&r.d_y_times_z)))
                },
            },
            Mistake {
                when: "the two means are those of d_y and d_y * z: they must be those of d_z and d_z * z",
                answer: |i| d_x(i, |r, j| r.scale * (r.d_z[j] - mean(r.d_y) - r.z[j] * mean(&r.d_y_times_z))),
            },
            Mistake {
                when: "the term with z is added, where it should be subtracted",
                answer: |i| d_x(i, |r, j| r.scale * (r.d_z[j] - mean(&r.d_z) + r.z[j] * mean(&r.d_z_times_z))),
            },
            Mistake {
                when: "the mean of d_z is added, where it should be subtracted",
                answer: |i| d_x(i, |r, j| r.scale * (r.d_z[j] + mean(&r.d_z) - r.z[j] * mean(&r.d_z_times_z))),
            },
            Mistake {
                when: "the second mean is multiplied by x_j - mean, instead of z_j",
                answer: |i| d_x(i, |r, j| r.scale * (r.d_z[j] - mean(&r.d_z) - r.centered[j] * mean(&r.d_z_times_z))),
            },
            Mistake {
                when: "sums are used as the two means: both must be divided by n_embd",
                answer: |i| {
                    d_x(i, |r, j| {
                        let n = r.z.len() as f32;
                        r.scale * (r.d_z[j] - n * mean(&r.d_z) - r.z[j] * n * mean(&r.d_z_times_z))
                    })
                },
            },
            Mistake {
                when: "the second mean is multiplied by x_j, instead of z_j",
                answer: |i| d_x(i, |r, j| r.scale * (r.d_z[j] - mean(&r.d_z) - r.x[j] * mean(&r.d_z_times_z))),
            },
            Mistake {
                when: "the variance is divided by n_embd - 1, instead of n_embd",
                answer: |i| {
                    with_scale(i, |x, epsilon| {
                        let n = x.len() as f32;
                        1.0 / (variance(x) * n / (n - 1.0) + epsilon).sqrt()
                    })
                },
            },
            Mistake {
                when: "the variance is the mean of x^2 minus the square of the mean: with large numbers its digits are lost",
                answer: |i| {
                    with_scale(i, |x, epsilon| 1.0 / (mean(&product(x, x)) - mean(x) * mean(x) + epsilon).sqrt())
                },
            },
            Mistake {
                when: "the root is missing in the scale: it is 1 / sqrt(variance + epsilon)",
                answer: |i| with_scale(i, |x, epsilon| 1.0 / (variance(x) + epsilon)),
            },
            Mistake {
                when: "epsilon is always 0.00001, and `ln.epsilon` is ignored",
                answer: |i| with_scale(i, |x, _| 1.0 / (variance(x) + 1e-5).sqrt()),
            },
            Mistake { when: "epsilon is left out", answer: |i| with_scale(i, |x, _| 1.0 / variance(x).sqrt()) },
            Mistake {
                when: "epsilon is added after the root, instead of under it",
                answer: |i| with_scale(i, |x, epsilon| 1.0 / (variance(x).sqrt() + epsilon)),
            },
            Mistake { when: OVERWRITTEN[0], answer: |i| overwritten(i, true, true, 0) },
            Mistake { when: OVERWRITTEN[0], answer: |i| overwritten(i, true, true, i.x.n_rows() - 1) },
            Mistake { when: OVERWRITTEN[1], answer: |i| overwritten(i, true, false, 0) },
            Mistake { when: OVERWRITTEN[1], answer: |i| overwritten(i, true, false, i.x.n_rows() - 1) },
            Mistake { when: OVERWRITTEN[2], answer: |i| overwritten(i, false, true, 0) },
            Mistake { when: OVERWRITTEN[2], answer: |i| overwritten(i, false, true, i.x.n_rows() - 1) },
            Mistake {
                when: "only the first row is done: its d_x, and its share of the two gradients",
                answer: |i| {
                    let mut d_x = Tensor::zeros(i.x.shape());
                    d_x.row_mut(0).copy_from_slice(&rows(i, right_scale)[0].d_x);
                    added(i, d_x, |r, j| if r.i == 0 { (r.d_y[j] * r.z[j], r.d_y[j]) } else { (0.0, 0.0) })
                },
            },
            Mistake {
                when: "the gradients are means over the rows, instead of sums",
                answer: |i| grads(i, |r, j| (r.d_y[j] * r.z[j] / r.n_rows as f32, r.d_y[j] / r.n_rows as f32)),
            },
            Mistake {
                when: "the bias gets only the last row of d_y, instead of the sum of all",
                answer: |i| grads(i, |r, j| (r.d_y[j] * r.z[j], if r.i + 1 == r.n_rows { r.d_y[j] } else { 0.0 })),
            },
            Mistake {
                when: "the bias's gradient sums d_z, instead of d_y",
                answer: |i| grads(i, |r, j| (r.d_y[j] * r.z[j], r.d_z[j])),
            },
            Mistake {
                when: "the bias is forgotten: its gradient stays as it was",
                answer: |i| grads(i, |r, j| (r.d_y[j] * r.z[j], 0.0)),
            },
            Mistake {
                when: "the weight is forgotten: its gradient stays as it was",
                answer: |i| grads(i, |r, j| (0.0, r.d_y[j])),
            },
            Mistake {
                when: "the bias's gradient is added twice",
                answer: |i| grads(i, |r, j| (r.d_y[j] * r.z[j], 2.0 * r.d_y[j])),
            },
            Mistake {
                when: "the weight's gradient sums d_y * (x - mean), instead of d_y * z",
                answer: |i| grads(i, |r, j| (r.d_y[j] * r.centered[j], r.d_y[j])),
            },
            Mistake {
                when: "the weight's gradient sums d_y * x, instead of d_y * z",
                answer: |i| grads(i, |r, j| (r.d_y[j] * r.x[j], r.d_y[j])),
            },
            Mistake {
                when: "the weight's gradient sums d_z * z, instead of d_y * z",
                answer: |i| grads(i, |r, j| (r.d_z[j] * r.z[j], r.d_y[j])),
            },
            Mistake {
                when: "weight and bias get each other's gradient",
                answer: |i| grads(i, |r, j| (r.d_y[j], r.d_y[j] * r.z[j])),
            },
            Mistake {
                when: "the gradients of weight and bias are forgotten: they stay as they were",
                answer: |i| grads(i, |_, _| (0.0, 0.0)),
            },
        ],
    }
}

fn inputs() -> Vec<Input> {
    let mut rng = Rng::new(1);
    let mut input = |n_tok: usize, n_embd: usize, deviation: f32, epsilon: f32| {
        let mut layer = || LayerNorm {
            weight: Tensor::random(&[n_embd], 1.0, &mut rng),
            bias: Tensor::random(&[n_embd], 1.0, &mut rng),
            epsilon,
        };
        let (ln, grad) = (layer(), layer());
        // A mean that is not 0; otherwise x and z would be nearly the same.
        let x = Tensor::random(&[n_tok, n_embd], deviation, &mut rng).map(|x| x + 1.5);
        Input { ln, x, grad, d_y: Tensor::random(&[n_tok, n_embd], 1.0, &mut rng) }
    };
    let row = |data: [f32; 4]| Tensor::new(&[1, 4], data.to_vec()).unwrap();
    let worked = Input {
        ln: LayerNorm { weight: Tensor::full(&[4], 2.0), bias: Tensor::zeros(&[4]), epsilon: 0.0 },
        x: row([1.0, -1.0, 1.0, -1.0]),
        d_y: row([1.0, 0.0, 0.0, 0.0]),
        grad: LayerNorm::zeros(4, 0.0),
    };
    // A row of equal numbers: its variance is 0, and only epsilon keeps the scale finite.
    let equal = Input { x: Tensor::full(&[1, 3], 7.0), ..input(1, 3, 1.0, 1e-5) };
    // Far from 0 and close together. Mean 10000, variance 2.5, and both are exact in an f32.
    let far = Input { x: row([10001.0, 9999.0, 10002.0, 9998.0]), ..input(1, 4, 1.0, 1e-5) };
    let random = [input(3, 5, 2.0, 1e-5), input(2, 7, 0.5, 0.3), input(1, 2, 1.0, 0.5)];
    [worked].into_iter().chain(random).chain([equal, input(3, 1, 1.0, 1e-5), far]).collect()
}

/// Of both, of the weight, of the bias.
const OVERWRITTEN: [&str; 3] = [
    "the old gradient is overwritten, instead of added to",
    "the weight's gradient is overwritten, instead of added to",
    "the bias's gradient is overwritten, instead of added to",
];

fn library(ln: &LayerNorm, x: &Tensor, d_y: &Tensor, grad: &mut LayerNorm) -> Result<Tensor> {
    ln.backward(x, d_y, grad)
}

fn run(input: &Input, backward: fn(&LayerNorm, &Tensor, &Tensor, &mut LayerNorm) -> Result<Tensor>) -> Answer {
    let mut grad = input.grad.clone();
    attempt(backward(&input.ln, &input.x, &input.d_y, &mut grad), |d_x| answer(d_x, grad))
}

fn answer(d_x: Tensor, grad: LayerNorm) -> Answer {
    vec![("grad.weight", tensor(&grad.weight)), ("grad.bias", tensor(&grad.bias)), ("d_x", tensor(&d_x))]
}

/// Everything about one row of the input.
struct Row<'a> {
    /// Which one, and of how many.
    i: usize,
    n_rows: usize,
    scale: f32,
    weight: &'a [f32],
    x: &'a [f32],
    /// `x - mean`.
    centered: Vec<f32>,
    d_y: &'a [f32],
    z: Vec<f32>,
    d_z: Vec<f32>,
    d_y_times_z: Vec<f32>,
    d_z_times_z: Vec<f32>,
    /// The right gradient, but with a wrong scale.
    d_x: Vec<f32>,
}

/// All rows; `scale` makes a row's scale from its numbers and epsilon.
fn rows(input: &Input, scale: fn(&[f32], f32) -> f32) -> Vec<Row<'_>> {
    let n_rows = input.x.n_rows();
    let row = |i: usize| {
        let (x, d_y, weight) = (input.x.row(i), input.d_y.row(i), input.ln.weight.data());
        let (centered, scale) = (centered(x), scale(x, input.ln.epsilon));
        let z: Vec<f32> = centered.iter().map(|x| x * scale).collect();
        let (d_z, d_y_times_z) = (product(d_y, weight), product(d_y, &z));
        let d_z_times_z = product(&d_z, &z);
        let (mean_d, mean_dz) = (mean(&d_z), mean(&d_z_times_z));
        let d_x = d_z.iter().zip(&z).map(|(d, z)| scale * (d - mean_d - z * mean_dz)).collect();
        Row { i, n_rows, scale, weight, x, centered, d_y, z, d_z, d_y_times_z, d_z_times_z, d_x }
    };
    (0..n_rows).map(row).collect()
}

fn right_scale(x: &[f32], epsilon: f32) -> f32 {
    1.0 / (variance(x) + epsilon).sqrt()
}

fn centered(x: &[f32]) -> Vec<f32> {
    let mean = mean(x);
    x.iter().map(|x| x - mean).collect()
}

fn variance(x: &[f32]) -> f32 {
    mean(&product(&centered(x), &centered(x)))
}

fn mean(list: &[f32]) -> f32 {
    list.iter().sum::<f32>() / list.len() as f32
}

fn product(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a * b).collect()
}

/// Everything is right but the result.
fn d_x(input: &Input, wrong: fn(&Row, usize) -> f32) -> Answer {
    let mut grad = input.grad.clone();
    let mut d_x = library(&input.ln, &input.x, &input.d_y, &mut grad).unwrap();
    for (i, row) in rows(input, right_scale).iter().enumerate() {
        d_x.row_mut(i).iter_mut().enumerate().for_each(|(j, d)| *d = wrong(row, j));
    }
    answer(d_x, grad)
}

/// Everything is right but what is added to the gradients of weight and bias.
fn grads(input: &Input, wrong: fn(&Row, usize) -> (f32, f32)) -> Answer {
    added(input, library(&input.ln, &input.x, &input.d_y, &mut input.grad.clone()).unwrap(), wrong)
}

/// This result, and what each row adds to the gradients of weight and bias.
fn added(input: &Input, d_x: Tensor, wrong: fn(&Row, usize) -> (f32, f32)) -> Answer {
    let mut grad = input.grad.clone();
    for row in rows(input, right_scale) {
        for j in 0..row.x.len() {
            let (d_weight, d_bias) = wrong(&row, j);
            grad.weight.data_mut()[j] += d_weight;
            grad.bias.data_mut()[j] += d_bias;
        }
    }
    answer(d_x, grad)
}

/// Everything is right but the gradient of the weight, of the bias, or of both: it is that of the rows from this one on, and
/// what was there before is lost.
fn overwritten(input: &Input, weight: bool, bias: bool, from: usize) -> Answer {
    let (mut grad, mut fresh) = (input.grad.clone(), LayerNorm::zeros(input.x.n_cols(), 0.0));
    let d_x = library(&input.ln, &input.x, &input.d_y, &mut grad).unwrap();
    let rows: Vec<usize> = (from..input.x.n_rows()).collect();
    let of = |table: &Tensor| table.take_rows(&rows).unwrap();
    library(&input.ln, &of(&input.x), &of(&input.d_y), &mut fresh).unwrap();
    if weight {
        grad.weight = fresh.weight;
    }
    if bias {
        grad.bias = fresh.bias;
    }
    answer(d_x, grad)
}

/// Everything is right but the scale of the rows.
fn with_scale(input: &Input, wrong: fn(&[f32], f32) -> f32) -> Answer {
    let mut grad = input.grad.clone();
    let mut d_x = Tensor::zeros(input.x.shape());
    for (i, row) in rows(input, wrong).iter().enumerate() {
        d_x.row_mut(i).copy_from_slice(&row.d_x);
        grad.weight.data_mut().iter_mut().zip(&row.d_y_times_z).for_each(|(sum, d)| *sum += d);
        grad.bias.data_mut().iter_mut().zip(row.d_y).for_each(|(sum, d)| *sum += d);
    }
    answer(d_x, grad)
}
