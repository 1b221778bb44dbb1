//! The linear layer, backward.

use crate::check::{Answer, Exercise, Mistake, attempt, tensor};
use crate::exercises;
use gpt60::layers::linear::Linear;
use gpt60::weight::{Precision, ScalePer};
use gpt60::{Result, Rng, Tensor};

#[derive(Clone)]
pub struct Input {
    linear: Linear,
    x: Tensor,
    d_y: Tensor,
    /// What is in the gradient before.
    grad: Linear,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "linear_backward",
        inputs,
        describe: |i| {
            let (x, d_y) = (i.x.shape(), i.d_y.shape());
            let weight = if i.linear.weight.is_packed() { ", a weight in fewer bytes" } else { "" };
            format!("x of shape {x:?}, d_y of shape {d_y:?}{weight} and a gradient that is not zero before")
        },
        stub: |i| run(i, exercises::linear_backward::backward),
        library: |i| run(i, Linear::backward),
        tolerance: 1e-4,
        mistakes: vec![
            Mistake {
                when: "the old gradient is overwritten, instead of added to",
                answer: |i| {
                    run(i, |linear, x, d_y, grad| {
                        *grad = Linear::zeros(x.n_cols(), d_y.n_cols());
                        linear.backward(x, d_y, grad)
                    })
                },
            },
            Mistake {
                when: "the weight's gradient is overwritten, instead of added to",
                answer: |i| {
                    run(i, |linear, x, d_y, grad| {
                        grad.weight = Tensor::zeros(grad.weight.shape()).into();
                        linear.backward(x, d_y, grad)
                    })
                },
            },
            Mistake {
                when: BIAS_OVERWRITTEN,
                answer: |i| {
                    run(i, |linear, x, d_y, grad| {
                        grad.bias = Tensor::zeros(grad.bias.shape());
                        linear.backward(x, d_y, grad)
                    })
                },
            },
            Mistake {
                when: "x and d_y are swapped in the weight's gradient, which comes out transposed",
                answer: |i| {
                    run(i, |linear, x, d_y, grad| {
                        let mut other = Linear { weight: grad.weight.clone(), bias: grad.bias.clone() };
                        let d_x = linear.backward(x, d_y, grad)?;
                        d_y.t_matmul_add(x, other.weight.tensor_mut().unwrap())?;
                        grad.weight = other.weight;
                        Ok(d_x)
                    })
                },
            },
            Mistake {
                when: "W is not transposed for d_x",
                answer: |i| {
                    run(i, |linear, x, d_y, grad| {
                        linear.backward(x, d_y, grad)?;
                        d_y.matmul(linear.weight.tensor().unwrap())
                    })
                },
            },
            Mistake {
                when: "the bias is added to d_x: forward added it to y, so it acts on y and not on x",
                answer: |i| {
                    run(i, |linear, x, d_y, grad| {
                        let mut d_x = linear.backward(x, d_y, grad)?;
                        for t in 0..d_x.n_rows() {
                            d_x.row_mut(t).iter_mut().zip(linear.bias.data()).for_each(|(d, b)| *d += b);
                        }
                        Ok(d_x)
                    })
                },
            },
            Mistake {
                when: "the bias's gradient is the mean of the rows, instead of their sum",
                answer: |i| bias(i, |d_y, o| (0..d_y.n_rows()).map(|t| d_y.row(t)[o] / d_y.n_rows() as f32).sum()),
            },
            Mistake {
                when: "the bias gets only the first row of d_y, instead of the sum of all",
                answer: |i| bias(i, |d_y, o| d_y.row(0)[o]),
            },
            Mistake {
                when: "the bias gets only the last row of d_y, instead of the sum of all",
                answer: |i| bias(i, |d_y, o| d_y.row(d_y.n_rows() - 1)[o]),
            },
            Mistake { when: "the bias is forgotten: its gradient stays as it was", answer: |i| bias(i, |_, _| 0.0) },
            Mistake {
                // Each row of d_y, so that only the last is left.
                when: BIAS_OVERWRITTEN,
                answer: |i| {
                    let gone = Input {
                        grad: Linear { bias: Tensor::zeros(i.grad.bias.shape()), ..i.grad.clone() },
                        ..i.clone()
                    };
                    bias(&gone, |d_y, o| d_y.row(d_y.n_rows() - 1)[o])
                },
            },
            Mistake {
                when: "every number of the bias gets the sum of all of d_y: it must be that of its own column",
                answer: |i| bias(i, |d_y, _| d_y.data().iter().sum()),
            },
            Mistake {
                when: "the bias's gradient is added twice",
                answer: |i| bias(i, |d_y, o| (0..d_y.n_rows()).map(|t| 2.0 * d_y.row(t)[o]).sum()),
            },
            Mistake {
                when: "the bias gets the sum of the rows of x, instead of those of d_y",
                answer: |i| {
                    run(i, |linear, x, d_y, grad| {
                        let mut bias = grad.bias.clone();
                        for t in 0..x.n_rows() {
                            bias.data_mut().iter_mut().zip(x.row(t)).for_each(|(sum, x)| *sum += x);
                        }
                        let d_x = linear.backward(x, d_y, grad);
                        grad.bias = bias;
                        d_x
                    })
                },
            },
            Mistake {
                when: "the weight is forgotten: its gradient stays as it was",
                answer: |i| weight(i, |x| x.scale(0.0)),
            },
            Mistake {
                when: "the weight's gradient is divided by the number of tokens: it is a sum",
                answer: |i| weight(i, |x| x.scale(1.0 / x.n_rows() as f32)),
            },
            Mistake {
                when: "the gradients are subtracted from what is there, instead of added",
                answer: |i| {
                    run(i, |linear, x, d_y, grad| {
                        linear.backward(x, &d_y.scale(-1.0), grad)?;
                        d_y.matmul_t(linear.weight.tensor()?)
                    })
                },
            },
            Mistake {
                when: "d_x is made from `grad.weight`, instead of `linear.weight`",
                answer: |i| {
                    run(i, |linear, x, d_y, grad| {
                        linear.backward(x, d_y, grad)?;
                        d_y.matmul_t(grad.weight.tensor()?)
                    })
                },
            },
            Mistake {
                when: "the bias is added to d_y before the product with W: it acts on y, and d_x is made from d_y alone",
                answer: |i| {
                    run(i, |linear, x, d_y, grad| {
                        linear.backward(x, d_y, grad)?;
                        d_y.add(&linear.bias)?.matmul_t(linear.weight.tensor()?)
                    })
                },
            },
            Mistake {
                when: "d_x is divided by the number of tokens: each token has its own",
                answer: |i| {
                    run(i, |linear, x, d_y, grad| {
                        linear.backward(x, d_y, grad).map(|d_x| d_x.scale(1.0 / d_y.n_rows() as f32))
                    })
                },
            },
            Mistake {
                when: "both gradients are divided by the number of tokens: the loss has done that already",
                answer: |i| {
                    run(i, |linear, x, d_y, grad| {
                        linear.backward(x, &d_y.scale(1.0 / d_y.n_rows() as f32), grad)?;
                        d_y.matmul_t(linear.weight.tensor().unwrap())
                    })
                },
            },
        ],
    }
}

