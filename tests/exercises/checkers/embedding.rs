//! From token ids to vectors.

use crate::check::{Answer, Exercise, Mistake, attempt, one, tensor};
use crate::exercises;
use gpt60::layers::embedding;
use gpt60::{Error, Result, Rng, Tensor};
use std::cmp::Ordering;

pub struct Input {
    wte: Tensor,
    wpe: Tensor,
    ids: Vec<u32>,
    n_seq: usize,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "embedding",
        inputs,
        describe: |i| {
            let (n_vocab, n_ctx) = (i.wte.n_rows(), i.wpe.n_rows());
            format!("the ids {:?}, an n_seq of {}, {n_vocab} rows in wte and {n_ctx} in wpe", i.ids, i.n_seq)
        },
        stub: |i| answer(exercises::embedding::forward(&i.wte, &i.wpe, &i.ids, i.n_seq)),
        library: |i| answer(embedding::forward(&i.wte.clone().into(), &i.wpe, &i.ids, i.n_seq, 0)),
        tolerance: 1e-6,
        mistakes: vec![
            Mistake { when: FROM_1, answer: |i| answer(added(i, |i, t| t % i.n_seq + 1)) },
            Mistake { when: FROM_1, answer: |i| answer(added(i, |i, t| (t % i.n_seq + 1) % i.wpe.n_rows())) },
            Mistake {
                when: "the tables are swapped: the id chooses the row of wte, and the position that of wpe",
                answer: |i| {
                    let swapped =
                        || i.wpe.take_rows(&rows(i))?.add(&i.wte.take_rows(&positions(i, |i, t| t % i.n_seq))?);
                    answer(swapped())
                },
            },
            Mistake {
                when: "an id is cut to a type such as u8 or u16: a vocabulary may be larger than that",
                answer: |i| {
                    let cut: Vec<usize> = i.ids.iter().map(|&id| usize::from(id as u8)).collect();
                    answer(i.wte.take_rows(&cut).and_then(|x| x.add(&places(i, |i, t| t % i.n_seq)?)))
                },
            },
            Mistake {
                when: "all ids together may not be more than wpe has rows: only each sequence may not",
                answer: |i| answer(if i.ids.len() > i.wpe.n_rows() { Err(too_long(i)) } else { right(i) }),
            },
            Mistake {
                when: "the length of a sequence is compared with the rows of wte: its positions are rows of wpe",
                answer: |i| answer(if i.n_seq > i.wte.n_rows() { Err(too_long(i)) } else { right(i) }),
            },
            Mistake {
                when: "positions run on from one sequence to the next: each begins at 0 again",
                answer: |i| answer(added(i, |_, t| t)),
            },
            Mistake {
                when: "the number of the sequence, t / n_seq, is used as the position: it is t % n_seq",
                answer: |i| answer(added(i, |i, t| t / i.n_seq)),
            },
            Mistake { when: "every token is at position 0", answer: |i| answer(added(i, |_, _| 0)) },
            Mistake { when: "wpe is left out", answer: |i| answer(tokens(i)) },
            Mistake {
                when: "wte is left out",
                answer: |i| answer(tokens(i).and_then(|_| places(i, |i, t| t % i.n_seq))),
            },
            Mistake {
                when: "the row of wpe is chosen by the id: it is the position that chooses it",
                answer: |i| answer(tokens(i).and_then(|x| x.add(&i.wpe.take_rows(&rows(i))?))),
            },
            Mistake {
                when: "the row of wte is chosen by the place in the list: it is the id that chooses it",
                answer: |i| {
                    let all: Vec<usize> = (0..i.ids.len()).collect();
                    answer(i.wte.take_rows(&all).and_then(|x| x.add(&places(i, |i, t| t % i.n_seq)?)))
                },
            },
            Mistake {
                when: "the two vectors are multiplied, where they should be added",
                answer: |i| answer(tokens(i).and_then(|x| x.mul(&places(i, |i, t| t % i.n_seq)?))),
            },
            Mistake {
                when: "an id that is not in the vocabulary is not noticed, and gets the last row",
                answer: |i| {
                    let last = i.wte.n_rows() as u32 - 1;
                    let ids: Vec<u32> = i.ids.iter().map(|&id| id.min(last)).collect();
                    answer(embedding::forward(&i.wte.clone().into(), &i.wpe, &ids, i.n_seq, 0))
                },
            },
            Mistake {
                when: "positions begin again where wpe ends: a sequence that is longer than wpe must be an error",
                answer: |i| answer(added(i, |i, t| t % i.n_seq % i.wpe.n_rows())),
            },
            Mistake {
                when: "a sequence as long as wpe is refused, by >= for >: it has just enough rows",
                answer: |i| match i.n_seq.cmp(&i.wpe.n_rows()) {
                    Ordering::Less => answer(right(i)),
                    _ => answer(Err(too_long(i))),
                },
            },
        ],
    }
}

