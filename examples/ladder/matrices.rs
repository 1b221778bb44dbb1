//! Rung (d): all positions at once, as matrices.
//!
//! In rung (c) every weight, and every number of the gradient, went through memory once for each position. Here it does
//! so once for all, and a sum stays in a register until it is complete. Backward through a linear layer is two more
//! products of matrices: d_x = d_y·Wᵀ and d_W = xᵀ·d_y. All three are one function, [`product`].
//!
//! Every function is `inline(always)`: [`vectors`](super::vectors) compiles them once more, for better instructions.

use super::Number;
use super::one_page::{N_CTX, N_EMBD, N_HEAD};
use super::weights::{HEAD, Learner, N_VOCAB, QKV, WIDE};

/// A row of `N` numbers for each position. Of a short name, the last rows are not used.
type Rows<const N: usize> = [[Number; N]; N_CTX];

/// Normed rows, and what each was multiplied with.
type Normed = (Rows<N_EMBD>, [Number; N_CTX]);

/// What forward computes and backward reads. It is written again in every step.
#[derive(Clone)]
struct Saved {
    embedded: Normed,
    normed_1: Normed,
    normed_2: Normed,
    qkv: Rows<QKV>,
    shares: [Rows<N_CTX>; N_HEAD], // [n_head][position][position]
    told: Rows<N_EMBD>,
    wide: Rows<WIDE>,
    x: Rows<N_EMBD>,
    scores: Rows<N_VOCAB>,
}

pub struct AllAtOnce {
    pub learner: Learner,
    saved: Box<Saved>,
}

impl AllAtOnce {
    pub fn new(weights: &[f64]) -> AllAtOnce {
        let normed = ([[0.0; N_EMBD]; N_CTX], [0.0; N_CTX]);
        let saved = Saved {
            embedded: normed,
            normed_1: normed,
            normed_2: normed,
            qkv: [[0.0; QKV]; N_CTX],
            shares: [[[0.0; N_CTX]; N_CTX]; N_HEAD],
            told: [[0.0; N_EMBD]; N_CTX],
            wide: [[0.0; WIDE]; N_CTX],
            x: [[0.0; N_EMBD]; N_CTX],
            scores: [[0.0; N_VOCAB]; N_CTX],
        };
        AllAtOnce { learner: Learner::new(weights), saved: Box::new(saved) }
    }

    pub fn learn(&mut self, ids: &[usize], step: usize, rate: f64) -> f64 {
        let loss = self.slopes::<false, 4>(ids); // what every processor can do
        self.learner.adam(step, rate);
        loss
    }

    /// The loss, and into the gradient its slopes. `FMA` and `LANES`: see [`product`].
    #[inline(always)]
    pub fn slopes<const FMA: bool, const LANES: usize>(&mut self, ids: &[usize]) -> f64 {
        let n = (ids.len() - 1).min(N_CTX);
        self.forward::<FMA, LANES>(&ids[..n]);
        let mut loss = 0.0;
        // loss = -ln(softmax(scores)[next]) / n: the slope of a score is its probability, less 1 for the right one, by
        // n
        for (row, &next) in self.saved.scores.iter_mut().zip(&ids[1..=n]) {
            softmax(row, 1.0);
            loss -= f64::from(row[next].ln()) / n as f64;
            row[next] -= 1.0;
            for d in row {
                *d /= n as Number;
            }
        }
        self.backward::<FMA, LANES>(&ids[..n]);
        loss
    }

    #[inline(always)]
    fn forward<const FMA: bool, const LANES: usize>(&mut self, ids: &[usize]) {
        let (n, w, saved) = (ids.len(), &self.learner.weights, &mut self.saved);
        let mut x = [[0.0; N_EMBD]; N_CTX];
        for (position, &id) in ids.iter().enumerate() {
            x[position] = w.wte[id];
        }
        add(&mut x, &w.wpe);
        rms_norm(&x, n, &mut saved.embedded);
        rms_norm(&saved.embedded.0, n, &mut saved.normed_1);
        linear::<FMA, LANES, _, _>(&saved.normed_1.0, &w.c_attn, n, &mut saved.qkv);
        for head in 0..N_HEAD {
            let [q, k, v] = [0, 1, 2].map(|part| part * N_EMBD + head * HEAD);
            for t in 0..n {
                let shares = &mut saved.shares[head][t];
                for (share, other) in shares[..=t].iter_mut().zip(&saved.qkv) {
                    *share = (0..HEAD).map(|i| saved.qkv[t][q + i] * other[k + i]).sum();
                }
                softmax(&mut shares[..=t], 1.0 / (HEAD as Number).sqrt());
                for i in 0..HEAD {
                    saved.told[t][head * HEAD + i] = (0..=t).map(|s| shares[s] * saved.qkv[s][v + i]).sum();
                }
            }
        }
        linear::<FMA, LANES, _, _>(&saved.told, &w.attn_proj, n, &mut x);
        add(&mut x, &saved.embedded.0);
        rms_norm(&x, n, &mut saved.normed_2);
        linear::<FMA, LANES, _, _>(&saved.normed_2.0, &w.c_fc, n, &mut saved.wide);
        for x in saved.wide.as_flattened_mut() {
            *x = x.max(0.0);
        }
        linear::<FMA, LANES, _, _>(&saved.wide, &w.mlp_proj, n, &mut saved.x);
        add(&mut saved.x, &x);
        linear::<FMA, LANES, _, _>(&saved.x, &w.lm_head, n, &mut saved.scores);
    }

