//! Attention, backward: one head.

use crate::check::{Answer, Exercise, Mistake, attempt, tensor};
use crate::exercises;
use gpt60::layers::attention::Attention;
use gpt60::layers::softmax;
use gpt60::{Pass, Probe, Result, Rng, Saved, Tensor};

pub struct Input {
    q: Tensor,
    k: Tensor,
    v: Tensor,
    weights: Tensor,
    d_out: Tensor,
}

type Gradients = (Tensor, Tensor, Tensor);

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "attention_backward",
        inputs,
        describe: |i| format!("q, k and v of {} tokens and a head_size of {}", i.q.n_rows(), i.q.n_cols()),
        stub: |i| answer(exercises::attention_backward::attend_backward(&i.q, &i.k, &i.v, &i.weights, &i.d_out)),
        library: |i| answer(library(i)),
        tolerance: 1e-4,
        mistakes: vec![
            Mistake { when: "the scale, 1 / sqrt(head_size), is left out", answer: |i| scaled(i, |_| 1.0) },
            Mistake {
                when: "it is divided by head_size, instead of by its square root",
                answer: |i| scaled(i, |i| scale(i) * scale(i)),
            },
            Mistake {
                when: "it is multiplied by sqrt(head_size), instead of divided by it",
                answer: |i| scaled(i, |i| 1.0 / scale(i)),
            },
            Mistake {
                when: "the scale has the root of n_seq: it is that of head_size, the columns of q",
                answer: |i| scaled(i, |i| 1.0 / (i.q.n_rows() as f32).sqrt()),
            },
            Mistake {
                when: "d_v is multiplied by the scale, too: the scale belongs to the scores",
                answer: |i| changed(i, |i, (d_q, d_k, d_v)| Ok((d_q, d_k, d_v.scale(scale(i))))),
            },
            Mistake {
                when: "d_k is not multiplied by the scale, though d_q is",
                answer: |i| changed(i, |i, (d_q, d_k, d_v)| Ok((d_q, d_k.scale(1.0 / scale(i)), d_v))),
            },
            Mistake {
                when: "d_q is not multiplied by the scale, though d_k is",
                answer: |i| changed(i, |i, (d_q, d_k, d_v)| Ok((d_q.scale(1.0 / scale(i)), d_k, d_v))),
            },
            Mistake {
                when: "softmax's backward is left out: d_w is used as d_score",
                answer: |i| slope(i, |_, d_w| Ok(d_w.clone())),
            },
            Mistake {
                when: "softmax's backward does not subtract the sum of d_w * w",
                answer: |i| slope(i, |w, d_w| w.mul(d_w)),
            },
            Mistake {
                when: "softmax's backward subtracts the sum, but does not multiply by w: masked places leak",
                answer: |i| slope(i, |w, d_w| d_w.sub(&w.mul(d_w)?.row_sum())),
            },
            Mistake {
                when: "softmax's backward subtracts the plain mean of d_w, instead of the mean weighted by w",
                answer: |i| slope(i, |w, d_w| w.mul(&d_w.sub(&d_w.row_mean())?)),
            },
            Mistake {
                when: "softmax's backward subtracts the sum of d_w, instead of the sum of d_w * w",
                answer: |i| slope(i, |w, d_w| w.mul(&d_w.sub(&d_w.row_sum())?)),
            },
            Mistake {
                when: "softmax's backward subtracts the mean of d_w * w over the row, instead of their sum",
                answer: |i| slope(i, |w, d_w| w.mul(&d_w.sub(&w.mul(d_w)?.row_mean())?)),
            },
            Mistake {
                when: "softmax's backward sums d_w * w over the columns: each row has its own sum",
                answer: |i| {
                    slope(i, |w, d_w| {
                        let sums = w.mul(d_w)?.transpose()?.row_sum().into_data();
                        w.mul(&d_w.sub(&Tensor::new(&[sums.len()], sums)?)?)
                    })
                },
            },
            Mistake {
                when: "the mask is added to d_score: d_score is 0 by itself where the weight is 0",
                answer: |i| {
                    slope(i, |w, d_w| {
                        let mut d_score = softmax::backward(w, d_w)?;
                        (0..w.n_rows()).for_each(|i| d_score.row_mut(i)[i + 1..].fill(f32::NEG_INFINITY));
                        Ok(d_score)
                    })
                },
            },
            Mistake {
                when: "d_score is set to 0 on the diagonal, too: a token sees itself",
                answer: |i| {
                    slope(i, |w, d_w| {
                        let mut d_score = softmax::backward(w, d_w)?;
                        (0..w.n_rows()).for_each(|i| d_score.row_mut(i)[i..].fill(0.0));
                        Ok(d_score)
                    })
                },
            },
            Mistake {
                when: "d_w is the transposed of what it must be: v times d_outᵀ, instead of d_out times vᵀ",
                answer: |i| slope(i, |w, d_w| softmax::backward(w, &d_w.transpose()?)),
            },
            Mistake {
                when: "softmax is taken of the weights once more: they are what softmax has made",
                answer: |i| steps(i, |i| Ok(softmax::forward(&i.weights)), softmax::backward, scale),
            },
            Mistake {
                when: "the weights are computed again, without the mask",
                answer: |i| {
                    steps(i, |i| Ok(softmax::forward(&i.q.matmul_t(&i.k)?.scale(scale(i)))), softmax::backward, scale)
                },
            },
            Mistake {
                when: "the weights are not transposed for d_v",
                answer: |i| changed(i, |i, (d_q, d_k, _)| Ok((d_q, d_k, i.weights.matmul(&i.d_out)?))),
            },
            Mistake {
                when: "d_score is not transposed for d_k",
                answer: |i| changed(i, |i, (d_q, _, d_v)| Ok((d_q, d_score(i)?.matmul(&i.q)?, d_v))),
            },
            Mistake {
                when: "d_score is transposed for d_q: that belongs to d_k",
                answer: |i| changed(i, |i, (_, d_k, d_v)| Ok((d_score(i)?.transpose()?.matmul(&i.k)?, d_k, d_v))),
            },
            Mistake {
                when: "q and k are swapped: d_q is made from k, and d_k from q",
                answer: |i| {
                    changed(i, |i, (_, _, d_v)| {
                        Ok((d_score(i)?.matmul(&i.q)?, d_score(i)?.transpose()?.matmul(&i.k)?, d_v))
                    })
                },
            },
            Mistake {
                when: "d_q and d_k are swapped in the result",
                answer: |i| changed(i, |_, (d_q, d_k, d_v)| Ok((d_k, d_q, d_v))),
            },
            Mistake {
                when: "d_k and d_v are swapped in the result",
                answer: |i| changed(i, |_, (d_q, d_k, d_v)| Ok((d_q, d_v, d_k))),
            },
            Mistake {
                when: "the result is in the order d_v, d_q, d_k or d_v, d_k, d_q: it must be d_q, d_k, d_v",
                answer: |i| changed(i, |_, (d_q, d_k, d_v)| Ok((d_v, d_q, d_k))),
            },
            Mistake {
                when: "the result is in the order d_v, d_q, d_k or d_v, d_k, d_q: it must be d_q, d_k, d_v",
                answer: |i| changed(i, |_, (d_q, d_k, d_v)| Ok((d_v, d_k, d_q))),
            },
            Mistake {
                when: "d_v is d_out itself: v acts on out through the weights",
                answer: |i| changed(i, |i, (d_q, d_k, _)| Ok((d_q, d_k, i.d_out.clone()))),
            },
        ],
    }
}

