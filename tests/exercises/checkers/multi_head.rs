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
                    answer(changed(i, |attn| columns(attn, |c, n_head, size| c % size * n_head + c / size, true)))
                },
            },
            Mistake {
                when: "the heads are interleaved: head h takes columns h, h + n_head, h + 2*n_head ...",
                answer: |i| {
                    answer(changed(i, |attn| columns(attn, |c, n_head, size| c % size * n_head + c / size, false)))
                },
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
                answer: |i| answer(changed(i, |attn| parts(attn, [1, 0, 2]))),
            },
            Mistake {
                when: "keys and values are swapped",
                answer: |i| answer(changed(i, |attn| parts(attn, [0, 2, 1]))),
            },
            Mistake {
                when: "c_proj is left out",
                answer: |i| {
                    let mut probe = Probe::only(&["heads"]);
                    answer(
                        i.attn
                            .forward(&i.x, Pass::new(i.x.n_rows()).watched_by(&mut probe))
                            .map(|_| probe.get("heads").unwrap().clone()),
                    )
                },
            },
            Mistake {
                when: "there is one large head: the columns are not cut into n_head parts",
                answer: |i| answer(changed(i, |attn| attn.n_head = 1)),
            },
            Mistake {
                when: "every head takes the columns of the first one",
                answer: |i| answer(changed(i, |attn| columns(attn, |c, _, size| c % size, false))),
            },
            Mistake {
                when: "n_head and head_size are mixed up: there are head_size heads of n_head columns",
                answer: |i| answer(changed(i, |attn| attn.n_head = attn.c_proj.bias.len() / attn.n_head)),
            },
            Mistake {
                when: "the scores are divided by sqrt(n_embd): the size of a head counts",
                answer: |i| {
                    answer(changed(i, |attn| {
                        let factor = 1.0 / (attn.n_head as f32).sqrt();
                        let n_embd = attn.c_proj.bias.len();
                        scale_queries(attn, n_embd, factor);
                    }))
                },
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

/// Takes column `from(c)` in place of column `c` in each of q, k and v; and reverses this in the results, if asked to.
fn columns(attn: &mut Attention, from: fn(usize, usize, usize) -> usize, and_back: bool) {
    let (n_embd, n_head) = (attn.c_proj.bias.len(), attn.n_head);
    let old = attn.c_attn.clone();
    for c in 0..3 * n_embd {
        let source = c / n_embd * n_embd + from(c % n_embd, n_head, n_embd / n_head);
        attn.c_attn.bias.data_mut()[c] = old.bias.data()[source];
        for i in 0..n_embd {
            attn.c_attn.weight.tensor_mut().unwrap().row_mut(i)[c] = old.weight.row(i)[source];
        }
    }
    if and_back {
        // Columns that are cut like this are put together like this: result column from(c) is column c of the sorted
        // heads.
        let old = attn.c_proj.weight.clone();
        for c in 0..n_embd {
            attn.c_proj.weight.tensor_mut().unwrap().row_mut(c).copy_from_slice(&old.row(from(
                c,
                n_head,
                n_embd / n_head,
            )));
        }
    }
}

/// Puts column `c` of the heads' results in the place `to(c)`.
fn project(attn: &mut Attention, to: fn(usize, usize, usize) -> usize) {
    let (n_embd, n_head) = (attn.c_proj.bias.len(), attn.n_head);
    let old = attn.c_proj.weight.clone();
    for c in 0..n_embd {
        attn.c_proj.weight.tensor_mut().unwrap().row_mut(c).copy_from_slice(&old.row(to(c, n_head, n_embd / n_head)));
    }
}

/// Takes the three parts of c_attn in another order.
fn parts(attn: &mut Attention, order: [usize; 3]) {
    let n_embd = attn.c_proj.bias.len();
    let old = attn.c_attn.clone();
    for c in 0..3 * n_embd {
        let source = order[c / n_embd] * n_embd + c % n_embd;
        attn.c_attn.bias.data_mut()[c] = old.bias.data()[source];
        for i in 0..n_embd {
            attn.c_attn.weight.tensor_mut().unwrap().row_mut(i)[c] = old.weight.row(i)[source];
        }
    }
}

fn scale_queries(attn: &mut Attention, n_embd: usize, factor: f32) {
    attn.c_attn.bias.data_mut()[..n_embd].iter_mut().for_each(|x| *x *= factor);
    for i in 0..n_embd {
        attn.c_attn.weight.tensor_mut().unwrap().row_mut(i)[..n_embd].iter_mut().for_each(|x| *x *= factor);
    }
}
