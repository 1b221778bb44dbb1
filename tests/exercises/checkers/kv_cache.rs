//! One step with a KV cache.

use crate::check::{Answer, Exercise, Mistake, numbers};
use crate::exercises;
use gpt60::Rng;
use gpt60::layers::softmax::softmax_row;
use std::slice::Chunks;

/// What the cache holds, and then the query, key and value of each new token.
pub struct Input {
    keys: Vec<f32>,
    values: Vec<f32>,
    tokens: Vec<[Vec<f32>; 3]>,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "kv_cache",
        inputs,
        describe: |i| {
            let head_size = i.tokens[0][0].len();
            let (n_past, n_new) = (i.keys.len() / head_size, i.tokens.len());
            format!("head_size {head_size}, a cache of length {n_past} and then {n_new} new")
        },
        stub: |i| run(i, exercises::kv_cache::attend_next),
        library: |i| kept(i, |q, _, keys, values| attend(q, keys, values, root(q))),
        tolerance: 1e-4,
        mistakes: vec![
            Mistake {
                when: "the new key and value are appended after the look back: a token sees itself, too",
                answer: |i| {
                    run(i, |q, k, v, keys, values| {
                        let result = attend(q, keys, values, root(q));
                        append(k, v, keys, values);
                        result
                    })
                },
            },
            Mistake {
                when: "the new key and value are used, but not kept in the cache",
                answer: |i| {
                    run(i, |q, k, v, keys, values| {
                        let (mut all_keys, mut all_values) = (keys.clone(), values.clone());
                        append(k, v, &mut all_keys, &mut all_values);
                        attend(q, &all_keys, &all_values, root(q))
                    })
                },
            },
            Mistake {
                when: "the cache is overwritten by the new key and value: they go after the old ones",
                answer: |i| {
                    run(i, |q, k, v, keys, values| {
                        (*keys, *values) = (k.to_vec(), v.to_vec());
                        attend(q, keys, values, root(q))
                    })
                },
            },
            Mistake {
                when: "the new key and value are put before the old ones",
                answer: |i| {
                    run(i, |q, k, v, keys, values| {
                        (*keys, *values) = ([k, keys].concat(), [v, values].concat());
                        attend(q, keys, values, root(q))
                    })
                },
            },
            Mistake {
                when: "the key is put among the values, and the value among the keys",
                answer: |i| {
                    run(i, |q, k, v, keys, values| {
                        append(v, k, keys, values);
                        attend(q, keys, values, root(q))
                    })
                },
            },
            Mistake {
                when: "the scores are not divided by sqrt(head_size)",
                answer: |i| kept(i, |q, _, keys, values| attend(q, keys, values, 1.0)),
            },
            Mistake {
                when: "the scores are divided by head_size: divide by its root",
                answer: |i| kept(i, |q, _, keys, values| attend(q, keys, values, q.len() as f32)),
            },
            Mistake {
                when: "the keys are compared with the new key, and not with the query",
                answer: |i| kept(i, |q, k, keys, values| attend(k, keys, values, root(q))),
            },
            Mistake {
                when: "the scores are multiplied by sqrt(head_size): divide by it",
                answer: |i| kept(i, |q, _, keys, values| attend(q, keys, values, 1.0 / root(q))),
            },
            Mistake {
                when: "the scores are divided by the root of the number of keys: it must be that of head_size",
                answer: |i| {
                    kept(i, |q, _, keys, values| attend(q, keys, values, ((keys.len() / q.len()) as f32).sqrt()))
                },
            },
            Mistake {
                when: "the scores are always divided by 8, which is right for GPT-2's head_size of 64 alone",
                answer: |i| kept(i, |q, _, keys, values| attend(q, keys, values, 8.0)),
            },
            Mistake {
                when: "all keys get the same probability: their scores are not used, or the new key is in all of them",
                answer: |i| kept(i, |q, _, keys, values| attend(&vec![0.0; q.len()], keys, values, 1.0)),
            },
            Mistake {
                when: "the values are cut into pieces as long as there are keys: a value has head_size numbers",
                answer: |i| {
                    kept(i, |q, _, keys, values| {
                        let mut weights = scores(q, keys, root(q));
                        softmax_row(&mut weights);
                        mix(&weights, values.chunks(weights.len()), q.len())
                    })
                },
            },
            Mistake {
                when: "the query is added to the result: it is the sum of the values alone",
                answer: |i| {
                    kept(i, |q, _, keys, values| {
                        attend(q, keys, values, root(q)).iter().zip(q).map(|(y, q)| y + q).collect()
                    })
                },
            },
            Mistake {
                when: "the new key and value are appended twice",
                answer: |i| {
                    run(i, |q, k, v, keys, values| {
                        append(&[k, k].concat(), &[v, v].concat(), keys, values);
                        attend(q, keys, values, root(q))
                    })
                },
            },
            Mistake {
                when: "the first token, whose cache is empty, gets its own value, but is not kept in the cache",
                answer: |i| {
                    run(i, |q, k, v, keys, values| {
                        if keys.is_empty() {
                            return v.to_vec();
                        }
                        append(k, v, keys, values);
                        attend(q, keys, values, root(q))
                    })
                },
            },
            Mistake {
                when: "there is no softmax: the scores themselves are taken as weights",
                answer: |i| {
                    kept(i, |q, _, keys, values| mix(&scores(q, keys, root(q)), values.chunks(q.len()), q.len()))
                },
            },
            Mistake {
                when: "the first token, whose cache is empty, gets zeros: it sees itself, and its result is its own value",
                answer: |i| {
                    kept(i, |q, _, keys, values| match keys.len() == q.len() {
                        true => vec![0.0; q.len()],
                        false => attend(q, keys, values, root(q)),
                    })
                },
            },
            Mistake {
                when: "softmax is computed without subtracting the largest score: e^x overflows",
                answer: |i| kept(i, |q, _, keys, values| own_softmax(q, keys, values, None)),
            },
            Mistake { when: BEGINS, answer: |i| kept(i, |q, _, keys, values| own_softmax(q, keys, values, Some(0.0))) },
            Mistake {
                when: BEGINS,
                answer: |i| kept(i, |q, _, keys, values| own_softmax(q, keys, values, Some(-1000.0))),
            },
            Mistake {
                when: "the keys are mixed, and not the values",
                answer: |i| kept(i, |q, _, keys, _| attend(q, keys, keys, root(q))),
            },
        ],
    }
}

