//! The product of several rows with weights of one byte: in whole numbers, and therefore exact.
//!
//! A weight is a whole number from -127 to 127, times a scale that all weights of its output share (see `weight.rs`). If the rows
//! that it meets are made of such numbers too, a sum of products is a sum of whole numbers, and computers add those without any
//! rounding:
//!
//! ```text
//! x(i, p) is about  row_scale(i) * q(i, p)                  row_scale(i) = the largest |x(i, p)| of the row / 127
//! y(i, j) = row_scale(i) * scale(j) * sum over p of q(i, p) * w(j, p)
//! ```
//!
//! So each row is *quantized* when it arrives: that is where precision is lost, at most half of `row_scale` for each number. The
//! sum is exact, in 32 bits: up to 131,072 products of two bytes fit into them. The scales come last, once for each result.
//! The result of a row depends on nothing but the row, and is the same on every processor that has instructions for bytes. One
//! that has none multiplies the same whole numbers as `f32`, and rounds where a sum passes 2^24.
//!
//! A row with an infinity or a NaN in it has no scale, and its results are NaN. A row whose numbers are all below 1e-36 counts
//! as zeros.
//!
//! A single row is not quantized: reading the weights takes longer than multiplying, so there is nothing to gain.
//!
//! Source: Jacob et al. (2018), section 2; quantizing each row of activations for itself is what Yao et al., "ZeroQuant" (2022),
//! section 3.1, call token-wise.
//!
//! [Numbers in fewer bits](crate::book::fewer_bits), a page beside [chapter 16](crate::book::ch16_making_it_fast), explains it.

use super::words::{AsTheyAre, Bytes, Factor, Shorts, Whole, Words};
use super::{FEW_ROWS, Matrix, Method, Store, matmul, tiles};
use crate::kernels::dot::{Dot, DotKernel, F32s, Instructions, Ints, Row, Sum};
use crate::kernels::math::zip_map;
use crate::kernels::memory::{self, Scratch};
use crate::kernels::threads;

/// What turns the bytes of a word into bytes without a sign, each of them larger by 128.
const WITHOUT_SIGN: u32 = 0x8080_8080;

/// A sum of more products than this may not fit into 32 bits.
const MOST_TERMS: usize = 1 << 17;

/// `x·Wᵀ`, `[m, k] · [n, k]ᵀ -> [m, n]`: the weights of an output are a row of `w`, and `scales` has a number for each output.
///
/// # Panics
///
/// If `x` and `w` have different numbers of columns, or there is not a scale for each row of `w`.
#[doc(hidden)] // `weight` calls it
pub fn product(x: Matrix, w: Matrix<i8>, scales: &[f32]) -> Vec<f32> {
    let (m, k, n) = (x.rows, x.cols, w.rows);
    assert!(
        w.cols == k && scales.len() == n,
        "product of bytes: [{m}, {k}], [{n}, {}], {} scales",
        w.cols,
        scales.len()
    );
    let ints = Ints::bytes().filter(|_| k <= MOST_TERMS);
    let mut y = memory::take(m * n);
    if m < 2 || k == 0 || n == 0 {
        matmul(x, w.transposed(), &mut y, n, Store::Set);
        y.chunks_mut(n.max(1)).for_each(|row| zip_map(row, scales, |sum, scale| sum * scale));
        return y;
    }
    match ints {
        Some(ints) if ints.n_terms() == 4 && m <= FEW_ROWS => {
            let (words, rows) = quantized(ints, Bytes { turn: 0 }, x);
            few_rows(ints, &words, &rows, w, scales, &mut y);
        }
        Some(ints) if ints.n_terms() == 4 => {
            in_tiles(ints, Bytes { turn: 0 }, Bytes { turn: WITHOUT_SIGN }, x, w, scales, &mut y);
        }
        Some(ints) if m > FEW_ROWS => in_tiles(ints, Shorts, Shorts, x, w, scales, &mut y),
        _ => {
            let (words, rows) = quantized(F32s::in_use(), Whole { rounds: false }, x);
            let mut numbers = Scratch::new(words.len());
            numbers.iter_mut().zip(&*words).for_each(|(x, &word)| *x = f32::from_bits(word));
            matmul(Matrix::part(&numbers, m, k, numbers.len() / m), w.transposed(), &mut y, n, Store::Set);
            for (y, row) in y.chunks_mut(n).zip(&rows) {
                zip_map(y, scales, |sum, scale| sum * row.scale * scale);
            }
        }
    }
    y
}

