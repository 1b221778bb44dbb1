//! The linear layer.

use crate::check::{Answer, Exercise, Mistake, attempt, one, tensor};
use crate::exercises;
use gpt60::layers::linear::Linear;
use gpt60::{Result, Rng, Tensor};

pub struct Input {
    linear: Linear,
    x: Tensor,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "linear",
        inputs,
        describe: |i| format!("x of shape {:?} and a weight of shape {:?}", i.x.shape(), i.linear.weight.shape()),
        stub: |i| answer(exercises::linear::forward(&i.linear, &i.x)),
        library: |i| answer(i.linear.forward(&i.x)),
        tolerance: 1e-5,
        mistakes: vec![
            Mistake {
                when: "the weight is transposed: it is [in, out] already",
                answer: |i| answer(i.x.matmul_t(i.linear.weight.tensor().unwrap()).and_then(|y| y.add(&i.linear.bias))),
            },
            Mistake {
                when: "the weight is read as [out, in], as PyTorch stores it: here it is [in, out]",
                answer: |i| {
                    let turned = i.linear.weight.shape().iter().rev().copied().collect::<Vec<_>>();
                    let weight = Tensor::clone(i.linear.weight.tensor().unwrap()).reshape(&turned);
                    answer(weight.and_then(|w| i.x.matmul_t(&w)?.add(&i.linear.bias)))
                },
            },
            Mistake { when: "the bias is left out", answer: |i| answer(i.x.matmul(i.linear.weight.tensor().unwrap())) },
            Mistake {
                when: "the bias is added along the wrong axis: b_j belongs to column j, not to row j",
                answer: |i| answer(biased(i, |y, b, t, _| y + b[t])),
            },
            Mistake {
                when: "the bias is added to the first row only: every row gets it",
                answer: |i| answer(biased(i, |y, b, t, j| if t == 0 { y + b[j] } else { y })),
            },
            Mistake {
                when: "the bias is added once for each input: it belongs outside the sum",
                answer: |i| {
                    answer(
                        i.x.matmul(i.linear.weight.tensor().unwrap()).and_then(|y| {
                            y.add(&i.linear.bias.scale(i.linear.weight.tensor().unwrap().n_rows() as f32))
                        }),
                    )
                },
            },
            Mistake {
                when: "every column gets the first number of the bias: b_j belongs to column j",
                answer: |i| answer(biased(i, |y, b, _, _| y + b[0])),
            },
            Mistake {
                when: "the bias is multiplied, where it should be added",
                answer: |i| answer(i.x.matmul(i.linear.weight.tensor().unwrap()).and_then(|y| y.mul(&i.linear.bias))),
            },
            Mistake {
                when: "the bias is subtracted, where it should be added",
                answer: |i| answer(i.x.matmul(i.linear.weight.tensor().unwrap()).and_then(|y| y.sub(&i.linear.bias))),
            },
            Mistake {
                when: BEFORE,
                answer: |i| answer(i.x.add(&i.linear.bias).and_then(|x| x.matmul(i.linear.weight.tensor().unwrap()))),
            },
            Mistake {
                when: BEFORE,
                answer: |i| {
                    // The same, as far as both go.
                    let mut x = i.x.clone();
                    for t in 0..x.n_rows() {
                        x.row_mut(t).iter_mut().zip(i.linear.bias.data()).for_each(|(x, b)| *x += b);
                    }
                    answer(x.matmul(i.linear.weight.tensor().unwrap()))
                },
            },
            Mistake {
                when: "every row gets the result of the first: each token has its own",
                answer: |i| answer(i.linear.forward(&i.x).and_then(|y| y.take_rows(&vec![0; y.n_rows()]))),
            },
            Mistake {
                when: "every row gets the result of the last: each token has its own",
                answer: |i| answer(i.linear.forward(&i.x).and_then(|y| y.take_rows(&vec![y.n_rows() - 1; y.n_rows()]))),
            },
        ],
    }
}

fn answer(result: Result<Tensor>) -> Answer {
    attempt(result, |y| one(tensor(&y)))
}

fn inputs() -> Vec<Input> {
    let mut rng = Rng::new(1);
    let mut random = |n_tok: usize, width: usize, n_in: usize, n_out: usize| Input {
        linear: Linear {
            weight: Tensor::random(&[n_in, n_out], 1.0, &mut rng).into(),
            bias: Tensor::random(&[n_out], 1.0, &mut rng),
        },
        x: Tensor::random(&[n_tok, width], 1.0, &mut rng),
    };
    let example = Input {
        linear: Linear {
            weight: Tensor::new(&[2, 3], vec![3.0, 4.0, 5.0, 6.0, 7.0, 8.0]).unwrap().into(),
            bias: Tensor::new(&[3], vec![0.5, 0.0, -0.5]).unwrap(),
        },
        x: Tensor::new(&[1, 2], vec![1.0, 2.0]).unwrap(),
    };
    // The number of outputs equals that of the rows, or is larger: a row used as a column then has a number to show.
    vec![
        example,
        random(3, 3, 3, 3),
        random(2, 5, 5, 7),
        random(5, 1, 1, 5),
        // Rows that are too long, and too short.
        random(2, 3, 2, 2),
        random(2, 2, 3, 2),
    ]
}

const BEFORE: &str = "the bias is added to x, before the product: it comes after it";

/// The product, and then for each of its numbers: that number, the bias, its row and its column.
fn biased(i: &Input, add: fn(f32, &[f32], usize, usize) -> f32) -> Result<Tensor> {
    let mut y = i.x.matmul(i.linear.weight.tensor().unwrap())?;
    for t in 0..y.n_rows() {
        for j in 0..y.n_cols() {
            y.row_mut(t)[j] = add(y.row(t)[j], i.linear.bias.data(), t, j);
        }
    }
    Ok(y)
}