fn inputs() -> Vec<Input> {
    let mut rng = Rng::new(1);
    let mut input = |n_tok: usize, n_in: usize, n_out: usize| {
        let mut layer = || Linear {
            weight: Tensor::random(&[n_in, n_out], 1.0, &mut rng).into(),
            bias: Tensor::random(&[n_out], 1.0, &mut rng),
        };
        let (linear, grad) = (layer(), layer());
        let x = Tensor::random(&[n_tok, n_in], 1.0, &mut rng);
        Input { linear, grad, x, d_y: Tensor::random(&[n_tok, n_out], 1.0, &mut rng) }
    };
    let table = |shape: &[usize], data: &[f32]| Tensor::new(shape, data.to_vec()).unwrap();
    let worked = Input {
        linear: Linear { weight: table(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).into(), bias: Tensor::zeros(&[3]) },
        x: table(&[2, 2], &[1.0, 2.0, 3.0, 4.0]),
        d_y: table(&[2, 3], &[1.0, 0.0, -1.0, 0.0, 1.0, 0.0]),
        grad: Linear { weight: Tensor::zeros(&[2, 3]).into(), bias: Tensor::full(&[3], 10.0) },
    };
    // With a square weight, a transposition shows in its numbers; with the others it fails by its shape.
    let random = [input(4, 3, 3), input(1, 1, 1), input(5, 2, 7), input(1, 3, 2), input(3, 5, 1)];
    // A weight in fewer bytes has no tensor.
    let (mut packed, mut packed_grad) = (input(2, 2, 3), input(2, 2, 3));
    packed.linear.weight.pack(Precision::Bf16, ScalePer::Column).unwrap();
    packed_grad.grad.weight.pack(Precision::Bf16, ScalePer::Column).unwrap();
    [worked].into_iter().chain(random).chain([packed, packed_grad]).collect()
}

const BIAS_OVERWRITTEN: &str = "the bias's gradient is overwritten, instead of added to";

fn run(input: &Input, backward: fn(&Linear, &Tensor, &Tensor, &mut Linear) -> Result<Tensor>) -> Answer {
    let mut grad = input.grad.clone();
    attempt(backward(&input.linear, &input.x, &input.d_y, &mut grad), |d_x| {
        vec![
            ("d_x", tensor(&d_x)),
            ("grad.weight", tensor(grad.weight.tensor().unwrap())),
            ("grad.bias", tensor(&grad.bias)),
        ]
    })
}

/// Everything is right but what is added to number `o` of the bias's gradient.
fn bias(input: &Input, share: fn(&Tensor, usize) -> f32) -> Answer {
    let mut grad = input.grad.clone();
    let d_x = input.linear.backward(&input.x, &input.d_y, &mut grad).unwrap();
    let mut bias = input.grad.bias.clone();
    bias.data_mut().iter_mut().enumerate().for_each(|(o, b)| *b += share(&input.d_y, o));
    vec![("d_x", tensor(&d_x)), ("grad.weight", tensor(grad.weight.tensor().unwrap())), ("grad.bias", tensor(&bias))]
}

/// Everything is right but the weight's gradient, which is made from something else than x.
fn weight(input: &Input, instead: fn(&Tensor) -> Tensor) -> Answer {
    let mut grad = input.grad.clone();
    let d_x = input.linear.backward(&input.x, &input.d_y, &mut grad).unwrap();
    let mut weight = input.grad.weight.tensor().unwrap().clone();
    instead(&input.x).t_matmul_add(&input.d_y, &mut weight).unwrap();
    vec![("d_x", tensor(&d_x)), ("grad.weight", tensor(&weight)), ("grad.bias", tensor(&grad.bias))]
}