/// The product in tiles: each row of `x` becomes words of the first kind, each row of `w` words of the second.
fn in_tiles<A: Words<i8>, B: Words<i8>>(
    ints: Ints,
    kind: A,
    kind_of_w: B,
    x: Matrix,
    w: Matrix<i8>,
    scales: &[f32],
    y: &mut [f32],
) {
    let (words, rows) = quantized(ints, kind, x);
    let a = Factor { matrix: Matrix::new(&words, x.rows, words.len() / x.rows), words: AsTheyAre };
    let b = Factor { matrix: w.transposed(), words: kind_of_w };
    // The words of a row are a few more than it needs: the rest are zeros.
    let a = Factor { matrix: a.matrix.columns(0, x.cols.div_ceil(A::TERMS)), ..a };
    tiles::many_rows(Method { instructions: ints, rows: &rows, scales }, a, b, y, w.rows, Store::Set);
}

/// How many numbers are quantized together.
const TOGETHER: usize = 64;

/// Each row of `x` as words of whole numbers from -127 to 127, and what belongs to it. The words of a row are filled up with zeros
/// to a multiple of [`TOGETHER`] terms.
pub(super) fn quantized<W: Words<i8>>(instructions: impl Instructions, kind: W, x: Matrix) -> (Scratch<u32>, Vec<Row>) {
    let n_words = x.cols.next_multiple_of(TOGETHER) / W::TERMS;
    let mut words = Scratch::new(x.rows * n_words);
    let mut rows = vec![Row::default(); x.rows];
    let each = x.rows.div_ceil(threads::n_runs(x.rows * x.cols / (1 << 15), threads::count()));
    let tasks = words.chunks_mut(each * n_words).zip(rows.chunks_mut(each)).enumerate().collect();
    threads::each(tasks, |(i, (words, rows)): (usize, (&mut [u32], &mut [Row]))| {
        instructions.run(Quantize { kind, x: x.rows(i * each, rows.len()), words, rows });
    });
    (words, rows)
}

/// Some rows to be quantized.
struct Quantize<'a, 'w, W> {
    kind: W,
    x: Matrix<'a>,
    words: &'w mut [u32],
    rows: &'w mut [Row],
}

impl<W: Words<i8>> DotKernel for Quantize<'_, '_, W> {
    type Output = ();

    #[inline(always)]
    fn run<D: Dot<LANES>, const LANES: usize, const ROWS: usize>(self, _: D) {
        let n_words = self.words.len() / self.rows.len();
        for (i, (words, place)) in self.words.chunks_exact_mut(n_words).zip(self.rows).enumerate() {
            let row = self.x.row(i);
            // Without their signs, the bits of floats are in the order of the floats; those of NaN are above all others.
            let largest = f32::from_bits(row.iter().fold(0, |largest, x| largest.max(x.abs().to_bits())));
            let (scale, inverse) = match largest {
                x if !x.is_finite() => (f32::NAN, 0.0),
                x if x < 1e-36 => (0.0, 0.0), // 127 / x would be too large for a float, or nearly so
                x => (x / 127.0, 127.0 / x),
            };
            // Added to a small number, this leaves no room for a fraction: it is rounded to the nearest whole number, which
            // then stands in the lowest bits.
            const NO_FRACTION: f32 = 1.5 * (1 << 23) as f32;
            let whole = |x: f32| (x * inverse + NO_FRACTION).to_bits().cast_signed() as i8;
            let (runs, rest) = row.as_chunks::<TOGETHER>();
            let mut last = [0.0; TOGETHER];
            last[..rest.len()].copy_from_slice(rest);
            let mut sum = 0;
            let runs = runs.iter().chain((!rest.is_empty()).then_some(&last));
            for (run, words) in runs.zip(words.chunks_exact_mut(TOGETHER / W::TERMS)) {
                let q: [i8; TOGETHER] = std::array::from_fn(|i| whole(run[i]));
                sum += q.iter().map(|&q| i32::from(q)).sum::<i32>();
                for (p, word) in words.iter_mut().enumerate() {
                    *word = self.kind.word(|t| q[p * W::TERMS + t]);
                }
            }
            *place = Row { scale, offset: D::OFFSET * sum };
        }
    }
}

