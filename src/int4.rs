//! Weights in four bits: 32 of them in 18 bytes, and back.
//!
//! To write one token, a model reads each of its weights once, and reading is what takes the time (`weight.rs`). Four bits
//! for a weight are half of int8. But four bits can only tell 16 numbers apart, from -8 to 7. With one scale for all
//! weights of an output, as in int8, one large weight would make the scale so large that most others become 0. So the
//! weights of an output are cut into *groups* of 32 neighbours, and each group has a scale of its own:
//!
//! ```text
//! weight = (q - 8) * scale        q from 0 to 15: 4 bits, two of them in a byte
//!                                 scale: a bf16, one for 32 weights
//! ```
//!
//! That is 16 bytes of numbers and 2 of scale, 0.5625 bytes for a weight. The groups run along the sum of a product: all 32
//! weights feed the same output. A product can then add up 32 whole numbers and multiply by the scale once.
//!
//! # How to choose the scale
//!
//! Rounding moves each weight to the nearest of 16 numbers, which are multiples of the scale. A small scale puts them close
//! together, but then the largest weight lies beyond the last one, and is cut off. A large scale reaches it, and all others
//! are rounded more coarsely. No formula gives the best scale, so several are tried, and the one with the smallest sum of
//! squared errors stays:
//!
//! ```text
//! scale = m / d        m: the weight that is largest in size, with its sign
//!                      d: each of DIVISORS
//! ```
//!
//! The divisors are negative, because -8 to 7 reaches one step further down than up. With `d = -8` the largest weight becomes
//! exactly -8 scales, whatever its sign: where it is positive, the scale is negative.
//!
//! # What it costs, and what was rejected
//!
//! All this was measured on the second edition of the storybook, whose weights had not been rounded to int8 before. It read
//! the six books that it had never seen, 267,321 tokens. The change of perplexity, and how often the likeliest token stayed the
//! same (an earlier measurement than that of `docs/fewer-bits.md`, which has +4.29 % and 85.00 %, and says what is left of it
//! in the third edition):
//!
//! | weights | perplexity | the same token |
//! | --- | --- | --- |
//! | all in four bits | +4.27 % | 85.1 % |
//! | all but `wte`, which is int8 | +2.07 % | 89.1 % |
//! | the same, but with the plain scale (largest / -8) | +2.26 % | 88.6 % |
//! | all in int8, for comparison; the rows that meet them stay `f32` | +0.01 % | 98.7 % |
//!
//! `wte` was a fifth of that model (of the third edition it is a tenth) and caused nearly half of the loss, because every logit
//! is a product with it. But in the smallest GPT-2 it is a third of the weights, and a third of what int4 gains over int8 would
//! be lost. Here int4 means all weights; whoever wants to lose less takes int8.
//!
//! A 15th of those books, 17,920 tokens, was enough to choose among the ways to make four bits. Measured was how far the
//! predicted probabilities moved (the Kullback-Leibler divergence, in thousandths of a nat per token; all weights in four
//! bits):
//!
//! | how | bytes a weight | moved by |
//! | --- | --- | --- |
//! | largest / 7, from -7 to 7 | 0.5625 | 59.9 |
//! | largest / -8, from -8 to 7 | 0.5625 | 48.3 |
//! | the best of 15 divisors: **this file** | 0.5625 | 43.7 |
//! | the best of 7, or of 36 in a wider range | 0.5625 | 44.8, 45.2 |
//! | the best of 30: each divisor with both signs | 0.5625 | 43.8 |
//! | of 30, each squared error times the size of its weight, or times its square | 0.5625 | 45.8, 46.6 |
//! | of 30, each squared error times the mean square of what its weight multiplies | 0.5625 | 38.8 |
//! | a smallest number beside the scale, from there in 15 steps | 0.625 | 33.4 |
//! | of 30, groups of 16 | 0.625 | 32.9 |
//! | of 30, groups of 64 | 0.53 | 58.3 |
//! | this file, and `wte` in int8 | 0.65 | 24.6 |
//!
//! Weighting by what a weight multiplies helps, but needs a text to read before the weights can be packed. A smallest number
//! beside the scale, or groups of 16, cost 0.06 bytes more; `wte` in int8 costs little more than that, and helps most. (In the
//! smallest GPT-2, `wte` is a third of the weights, and this makes 0.70 bytes.) A scale in `f16` is no better than one in
//! `bf16` (43.8 both): a scale that is off by 0.2 % is nothing beside numbers that are rounded to a multiple of it. A `bf16` is
//! the upper half of an `f32`, so it is the quicker one to read.
//!
//! [Numbers in fewer bits](crate::book::fewer_bits), a page beside [chapter 16](crate::book::ch16_making_it_fast), explains it.

use crate::float16::Bf16;

/// How many weights share a scale.
pub const GROUP: usize = 32;

