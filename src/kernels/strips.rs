//! Small matrix products for attention: one factor laid out once, and tiles that read it.
//!
//! A head of attention makes many products that share a factor: every run of queries meets the same keys. The general product
//! ([`matmul`](super::matmul)) would lay out the shared factor again each time, look for work to share among threads, and
//! allocate. With heads of 32 columns and texts of 64 tokens that took as long as the multiplying. So here the two steps are
//! apart. The factor `B`, `[k, n]`, is laid out in *strips* of as many columns as a tile has, once:
//!
//! ```text
//! strip 0: row 0, columns 0..32 | row 1, columns 0..32 | ...        strip 1: row 0, columns 32..64 | ...
//! ```
//!
//! The rows of the other factor need no such order: a tile reads each of its numbers once for the whole strip.
//!
//! Everything here is copied into the loop that calls it, and compiled with its instructions: see [`cpu`](super::cpu).
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

use super::cpu::multiply_add;
use crate::float16::Bf16;

/// How many numbers a cache line holds. A vector that lies across two lines takes two fetches.
const LINE: usize = 16;

/// A tile of the result: for each row two vectors.
pub(super) type Tile<const LANES: usize, const ROWS: usize> = [[[f32; LANES]; 2]; ROWS];

/// Cuts room to work in into parts of these lengths, each of which begins where a cache line does.
#[inline(always)]
pub(super) fn parts<const N: usize>(room: &mut [f32], lengths: [usize; N]) -> [&mut [f32]; N] {
    let skip = room.as_ptr().align_offset(LINE * size_of::<f32>()).min(room.len());
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

/// The number, or the `bf16` nearest to it.
#[inline(always)]
fn rounded(x: f32, to_bf16: bool) -> f32 {
    if to_bf16 { Bf16::nearest(x).value() } else { x }
}

/// Rounds each number to `bf16`, if that is asked for.
#[inline(always)]
pub(super) fn round(xs: &mut [f32], to_bf16: bool) {
    if to_bf16 {
        xs.iter_mut().for_each(|x| *x = rounded(*x, true));
    }
}

/// Copies some rows of equal length, one after the other, to be the rows of a tile. Below the last comes the last again.
#[inline(always)]
pub(super) fn copy_rows<const ROWS: usize>(rows: &[&[f32]], to_bf16: bool, to: &mut [f32]) {
    let k = to.len() / ROWS;
    for (r, to) in to.chunks_exact_mut(k).enumerate() {
        to.copy_from_slice(rows[r.min(rows.len() - 1)]);
    }
    round(to, to_bf16);
}

/// Lays out the `B` whose rows these are. What a strip has beyond the last column is zero.
#[inline(always)]
pub(super) fn strips_of_rows<const LANES: usize>(rows: &[&[f32]], to_bf16: bool, strips: &mut [f32]) {
    let width = 2 * LANES;
    for (s, strip) in strips.chunks_exact_mut(rows.len() * width).enumerate() {
        for (row, place) in rows.iter().zip(strip.chunks_exact_mut(width)) {
            let row = &row[s * width..];
            if let Some((row, _)) = row.split_at_checked(width) {
                place.copy_from_slice(row); // of a length that is known when this is compiled
            } else {
                place[..row.len()].copy_from_slice(row);
                place[row.len()..].fill(0.0);
            }
        }
        round(strip, to_bf16);
    }
}

/// Lays out the `B` whose columns these are. What a strip has beyond the last column is the last column again.
#[inline(always)]
pub(super) fn strips_of_columns<const LANES: usize>(columns: &[&[f32]], to_bf16: bool, strips: &mut [f32]) {
    let (width, k) = (2 * LANES, columns[0].len());
    for (strip, columns) in strips.chunks_exact_mut(k * width).zip(columns.chunks(width)) {
        for half in [0, LANES] {
            // A square of numbers at a time goes from rows to columns.
            let columns: [&[f32]; LANES] = std::array::from_fn(|i| &columns[(half + i).min(columns.len() - 1)][..k]);
            for (p, place) in strip.chunks_exact_mut(width).enumerate() {
                let values: [f32; LANES] = std::array::from_fn(|i| columns[i][p]);
                place[half..half + LANES].copy_from_slice(&values);
            }
        }
        round(strip, to_bf16);
    }
}

/// The tile of `A·B` that `ROWS` rows of `A`, `stride` apart, make with a strip of `B`. The strip has as many terms as are
/// summed.
#[inline(always)]
pub(super) fn tile_of_rows<const FMA: bool, const LANES: usize, const ROWS: usize>(
    a: &[f32],
    stride: usize,
    strip: &[f32],
) -> Tile<LANES, ROWS> {
    let mut sums = [[[0.0f32; LANES]; 2]; ROWS];
    let k = strip.len() / (2 * LANES);
    let rows: [&[f32]; ROWS] = std::array::from_fn(|r| &a[r * stride..][..k]); // one check of each length
    for (p, b) in strip.chunks_exact(2 * LANES).enumerate() {
        step::<FMA, LANES, ROWS>(&mut sums, |r| rows[r][p], b);
    }
    sums
}

/// The tile of `Aᵀ·B`: it reads the first `ROWS` numbers of each row of `A`, `stride` apart.
#[inline(always)]
pub(super) fn tile_of_columns<const FMA: bool, const LANES: usize, const ROWS: usize>(
    a: &[f32],
    stride: usize,
    strip: &[f32],
) -> Tile<LANES, ROWS> {
    let mut sums = [[[0.0f32; LANES]; 2]; ROWS];
    for (a, b) in a.chunks(stride).zip(strip.chunks_exact(2 * LANES)) {
        let a = &a[..ROWS];
        step::<FMA, LANES, ROWS>(&mut sums, |r| a[r], b);
    }
    sums
}

/// One term of every sum of a tile. The rows are written out: in a loop over `ROWS` the compiler would keep the sums in memory
/// and not in registers, as `matmul/tiles.rs` tells.
#[inline(always)]
fn step<const FMA: bool, const LANES: usize, const ROWS: usize>(
    sums: &mut Tile<LANES, ROWS>,
    a: impl Fn(usize) -> f32,
    b: &[f32],
) {
    step_of_row::<FMA, LANES>(&mut sums[0], a(0), b);
    step_of_row::<FMA, LANES>(&mut sums[1], a(1), b);
    step_of_row::<FMA, LANES>(&mut sums[2], a(2), b);
    step_of_row::<FMA, LANES>(&mut sums[3], a(3), b);
    if ROWS > 4 {
        step_of_row::<FMA, LANES>(&mut sums[4], a(4), b);
        step_of_row::<FMA, LANES>(&mut sums[5], a(5), b);
    }
    if ROWS > 6 {
        step_of_row::<FMA, LANES>(&mut sums[6], a(6), b);
        step_of_row::<FMA, LANES>(&mut sums[7], a(7), b);
    }
    if ROWS > 8 {
        step_of_row::<FMA, LANES>(&mut sums[8], a(8), b);
        step_of_row::<FMA, LANES>(&mut sums[9], a(9), b);
        step_of_row::<FMA, LANES>(&mut sums[10], a(10), b);
        step_of_row::<FMA, LANES>(&mut sums[11], a(11), b);
    }
}

/// One row of [`step`]: `sums += a * b`.
#[inline(always)]
fn step_of_row<const FMA: bool, const LANES: usize>(sums: &mut [[f32; LANES]; 2], a: f32, b: &[f32]) {
    for i in 0..LANES {
        sums[0][i] = multiply_add::<FMA>(a, b[i], sums[0][i]);
    }
    for i in 0..LANES {
        sums[1][i] = multiply_add::<FMA>(a, b[LANES + i], sums[1][i]);
    }
}

/// Stores the columns of a tile that exist, from `column` on: row `r` times `factor(r)`, or added to what is there.
#[inline(always)]
pub(super) fn store<const LANES: usize, const ROWS: usize>(
    tile: &Tile<LANES, ROWS>,
    rows: &mut [&mut [f32]],
    column: usize,
    add: bool,
    factor: impl Fn(usize) -> f32,
) {
    for (r, (row, sums)) in rows.iter_mut().zip(tile).enumerate() {
        let factor = factor(r);
        let end = row.len().min(column + 2 * LANES);
        let place = &mut row[column..end];
        // The usual case is two vectors, whose length is known when this is compiled.
        if let ([first, second], []) = place.as_chunks_mut::<LANES>() {
            for (place, sums) in [first, second].into_iter().zip(sums) {
                *place = std::array::from_fn(|i| if add { place[i] + sums[i] } else { sums[i] * factor });
            }
        } else {
            for (place, sum) in place.iter_mut().zip(sums.as_flattened()) {
                *place = if add { *place + sum } else { sum * factor };
            }
        }
    }
}
