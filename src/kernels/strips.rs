//! The factors of attention's products, laid out as the tiles read them.
//!
//! A head of attention makes many products that share a factor: every run of queries meets the same keys. The general product
//! ([`matmul`](super::matmul)) would lay out the shared factor again each time, look for work to share among threads, and
//! allocate. With heads of 32 columns and texts of 64 tokens that took as long as the multiplying. So attention calls the tiles
//! itself (`matmul/tiles.rs`), and here is what they read. The factor `B`, `[k, n]`, is laid out in *strips* of as many columns
//! as a tile has, once:
//!
//! ```text
//! strip 0: row 0, columns 0..32 | row 1, columns 0..32 | ...        strip 1: row 0, columns 32..64 | ...
//! ```
//!
//! The rows of the other factor need no such order: a tile reads each of its numbers once for the whole strip.
//!
//! What is laid out is words (see `matmul/words.rs`). Where a word is a pair of `bf16`, a row of a strip is two rows of `B`. An odd
//! last row is paired with zeros.
//!
//! Everything here is copied into the loop that calls it, and compiled with its instructions: see `dot/`.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

use super::arithmetic::Arithmetic;
use super::dot::{Bf16Pairs, Dot, DotKernel, F32s, Instructions, Row};
use super::matmul::tiles;
use super::matmul::words::{Pairs, Whole, Words};
use super::memory::Kept;

/// A loop over words, written once for every kind of word: like [`DotKernel`], but it is also told how numbers become words.
pub(super) trait WordKernel {
    fn run<D: Dot<LANES>, W: Words<f32>, const LANES: usize, const ROWS: usize>(self, dot: D, kind: W);
}

/// Runs a loop with the words and the instructions of this arithmetic.
pub(super) fn run<K: WordKernel>(arithmetic: Arithmetic, kernel: K) {
    match (arithmetic, Bf16Pairs::in_use()) {
        (Arithmetic::F32, _) => F32s::in_use().run(OfKind(kernel, Whole { rounds: false })),
        (Arithmetic::Bf16, Some(pairs)) => pairs.run(OfKind(kernel, Pairs)),
        (Arithmetic::Bf16, None) => F32s::in_use().run(OfKind(kernel, Whole { rounds: true })),
    }
}

/// A [`WordKernel`] with its kind of words.
struct OfKind<K, W>(K, W);

impl<K: WordKernel, W: Words<f32>> DotKernel for OfKind<K, W> {
    type Output = ();

    #[inline(always)]
    fn run<D: Dot<LANES>, const LANES: usize, const ROWS: usize>(self, dot: D) {
        self.0.run::<D, W, LANES, ROWS>(dot, self.1);
    }
}

/// How many numbers or words a cache line holds. A vector that lies across two lines takes two fetches.
const LINE: usize = 16;

/// Cuts room to work in into parts of these lengths, each of which begins where a cache line does.
#[inline(always)]
pub(super) fn parts<T: Kept, const N: usize>(room: &mut [T], lengths: [usize; N]) -> [&mut [T]; N] {
    let skip = room.as_ptr().align_offset(LINE * size_of::<T>()).min(room.len());
    let mut left = &mut room[skip..];
    lengths.map(|n| {
        let (part, rest) = std::mem::take(&mut left).split_at_mut(n.next_multiple_of(LINE));
        left = rest;
        &mut part[..n]
    })
}

/// How much room [`parts`] needs.
pub(super) fn room<const N: usize>(lengths: [usize; N]) -> usize {
    LINE + lengths.iter().map(|n| n.next_multiple_of(LINE)).sum::<usize>()
}

/// How far apart the rows of a table of `n` columns should be: whole runs of 32, and then one cache line more. Numbers that are
/// a power of two apart share few places in the first-level cache, and a dozen rows would push each other out.
pub(super) fn distance(n: usize) -> usize {
    n.next_multiple_of(32) + LINE
}

/// The words of a row: its terms in order, in each word as many as it holds. What the last word lacks is zero.
#[inline(always)]
pub(super) fn words_along<W: Words<f32>, const LANES: usize>(kind: W, row: &[f32], words: &mut [u32]) {
    let n_whole = row.len() / W::TERMS / LANES;
    let runs = words.as_chunks_mut::<LANES>().0.iter_mut().zip(row.chunks_exact(LANES * W::TERMS));
    for (words, terms) in runs {
        kind.along(terms, words);
    }
    for (j, word) in words.iter_mut().enumerate().skip(n_whole * LANES) {
        *word = kind.word(|t| row.get(j * W::TERMS + t).copied().unwrap_or(0.0));
    }
    kind.finish(words);
}

