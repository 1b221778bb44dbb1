//! The block.

use crate::check::{Answer, Exercise, Mistake, attempt, one, tensor};
use crate::exercises;
use gpt60::layers::block::Block;
use gpt60::{Config, Pass, Result, Rng, Tensor};

pub struct Input {
    block: Block,
    x: Tensor,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "block",
        inputs,
        describe: |i| format!("x of shape {:?} and {} heads", i.x.shape(), i.block.attn.n_head),
        stub: |i| answer(exercises::block::forward(&i.block, &i.x)),
        library: |i| answer(i.block.forward(i.x.clone(), Pass::new(i.x.n_rows()))),
        tolerance: 1e-4,
        mistakes: vec![
            Mistake {
                when: "layer norm comes after the sum (post-LN, as in the first transformer): here it comes before attention and MLP",
                answer: |i| {
                    run(i, |b, x| {
                        let mid = ln_1(b, &x.add(&attn(b, x)?)?)?;
                        ln_2(b, &mid.add(&mlp(b, &mid)?)?)
                    })
                },
            },
            Mistake {
                when: "attention's result is not added to x",
                answer: |i| {
                    run(i, |b, x| {
                        let mid = attn(b, &ln_1(b, x)?)?;
                        mid.add(&mlp(b, &ln_2(b, &mid)?)?)
                    })
                },
            },
            Mistake {
                when: "the MLP's result is not added to its input",
                answer: |i| run(i, |b, x| mlp(b, &ln_2(b, &x.add(&attn(b, &ln_1(b, x)?)?)?)?)),
            },
            Mistake {
                when: "neither result is added to anything",
                answer: |i| run(i, |b, x| mlp(b, &ln_2(b, &attn(b, &ln_1(b, x)?)?)?)),
            },
            Mistake {
                when: "the MLP's result is added to x, and not to what attention has made of it",
                answer: |i| {
                    run(i, |b, x| {
                        let mid = x.add(&attn(b, &ln_1(b, x)?)?)?;
                        x.add(&mlp(b, &ln_2(b, &mid)?)?)
                    })
                },
            },
            Mistake {
                when: "the MLP reads the old x: it must read what attention has made of it",
                answer: |i| run(i, |b, x| x.add(&attn(b, &ln_1(b, x)?)?)?.add(&mlp(b, &ln_2(b, x)?)?)),
            },
            Mistake {
                when: "the results are added to the normed vectors, and not to the residual stream",
                answer: |i| {
                    run(i, |b, x| {
                        let normed = ln_1(b, x)?;
                        let normed = ln_2(b, &normed.add(&attn(b, &normed)?)?)?;
                        normed.add(&mlp(b, &normed)?)
                    })
                },
            },
            Mistake {
                when: "ln_1 is used twice, and ln_2 not at all",
                answer: |i| {
                    run(i, |b, x| {
                        let mid = x.add(&attn(b, &ln_1(b, x)?)?)?;
                        mid.add(&mlp(b, &ln_1(b, &mid)?)?)
                    })
                },
            },
            Mistake {
                when: "ln_1 and ln_2 are swapped",
                answer: |i| {
                    run(i, |b, x| {
                        let mid = x.add(&attn(b, &ln_2(b, x)?)?)?;
                        mid.add(&mlp(b, &ln_1(b, &mid)?)?)
                    })
                },
            },
            Mistake {
                when: "the MLP reads x without ln_2",
                answer: |i| {
                    run(i, |b, x| {
                        let mid = x.add(&attn(b, &ln_1(b, x)?)?)?;
                        mid.add(&mlp(b, &mid)?)
                    })
                },
            },
            Mistake {
                when: "attention reads x without ln_1",
                answer: |i| {
                    run(i, |b, x| {
                        let mid = x.add(&attn(b, x)?)?;
                        mid.add(&mlp(b, &ln_2(b, &mid)?)?)
                    })
                },
            },
            Mistake {
                when: "x is added once more in the end: the second line adds to what the first one has made, and x is in it",
                answer: |i| {
                    run(i, |b, x| {
                        let mid = x.add(&attn(b, &ln_1(b, x)?)?)?;
                        mid.add(&mlp(b, &ln_2(b, &mid)?)?)?.add(x)
                    })
                },
            },
            Mistake {
                when: "there are no layer norms",
                answer: |i| {
                    run(i, |b, x| {
                        let mid = x.add(&attn(b, x)?)?;
                        mid.add(&mlp(b, &mid)?)
                    })
                },
            },
            Mistake {
                when: "the MLP comes first, and attention after it",
                answer: |i| {
                    run(i, |b, x| {
                        let mid = x.add(&mlp(b, &ln_2(b, x)?)?)?;
                        mid.add(&attn(b, &ln_1(b, &mid)?)?)
                    })
                },
            },
            Mistake { when: "the MLP is left out", answer: |i| run(i, |b, x| x.add(&attn(b, &ln_1(b, x)?)?)) },
        ],
    }
}

fn inputs() -> Vec<Input> {
    let mut rng = Rng::new(3);
    let mut input = |n_seq: usize, n_embd: usize, n_head: usize| {
        let mut block = Block::random(&Config::new(5, 8, n_embd, n_head, 1), &mut rng);
        // Every gain, weight and bias is a different number.
        for linear in [&mut block.attn.c_attn, &mut block.attn.c_proj, &mut block.mlp.c_fc, &mut block.mlp.c_proj] {
            linear.weight = Tensor::random(linear.weight.shape(), 0.7, &mut rng).into();
            linear.bias = Tensor::random(linear.bias.shape(), 0.4, &mut rng);
        }
        for ln in [&mut block.ln_1, &mut block.ln_2] {
            ln.weight = Tensor::random(&[n_embd], 1.0, &mut rng);
            ln.bias = Tensor::random(&[n_embd], 0.5, &mut rng);
        }
        Input { block, x: Tensor::random(&[n_seq, n_embd], 1.0, &mut rng) }
    };
    let mut inputs = vec![input(3, 4, 2), input(1, 6, 3), input(5, 5, 1)];
    // The worked example: what adds nothing changes nothing.
    let nothing = Block::zeros(&Config::new(5, 8, 4, 2, 1));
    inputs.push(Input { block: nothing, x: inputs[0].x.clone() });
    inputs
}

fn answer(result: Result<Tensor>) -> Answer {
    attempt(result, |y| one(tensor(&y)))
}

fn run(input: &Input, way: fn(&Block, &Tensor) -> Result<Tensor>) -> Answer {
    answer(way(&input.block, &input.x))
}

fn ln_1(block: &Block, x: &Tensor) -> Result<Tensor> {
    block.ln_1.forward(x)
}

fn ln_2(block: &Block, x: &Tensor) -> Result<Tensor> {
    block.ln_2.forward(x)
}

fn attn(block: &Block, x: &Tensor) -> Result<Tensor> {
    block.attn.forward(x, Pass::new(x.n_rows()))
}

fn mlp(block: &Block, x: &Tensor) -> Result<Tensor> {
    block.mlp.forward(x, Pass::new(1))
}
