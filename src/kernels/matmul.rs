//! The matrix product, plain and fast.
//!
//! `C = A·B`: number `(i, j)` of `C` is the sum over `p` of `A(i, p) * B(p, j)`. [`plain`] is just that, in three loops. It
//! is the definition, and the judge of the fast version.
//!
//! Why is it slow? A processor can multiply and add far faster than it can fetch numbers from memory, and the plain loop
//! fetches two numbers for each multiplication. The fast version, [`matmul`], fetches each number once and uses it many
//! times:
//!
//! * **Tiles.** It computes a small tile of `C` at a time, 12 rows by 32 columns with AVX-512. The tile's 384 sums stay in
//!   registers. For each `p`, 12 numbers of `A` and 32 of `B` feed 384 multiply-adds.
//! * **Packing.** Before that, `A` and a block of `B` are copied into the very order in which the tile loop reads them. It
//!   then runs straight through memory, whichever of the two was transposed. Packing is also where [numbers of fewer
//!   bytes](Number) become `f32`.
//! * **Blocks.** The blocks are sized to stay in the processor's caches.
//! * **Threads** share the packing, and then the tiles.
//!
//! A few rows (`A` has a single row for every new token, and a few where several answers are written at once) are different:
//! each number of `B` is used once or a few times, so packing costs more than it gains. [`matmul`] then streams through `B`, in
//! the order in which it lies in memory.
//! Each row is summed as if it were alone, to the bit: what is written side by side is what is written one by one.
//!
//! This is the method of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008). A production
//! program would call a BLAS library, or the `gemm` or `matrixmultiply` crate.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

use super::cpu::{Kernel, Level, level, multiply_add, run_at};
use super::{memory, threads};
use std::ops::Range;

/// A number as it is kept in memory: `f32` itself, or one of fewer bytes that stands for an `f32`.
pub trait Number: Copy + Send + Sync {
    /// The number it stands for.
    fn value(self) -> f32;
}

impl Number for f32 {
    #[inline(always)]
    fn value(self) -> f32 {
        self
    }
}

impl Number for i8 {
    #[inline(always)]
    fn value(self) -> f32 {
        f32::from(self)
    }
}

/// A *bfloat16*: the upper half of an `f32`. The same range, and two to three decimal digits instead of seven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bf16(pub u16);

impl Bf16 {
    /// The bfloat16 nearest to `x`; of two equally near ones, the one whose last bit is 0. NaN stays NaN.
    pub fn nearest(x: f32) -> Bf16 {
        let bits = x.to_bits();
        if x.is_nan() {
            return Bf16((bits >> 16) as u16 | 0x40); // a NaN whose last bits alone were set must not become infinity
        }
        Bf16(((u64::from(bits) + 0x7fff + u64::from(bits >> 16 & 1)) >> 16) as u16)
    }
}

impl Number for Bf16 {
    #[inline(always)]
    fn value(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }
}