    /// From the slopes of the scores, which stand in `scores`, to the gradient. Each part quotes what it goes back
    /// through.
    #[inline(always)]
    fn backward<const FMA: bool, const LANES: usize>(&mut self, ids: &[usize]) {
        let (n, w, d_w, saved) = (ids.len(), &self.learner.weights, &mut self.learner.gradient, &self.saved);
        // scores = x·lm_head
        let mut d_x = linear_backward::<FMA, LANES, _, _>(&saved.x, &w.lm_head, &saved.scores, n, &mut d_w.lm_head);
        // x = x + relu(rms_norm(x)·c_fc)·mlp_proj
        let mut d_wide = linear_backward::<FMA, LANES, _, _>(&saved.wide, &w.mlp_proj, &d_x, n, &mut d_w.mlp_proj);
        for (d, &wide) in d_wide.as_flattened_mut().iter_mut().zip(saved.wide.as_flattened()) {
            *d = if wide > 0.0 { *d } else { 0.0 };
        }
        let mut d = linear_backward::<FMA, LANES, _, _>(&saved.normed_2.0, &w.c_fc, &d_wide, n, &mut d_w.c_fc);
        rms_norm_backward(&saved.normed_2, n, &mut d);
        add(&mut d_x, &d);
        // x = x + told·attn_proj
        let d_told = linear_backward::<FMA, LANES, _, _>(&saved.told, &w.attn_proj, &d_x, n, &mut d_w.attn_proj);
        // told = softmax(query·keys / sqrt(HEAD))·values, for each head
        let mut d_qkv = [[0.0; QKV]; N_CTX];
        for head in 0..N_HEAD {
            let [q, k, v] = [0, 1, 2].map(|part| part * N_EMBD + head * HEAD);
            for t in 0..n {
                let (shares, mut d_shares, mut mean) = (&saved.shares[head][t], [0.0; N_CTX], 0.0);
                for s in 0..=t {
                    d_shares[s] = (0..HEAD).map(|i| d_told[t][q + i] * saved.qkv[s][v + i]).sum();
                    mean += d_shares[s] * shares[s];
                }
                for s in 0..=t {
                    let d_fit = shares[s] * (d_shares[s] - mean) / (HEAD as Number).sqrt();
                    for i in 0..HEAD {
                        d_qkv[t][q + i] += d_fit * saved.qkv[s][k + i];
                        d_qkv[s][k + i] += d_fit * saved.qkv[t][q + i];
                        d_qkv[s][v + i] += shares[s] * d_told[t][q + i];
                    }
                }
            }
        }
        // qkv = rms_norm(x)·c_attn
        let mut d = linear_backward::<FMA, LANES, _, _>(&saved.normed_1.0, &w.c_attn, &d_qkv, n, &mut d_w.c_attn);
        rms_norm_backward(&saved.normed_1, n, &mut d);
        add(&mut d_x, &d);
        // x = rms_norm(wte[id] + wpe[position])
        rms_norm_backward(&saved.embedded, n, &mut d_x);
        d_w.wte.as_flattened_mut().fill(0.0);
        d_w.wpe.as_flattened_mut().fill(0.0);
        for (position, &id) in ids.iter().enumerate() {
            d_w.wpe[position] = d_x[position];
            (0..N_EMBD).for_each(|i| d_w.wte[id][i] += d_x[position][i]);
        }
    }
}

#[inline(always)]
fn add(x: &mut Rows<N_EMBD>, more: &Rows<N_EMBD>) {
    for (x, more) in x.as_flattened_mut().iter_mut().zip(more.as_flattened()) {
        *x += more;
    }
}

/// How many rows of a product are computed together.
const ROWS: usize = 4;

