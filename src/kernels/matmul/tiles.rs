//! The product of many rows: tiles whose sums stay in registers.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

use super::pack::{LINE, aligned, pack_all};
use super::{Matrix, Number, Store};
use crate::kernels::cpu::{Kernel, level, multiply_add, run_at};
use crate::kernels::memory::Scratch;
use crate::kernels::threads;
use std::ops::Range;

/// How many terms of a sum are packed at a time, at most: a strip of `B`, 32 columns of this many f32, is 64 kB. Longer blocks
/// come back to `C` less often, shorter ones fit into smaller caches.
const BLOCK_K: usize = 512;
/// How many columns of `B` are packed at a time: with `BLOCK_K`, 4 MB.
const BLOCK_N: usize = 2048;
/// With fewer columns than this, packing `A` costs more than it gains, if its rows lie in memory as rows.
const PACKED_N: usize = 256;
/// How many strips of `A` a task goes through: of 12 rows and `BLOCK_K` terms, 800 kB, which a second-level cache holds.
const STRIPS: usize = 32;

/// [`matmul`] for many rows. In short:
///
/// ```text
/// for each block of terms p:
///     pack A's columns p, if that pays               (threads share the strips)
///     for each block of columns j:
///         pack B's rows p and columns j              (threads share the strips)
///         for each tile of C's columns j:            (threads share the tiles)
///             C += A · packed B
/// ```
///
/// How the tiles are shared changes no number: every tile sums over `p` in the same order.
pub(super) fn many_rows<T: Number>(a: Matrix, b: Matrix<T>, c: &mut [f32], c_stride: usize, into: Store) {
    let (m, k, n) = (a.rows, a.cols, b.cols);
    let n_threads = if m.saturating_mul(n).saturating_mul(k) < threads::WORTH_A_THREAD { 1 } else { threads::count() };
    let level = level();
    let (height, width) = run_at(level, TileShape);
    // Blocks of equal size: 768 terms are two blocks of 384.
    let k_block = k.div_ceil(k.div_ceil(BLOCK_K));
    let n_block = BLOCK_N.min(n);
    let a_is_packed = a.col_stride != 1 || n >= PACKED_N;
    let mut room_for_a = Scratch::new(if a_is_packed { m.next_multiple_of(height) * k_block + LINE } else { 0 });
    let mut room_for_b = Scratch::new(n_block.next_multiple_of(width) * k_block + LINE);
    let (packed_a, packed_b) = (aligned(&mut room_for_a), aligned(&mut room_for_b));
    for p0 in (0..k).step_by(k_block) {
        let terms = p0..k.min(p0 + k_block);
        if a_is_packed {
            pack_all(level, a, 0..m, terms.clone(), height, packed_a, n_threads);
        }
        for j0 in (0..n).step_by(n_block) {
            let j1 = n.min(j0 + n_block);
            // Packing B is packing the transpose of B: strips of `width` columns.
            pack_all(level, b.transposed(), j0..j1, terms.clone(), width, packed_b, n_threads);

            // Runs of strips of A meet runs of strips of B; four tasks for each thread or more, so that one whose core
            // is shared with another program does not keep the others waiting.
            let (a_strips, b_strips) = (m.div_ceil(height), (j1 - j0).div_ceil(width));
            let a_runs = a_strips.div_ceil(STRIPS);
            let b_runs = if n_threads == 1 { 1 } else { (4 * n_threads).div_ceil(a_runs) };
            let (a_each, b_each) = (a_strips.div_ceil(a_runs), b_strips.div_ceil(b_runs));
            let mut tasks = Vec::new();
            for (i, rows) in c.chunks_mut(a_each * height * c_stride).take(a_strips.div_ceil(a_each)).enumerate() {
                let top = i * a_each * height;
                let n_rows = (m - top).min(a_each * height);
                let first = tasks.len();
                for j in 0..b_strips.div_ceil(b_each) {
                    let rows = Strips::Rows(a.rows(top, n_rows));
                    tasks.push(Tiles {
                        a: if a_is_packed { Strips::Packed(&packed_a[top * terms.len()..]) } else { rows },
                        b: &packed_b[j * b_each * width * terms.len()..],
                        terms: terms.clone(),
                        c: Vec::with_capacity(n_rows),
                        // The first block of terms may replace what was there; the next ones are added to it.
                        add: into == Store::Add || p0 > 0,
                    });
                }
                for row in rows.chunks_mut(c_stride).take(n_rows) {
                    let parts = row[j0..j1].chunks_mut(b_each * width);
                    parts.zip(&mut tasks[first..]).for_each(|(part, task)| task.c.push(part));
                }
            }
            threads::each(tasks, |task| run_at(level, task));
        }
    }
}

/// How many rows and columns a tile has with the instruction set in use.
struct TileShape;

impl Kernel for TileShape {
    type Output = (usize, usize);

    #[inline(always)]
    fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) -> (usize, usize) {
        (ROWS, 2 * LANES)
    }
}

