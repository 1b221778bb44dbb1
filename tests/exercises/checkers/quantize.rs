//! A row in one byte a number.

use crate::check::{Answer, Exercise, Mistake, Part, number, numbers};
use crate::exercises;
use gpt60::{Rng, quantize};
use std::iter::Sum;

/// Each function has inputs of its own, for a learner who has not written all of them yet.
pub enum Input {
    Quantize(Vec<f32>),
    Dequantize(Vec<i8>, f32),
    Dot(Row, Row),
}

/// A quantized row.
type Row = (Vec<i8>, f32);

pub fn exercise() -> Exercise<Input> {
    use exercises::quantize as learners;
    Exercise {
        name: "quantize",
        inputs,
        describe,
        stub: |i| answer(i, learners::quantize, learners::dequantize, learners::dot),
        library: |i| answer(i, quantize::quantize, quantize::dequantize, quantize::dot),
        tolerance: 1e-5,
        mistakes: [of_quantize(), of_dequantize(), of_dot(), of_types()].into_iter().flatten().collect(),
    }
}

/// Mistakes on the way to whole numbers.
fn of_quantize() -> Vec<Mistake<Input>> {
    vec![
        Mistake {
            when: "the scale is the largest divided by 128: then the largest itself would be 128, and is cut off at 127",
            answer: |i| with_scale(i, |row| largest(row) / 128.0),
        },
        Mistake {
            when: "the scale is made of the mean size of the row: everything above the mean is cut off at 127",
            answer: |i| with_scale(i, |row| row.iter().map(|x| x.abs()).sum::<f32>() / row.len() as f32 / 127.0),
        },
        Mistake {
            when: "the largest number is taken as it is, not the largest in size: a row of large negative ones is cut off",
            answer: |i| with_scale(i, |row| row.iter().copied().fold(0.0, f32::max) / 127.0),
        },
        Mistake {
            when: "the size of the first number is taken, not the largest of the row",
            answer: |i| with_scale(i, |row| row[0].abs() / 127.0),
        },
        Mistake { when: RANGE, answer: |i| with_scale(i, |row| range(row) / 255.0) },
        Mistake { when: RANGE, answer: |i| with_scale(i, |row| range(row) / 254.0) },
        Mistake {
            when: "the search for the largest begins at 1: the largest of a row can be smaller",
            answer: |i| with_scale(i, |row| largest(row).max(1.0) / 127.0),
        },
        Mistake {
            when: "the numbers are cut off instead of rounded: `as i8` alone drops what is behind the point",
            answer: |i| rounded(i, |x| x as i8),
        },
        Mistake {
            when: "a half is added and the rest cut off: that rounds numbers above 0, but takes those below it one too high",
            answer: |i| rounded(i, |x| (x + 0.5) as i8),
        },
        Mistake {
            when: "the numbers are rounded down, also where the next one up is nearer",
            answer: |i| rounded(i, |x| x.floor() as i8),
        },
        Mistake {
            when: "the sign is lost: a whole number without a sign (u8) has no place below 0",
            answer: |i| rounded(i, |x| x.round() as u8 as i8),
        },
        Mistake {
            when: "the sign is lost: the size of each number is quantized",
            answer: |i| rounded(i, |x| x.abs().round() as i8),
        },
        Mistake {
            when: "the scale is upside down: it is what a whole number is multiplied by, not what the row was multiplied by",
            answer: |i| returned(i, |scale| 1.0 / scale),
        },
        Mistake {
            when: "the scale is upside down in all three functions: it is what a whole number is multiplied by on its way back",
            answer: |i| {
                let turned = |scale: f32| if scale > 0.0 { 1.0 / scale } else { 0.0 };
                let dot = |a: (&[i8], f32), b: (&[i8], f32)| quantize::dot((a.0, turned(a.1)), (b.0, turned(b.1)));
                let dequantize = |row: &[i8], scale| quantize::dequantize(row, turned(scale));
                let quantize = |row: &[f32]| {
                    let (numbers, scale) = quantize::quantize(row);
                    (numbers, turned(scale))
                };
                answer(i, quantize, dequantize, dot)
            },
        },
        Mistake {
            when: "the largest number is returned as the scale: it must be divided by 127",
            answer: |i| returned(i, |scale| 127.0 * scale),
        },
        Mistake {
            when: "a row of zeros gets the scale 1: it should be 0",
            answer: |i| returned(i, |scale| if scale == 0.0 { 1.0 } else { scale }),
        },
        Mistake { when: TINY, answer: |i| tiny_is_zero(i, 1e-6) },
        Mistake { when: TINY, answer: |i| tiny_is_zero(i, f32::EPSILON) },
        Mistake { when: TINY, answer: |i| tiny_is_zero(i, 1e-12) },
        Mistake { when: ADDED, answer: |i| with_scale(i, |row| largest(row) / 127.0 + 1e-8) },
        Mistake {
            when: ADDED,
            answer: |i| {
                with_scale(i, |row| match largest(row) {
                    0.0 => 0.0,
                    largest => largest / 127.0 + 1e-8,
                })
            },
        },
        Mistake {
            when: "the row is multiplied by 127 / largest, which is infinite for the smallest of numbers: divide by the scale",
            answer: |i| {
                let quantize = |row: &[f32]| {
                    let factor = 127.0 / largest(row);
                    (row.iter().map(|x| (x * factor).round() as i8).collect(), largest(row) / 127.0)
                };
                answer(i, quantize, quantize::dequantize, quantize::dot)
            },
        },
        Mistake {
            when: "0 is divided by 0: the scale of a row of zeros is NaN",
            answer: |i| returned(i, |scale| if scale == 0.0 { f32::NAN } else { scale }),
        },
    ]
}

