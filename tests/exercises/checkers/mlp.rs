//! The MLP.

use crate::check::{Exercise, Mistake, attempt, one, tensor};
use crate::exercises;
use gpt60::layers::gelu::gelu;
use gpt60::layers::linear::Linear;
use gpt60::layers::mlp::Mlp;
use gpt60::{Pass, Result, Rng, Tensor};

pub struct Input {
    mlp: Mlp,
    x: Tensor,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "mlp",
        inputs,
        describe: |i| format!("x of shape {:?} and an n_inner of {}", i.x.shape(), i.mlp.c_fc.bias.len()),
        stub: |i| attempt(exercises::mlp::forward(&i.mlp, &i.x), |y| one(tensor(&y))),
        library: |i| attempt(i.mlp.forward(&i.x, Pass::new(1)), |y| one(tensor(&y))),
        tolerance: 1e-4,
        mistakes: vec![
            Mistake { when: "the GELU is left out", answer: |i| layers(i, |x| x, |y| y) },
            Mistake { when: "a ReLU is used in place of the GELU", answer: |i| layers(i, |x| x.max(0.0), |y| y) },
            Mistake { when: "the GELU is applied once more, after c_proj", answer: |i| layers(i, gelu, gelu) },
            Mistake {
                when: "the GELU comes before c_fc: it belongs between the two",
                answer: |i| {
                    let y = i.mlp.c_fc.forward(&i.x.map(gelu)).and_then(|fc| i.mlp.c_proj.forward(&fc));
                    attempt(y, |y| one(tensor(&y)))
                },
            },
            Mistake {
                when: "c_proj is left out: the rows must be made narrow again",
                answer: |i| attempt(i.mlp.c_fc.forward(&i.x), |fc| one(tensor(&fc.map(gelu)))),
            },
            Mistake {
                when: "x is added to the result: that is for the block to do",
                answer: |i| attempt(run(i, gelu, |y| y).and_then(|y| y.add(&i.x)), |y| one(tensor(&y))),
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
    vec![example, input(1, 1, 1), input(3, 4, 16), input(2, 5, 7)]
}

fn run(input: &Input, act: fn(f32) -> f32, last: fn(f32) -> f32) -> Result<Tensor> {
    let fc = input.mlp.c_fc.forward(&input.x)?.map(act);
    Ok(input.mlp.c_proj.forward(&fc)?.map(last))
}

fn layers(input: &Input, act: fn(f32) -> f32, last: fn(f32) -> f32) -> Vec<(&'static str, crate::check::Part)> {
    attempt(run(input, act, last), |y| one(tensor(&y)))
}