fn inputs() -> Vec<Input> {
    let mut rng = Rng::new(1);
    let column = |a, b| Tensor::new(&[2, 1], vec![a, b]).unwrap();
    let worked = input(column(0.0, 0.0), column(2.0, 4.0), column(1.0, 3.0), column(0.0, 1.0));
    let mut random = |n_seq: usize, head_size: usize, deviation: f32| {
        let mut table = |deviation| Tensor::random(&[n_seq, head_size], deviation, &mut rng);
        input(table(deviation), table(deviation), table(1.0), table(1.0))
    };
    // In the last one the scores are far apart: some weights are 0 though nothing masks them.
    vec![worked, random(5, 3, 1.0), random(3, 3, 1.0), random(2, 7, 1.0), random(1, 2, 1.0), random(4, 2, 20.0)]
}

fn input(q: Tensor, k: Tensor, v: Tensor, d_out: Tensor) -> Input {
    let nothing = Tensor::zeros(&[q.n_rows(), q.n_rows()]);
    let mut input = Input { q, k, v, d_out, weights: nothing };
    input.weights = forward(&input).unwrap().2;
    input
}

/// A layer of three heads in which the first has exactly these queries, keys and values: the layer's input is `q`, `k`
/// and `v` side by side, and its parameters pass each to its place. The other two heads get nothing but zeros. This way
/// the library's own function can be asked about one head. Also returned: what forward saved, the head's weights, and
/// the layer's input.
fn forward(input: &Input) -> Result<(Attention, Saved, Tensor, Tensor)> {
    let (n_seq, size) = (input.q.n_rows(), input.q.n_cols());
    let mut layer = Attention::zeros(3 * size, 3);
    for i in 0..3 * size {
        let part = i / size; // q, k or v
        layer.c_attn.weight.tensor_mut().unwrap().row_mut(i)[part * 3 * size + i % size] = 1.0;
        layer.c_proj.weight.tensor_mut().unwrap().row_mut(i)[i] = 1.0;
    }
    let x = Tensor::concat_cols(&[input.q.clone(), input.k.clone(), input.v.clone()])?;
    let (mut saved, mut probe) = (Saved::new(), Probe::only(&["weights"]));
    layer.forward(&x, Pass::saving(n_seq, &mut saved).watched_by(&mut probe))?;
    let all = probe.get("weights").expect("the probe asked for them").data();
    let weights = Tensor::new(&[n_seq, n_seq], all[..n_seq * n_seq].to_vec())?;
    Ok((layer, saved, weights, x))
}

