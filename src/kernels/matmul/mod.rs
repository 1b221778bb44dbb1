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
//!   then runs straight through memory, whichever of the two was transposed.
//! * **Words.** What is packed are words of 32 bits. One holds an `f32`, or two numbers that were rounded to `bf16` on the way, or
//!   four bytes: where the processor has instructions for such words (see `dot/`), the same loop does two or four times the
//!   work.
//! * **Blocks.** The blocks are sized to stay in the processor's caches.
//! * **Threads** share the packing, and then the tiles.
//!
//! A few rows (`A` has a single row for every new token, and a few where several answers are written at once) are different:
//! each number of `B` is used once or a few times, so packing costs more than it gains. [`matmul`] then streams through `B`, in
//! the order in which it lies in memory.
//! Each row gets, bit for bit, what it would get alone; so answers written together equal answers written one by one.
//!
//! This is the method of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008). A production
//! program would call a BLAS library, or the `gemm` or `matrixmultiply` crate.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

use super::arithmetic::{self, Arithmetic};
use super::dot::{Bf16Pairs, F32s, Instructions};
pub use super::matrix::Matrix;
use super::memory;
pub use super::number::{Entry, Number};
use tiles::Method;
use words::{Factor, Pairs, Whole, Words};

#[doc(hidden)]
pub mod bytes;
#[doc(hidden)]
pub mod nibbles;
mod pack;
pub(super) mod stream;
pub(super) mod tiles;
pub(super) mod words;

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
/// any number of threads. If there are many rows, and `B` is `bf16` or [`Arithmetic::Bf16`] is in force, both factors are rounded
/// to `bf16` first.
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
        stream::few_rows(a, b, c, c_stride, into);
    } else {
        many_rows(a, b, c, c_stride, into);
    }
}

/// [`matmul`] for many rows, in tiles.
fn many_rows<T: Number>(a: Matrix, b: Matrix<T>, c: &mut [f32], c_stride: usize, into: Store) {
    /// The product with these instructions, the numbers of both factors made words of this kind.
    fn with<T: Number, W: Words<f32> + Words<T>>(
        instructions: impl Instructions,
        words: W,
        (a, b): (Matrix, Matrix<T>),
        c: &mut [f32],
        c_stride: usize,
        into: Store,
    ) {
        let method = Method { instructions, rows: &[], scales: &[] };
        tiles::many_rows(method, Factor { matrix: a, words }, Factor { matrix: b, words }, c, c_stride, into);
    }
    // What a kind of number never needs is not compiled for it.
    if T::ONLY_F32 {
        return with(F32s::in_use(), Whole { rounds: false }, (a, b), c, c_stride, into);
    }
    if !T::ONLY_BF16 && arithmetic::current() == Arithmetic::F32 {
        return with(F32s::in_use(), Whole { rounds: false }, (a, b), c, c_stride, into);
    }
    match Bf16Pairs::in_use() {
        Some(pairs) => with(pairs, Pairs, (a, b), c, c_stride, into),
        None => with(F32s::in_use(), Whole { rounds: true }, (a, b), c, c_stride, into),
    }
}

/// Up to this many rows stream through `B`; more of them go into tiles.
#[doc(hidden)]
pub const FEW_ROWS: usize = 16;

/// [`matmul`] into a list of its own: `[m, k] · [k, n] -> [m, n]`.
///
/// # Panics
///
/// If `a.cols` is not `b.rows`.
#[doc(hidden)]
pub fn product<T: Number>(a: Matrix, b: Matrix<T>) -> Vec<f32> {
    let mut c = memory::take(a.rows * b.cols);
    matmul(a, b, &mut c, b.cols, Store::Set);
    c
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::close::check_close;
    use crate::kernels::threads;
    use crate::rng::Rng;
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
        for (m, k, n) in [(2, 40, 1100), (5, 300, 70), (FEW_ROWS, 700, 900), (3, 1100, 3000)] {
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
        for (m, k, n) in
            [(1, 2500, 2500), (170, 250, 190), (9, 1000, 700), (19, 1000, 700), (3, 1100, 3000), (2, 70, 2000)]
        {
            let (a, b) = (random(m * k, &mut rng), random(k * n, &mut rng));
            for b in [Matrix::new(&b, k, n), Matrix::new(&b, n, k).transposed()] {
                let product = |n_threads: usize| {
                    threads::set(n_threads);
                    let mut c = vec![0.0; m * n];
                    matmul(Matrix::new(&a, m, k), b, &mut c, n, Store::Set);
                    matmul(Matrix::new(&a, m, k), b, &mut c, n, Store::Add);
                    threads::set(0);
                    c.iter().map(|x| x.to_bits()).collect::<Vec<u32>>()
                };
                let one = product(1);
                for n_threads in [2, 3, 4, 7, 16, 64] {
                    assert!(product(n_threads) == one, "{n_threads} threads, [{m}, {k}] x [{k}, {n}]");
                }
            }
        }
    }
}
