//! The product of a few rows: a stream through `B`, in the order in which it lies in memory.
//!
//! Every number of `B` is read once, and reading it takes longer than multiplying with it. So all that counts is that each
//! thread reads straight ahead, and that there is work for every thread:
//!
//! * If the rows of `B` lie in memory as rows, a task takes some of them, from their first number to their last. What it finds
//!   is a *part* of every sum. Which rows make a part depends on the shape of `B` alone, and the parts are added up in order:
//!   so a result is bit for bit the same for any number of threads. Where threads are many, a task takes half of a part, and
//!   where they are more than that, a run of its columns. That costs jumps from row to row, but it changes no sum.
//! * If the columns of `B` lie in memory as rows (`B` is a transpose), each result is a dot product, and a task takes some of
//!   the columns. There are several tasks for each thread: a slow core then takes fewer of them.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

use super::{Matrix, Number, Store};
use crate::kernels::cpu::{self, Kernel, multiply_add};
use crate::kernels::math::{add_up, zip_map};
use crate::kernels::memory::Scratch;
use crate::kernels::threads;
use std::ops::Range;

/// Fewer multiplications than this are not worth handing over, where every number of `B` comes from far away.
const STREAM_SHARED: usize = 1 << 17;

/// How many rows or columns of `B` are read side by side. A processor fetches ahead in each of several streams: more of them
/// keep the memory busier.
pub(in crate::kernels) const STREAMS: usize = 8;

/// In how many parts the sums are made at least, if `B` has enough rows.
const FEWEST_PARTS: usize = 4;

/// The most parts. Each of them begins with jumps to new places in memory, and adding them up takes time too.
const MOST_PARTS: usize = 16;

/// Where there are more than [`FEWEST_PARTS`], each has at least this many numbers of `B`. A `B` of fewer has parts without
/// halves.
const PART: usize = 1 << 19;

/// A run of columns is at least this long where rows are read.
const SHORTEST_RUN: usize = 128;

/// How many rows of `B`, `[k, n]`, make a part of every sum.
fn rows_of_a_part(k: usize, n: usize) -> usize {
    if k < FEWEST_PARTS * STREAMS { k } else { k.div_ceil((k * n / PART).clamp(FEWEST_PARTS, MOST_PARTS)) }
}

/// How a product is cut into tasks: a task for each share of a part, and for each run of columns.
struct Cut {
    /// How many rows of `B` make a part.
    part: usize,
    n_parts: usize,
    /// Whether the sums of a part are made in two halves. That follows from the shape alone.
    has_halves: bool,
    /// How many tasks share a part: one, or one for each half.
    n_shares: usize,
    /// How many columns make a run.
    run: usize,
}

impl Cut {
    /// For `m` rows times `B`, `[k, n]`. `by_rows` says whether the rows of `B` lie in memory as rows.
    fn new(m: usize, k: usize, n: usize, by_rows: bool, n_threads: usize) -> Cut {
        let part = if by_rows { rows_of_a_part(k, n) } else { k };
        let n_parts = k.div_ceil(part);
        // A part is shared if its halves are worth it and there would not be two parts for each thread.
        let has_halves = n_parts > 1 && k * n >= PART;
        let n_shares = if has_halves && n_threads > 1 && n_parts < 2 * n_threads { 2 } else { 1 };
        let run = if n_parts > 1 {
            n.div_ceil(n_threads.div_ceil(n_parts * n_shares)).max(SHORTEST_RUN)
        } else {
            n.div_ceil(threads::n_runs(m * k * n / STREAM_SHARED, n_threads))
        };
        // In multiples of 64, so that two threads meet in one cache line (16 numbers) at the ends of the runs at most.
        Cut { part, n_parts, has_halves, n_shares, run: run.next_multiple_of(64) }
    }
}

/// [`matmul`](super::matmul) for a few rows.
pub(super) fn few_rows<T: Number>(a: Matrix, b: Matrix<T>, c: &mut [f32], c_stride: usize, into: Store) {
    let (m, k, n) = (a.rows, a.cols, b.cols);
    let n_threads = if m * k * n < STREAM_SHARED { 1 } else { threads::count() };
    let Cut { part, n_parts, has_halves, n_shares, run } = Cut::new(m, k, n, b.col_stride == 1, n_threads);

    if into == Store::Set {
        c.chunks_mut(c_stride).take(m).for_each(|row| row[..n].fill(0.0));
    }
    // For each row its sums of every share. Those of the first share are where the results belong, the others beside it.
    let mut others = Scratch::zeros((n_parts * n_shares - 1) * m * n);
    let mut sums: Vec<Vec<&mut [f32]>> = c.chunks_mut(c_stride).take(m).map(|row| vec![&mut row[..n]]).collect();
    for share in others.chunks_mut(m * n) {
        sums.iter_mut().zip(share.chunks_mut(n)).for_each(|(sums, row)| sums.push(row));
    }

    let mut tasks = Vec::new();
    for share in 0..n_parts * n_shares {
        let i = share / n_shares;
        let terms = i * part..k.min((i + 1) * part);
        let half = match share % n_shares {
            _ if !has_halves => Half::Undivided,
            _ if n_shares == 1 => Half::Both,
            0 => Half::First,
            _ => Half::Second,
        };
        for first in (0..n).step_by(run) {
            tasks.push(FewRows { a, b, terms: terms.clone(), half, first, c: Vec::with_capacity(m) });
        }
    }
    for sums in &mut sums {
        let pieces = sums.iter_mut().flat_map(|row| row.chunks_mut(run));
        pieces.zip(&mut tasks).for_each(|(piece, task)| task.c.push(piece));
    }
    threads::each_if(n_threads > 1, tasks, make_sums);

    for sums in &mut sums {
        let mut parts = sums.chunks_mut(n_shares).map(|part| {
            if let [first, second] = part {
                zip_map(first, second, |x, y| x + y);
            }
            &mut *part[0]
        });
        let total = parts.next().expect("there is a first part");
        parts.for_each(|part| zip_map(total, part, |x, y| x + y));
    }
}

