//! Several heads.

use crate::check::{Answer, Exercise, Mistake, attempt, one, tensor};
use crate::exercises;
use gpt60::layers::attention::Attention;
use gpt60::{Pass, Probe, Result, Rng, Tensor};

pub struct Input {
    attn: Attention,
    x: Tensor,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "multi_head",
        inputs,
        describe: |i| format!("x of shape {:?} and {} heads", i.x.shape(), i.attn.n_head),
        stub: |i| answer(exercises::multi_head::forward(&i.attn, &i.x)),
        library: |i| answer(forward(&i.attn, &i.x)),
        tolerance: 1e-4,
        mistakes: vec![
            Mistake {
                when: "the heads are interleaved: head h takes columns h, h + n_head, h + 2*n_head ...",
                answer: |i| {
                    answer(changed(i, |attn| {
                        interleaved(attn);
                        // Columns that are cut like this are put together like this.
                        project(attn, |c, n_head, size| c % size * n_head + c / size);
                    }))
                },
            },
            Mistake {
                when: "the heads are interleaved: head h takes columns h, h + n_head, h + 2*n_head ...",
                answer: |i| answer(changed(i, interleaved)),
            },
            Mistake {
                when: "the heads' results are interleaved: they belong side by side, whole, in order",
                answer: |i| answer(changed(i, |attn| project(attn, |c, n_head, size| c % size * n_head + c / size))),
            },
            Mistake {
                when: "the heads' results are put together in reverse order",
                answer: |i| {
                    answer(changed(i, |attn| {
                        project(attn, |c, n_head, size| (n_head - 1 - c / size) * size + c % size)
                    }))
                },
            },
            Mistake {
                when: "queries, keys and values are taken in another order: the right one is q, k, v",
                answer: |i| answer(changed(i, |attn| columns(attn, |part, c, _| ([1, 0, 2][part], c)))),
            },
            Mistake {
                when: "keys and values are swapped",
                answer: |i| answer(changed(i, |attn| columns(attn, |part, c, _| ([0, 2, 1][part], c)))),
            },
            Mistake {
                when: "the columns are cut by heads first, and each into q, k and v: the q of all heads come first, then all k, then all v",
                answer: |i| {
                    answer(changed(i, |attn| {
                        columns(attn, |part, c, size| (0, c / size * 3 * size + part * size + c % size));
                    }))
                },
            },
            Mistake {
                when: "all heads use the keys of the first: each has its own",
                answer: |i| {
                    answer(changed(i, |attn| {
                        columns(attn, |part, c, size| (part, if part == 1 { c % size } else { c }));
                    }))
                },
            },
            Mistake {
                when: "all heads use the keys and the values of the first: each has its own",
                answer: |i| {
                    answer(changed(i, |attn| {
                        columns(attn, |part, c, size| (part, if part == 0 { c } else { c % size }));
                    }))
                },
            },
            Mistake { when: "c_proj is left out", answer: |i| answer(heads(i)) },
            Mistake {
                when: "c_proj is applied without its bias",
                answer: |i| answer(changed(i, |attn| attn.c_proj.bias.data_mut().fill(0.0))),
            },
            Mistake {
                when: "the heads' results are put one below the other, and then cut into rows: they belong side by side",
                answer: |i| {
                    answer(heads(i).and_then(|heads| {
                        let heads = heads.split_cols(i.attn.n_head)?;
                        let data = heads.iter().flat_map(|head| head.data().to_vec()).collect();
                        i.attn.c_proj.forward(&Tensor::new(i.x.shape(), data)?)
                    }))
                },
            },
            Mistake {
                when: "there is one large head: the columns are not cut into n_head parts",
                answer: |i| answer(changed(i, |attn| attn.n_head = 1)),
            },
            Mistake {
                when: "every head takes the columns of the first one",
                answer: |i| answer(changed(i, |attn| columns(attn, |part, c, size| (part, c % size)))),
            },
            Mistake {
                when: "n_head and head_size are mixed up: there are head_size heads of n_head columns",
                answer: |i| answer(changed(i, |attn| attn.n_head = attn.c_proj.bias.len() / attn.n_head)),
            },
            Mistake {
                when: "there are always two heads: `attn.n_head` says how many",
                answer: |i| answer(changed(i, |attn| attn.n_head = 2)),
            },
            Mistake {
                when: "the scores are divided by sqrt(n_embd): the size of a head counts",
                answer: |i| answer(changed(i, |attn| scale_queries(attn, |_, n_head| n_head))),
            },
            Mistake {
                when: "the scores are divided by sqrt(head_size) once more: attention has done it",
                answer: |i| answer(changed(i, |attn| scale_queries(attn, |n_embd, n_head| n_embd / n_head))),
            },
            Mistake {
                when: "x is added to the result: that is for the block to do",
                answer: |i| answer(forward(&i.attn, &i.x).and_then(|y| y.add(&i.x))),
            },
        ],
    }
}

