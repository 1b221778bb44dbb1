//! The product with weights of four bits.
//!
//! They are there for writing, one token after the other, which is limited by how fast the weights are read (see `int4.rs`). All
//! that counts is to read straight ahead and to keep up with the memory. So the numbers are not made `f32` one by one. The row
//! becomes whole numbers of one byte, as in `bytes.rs`, and the sum of a group is one of whole numbers too:
//!
//! ```text
//! y(j) = row_scale * sum over groups g of scale(j, g) * sum over the 32 terms p of g of q(p) * (w(j, p) - 8)
//! ```
//!
//! **In what order do they lie?** Sixteen outputs make a *strip*, a lane of a vector for each. A group of a strip is four vectors
//! of words: byte `t` of word `p` holds weight `4 * p + t` of the lane's output in its lower half, and weight `16 + 4 * p + t` in
//! its upper half. Cutting off the upper halves, or shifting them down, gives bytes that instructions multiply at once.
//!
//! Many rows are another matter: reading is then a small part of the time. The weights are made `f32` again, some outputs at a
//! time, and multiplied as `bf16`.
//!
//! [Numbers in fewer bits](crate::book::fewer_bits), a page beside [chapter 16](crate::book::ch16_making_it_fast), explains it.

use super::bytes::quantized;
use super::words::Bytes;
use super::{FEW_ROWS, Matrix, Store, matmul};
use crate::float16::Bf16;
use crate::int4::{GROUP, from_int4, to_int4};
use crate::kernels::arithmetic::{Arithmetic, within};
use crate::kernels::cpu::{self, Kernel};
use crate::kernels::dot::{Dot, DotKernel, F32s, Instructions, Row, SmallInts, Sum};
use crate::kernels::memory::{self, Scratch};
use crate::kernels::threads;

/// How many outputs make a strip.
const STRIP: usize = 16;
/// How many words of a strip make a group.
const WORDS: usize = 4 * STRIP;

/// How many words a group of a row has, four terms in each.
const OF_ROW: usize = GROUP / 4;

/// By how much the sum of a group is too large, because 8 is added to every weight.
fn offset(group: &[u32; OF_ROW]) -> i32 {
    8 * group.iter().map(|word| word.to_le_bytes().map(|q| i32::from(q.cast_signed())).iter().sum::<i32>()).sum::<i32>()
}

/// A table of weights of four bits, `[n, k]`: the weights of an output are a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Nibbles {
    n: usize,
    k: usize,
    /// For each strip and group: four times a word of each output. Outputs and terms that do not exist are zeros.
    words: Vec<u32>,
    /// For each strip and group: a scale for each output.
    scales: Vec<Bf16>,
}

impl Nibbles {
    /// What is left of the rows of a matrix in four bits.
    pub fn new(w: Matrix) -> Nibbles {
        let (n, k) = (w.rows, w.cols);
        let (n_strips, n_groups) = (n.div_ceil(STRIP), k.div_ceil(GROUP));
        let mut words = vec![0; n_strips * n_groups * WORDS];
        let mut scales = vec![Bf16::default(); n_strips * n_groups * STRIP];
        let size = n_groups.max(1);
        let strips = words.chunks_mut(size * WORDS).zip(scales.chunks_mut(size * STRIP)).enumerate().collect();
        threads::each(strips, |(strip, (words, scales)): (usize, (&mut [u32], &mut [Bf16]))| {
            let first = strip * STRIP;
            cpu::run(PackStrip { w: w.rows(first, STRIP.min(n - first)), words, scales });
        });
        Nibbles { n, k, words, scales }
    }

