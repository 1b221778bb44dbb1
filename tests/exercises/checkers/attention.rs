//! One head of attention.

use crate::check::{Answer, Exercise, Mistake, attempt, one, tensor, with_rows};
use crate::exercises;
use gpt60::layers::softmax;
use gpt60::{Result, Rng, Tensor};

pub struct Input {
    q: Tensor,
    k: Tensor,
    v: Tensor,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "attention",
        inputs,
        describe: |i| {
            let (n_seq, head_size) = (i.q.n_rows(), i.q.n_cols());
            with_rows(format!("n_seq {n_seq}, head_size {head_size} and a table q"), &i.q)
        },
        stub: |i| answer(exercises::attention::attention(&i.q, &i.k, &i.v)),
        library: |i| answer(attend(&i.q, &i.k, &i.v, root(i))),
        tolerance: 1e-4,
        mistakes: vec![
            Mistake {
                when: "the scores are not divided by sqrt(head_size)",
                answer: |i| answer(attend(&i.q, &i.k, &i.v, 1.0)),
            },
            Mistake {
                when: "the scores are divided by head_size: divide by its root",
                answer: |i| answer(attend(&i.q, &i.k, &i.v, i.q.n_cols() as f32)),
            },
            Mistake {
                when: "the scores are multiplied by sqrt(head_size): it is a division",
                answer: |i| answer(attend(&i.q, &i.k, &i.v, 1.0 / root(i))),
            },
            Mistake {
                when: "the scores are divided by the root of n_seq: use head_size, the columns of q",
                answer: |i| answer(attend(&i.q, &i.k, &i.v, (i.q.n_rows() as f32).sqrt())),
            },
            Mistake { when: "queries and keys are swapped", answer: |i| answer(attend(&i.k, &i.q, &i.v, root(i))) },
            Mistake { when: "keys and values are swapped", answer: |i| answer(attend(&i.q, &i.v, &i.k, root(i))) },
            Mistake {
                when: "there is no mask: every token sees all others",
                answer: |i| answer(with(i, |scores| Ok(softmax::forward(&scores)))),
            },
            Mistake {
                when: "the mask also hides the token itself: the first row is left with nothing, and softmax gives NaN",
                answer: |i| answer(with(i, |scores| Ok(softmax::forward(&masked(&scores, |q, k| k < q))))),
            },
            Mistake { when: SELF, answer: |i| answer(with(i, |s| Ok(softmax::forward(&also_itself(s, |_| -1e9))))) },
            Mistake { when: SELF, answer: |i| answer(with(i, |s| Ok(softmax::forward(&also_itself(s, |x| x - 1e9))))) },
            Mistake {
                when: "the mask lets a token look one place ahead",
                answer: |i| answer(with(i, |scores| Ok(softmax::forward(&masked(&scores, |q, k| k <= q + 1))))),
            },
            Mistake {
                when: "the mask hides the past and not the future",
                answer: |i| answer(with(i, |scores| Ok(softmax::forward(&masked(&scores, |q, k| k >= q))))),
            },
            Mistake {
                when: "softmax goes along the columns: each row belongs to a query, and must add up to 1",
                answer: |i| {
                    answer(with(i, |scores| {
                        let scores = masked(&scores, |q, k| k <= q);
                        softmax::forward(&scores.transpose()?).transpose()
                    }))
                },
            },
            Mistake {
                when: "the mask comes after softmax: the rows no longer add up to 1",
                answer: |i| {
                    answer(with(i, |scores| {
                        Ok(masked(&softmax::forward(&scores), |q, k| k <= q)
                            .map(|w| if w.is_finite() { w } else { 0.0 }))
                    }))
                },
            },
            Mistake {
                when: "the mask comes after softmax, and the rows are divided by their sums again: that is 0 / 0 where a \
                       hidden score is far above all others",
                answer: |i| {
                    answer(with(i, |scores| {
                        let mut weights = masked(&softmax::forward(&scores), |q, k| k <= q).map(|w| w.max(0.0));
                        for query in 0..weights.n_rows() {
                            let sum: f32 = weights.row(query).iter().sum();
                            weights.row_mut(query).iter_mut().for_each(|w| *w /= sum);
                        }
                        Ok(weights)
                    }))
                },
            },
            Mistake {
                when: "the mask is added to the weights, after softmax: minus infinity stays in them, and meets the values",
                answer: |i| answer(with(i, |scores| Ok(masked(&softmax::forward(&scores), |q, k| k <= q)))),
            },
            Mistake {
                when: "the mask is multiplied with the scores, where it should be added: 0 times a score is 0",
                answer: |i| {
                    answer(with(i, |scores| {
                        let mask = masked(&Tensor::zeros(scores.shape()), |q, k| k <= q);
                        Ok(softmax::forward(&scores.mul(&mask)?))
                    }))
                },
            },
            Mistake {
                when: "the weights are transposed before they meet the values: row i belongs to query i",
                answer: |i| answer(with(i, |scores| softmax::forward(&masked(&scores, |q, k| k <= q)).transpose())),
            },
            Mistake {
                when: "the division by sqrt(head_size) comes after softmax: the scores are divided before it",
                answer: |i| answer(attend(&i.q, &i.k, &i.v, 1.0).map(|y| y.scale(1.0 / root(i)))),
            },
            Mistake {
                when: "hidden scores become 0, which is a score like any other: they must be minus infinity",
                answer: |i| answer(with(i, |scores| Ok(softmax::forward(&hidden_at(scores, 0.0))))),
            },
            Mistake { when: FINITE, answer: |i| answer(with(i, |s| Ok(softmax::forward(&hidden_at(s, -100.0))))) },
            Mistake { when: FINITE, answer: |i| answer(with(i, |s| Ok(softmax::forward(&hidden_at(s, -1000.0))))) },
            Mistake { when: FINITE, answer: |i| answer(with(i, |s| Ok(softmax::forward(&hidden_at(s, -1e4))))) },
            Mistake { when: FINITE, answer: |i| answer(with(i, |s| Ok(softmax::forward(&hidden_by(s, -100.0))))) },
            Mistake { when: FINITE, answer: |i| answer(with(i, |s| Ok(softmax::forward(&hidden_by(s, -1000.0))))) },
            Mistake { when: FINITE, answer: |i| answer(with(i, |s| Ok(softmax::forward(&hidden_by(s, -1e4))))) },
            Mistake {
                when: "softmax is computed without subtracting the largest score: e^x overflows",
                answer: |i| answer(with(i, |scores| Ok(softmax_less(&masked(&scores, |q, k| k <= q), |_| 0.0)))),
            },
            Mistake {
                when: "softmax subtracts the largest score, whose search begins at 0: all scores of a row may be below it",
                answer: |i| {
                    answer(with(i, |scores| {
                        let largest = |row: &[f32]| row.iter().copied().fold(0.0, f32::max);
                        Ok(softmax_less(&masked(&scores, |q, k| k <= q), largest))
                    }))
                },
            },
            Mistake {
                when: "there is no softmax: the scores themselves are taken as weights",
                answer: |i| {
                    answer(with(i, |scores| {
                        Ok(masked(&scores, |q, k| k <= q).map(|w| if w.is_finite() { w } else { 0.0 }))
                    }))
                },
            },
        ],
    }
}