const RANGE: &str = "the scale is made of the way from the smallest number to the largest: here 0 stays in the middle, and the largest in size counts";
const ADDED: &str =
    "a small number is added to the scale: that changes a row of very small numbers, and one of zeros has the scale 0";
const TINY: &str = "a row of very small numbers is taken for a row of zeros: only a scale of 0 is one";

/// A scale up to `border` counts as 0.
fn tiny_is_zero(input: &Input, border: f32) -> Answer {
    let quantize = |row: &[f32]| match largest(row) / 127.0 {
        scale if scale > border => quantize::quantize(row),
        _ => (vec![0; row.len()], 0.0),
    };
    answer(input, quantize, quantize::dequantize, quantize::dot)
}

/// Mistakes on the way back.
fn of_dequantize() -> Vec<Mistake<Input>> {
    vec![
        Mistake {
            when: "dequantize divides by the scale, where it should multiply",
            answer: |i| back(i, |q, s| q / s),
        },
        Mistake { when: "dequantize forgets the scale", answer: |i| back(i, |q, _| q) },
        Mistake {
            when: "dequantize divides by 127: the scale has been divided by it already",
            answer: |i| back(i, |q, scale| q / 127.0 * scale),
        },
        Mistake {
            when: "dequantize loses the sign: -1 as u8 is 255",
            answer: |i| back(i, |q, scale| f32::from(q as i8 as u8) * scale),
        },
    ]
}

/// Mistakes with the scales of a dot product.
fn of_dot() -> Vec<Mistake<Input>> {
    vec![
        Mistake { when: "dot forgets the scales", answer: |i| scaled(i, |sum, _, _| sum) },
        Mistake { when: "dot applies the scale of a alone", answer: |i| scaled(i, |sum, a, _| sum * a) },
        Mistake { when: "dot applies the scale of b alone", answer: |i| scaled(i, |sum, _, b| sum * b) },
        Mistake {
            when: "dot applies the scales twice: to the terms, and again to the sum",
            answer: |i| scaled(i, |sum, a, b| sum * a * b * a * b),
        },
        Mistake {
            when: "dot adds the scales, where it should multiply by both",
            answer: |i| scaled(i, |sum, a, b| sum * (a + b)),
        },
        Mistake {
            when: "dot divides by the scales, where it should multiply",
            answer: |i| scaled(i, |sum, a, b| sum / a / b),
        },
        Mistake {
            when: "dot takes the mean of the products, instead of their sum",
            answer: |i| dotted(i, |a, b| sum_of(a, b) as f32 / a.len() as f32),
        },
        Mistake {
            when: "the products are added as f32, which rounds from 2^24 on: add up whole numbers",
            answer: |i| dotted(i, |a, b| summed(a, b, |q, p| f32::from(q) * f32::from(p))),
        },
    ]
}