/// By what the largest weight of a group is divided, to get the scales that are tried.
///
/// The first is the plain choice: nothing is cut off. It also stays if no other is better, or if the squares are too small
/// or too large for an `f32`. From -7.75 to -6 the steps are wider than they need to be for the largest weight, from -8.25 to
/// -9.5 they are narrower, and the largest weight is cut off. Either can suit the other 31 better.
const DIVISORS: [f32; 15] =
    [-8.0, -6.0, -6.25, -6.5, -6.75, -7.0, -7.25, -7.5, -7.75, -8.25, -8.5, -8.75, -9.0, -9.25, -9.5];

/// A group of weights in four bits each, and their scale: `[32] -> scale, [16]`.
///
/// The lower half of byte `i` is weight `i`, the upper half is weight `16 + i`. Each half of the bytes is thus a run of 16
/// neighbours, which is what a vector instruction wants to read.
///
/// A NaN or an infinity among the weights makes the results NaN or infinite, so it shows.
///
/// # Example: what is left of 32 weights
///
/// ```
/// use gpt60::int4::{from_int4, to_int4};
///
/// let mut group = [0.25; 32];
/// group[0] = -1.0;
/// group[1] = 0.3;
/// let (scale, bytes) = to_int4(&group);
/// assert_eq!(scale.value(), 0.125); // the largest, -1, divided by -8
/// assert_eq!(bytes[0], 0xA0); // weight 0 is 0 - 8 = -8 scales; weight 16 is 10 - 8 = 2 scales
/// let kept = from_int4(scale, &bytes);
/// assert_eq!(kept[..3], [-1.0, 0.25, 0.25]); // 0.3 went to the nearest multiple of 0.125
/// ```
#[inline(always)] // into loops that are compiled for several kinds of processor: see `kernels/cpu.rs`
pub fn to_int4(group: &[f32; GROUP]) -> (Bf16, [u8; GROUP / 2]) {
    let largest = group.iter().fold(0.0f32, |m, &x| if x.abs() > m.abs() || x.is_nan() { x } else { m });
    let scale_of = |divisor: f32| Bf16::nearest(largest / divisor);
    let mut best = scale_of(DIVISORS[0]);
    let mut least = squared_error(group, best.value());
    for divisor in &DIVISORS[1..] {
        let scale = scale_of(*divisor);
        let error = squared_error(group, scale.value());
        if error < least {
            (best, least) = (scale, error);
        }
    }
    if best.value().abs() < f32::MIN_POSITIVE {
        best = Bf16(0); // a group of zeros, or of next to nothing
    }
    let wholes = nearest(group, best.value());
    let mut bytes = [0; GROUP / 2];
    for i in 0..GROUP / 2 {
        bytes[i] = (wholes[i] + 8.0) as u8 | ((wholes[GROUP / 2 + i] + 8.0) as u8) << 4;
    }
    (best, bytes)
}

/// The weights that the bytes stand for: `scale, [16] -> [32]`.
pub fn from_int4(scale: Bf16, bytes: &[u8; GROUP / 2]) -> [f32; GROUP] {
    std::array::from_fn(|i| {
        let q = if i < GROUP / 2 { bytes[i] & 15 } else { bytes[i - GROUP / 2] >> 4 };
        value(q, scale.value())
    })
}

/// The number that four bits stand for.
fn value(q: u8, scale: f32) -> f32 {
    (f32::from(q) - 8.0) * scale
}

/// How many scales, from -8 to 7, are nearest to each weight.
#[inline(always)]
fn nearest(group: &[f32; GROUP], scale: f32) -> [f32; GROUP] {
    // Added to a small number and taken off again, this leaves no room for a fraction: the nearest whole number stays.
    const NO_FRACTION: f32 = 1.5 * (1 << 23) as f32;
    let inverse = if scale.abs() < f32::MIN_POSITIVE { 0.0 } else { 1.0 / scale };
    let mut wholes = [0.0; GROUP];
    for i in 0..GROUP {
        wholes[i] = ((group[i] * inverse).clamp(-8.0, 7.0) + NO_FRACTION) - NO_FRACTION;
    }
    wholes
}

