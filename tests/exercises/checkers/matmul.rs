//! The matrix product.

use crate::check::{Answer, Exercise, Mistake, attempt, one, tensor};
use crate::exercises;
use gpt60::{Error, Result, Rng, Tensor};
use std::ops::Range;

pub struct Input {
    a: Tensor,
    b: Tensor,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "matmul",
        inputs,
        describe: |i| format!("a of shape {:?} and b of shape {:?}", i.a.shape(), i.b.shape()),
        stub: |i| answer(exercises::matmul::matmul(&i.a, &i.b)),
        library: |i| answer(i.a.matmul(&i.b)),
        tolerance: 1e-5,
        mistakes: vec![
            Mistake {
                when: "b is read as if it were transposed: b(p, j) is at place n * p + j of its numbers",
                answer: |i| answer(sums(i, |s| Places { b: s.k * s.j + s.p, ..places(s) }, |k| 0..k)),
            },
            Mistake {
                when: "the rows of b are taken to be k long: they have n numbers",
                answer: |i| answer(sums(i, |s| Places { b: s.k * s.p + s.j, ..places(s) }, |k| 0..k)),
            },
            Mistake {
                when: "the rows of a are taken to be m long: they have k numbers",
                answer: |i| answer(sums(i, |s| Places { a: s.m * s.i + s.p, ..places(s) }, |k| 0..k)),
            },
            Mistake {
                when: "i and j are swapped in the result: number (i, j) is at place n * i + j",
                answer: |i| answer(sums(i, |s| Places { c: s.m * s.j + s.i, ..places(s) }, |k| 0..k)),
            },
            Mistake {
                when: LONG_ROWS,
                answer: |i| answer(sums(i, |s| Places { c: s.m * s.i + s.j, ..places(s) }, |k| 0..k)),
            },
            Mistake { when: LONG_ROWS, answer: |i| answer(assigned(i)) },
            Mistake {
                when: "the result is transposed: it has a row for each row of a, and a column for each column of b",
                answer: |i| answer(i.a.matmul(&i.b).and_then(|c| c.transpose())),
            },
            Mistake {
                when: "the inner loop ends one too early: p goes from 0 to k - 1, and 0..k does just that",
                answer: |i| answer(sums(i, places, |k| 0..k - 1)),
            },
            Mistake {
                when: "the inner loop begins at 1: the first product is missing",
                answer: |i| answer(sums(i, places, |k| 1..k)),
            },
            Mistake {
                when: "each product overwrites the one before, where it should be added: only the last is left",
                answer: |i| answer(sums(i, places, |k| k.saturating_sub(1)..k)),
            },
            Mistake {
                when: "the sum does not start at 0 for each number of the result: all sums before it are still inside",
                answer: |i| answer(running_sums(i, false)),
            },
            Mistake {
                when: "the sum starts again at 0 for each row only: the sums before it in its row are still inside",
                answer: |i| answer(running_sums(i, true)),
            },
            Mistake {
                when: "the tables are multiplied number by number: a matrix product is sums of products",
                answer: |i| answer(i.a.mul(&i.b)),
            },
            Mistake {
                when: "a k of 0 has no answer, because a sum begins with its first product, or because it is refused: a sum of \
                       nothing is 0",
                answer: |i| {
                    assert!(i.a.n_cols() > 0, "there is no first product");
                    answer(i.a.matmul(&i.b))
                },
            },
            Mistake { when: UNCHECKED, answer: |i| answer(unchecked(i, places, |k| 0..k)) },
        ],
    }
}

// A check for `>` refuses the same tables as the panic past the end of b.
const UNCHECKED: &str = "a may have fewer columns than b has rows: either nothing checks that they match, or only whether there \
                         are more";

const LONG_ROWS: &str = "the rows of the result are taken to be m long: number (i, j) is at place n * i + j";

fn answer(result: Result<Tensor>) -> Answer {
    attempt(result, |c| one(tensor(&c)))
}

