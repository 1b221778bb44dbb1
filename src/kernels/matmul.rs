//! The matrix product, plain and fast.
//!
//! `C = A·B`: number `(i, j)` of `C` is the sum over `p` of `A(i, p) * B(p, j)`. [`plain`] is just that, in three loops. It
//! is the definition, and the judge of the fast version.
//!
//! Why is it slow? A processor can multiply and add far faster than it can fetch numbers from memory, and the plain loop
//! fetches two numbers for each multiplication. The fast version, [`matmul`], fetches each number once and uses it many
//! times:
//!
//! * **Tiles.** It computes a small tile of `C` at a time, 8 rows by 32 columns with AVX-512. The tile's 256 sums stay in
//!   registers. For each `p`, 8 numbers of `A` and 32 of `B` feed 256 multiply-adds.
//! * **Packing.** Before that, a block of `A` and a block of `B` are copied into the very order in which the tile loop reads
//!   them. It then runs straight through memory, whichever of the two was transposed.
//! * **Blocks.** The blocks are sized to stay in the processor's caches.
//! * **Threads** share the rows of `C`.
//!
//! A few rows (`A` has a single row for every new token, and a few where several answers are written at once) are different:
//! each number of `B` is used once or a few times, so packing costs more than it gains. [`matmul`] then streams through `B`.
//! Each row is summed as if it were alone, to the bit: what is written side by side is what is written one by one.
//!
//! This is the method of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008). A production
//! program would call a BLAS library, or the `gemm` or `matrixmultiply` crate.

use super::cpu::{Kernel, multiply_add, run};
use super::threads;

/// A view of a matrix: where its numbers are in a slice, without owning or copying them.
///
/// Number `(i, j)` is `data[i * row_stride + j * col_stride]`. A row-major matrix has strides `(cols, 1)`; its transpose is
/// the same slice with strides `(1, cols)`; and a part of the columns is a slice that begins later.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a> Matrix<'a> {
    /// All of a row-major `data`, `[rows, cols]`.
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Matrix<'a> {
        Matrix::part(data, rows, cols, cols)
    }

    /// Row-major numbers whose rows begin `row_stride` apart: the first `cols` columns of a wider matrix.
    ///
    /// # Panics
    ///
    /// If `data` ends before the last row does.
    pub fn part(data: &'a [f32], rows: usize, cols: usize, row_stride: usize) -> Matrix<'a> {
        let needed = if rows == 0 || cols == 0 { 0 } else { (rows - 1) * row_stride + cols };
        assert!(data.len() >= needed, "a [{rows}, {cols}] matrix needs {needed} numbers, not {}", data.len());
        Matrix { data, rows, cols, row_stride, col_stride: 1 }
    }

    /// Rows `first..first + n`.
    ///
    /// # Panics
    ///
    /// If there are fewer rows.
    pub fn rows(self, first: usize, n: usize) -> Matrix<'a> {
        assert!(first + n <= self.rows, "rows {first}..{} of a matrix of {} rows", first + n, self.rows);
        let from = (first * self.row_stride).min(self.data.len());
        Matrix { data: &self.data[from..], rows: n, ..self }
    }

    /// The transpose: rows become columns. Nothing is copied.
    pub fn transposed(self) -> Matrix<'a> {
        Matrix {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }

    /// How many rows there are.
    pub fn n_rows(&self) -> usize {
        self.rows
    }

    /// How many columns there are.
    pub fn n_cols(&self) -> usize {
        self.cols
    }

    fn at(&self, i: usize, j: usize) -> f32 {
        self.data[i * self.row_stride + j * self.col_stride]
    }
}

/// Whether a product replaces what is in the output or is added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Into {
    /// `C = A·B`.
    Set,
    /// `C = C + A·B`, as when gradients are summed.
    Add,
}

/// `C = A·B` or `C = C + A·B`, by definition: the *oracle* of [`matmul`], against which it is tested.
///
/// `c` is row-major, its rows `c_stride` apart.
///
/// # Panics
///
/// If `a` has more columns than `b` has rows, or `c` is too small.
pub fn plain(a: Matrix, b: Matrix, c: &mut [f32], c_stride: usize, into: Into) {
    for i in 0..a.rows {
        for j in 0..b.cols {
            let mut sum = 0.0;
            for p in 0..a.cols {
                sum += a.at(i, p) * b.at(p, j);
            }
            let place = &mut c[i * c_stride + j];
            *place = if into == Into::Add { *place + sum } else { sum };
        }
    }
}

