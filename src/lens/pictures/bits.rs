//! The bits of one number, as each format keeps it: f32, bf16, f16, int8 and int4.
//!
//! In memory a number is a row of bits, and a format says what they mean. The first three are the formats of `float16.rs`:
//! a sign, an exponent, a fraction. The last two are whole numbers; what they are worth, a scale says that stands elsewhere,
//! once for many numbers.
//!
//! [Numbers in fewer bits](crate::book::fewer_bits), a page beside [chapter 16](crate::book::ch16_making_it_fast), shows it.

use crate::float16::{Bf16, F16};
use crate::lens::svg::{Align, COLORS, INK, PANEL, Point, Svg};

/// What a bit belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Sign,
    Exponent,
    Fraction,
    Whole,
}

impl Part {
    const ALL: [(Part, &str); 4] = [
        (Part::Sign, "sign"),
        (Part::Exponent, "exponent"),
        (Part::Fraction, "fraction"),
        (Part::Whole, "whole number"),
    ];

    /// The colour of its boxes, and of the digit in them.
    fn colors(self) -> (&'static str, &'static str) {
        match self {
            Part::Sign => (COLORS[1], INK),
            Part::Exponent => (COLORS[2], INK),
            Part::Fraction => (COLORS[0], PANEL),
            Part::Whole => (COLORS[3], PANEL),
        }
    }
}

/// A number as a format keeps it.
struct Kept {
    name: &'static str,
    /// The bits, the highest first, and what each belongs to.
    bits: Vec<(u8, Part)>,
    /// The sum that gives the value.
    sum: String,
    /// What is kept.
    value: f64,
}

/// The highest `n` bits of a pattern of so many, split into parts of these lengths.
fn split(pattern: u32, parts: &[(Part, u32)]) -> Vec<(u8, Part)> {
    let n: u32 = parts.iter().map(|(_, length)| length).sum();
    let kinds = parts.iter().flat_map(|&(part, length)| (0..length).map(move |_| part));
    kinds.enumerate().map(|(i, part)| (((pattern >> (n - 1 - i as u32)) & 1) as u8, part)).collect()
}

/// A sign, an exponent and a fraction: `n_exponent` and `n_fraction` bits.
fn float(name: &'static str, pattern: u32, n_exponent: u32, n_fraction: u32, value: f32) -> Kept {
    let bits = split(pattern, &[(Part::Sign, 1), (Part::Exponent, n_exponent), (Part::Fraction, n_fraction)]);
    let exponent = (pattern >> n_fraction) & ((1 << n_exponent) - 1);
    let fraction = pattern & ((1 << n_fraction) - 1);
    let sign = if pattern >> (n_exponent + n_fraction) == 0 { "" } else { "-" };
    let bias = (1 << (n_exponent - 1)) - 1;
    let power = exponent as i32 - bias;
    let sum = format!("{sign}2^({exponent} - {bias}) · (1 + {fraction} / 2^{n_fraction}) = {sign}2^{power} · {}", {
        let mantissa = 1.0 + f64::from(fraction) / f64::from(1u32 << n_fraction);
        digits(mantissa)
    });
    Kept { name, bits, sum, value: f64::from(value) }
}

/// A number with nine digits after the point, without zeros at its end.
fn digits(x: f64) -> String {
    format!("{x:.9}").trim_end_matches('0').trim_end_matches('.').to_string()
}

/// The bits of `x` in five formats, one below the other, with the value that each keeps and by how much it is off.
///
/// A whole number of `int8` stands for itself times `int8_scale`; one of `int4`, from 0 to 15, for itself minus 8, times
/// `int4_scale`.
///
/// # Example: one half
///
/// ```
/// use gpt60::lens::pictures::bits;
///
/// let svg = bits::bits(0.5, 0.01, 0.1);
/// assert!(svg.contains("2^(126 - 127)")); // f32 and bf16 keep it as 2^-1 times 1
/// assert!(svg.contains("50 · 0.01 = 0.5") && svg.contains("(13 - 8) · 0.1 = 0.5"));
/// ```
///
/// # Panics
///
/// If `x` is 0, not finite, or too small or too large for a normal number of `f16`; or if a scale is not above 0.
pub fn bits(x: f32, int8_scale: f64, int4_scale: f64) -> String {
    let (bf16, f16) = (Bf16::nearest(x), F16::nearest(x));
    assert!(f16.value().is_finite() && f16.value().abs() >= 2f32.powi(-14), "{x} is no normal number of f16");
    assert!(int8_scale > 0.0 && int4_scale > 0.0, "the scales are {int8_scale} and {int4_scale}");
    let steps = |scale: f64, from: f64, to: f64| (f64::from(x) / scale).round_ties_even().clamp(from, to) as i32;
    let (int8, int4) = (steps(int8_scale, -127.0, 127.0), steps(int4_scale, -8.0, 7.0));
    let rows = [
        float("f32", x.to_bits(), 8, 23, x),
        float("bf16", u32::from(bf16.0), 8, 7, bf16.value()),
        float("f16", u32::from(f16.0), 5, 10, f16.value()),
        Kept {
            name: "int8",
            bits: split((int8 & 0xFF) as u32, &[(Part::Whole, 8)]),
            sum: format!("{int8} · {}", digits(int8_scale)),
            value: f64::from(int8) * int8_scale,
        },
        Kept {
            name: "int4",
            bits: split((int4 + 8) as u32, &[(Part::Whole, 4)]),
            sum: format!("({} - 8) · {}", int4 + 8, digits(int4_scale)),
            value: f64::from(int4) * int4_scale,
        },
    ];

    let (left, top, step, side) = (76.0, 92.0, 74.0, 20.0);
    let title = format!("The bits of {x} in five formats");
    let mut svg = Svg::new(left + 32.0 * side + 24.0, top + step * rows.len() as f64, &title);
    svg.heading((20.0, 32.0), Align::Left, &format!("{x} as each format keeps it"));
    let mut at = left;
    for (part, name) in Part::ALL {
        svg.rect((at, 50.0), (14.0, 14.0), part.colors().0);
        svg.note((at + 20.0, 62.0), Align::Left, name);
        at += 20.0 + 7.0 * name.len() as f64 + 24.0;
    }
    for (i, kept) in rows.iter().enumerate() {
        draw(&mut svg, (left, top + step * i as f64), side, kept, f64::from(x));
    }
    svg.finish()
}

