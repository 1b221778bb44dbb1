//! Packing: a part of a matrix, copied into the order in which the tiles read it.
//!
//! It is also where numbers become [words](super::words), rounded if need be.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

use super::Entry;
use super::words::{Factor, Words};
use crate::kernels::dot::{Dot, DotKernel, Instructions};
use crate::kernels::threads;
use std::ops::Range;

/// Packs what is in `rows` and `words` of `a` into strips of `height` rows; the threads share the strips. Word `p` of a row has
/// its terms from `p * TERMS` on.
pub(super) fn pack_all<T: Entry, W: Words<T>>(
    instructions: impl Instructions,
    from: Factor<T, W>,
    rows: Range<usize>,
    words: Range<usize>,
    height: usize,
    packed: &mut [u32],
    n_threads: usize,
) {
    let strip = height * words.len();
    let n_strips = rows.len().div_ceil(height);
    // Copying is quick: a task of less than 64 kB would not be worth handing over.
    let n_tasks = threads::n_runs(n_strips * strip / (1 << 14), n_threads);
    let each = n_strips.div_ceil(n_tasks);
    let mut tasks = Vec::new();
    for (i, packed) in packed[..n_strips * strip].chunks_mut(each * strip).enumerate() {
        let first = rows.start + i * each * height;
        let rows = first..rows.end.min(first + each * height);
        tasks.push(Pack { from, rows, words: words.clone(), height, packed });
    }
    threads::each(tasks, |task| instructions.run(task));
}

/// How many strips are packed together, where a piece for one strip would be short.
const TOGETHER: usize = 16;

/// Some rows and words of a matrix, to be copied into strips of `height` rows. In a strip, the `height` words of the first
/// place come first, then those of the next place, and so on. Rows and terms that do not exist are zeros.
struct Pack<'a, 'p, T, W> {
    from: Factor<'a, T, W>,
    rows: Range<usize>,
    words: Range<usize>,
    height: usize,
    packed: &'p mut [u32],
}

impl<T: Entry, W: Words<T>> DotKernel for Pack<'_, '_, T, W> {
    type Output = ();

    #[inline(always)]
    fn run<D: Dot<LANES>, const LANES: usize, const ROWS: usize>(mut self, dot: D) {
        self.fill::<D, LANES, ROWS>(dot);
        self.from.words.finish(self.packed);
    }
}

impl<T: Entry, W: Words<T>> Pack<'_, '_, T, W> {
    #[inline(always)]
    fn fill<D: Dot<LANES>, const LANES: usize, const ROWS: usize>(&mut self, dot: D) {
        let Pack { from, rows, words, height, packed } = self;
        let (from, height) = (*from, *height);
        let Factor { matrix: a, words: kind } = from;
        let size = height * words.len();
        if a.row_stride == 1 {
            // A term's numbers are neighbours. They go to several strips in one go: memory likes long pieces.
            for (group, packed) in packed.chunks_mut(TOGETHER * size).enumerate() {
                let top = rows.start + group * TOGETHER * height;
                let n = (packed.len() / size * height).min(rows.end - top);
                // Pieces of a length that is known when this is compiled are copied in a few instructions.
                if height == ROWS {
                    spread::<T, W, ROWS, 1>(from, words.clone(), top, n, packed, size);
                } else {
                    spread::<T, W, LANES, 2>(from, words.clone(), top, n, packed, size);
                }
            }
            return;
        }
        for (strip, packed) in packed.chunks_exact_mut(size).enumerate() {
            let top = rows.start + strip * height;
            let n = height.min(rows.end - top);
            for first in (0..height).step_by(LANES) {
                // A row's numbers are neighbours, and go to places `height` apart: a square of them at a time.
                let n_stored = LANES.min(height - first);
                let n_rows = n.saturating_sub(first).min(LANES);
                let whole =
                    if a.col_stride == 1 { (a.cols / W::TERMS).clamp(words.start, words.end) } else { words.start };
                let in_squares = (whole - words.start) / LANES * LANES;
                for p in (0..in_squares).step_by(LANES) {
                    let mut square = [[0u32; LANES]; LANES];
                    for (i, line) in square.iter_mut().enumerate().take(n_rows) {
                        let from = (top + first + i) * a.row_stride + (words.start + p) * W::TERMS;
                        let terms = &a.data[from..][..LANES * W::TERMS];
                        kind.along(terms, line);
                    }
                    let square = dot.transposed(&square);
                    for (place, line) in packed[p * height + first..].chunks_mut(height).zip(&square) {
                        // Lengths that are known when this is compiled, again.
                        if n_stored == LANES {
                            place[..LANES].copy_from_slice(line);
                        } else if n_stored == ROWS {
                            place[..ROWS].copy_from_slice(&line[..ROWS]);
                        } else {
                            place[..n_stored].copy_from_slice(&line[..n_stored]);
                        }
                    }
                }
                for (p, place) in packed.chunks_exact_mut(height).enumerate().skip(in_squares) {
                    for (i, place) in place[first..first + n_stored].iter_mut().enumerate() {
                        let term = |t: usize| match (words.start + p) * W::TERMS + t {
                            column if i < n_rows && column < a.cols => a.number(top + first + i, column),
                            _ => T::default(),
                        };
                        *place = kind.word(term);
                    }
                }
            }
        }
    }
}

/// Packs rows `top..top + n` of a matrix whose columns lie in memory as rows: cuts each of them into pieces of `TIMES * N`
/// numbers. Their words are those of the first strip, then of the second one, `size` further on, and so on.
#[inline(always)]
fn spread<T: Entry, W: Words<T>, const N: usize, const TIMES: usize>(
    from: Factor<T, W>,
    words: Range<usize>,
    top: usize,
    n: usize,
    strips: &mut [u32],
    size: usize,
) {
    let height = TIMES * N;
    let Factor { matrix: a, words: kind } = from;
    for p in 0..words.len() {
        let first = (words.start + p) * W::TERMS;
        // The terms of a word, each of them a run of numbers. Of the last word there may be fewer.
        let n_terms = W::TERMS.min(a.cols - first);
        let runs: [&[T]; 4] =
            std::array::from_fn(|t| &a.data[top + (first + t.min(n_terms - 1)) * a.col_stride..][..n]);
        let n_whole = if n_terms == W::TERMS { n / height } else { 0 };
        for s in 0..n_whole {
            let place = &mut strips[s * size + p * height..][..height];
            for i in 0..TIMES {
                let piece = |t: usize| &runs[t][s * height + i * N..][..N];
                let mut words = [0; N];
                kind.across([piece(0), piece(1), piece(2), piece(3)], &mut words);
                place[i * N..(i + 1) * N].copy_from_slice(&words);
            }
        }
        for s in n_whole..n.div_ceil(height) {
            for (i, place) in strips[s * size + p * height..][..height].iter_mut().enumerate() {
                let row = s * height + i;
                *place = kind.word(|t| if row < n && t < n_terms { runs[t][row] } else { T::default() });
            }
        }
    }
}

/// How many words a cache line holds.
pub(super) const LINE: usize = 16;

/// The part of a list that begins where a cache line does: a vector that lies across two lines takes two fetches.
pub(super) fn aligned(list: &mut [u32]) -> &mut [u32] {
    let skip = list.as_ptr().align_offset(LINE * size_of::<u32>()).min(list.len());
    &mut list[skip..]
}
