//! Rung (c): vectors instead of numbers, and every backward written by hand, as in `src/layers`.
//!
//! Forward goes from position to position, as the page does. Backward goes back from the last to the first: what a key
//! and a value did at later positions is known when their own position is reached. Each backward quotes its forward.

use super::one_page::{N_CTX, N_EMBD, N_HEAD};
use super::weights::{HEAD, Learner, N_VOCAB, QKV, WIDE};

type Vector = [f64; N_EMBD];

/// What backward needs of a position.
struct Position {
    id: usize,
    embedded: (Vector, f64), // a normed vector, and what it was multiplied with
    normed_1: (Vector, f64),
    qkv: [f64; QKV],
    shares: Vec<[f64; N_HEAD]>, // [position + 1][n_head]
    told: Vector,
    normed_2: (Vector, f64),
    wide: [f64; WIDE], // behind the ReLU
    x: Vector,
    probabilities: [f64; N_VOCAB],
}

pub struct ByHand(Learner);

impl ByHand {
    pub fn new(weights: &[f64]) -> ByHand {
        ByHand(Learner::new(weights))
    }

    pub fn learn(&mut self, ids: &[usize], step: usize, rate: f64) -> f64 {
        let n = (ids.len() - 1).min(N_CTX);
        let mut positions: Vec<Position> = Vec::with_capacity(n);
        let mut loss = 0.0;
        for (&id, &next) in ids.iter().zip(&ids[1..=n]) {
            let position = self.forward(id, &positions);
            loss -= position.probabilities[next].ln() / n as f64;
            positions.push(position);
        }
        self.0.gradient.parts().into_iter().for_each(|part| part.fill(0.0));
        let mut d_qkv = vec![[0.0; QKV]; n]; // of every position, to which later ones add
        for (position, &next) in ids[1..=n].iter().enumerate().rev() {
            self.backward(&positions[..=position], next, n, &mut d_qkv);
        }
        self.0.adam(step, rate);
        loss
    }

    fn forward(&self, id: usize, past: &[Position]) -> Position {
        let w = &self.0.weights;
        let embedded = rms_norm(&add(&w.wte[id], &w.wpe[past.len()]));
        let normed_1 = rms_norm(&embedded.0);
        let qkv: [f64; QKV] = linear(&normed_1.0, &w.c_attn);

        let mut shares = vec![[0.0; N_HEAD]; past.len() + 1];
        let mut told = [0.0; N_EMBD];
        for head in 0..N_HEAD {
            let all = || past.iter().map(|other| &other.qkv).chain([&qkv]);
            let fit =
                |other: &[f64; QKV]| (0..HEAD).map(|i| qkv[head * HEAD + i] * other[N_EMBD + head * HEAD + i]).sum();
            let mut fits: Vec<f64> = all().map(fit).collect(); // [position + 1]
            softmax(&mut fits, 1.0 / (HEAD as f64).sqrt());
            for ((other, share), shares) in all().zip(fits).zip(&mut shares) {
                shares[head] = share;
                (0..HEAD).for_each(|i| told[head * HEAD + i] += share * other[2 * N_EMBD + head * HEAD + i]);
            }
        }
        let x = add(&embedded.0, &linear(&told, &w.attn_proj));

        let normed_2 = rms_norm(&x);
        let wide: [f64; WIDE] = linear(&normed_2.0, &w.c_fc).map(|x: f64| x.max(0.0));
        let x = add(&x, &linear(&wide, &w.mlp_proj));
        let mut probabilities = linear(&x, &w.lm_head);
        softmax(&mut probabilities, 1.0);
        Position { id, embedded, normed_1, qkv, shares, told, normed_2, wide, x, probabilities }
    }