/// The sum of the squares of what rounding changes.
#[inline(always)]
fn squared_error(group: &[f32; GROUP], scale: f32) -> f32 {
    let wholes = nearest(group, scale);
    let mut squares = [0.0; GROUP / 2]; // two in each, side by side
    for i in 0..GROUP / 2 {
        let (x, y) = (group[i] - wholes[i] * scale, group[GROUP / 2 + i] - wholes[GROUP / 2 + i] * scale);
        squares[i] = x * x + y * y;
    }
    squares.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is kept of a group.
    fn kept(group: &[f32; GROUP]) -> [f32; GROUP] {
        let (scale, bytes) = to_int4(group);
        from_int4(scale, &bytes)
    }

    /// The sum of the squared differences, in f64.
    fn distance(a: &[f32; GROUP], b: &[f32; GROUP]) -> f64 {
        a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
    }

    /// 32 numbers like a model's weights: most are small, few are large.
    fn weights() -> impl Strategy<Value = [f32; GROUP]> {
        (proptest::array::uniform32(-1.0f32..1.0), -30i32..30)
            .prop_map(|(group, exponent)| group.map(|x| x * x * x * 2f32.powi(exponent)))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn every_weight_goes_to_the_nearest_of_the_sixteen_numbers(group in weights()) {
            let (scale, bytes) = to_int4(&group);
            for (x, y) in group.iter().zip(from_int4(scale, &bytes)) {
                for whole in -8..8 {
                    let other = whole as f32 * scale.value();
                    // In the middle between two, the rounding of the division decides.
                    prop_assert!((x - y).abs() <= (x - other).abs() + 1e-6 * x.abs(), "{} {} {}", x, y, other);
                }
            }
        }

        #[test]
        fn the_group_loses_no_more_than_with_the_plain_scale(group in weights()) {
            let largest = group.iter().fold(0.0f32, |m, x| if x.abs() > m.abs() { *x } else { m });
            let scale = Bf16::nearest(largest / -8.0).value();
            let plain = group.map(|x| if scale == 0.0 { 0.0 } else { (x / scale).round().clamp(-8.0, 7.0) * scale });
            // A little for the rounding of the sums in f32.
            prop_assert!(distance(&group, &kept(&group)) <= distance(&group, &plain) * 1.00001);
        }

        #[test]
        fn numbers_that_four_bits_can_say_come_back_the_same(
            bytes in proptest::array::uniform16(any::<u8>()), exponent in -20i32..20, negative: bool
        ) {
            let mut bytes = bytes;
            bytes[3] &= 0xF0; // weight 3 is -8 scales, which tells the scale
            let scale = Bf16::nearest(if negative { -1.5 } else { 1.5 } * 2f32.powi(exponent));
            let group = from_int4(scale, &bytes);
            prop_assert_eq!(to_int4(&group), (scale, bytes));
        }
    }

    #[test]
    fn the_largest_is_cut_off_where_the_others_gain_more() {
        // The plain scale is 1/8: 0.2 becomes 2/8 = 0.25, and 31 times 0.05^2 are 0.0775. Among the scales tried is 1/9. With it,
        // 0.2 becomes 2/9 = 0.2222, and 31 times 0.0222^2 are 0.0153; -1 becomes -8/9, and 0.1111^2 is 0.0123. Together that is
        // 0.0276; rounding the scale to a bf16 changes it by less than 0.001. The best is no worse.
        let mut group = [0.2; GROUP];
        group[7] = -1.0;
        assert!(distance(&group, &kept(&group)) < 0.0286);
        assert!(kept(&group)[7] > -0.95); // it was cut off
    }

    #[test]
    fn the_lower_half_of_a_byte_is_weight_i_and_the_upper_one_weight_16_and_i() {
        let mut group = [0.0; GROUP];
        (group[0], group[1], group[16], group[31]) = (-8.0, 1.0, 7.0, -3.0); // scale 1
        let (scale, bytes) = to_int4(&group);
        assert_eq!(scale.value(), 1.0);
        assert_eq!(bytes[0], 0xF0); // 7 + 8 = 15 above, -8 + 8 = 0 below
        assert_eq!(bytes[1], 0x89); // 0 + 8 above, 1 + 8 below
        assert_eq!(bytes[15], 0x58); // -3 + 8 above, 0 + 8 below
        assert_eq!(from_int4(scale, &bytes), group);
    }

    #[test]
    fn a_group_of_zeros_stays_zero_and_so_does_one_below_every_scale() {
        for x in [0.0, -0.0, 1e-45] {
            let (scale, bytes) = to_int4(&[x; GROUP]);
            assert_eq!((scale.value(), bytes), (0.0, [0x88; 16]), "{x:e}");
            assert!(from_int4(scale, &bytes).iter().all(|y| *y == 0.0));
        }
    }

    #[test]
    fn squares_that_an_f32_cannot_say_leave_the_plain_scale() {
        for x in [2f32.powi(-100), 2f32.powi(100)] {
            let mut group = [x; GROUP];
            group[0] = -8.0 * x;
            assert_eq!(kept(&group), group);
        }
    }

    #[test]
    fn a_nan_or_an_infinity_shows() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for at in [0, 5, 31] {
                let mut group = [0.5; GROUP];
                group[at] = bad;
                assert!(!kept(&group)[at].is_finite(), "{bad} at {at}: {:?}", kept(&group));
                assert!(!kept(&group).iter().sum::<f32>().is_finite());
            }
        }
        // A NaN beside an infinity, too.
        let mut group = [f32::INFINITY; GROUP];
        group[9] = f32::NAN;
        assert!(kept(&group).iter().all(|x| !x.is_finite()));
    }
}