/// A view of a matrix: where its numbers are in a slice, without owning or copying them.
///
/// Number `(i, j)` is `data[i * row_stride + j * col_stride]`. A row-major matrix has strides `(cols, 1)`; its transpose is
/// the same slice with strides `(1, cols)`; and a part of the columns is a slice that begins later.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a, T = f32> {
    data: &'a [T],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a, T: Number> Matrix<'a, T> {
    /// All of a row-major `data`, `[rows, cols]`.
    pub fn new(data: &'a [T], rows: usize, cols: usize) -> Matrix<'a, T> {
        Matrix::part(data, rows, cols, cols)
    }

    /// Row-major numbers whose rows begin `row_stride` apart: the first `cols` columns of a wider matrix.
    ///
    /// # Panics
    ///
    /// If `data` ends before the last row does.
    pub fn part(data: &'a [T], rows: usize, cols: usize, row_stride: usize) -> Matrix<'a, T> {
        let needed = if rows == 0 || cols == 0 { 0 } else { (rows - 1) * row_stride + cols };
        assert!(data.len() >= needed, "a [{rows}, {cols}] matrix needs {needed} numbers, not {}", data.len());
        Matrix { data, rows, cols, row_stride, col_stride: 1 }
    }

    /// Rows `first..first + n`.
    ///
    /// # Panics
    ///
    /// If there are fewer rows.
    pub fn rows(self, first: usize, n: usize) -> Matrix<'a, T> {
        assert!(first + n <= self.rows, "rows {first}..{} of a matrix of {} rows", first + n, self.rows);
        let from = (first * self.row_stride).min(self.data.len());
        Matrix { data: &self.data[from..], rows: n, ..self }
    }

    /// The transpose: rows become columns. Nothing is copied.
    pub fn transposed(self) -> Matrix<'a, T> {
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

    #[inline(always)]
    fn at(&self, i: usize, j: usize) -> f32 {
        self.data[i * self.row_stride + j * self.col_stride].value()
    }
}

/// Whether a product replaces what is in the output or is added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
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
pub fn plain<T: Number>(a: Matrix, b: Matrix<T>, c: &mut [f32], c_stride: usize, into: Store) {
    for i in 0..a.rows {
        for j in 0..b.cols {
            let mut sum = 0.0;
            for p in 0..a.cols {
                sum += a.at(i, p) * b.at(p, j);
            }
            let place = &mut c[i * c_stride + j];
            *place = if into == Store::Add { *place + sum } else { sum };
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
/// use gpt60::kernels::matmul::{Matrix, Store, matmul};
///
/// let a = [1.0, 2.0, 3.0, 4.0]; // [2, 2]
/// let mut c = [0.0; 4];
/// matmul(Matrix::new(&a, 2, 2), Matrix::new(&a, 2, 2).transposed(), &mut c, 2, Store::Set);
/// assert_eq!(c, [5.0, 11.0, 11.0, 25.0]);
/// ```
pub fn matmul<T: Number>(a: Matrix, b: Matrix<T>, c: &mut [f32], c_stride: usize, into: Store) {
    let (m, k, n) = (a.rows, a.cols, b.cols);
    assert_eq!(k, b.rows, "matmul: [{m}, {k}] and [{}, {n}] do not fit", b.rows);
    if m == 0 || n == 0 {
        return;
    }
    assert!(c_stride >= n && c.len() >= (m - 1) * c_stride + n, "matmul: the output is smaller than [{m}, {n}]");
    if k == 0 {
        if into == Store::Set {
            c.chunks_mut(c_stride).take(m).for_each(|row| row[..n].fill(0.0));
        }
    } else if m <= FEW_ROWS {
        few_rows(a, b, c, c_stride, into);
    } else {
        many_rows(a, b, c, c_stride, into);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Many rows: tiles
// ---------------------------------------------------------------------------------------------------------------------

/// At most so many terms of a sum are packed at a time: a strip of `B`, 32 columns of this many f32, is 64 kB. Longer blocks
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
fn many_rows<T: Number>(a: Matrix, b: Matrix<T>, c: &mut [f32], c_stride: usize, into: Store) {
    let (m, k, n) = (a.rows, a.cols, b.cols);
    let n_threads = if m.saturating_mul(n).saturating_mul(k) < threads::WORTH_A_THREAD { 1 } else { threads::count() };
    let level = level();
    let (height, width) = run_at(level, TileShape);
    // Blocks of equal size: 768 terms are two blocks of 384.
    let k_block = k.div_ceil(k.div_ceil(BLOCK_K));
    let n_block = BLOCK_N.min(n);
    let a_is_packed = a.col_stride != 1 || n >= PACKED_N;
    let mut room_for_a = memory::any(if a_is_packed { m.next_multiple_of(height) * k_block + LINE } else { 0 });
    let mut room_for_b = memory::any(n_block.next_multiple_of(width) * k_block + LINE);
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
    memory::give_back(room_for_a);
    memory::give_back(room_for_b);
}

/// How many f32 a cache line holds.
const LINE: usize = 16;

/// The part of a list that begins where a cache line does: a vector that lies across two lines takes two fetches.
fn aligned(list: &mut [f32]) -> &mut [f32] {
    let skip = list.as_ptr().align_offset(LINE * size_of::<f32>()).min(list.len());
    &mut list[skip..]
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

/// Packs the numbers in `rows` and `columns` of `a` into strips of `height` rows; the threads share the strips.
fn pack_all<T: Number>(
    level: Level,
    a: Matrix<T>,
    rows: Range<usize>,
    columns: Range<usize>,
    height: usize,
    packed: &mut [f32],
    n_threads: usize,
) {
    let strip = height * columns.len();
    let n_strips = rows.len().div_ceil(height);
    // Copying is quick: a task of less than 64 kB would not be worth handing over.
    let n_tasks = threads::n_runs(n_strips * strip / (1 << 14), n_threads);
    let each = n_strips.div_ceil(n_tasks);
    let mut tasks = Vec::new();
    for (i, packed) in packed[..n_strips * strip].chunks_mut(each * strip).enumerate() {
        let first = rows.start + i * each * height;
        let rows = first..rows.end.min(first + each * height);
        tasks.push(Pack { a, rows, columns: columns.clone(), height, packed });
    }
    threads::each(tasks, |task| run_at(level, task));
}

/// How many strips are packed together, where a piece for one strip would be short.
const TOGETHER: usize = 4;

/// Some rows and columns of a matrix, to be copied into strips of `height` rows. In a strip, the `height` numbers of the
/// first column come first, then those of the next column, and so on. Rows that do not exist are zeros.
struct Pack<'a, 'p, T> {
    a: Matrix<'a, T>,
    rows: Range<usize>,
    columns: Range<usize>,
    height: usize,
    packed: &'p mut [f32],
}

impl<T: Number> Kernel for Pack<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) {
        let Pack { a, rows, columns, height, packed } = self;
        let size = height * columns.len();
        if a.row_stride == 1 {
            // A column's numbers are neighbours. They go to several strips in one go: memory likes long pieces.
            for (group, packed) in packed.chunks_mut(TOGETHER * size).enumerate() {
                let top = rows.start + group * TOGETHER * height;
                let n = (packed.len() / size * height).min(rows.end - top);
                for p in 0..columns.len() {
                    let column = &a.data[top + (columns.start + p) * a.col_stride..][..n];
                    // Pieces of a length that is known when this is compiled are copied in a few instructions.
                    if height == ROWS {
                        spread::<T, ROWS, 1>(column, packed, p, size);
                    } else {
                        spread::<T, LANES, 2>(column, packed, p, size);
                    }
                }
            }
            return;
        }
        for (strip, packed) in packed.chunks_exact_mut(size).enumerate() {
            let top = rows.start + strip * height;
            let n = height.min(rows.end - top);
            if n < height {
                packed.fill(0.0);
            }
            // A row's numbers are neighbours, and go to places `height` apart.
            let row = |r: usize| &a.data[(top + r) * a.row_stride + columns.start * a.col_stride..];
            let in_groups = if a.col_stride == 1 { n - n % LANES } else { 0 };
            for r in (0..in_groups).step_by(LANES) {
                let rows: [&[T]; LANES] = std::array::from_fn(|i| &row(r + i)[..columns.len()]);
                for (p, place) in packed.chunks_exact_mut(height).enumerate() {
                    let values: [f32; LANES] = std::array::from_fn(|i| rows[i][p].value());
                    place[r..r + LANES].copy_from_slice(&values);
                }
            }
            for r in in_groups..n {
                let row = row(r).iter().step_by(a.col_stride);
                packed[r..].iter_mut().step_by(height).zip(row).for_each(|(place, x)| *place = x.value());
            }
        }
    }
}

/// Cuts `column` into pieces of `TIMES * N` numbers: the first one becomes column `p` of the first strip, the second one that
/// of the second strip, `size` further on, and so on. The last piece may be shorter; zeros fill it up.
#[inline(always)]
fn spread<T: Number, const N: usize, const TIMES: usize>(column: &[T], strips: &mut [f32], p: usize, size: usize) {
    let height = TIMES * N;
    let pieces = column.chunks_exact(height);
    let (rest, n) = (pieces.remainder(), pieces.len());
    for (s, piece) in pieces.enumerate() {
        let place = &mut strips[s * size + p * height..][..height];
        for t in 0..TIMES {
            let values: [f32; N] = std::array::from_fn(|i| piece[t * N + i].value());
            place[t * N..(t + 1) * N].copy_from_slice(&values);
        }
    }
    if !rest.is_empty() {
        let place = &mut strips[n * size + p * height..][..height];
        place.fill(0.0);
        place.iter_mut().zip(rest).for_each(|(place, x)| *place = x.value());
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// A few rows: a stream
// ---------------------------------------------------------------------------------------------------------------------

/// Up to so many rows stream through `B`.
pub const FEW_ROWS: usize = 16;

/// Fewer multiplications than this are not worth handing over, where every number of `B` comes from far away.
const STREAM_SHARED: usize = 1 << 17;

/// How many rows or columns of `B` are read side by side. A processor fetches ahead in each of several streams: more of them
/// keep the memory busier.
pub(super) const STREAMS: usize = 8;

/// In how many parts the rows of `B` are shared, whatever the number of threads.
const PARTS: usize = 4;

/// [`matmul`] for a few rows.
fn few_rows<T: Number>(a: Matrix, b: Matrix<T>, c: &mut [f32], c_stride: usize, into: Store) {
    let (m, k, n) = (a.rows, a.cols, b.cols);
    let is_shared = m * k * n >= STREAM_SHARED;
    if into == Store::Set {
        c.chunks_mut(c_stride).take(m).for_each(|row| row[..n].fill(0.0));
    }
    if b.col_stride == 1 && k >= PARTS * STREAMS {
        // The rows of B lie in memory as rows. A task takes some of them, from their first number to their last, so that it
        // never jumps; what it finds is a part of every sum. As many parts for any number of threads, added up in order.
        let each = k.div_ceil(PARTS);
        let mut parts = memory::zeros(k.div_ceil(each) * m * n);
        let tasks = parts.chunks_mut(m * n).enumerate().map(|(i, part)| {
            let terms = i * each..k.min((i + 1) * each);
            FewRows { a, b, terms, first: 0, c: part.chunks_mut(n).collect() }
        });
        threads::each_if(is_shared, tasks.collect(), super::cpu::run);
        for part in parts.chunks(m * n) {
            for (c, part) in c.chunks_mut(c_stride).zip(part.chunks(n)) {
                c.iter_mut().zip(part).for_each(|(c, part)| *c += part);
            }
        }
        memory::give_back(parts);
        return;
    }
    // Each task makes a run of columns, in every row: one long run for each thread, because what a processor fetches ahead
    // at the end of each row's part is fetched in vain. In multiples of 64, so that two threads meet in one cache line (16
    // numbers) at the ends of the runs at most.
    let run = n.div_ceil(if is_shared { threads::count() } else { 1 }).next_multiple_of(64);
    let mut tasks: Vec<_> =
        (0..n.div_ceil(run)).map(|i| FewRows { a, b, terms: 0..k, first: i * run, c: Vec::new() }).collect();
    for row in c.chunks_mut(c_stride).take(m) {
        row[..n].chunks_mut(run).zip(&mut tasks).for_each(|(part, task)| task.c.push(part));
    }
    threads::each(tasks, super::cpu::run);
}

/// Some columns, from `first` on, and some terms of a product whose `A` has few rows, to be added to `c`, which has a slice
/// for each row.
struct FewRows<'a, 'c, T> {
    a: Matrix<'a>,
    b: Matrix<'a, T>,
    terms: Range<usize>,
    first: usize,
    c: Vec<&'c mut [f32]>,
}

impl<T: Number> Kernel for FewRows<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) {
        let FewRows { a, b, terms, first, mut c } = self;
        let n = c.first().map_or(0, |row| row.len());
        if b.col_stride == 1 {
            // Add a multiple of each row of B to the result. So many columns at a time that the results of all rows stay in
            // the first-level cache.
            let n_block = if c.len() == 1 { n } else { 512 };
            // Each stream goes through rows of its own, one after the other.
            let each = terms.len() / STREAMS;
            for j0 in (0..n).step_by(n_block) {
                let columns = j0..n.min(j0 + n_block);
                let row_of_b = |p: usize| &b.data[p * b.row_stride + first..][columns.clone()];
                for p in terms.start..terms.start + each {
                    let rows: [&[T]; STREAMS] = std::array::from_fn(|s| row_of_b(p + s * each));
                    for (i, c) in c.iter_mut().enumerate() {
                        let x: [f32; STREAMS] = std::array::from_fn(|s| a.at(i, p + s * each));
                        add_multiples::<T, FMA>(&mut c[columns.clone()], x, rows);
                    }
                }
                for p in terms.start + each * STREAMS..terms.end {
                    for (i, c) in c.iter_mut().enumerate() {
                        let x = a.at(i, p);
                        let places = c[columns.clone()].iter_mut().zip(row_of_b(p));
                        places.for_each(|(c, w)| *c = multiply_add::<FMA>(x, w.value(), *c));
                    }
                }
            }
        } else if b.row_stride == 1 && a.col_stride == 1 {
            // The columns of B lie in memory as rows (B is a transpose): each result is a dot product.
            // Each stream goes through columns of its own, one after the other, so that it never jumps.
            let column_of_b = |j: usize| &b.data[(first + j) * b.col_stride..][..a.cols];
            let each = n.div_ceil(STREAMS);
            for j in 0..each {
                // The last streams may have fewer columns, and read their last one again.
                let columns: [&[T]; STREAMS] = std::array::from_fn(|s| column_of_b((s * each + j).min(n - 1)));
                for (i, c) in c.iter_mut().enumerate() {
                    let sums = dots::<T, FMA, LANES>(&a.data[i * a.row_stride..][..a.cols], columns);
                    c[j..].iter_mut().step_by(each).zip(sums).for_each(|(c, sum)| *c += sum);
                }
            }
        } else {
            for (i, c) in c.iter_mut().enumerate() {
                for (j, c) in c.iter_mut().enumerate() {
                    for p in terms.clone() {
                        *c = multiply_add::<FMA>(a.at(i, p), b.at(p, first + j), *c);
                    }
                }
            }
        }
    }
}

/// `c += x[0] * rows[0] + x[1] * rows[1] + ...`: a result is fetched and stored once for all of them.
#[inline(always)]
pub(super) fn add_multiples<T: Number, const FMA: bool>(c: &mut [f32], x: [f32; STREAMS], rows: [&[T]; STREAMS]) {
    let n = c.len();
    let [r0, r1, r2, r3, r4, r5, r6, r7] = rows;
    // One check of each length, and none in the loop.
    let (r0, r1, r2, r3) = (&r0[..n], &r1[..n], &r2[..n], &r3[..n]);
    let (r4, r5, r6, r7) = (&r4[..n], &r5[..n], &r6[..n], &r7[..n]);
    for j in 0..n {
        let mut sum = c[j];
        sum = multiply_add::<FMA>(x[0], r0[j].value(), sum);
        sum = multiply_add::<FMA>(x[1], r1[j].value(), sum);
        sum = multiply_add::<FMA>(x[2], r2[j].value(), sum);
        sum = multiply_add::<FMA>(x[3], r3[j].value(), sum);
        sum = multiply_add::<FMA>(x[4], r4[j].value(), sum);
        sum = multiply_add::<FMA>(x[5], r5[j].value(), sum);
        sum = multiply_add::<FMA>(x[6], r6[j].value(), sum);
        sum = multiply_add::<FMA>(x[7], r7[j].value(), sum);
        c[j] = sum;
    }
}

/// The dot products of `a` with each of the columns.
#[inline(always)]
pub(super) fn dots<T: Number, const FMA: bool, const LANES: usize>(
    a: &[f32],
    columns: [&[T]; STREAMS],
) -> [f32; STREAMS] {
    let n = a.len() - a.len() % LANES;
    let mut sums = [[0.0f32; LANES]; STREAMS];
    let [w0, w1, w2, w3, w4, w5, w6, w7] = columns.map(|w| &w[..n]);
    for p in (0..n).step_by(LANES) {
        let x = &a[p..p + LANES];
        dots_step::<T, FMA, LANES>(&mut sums[0], x, &w0[p..p + LANES]);
        dots_step::<T, FMA, LANES>(&mut sums[1], x, &w1[p..p + LANES]);
        dots_step::<T, FMA, LANES>(&mut sums[2], x, &w2[p..p + LANES]);
        dots_step::<T, FMA, LANES>(&mut sums[3], x, &w3[p..p + LANES]);
        dots_step::<T, FMA, LANES>(&mut sums[4], x, &w4[p..p + LANES]);
        dots_step::<T, FMA, LANES>(&mut sums[5], x, &w5[p..p + LANES]);
        dots_step::<T, FMA, LANES>(&mut sums[6], x, &w6[p..p + LANES]);
        dots_step::<T, FMA, LANES>(&mut sums[7], x, &w7[p..p + LANES]);
    }
    // As in `tile_step`, an index that is not known when this is compiled would keep the sums out of the registers.
    let [s0, s1, s2, s3, s4, s5, s6, s7] = sums;
    let mut dots = [s0, s1, s2, s3, s4, s5, s6, s7].map(super::math::add_up);
    for (dot, column) in dots.iter_mut().zip(columns) {
        *dot += a[n..].iter().zip(&column[n..]).map(|(a, w)| a * w.value()).sum::<f32>();
    }
    dots
}

/// One step of one dot product, `LANES` sums side by side.
#[inline(always)]
fn dots_step<T: Number, const FMA: bool, const LANES: usize>(sums: &mut [f32; LANES], x: &[f32], w: &[T]) {
    for i in 0..LANES {
        sums[i] = multiply_add::<FMA>(x[i], w[i].value(), sums[i]);
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
    fn both(m: usize, k: usize, n: usize, ta: bool, tb: bool, into: Store) -> (Vec<f32>, Vec<f32>) {
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
            let into = if add { Store::Add } else { Store::Set };
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
                matmul(Matrix::new(&a, m, k), b, &mut together, n, Store::Set);
                for (a, c) in a.chunks(k).zip(alone.chunks_mut(n)) {
                    matmul(Matrix::new(a, 1, k), b, c, n, Store::Set);
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
                matmul(Matrix::new(&a, m, k), Matrix::new(&b, k, n), &mut c, n, Store::Set);
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
