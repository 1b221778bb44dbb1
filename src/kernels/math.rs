//! The other loops over many numbers: sums, dot products, exponentials.
//!
//! Two things keep a compiler from turning such loops into vector instructions by itself. A sum of floats must be added in
//! the order that is written, one after the other; so here it is written as 32 sums side by side, which are added up at the
//! end. And `exp` is a call into a mathematics library, one number at a time; so here it is a short polynomial.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

use super::cpu::{Kernel, multiply_add, run};
use super::threads;

/// How many partial sums run side by side: two AVX-512 vectors, four AVX2 vectors or eight of SSE2.
pub(super) const SUMS: usize = 32;

/// The dot product: the sum of `a[i] * b[i]`.
///
/// # Panics
///
/// If the two have different lengths.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    struct Dot<'a>(&'a [f32], &'a [f32]);
    impl Kernel for Dot<'_> {
        type Output = f32;
        #[inline(always)]
        fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) -> f32 {
            dot_inlined::<FMA>(self.0, self.1)
        }
    }
    assert_eq!(a.len(), b.len(), "dot: lengths differ");
    run(Dot(a, b))
}

/// [`dot`] inside a [`Kernel`].
#[inline(always)]
pub(super) fn dot_inlined<const FMA: bool>(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; SUMS];
    let (a_runs, a_rest) = a.as_chunks::<SUMS>();
    let (b_runs, b_rest) = b.as_chunks::<SUMS>();
    for (a, b) in a_runs.iter().zip(b_runs) {
        for i in 0..SUMS {
            sums[i] = multiply_add::<FMA>(a[i], b[i], sums[i]);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    add_up(sums) + rest
}

/// Adds the partial sums in a fixed order: the halves onto each other until one number is left. `N` is a power of two.
#[inline(always)]
pub(super) fn add_up<const N: usize>(mut sums: [f32; N]) -> f32 {
    let mut n = N;
    while n > 1 {
        n /= 2;
        for i in 0..n {
            sums[i] += sums[i + n];
        }
    }
    sums[0]
}

/// `e^x`, to a few parts in ten million, by steps that a compiler can do on many numbers at once.
///
/// `e^x = 2^n * e^r`, where `n` is the whole number nearest to `x / ln 2` and `r = x - n ln 2` is the small rest, at most
/// 0.35 in size. `2^n` is made by writing `n` into a float's exponent, and `e^r` is a polynomial: the first terms of the
/// exponential series.
///
/// Below -87 the result is 0: the true value is there near the smallest normal float, 1.2e-38, or under it. Above 88 it
/// is infinity, a little early: the true value leaves the range of `f32` at 88.7. NaN stays NaN.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    exp_fused::<false>(x)
}

/// [`exp`] inside a [`Kernel`]: with fused multiply-adds, if it has them. Most of `exp` are such pairs, so it takes little more
/// than half as many instructions.
#[inline(always)]
pub fn exp_fused<const FMA: bool>(x: f32) -> f32 {
    // Adding 1.5 * 2^23 leaves no bits for a fraction, so the sum is rounded to a whole number; taking it away again gives n.
    const ROUND: f32 = 12_582_912.0;
    let rounded = multiply_add::<FMA>(x, std::f32::consts::LOG2_E, ROUND);
    let n = rounded - ROUND;
    // ln 2 in two parts, the first of which has few bits: so n * LN2_HIGH is exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let r = multiply_add::<FMA>(n, -LN2_LOW, multiply_add::<FMA>(n, -LN2_HIGH, x));
    // 1 + r + r^2/2! + ... + r^7/7!
    let mut sum = 1.0 / 5040.0;
    sum = multiply_add::<FMA>(sum, r, 1.0 / 720.0);
    sum = multiply_add::<FMA>(sum, r, 1.0 / 120.0);
    sum = multiply_add::<FMA>(sum, r, 1.0 / 24.0);
    sum = multiply_add::<FMA>(sum, r, 1.0 / 6.0);
    sum = multiply_add::<FMA>(sum, r, 0.5);
    sum = multiply_add::<FMA>(sum, r, 1.0);
    sum = multiply_add::<FMA>(sum, r, 1.0);
    // The lowest bits of `rounded` are n as a whole number. (Converting n with `as` would take one number at a time.)
    let whole = (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    // A float's exponent field is n + 127, from bit 23 on.
    let power = f32::from_bits(((whole.clamp(-126, 127) + 127) << 23) as u32);
    let result = sum * power;
    let result = if x < -87.0 { 0.0 } else { result };
    if x > 88.0 { f32::INFINITY } else { result }
}

/// Replaces each number `x` by `e^(x - shift)` and returns the sum of the results.
pub fn exp_and_sum(xs: &mut [f32], shift: f32) -> f32 {
    struct ExpAndSum<'a>(&'a mut [f32], f32);
    impl Kernel for ExpAndSum<'_> {
        type Output = f32;
        #[inline(always)]
        fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) -> f32 {
            exp_and_sum_inlined::<FMA>(self.0, self.1)
        }
    }
    run(ExpAndSum(xs, shift))
}