    /// Adds to the gradient what the last of `positions` does to the loss.
    fn backward(&mut self, positions: &[Position], next: usize, n: usize, d_qkv: &mut [[f64; QKV]]) {
        let (w, d_w) = (&self.0.weights, &mut self.0.gradient);
        let (position, last) = (positions.len() - 1, &positions[positions.len() - 1]);

        // loss = -ln(softmax(scores)[next]) / n: the slope of a score is its probability, less 1 for the right one, by
        // n
        let mut d_scores = last.probabilities;
        d_scores[next] -= 1.0;
        let d_scores = d_scores.map(|d| d / n as f64);
        // scores = x·lm_head
        let mut d_x = linear_backward(&last.x, &w.lm_head, &d_scores, &mut d_w.lm_head);
        // x = x + relu(rms_norm(x)·c_fc)·mlp_proj
        let mut d_wide: [f64; WIDE] = linear_backward(&last.wide, &w.mlp_proj, &d_x, &mut d_w.mlp_proj);
        d_wide.iter_mut().zip(&last.wide).for_each(|(d, &wide)| *d = if wide > 0.0 { *d } else { 0.0 });
        let d_normed = linear_backward(&last.normed_2.0, &w.c_fc, &d_wide, &mut d_w.c_fc);
        d_x = add(&d_x, &rms_norm_backward(&last.normed_2, &d_normed));
        // x = x + told·attn_proj
        let d_told: Vector = linear_backward(&last.told, &w.attn_proj, &d_x, &mut d_w.attn_proj);
        // told = softmax(query·keys / sqrt(HEAD))·values, for each head
        for head in 0..N_HEAD {
            let at = |part: usize, i: usize| part * N_EMBD + head * HEAD + i;
            let d_share = |other: &Position| (0..HEAD).map(|i| d_told[at(0, i)] * other.qkv[at(2, i)]).sum();
            let d_shares: Vec<f64> = positions.iter().map(d_share).collect();
            let mean: f64 = d_shares.iter().zip(&last.shares).map(|(d, shares)| d * shares[head]).sum();
            for (t, other) in positions.iter().enumerate() {
                let share = last.shares[t][head];
                let d_fit = share * (d_shares[t] - mean) / (HEAD as f64).sqrt();
                for i in 0..HEAD {
                    d_qkv[position][at(0, i)] += d_fit * other.qkv[at(1, i)];
                    d_qkv[t][at(1, i)] += d_fit * last.qkv[at(0, i)];
                    d_qkv[t][at(2, i)] += share * d_told[at(0, i)];
                }
            }
        }
        // qkv = rms_norm(x)·c_attn
        let d_normed = linear_backward(&last.normed_1.0, &w.c_attn, &d_qkv[position], &mut d_w.c_attn);
        d_x = add(&d_x, &rms_norm_backward(&last.normed_1, &d_normed));
        // x = rms_norm(wte[id] + wpe[position])
        d_x = rms_norm_backward(&last.embedded, &d_x);
        d_w.wte[last.id] = add(&d_w.wte[last.id], &d_x);
        d_w.wpe[position] = add(&d_w.wpe[position], &d_x);
    }
}

fn add(a: &Vector, b: &Vector) -> Vector {
    std::array::from_fn(|i| a[i] + b[i])
}

/// Four sums side by side: vector instructions compute them together. One long sum, they would have to leave in its
/// order.
fn dot<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    let mut sums = [0.0; 4];
    let ((a, more_a), (b, more_b)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    for (a, b) in a.iter().zip(b) {
        (0..4).for_each(|lane| sums[lane] += a[lane] * b[lane]);
    }
    let rest: f64 = more_a.iter().zip(more_b).map(|(a, b)| a * b).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// y = x·W. [n_in] · [n_in, n_out] -> [n_out]
fn linear<const IN: usize, const OUT: usize>(x: &[f64; IN], w: &[[f64; OUT]; IN]) -> [f64; OUT] {
    let mut y = [0.0; OUT];
    for (x, row) in x.iter().zip(w) {
        (0..OUT).for_each(|j| y[j] += x * row[j]);
    }
    y
}

/// y = x·W: the gradient of W gets x[i] d_y[j], and the slope of x[i] is the sum of all d_y[j] W[i][j].
fn linear_backward<const IN: usize, const OUT: usize>(
    x: &[f64; IN],
    w: &[[f64; OUT]; IN],
    d_y: &[f64; OUT],
    d_w: &mut [[f64; OUT]; IN],
) -> [f64; IN] {
    for (x, d_row) in x.iter().zip(d_w) {
        (0..OUT).for_each(|j| d_row[j] += x * d_y[j]);
    }
    std::array::from_fn(|i| dot(&w[i], d_y))
}

/// y = x / sqrt(mean of x²): y, and what x was multiplied with.
fn rms_norm(x: &Vector) -> (Vector, f64) {
    let scale = 1.0 / (dot(x, x) / N_EMBD as f64 + 1e-5).sqrt();
    (x.map(|x| x * scale), scale)
}

/// y = x scale, and scale falls when x grows: d_x = scale (d_y - y mean of (d_y y)).
fn rms_norm_backward((y, scale): &(Vector, f64), d_y: &Vector) -> Vector {
    let mean = dot(d_y, y) / N_EMBD as f64;
    std::array::from_fn(|i| scale * (d_y[i] - y[i] * mean))
}

fn softmax(x: &mut [f64], by: f64) {
    let max = x.iter().copied().fold(f64::MIN, f64::max);
    x.iter_mut().for_each(|x| *x = (by * (*x - max)).exp());
    let inverse = 1.0 / x.iter().sum::<f64>();
    x.iter_mut().for_each(|x| *x *= inverse);
}
