//! Numbers in two bytes: `f16` and `bf16`, to `f32` and back.
//!
//! A weight rarely needs the seven decimal digits of an `f32`. Stored in two bytes, a model takes half the room, and
//! two formats do that. Like an `f32`, both are a sign, an exponent and a fraction; they divide the sixteen bits
//! differently:
//!
//! ```text
//!          sign  exponent  fraction   largest     smallest step above 1
//! f32        1       8        23      3.4e38      2^-23, about 0.0000001
//! f16        1       5        10      65504       2^-10, about 0.001
//! bf16       1       8         7      3.4e38      2^-7,  about 0.008
//! ```
//!
//! With exponent bits `e` and fraction bits `f`, and with `bias` 15 for `f16` and 127 for the two others, the value is
//!
//! ```text
//! 0 < e < all ones:   (-1)^sign * 2^(e - bias) * (1 + f / 2^bits)      a normal number
//! e = 0:              (-1)^sign * 2^(1 - bias) * (0 + f / 2^bits)      a subnormal one, or zero
//! e = all ones:       infinity if f = 0, otherwise NaN
//! ```
//!
//! To `f32` nothing is lost: every `f16` and every `bf16` is an `f32`. On the way back a number is rounded to the
//! *nearest* one; from the middle between two, to the one whose last bit is 0 ("even"), as IEEE 754-2019 section 4.3.1
//! asks of all arithmetic. Rounding ties always up would make sums of many numbers drift.
//!
//! Files keep their weights in both formats (`checkpoint/`), and a packed model keeps them as `bf16` in memory
//! (`weight.rs`). Both use the two types of this file.
//!
//! A production program would use the `half` crate, and the processor's own instructions for it.
//!
//! [Chapter 14](crate::book::ch14_the_real_gpt2) explains it.

/// A *bfloat16*, as its sixteen bits: the range of an `f32`, and two to three decimal digits instead of seven.
///
/// # Example: what is left of pi
///
/// ```
/// use gpt60::float16::Bf16;
///
/// assert_eq!(Bf16::nearest(3.14159).value(), 3.140625);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bf16(pub u16);

impl Bf16 {
    /// The `bf16` nearest to `x`, ties to even. NaN stays NaN.
    #[inline(always)]
    #[must_use]
    pub fn nearest(x: f32) -> Bf16 {
        let bits = x.to_bits();
        if x.is_nan() {
            // The fraction of a NaN must not become 0: that would be an infinity. This bit marks a "quiet" NaN.
            return Bf16((bits >> 16) as u16 | 0x0040);
        }
        Bf16(round_off(bits, 16) as u16)
    }

    /// The `f32` that it stands for. A `bf16` is the upper half of an `f32`, so this only puts sixteen zeros below it.
    #[inline(always)]
    #[must_use]
    pub fn value(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }
}

/// A number of IEEE 754's *binary16*, as its sixteen bits: about three decimal digits, and nothing above 65504.
///
/// # Example: one and a half; too large, and too small
///
/// ```
/// use gpt60::float16::F16;
///
/// // sign 0, exponent 01111 (15, so 2^0), fraction 1000000000 (one half)
/// assert_eq!(F16(0b0_01111_1000000000).value(), 1.5);
/// assert_eq!(F16::nearest(70_000.0).value(), f32::INFINITY);
/// assert_eq!(F16::nearest(1e-9).value(), 0.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct F16(pub u16);

impl F16 {
    /// The `f16` nearest to `x`, ties to even; from 65520 on that is infinity. NaN stays NaN.
    #[must_use]
    pub fn nearest(x: f32) -> F16 {
        let sign = ((x.to_bits() >> 16) & 0x8000) as u16;
        let magnitude = x.to_bits() & 0x7FFF_FFFF;
        if x.is_nan() {
            return F16(sign | 0x7E00 | ((magnitude >> 13) & 0x3FF) as u16);
        }
        let exponent = (magnitude >> 23) as i32 - 127;
        let rounded = if exponent > 15 {
            0x7C00 // 2^16 and above, and infinity
        } else if exponent >= -14 {
            // Normal in both. Change the bias, then drop 13 bits of the fraction. A carry out of the fraction goes into
            // the exponent, which is just right: 1.111...1 rounds up to 2, and 65520 to infinity.
            round_off(magnitude - ((127 - 15) << 23), 13)
        } else if exponent >= -25 {
            // Subnormal as an f16: counted in steps of 2^-24. Fraction and leading 1 count steps of 2^(exponent-23).
            let fraction = (magnitude & 0x007F_FFFF) | 0x0080_0000;
            round_off(fraction, (-1 - exponent) as u32)
        } else {
            0 // below half of the smallest step, 2^-25
        };
        F16(sign | rounded as u16)
    }

    /// The `f32` that it stands for.
    #[must_use]
    pub fn value(self) -> f32 {
        let sign = u32::from(self.0 & 0x8000) << 16;
        let exponent = u32::from(self.0 >> 10) & 0x1F;
        let fraction = u32::from(self.0) & 0x3FF;
        let magnitude = match exponent {
            0x1F => 0x7F80_0000 | (fraction << 13), // infinity and NaN: all ones there, all ones here
            // 2^-14 * fraction / 2^10. Both factors and the product are exact in an f32, far from its own subnormals.
            0 => (fraction as f32 * 2.0f32.powi(-24)).to_bits(),
            _ => ((exponent + 127 - 15) << 23) | (fraction << 13),
        };
        f32::from_bits(sign | magnitude)
    }
}