/// Makes the sums of a task. A part that nobody shares has two halves all the same, so that its sums are the same.
fn make_sums<T: Number>(task: FewRows<T>) {
    let FewRows { a, b, terms, half: Half::Both, first, mut c } = task else {
        return cpu::run(task);
    };
    let n = c[0].len();
    let mut second = Scratch::zeros(c.len() * n);
    let rows = c.iter_mut().map(|row| &mut row[..]).collect();
    cpu::run(FewRows { a, b, terms: terms.clone(), half: Half::First, first, c: rows });
    let rows = second.chunks_mut(n).collect();
    cpu::run(FewRows { a, b, terms, half: Half::Second, first, c: rows });
    c.iter_mut().zip(second.chunks(n)).for_each(|(c, second)| zip_map(c, second, |x, y| x + y));
}

/// Which half of a part a task makes.
#[derive(Clone, Copy)]
enum Half {
    First,
    Second,
    /// One after the other: see [`make_sums`].
    Both,
    /// The part is small, and never cut.
    Undivided,
}

/// Some columns, from `first` on, and some terms of a product whose `A` has few rows.
struct FewRows<'a, 'c, T> {
    a: Matrix<'a>,
    b: Matrix<'a, T>,
    /// The terms of a part.
    terms: Range<usize>,
    half: Half,
    first: usize,
    /// A slice for each row, to which the sums are added.
    c: Vec<&'c mut [f32]>,
}

impl<T: Number> Kernel for FewRows<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) {
        let FewRows { a, b, terms, half, first, mut c } = self;
        let n = c.first().map_or(0, |row| row.len());
        if b.col_stride == 1 {
            // Add a multiple of each row of B to the result. The columns are cut so that the results of all rows stay in the
            // first-level cache.
            let n_block = if c.len() == 1 { n } else { 512 };
            // Each stream goes through rows of its own, one after the other. In the second half it goes on where it is.
            let each = terms.len() / STREAMS;
            let rest = terms.start + each * STREAMS..terms.end;
            let (steps, rest) = match half {
                Half::First => (0..each / 2, 0..0),
                Half::Second => (each / 2..each, rest),
                Half::Both | Half::Undivided => (0..each, rest),
            };
            for j0 in (0..n).step_by(n_block) {
                let columns = j0..n.min(j0 + n_block);
                let row_of_b = |p: usize| &b.data[p * b.row_stride + first..][columns.clone()];
                for p in terms.start + steps.start..terms.start + steps.end {
                    let rows: [&[T]; STREAMS] = std::array::from_fn(|s| row_of_b(p + s * each));
                    for (i, c) in c.iter_mut().enumerate() {
                        let x: [f32; STREAMS] = std::array::from_fn(|s| a.at(i, p + s * each));
                        add_multiples::<T, FMA>(&mut c[columns.clone()], x, rows);
                    }
                }
                for p in rest.clone() {
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
pub(in crate::kernels) fn add_multiples<T: Number, const FMA: bool>(
    c: &mut [f32],
    x: [f32; STREAMS],
    rows: [&[T]; STREAMS],
) {
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
pub(in crate::kernels) fn dots<T: Number, const FMA: bool, const LANES: usize>(
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
    let mut dots = [s0, s1, s2, s3, s4, s5, s6, s7].map(add_up);
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

    #[test]
    fn a_new_token_gives_every_thread_of_a_large_machine_work_in_each_linear_layer_and_in_the_head() {
        // [k, n] of the smallest GPT-2's c_attn, c_proj, c_fc and c_proj; and of its head, which is a transpose.
        let shapes = [(768, 2304, true), (768, 768, true), (768, 3072, true), (3072, 768, true), (768, 50_257, false)];
        for (k, n, by_rows) in shapes {
            for n_threads in [2, 4, 8, 16, 32] {
                let cut = Cut::new(1, k, n, by_rows, n_threads);
                let n_tasks = cut.n_parts * cut.n_shares * n.div_ceil(cut.run);
                assert!(n_tasks >= n_threads, "[{k}, {n}]: {n_tasks} tasks for {n_threads} threads");
                // What a sum is made of does not depend on them.
                let alone = Cut::new(1, k, n, by_rows, 1);
                assert_eq!((cut.part, cut.n_parts, cut.has_halves), (alone.part, alone.n_parts, alone.has_halves));
            }
        }
    }
}