fn library(input: &Input) -> Result<Gradients> {
    let (layer, saved, _, x) = forward(input)?;
    let (n_seq, size) = (input.q.n_rows(), input.q.n_cols());
    let nothing = Tensor::zeros(&[n_seq, size]);
    let d_y = Tensor::concat_cols(&[input.d_out.clone(), nothing.clone(), nothing])?;
    let mut grad = Attention::zeros(3 * size, 3);
    let d_x = layer.backward(&x, &saved, &d_y, &mut grad)?;
    let mut parts = d_x.split_cols(3)?.into_iter();
    let mut next = || parts.next().expect("three parts");
    Ok((next(), next(), next()))
}

fn answer(result: Result<Gradients>) -> Answer {
    attempt(result, |(d_q, d_k, d_v)| vec![("d_v", tensor(&d_v)), ("d_q", tensor(&d_q)), ("d_k", tensor(&d_k))])
}

fn scale(input: &Input) -> f32 {
    1.0 / (input.q.n_cols() as f32).sqrt()
}

fn d_score(input: &Input) -> Result<Tensor> {
    Ok(softmax::backward(&input.weights, &input.d_out.matmul_t(&input.v)?)?.scale(scale(input)))
}

/// The five formulas, with other weights, another backward of softmax, or another scale.
fn steps(
    input: &Input,
    weights: fn(&Input) -> Result<Tensor>,
    softmax_backward: fn(&Tensor, &Tensor) -> Result<Tensor>,
    scale: fn(&Input) -> f32,
) -> Answer {
    let run = || {
        let w = weights(input)?;
        let d_v = w.transpose()?.matmul(&input.d_out)?;
        let d_w = input.d_out.matmul_t(&input.v)?;
        let d_score = softmax_backward(&w, &d_w)?.scale(scale(input));
        Ok((d_score.matmul(&input.k)?, d_score.transpose()?.matmul(&input.q)?, d_v))
    };
    answer(run())
}

/// The five formulas, with another scale.
fn scaled(input: &Input, scale: fn(&Input) -> f32) -> Answer {
    steps(input, |i| Ok(i.weights.clone()), softmax::backward, scale)
}

/// The five formulas, with another way from the weights and `d_w` to `d_score`.
fn slope(input: &Input, softmax_backward: fn(&Tensor, &Tensor) -> Result<Tensor>) -> Answer {
    steps(input, |i| Ok(i.weights.clone()), softmax_backward, scale)
}

/// The right gradients, changed in some way.
fn changed(input: &Input, change: fn(&Input, Gradients) -> Result<Gradients>) -> Answer {
    answer(library(input).and_then(|right| change(input, right)))
}