const BYTES: &str = "two bytes are multiplied as i8, which ends at 127: turn each into an i32 first";
const SHORT: &str = "the sum is kept in an i16, which ends at 32767: three products of 127 * 127 are more";

/// Mistakes with the types of a dot product. They do as a learner's code does: where that panics because a sum is too large,
/// they panic too, and where the check is built without that, they go on.
fn of_types() -> Vec<Mistake<Input>> {
    vec![
        Mistake { when: BYTES, answer: |i| dotted(i, |a, b| summed(a, b, |q, p| i32::from(q * p)) as f32) },
        Mistake { when: BYTES, answer: |i| dotted(i, |a, b| summed(a, b, |q, p| i32::from(q.wrapping_mul(p))) as f32) },
        Mistake {
            when: "the sum is cut to one byte: it is a number like any other, and no quantized one",
            answer: |i| dotted(i, |a, b| sum_of(a, b) as i8 as f32),
        },
        Mistake { when: SHORT, answer: |i| dotted(i, |a, b| summed(a, b, |q, p| i16::from(q) * i16::from(p)).into()) },
        Mistake {
            when: SHORT,
            answer: |i| {
                let products = |(&q, &p): (&i8, &i8)| i16::from(q) * i16::from(p);
                dotted(i, |a, b| a.iter().zip(b).map(products).fold(0, i16::saturating_add).into())
            },
        },
        Mistake { when: SHORT, answer: |i| dotted(i, |a, b| sum_of(a, b) as i16 as f32) },
        Mistake {
            when: "the numbers behind the last whole block of eight are left out",
            answer: |i| dotted(i, |a, b| sum_of(&a[..a.len() / 8 * 8], &b[..a.len() / 8 * 8]) as f32),
        },
        Mistake {
            when: "dot loses the signs: -1 as u8 is 255",
            answer: |i| dotted(i, |a, b| summed(a, b, |q, p| i64::from(q as u8) * i64::from(p as u8)) as f32),
        },
        Mistake {
            when: "dot loses the signs: the sizes are multiplied",
            answer: |i| {
                let size = |q: i8| i64::from(q.unsigned_abs());
                dotted(i, |a, b| summed(a, b, |q, p| size(q) * size(p)) as f32)
            },
        },
    ]
}

fn inputs() -> Vec<Input> {
    let mut rng = Rng::new(16);
    let mut random = |n: usize, deviation: f64| (0..n).map(|_| (deviation * rng.normal()) as f32).collect::<Vec<f32>>();
    let mut bytes = Rng::new(17);
    let mut whole = |n: usize, most: usize| -> Vec<i8> {
        (0..n).map(|_| (bytes.below(2 * most + 1) as i32 - most as i32) as i8).collect()
    };
    vec![
        Input::Quantize(vec![0.3, -1.27, 0.004]),
        Input::Quantize(vec![2.54, 1.0, -0.5]),
        Input::Quantize(vec![-3.0, -1.0, -0.2, 0.3]), // the largest in size is negative
        Input::Quantize(vec![0.0, 0.0]),
        Input::Quantize(random(7, 0.02)),
        Input::Quantize(random(13, 4.0)),
        Input::Quantize(vec![3e-20, -1.27e-18, 4e-21]), // very small ones
        Input::Quantize(vec![1e-37, 2e-38, 4e-38]),     // 1 / scale is infinite
        Input::Dequantize(vec![30, -127, 0], 0.01),
        Input::Dequantize(whole(6, 127), 0.3),
        Input::Dequantize(vec![0, 0], 0.0),
        Input::Dot((vec![3, -2, 5], 0.5), (vec![4, 1, 0], 2.5)), // everything fits into a byte
        Input::Dot((vec![30, -127, 0], 0.01), (vec![127, 50, -25], 0.02)), // products do not
        Input::Dot((vec![127, 127, 100, -90], 0.02), (vec![127, 127, 100, -127], 0.03)), // nor does the sum fit into two
        Input::Dot((whole(50, 127), 0.3), (whole(50, 127), 0.7)),
        // A sum that goes up to 24 million and comes back to 1.
        Input::Dot((([&[127; 3000][..], &[1]]).concat(), 0.5), ([&[127; 1500][..], &[-127; 1500], &[1]].concat(), 0.2)),
    ]
}

