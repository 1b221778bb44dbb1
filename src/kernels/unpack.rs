//! Numbers on their way from a file into memory: decoded, and turned if a file keeps a matrix the other way round.
//!
//! Reading a model is a few hundred megabytes of work that nobody wants to wait for, so it is shared out among the cores too.
//! Each core has its own part of the numbers. What a number becomes depends on nothing but its own bytes, so the result is
//! the same for any number of threads.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

use super::cpu::{Kernel, run};
use super::memory::Scratch;
use super::threads;
use std::sync::atomic::{AtomicBool, Ordering};

/// Into how many tasks work on `n` numbers is split: one, if it is little.
fn n_tasks(n: usize) -> usize {
    if n < 1 << 14 { 1 } else { threads::count() }
}

/// Turns `bytes` into the numbers `out`, by `decode`, which works on whole units of `unit` numbers in `unit_bytes` bytes.
/// Returns whether `decode` did so for every part.
pub(crate) fn decode(
    bytes: &[u8],
    unit_bytes: usize,
    out: &mut [f32],
    unit: usize,
    decode: impl Fn(&[u8], &mut [f32]) -> bool + Sync,
) -> bool {
    let n_units = (out.len() / unit).div_ceil(n_tasks(out.len())).max(1);
    let every = AtomicBool::new(true);
    let tasks = bytes.chunks(n_units * unit_bytes).zip(out.chunks_mut(n_units * unit)).collect();
    threads::each(tasks, |(bytes, out)| {
        if !decode(bytes, out) {
            every.store(false, Ordering::Relaxed);
        }
    });
    every.into_inner()
}

/// Hands each block of `B` bytes, and the place of its `N` numbers, to `decode`, which returns the block's scales. Returns
/// whether all of these are finite. `decode` and what it calls should be `#[inline(always)]`: see [`Kernel`].
pub(crate) fn each_block<const B: usize, const N: usize>(
    bytes: &[u8],
    out: &mut [f32],
    decode: impl Fn(&[u8; B], &mut [f32; N]) -> [f32; 2],
) -> bool {
    run(Blocks { bytes, out, decode })
}

/// [`each_block`], as a loop for the instructions in use.
struct Blocks<'a, const B: usize, const N: usize, F: Fn(&[u8; B], &mut [f32; N]) -> [f32; 2]> {
    bytes: &'a [u8],
    out: &'a mut [f32],
    decode: F,
}

impl<const B: usize, const N: usize, F: Fn(&[u8; B], &mut [f32; N]) -> [f32; 2]> Kernel for Blocks<'_, B, N, F> {
    type Output = bool;

    #[inline(always)]
    fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) -> bool {
        let mut all_finite = true;
        for (block, numbers) in self.bytes.as_chunks::<B>().0.iter().zip(self.out.as_chunks_mut::<N>().0) {
            let scales = (self.decode)(block, numbers);
            all_finite &= scales[0].is_finite() & scales[1].is_finite();
        }
        all_finite
    }
}

/// Fills a row-major matrix `[n_rows, n_columns]` of which the columns come one after the other: `read` fills a list with the
/// next of them, as many as make about `at_a_time` numbers.
///
/// # Errors
///
/// Those of `read`.
pub(crate) fn by_columns<E>(
    out: &mut [f32],
    n_rows: usize,
    n_columns: usize,
    at_a_time: usize,
    mut read: impl FnMut(&mut [f32]) -> Result<(), E>,
) -> Result<(), E> {
    let width = (at_a_time / n_rows).clamp(1, n_columns);
    let mut columns = Scratch::new(out.len().min(width * n_rows));
    for begin in (0..n_columns).step_by(width) {
        let columns = &mut columns[..width.min(n_columns - begin) * n_rows];
        read(columns)?;
        turn(columns, n_rows, out, n_columns, begin);
    }
    Ok(())
}

