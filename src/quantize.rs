//! A row of numbers in one byte each: whole numbers from -127 to 127, and one *scale* for all of them.
//!
//! A whole number cannot be 0.3. But it can be 76, if it is agreed that one step is worth 0.5 / 127. That is all there is
//! to *quantization*: the largest number of a row, in size, becomes 127 or -127, and all others are rounded to the
//! nearest of the 255 steps.
//!
//! ```text
//! scale = max |x_i| / 127
//! q_i   = round(x_i / scale)         from -127 to 127: the row in one byte a number
//! x_i   = q_i * scale                and back, off by half a scale at most
//! ```
//!
//! It is called *symmetric*, because 0 stays 0 and -127 is used as much as 127. A byte could also be -128. Using it would
//! give one more step on one side alone.
//!
//! **Why whole numbers?** Because products of bytes and their sums are exact, and a processor can make several at once.
//! The scale of a row is the same in all terms of a dot product, so it is left out of the sum and applied once:
//!
//! ```text
//! a·b = sum of (q_i * scale_a) * (p_i * scale_b) = (sum of q_i * p_i) * scale_a * scale_b
//!                                                   whole numbers
//! ```
//!
//! This file is the plain version. `weight.rs` keeps the weights of a model in this way, with a scale for each output.
//!
//! Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"
//! (2018), section 2.1, with the zero point at 0. A production program would choose the largest number more cleverly, for
//! instance leaving out a few that are far from all others.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it; [Numbers in fewer bits](crate::book::fewer_bits) goes further.

/// The largest whole number that a number becomes; the smallest is its negative.
pub const LARGEST: f32 = 127.0;

/// A row as whole numbers from -127 to 127, and the scale that they are to be multiplied by: `[n] -> [n]` and a number.
///
/// A row of zeros has the scale 0. So has a row whose largest number, divided by 127, is too small for an `f32`. If the row
/// has a NaN or an infinity, the scale is that, and no number that is made of it later looks like a good one.
///
/// # Example: three numbers
///
/// ```
/// use gpt60::quantize::quantize;
///
/// let (numbers, scale) = quantize(&[0.3, -1.27, 0.004]);
/// assert_eq!(numbers, [30, -127, 0]); // 0.004 is less than half a step
/// assert!((scale - 0.01).abs() < 1e-8);
/// ```
pub fn quantize(row: &[f32]) -> (Vec<i8>, f32) {
    // `f32::max` would overlook a NaN.
    let larger = |largest: f32, x: &f32| if x.abs() > largest || x.is_nan() { x.abs() } else { largest };
    let scale = row.iter().fold(0.0, larger) / LARGEST;
    let whole = |x: &f32| {
        if scale > 0.0 {
            // The limits are for tiny rows: there the scale itself is rounded so much that a number could become 190.
            (x / scale).round_ties_even().clamp(-LARGEST, LARGEST) as i8
        } else {
            0
        }
    };
    (row.iter().map(whole).collect(), scale)
}

/// Back to numbers: `[n] -> [n]`. Each is off by half a scale at most from what it was.
///
/// # Example: there and back
///
/// ```
/// use gpt60::quantize::{dequantize, quantize};
///
/// let row = [0.3, -1.27, 0.004];
/// let (numbers, scale) = quantize(&row);
/// for (x, back) in row.iter().zip(dequantize(&numbers, scale)) {
///     assert!((x - back).abs() <= 0.5 * scale);
/// }
/// ```
pub fn dequantize(numbers: &[i8], scale: f32) -> Vec<f32> {
    numbers.iter().map(|&q| f32::from(q) * scale).collect()
}