fn inputs() -> Vec<Input> {
    let mut rng = Rng::new(2);
    let mut input = |n_seq: usize, n_embd: usize, n_head: usize| {
        let mut attn = Attention::random(n_embd, n_head, 0.9, 0.9, &mut rng);
        attn.c_attn.bias = Tensor::random(&[3 * n_embd], 0.5, &mut rng);
        attn.c_proj.bias = Tensor::random(&[n_embd], 0.5, &mut rng);
        Input { attn, x: Tensor::random(&[n_seq, n_embd], 1.0, &mut rng) }
    };
    vec![input(3, 4, 2), input(4, 6, 3), input(1, 6, 2), input(5, 5, 1), input(3, 12, 3)]
}

fn answer(result: Result<Tensor>) -> Answer {
    attempt(result, |y| one(tensor(&y)))
}

fn forward(attn: &Attention, x: &Tensor) -> Result<Tensor> {
    attn.forward(x, Pass::new(x.n_rows()))
}

/// The library's attention with other weights: a mistake in sorting columns is the right way on sorted weights.
fn changed(input: &Input, change: fn(&mut Attention)) -> Result<Tensor> {
    let mut attn = input.attn.clone();
    change(&mut attn);
    forward(&attn, &input.x)
}

/// What comes before c_proj.
fn heads(input: &Input) -> Result<Tensor> {
    let mut probe = Probe::only(&["heads"]);
    input.attn.forward(&input.x, Pass::new(input.x.n_rows()).watched_by(&mut probe))?;
    Ok(probe.get("heads").unwrap().clone())
}

/// In place of column `c` of a part (0 for q, 1 for k, 2 for v), takes the part and column that `from` says, given the size
/// of a head, too.
fn columns(attn: &mut Attention, from: impl Fn(usize, usize, usize) -> (usize, usize)) {
    let n_embd = attn.c_proj.bias.len();
    let old = attn.c_attn.clone();
    for c in 0..3 * n_embd {
        let (part, column) = from(c / n_embd, c % n_embd, n_embd / attn.n_head);
        let source = part * n_embd + column;
        attn.c_attn.bias.data_mut()[c] = old.bias.data()[source];
        for i in 0..n_embd {
            attn.c_attn.weight.tensor_mut().unwrap().row_mut(i)[c] = old.weight.row(i)[source];
        }
    }
}

/// Head h takes every n_head-th column, from column h on.
fn interleaved(attn: &mut Attention) {
    let n_head = attn.n_head;
    columns(attn, |part, c, size| (part, c % size * n_head + c / size));
}

/// Puts column `c` of the heads' results in the place `to(c)`.
fn project(attn: &mut Attention, to: fn(usize, usize, usize) -> usize) {
    let (n_embd, n_head) = (attn.c_proj.bias.len(), attn.n_head);
    let old = attn.c_proj.weight.clone();
    for c in 0..n_embd {
        attn.c_proj.weight.tensor_mut().unwrap().row_mut(c).copy_from_slice(&old.row(to(c, n_head, n_embd / n_head)));
    }
}

/// Divides the queries by the root of a number that is made of n_embd and n_head.
fn scale_queries(attn: &mut Attention, number: fn(usize, usize) -> usize) {
    let n_embd = attn.c_proj.bias.len();
    let factor = 1.0 / (number(n_embd, attn.n_head) as f32).sqrt();
    attn.c_attn.bias.data_mut()[..n_embd].iter_mut().for_each(|x| *x *= factor);
    for i in 0..n_embd {
        attn.c_attn.weight.tensor_mut().unwrap().row_mut(i)[..n_embd].iter_mut().for_each(|x| *x *= factor);
    }
}
