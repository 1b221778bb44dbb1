//! The product of many rows: tiles whose sums stay in registers.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

use super::pack::{LINE, aligned, pack_all};
use super::words::{Factor, Words};
use super::{Entry, Store};
use crate::kernels::dot::{Dot, DotKernel, Instructions, Row, Sum};
use crate::kernels::memory::Scratch;
use crate::kernels::threads;

/// How many words of a sum are packed at a time, at most: a strip of `B`, 32 columns of this many words, is 98 kB. Longer blocks
/// come back to `C` less often, shorter ones fit into smaller caches.
const BLOCK_K: usize = 768;
/// How many columns of `B` are packed at a time: with `BLOCK_K`, 6 MB.
const BLOCK_N: usize = 2048;
/// How many words of `A` a task goes through: 800 kB, which a second-level cache holds.
const TASK: usize = 200_000;

/// How a product is made.
pub(super) struct Method<'a, I> {
    pub instructions: I,
    /// For whole sums alone: what belongs to each row of `A`. Else nothing.
    pub rows: &'a [Row],
    /// What each column of the result is multiplied with, or nothing.
    pub scales: &'a [f32],
}

/// [`matmul`](super::matmul) for many rows. In short:
///
/// ```text
/// for each block of terms p:
///     pack A's columns p                             (threads share the strips)
///     for each block of columns j:
///         pack B's rows p and columns j              (threads share the strips)
///         for each tile of C's columns j:            (threads share the tiles)
///             C += packed A · packed B
/// ```
///
/// How the tiles are shared changes no number: every tile sums over `p` in the same order.
pub(super) fn many_rows<S: Entry, T: Entry>(
    method: Method<impl Instructions>,
    a: Factor<S, impl Words<S>>,
    b: Factor<T, impl Words<T>>,
    c: &mut [f32],
    c_stride: usize,
    into: Store,
) {
    let (m, k, n) = (a.matrix.rows, a.matrix.cols, b.matrix.cols);
    let n_threads = if m.saturating_mul(n).saturating_mul(k) < threads::WORTH_A_THREAD { 1 } else { threads::count() };
    let (height, width) = method.instructions.tile();
    // Blocks of equal size: 1,000 words are two blocks of 500. What belongs to a row belongs to its whole sum.
    let n_words = a.n_words();
    let k_block = if method.rows.is_empty() { n_words.div_ceil(n_words.div_ceil(BLOCK_K)) } else { n_words };
    let n_block = BLOCK_N.min(n);
    let mut room_for_a = Scratch::<u32>::new(m.next_multiple_of(height) * k_block + LINE);
    let mut room_for_b = Scratch::<u32>::new(n_block.next_multiple_of(width) * k_block + LINE);
    let (packed_a, packed_b) = (aligned(&mut room_for_a), aligned(&mut room_for_b));
    for p0 in (0..n_words).step_by(k_block) {
        let words = p0..n_words.min(p0 + k_block);
        pack_all(method.instructions, a, 0..m, words.clone(), height, packed_a, n_threads);
        for j0 in (0..n).step_by(n_block) {
            let j1 = n.min(j0 + n_block);
            // Packing B is packing the transpose of B: strips of `width` columns.
            pack_all(method.instructions, b.transposed(), j0..j1, words.clone(), width, packed_b, n_threads);

            // Runs of strips of A meet runs of strips of B; four tasks for each thread or more, so that one whose core
            // is shared with another program does not keep the others waiting.
            let (a_strips, b_strips) = (m.div_ceil(height), (j1 - j0).div_ceil(width));
            let a_runs = a_strips.div_ceil((TASK / (height * words.len())).max(1));
            let b_runs = if n_threads == 1 { 1 } else { (4 * n_threads).div_ceil(a_runs) };
            let (a_each, b_each) = (a_strips.div_ceil(a_runs), b_strips.div_ceil(b_runs));
            let mut tasks = Vec::new();
            for (i, rows) in c.chunks_mut(a_each * height * c_stride).take(a_strips.div_ceil(a_each)).enumerate() {
                let top = i * a_each * height;
                let n_rows = (m - top).min(a_each * height);
                let first = tasks.len();
                for j in 0..b_strips.div_ceil(b_each) {
                    let columns = j0 + j * b_each * width..j1.min(j0 + (j + 1) * b_each * width);
                    tasks.push(Tiles {
                        a: &packed_a[top * words.len()..],
                        b: &packed_b[j * b_each * width * words.len()..],
                        n_words: words.len(),
                        rows: method.rows.get(top..).unwrap_or_default(),
                        scales: method.scales.get(columns).unwrap_or_default(),
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
            threads::each(tasks, |task| method.instructions.run(task));
        }
    }
}

/// A part of `C`, and the packed strips of `A` and `B` that make it.
struct Tiles<'a, 'c> {
    a: &'a [u32],
    b: &'a [u32],
    /// How long a strip is.
    n_words: usize,
    rows: &'a [Row],
    scales: &'a [f32],
    /// A slice for each row.
    c: Vec<&'c mut [f32]>,
    add: bool,
}

impl DotKernel for Tiles<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<D: Dot<LANES>, const LANES: usize, const ROWS: usize>(mut self, dot: D) {
        let (k, width) = (self.n_words, 2 * LANES);
        let n = self.c.first().map_or(0, |row| row.len());
        for (j, strip_b) in self.b.chunks_exact(width * k).take(n.div_ceil(width)).enumerate() {
            // At the edges a tile may hang over: only what exists is stored.
            let columns = j * width..n.min((j + 1) * width);
            let mut scales = [[0.0f32; LANES]; 2];
            scales
                .as_flattened_mut()
                .iter_mut()
                .zip(&self.scales[columns.start.min(self.scales.len())..])
                .for_each(|(s, x)| *s = *x);
            for (i, rows) in self.c.chunks_mut(ROWS).enumerate() {
                // These rows lie far from each other; fetched now, they are at hand when the sums are done.
                for row in rows.iter() {
                    for first in (columns.start..columns.end).step_by(LINE) {
                        dot.fetch(&raw const row[first]);
                    }
                }
                let sums = tile::<D, LANES, ROWS>(dot, &self.a[i * ROWS * k..][..ROWS * k], strip_b);
                for (r, (place, sums)) in rows.iter_mut().zip(sums).enumerate() {
                    let row = self.rows.get(i * ROWS + r).copied().unwrap_or_default();
                    let numbers = numbers::<D, LANES>(dot, sums, row, scales);
                    let place = &mut place[columns.clone()];
                    // The usual case is two vectors, whose length is known when this is compiled.
                    if let ([first, second], []) = place.as_chunks_mut::<LANES>() {
                        store(first, numbers[0], self.add);
                        store(second, numbers[1], self.add);
                    } else if self.add {
                        place.iter_mut().zip(numbers.as_flattened()).for_each(|(c, x)| *c += x);
                    } else {
                        place.iter_mut().zip(numbers.as_flattened()).for_each(|(c, x)| *c = *x);
                    }
                }
            }
        }
    }
}

/// What a row of a tile's sums stands for.
#[inline(always)]
pub(in crate::kernels) fn numbers<D: Dot<LANES>, const LANES: usize>(
    dot: D,
    sums: [D::Sums; 2],
    row: Row,
    scales: [[f32; LANES]; 2],
) -> [[f32; LANES]; 2] {
    // Loops, not `map`: that is a call, and the sums would go through memory.
    let mut numbers = [[0.0; LANES]; 2];
    for half in 0..2 {
        let sums = dot.sums(sums[half]);
        for i in 0..LANES {
            numbers[half][i] = sums[i].number(row, scales[half][i]);
        }
    }
    numbers
}

/// Replaces a vector of `C`, or adds to it.
#[inline(always)]
fn store<const LANES: usize>(c: &mut [f32; LANES], numbers: [f32; LANES], add: bool) {
    *c = if add { std::array::from_fn(|i| c[i] + numbers[i]) } else { numbers };
}

/// The tile: `ROWS` rows by `2 * LANES` columns of `A·B`, from a packed strip of each. For each place the strips hold `ROWS`
/// words of `A`, and `2 * LANES` words of `B`.
#[inline(always)]
fn tile<D: Dot<LANES>, const LANES: usize, const ROWS: usize>(dot: D, a: &[u32], b: &[u32]) -> [[D::Sums; 2]; ROWS] {
    let mut sums = [[dot.zeros(); 2]; ROWS];
    for (a, b) in a.as_chunks::<ROWS>().0.iter().zip(b.as_chunks::<LANES>().0.chunks_exact(2)) {
        let b = [dot.load(&b[0]), dot.load(&b[1])];
        tile_step::<D, LANES, ROWS>(dot, &mut sums, |r| a[r], b);
    }
    sums
}

/// The tile of `A·B` for rows of `A` that are not packed, but lie `stride` words apart.
#[inline(always)]
pub(in crate::kernels) fn tile_of_rows<D: Dot<LANES>, const LANES: usize, const ROWS: usize>(
    dot: D,
    a: &[u32],
    stride: usize,
    b: &[u32],
) -> [[D::Sums; 2]; ROWS] {
    let mut sums = [[dot.zeros(); 2]; ROWS];
    let b = b.as_chunks::<LANES>().0.as_chunks::<2>().0;
    let mut rows = [a; ROWS];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = &a[r * stride..][..b.len()]; // one check of each length
    }
    for p in 0..b.len() {
        tile_step::<D, LANES, ROWS>(dot, &mut sums, |r| rows[r][p], [dot.load(&b[p][0]), dot.load(&b[p][1])]);
    }
    sums
}

/// The tile of `Aᵀ·B`: of each row of words of `A`, `stride` apart, it reads the first `ROWS`.
#[inline(always)]
pub(in crate::kernels) fn tile_of_columns<D: Dot<LANES>, const LANES: usize, const ROWS: usize>(
    dot: D,
    a: &[u32],
    stride: usize,
    b: &[u32],
) -> [[D::Sums; 2]; ROWS] {
    let mut sums = [[dot.zeros(); 2]; ROWS];
    for (a, b) in a.chunks(stride).zip(b.as_chunks::<LANES>().0.as_chunks::<2>().0) {
        if let Some(a) = a.first_chunk::<ROWS>() {
            tile_step::<D, LANES, ROWS>(dot, &mut sums, |r| a[r], [dot.load(&b[0]), dot.load(&b[1])]);
        }
    }
    sums
}

/// One step of a tile: every row of `sums` grows by its word of `A`, times the words of `B`.
///
/// The sums must stay in registers all the time, so every index into them has to be known when this is compiled. A loop over
/// `ROWS` is not enough: the compiler gives up unrolling it when the tile is large, keeps the sums in memory, and the product
/// ran fifty times slower when this was measured. So the rows are written out. The words of `A` are asked for one by one: if all
/// were there before the first is used, they would take the registers of the sums.
#[inline(always)]
fn tile_step<D: Dot<LANES>, const LANES: usize, const ROWS: usize>(
    dot: D,
    sums: &mut [[D::Sums; 2]; ROWS],
    a: impl Fn(usize) -> u32,
    b: [D::Vector; 2],
) {
    tile_row(dot, &mut sums[0], a(0), b);
    tile_row(dot, &mut sums[1], a(1), b);
    tile_row(dot, &mut sums[2], a(2), b);
    tile_row(dot, &mut sums[3], a(3), b);
    if ROWS > 4 {
        tile_row(dot, &mut sums[4], a(4), b);
        tile_row(dot, &mut sums[5], a(5), b);
    }
    if ROWS > 6 {
        tile_row(dot, &mut sums[6], a(6), b);
        tile_row(dot, &mut sums[7], a(7), b);
    }
    if ROWS > 8 {
        tile_row(dot, &mut sums[8], a(8), b);
        tile_row(dot, &mut sums[9], a(9), b);
        tile_row(dot, &mut sums[10], a(10), b);
        tile_row(dot, &mut sums[11], a(11), b);
    }
}

/// One row of [`tile_step`]: `sums += a * b`.
#[inline(always)]
fn tile_row<D: Dot<LANES>, const LANES: usize>(dot: D, sums: &mut [D::Sums; 2], a: u32, b: [D::Vector; 2]) {
    let a = dot.splat(a);
    sums[0] = dot.step(sums[0], a, b[0]);
    sums[1] = dot.step(sums[1], a, b[1]);
}
