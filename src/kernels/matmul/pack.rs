//! Packing: a part of a matrix, copied into the order in which the tiles read it.
//!
//! It is also where [numbers of fewer bytes](Number) become `f32`.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

use super::{Matrix, Number};
use crate::kernels::cpu::{Kernel, Level, run_at};
use crate::kernels::threads;
use std::ops::Range;

/// Packs the numbers in `rows` and `columns` of `a` into strips of `height` rows; the threads share the strips.
pub(super) fn pack_all<T: Number>(
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

/// How many f32 a cache line holds.
pub(super) const LINE: usize = 16;

/// The part of a list that begins where a cache line does: a vector that lies across two lines takes two fetches.
pub(super) fn aligned(list: &mut [f32]) -> &mut [f32] {
    let skip = list.as_ptr().align_offset(LINE * size_of::<f32>()).min(list.len());
    &mut list[skip..]
}