/// One format: its name, its boxes, and below them what they are worth. `at` is the upper left corner of the first box.
fn draw(svg: &mut Svg, at: Point, side: f64, kept: &Kept, exact: f64) {
    svg.heading((at.0 - 12.0, at.1 + 15.0), Align::Right, kept.name);
    for (i, &(bit, part)) in kept.bits.iter().enumerate() {
        let (fill, ink) = part.colors();
        let x = at.0 + side * i as f64;
        svg.rect((x, at.1), (side - 2.0, side), fill);
        svg.colored_text((x + side / 2.0 - 1.0, at.1 + 15.0), Align::Middle, &bit.to_string(), ink, 13.0);
    }
    let n_bits = kept.bits.len();
    if kept.bits.iter().all(|&(_, part)| part == Part::Whole) {
        let beside = (at.0 + side * n_bits as f64 + 12.0, at.1 + 14.0);
        svg.note(beside, Align::Left, "times a scale that stands elsewhere, once for many numbers");
    }
    let off = 100.0 * ((kept.value - exact) / exact).abs();
    let off = match off {
        _ if kept.name == "f32" => "the others are compared with it".to_string(),
        0.0 => "the same".to_string(),
        0.0..0.1 => format!("off by {off:.3}%"),
        _ => format!("off by {off:.1}%"),
    };
    let words = format!("{} = {} ({n_bits} bits; {off})", kept.sum, digits(kept.value));
    svg.note((at.0, at.1 + side + 17.0), Align::Left, &words);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digits in the boxes, row by row, as a string of all.
    fn boxes(svg: &str) -> String {
        let digit =
            |line: &str| line.contains("font-size=\"13\"").then(|| line.split('>').nth(1).unwrap()[..1].to_string());
        svg.lines().filter_map(digit).collect()
    }

    #[test]
    fn the_bits_are_those_of_ieee_754() {
        // 0.1 = 2^-4 * 1.6: exponent 127 - 4 = 123 = 01111011; 0.6 * 2^23 = 5033164.8, rounded 100 1100 1100 1100 1100 1101.
        // bf16: 0.6 * 2^7 = 76.8, rounded 77 = 1001101. f16: exponent 15 - 4 = 11 = 01011; 0.6 * 2^10 = 614.4, 614 = 1001100110.
        // int8: 0.1 / 0.004 = 25 = 00011001. int4: 0.1 / 0.0625 = 1.6, rounded 2, and 10 = 1010.
        let svg = bits(0.1, 0.004, 0.0625);
        let expected =
            ["0 01111011 10011001100110011001101", "0 01111011 1001101", "0 01011 1001100110", "00011001", "1010"];
        assert_eq!(boxes(&svg), expected.concat().replace(' ', ""));
        assert!(svg.contains("2^-4 · 1.6015625 = 0.100097656 ")); // 1 + 77 / 128, divided by 16
        assert!(svg.contains("25 · 0.004 = 0.1 ") && svg.contains("(10 - 8) · 0.0625 = 0.125 "));
        assert!(svg.contains("off by 25.0%"));
    }

    #[test]
    fn a_negative_number_has_its_sign_and_a_byte_of_its_complement() {
        // -3 = -2^1 * 1.5. As a byte 256 - 3 = 253 = 11111101; in four bits 8 - 3 = 5 = 0101.
        let svg = bits(-3.0, 1.0, 1.0);
        assert!(boxes(&svg).starts_with("11000000010000000000000000000000"));
        assert!(boxes(&svg).ends_with("111111010101"));
        assert!(svg.contains("-2^(128 - 127)") && svg.contains("= -3 "));
    }

    #[test]
    #[should_panic(expected = "no normal number")]
    fn what_f16_cannot_keep_is_refused() {
        bits(1e-6, 1.0, 1.0);
    }
}