/// Writes `columns`, each of `n_rows` numbers, one after the other, into a row-major matrix of `n_columns` columns, from
/// column `begin` on.
fn turn(columns: &[f32], n_rows: usize, out: &mut [f32], n_columns: usize, begin: usize) {
    let rows_each = n_rows.div_ceil(n_tasks(columns.len())).next_multiple_of(TILE);
    let tasks = out.chunks_mut(rows_each * n_columns).enumerate().collect();
    threads::each(tasks, |(i, rows)| {
        // In square tiles: so both what is read and what is written comes in whole pieces that the processor fetches at once.
        for (j, rows) in rows.chunks_mut(TILE * n_columns).enumerate() {
            let row = i * rows_each + j * TILE;
            for (k, tile) in columns.chunks(TILE * n_rows).enumerate() {
                turn_tile(tile, n_rows, row, rows, n_columns, begin + k * TILE);
            }
        }
    });
}

/// The rows and the columns of a tile: 16 numbers of 4 bytes are what a processor fetches at once.
const TILE: usize = 16;

/// Writes numbers `row..` of each of at most [`TILE`] columns into as many rows as there are, at most [`TILE`].
fn turn_tile(columns: &[f32], n_rows: usize, row: usize, rows: &mut [f32], n_columns: usize, begin: usize) {
    let (height, width) = (rows.len() / n_columns, columns.len() / n_rows);
    if (height, width) == (TILE, TILE) {
        let mut tile = [[0.0; TILE]; TILE];
        for (k, column) in columns.chunks_exact(n_rows).enumerate() {
            for (line, x) in tile.iter_mut().zip(&column[row..row + TILE]) {
                line[k] = *x;
            }
        }
        for (out, line) in rows.chunks_exact_mut(n_columns).zip(&tile) {
            out[begin..begin + TILE].copy_from_slice(line);
        }
        return;
    }
    for (k, column) in columns.chunks_exact(n_rows).enumerate() {
        for (out, x) in rows.chunks_exact_mut(n_columns).zip(&column[row..row + height]) {
            out[begin + k] = *x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn columns_become_the_rows_of_their_transpose(n_rows in 1_usize..70, n_columns in 1_usize..70, at_a_time in 0_usize..5000) {
            let mut out = vec![-1.0; n_rows * n_columns];
            // The number at (row, column) is 100 * row + column.
            let mut numbers = (0..n_columns).flat_map(|c| (0..n_rows).map(move |r| (100 * r + c) as f32));
            let read = |columns: &mut [f32]| -> Result<(), ()> {
                columns.iter_mut().for_each(|x| *x = numbers.next().unwrap());
                Ok(())
            };
            prop_assert_eq!(by_columns(&mut out, n_rows, n_columns, at_a_time, read), Ok(()));
            let expected: Vec<f32> = (0..n_rows).flat_map(|r| (0..n_columns).map(move |c| (100 * r + c) as f32)).collect();
            prop_assert_eq!(out, expected);
        }

        #[test]
        fn every_unit_is_decoded_once_and_a_failure_anywhere_is_told(n in 0_usize..9000, bad in 0_usize..18000) {
            let bytes: Vec<u8> = (0..3 * n).map(|i| (i / 3 % 251) as u8).collect();
            let mut out = vec![-1.0; 4 * n];
            let every = decode(&bytes, 3, &mut out, 4, |bytes, out| {
                for (unit, four) in bytes.chunks(3).zip(out.chunks_mut(4)) {
                    four.fill(f32::from(unit[0]));
                }
                !bytes.contains(&252)
            });
            prop_assert!(every);
            prop_assert!(out.iter().enumerate().all(|(i, &x)| x == (i / 4 % 251) as f32));
            if n > 0 {
                let mut bytes = bytes;
                bytes[bad % (3 * n)] = 252;
                prop_assert!(!decode(&bytes, 3, &mut out, 4, |bytes, _| !bytes.contains(&252)));
            }
        }
    }
}