/// What the row is, or how it begins.
fn describe(input: &Input) -> String {
    let row = |(numbers, scale): &Row| match numbers.len() {
        n if n > 60 => format!("{n} numbers, {:?} and so on, and the scale {scale}", &numbers[..3]),
        _ => format!("{numbers:?} and the scale {scale}"),
    };
    match input {
        Input::Quantize(numbers) => format!("quantize: {numbers:?}"),
        Input::Dequantize(numbers, scale) => format!("dequantize: {numbers:?} and the scale {scale}"),
        Input::Dot(a, b) => format!("dot: a = {} and b = {}", row(a), row(b)),
    }
}

/// One of the three functions on its input.
fn answer(
    input: &Input,
    quantize: impl Fn(&[f32]) -> Row,
    dequantize: impl Fn(&[i8], f32) -> Vec<f32>,
    dot: impl Fn((&[i8], f32), (&[i8], f32)) -> f32,
) -> Answer {
    match input {
        Input::Quantize(row) => {
            let (numbers, scale) = quantize(row);
            let whole = numbers.into_iter().map(i64::from).collect();
            vec![("numbers", Part::Integers(whole)), ("scale", number(scale))]
        }
        Input::Dequantize(row, scale) => vec![("dequantize", numbers(&dequantize(row, *scale)))],
        Input::Dot((a, scale_a), (b, scale_b)) => vec![("dot", number(dot((a, *scale_a), (b, *scale_b))))],
    }
}

fn largest(row: &[f32]) -> f32 {
    row.iter().fold(0.0, |largest, x| largest.max(x.abs()))
}

/// Everything is right but the scale, for which `quantize` rounds accordingly.
fn with_scale(input: &Input, scale_of: impl Fn(&[f32]) -> f32) -> Answer {
    let quantize = |row: &[f32]| {
        let scale = scale_of(row);
        (row.iter().map(|x| if scale > 0.0 { (x / scale).round() as i8 } else { 0 }).collect(), scale)
    };
    answer(input, quantize, quantize::dequantize, quantize::dot)
}

/// Everything is right but the rounding.
fn rounded(input: &Input, round: impl Fn(f32) -> i8) -> Answer {
    let quantize = |row: &[f32]| {
        let scale = largest(row) / 127.0;
        (row.iter().map(|x| if scale > 0.0 { round(x / scale) } else { 0 }).collect(), scale)
    };
    answer(input, quantize, quantize::dequantize, quantize::dot)
}

/// Everything is right but the scale that is returned.
fn returned(input: &Input, scale: impl Fn(f32) -> f32) -> Answer {
    let quantize = |row: &[f32]| {
        let (numbers, right) = quantize::quantize(row);
        (numbers, scale(right))
    };
    answer(input, quantize, quantize::dequantize, quantize::dot)
}

/// Everything is right but the way back.
fn back(input: &Input, value: impl Fn(f32, f32) -> f32) -> Answer {
    let dequantize = |row: &[i8], scale: f32| row.iter().map(|&q| value(f32::from(q), scale)).collect();
    answer(input, quantize::quantize, dequantize, quantize::dot)
}

/// The way from the smallest number to the largest.
fn range(row: &[f32]) -> f32 {
    let end = |f: fn(f32, f32) -> f32| row.iter().copied().fold(row[0], f);
    end(f32::max) - end(f32::min)
}

fn summed<T: Sum>(a: &[i8], b: &[i8], product: impl Fn(i8, i8) -> T) -> T {
    a.iter().zip(b).map(|(&q, &p)| product(q, p)).sum()
}

fn sum_of(a: &[i8], b: &[i8]) -> i64 {
    summed(a, b, |q, p| i64::from(q) * i64::from(p))
}

/// Everything is right but what becomes of the sum and the two scales.
fn scaled(input: &Input, result: impl Fn(f32, f32, f32) -> f32) -> Answer {
    let dot = |a: (&[i8], f32), b: (&[i8], f32)| result(sum_of(a.0, b.0) as f32, a.1, b.1);
    answer(input, quantize::quantize, quantize::dequantize, dot)
}

/// Everything is right but the sum.
fn dotted(input: &Input, sum: impl Fn(&[i8], &[i8]) -> f32) -> Answer {
    let dot = |a: (&[i8], f32), b: (&[i8], f32)| sum(a.0, b.0) * a.1 * b.1;
    answer(input, quantize::quantize, quantize::dequantize, dot)
}
