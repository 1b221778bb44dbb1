//! Products with weights of one byte and of four bits: whole numbers, exact where the processor has instructions for bytes.

use super::{GAP, ROUNDING, any_size, is_near, numbers, same, with_every_way_to_multiply};
use crate::Kind;
use gpt60::Rng;
use gpt60::float16::Bf16;
use gpt60::int4::{GROUP, from_int4, to_int4};
use gpt60::kernels::matmul::nibbles::Nibbles;
use gpt60::kernels::matmul::{FEW_ROWS, Matrix, bytes};
use gpt60::kernels::threads;
use gpt60::weight::Precision;
use proptest::prelude::*;

/// The whole numbers that a row becomes, and their scale, as the head of `kernels/matmul/bytes.rs` says.
fn quantized(row: &[f32]) -> (Vec<i64>, f32) {
    if row.iter().any(|x| !x.is_finite()) {
        return (vec![0; row.len()], f32::NAN);
    }
    let largest = row.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
    if largest < 1e-36 {
        return (vec![0; row.len()], 0.0);
    }
    // One factor for the row, rounded; its product with each number, rounded; and that to a whole number, ties to even.
    let factor = 127.0 / largest;
    (row.iter().map(|x| (x * factor).round_ties_even() as i64).collect(), largest / 127.0)
}

/// What one of `m` rows stands for when it meets weights of this precision.
pub fn met(row: &[f32], precision: Precision, m: usize) -> Vec<f64> {
    match precision {
        Precision::Bf16 if m > FEW_ROWS => row.iter().map(|&x| f64::from(Bf16::nearest(x).value())).collect(),
        Precision::Int8 if m > 1 => {
            let (numbers, scale) = quantized(row);
            numbers.iter().map(|&q| q as f64 * f64::from(scale)).collect()
        }
        _ => row.iter().map(|&x| f64::from(x)).collect(),
    }
}

/// `[m, k]` numbers, `[n, k]` bytes in rows with a gap, `[n]` scales; and the product of each way to multiply, with 1, 2 and 5
/// threads.
fn check(x: &[f32], w: &[i8], scales: &[f32], (m, k, n): (usize, usize, usize)) {
    let stride = k + 3;
    let stored: Vec<i8> = w.chunks(k).flat_map(|row| [row, &[99; 3]].concat()).collect();
    // The rows of `x` have gaps too.
    let x_stored: Vec<f32> = x.chunks(k).flat_map(|row| [row, &[GAP; 3]].concat()).collect();
    let rows: Vec<(Vec<i64>, f32)> = x.chunks(k).map(quantized).collect();
    let sum = |q: &[i64], w: &[i8]| q.iter().zip(w).map(|(q, &w)| q * i64::from(w)).sum::<i64>();
    for n_threads in [1, 2, 5] {
        let mut ways = 0;
        with_every_way_to_multiply(n_threads, |level| {
            ways += 1;
            threads::set(n_threads);
            let y = bytes::product(Matrix::part(&x_stored, m, k, stride), Matrix::part(&stored, n, k, stride), scales);
            for (i, y) in y.chunks(n).enumerate() {
                for (j, &y) in y.iter().enumerate() {
                    let (q, scale) = &rows[i];
                    let w = &w[j * k..(j + 1) * k];
                    let what = || format!("[{m}, {k}, {n}] at [{i}, {j}], {level:?}, {n_threads} threads: {y:e}");
                    if m == 1 {
                        // A single row is not rounded.
                        let terms = x.iter().zip(w).map(|(&x, &w)| f64::from(x) * f64::from(w));
                        let (sum, size) = terms.fold((0.0, 0.0), |(sum, size), t| (sum + t, size + t.abs()));
                        let (sum, size) = (sum * f64::from(scales[j]), size * f64::from(scales[j].abs()));
                        assert!(is_near(y, sum, (k + 4) as f64 * ROUNDING * size + 1e-38), "{} {sum:e}", what());
                        continue;
                    }
                    let exact = sum(q, w);
                    let expected = exact as f32 * scale * scales[j];
                    // In whole numbers the sum is exact. As floats it is, too, while no part of it is above 2^24.
                    let size: i64 = q.iter().zip(w).map(|(q, &w)| (q * i64::from(w)).abs()).sum();
                    if size <= 1 << 24 || way_is_exact(level, ways) {
                        assert!(same(y, expected), "{} is not {expected:e}", what());
                    } else {
                        let limit = (k + 2) as f64 * ROUNDING * size as f64 * f64::from(scale * scales[j].abs());
                        assert!(is_near(y, f64::from(expected), limit), "{} is not near {expected:e}", what());
                    }
                }
            }
        });
    }
}