/// [`exp_and_sum`] inside a [`Kernel`].
#[inline(always)]
pub(super) fn exp_and_sum_inlined<const FMA: bool>(xs: &mut [f32], shift: f32) -> f32 {
    let mut sums = [0.0f32; SUMS];
    let mut add = |run: &mut [f32; SUMS]| {
        for i in 0..SUMS {
            run[i] = exp_fused::<FMA>(run[i] - shift);
            sums[i] += run[i];
        }
    };
    let (runs, rest) = xs.as_chunks_mut::<SUMS>();
    runs.iter_mut().for_each(&mut add);
    if !rest.is_empty() {
        // One at a time they would take as long as hundreds together. The power of minus infinity is 0.
        let mut last = [f32::NEG_INFINITY; SUMS];
        last[..rest.len()].copy_from_slice(rest);
        add(&mut last);
        rest.copy_from_slice(&last[..rest.len()]);
    }
    add_up(sums)
}

/// The largest number; minus infinity if there is none. NaNs are skipped: whoever needs to see them must look.
pub fn max(xs: &[f32]) -> f32 {
    struct Max<'a>(&'a [f32]);
    impl Kernel for Max<'_> {
        type Output = f32;
        #[inline(always)]
        fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) -> f32 {
            max_inlined(self.0)
        }
    }
    run(Max(xs))
}

/// [`max`] inside a [`Kernel`].
#[inline(always)]
pub(super) fn max_inlined(xs: &[f32]) -> f32 {
    // A comparison with NaN is false.
    let larger = |x: f32, best: f32| if x > best { x } else { best };
    let mut best = [f32::NEG_INFINITY; SUMS];
    let (runs, rest) = xs.as_chunks::<SUMS>();
    for run in runs {
        for i in 0..SUMS {
            best[i] = larger(run[i], best[i]);
        }
    }
    let mut n = SUMS;
    while n > 1 {
        n /= 2;
        for i in 0..n {
            best[i] = larger(best[i + n], best[i]);
        }
    }
    rest.iter().fold(best[0], |best, &x| larger(x, best))
}

/// Calls `f` on each number and the number at the same place in `from`, as vector instructions where possible:
/// `to[i] = f(to[i], from[i])`.
///
/// # Panics
///
/// If the two have different lengths.
pub fn zip_map(to: &mut [f32], from: &[f32], f: impl Fn(f32, f32) -> f32) {
    struct ZipMap<'a, F>(&'a mut [f32], &'a [f32], F);
    impl<F: Fn(f32, f32) -> f32> Kernel for ZipMap<'_, F> {
        type Output = ();
        #[inline(always)]
        fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) {
            for (to, &from) in self.0.iter_mut().zip(self.1) {
                *to = (self.2)(*to, from);
            }
        }
    }
    assert_eq!(to.len(), from.len(), "zip_map: lengths differ");
    run(ZipMap(to, from, f));
}

/// Multiplies every number by `factor`.
pub fn scale(xs: &mut [f32], factor: f32) {
    struct Scale<'a>(&'a mut [f32], f32);
    impl Kernel for Scale<'_> {
        type Output = ();
        #[inline(always)]
        fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) {
            self.0.iter_mut().for_each(|x| *x *= self.1);
        }
    }
    run(Scale(xs, factor));
}

/// The sum of all numbers.
pub fn sum(xs: &[f32]) -> f32 {
    sum_of(xs, |x| x)
}

/// The sum of `(x - shift)^2` over all numbers.
pub fn sum_of_squares(xs: &[f32], shift: f32) -> f32 {
    sum_of(xs, move |x| (x - shift) * (x - shift))
}

/// The sum of `f(x)` over all numbers.
fn sum_of(xs: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    struct SumOf<'a, F>(&'a [f32], F);
    impl<F: Fn(f32) -> f32> Kernel for SumOf<'_, F> {
        type Output = f32;
        #[inline(always)]
        fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) -> f32 {
            sum_of_inlined(self.0, self.1)
        }
    }
    run(SumOf(xs, f))
}

/// [`sum_of`] inside a [`Kernel`].
#[inline(always)]
pub(super) fn sum_of_inlined(xs: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0f32; SUMS];
    let (runs, rest) = xs.as_chunks::<SUMS>();
    for run in runs {
        for i in 0..SUMS {
            sums[i] += f(run[i]);
        }
    }
    add_up(sums) + rest.iter().map(|&x| f(x)).sum::<f32>()
}

/// `to += from`, number by number.
///
/// # Panics
///
/// If the two have different lengths.
pub fn add(to: &mut [f32], from: &[f32]) {
    assert_eq!(to.len(), from.len(), "add: lengths differ");
    threads::each_rows(to, 1, 4, |first, to| zip_map(to, &from[first..][..to.len()], |a, b| a + b));
}

/// Adds `row`, `[n]`, to every row of `table`, `[m, n]`.
pub fn add_to_rows(table: &mut [f32], row: &[f32]) {
    struct Add<'a>(&'a mut [f32], &'a [f32]);
    impl Kernel for Add<'_> {
        type Output = ();
        #[inline(always)]
        fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) {
            for to in self.0.chunks_exact_mut(self.1.len()) {
                to.iter_mut().zip(self.1).for_each(|(x, y)| *x += y);
            }
        }
    }
    threads::each_rows(table, row.len(), 1, |_, rows| run(Add(rows, row)));
}