/// The words of as many rows as a word has terms, at most two: word `j` holds number `j` of each. Beyond the end of a row, or
/// in place of a row that is not there (an empty one), is zero.
#[inline(always)]
pub(super) fn words_across<W: Words<f32>, const LANES: usize>(kind: W, rows: [&[f32]; 2], words: &mut [u32]) {
    const { assert!(W::TERMS <= 2) };
    let n_whole = if rows[W::TERMS - 1].is_empty() { 0 } else { rows[0].len().min(words.len()) / LANES };
    for (i, words) in words.as_chunks_mut::<LANES>().0.iter_mut().enumerate().take(n_whole) {
        let piece = |t: usize| &rows[t.min(W::TERMS - 1)][i * LANES..][..LANES];
        kind.across([piece(0), piece(1), piece(0), piece(1)], words);
    }
    for (j, word) in words.iter_mut().enumerate().skip(n_whole * LANES) {
        *word = kind.word(|t| rows[t].get(j).copied().unwrap_or(0.0));
    }
    kind.finish(words);
}

/// Rows of equal length, one after the other, to be the rows of a tile. Below the last comes the last again.
#[inline(always)]
pub(super) fn copy_rows<W: Words<f32>, const LANES: usize, const ROWS: usize>(
    kind: W,
    rows: &[&[f32]],
    to: &mut [u32],
) {
    for (r, to) in to.chunks_exact_mut(to.len() / ROWS).enumerate() {
        words_along::<W, LANES>(kind, rows[r.min(rows.len() - 1)], to);
    }
}

/// Lays out the `B` whose rows these are. What a strip has beyond the last column is zero.
#[inline(always)]
pub(super) fn strips_of_rows<W: Words<f32>, const LANES: usize>(kind: W, rows: &[&[f32]], strips: &mut [u32]) {
    let width = 2 * LANES;
    for (s, strip) in strips.chunks_exact_mut(rows.len().div_ceil(W::TERMS) * width).enumerate() {
        for (rows, place) in rows.chunks(W::TERMS).zip(strip.chunks_exact_mut(width)) {
            let part = |t: usize| rows.get(t).map_or(&[][..], |row| &row[s * width..]);
            words_across::<W, LANES>(kind, [part(0), part(1)], place);
        }
    }
}

/// Lays out the `B` whose columns these are. What a strip has beyond the last column is zero.
#[inline(always)]
pub(super) fn strips_of_columns<D: Dot<LANES>, W: Words<f32>, const LANES: usize>(
    dot: D,
    kind: W,
    columns: &[&[f32]],
    strips: &mut [u32],
) {
    let (width, k) = (2 * LANES, columns[0].len());
    let n_words = k.div_ceil(W::TERMS);
    for (strip, columns) in strips.chunks_exact_mut(n_words * width).zip(columns.chunks(width)) {
        for half in [0, LANES] {
            // A square of words at a time goes from rows to columns.
            let columns = columns.get(half..).unwrap_or_default();
            for p in (0..n_words).step_by(LANES) {
                let mut square = [[0u32; LANES]; LANES];
                for (words, column) in square.iter_mut().zip(columns) {
                    words_along::<W, LANES>(kind, &column[p * W::TERMS..k.min((p + LANES) * W::TERMS)], words);
                }
                let square = dot.transposed(&square);
                for (place, words) in strip[p * width + half..].chunks_mut(width).zip(&square) {
                    place[..LANES].copy_from_slice(words);
                }
            }
        }
    }
}

/// Stores the columns of a tile that exist, from `column` on: row `r` times `factor(r)`, or added to what is there.
#[inline(always)]
pub(super) fn store<D: Dot<LANES>, const LANES: usize, const ROWS: usize>(
    dot: D,
    tile: [[D::Sums; 2]; ROWS],
    rows: &mut [&mut [f32]],
    column: usize,
    add: bool,
    factor: impl Fn(usize) -> f32,
) {
    for (r, (row, sums)) in rows.iter_mut().zip(tile).enumerate() {
        let factor = factor(r);
        let numbers = tiles::numbers::<D, LANES>(dot, sums, Row::default(), [[0.0; LANES]; 2]);
        let end = row.len().min(column + 2 * LANES);
        let place = &mut row[column..end];
        // The usual case is two vectors, whose length is known when this is compiled.
        if let ([first, second], []) = place.as_chunks_mut::<LANES>() {
            for (place, numbers) in [first, second].into_iter().zip(&numbers) {
                for i in 0..LANES {
                    place[i] = if add { place[i] + numbers[i] } else { numbers[i] * factor };
                }
            }
        } else {
            for (place, sum) in place.iter_mut().zip(numbers.as_flattened()) {
                *place = if add { *place + sum } else { sum * factor };
            }
        }
    }
}
