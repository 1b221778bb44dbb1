//! The MLP.

use crate::check::{Answer, Exercise, Mistake, attempt, one, tensor};
use crate::exercises;
use gpt60::layers::activation;
use gpt60::layers::gelu::gelu;
use gpt60::layers::linear::Linear;
use gpt60::layers::mlp::Mlp;
use gpt60::{Activation, Pass, Result, Rng, Tensor};

pub struct Input {
    mlp: Mlp,
    x: Tensor,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "mlp",
        inputs,
        describe: |i| format!("x of shape {:?} and an n_inner of {}", i.x.shape(), i.mlp.c_fc.bias.len()),
        stub: |i| steps(i, exercises::mlp::forward),
        library: |i| steps(i, |mlp, x| mlp.forward(x, Pass::new(1))),
        tolerance: 1e-4,
        mistakes: vec![
            Mistake { when: "the GELU is left out", answer: |i| layers(i, |x| x, |y| y) },
            Mistake { when: "a ReLU is used in place of the GELU", answer: |i| layers(i, |x| x.max(0.0), |y| y) },
            Mistake { when: "the GELU is applied once more, after c_proj", answer: |i| layers(i, gelu, gelu) },
            Mistake {
                when: "the GELU comes after c_proj: it belongs between the two",
                answer: |i| layers(i, |x| x, gelu),
            },
            Mistake {
                when: "the GELU is applied twice between the two",
                answer: |i| layers(i, |x| gelu(gelu(x)), |y| y),
            },
            Mistake { when: "tanh is used in place of the GELU", answer: |i| layers(i, f32::tanh, |y| y) },
            Mistake {
                when: "the exact GELU, with erf, is used in place of the book's, with tanh",
                answer: |i| {
                    steps(i, |mlp, x| mlp.c_proj.forward(&activation::forward(Activation::Gelu, &mlp.c_fc.forward(x)?)))
                },
            },
            Mistake {
                when: "the GELU comes before c_fc: it belongs between the two",
                answer: |i| steps(i, |mlp, x| mlp.c_proj.forward(&mlp.c_fc.forward(&x.map(gelu))?)),
            },
            Mistake {
                when: "the GELU comes before the bias of c_fc is added: it bends all of what c_fc gives",
                answer: |i| {
                    steps(i, |mlp, x| mlp.c_proj.forward(&product(&mlp.c_fc, x)?.map(gelu).add(&mlp.c_fc.bias)?))
                },
            },
            Mistake {
                when: "the bias of c_fc is left out",
                answer: |i| steps(i, |mlp, x| mlp.c_proj.forward(&product(&mlp.c_fc, x)?.map(gelu))),
            },
            Mistake {
                when: "the bias of c_proj is left out",
                answer: |i| steps(i, |mlp, x| product(&mlp.c_proj, &mlp.c_fc.forward(x)?.map(gelu))),
            },
            Mistake {
                when: "the two layers are swapped: c_fc comes first",
                answer: |i| steps(i, |mlp, x| mlp.c_fc.forward(&mlp.c_proj.forward(x)?.map(gelu))),
            },
            Mistake {
                when: "c_proj is left out: the rows must be made narrow again",
                answer: |i| steps(i, |mlp, x| Ok(mlp.c_fc.forward(x)?.map(gelu))),
            },
            Mistake {
                when: "x is added to the result: that is for the block to do",
                answer: |i| steps(i, |mlp, x| mlp.forward(x, Pass::new(1))?.add(x)),
            },
        ],
    }
}

fn inputs() -> Vec<Input> {
    let mut rng = Rng::new(1);
    let mut input = |n_tok: usize, n_embd: usize, n_inner: usize| {
        let mut mlp = Mlp::random(n_embd, n_inner, 0.8, 0.8, &mut rng);
        // Biases that are not zero: forgetting them must show.
        for Linear { bias, .. } in [&mut mlp.c_fc, &mut mlp.c_proj] {
            *bias = Tensor::random(bias.shape(), 0.5, &mut rng);
        }
        Input { mlp, x: Tensor::random(&[n_tok, n_embd], 1.0, &mut rng) }
    };
    let mut example = input(1, 1, 1);
    for linear in [&mut example.mlp.c_fc, &mut example.mlp.c_proj] {
        *linear = Linear { weight: Tensor::full(&[1, 1], 1.0).into(), bias: Tensor::zeros(&[1]) };
    }
    example.x = Tensor::full(&[1, 1], 1.0);
    // Rows of another length.
    let misfit = Input { x: Tensor::zeros(&[2, 3]), ..input(2, 4, 6) };
    vec![example, input(1, 1, 1), input(3, 4, 16), input(2, 5, 7), misfit]
}

/// The MLP in other steps.
fn steps(input: &Input, forward: impl Fn(&Mlp, &Tensor) -> Result<Tensor>) -> Answer {
    attempt(forward(&input.mlp, &input.x), |y| one(tensor(&y)))
}

/// The MLP with another bend, and one at the end.
fn layers(input: &Input, act: fn(f32) -> f32, last: fn(f32) -> f32) -> Answer {
    steps(input, |mlp, x| Ok(mlp.c_proj.forward(&mlp.c_fc.forward(x)?.map(act))?.map(last)))
}

/// A linear layer without its bias.
fn product(linear: &Linear, x: &Tensor) -> Result<Tensor> {
    x.matmul(linear.weight.tensor()?)
}