fn inputs() -> Vec<Input> {
    let mut rng = Rng::new(1);
    let mut random = |m: usize, k: usize, k_b: usize, n: usize| Input {
        a: Tensor::random(&[m, k], 1.0, &mut rng),
        b: Tensor::random(&[k_b, n], 1.0, &mut rng),
    };
    let example = Input {
        a: Tensor::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0]).unwrap(),
        b: Tensor::new(&[2, 3], vec![5.0, 6.0, 7.0, 8.0, 9.0, 10.0]).unwrap(),
    };
    let list = |n: usize| Tensor::zeros(&[n]);
    vec![
        example,
        random(3, 3, 3, 3),
        random(1, 5, 5, 7),
        random(5, 2, 2, 3),
        random(2, 7, 7, 1),
        random(1, 1, 1, 1),
        // Sums of nothing.
        random(2, 0, 0, 3),
        // These do not fit: b has more rows, and fewer.
        random(2, 3, 5, 2),
        random(2, 3, 2, 2),
        // These are no tables.
        Input { a: list(2), b: Tensor::zeros(&[2, 3]) },
        Input { a: Tensor::zeros(&[2, 3]), b: list(3) },
        Input { a: Tensor::zeros(&[2, 1]), b: list(3) },
        Input { a: Tensor::zeros(&[2, 1, 3]), b: Tensor::zeros(&[3, 2]) },
        Input { a: Tensor::zeros(&[2, 3]), b: Tensor::zeros(&[3, 1, 2]) },
    ]
}

/// Where the three loops are, and the sizes.
#[derive(Clone, Copy)]
struct Step {
    i: usize,
    j: usize,
    p: usize,
    m: usize,
    k: usize,
    n: usize,
}

/// Which numbers are multiplied, and where the product goes.
struct Places {
    a: usize,
    b: usize,
    c: usize,
}

/// The right ones.
fn places(s: Step) -> Places {
    Places { a: s.k * s.i + s.p, b: s.n * s.p + s.j, c: s.n * s.i + s.j }
}

/// Three loops, with these places and this range of the inner loop.
fn sums(input: &Input, places: fn(Step) -> Places, range: fn(usize) -> Range<usize>) -> Result<Tensor> {
    if input.a.n_cols() != input.b.n_rows() {
        return Err(Error::shape("matmul", &[input.a.shape(), input.b.shape()], "they do not fit"));
    }
    unchecked(input, places, range)
}

fn unchecked(input: &Input, places: fn(Step) -> Places, range: fn(usize) -> Range<usize>) -> Result<Tensor> {
    let ((m, k), (_, n)) = (input.a.table("matmul")?, input.b.table("matmul")?);
    let mut c = Tensor::zeros(&[m, n]);
    for i in 0..m {
        for j in 0..n {
            for p in range(k) {
                let at = places(Step { i, j, p, m, k, n });
                c.data_mut()[at.c] += input.a.data()[at.a] * input.b.data()[at.b];
            }
        }
    }
    Ok(c)
}

/// Each sum goes to place `m * i + j`, on top of what is there.
fn assigned(input: &Input) -> Result<Tensor> {
    let right = input.a.matmul(&input.b)?;
    let mut c = Tensor::zeros(right.shape());
    for i in 0..right.n_rows() {
        for j in 0..right.n_cols() {
            c.data_mut()[right.n_rows() * i + j] = right.row(i)[j];
        }
    }
    Ok(c)
}

/// Every number has the earlier ones added to it, of its row or of the whole result.
fn running_sums(input: &Input, per_row: bool) -> Result<Tensor> {
    let mut c = input.a.matmul(&input.b)?;
    let n = c.n_cols();
    for at in 1..c.len() {
        if !per_row || at % n != 0 {
            c.data_mut()[at] += c.data()[at - 1];
        }
    }
    Ok(c)
}