/// y = Aᵀ·B: number (r, j) of y is the sum over k of a[k][r] b[k][j].
///
/// It is computed in tiles of `ROWS` rows and `LANES` columns: as many sums as there is room for in registers. For each
/// k the numbers that a tile needs stand side by side, in a and in b. At the bottom a tile may hang over: the rows of y
/// from `n_rows` on are of no use. At the right it is moved back, and some columns are computed twice. `FMA`: whether
/// there is an instruction that multiplies and adds.
#[inline(always)]
fn product<const FMA: bool, const LANES: usize, const M: usize, const N: usize>(
    a: &[[Number; M]],
    b: &[[Number; N]],
    n_rows: usize,
    y: &mut [[Number; N]],
) {
    for r in (0..n_rows).step_by(ROWS) {
        for j in (0..N).step_by(LANES) {
            let j = j.min(N - LANES);
            let mut sums = [[0.0; LANES]; ROWS];
            for (a, b) in a.iter().zip(b) {
                let a: &[Number; ROWS] = a[r..].first_chunk().expect("a multiple of ROWS");
                let b: &[Number; LANES] = b[j..].first_chunk().expect("there are LANES columns from j on");
                // Written out, so that every index is known when this is compiled: only then they are registers.
                add_product::<FMA, LANES>(&mut sums[0], a[0], b);
                add_product::<FMA, LANES>(&mut sums[1], a[1], b);
                add_product::<FMA, LANES>(&mut sums[2], a[2], b);
                add_product::<FMA, LANES>(&mut sums[3], a[3], b);
            }
            for i in 0..ROWS {
                *y[r + i][j..].first_chunk_mut().expect("as of b") = sums[i];
            }
        }
    }
}

/// sums += a b
#[inline(always)]
fn add_product<const FMA: bool, const LANES: usize>(sums: &mut [Number; LANES], a: Number, b: &[Number; LANES]) {
    for lane in 0..LANES {
        sums[lane] = if FMA { a.mul_add(b[lane], sums[lane]) } else { sums[lane] + a * b[lane] };
    }
}

/// Rows become columns.
#[inline(always)]
fn turned<const M: usize, const N: usize>(x: &[[Number; N]]) -> [[Number; M]; N] {
    let mut y = [[0.0; M]; N];
    for (i, x) in x.iter().enumerate() {
        for j in 0..N {
            y[j][i] = x[j];
        }
    }
    y
}

/// y = x·W. [n, n_in] · [n_in, n_out] -> [n, n_out]
#[inline(always)]
fn linear<const FMA: bool, const LANES: usize, const IN: usize, const OUT: usize>(
    x: &Rows<IN>,
    w: &[[Number; OUT]; IN],
    n: usize,
    y: &mut Rows<OUT>,
) {
    product::<FMA, LANES, N_CTX, OUT>(&turned(&x[..n]), w, n, y);
}

/// y = x·W: d_W = xᵀ·d_y, and d_x = d_y·Wᵀ.
#[inline(always)]
fn linear_backward<const FMA: bool, const LANES: usize, const IN: usize, const OUT: usize>(
    x: &Rows<IN>,
    w: &[[Number; OUT]; IN],
    d_y: &Rows<OUT>,
    n: usize,
    d_w: &mut [[Number; OUT]; IN],
) -> Rows<IN> {
    product::<FMA, LANES, IN, OUT>(&x[..n], &d_y[..n], IN, d_w);
    let mut d_x = [[0.0; IN]; N_CTX];
    product::<FMA, LANES, N_CTX, IN>(&turned(&d_y[..n]), &turned::<IN, OUT>(w), n, &mut d_x);
    d_x
}

/// y = x / sqrt(mean of x²), for each row.
#[inline(always)]
fn rms_norm(x: &Rows<N_EMBD>, n: usize, (y, scales): &mut Normed) {
    for t in 0..n {
        scales[t] = 1.0 / (dot(&x[t], &x[t]) / N_EMBD as Number + 1e-5).sqrt();
        (0..N_EMBD).for_each(|i| y[t][i] = x[t][i] * scales[t]);
    }
}

/// d_x = scale (d_y - y mean of (d_y y)), for each row. It takes the place of d_y.
#[inline(always)]
fn rms_norm_backward((y, scales): &Normed, n: usize, d: &mut Rows<N_EMBD>) {
    for t in 0..n {
        let mean = dot(&d[t], &y[t]) / N_EMBD as Number;
        (0..N_EMBD).for_each(|i| d[t][i] = scales[t] * (d[t][i] - y[t][i] * mean));
    }
}

#[inline(always)]
fn dot(a: &[Number; N_EMBD], b: &[Number; N_EMBD]) -> Number {
    let mut sums = [0.0; 4];
    for i in 0..N_EMBD {
        sums[i % 4] += a[i] * b[i];
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

#[inline(always)]
fn softmax(x: &mut [Number], by: Number) {
    let max = x.iter().copied().fold(Number::MIN, Number::max);
    let mut sum = 0.0;
    for x in &mut *x {
        *x = (by * (*x - max)).exp();
        sum += *x;
    }
    for x in x {
        *x /= sum;
    }
}