/// The product of a few rows, given as words: every row of `w` is read once, from its first byte to its last.
fn few_rows(ints: Ints, words: &[u32], rows: &[Row], w: Matrix<i8>, scales: &[f32], y: &mut [f32]) {
    let (m, n) = (rows.len(), w.rows);
    let n_runs = threads::n_runs(m * n * w.cols / (1 << 17), threads::count());
    let each = n.div_ceil(n_runs).next_multiple_of(COLUMNS);
    let mut tasks = Vec::new();
    for first in (0..n).step_by(each) {
        let n = each.min(n - first);
        let scales = &scales[first..first + n];
        tasks.push(FewRows { words, rows, w: w.rows(first, n), scales, y: Vec::with_capacity(m) });
    }
    for row in y.chunks_mut(n) {
        row.chunks_mut(each).zip(&mut tasks).for_each(|(piece, task)| task.y.push(piece));
    }
    threads::each(tasks, |task| ints.run(task));
}

/// How many rows of `w` are read side by side, and how many rows of `x` they meet meanwhile: their sums fit into the registers.
const COLUMNS: usize = 4;

/// Some outputs of a few rows.
struct FewRows<'a, 'y> {
    words: &'a [u32],
    rows: &'a [Row],
    /// The weights of these outputs.
    w: Matrix<'a, i8>,
    scales: &'a [f32],
    /// A slice for each row.
    y: Vec<&'y mut [f32]>,
}

impl DotKernel for FewRows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<D: Dot<LANES>, const LANES: usize, const ROWS: usize>(mut self, dot: D) {
        let n_words = self.words.len() / self.rows.len();
        let n = self.w.rows;
        let each = n.div_ceil(COLUMNS);
        for j in 0..each {
            // Each stream goes through rows of its own, one after the other. The last ones may read a row again.
            let places: [usize; COLUMNS] = std::array::from_fn(|s| (s * each + j).min(n - 1));
            let w = places.map(|j| self.w.row(j));
            let mut first = 0;
            while first < self.rows.len() {
                let n_rows = if self.rows.len() - first >= 4 { 4 } else { 1 };
                let words = |r: usize| &self.words[(first + r) * n_words..][..n_words];
                let totals = if n_rows == 4 {
                    dots_of::<D, LANES, 4>(dot, std::array::from_fn(words), w)
                } else {
                    let [totals] = dots_of::<D, LANES, 1>(dot, [words(0)], w);
                    [totals; 4]
                };
                for (r, totals) in totals.iter().enumerate().take(n_rows) {
                    for (total, &j) in totals.iter().zip(&places) {
                        self.y[first + r][j] = total.number(self.rows[first + r], self.scales[j]);
                    }
                }
                first += n_rows;
            }
        }
    }
}

/// The dot products of `R` rows of words with each of the rows of bytes.
#[inline(always)]
fn dots_of<D: Dot<LANES>, const LANES: usize, const R: usize>(
    dot: D,
    x: [&[u32]; R],
    w: [&[i8]; COLUMNS],
) -> [[D::Sum; COLUMNS]; R] {
    let mut sums = [[dot.zeros(); COLUMNS]; R];
    let n_whole = w[0].len() / (4 * LANES);
    for p in 0..n_whole {
        for s in 0..COLUMNS {
            let w = without_sign::<D, LANES>(dot, &w[s][p * 4 * LANES..][..4 * LANES]);
            for r in 0..R {
                let x = dot.load(x[r][p * LANES..].first_chunk().expect("rows are filled up"));
                sums[r][s] = dot.step(sums[r][s], x, w);
            }
        }
    }
    if n_whole * 4 * LANES < w[0].len() {
        for s in 0..COLUMNS {
            let rest = &w[s][n_whole * 4 * LANES..];
            let mut bytes = [[0; 4]; LANES];
            bytes.as_flattened_mut()[..rest.len()].copy_from_slice(rest);
            let w = without_sign::<D, LANES>(dot, bytes.as_flattened());
            for r in 0..R {
                let x = dot.load(x[r][n_whole * LANES..].first_chunk().expect("rows are filled up"));
                sums[r][s] = dot.step(sums[r][s], x, w);
            }
        }
    }
    let mut totals = [[D::Sum::default(); COLUMNS]; R];
    for (totals, sums) in totals.iter_mut().zip(sums) {
        for (total, sums) in totals.iter_mut().zip(sums) {
            for sum in dot.sums(sums) {
                *total = total.plus(sum);
            }
        }
    }
    totals
}

/// `4 * LANES` bytes as words without a sign.
#[inline(always)]
fn without_sign<D: Dot<LANES>, const LANES: usize>(dot: D, bytes: &[i8]) -> D::Vector {
    let mut words = [0; LANES];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = Bytes { turn: WITHOUT_SIGN }.word(|t| bytes[t]);
    }
    dot.load(&words)
}