fn inputs() -> Vec<Input> {
    let column = |numbers: [f32; 2]| Tensor::new(&[2, 1], numbers.to_vec()).unwrap();
    let mut rng = Rng::new(1);
    let mut random = |n_seq: usize, head_size: usize| {
        let mut table = || Tensor::random(&[n_seq, head_size], 1.5, &mut rng);
        Input { q: table(), k: table(), v: table() }
    };
    vec![
        Input { q: column([1.0, 1.0]), k: column([0.0, 3f32.ln()]), v: column([4.0, 8.0]) },
        random(3, 5),
        random(1, 3),
        random(7, 2),
        random(4, 3),
        // Large scores: -120000 in row 0, where it is the only visible one; -120000 and 300, of which e^x is 0 and infinite, in
        // row 1. A mask of -1000 or -10000 does not hide what is above -120000. One of -1e9 does, and passes: no model has a
        // score below that.
        Input {
            q: Tensor::new(&[3, 1], vec![300.0, 300.0, -300.0]).unwrap(),
            k: Tensor::new(&[3, 1], vec![-400.0, 1.0, 2.0]).unwrap(),
            v: Tensor::new(&[3, 1], vec![3.0, -5.0, 7.0]).unwrap(),
        },
        // Every visible score is -120000.
        Input { q: column([300.0, 300.0]), k: column([-400.0, -400.0]), v: column([3.0, -5.0]) },
    ]
}

const FINITE: &str = "hidden scores are large negative numbers instead of minus infinity: scores may be just as low";

const SELF: &str =
    "the mask also hides the token itself, and all scores of the first row are as low as the hidden ones";

/// The scores, changed where they are hidden, if the token itself is hidden, too.
fn also_itself(mut scores: Tensor, hide: fn(f32) -> f32) -> Tensor {
    (0..scores.n_rows()).for_each(|i| scores.row_mut(i)[i..].iter_mut().for_each(|score| *score = hide(*score)));
    scores
}

/// The scores, this number where they are hidden.
fn hidden_at(mut scores: Tensor, number: f32) -> Tensor {
    (0..scores.n_rows()).for_each(|i| scores.row_mut(i)[i + 1..].fill(number));
    scores
}

/// The scores, this number added where they are hidden.
fn hidden_by(mut scores: Tensor, number: f32) -> Tensor {
    (0..scores.n_rows()).for_each(|i| scores.row_mut(i)[i + 1..].iter_mut().for_each(|score| *score += number));
    scores
}

/// Softmax that subtracts this from each row.
fn softmax_less(scores: &Tensor, what: fn(&[f32]) -> f32) -> Tensor {
    let mut weights = scores.clone();
    for i in 0..weights.n_rows() {
        let powers: Vec<f32> = scores.row(i).iter().map(|score| (score - what(scores.row(i))).exp()).collect();
        let sum: f32 = powers.iter().sum();
        weights.row_mut(i).iter_mut().zip(powers).for_each(|(weight, power)| *weight = power / sum);
    }
    weights
}

fn answer(result: Result<Tensor>) -> Answer {
    attempt(result, |y| one(tensor(&y)))
}

fn root(input: &Input) -> f32 {
    (input.q.n_cols() as f32).sqrt()
}

fn masked(scores: &Tensor, may_look: fn(usize, usize) -> bool) -> Tensor {
    let mut scores = scores.clone();
    for query in 0..scores.n_rows() {
        for (key, score) in scores.row_mut(query).iter_mut().enumerate() {
            if !may_look(query, key) {
                *score = f32::NEG_INFINITY;
            }
        }
    }
    scores
}

fn attend(q: &Tensor, k: &Tensor, v: &Tensor, divisor: f32) -> Result<Tensor> {
    let scores = q.matmul_t(k)?.scale(1.0 / divisor);
    softmax::forward(&masked(&scores, |q, k| k <= q)).matmul(v)
}

/// Attention whose weights are made from the divided scores in another way.
fn with(input: &Input, weights: fn(Tensor) -> Result<Tensor>) -> Result<Tensor> {
    weights(input.q.matmul_t(&input.k)?.scale(1.0 / root(input)))?.matmul(&input.v)
}