/// Adds the sum of each column of `table`, `[m, n]`, to `sums`, `[n]`.
pub fn add_column_sums(table: &[f32], sums: &mut [f32]) {
    /// The sums of some columns, the table, how long its rows are, and the first column.
    struct Add<'a>(&'a mut [f32], &'a [f32], usize, usize);
    impl Kernel for Add<'_> {
        type Output = ();
        #[inline(always)]
        fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) {
            let Add(sums, table, n, first) = self;
            for row in table.chunks_exact(n) {
                sums.iter_mut().zip(&row[first..]).for_each(|(sum, x)| *sum += x);
            }
        }
    }
    let n = sums.len();
    column_runs(table.len(), sums, |first, sums| run(Add(sums, table, n, first)));
}

/// Multiplies `a` and `b`, `[m, n]` each, number by number, and adds the sum of each column of the result to `sums`,
/// `[n]`.
///
/// # Panics
///
/// If `a` and `b` have different lengths.
pub fn add_column_sums_of_products(a: &[f32], b: &[f32], sums: &mut [f32]) {
    struct Add<'a>(&'a mut [f32], &'a [f32], &'a [f32]);
    impl Kernel for Add<'_> {
        type Output = ();
        #[inline(always)]
        fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) {
            for ((sum, &a), &b) in self.0.iter_mut().zip(self.1).zip(self.2) {
                *sum = multiply_add::<FMA>(a, b, *sum);
            }
        }
    }
    assert_eq!(a.len(), b.len(), "add_column_sums_of_products: lengths differ");
    let n = sums.len();
    column_runs(a.len(), sums, |first, sums| {
        for (a, b) in a.chunks_exact(n).zip(b.chunks_exact(n)) {
            let part = first..first + sums.len();
            run(Add(sums, &a[part.clone()], &b[part]));
        }
    });
}

/// Splits the columns among the threads, if there is enough work: `work(first_column, sums)`.
fn column_runs(work_size: usize, sums: &mut [f32], work: impl Fn(usize, &mut [f32]) + Sync) {
    let n_threads = if work_size < threads::WORTH_A_THREAD { 1 } else { threads::count() };
    let width = sums.len().div_ceil(n_threads).next_multiple_of(16);
    let runs = sums.chunks_mut(width).enumerate().collect();
    threads::each(runs, |(i, run): (usize, &mut [f32])| work(i * width, run));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_the_standard_library() {
        let mut x = -87.0f32;
        while x < 88.0 {
            let truth = f64::from(x).exp();
            for found in [exp(x), exp_fused::<true>(x)] {
                let error = (f64::from(found) - truth).abs() / truth;
                assert!(error < 3e-7, "exp({x}): relative error {error:e}");
            }
            x += 0.001_37;
        }
    }

    #[test]
    fn exp_of_the_extremes_is_what_it_should_be() {
        for exp in [exp, exp_fused::<true>] {
            assert_eq!(exp(0.0), 1.0);
            assert_eq!(exp(f32::NEG_INFINITY), 0.0);
            assert_eq!(exp(-1e30), 0.0);
            assert_eq!(exp(f32::INFINITY), f32::INFINITY);
            assert_eq!(exp(1e30), f32::INFINITY);
            assert!(exp(f32::NAN).is_nan());
        }
    }

    #[test]
    fn dot_is_the_sum_of_products_for_any_length() {
        for n in [0, 1, 31, 32, 33, 64, 100] {
            let a: Vec<f32> = (0..n).map(|i| i as f32).collect();
            let b = vec![2.0; n];
            // 2 * (0 + 1 + ... + n-1), whole numbers below 2^24: exact
            assert_eq!(dot(&a, &b), (n * n.saturating_sub(1)) as f32);
        }
    }

    #[test]
    fn max_finds_the_largest_wherever_it_is_and_skips_nan() {
        for n in [1, 31, 32, 33, 95] {
            for at in 0..n {
                let mut xs = vec![-2.0; n];
                xs[at] = -1.0;
                assert_eq!(max(&xs), -1.0);
                xs[at] = f32::NAN;
                assert_eq!(max(&xs), if n == 1 { f32::NEG_INFINITY } else { -2.0 });
            }
        }
        assert_eq!(max(&[]), f32::NEG_INFINITY);
    }

    #[test]
    fn column_sums_are_added_to_what_was_there() {
        let table = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]; // [3, 2]
        let mut sums = [10.0, 20.0];
        add_column_sums(&table, &mut sums);
        assert_eq!(sums, [10.0 + 1.0 + 3.0 + 5.0, 20.0 + 2.0 + 4.0 + 6.0]);
        let mut sums = [0.0, 1.0];
        add_column_sums_of_products(&table, &table, &mut sums);
        assert_eq!(sums, [1.0 + 9.0 + 25.0, 1.0 + 4.0 + 16.0 + 36.0]);
    }
}