fn answer(result: Result<Tensor>) -> Answer {
    attempt(result, |x| one(tensor(&x)))
}

const FROM_1: &str = "positions are counted from 1";

/// Almost no probe that must succeed has more ids than `wte` or `wpe` have rows: almost all mistakes then have numbers to
/// show. The exceptions come last.
fn inputs() -> Vec<Input> {
    let mut rng = Rng::new(1);
    let mut random = |n_vocab: usize, n_ctx: usize, n_embd: usize, ids: &[u32], n_seq: usize| Input {
        wte: Tensor::random(&[n_vocab, n_embd], 1.0, &mut rng),
        wpe: Tensor::random(&[n_ctx, n_embd], 1.0, &mut rng),
        ids: ids.to_vec(),
        n_seq,
    };
    let example = Input {
        wte: Tensor::new(&[4, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]).unwrap(),
        wpe: Tensor::new(&[5, 2], vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]).unwrap(),
        ids: vec![2, 0, 2, 1],
        n_seq: 2,
    };
    vec![
        example,
        random(8, 8, 3, &[7, 4, 4, 0, 6, 5], 3),
        random(7, 9, 1, &[3, 3, 1, 6, 0], 5),
        random(5, 6, 7, &[4, 2, 4], 1),
        // A sequence that is longer than wpe, and an id past the vocabulary.
        random(9, 3, 2, &[1, 8, 0, 2], 4),
        random(4, 9, 2, &[3, 4, 0], 3),
        // A sequence that is just as long as wpe.
        random(6, 4, 3, &[5, 0, 2, 1], 4),
        // More ids than wpe has rows, in sequences that are not too long; and a sequence that is longer than wte.
        random(9, 3, 2, &[1, 8, 0, 2, 3, 3], 3),
        random(3, 6, 2, &[1, 2, 0, 2, 2], 5),
        // Ids that do not fit into two bytes.
        random(65_600, 4, 1, &[65_599, 2, 65_540, 3], 2),
    ]
}

fn rows(i: &Input) -> Vec<usize> {
    i.ids.iter().map(|&id| id as usize).collect()
}

/// The rows of `wte`.
fn tokens(i: &Input) -> Result<Tensor> {
    i.wte.take_rows(&rows(i))
}

/// The positions of all ids: each may be made of the input and its place in the list.
fn positions(i: &Input, position: fn(&Input, usize) -> usize) -> Vec<usize> {
    (0..i.ids.len()).map(|t| position(i, t)).collect()
}

/// The rows of `wpe`, at these positions.
fn places(i: &Input, position: fn(&Input, usize) -> usize) -> Result<Tensor> {
    i.wpe.take_rows(&positions(i, position))
}

/// The sum, with these positions.
fn added(i: &Input, position: fn(&Input, usize) -> usize) -> Result<Tensor> {
    tokens(i)?.add(&places(i, position)?)
}

fn right(i: &Input) -> Result<Tensor> {
    added(i, |i, t| t % i.n_seq)
}

fn too_long(i: &Input) -> Error {
    Error::shape("embedding", &[&[i.n_seq], i.wpe.shape()], "it is too long")
}
