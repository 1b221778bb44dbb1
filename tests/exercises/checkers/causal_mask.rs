//! The causal mask.

use crate::check::{Answer, Exercise, Mistake, one, tensor};
use crate::exercises;
use gpt60::Tensor;

const INF: f32 = f32::INFINITY;

pub fn exercise() -> Exercise<usize> {
    Exercise {
        name: "causal_mask",
        inputs: || vec![3, 1, 2, 5, 0, 260],
        describe: |n| format!("n_seq {n}"),
        stub: |&n| one(tensor(&exercises::causal_mask::causal_mask(n))),
        library: |&n| table(n, |i, j| if j <= i { 0.0 } else { -INF }),
        tolerance: 0.0,
        mistakes: vec![
            Mistake {
                when: "the mask also hides the token itself",
                answer: |&n| table(n, |i, j| if j < i { 0.0 } else { -INF }),
            },
            Mistake {
                when: "rows and columns are swapped: it is the past that is hidden",
                answer: |&n| table(n, |i, j| if j >= i { 0.0 } else { -INF }),
            },
            Mistake {
                when: "a token may look one place ahead",
                answer: |&n| table(n, |i, j| if j <= i + 1 { 0.0 } else { -INF }),
            },
            Mistake {
                when: "it is 1 where a token may look, and 0 where not: the mask is added to the scores, not multiplied",
                answer: |&n| table(n, |i, j| if j <= i { 1.0 } else { 0.0 }),
            },
            Mistake {
                when: "it is 0 where a token may look, and 1 where not: only minus infinity becomes probability 0",
                answer: |&n| table(n, |i, j| if j <= i { 0.0 } else { 1.0 }),
            },
            Mistake {
                when: "it is infinity where minus infinity should be",
                answer: |&n| table(n, |i, j| if j <= i { 0.0 } else { INF }),
            },
            Mistake {
                when: "only the diagonal is open: a token may also look at those before it",
                answer: |&n| table(n, |i, j| if j == i { 0.0 } else { -INF }),
            },
            Mistake {
                when: "only the next token is hidden: all that come after it are hidden too",
                answer: |&n| table(n, |i, j| if j == i + 1 { -INF } else { 0.0 }),
            },
            Mistake { when: FINITE, answer: |&n| table(n, |i, j| if j <= i { 0.0 } else { -100.0 }) },
            Mistake { when: FINITE, answer: |&n| table(n, |i, j| if j <= i { 0.0 } else { -1000.0 }) },
            Mistake { when: FINITE, answer: |&n| table(n, |i, j| if j <= i { 0.0 } else { -1e4 }) },
            Mistake { when: FINITE, answer: |&n| table(n, |i, j| if j <= i { 0.0 } else { -1e9 }) },
            Mistake { when: FINITE, answer: |&n| table(n, |i, j| if j <= i { 0.0 } else { -1e10 }) },
            Mistake { when: FINITE, answer: |&n| table(n, |i, j| if j <= i { 0.0 } else { f32::MIN }) },
            Mistake {
                when: "a table of zeros and ones is multiplied by minus infinity: 0 times infinity is NaN",
                answer: |&n| table(n, |i, j| if j <= i { 0.0 * -INF } else { -INF }),
            },
            Mistake { when: "nothing is hidden", answer: |&n| table(n, |_, _| 0.0) },
        ],
    }
}

const FINITE: &str = "a large negative number stands where minus infinity should be, which is `f32::NEG_INFINITY`";

fn table(n: usize, number: impl Fn(usize, usize) -> f32) -> Answer {
    let data = (0..n * n).map(|place| number(place / n, place % n)).collect();
    one(tensor(&Tensor::new(&[n, n], data).unwrap()))
}