/// Some rows of `A`, as the tile loop reads them.
enum Strips<'a> {
    /// In their own place: each row's numbers are neighbours.
    Rows(Matrix<'a>),
    /// Packed in strips.
    Packed(&'a [f32]),
}

/// A part of `C`, and the rows of `A` and the packed strips of `B` that make it.
struct Tiles<'a, 'c> {
    a: Strips<'a>,
    b: &'a [f32],
    terms: Range<usize>,
    /// A slice for each row.
    c: Vec<&'c mut [f32]>,
    add: bool,
}

impl Kernel for Tiles<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(mut self) {
        let (k, width) = (self.terms.len(), 2 * LANES);
        let n = self.c.first().map_or(0, |row| row.len());
        for (j, strip_b) in self.b.chunks_exact(width * k).take(n.div_ceil(width)).enumerate() {
            // At the edges a tile may hang over: only what exists is stored.
            let columns = j * width..n.min((j + 1) * width);
            for (i, rows) in self.c.chunks_mut(ROWS).enumerate() {
                let sums = match self.a {
                    Strips::Rows(a) => {
                        // Below the last row comes the last row again.
                        let row = |r: usize| &a.data[(i * ROWS + r).min(a.rows - 1) * a.row_stride..];
                        let rows: [&[f32]; ROWS] = std::array::from_fn(|r| &row(r)[self.terms.clone()]);
                        tile_of_rows::<FMA, LANES, ROWS>(rows, strip_b)
                    }
                    Strips::Packed(a) => tile::<FMA, LANES, ROWS>(&a[i * ROWS * k..][..ROWS * k], strip_b),
                };
                for (row, sums) in rows.iter_mut().zip(&sums) {
                    let place = &mut row[columns.clone()];
                    // The usual case is two vectors, whose length is known when this is compiled.
                    if let ([first, second], []) = place.as_chunks_mut::<LANES>() {
                        store(first, sums[0], self.add);
                        store(second, sums[1], self.add);
                    } else if self.add {
                        place.iter_mut().zip(sums.as_flattened()).for_each(|(c, s)| *c += s);
                    } else {
                        place.iter_mut().zip(sums.as_flattened()).for_each(|(c, s)| *c = *s);
                    }
                }
            }
        }
    }
}

/// Replaces a vector of `C`, or adds to it.
#[inline(always)]
fn store<const LANES: usize>(c: &mut [f32; LANES], sums: [f32; LANES], add: bool) {
    *c = if add { std::array::from_fn(|i| c[i] + sums[i]) } else { sums };
}

/// The tile: `ROWS` rows by `2 * LANES` columns of `A·B`, from a packed strip of each. For each `p` the strips hold `ROWS`
/// numbers of column `p` of `A`, and `2 * LANES` numbers of row `p` of `B`.
#[inline(always)]
fn tile<const FMA: bool, const LANES: usize, const ROWS: usize>(a: &[f32], b: &[f32]) -> [[[f32; LANES]; 2]; ROWS] {
    let mut sums = [[[0.0f32; LANES]; 2]; ROWS];
    for (a, b) in a.chunks_exact(ROWS).zip(b.chunks_exact(2 * LANES)) {
        tile_step::<FMA, LANES, ROWS>(&mut sums, |r| a[r], b);
    }
    sums
}

/// [`tile`] with rows of `A` in their own place.
#[inline(always)]
fn tile_of_rows<const FMA: bool, const LANES: usize, const ROWS: usize>(
    a: [&[f32]; ROWS],
    b: &[f32],
) -> [[[f32; LANES]; 2]; ROWS] {
    let mut sums = [[[0.0f32; LANES]; 2]; ROWS];
    let k = b.len() / (2 * LANES);
    let a = a.map(|row| &row[..k]); // one check of each length, and none in the loop
    for (p, b) in b.chunks_exact(2 * LANES).enumerate() {
        tile_step::<FMA, LANES, ROWS>(&mut sums, |r| a[r][p], b);
    }
    sums
}

/// One step of a tile: every row of `sums` grows by its number of `A`, times the numbers of `B`.
///
/// The sums must stay in registers all the time, so every index into them has to be known when this is compiled. A loop over
/// `ROWS` is not enough: the compiler gives up unrolling it when the tile is large, keeps the sums in memory, and the product
/// ran fifty times slower when this was measured. So the rows are written out.
#[inline(always)]
fn tile_step<const FMA: bool, const LANES: usize, const ROWS: usize>(
    sums: &mut [[[f32; LANES]; 2]; ROWS],
    a: impl Fn(usize) -> f32,
    b: &[f32],
) {
    tile_row::<FMA, LANES>(&mut sums[0], a(0), b);
    tile_row::<FMA, LANES>(&mut sums[1], a(1), b);
    tile_row::<FMA, LANES>(&mut sums[2], a(2), b);
    tile_row::<FMA, LANES>(&mut sums[3], a(3), b);
    if ROWS > 4 {
        tile_row::<FMA, LANES>(&mut sums[4], a(4), b);
        tile_row::<FMA, LANES>(&mut sums[5], a(5), b);
    }
    if ROWS > 6 {
        tile_row::<FMA, LANES>(&mut sums[6], a(6), b);
        tile_row::<FMA, LANES>(&mut sums[7], a(7), b);
    }
    if ROWS > 8 {
        tile_row::<FMA, LANES>(&mut sums[8], a(8), b);
        tile_row::<FMA, LANES>(&mut sums[9], a(9), b);
        tile_row::<FMA, LANES>(&mut sums[10], a(10), b);
        tile_row::<FMA, LANES>(&mut sums[11], a(11), b);
    }
}

/// One row of [`tile_step`]: `sums += a * b`.
#[inline(always)]
fn tile_row<const FMA: bool, const LANES: usize>(sums: &mut [[f32; LANES]; 2], a: f32, b: &[f32]) {
    for i in 0..LANES {
        sums[0][i] = multiply_add::<FMA>(a, b[i], sums[0][i]);
    }
    for i in 0..LANES {
        sums[1][i] = multiply_add::<FMA>(a, b[LANES + i], sums[1][i]);
    }
}
