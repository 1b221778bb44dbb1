//! The product of a few rows: a stream through `B`, in the order in which it lies in memory.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

use super::{Matrix, Number, Store};
use crate::kernels::cpu::{self, Kernel, multiply_add};
use crate::kernels::math::add_up;
use crate::kernels::memory::Scratch;
use crate::kernels::threads;
use std::ops::Range;

/// Fewer multiplications than this are not worth handing over, where every number of `B` comes from far away.
const STREAM_SHARED: usize = 1 << 17;

/// How many rows or columns of `B` are read side by side. A processor fetches ahead in each of several streams: more of them
/// keep the memory busier.
pub(in crate::kernels) const STREAMS: usize = 8;

/// In how many parts the rows of `B` are shared, whatever the number of threads.
const PARTS: usize = 4;

/// [`matmul`] for a few rows.
pub(super) fn few_rows<T: Number>(a: Matrix, b: Matrix<T>, c: &mut [f32], c_stride: usize, into: Store) {
    let (m, k, n) = (a.rows, a.cols, b.cols);
    let is_shared = m * k * n >= STREAM_SHARED;
    if into == Store::Set {
        c.chunks_mut(c_stride).take(m).for_each(|row| row[..n].fill(0.0));
    }
    if b.col_stride == 1 && k >= PARTS * STREAMS {
        // The rows of B lie in memory as rows. A task takes some of them, from their first number to their last, so that it
        // never jumps; what it finds is a part of every sum. As many parts for any number of threads, added up in order.
        let each = k.div_ceil(PARTS);
        let mut parts = Scratch::zeros(k.div_ceil(each) * m * n);
        let tasks = parts.chunks_mut(m * n).enumerate().map(|(i, part)| {
            let terms = i * each..k.min((i + 1) * each);
            FewRows { a, b, terms, first: 0, c: part.chunks_mut(n).collect() }
        });
        threads::each_if(is_shared, tasks.collect(), cpu::run);
        for part in parts.chunks(m * n) {
            for (c, part) in c.chunks_mut(c_stride).zip(part.chunks(n)) {
                c.iter_mut().zip(part).for_each(|(c, part)| *c += part);
            }
        }
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
    threads::each(tasks, cpu::run);
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