/// Whether the products of this turn are made in whole numbers: the first turn of each level, with AVX2 or more, and many rows or
/// VNNI. What is not sure counts as not exact.
fn way_is_exact(level: gpt60::kernels::cpu::Level, turn: usize) -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        level == gpt60::kernels::cpu::Level::Avx512 && turn % 2 == 1 && is_x86_feature_detected!("avx512vnni")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = (level, turn);
        false
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..Default::default() })]

    #[test]
    fn products_of_bytes_are_exact_sums_of_whole_numbers(
        m in 1usize..40, k in any_size(300), n in any_size(130), wild: bool, seed: u64,
    ) {
        let mut rng = Rng::new(seed);
        let x = numbers(m * k, if wild { Kind::Wild } else { Kind::Sparse }, &mut rng);
        let w: Vec<i8> = (0..n * k).map(|_| (rng.below(256) as i64 - 128) as i8).collect();
        let scales = numbers(n, Kind::Usual, &mut rng);
        check(&x, &w, &scales, (m, k, n));
    }
}

#[test]
fn bytes_at_their_ends_do_not_saturate_and_sizes_just_beyond_every_edge_are_right() {
    // One past: a few rows, four and five of them; the bytes of a vector (32, 64) and of a word (4); the columns that are read
    // side by side (4) and of a tile (16, 32).
    for (m, k, n) in
        [(2, 64, 4), (2, 65, 5), (5, 33, 7), (FEW_ROWS, 63, 33), (FEW_ROWS + 1, 65, 33), (25, 131, 65), (37, 259, 17)]
    {
        for (x, w) in [(1.0, 127), (-1.0, 127), (1.0, -128), (-1.0, -128), (0.0, 127), (1e-37, 127), (1e30, -128)] {
            check(&vec![x; m * k], &vec![w; n * k], &vec![0.5; n], (m, k, n));
        }
        // An infinity or a NaN spoils its own row and no other.
        let mut x = vec![1.0; m * k];
        (x[0], x[k * (m - 1)]) = (f32::INFINITY, f32::NAN);
        check(&x, &vec![-3; n * k], &vec![0.5; n], (m, k, n));
    }
}

#[test]
fn a_sum_of_the_most_terms_fits_into_32_bits() {
    // 131,072 products of 127 with -128 are -2.13e9; -2^31 is -2.15e9. One term more goes another way.
    for k in [1 << 17, (1 << 17) + 1] {
        check(&vec![1.0; 2 * k], &vec![-128; k], &[1.0], (2, k, 1));
        check(&vec![-3.0; 17 * k], &vec![-128; k], &[1.0], (17, k, 1));
    }
}

