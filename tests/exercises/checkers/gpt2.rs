//! The whole forward pass.

use crate::check::{Answer, Exercise, Mistake, attempt, one, tensor};
use crate::exercises;
use gpt60::layers::embedding;
use gpt60::{Config, Gpt2, Pass, Result, Rng, Tensor};

pub struct Input {
    model: Gpt2,
    ids: Vec<u32>,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "gpt2",
        inputs,
        describe: |i| {
            let head = if i.model.lm_head.is_some() { "a head of its own" } else { "a tied head" };
            format!("ids {:?}, {} blocks and {head}", i.ids, i.model.h.len())
        },
        stub: |i| answer(exercises::gpt2::logits(&i.model, &i.ids)),
        library: |i| answer(i.model.logits(&i.ids)),
        tolerance: 1e-4,
        mistakes: vec![
            Mistake {
                when: "the last layer norm, ln_f, is left out",
                answer: |i| {
                    let mut probe = gpt60::Probe::everything();
                    let hidden = i.model.hidden(&i.ids, Pass::new(i.ids.len()).watched_by(&mut probe));
                    let last = format!("h.{}.out", i.model.h.len() - 1);
                    answer(hidden.and_then(|_| i.model.head(probe.get(&last).unwrap())))
                },
            },
            Mistake { when: "the blocks run in reverse order", answer: |i| changed(i, |model| model.h.reverse()) },
            Mistake {
                when: "the first block runs again and again, in place of all others",
                answer: |i| changed(i, |model| model.h = vec![model.h[0].clone(); model.h.len()]),
            },
            Mistake {
                when: "every block reads the embedding, so only the last one counts",
                answer: |i| changed(i, |model| model.h = model.h.split_off(model.h.len() - 1)),
            },
            Mistake { when: "the blocks are left out", answer: |i| changed(i, |model| model.h.clear()) },
            Mistake {
                when: EVERY,
                answer: |i| through(i, |_, x| Ok(x), |model, _, y| model.ln_f.forward(&y), |_, x| Ok(x)),
            },
            Mistake { when: EVERY, answer: |i| through(i, |_, x| Ok(x), |model, _, y| model.ln_f.forward(&y), last) },
            Mistake {
                when: "the last layer norm, ln_f, comes before the blocks: it comes after the last",
                answer: |i| through(i, last, |_, _, y| Ok(y), |_, x| Ok(x)),
            },
            Mistake {
                when: "the embedding is multiplied by sqrt(n_embd), as in other models: GPT-2 does not do that",
                answer: |i| through(i, |_, x| Ok(x.scale((x.n_cols() as f32).sqrt())), |_, _, y| Ok(y), last),
            },
            Mistake {
                when: "a block's result is added to x: a block has added it already",
                answer: |i| through(i, |_, x| Ok(x), |_, x, y| x.add(&y), last),
            },
            Mistake { when: "the last block is left out", answer: |i| changed(i, |model| drop(model.h.pop())) },
            Mistake { when: "the first block is left out", answer: |i| changed(i, |model| drop(model.h.remove(0))) },
            Mistake {
                when: "every token is at position 0: the embedding is told that a sequence has one token",
                answer: |i| {
                    changed(i, |model| {
                        let n_ctx = model.config.n_ctx;
                        model.wpe = model.wpe.take_rows(&vec![0; n_ctx]).unwrap();
                    })
                },
            },
            Mistake {
                when: "the positions' vectors, wpe, are left out",
                answer: |i| changed(i, |model| model.wpe = Tensor::zeros(model.wpe.shape())),
            },
            Mistake {
                when: "positions are counted from 1",
                answer: |i| {
                    changed(i, |model| {
                        let n_ctx = model.config.n_ctx;
                        model.wpe = model.wpe.take_rows(&[(1..n_ctx).collect(), vec![0]].concat()).unwrap();
                    })
                },
            },
            Mistake {
                when: "the head is always wte, even if the model has an lm_head of its own",
                answer: |i| changed(i, |model| model.lm_head = None),
            },
            Mistake {
                when: "the logits of the model's own head and those of wte are added: lm_head replaces wte",
                answer: |i| {
                    let mut tied = i.model.clone();
                    let head = tied.lm_head.take();
                    answer(i.model.logits(&i.ids).and_then(|own| match head {
                        Some(_) => own.add(&tied.logits(&i.ids)?),
                        None => Ok(own),
                    }))
                },
            },
            Mistake {
                when: "a text longer than n_ctx is read, too: its positions begin again at 0, where an error is to be returned",
                answer: |i| {
                    changed(i, |model| {
                        let rows: Vec<usize> =
                            (0..2 * model.config.n_ctx).map(|row| row % model.config.n_ctx).collect();
                        model.wpe = model.wpe.take_rows(&rows).unwrap();
                        model.config.n_ctx = rows.len();
                    })
                },
            },
            Mistake {
                when: "only the last token's logits are given: every token has a row",
                answer: |i| answer(i.model.logits(&i.ids).and_then(|logits| logits.take_rows(&[i.ids.len() - 1]))),
            },
            Mistake {
                when: "softmax is taken of the logits: that comes later, when a token is chosen",
                answer: |i| answer(i.model.logits(&i.ids).map(|logits| gpt60::layers::softmax::forward(&logits))),
            },
            Mistake {
                when: "the last vectors are returned, without the head",
                answer: |i| answer(i.model.hidden(&i.ids, Pass::new(i.ids.len()))),
            },
        ],
    }
}