fn inputs() -> Vec<Input> {
    let worked = Input { keys: vec![0.0], values: vec![4.0], tokens: vec![[vec![1.0], vec![3f32.ln()], vec![8.0]]] };
    let mut rng = Rng::new(7);
    let mut random = |n: usize| -> Vec<f32> { (0..n).map(|_| 1.5 * rng.normal() as f32).collect() };
    let mut input = |head_size: usize, n_past: usize, n_new: usize| Input {
        keys: random(n_past * head_size),
        values: random(n_past * head_size),
        tokens: (0..n_new).map(|_| [random(head_size), random(head_size), random(head_size)]).collect(),
    };
    // Scores of 320000 and 400000, and then of -320000 and less.
    let large = Input {
        keys: vec![800.0],
        values: vec![4.0],
        tokens: vec![[vec![400.0], vec![1000.0], vec![-2.0]], [vec![-400.0], vec![900.0], vec![3.0]]],
    };
    let from_nothing = input(3, 0, 2); // the first token of a text
    vec![worked, input(5, 3, 1), input(3, 2, 4), input(2, 7, 2), input(4, 1, 3), large, from_nothing]
}

const BEGINS: &str = "the search for the largest score begins at a number such as 0: all scores may be below it";

/// Everything is right but softmax: it subtracts the largest score, searched from here on, or nothing.
fn own_softmax(q: &[f32], keys: &[f32], values: &[f32], from: Option<f32>) -> Vec<f32> {
    let scores = scores(q, keys, root(q));
    let largest = from.map_or(0.0, |from| scores.iter().copied().fold(from, f32::max));
    let powers: Vec<f32> = scores.iter().map(|score| (score - largest).exp()).collect();
    let sum: f32 = powers.iter().sum();
    mix(&powers.iter().map(|power| power / sum).collect::<Vec<f32>>(), values.chunks(q.len()), q.len())
}

/// The results of all new tokens, one after the other, and the cache at the end.
fn run(input: &Input, step: impl Fn(&[f32], &[f32], &[f32], &mut Vec<f32>, &mut Vec<f32>) -> Vec<f32>) -> Answer {
    let (mut keys, mut values) = (input.keys.clone(), input.values.clone());
    let results: Vec<f32> = input.tokens.iter().flat_map(|[q, k, v]| step(q, k, v, &mut keys, &mut values)).collect();
    vec![("results", numbers(&results)), ("keys", numbers(&keys)), ("values", numbers(&values))]
}

/// The cache is right, and `step` gets it with the new token in it.
fn kept(input: &Input, step: impl Fn(&[f32], &[f32], &[f32], &[f32]) -> Vec<f32>) -> Answer {
    run(input, |q, k, v, keys, values| {
        append(k, v, keys, values);
        step(q, k, keys, values)
    })
}

fn append(k: &[f32], v: &[f32], keys: &mut Vec<f32>, values: &mut Vec<f32>) {
    keys.extend_from_slice(k);
    values.extend_from_slice(v);
}

fn root(q: &[f32]) -> f32 {
    (q.len() as f32).sqrt()
}

fn scores(q: &[f32], keys: &[f32], divisor: f32) -> Vec<f32> {
    let dot = |key: &[f32]| key.iter().zip(q).map(|(a, b)| a * b).sum::<f32>();
    keys.chunks(q.len()).map(|key| dot(key) / divisor).collect()
}

fn mix(weights: &[f32], values: Chunks<f32>, head_size: usize) -> Vec<f32> {
    let mut result = vec![0.0; head_size];
    for (w, value) in weights.iter().zip(values) {
        result.iter_mut().zip(value).for_each(|(sum, x)| *sum += w * x);
    }
    result
}

fn attend(q: &[f32], keys: &[f32], values: &[f32], divisor: f32) -> Vec<f32> {
    let mut weights = scores(q, keys, divisor);
    if !weights.is_empty() {
        softmax_row(&mut weights);
    }
    mix(&weights, values.chunks(q.len()), q.len())
}