#[test]
fn the_result_of_a_row_does_not_depend_on_how_many_rows_there_are() {
    let (k, n) = (300, 70);
    let mut rng = Rng::new(3);
    let x = numbers(40 * k, Kind::Usual, &mut rng);
    let w: Vec<i8> = (0..n * k).map(|i| (i * 7919 % 255) as i8).collect();
    let scales = numbers(n, Kind::Usual, &mut rng);
    let product = |m: usize| bytes::product(Matrix::new(&x, m, k), Matrix::new(&w, n, k), &scales);
    let all = product(40);
    for m in [2, 3, 5, FEW_ROWS, FEW_ROWS + 1, 39] {
        assert!(product(m).iter().zip(&all).all(|(&a, &b)| same(a, b)), "{m} rows");
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Weights of four bits
// ---------------------------------------------------------------------------------------------------------------------

/// Compares the product with weights of four bits with its formula in `f64`: those of `Nibbles::row`, which the tests of `int4.rs`
/// judge; and the row as it meets them.
fn check_nibbles(x: &[f32], w: &[f32], (m, k, n): (usize, usize, usize)) {
    let nibbles = Nibbles::new(Matrix::new(w, n, k));
    let rows: Vec<Vec<f32>> = (0..n).map(|j| nibbles.row(j)).collect();
    for (row, w) in rows.iter().zip(w.chunks(k)) {
        for (kept, group) in row.chunks(GROUP).zip(w.chunks(GROUP)) {
            let mut whole = [0.0; GROUP];
            whole[..group.len()].copy_from_slice(group);
            let (scale, packed) = to_int4(&whole);
            assert_eq!(kept, &from_int4(scale, &packed)[..group.len()]);
        }
    }
    let mut few = None;
    for n_threads in [1, 2, 5] {
        with_every_way_to_multiply(n_threads, |level| {
            let y = nibbles.product(Matrix::new(x, m, k));
            for i in 0..m {
                let x = &x[i * k..(i + 1) * k];
                // A few rows become whole numbers, even a single one; many become bf16, and so do the weights.
                let x = met(x, if m > FEW_ROWS { Precision::Bf16 } else { Precision::Int8 }, m.max(2));
                for j in 0..n {
                    let w = rows[j].iter().map(|&w| if m > FEW_ROWS { Bf16::nearest(w).value() } else { w });
                    let terms = x.iter().zip(w).map(|(x, w)| x * f64::from(w));
                    let (sum, size) = terms.fold((0.0, 0.0), |(sum, size), t| (sum + t, size + t.abs()));
                    let limit = (k + 6) as f64 * (ROUNDING * size + f64::from(f32::MIN_POSITIVE));
                    let found = y[i * n + j];
                    assert!(
                        is_near(found, sum, limit),
                        "[{m}, {k}, {n}] at [{i}, {j}], {level:?}: {found:e} is not {sum:e}"
                    );
                }
            }
            if m <= FEW_ROWS {
                // Sums of whole numbers, and then one sum over the groups in order: the same to the last bit everywhere.
                let few = few.get_or_insert_with(|| y.clone());
                assert!(y.iter().zip(few.iter()).all(|(&a, &b)| same(a, b)), "{level:?}, {n_threads} threads");
            }
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 40, ..Default::default() })]

    #[test]
    fn products_with_weights_of_four_bits_are_those_of_the_numbers_that_they_stand_for(
        m in 1usize..20, k in any_size(200), n in any_size(70), wild: bool, seed: u64,
    ) {
        let mut rng = Rng::new(seed);
        let x = numbers(m * k, if wild { Kind::Wild } else { Kind::Sparse }, &mut rng);
        let w = numbers(n * k, Kind::Usual, &mut rng);
        if m <= FEW_ROWS || !wild {
            check_nibbles(&x, &w, (m, k, n));
        }
    }
}

#[test]
fn four_bits_at_their_ends_do_not_saturate() {
    for (m, k, n) in [(1, 32, 16), (2, 33, 17), (FEW_ROWS, 65, 15), (FEW_ROWS + 1, 64, 33)] {
        for (x, w) in [(1.0, -8.0), (-1.0, -8.0), (1.0, 8.0), (0.0, 1.0), (1.0, 0.0), (1e-37, 1.0)] {
            check_nibbles(&vec![x; m * k], &vec![w; n * k], (m, k, n));
        }
    }
    // More outputs than are unpacked together.
    let mut rng = Rng::new(5);
    check_nibbles(&numbers(17 * 3, Kind::Usual, &mut rng), &numbers(1030 * 3, Kind::Usual, &mut rng), (17, 3, 1030));
}