fn inputs() -> Vec<Input> {
    let mut rng = Rng::new(4);
    let mut model = |n_layer: usize, untied: bool| {
        let mut model = Gpt2::zeros(&Config::new(7, 6, 6, 2, n_layer)).unwrap();
        if untied {
            model.lm_head = Some(Tensor::zeros(&[7, 6]).into());
        }
        for (_, tensor) in model.parameters_mut().unwrap() {
            *tensor = Tensor::random(tensor.shape(), 0.7, &mut rng);
        }
        model
    };
    let (three, two) = (model(3, false), model(2, true));
    vec![
        Input { model: three.clone(), ids: vec![5, 0, 3] },
        Input { model: three.clone(), ids: vec![6, 6, 1, 2, 4, 0] },
        Input { model: two.clone(), ids: vec![1] },
        Input { model: two.clone(), ids: vec![2, 5, 2, 0] },
        // More ids than positions, and an id that is too large: cut to fewer bits, it would be a 2.
        Input { model: three, ids: [1, 2, 3, 4, 5, 6].repeat(2) },
        Input { model: two, ids: vec![1, 65_538] },
    ]
}

const EVERY: &str = "the last layer norm, ln_f, comes after every block: it comes once, after the last";

fn last(model: &Gpt2, x: Tensor) -> Result<Tensor> {
    model.ln_f.forward(&x)
}

fn answer(result: Result<Tensor>) -> Answer {
    attempt(result, |logits| one(tensor(&logits)))
}

/// The library's forward pass of a model that was changed.
fn changed(input: &Input, change: fn(&mut Gpt2)) -> Answer {
    let mut model = input.model.clone();
    change(&mut model);
    answer(model.logits(&input.ids))
}

/// The forward pass with another x at the beginning, one after each block, made from the x before it and its result, and
/// one at the end.
fn through(
    input: &Input,
    first: fn(&Gpt2, Tensor) -> Result<Tensor>,
    next: fn(&Gpt2, &Tensor, Tensor) -> Result<Tensor>,
    last: fn(&Gpt2, Tensor) -> Result<Tensor>,
) -> Answer {
    let (model, n_seq) = (&input.model, input.ids.len());
    let run = || {
        let mut x = first(model, embedding::forward(&model.wte, &model.wpe, &input.ids, n_seq, 0)?)?;
        for block in &model.h {
            x = next(model, &x, block.forward(x.clone(), Pass::new(n_seq))?)?;
        }
        model.head(&last(model, x)?)
    };
    answer(run())
}