/// The dot product of two quantized rows: `[n] · [n]`, a number.
///
/// The sum is one of whole numbers, and exact. (It is an `i64` here, which no row is too long for. An `i32` is enough for
/// rows of up to 133,144 numbers from -127 to 127, and that is what the fast loops use.)
///
/// # Panics
///
/// If the rows have different lengths.
///
/// # Example: 127 * 64 - 127 * 32, and then the scales
///
/// ```
/// use gpt60::quantize::dot;
///
/// assert_eq!(dot((&[127, -127], 0.5), (&[64, 32], 0.25)), 4064.0 * 0.5 * 0.25);
/// ```
pub fn dot((a, scale_a): (&[i8], f32), (b, scale_b): (&[i8], f32)) -> f32 {
    assert_eq!(a.len(), b.len(), "a dot product of rows of {} and {} numbers", a.len(), b.len());
    let sum: i64 = a.iter().zip(b).map(|(&q, &p)| i64::from(q) * i64::from(p)).sum();
    sum as f32 * scale_a * scale_b
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use proptest::prelude::*;

    fn random(n: usize, seed: u64) -> Vec<f32> {
        let mut rng = Rng::new(seed);
        (0..n).map(|_| rng.normal() as f32).collect()
    }

    #[test]
    fn the_largest_becomes_127_and_the_others_keep_their_share_of_it() {
        // The largest in size is -2, so a step is 2 / 127; 0.5 is 31.75 steps, and 1 is 63.5: from the middle to the even one.
        assert_eq!(quantize(&[0.5, -2.0, 1.0, -0.5, 0.0]), (vec![32, -127, 64, -32, 0], 2.0 / 127.0));
    }

    #[test]
    fn a_row_of_zeros_and_an_empty_one_are_zeros_without_a_scale() {
        assert_eq!(quantize(&[0.0, -0.0, 0.0]), (vec![0, 0, 0], 0.0));
        assert_eq!(quantize(&[]), (vec![], 0.0));
        assert_eq!(dequantize(&[0, 0], 0.0), [0.0, 0.0]);
        assert_eq!(dot((&[], 1.0), (&[], 1.0)), 0.0);
    }

    #[test]
    fn a_nan_or_an_infinity_shows_in_everything_that_is_made_of_the_row() {
        for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for row in [[1.0, bad, 2.0], [bad, 1.0, 2.0], [1.0, 2.0, bad]] {
                let (numbers, scale) = quantize(&row);
                assert!(dequantize(&numbers, scale).iter().any(|x| !x.is_finite()), "{row:?}");
                assert!(!dot((&numbers, scale), (&numbers, scale)).is_finite(), "{row:?}");
            }
        }
    }

    #[test]
    fn rows_near_the_ends_of_what_an_f32_can_be_stay_within_127() {
        // 2^-149 is the smallest step of an f32. 190 of it, divided by 127, is 1.5 of it, which rounds to 1 or 2.
        let tiny = f32::from_bits(190);
        for largest in [tiny, f32::from_bits(1), f32::MIN_POSITIVE, f32::MAX] {
            let (numbers, scale) = quantize(&[largest, -largest, 0.0]);
            assert!(numbers.iter().all(|&q| q > i8::MIN), "{largest:e}: {numbers:?}");
            assert!(scale.is_finite() && numbers[0] == -numbers[1]);
        }
    }

    #[test]
    fn the_sum_of_a_dot_product_is_exact_and_needs_more_than_two_bytes() {
        // 127 * 127 * 1500 = 24,193,500 is above 2^24, from where an f32 counts in steps of 2; then all but 1 is taken away.
        let a: Vec<i8> = [vec![127; 3000], vec![1]].concat();
        let b: Vec<i8> = [vec![127; 1500], vec![-127; 1500], vec![1]].concat();
        assert_eq!(dot((&a, 0.5), (&b, 0.5)), 0.25);
        assert_eq!(dot((&[-128; 4], 1.0), (&[-128; 4], 1.0)), 4.0 * 16384.0);
    }

    #[test]
    #[should_panic(expected = "rows of 2 and 3 numbers")]
    fn rows_of_different_lengths_have_no_dot_product() {
        dot((&[1, 2], 1.0), (&[1, 2, 3], 1.0));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..Default::default() })]
        #[test]
        fn no_number_is_off_by_more_than_half_a_step(n in 1usize..40, seed: u64, exponent in -60i32..60) {
            let factor = 2f32.powi(exponent);
            let row: Vec<f32> = random(n, seed).iter().map(|x| x * factor).collect();
            let (numbers, scale) = quantize(&row);
            let largest = row.iter().fold(0.0f32, |most, x| most.max(x.abs()));
            prop_assert_eq!(scale, largest / 127.0);
            for (x, back) in row.iter().zip(dequantize(&numbers, scale)) {
                // And a little for the rounding of the division and of the product.
                prop_assert!((x - back).abs() <= 0.5001 * scale, "{} {} {}", x, back, scale);
            }
        }

        #[test]
        fn a_dot_product_is_that_of_the_numbers_that_the_rows_stand_for(n in 1usize..200, seed: u64) {
            let (a, b) = (quantize(&random(n, seed)), quantize(&random(n, seed ^ 1)));
            let found = f64::from(dot((&a.0, a.1), (&b.0, b.1)));
            let value = |q: i8, scale: f32| f64::from(q) * f64::from(scale);
            let terms = a.0.iter().zip(&b.0).map(|(&q, &p)| value(q, a.1) * value(p, b.1));
            let (sum, size) = terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()));
            // Three roundings, 2^-24 each: the sum to f32, and two products.
            prop_assert!((found - sum).abs() <= size * 4.0 / (1 << 24) as f64, "{} {}", found, sum);
        }
    }
}