/// `C = A·B` or `C = C + A·B`, fast: `[m, k] · [k, n] -> [m, n]`.
///
/// `c` is row-major, its rows `c_stride` apart. The same numbers as [`plain`], up to rounding; and exactly the same ones for
/// any number of threads.
///
/// # Panics
///
/// If `a.cols` is not `b.rows`, or `c` is too small.
///
/// # Example: multiply by a transpose without making it
///
/// ```
/// use gpt60::kernels::matmul::{Into, Matrix, matmul};
///
/// let a = [1.0, 2.0, 3.0, 4.0]; // [2, 2]
/// let mut c = [0.0; 4];
/// matmul(Matrix::new(&a, 2, 2), Matrix::new(&a, 2, 2).transposed(), &mut c, 2, Into::Set);
/// assert_eq!(c, [5.0, 11.0, 11.0, 25.0]);
/// ```
pub fn matmul(a: Matrix, b: Matrix, c: &mut [f32], c_stride: usize, into: Into) {
    let (m, k, n) = (a.rows, a.cols, b.cols);
    assert_eq!(k, b.rows, "matmul: [{m}, {k}] and [{}, {n}] do not fit", b.rows);
    if m == 0 || n == 0 {
        return;
    }
    assert!(c_stride >= n && c.len() >= (m - 1) * c_stride + n, "matmul: the output is smaller than [{m}, {n}]");
    let work = m.saturating_mul(n).saturating_mul(k);
    let n_threads = if work < threads::WORTH_A_THREAD { 1 } else { threads::count() };
    if m <= FEW_ROWS {
        // Each thread makes a run of columns, in every row. In multiples of 64, so that two threads meet in one cache line
        // (16 numbers) at the ends of the runs at most.
        let run = n.div_ceil(n_threads).next_multiple_of(64);
        let mut runs: Vec<Vec<&mut [f32]>> = (0..n.div_ceil(run)).map(|_| Vec::new()).collect();
        for row in c.chunks_mut(c_stride).take(m) {
            row[..n].chunks_mut(run).zip(&mut runs).for_each(|(part, run)| run.push(part));
        }
        threads::each(runs.into_iter().enumerate().collect(), |(i, c): (usize, Vec<&mut [f32]>)| {
            super::cpu::run(FewRows { a, b, first: i * run, c, into });
        });
        return;
    }
    // Many rows: runs of whole rows, in multiples of 8, the height of the largest tile. How the rows are split changes no
    // number: every tile sums over p in the same order.
    let n_runs = threads::n_runs(m / MIN_ROWS, n_threads);
    let rows_each = m.div_ceil(n_runs).next_multiple_of(8);
    let runs = c.chunks_mut(rows_each * c_stride).take(m.div_ceil(rows_each)).enumerate().collect();
    threads::each(runs, |(i, c): (usize, &mut [f32])| {
        let rows = rows_each.min(m - i * rows_each);
        run(ManyRows { a, b, first: i * rows_each, rows, c, c_stride, into });
    });
}

/// Up to so many rows stream through `B`.
pub const FEW_ROWS: usize = 16;
/// How many terms of the sum are packed at a time: a strip of `B`, 32 columns of this many f32, is 32 kB and fits into a
/// first-level cache of 48 kB.
const BLOCK_K: usize = 256;
/// How many rows of `A` are packed at a time: a block of `A`, this times `BLOCK_K`, is 192 kB.
const BLOCK_M: usize = 192;
/// How many columns of `B` are packed at a time.
const BLOCK_N: usize = 1024;
/// A run of fewer rows than this would spend too much of its time on packing `B`.
const MIN_ROWS: usize = 256;

/// Rows `first..first + rows` of a product.
struct ManyRows<'a, 'c> {
    a: Matrix<'a>,
    b: Matrix<'a>,
    first: usize,
    rows: usize,
    c: &'c mut [f32],
    c_stride: usize,
    into: Into,
}