    /// Writes what the weights of output `j` stand for into `out`, `[k]`.
    fn unpack(&self, j: usize, out: &mut [f32]) {
        let n_groups = self.k.div_ceil(GROUP);
        for (g, out) in out.chunks_mut(GROUP).enumerate() {
            let (group, lane) = (j / STRIP * n_groups + g, j % STRIP);
            let mut bytes = [0; GROUP / 2];
            for (p, bytes) in bytes.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                *bytes = self.words[group * WORDS + p * STRIP + lane].to_le_bytes();
            }
            out.copy_from_slice(&from_int4(self.scales[group * STRIP + lane], &bytes)[..out.len()]);
        }
    }

    /// What the weights of output `j` stand for, `[k]`.
    ///
    /// # Panics
    ///
    /// If there is no such output.
    pub fn row(&self, j: usize) -> Vec<f32> {
        assert!(j < self.n, "output {j} of {}", self.n);
        let mut row = vec![0.0; self.k];
        self.unpack(j, &mut row);
        row
    }

    /// `x·Wᵀ`: `[m, k] · [n, k]ᵀ -> [m, n]`.
    ///
    /// # Panics
    ///
    /// If the rows of `x` are not `k` long.
    pub fn product(&self, x: Matrix) -> Vec<f32> {
        assert_eq!(x.cols, self.k, "product of [{}, {}] and weights of [{}, {}]", x.rows, x.cols, self.n, self.k);
        if x.rows == 0 || self.n == 0 || self.k == 0 {
            return vec![0.0; x.rows * self.n];
        }
        let mut y = memory::take(x.rows * self.n);
        if x.rows <= FEW_ROWS {
            self.few_rows(x, &mut y);
        } else {
            self.many_rows(x, &mut y);
        }
        y
    }

    /// The product of a few rows: every weight is read once.
    fn few_rows(&self, x: Matrix, y: &mut [f32]) {
        let (words, rows) = quantized(F32s::in_use(), Bytes { turn: 0 }, x);
        let groups = words.as_chunks::<OF_ROW>().0;
        let offsets: Vec<i32> = groups.iter().map(offset).collect();
        let n_groups = self.k.div_ceil(GROUP);
        let n_strips = self.n.div_ceil(STRIP);
        let n_runs = threads::n_runs(x.rows * self.n * self.k / (1 << 17), threads::count());
        let each = n_strips.div_ceil(n_runs);
        let mut tasks = Vec::new();
        for first in (0..n_strips).step_by(each) {
            tasks.push(FewRows {
                x: groups,
                offsets: &offsets,
                rows: &rows,
                n_groups,
                words: &self.words[first * n_groups * WORDS..],
                scales: &self.scales[first * n_groups * STRIP..],
                y: Vec::with_capacity(x.rows),
            });
        }
        for row in y.chunks_mut(self.n) {
            row.chunks_mut(each * STRIP).zip(&mut tasks).for_each(|(piece, task)| task.y.push(piece));
        }
        let ints = SmallInts::in_use();
        threads::each(tasks, |task| ints.run(task));
    }

    /// The product of many rows: some outputs at a time become `f32`, and are multiplied as `bf16`.
    fn many_rows(&self, x: Matrix, y: &mut [f32]) {
        const OUTPUTS: usize = 1024;
        let mut room = Scratch::new(OUTPUTS.min(self.n) * self.k);
        for first in (0..self.n).step_by(OUTPUTS) {
            let n = OUTPUTS.min(self.n - first);
            let w = &mut room[..n * self.k];
            let each = n.div_ceil(threads::n_runs(w.len() / (1 << 15), threads::count()));
            let tasks = w.chunks_mut(each * self.k).enumerate().collect();
            threads::each(tasks, |(i, rows): (usize, &mut [f32])| {
                rows.chunks_mut(self.k).enumerate().for_each(|(j, row)| self.unpack(first + i * each + j, row));
            });
            let w = Matrix::new(w, n, self.k).transposed();
            within(Arithmetic::Bf16, || matmul(x, w, &mut y[first..], self.n, Store::Set));
        }
    }
}

/// The weights of the outputs of a strip, to be packed.
struct PackStrip<'a, 'p> {
    w: Matrix<'a>,
    words: &'p mut [u32],
    scales: &'p mut [Bf16],
}

impl Kernel for PackStrip<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) {
        for lane in 0..self.w.rows {
            for (g, weights) in self.w.row(lane).chunks(GROUP).enumerate() {
                let mut group = [0.0; GROUP];
                group[..weights.len()].copy_from_slice(weights);
                let (scale, bytes) = to_int4(&group);
                self.scales[g * STRIP + lane] = scale;
                for (p, bytes) in bytes.as_chunks::<4>().0.iter().enumerate() {
                    self.words[g * WORDS + p * STRIP + lane] = u32::from_le_bytes(*bytes);
                }
            }
        }
    }
}

/// Some strips of a product of a few rows.
struct FewRows<'a, 'y> {
    /// The groups of each row.
    x: &'a [[u32; OF_ROW]],
    /// The [`offset`] of each.
    offsets: &'a [i32],
    /// What belongs to each row.
    rows: &'a [Row],
    n_groups: usize,
    words: &'a [u32],
    scales: &'a [Bf16],
    /// A slice for each row.
    y: Vec<&'y mut [f32]>,
}

impl DotKernel for FewRows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<D: Dot<LANES>, const LANES: usize, const ROWS: usize>(mut self, dot: D) {
        // The groups of a row are filled up with zeros.
        let of_row = self.x.len() / self.rows.len();
        let size = self.n_groups;
        let strips = self.words.chunks_exact(size * WORDS).zip(self.scales.chunks_exact(size * STRIP));
        let n = self.y.first().map_or(0, |y| y.len());
        for (strip, (words, scales)) in strips.take(n.div_ceil(STRIP)).enumerate() {
            let columns = strip * STRIP..n.min((strip + 1) * STRIP);
            for (r, (y, row)) in self.y.iter_mut().zip(self.rows).enumerate() {
                let (x, offsets) = (&self.x[r * of_row..][..size], &self.offsets[r * of_row..][..size]);
                let mut results = [0.0; STRIP];
                for lane in (0..STRIP).step_by(LANES) {
                    let mut totals = [0.0; LANES];
                    for g in 0..size {
                        let words = &words[g * WORDS..][..WORDS];
                        let mut sums = dot.zeros();
                        for p in 0..4 {
                            let words = &words[p * STRIP + lane..][..LANES];
                            let (mut lower, mut upper) = ([0; LANES], [0; LANES]);
                            for i in 0..LANES {
                                lower[i] = words[i] & 0x0f0f_0f0f;
                                upper[i] = words[i] >> 4 & 0x0f0f_0f0f;
                            }
                            sums = dot.step(sums, dot.splat(x[g][p]), dot.load(&lower));
                            sums = dot.step(sums, dot.splat(x[g][4 + p]), dot.load(&upper));
                        }
                        let (sums, scales) = (dot.sums(sums), &scales[g * STRIP + lane..][..LANES]);
                        let group = Row { scale: 1.0, offset: offsets[g] };
                        for i in 0..LANES {
                            totals[i] += sums[i].number(group, scales[i].value());
                        }
                    }
                    for i in 0..LANES {
                        results[lane + i] = totals[i] * row.scale;
                    }
                }
                y[columns.clone()].copy_from_slice(&results[..columns.len()]);
            }
        }
    }
}