/// `bits / 2^n` for n from 1 to 31, rounded to nearest, ties to even.
///
/// Adding a little less than half a step carries into the bits that are kept exactly if more than a half is dropped. If their
/// last bit is 1, one more is added, and then a half carries too. The sum must fit in 32 bits: for the bits of an `f32`
/// that is not NaN, it does.
#[inline(always)]
fn round_off(bits: u32, n: u32) -> u32 {
    let almost_half = (1 << (n - 1)) - 1;
    let is_odd = (bits >> n) & 1;
    (bits + almost_half + is_odd) >> n
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The value by the formula at the top of this file, in f64, where all of it is exact.
    fn by_formula(bits: u16, fraction_bits: u32, bias: i32) -> f64 {
        let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
        let fraction = f64::from(bits & ((1 << fraction_bits) - 1)) / f64::from(1u32 << fraction_bits);
        let exponent = i32::from((bits & 0x7FFF) >> fraction_bits);
        let all_ones = i32::from(0x7FFFu16 >> fraction_bits);
        match exponent {
            0 => sign * 2f64.powi(1 - bias) * fraction,
            e if e == all_ones && fraction == 0.0 => sign * f64::INFINITY,
            e if e == all_ones => f64::NAN,
            e => sign * 2f64.powi(e - bias) * (1.0 + fraction),
        }
    }

    /// The two formats: to f32, from f32, fraction bits, bias.
    type Format = (fn(u16) -> f32, fn(f32) -> u16, u32, i32);
    const FORMATS: [Format; 2] = [
        (|bits| F16(bits).value(), |x| F16::nearest(x).0, 10, 15),
        (|bits| Bf16(bits).value(), |x| Bf16::nearest(x).0, 7, 127),
    ];

    #[test]
    fn all_65536_patterns_have_the_value_of_the_formula() {
        for (to_f32, _, fraction_bits, bias) in FORMATS {
            for bits in 0..=u16::MAX {
                let (found, expected) = (f64::from(to_f32(bits)), by_formula(bits, fraction_bits, bias));
                let same = found == expected && found.is_sign_negative() == expected.is_sign_negative();
                assert!(same || (found.is_nan() && expected.is_nan()), "{bits:#06x}: {found} instead of {expected}");
            }
        }
    }

    #[test]
    fn all_65536_patterns_come_back_the_same() {
        for (to_f32, from_f32, fraction_bits, _) in FORMATS {
            for bits in 0..=u16::MAX {
                let quiet = if to_f32(bits).is_nan() { 1 << (fraction_bits - 1) } else { 0 };
                assert_eq!(from_f32(to_f32(bits)), bits | quiet, "{bits:#06x}");
            }
        }
    }

    #[test]
    fn between_two_neighbours_the_nearest_wins_and_the_middle_goes_to_the_even_one() {
        for (to_f32, from_f32, fraction_bits, _) in FORMATS {
            let infinity = 0x7FFFu16 >> fraction_bits << fraction_bits;
            for low in 0..infinity - 1 {
                let high = low + 1;
                // The middle has one bit more than its neighbours, so it is exact in an f32.
                let middle = ((f64::from(to_f32(low)) + f64::from(to_f32(high))) / 2.0) as f32;
                let even = if low % 2 == 0 { low } else { high };
                for (x, expected) in [(middle.next_down(), low), (middle, even), (middle.next_up(), high)] {
                    assert_eq!(from_f32(x), expected, "{x:e}");
                    assert_eq!(from_f32(-x), 0x8000 | expected, "{:e}", -x);
                }
            }
        }
    }

    #[test]
    fn past_the_largest_number_comes_infinity() {
        // Half a step (32/2) past 65504 is the middle, and infinity counts as even.
        assert_eq!(F16::nearest(65519.99), F16(0x7BFF));
        assert_eq!(F16::nearest(65520.0), F16(0x7C00));
        assert_eq!(F16::nearest(-f32::MAX), F16(0xFC00));
        assert_eq!(F16::nearest(f32::INFINITY), F16(0x7C00));
        assert_eq!(Bf16::nearest(f32::MAX), Bf16(0x7F80));
        assert_eq!(Bf16::nearest(f32::NEG_INFINITY), Bf16(0xFF80));
    }

    #[test]
    fn a_nan_stays_one_even_if_its_marks_are_in_the_low_bits() {
        for bits in [0x7F80_0001, 0xFF80_0001, 0x7FFF_FFFF] {
            let nan = f32::from_bits(bits);
            assert!(F16::nearest(nan).value().is_nan());
            assert!(Bf16::nearest(nan).value().is_nan());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn no_other_number_is_nearer(bits in any::<u32>()) {
            let x = f32::from_bits(bits);
            prop_assume!(x.is_finite());
            for (to_f32, from_f32, fraction_bits, bias) in FORMATS {
                let found = from_f32(x);
                // Infinity stands where the next number would: at 2^(bias + 1).
                let value = |bits: u16| {
                    let v = f64::from(to_f32(bits));
                    if v.is_infinite() { v.signum() * 2f64.powi(bias + 1) } else { v }
                };
                let distance = |bits: u16| (value(bits) - f64::from(x)).abs();
                if found & 0x7FFF != 0 {
                    prop_assert!(distance(found) <= distance(found - 1));
                }
                if found & 0x7FFF != 0x7FFFu16 >> fraction_bits << fraction_bits {
                    prop_assert!(distance(found) <= distance(found + 1));
                }
            }
        }
    }
}