impl Kernel for ManyRows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) {
        let ManyRows { a, b, first, rows, c, c_stride, into } = self;
        let (k, n) = (a.cols, b.cols);
        if k == 0 && into == Into::Set {
            c.chunks_mut(c_stride).for_each(|row| row[..n].fill(0.0));
        }
        let width = 2 * LANES; // of a tile
        let mut packed_a = vec![0.0; BLOCK_M.min(rows).next_multiple_of(ROWS) * BLOCK_K.min(k)];
        let mut packed_b = vec![0.0; BLOCK_N.min(n).next_multiple_of(width) * BLOCK_K.min(k)];
        for j0 in (0..n).step_by(BLOCK_N) {
            let n_block = BLOCK_N.min(n - j0);
            for p0 in (0..k).step_by(BLOCK_K) {
                let k_block = BLOCK_K.min(k - p0);
                // The first block of the sum may replace what was there; the next ones are added to it.
                let add = into == Into::Add || p0 > 0;
                // Packing B is packing the transpose of B: strips of `width` columns.
                pack(b.transposed(), j0, n_block, p0, k_block, width, &mut packed_b);
                for i0 in (0..rows).step_by(BLOCK_M) {
                    let m_block = BLOCK_M.min(rows - i0);
                    pack(a, first + i0, m_block, p0, k_block, ROWS, &mut packed_a);
                    for (j, strip_b) in packed_b.chunks_exact(width * k_block).take(n_block.div_ceil(width)).enumerate()
                    {
                        for (i, strip_a) in
                            packed_a.chunks_exact(ROWS * k_block).take(m_block.div_ceil(ROWS)).enumerate()
                        {
                            let sums = tile::<FMA, LANES, ROWS>(strip_a, strip_b);
                            // At the edges a tile may hang over: only what exists is stored.
                            let height = ROWS.min(m_block - i * ROWS);
                            let from = j0 + j * width;
                            let cols = width.min(n - from);
                            for (r, sums) in sums.iter().enumerate().take(height) {
                                let row = (i0 + i * ROWS + r) * c_stride;
                                let c = &mut c[row + from..row + from + cols];
                                let sums = sums.as_flattened();
                                if add {
                                    c.iter_mut().zip(sums).for_each(|(c, s)| *c += s);
                                } else {
                                    c.copy_from_slice(&sums[..cols]);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Copies rows `i0..i0 + rows` and columns `p0..p0 + k` of `a` into strips of `height` rows. In a strip, the `height`
/// numbers of column `p0` come first, then those of the next column, and so on. Rows that do not exist are zeros.
#[inline(always)]
fn pack(a: Matrix, i0: usize, rows: usize, p0: usize, k: usize, height: usize, packed: &mut [f32]) {
    for (strip, packed) in packed.chunks_exact_mut(height * k).take(rows.div_ceil(height)).enumerate() {
        let top = strip * height;
        let n = height.min(rows - top);
        if n < height {
            packed.fill(0.0);
        }
        if a.row_stride == 1 {
            // A column's numbers are neighbours: copy them as one piece, of a known length wherever possible.
            for (p, place) in packed.chunks_exact_mut(height).enumerate() {
                let column = &a.data[i0 + top + (p0 + p) * a.col_stride..];
                if n == height {
                    place.copy_from_slice(&column[..height]);
                } else {
                    place[..n].copy_from_slice(&column[..n]);
                }
            }
        } else {
            for r in 0..n {
                let from = (i0 + top + r) * a.row_stride + p0 * a.col_stride;
                let row = a.data[from..].iter().step_by(a.col_stride);
                for (place, &x) in packed[r..].iter_mut().step_by(height).zip(row) {
                    *place = x;
                }
            }
        }
    }
}

/// One tile of `C`: `ROWS` rows by two vectors of `LANES` columns, summed over one packed block.
///
/// Its sums must stay in registers, and they do only if every index into `sums` is known when compiling. A loop over the
/// rows is not enough: the compiler gives up unrolling it when the tile is large, keeps the sums in memory, and the product
/// ran fifty times slower when this was measured. So the rows are written out.
#[inline(always)]
fn tile<const FMA: bool, const LANES: usize, const ROWS: usize>(a: &[f32], b: &[f32]) -> [[[f32; LANES]; 2]; ROWS] {
    let mut sums = [[[0.0f32; LANES]; 2]; ROWS];
    for (a, b) in a.chunks_exact(ROWS).zip(b.chunks_exact(2 * LANES)) {
        tile_row::<FMA, LANES>(&mut sums[0], a[0], b);
        tile_row::<FMA, LANES>(&mut sums[1], a[1], b);
        tile_row::<FMA, LANES>(&mut sums[2], a[2], b);
        tile_row::<FMA, LANES>(&mut sums[3], a[3], b);
        if ROWS > 4 {
            tile_row::<FMA, LANES>(&mut sums[4], a[4], b);
            tile_row::<FMA, LANES>(&mut sums[5], a[5], b);
        }
        if ROWS > 6 {
            tile_row::<FMA, LANES>(&mut sums[6], a[6], b);
            tile_row::<FMA, LANES>(&mut sums[7], a[7], b);
        }
    }
    sums
}

/// One step of one row of a tile: `sums += a * b`.
#[inline(always)]
fn tile_row<const FMA: bool, const LANES: usize>(sums: &mut [[f32; LANES]; 2], a: f32, b: &[f32]) {
    for i in 0..LANES {
        sums[0][i] = multiply_add::<FMA>(a, b[i], sums[0][i]);
    }
    for i in 0..LANES {
        sums[1][i] = multiply_add::<FMA>(a, b[LANES + i], sums[1][i]);
    }
}

/// Some columns, from `first` on, of a product whose `A` has few rows: `c` has a slice for each row.
struct FewRows<'a, 'c> {
    a: Matrix<'a>,
    b: Matrix<'a>,
    first: usize,
    c: Vec<&'c mut [f32]>,
    into: Into,
}

impl Kernel for FewRows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) {
        let FewRows { a, b, first, mut c, into } = self;
        if into == Into::Set {
            c.iter_mut().for_each(|row| row.fill(0.0));
        }
        // So many columns at a time that the results of all rows stay in the first-level cache.
        let n = c.first().map_or(0, |row| row.len());
        let n_block = if c.len() == 1 { n.max(1) } else { 512 };
        for j0 in (0..n).step_by(n_block) {
            let j1 = n.min(j0 + n_block);
            if b.col_stride == 1 {
                // The rows of B lie in memory as rows: add a multiple of each to the result.
                // Four rows at a time, so that a result is fetched and stored once for four multiplications.
                let row_of_b = |p: usize| &b.data[p * b.row_stride + first..][j0..j1];
                let four = a.cols - a.cols % 4;
                for p in (0..four).step_by(4) {
                    let [w0, w1, w2, w3] = [row_of_b(p), row_of_b(p + 1), row_of_b(p + 2), row_of_b(p + 3)];
                    for (i, c) in c.iter_mut().enumerate() {
                        let x = [a.at(i, p), a.at(i, p + 1), a.at(i, p + 2), a.at(i, p + 3)];
                        for ((((c, &w0), &w1), &w2), &w3) in c[j0..j1].iter_mut().zip(w0).zip(w1).zip(w2).zip(w3) {
                            let sum = multiply_add::<FMA>(x[0], w0, *c);
                            let sum = multiply_add::<FMA>(x[1], w1, sum);
                            let sum = multiply_add::<FMA>(x[2], w2, sum);
                            *c = multiply_add::<FMA>(x[3], w3, sum);
                        }
                    }
                }
                for p in four..a.cols {
                    for (i, c) in c.iter_mut().enumerate() {
                        let x = a.at(i, p);
                        c[j0..j1].iter_mut().zip(row_of_b(p)).for_each(|(c, &w)| *c = multiply_add::<FMA>(x, w, *c));
                    }
                }
            } else if b.row_stride == 1 && a.col_stride == 1 {
                // The columns of B lie in memory as rows (B is a transpose): each result is a dot product.
                for j in j0..j1 {
                    let w = &b.data[(first + j) * b.col_stride..][..a.cols];
                    for (i, c) in c.iter_mut().enumerate() {
                        c[j] += super::math::dot_lanes::<FMA>(&a.data[i * a.row_stride..][..a.cols], w);
                    }
                }
            } else {
                for (i, c) in c.iter_mut().enumerate() {
                    for (j, c) in c[j0..j1].iter_mut().enumerate() {
                        for p in 0..a.cols {
                            *c = multiply_add::<FMA>(a.at(i, p), b.at(p, first + j0 + j), *c);
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use crate::close::check_close;
    use proptest::prelude::*;

    fn random(n: usize, rng: &mut Rng) -> Vec<f32> {
        (0..n).map(|_| rng.normal() as f32).collect()
    }

    /// Both products of the same random matrices, `A` and `B` transposed or not, `C` with gaps between its rows.
    fn both(m: usize, k: usize, n: usize, ta: bool, tb: bool, into: Into) -> (Vec<f32>, Vec<f32>) {
        let mut rng = Rng::new((m * 1_000_000 + k * 1000 + n) as u64);
        let (a, b) = (random(m * k, &mut rng), random(k * n, &mut rng));
        let a = if ta { Matrix::new(&a, k, m).transposed() } else { Matrix::new(&a, m, k) };
        let b = if tb { Matrix::new(&b, n, k).transposed() } else { Matrix::new(&b, k, n) };
        let stride = n + 3;
        let start = random(m * stride, &mut rng);
        let (mut expected, mut found) = (start.clone(), start);
        plain(a, b, &mut expected, stride, into);
        matmul(a, b, &mut found, stride, into);
        (found, expected)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..Default::default() })]
        #[test]
        fn the_fast_product_is_the_plain_one_for_any_size(
            m in 0usize..40, k in 0usize..300, n in 0usize..80, ta: bool, tb: bool, add: bool,
        ) {
            let into = if add { Into::Add } else { Into::Set };
            let (found, expected) = both(m, k, n, ta, tb, into);
            // Sums of 300 products, each rounded to one part in 10^7: 1e-5 of the largest leaves room for their order.
            prop_assert_eq!(check_close((&[found.len()], &found), (&[expected.len()], &expected), 1e-5), Ok(()));
        }
    }

    #[test]
    fn each_of_a_few_rows_is_bit_for_bit_what_it_is_alone() {
        let mut rng = Rng::new(6);
        for (m, k, n) in [(2, 40, 1100), (5, 300, 70), (FEW_ROWS, 700, 900)] {
            let (a, b) = (random(m * k, &mut rng), random(k * n, &mut rng));
            for b in [Matrix::new(&b, k, n), Matrix::new(&b, n, k).transposed()] {
                let (mut together, mut alone) = (vec![0.0; m * n], vec![0.0; m * n]);
                matmul(Matrix::new(&a, m, k), b, &mut together, n, Into::Set);
                for (a, c) in a.chunks(k).zip(alone.chunks_mut(n)) {
                    matmul(Matrix::new(a, 1, k), b, c, n, Into::Set);
                }
                assert!(
                    together.iter().zip(&alone).all(|(x, y)| x.to_bits() == y.to_bits()),
                    "[{m}, {k}] x [{k}, {n}]"
                );
            }
        }
    }

    #[test]
    fn the_product_is_bit_for_bit_the_same_for_any_number_of_threads() {
        let mut rng = Rng::new(5);
        for (m, k, n) in [(1, 2500, 2500), (170, 250, 190), (9, 1000, 700), (19, 1000, 700)] {
            let (a, b) = (random(m * k, &mut rng), random(k * n, &mut rng));
            let product = |n_threads: usize| {
                threads::set(n_threads);
                let mut c = vec![0.0; m * n];
                let kernel_a = Matrix::new(&a, m, k);
                matmul(kernel_a, Matrix::new(&b, k, n), &mut c, n, Into::Set);
                threads::set(0);
                c.iter().map(|x| x.to_bits()).collect::<Vec<u32>>()
            };
            let one = product(1);
            for n_threads in [2, 3, 7] {
                assert!(product(n_threads) == one, "{n_threads} threads, [{m}, {k}] x [{k}, {n}]");
            }
        }
    }
}
