//! The roofline: what limits a piece of work, memory or arithmetic?
//!
//! A machine can read `bandwidth` bytes a second and do `peak` operations a second. Work that does `i` operations with
//! every byte it reads cannot be faster than either allows:
//!
//! ```text
//! operations a second <= min(peak, i * bandwidth)
//! ```
//!
//! On two logarithmic axes, the right-hand side is a slope that ends under a flat roof. Left of the corner, memory is
//! the limit; right of it, arithmetic.
//!
//! Source: Williams, Waterman, Patterson, "Roofline: An Insightful Visual Performance Model" (2009), figure 1.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) shows it.

use crate::lens::chart::{Chart, Scale};
use crate::lens::svg::{Align, COLORS, FAINT, Svg};

/// What a GPT does: how many operations for each weight, and how many bytes it reads or writes.
///
/// A token that goes through a weight costs two operations, a multiplication and an addition. A step of training costs
/// three times as much, and touches more than the weights: they are read forward and backward, the gradient is cleared,
/// added to, measured and clipped, and AdamW reads and writes weight, gradient, `m` and `v`. That is about 15 numbers
/// of 4 bytes.
const WORK: [(&str, f64, f64); 5] = [
    ("write a token, f32", 2.0, 4.0),
    ("bf16", 2.0, 2.0),
    ("int8", 2.0, 1.0),
    ("train, 4 x 64 tokens", 3.0 * 2.0 * 256.0, 15.0 * 4.0),
    ("read 512 tokens", 2.0 * 512.0, 4.0),
];

/// The most operations a second for work that does `intensity` of them with each byte.
///
/// # Example: this machine needs 15 operations a byte before arithmetic is the limit
///
/// ```
/// use gpt60::lens::pictures::roofline;
///
/// let (bandwidth, peak) = (32.5e9, 477e9);
/// assert_eq!(roofline::limit(2.0, bandwidth, peak), 65e9);
/// assert_eq!(roofline::limit(15.0, bandwidth, peak), 477e9);
/// ```
pub fn limit(intensity: f64, bandwidth: f64, peak: f64) -> f64 {
    peak.min(intensity * bandwidth)
}

/// The roofline of a machine that reads `bandwidth` bytes and does `peak` operations a second, with the work of a GPT
/// on it.
///
/// # Example: the machine of chapter 16
///
/// ```
/// use gpt60::lens::pictures::roofline;
///
/// let svg = roofline::roofline(32.5e9, 477e9);
/// assert!(svg.contains("32.5 GB/s") && svg.contains("477 GFLOP/s"));
/// ```
///
/// # Panics
///
/// If one of them is not above 0.
pub fn roofline(bandwidth: f64, peak: f64) -> String {
    assert!(bandwidth > 0.0 && peak > 0.0, "a machine of {bandwidth} bytes/s and {peak} operations/s");
    let (from, to) = (0.1, 1000.0);
    // The axis runs between two powers of ten, from below the slope's lower end to above the roof.
    let decade = |x: f64| x.log10().floor() as i32;
    let (low, high) = (decade(limit(from, bandwidth, peak)), decade(peak) + 1);
    let (x, y) = (Scale::log(from, to), Scale::log(10f64.powi(low), 10f64.powi(high)));
    let mut svg = Svg::new(720.0, 440.0, "The roofline: what limits writing, reading and training");
    let chart = Chart { at: (90.0, 40.0), size: (590.0, 330.0), x, y };
    let power = |i: i32, unit: i32| {
        let decimals = (unit - i).max(0) as usize;
        (10f64.powi(i), format!("{:.decimals$}", 10f64.powi(i - unit)))
    };
    let x_ticks: Vec<_> = (-1..=3).map(|i| power(i, 0)).collect();
    let y_ticks: Vec<_> = (low..=high).map(|i| power(i, 9)).collect();
    chart.axes(&mut svg, &x_ticks, &y_ticks, "operations for each byte that is read", "GFLOP/s");

    let corner = peak / bandwidth;
    let at = |i: f64| chart.point(i, limit(i, bandwidth, peak));
    let (left, right) = (at(from), at(to));
    svg.line(&[left, at(corner), right], COLORS[0], 3.0);
    let foot = chart.point(corner, 10f64.powi(low));
    svg.dashed_line(&[at(corner), foot], FAINT, 1.2);
    svg.note((foot.0 - 8.0, foot.1 - 12.0), Align::Right, "memory is the limit");
    svg.note((foot.0 + 8.0, foot.1 - 12.0), Align::Left, "arithmetic is the limit");
    svg.note((right.0, right.1 - 12.0), Align::Right, &format!("peak: {:.0} GFLOP/s", peak / 1e9));
    let beside = at(2.0 * from);
    svg.note((beside.0 + 14.0, beside.1 + 6.0), Align::Left, &format!("bandwidth: {:.1} GB/s", bandwidth / 1e9));
    let mut below = 26.0;
    for (what, operations, bytes) in WORK {
        let intensity = operations / bytes;
        let (x, y) = at(intensity);
        svg.dot((x, y), 6.0, COLORS[1]);
        if intensity < corner {
            svg.text((x + 14.0, y + 6.0), Align::Left, what); // beside the slope
        } else {
            svg.text((x - 22.0, y + below), Align::Left, what); // under the roof
            below += 24.0;
        }
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_is_limited_by_memory_and_reading_by_arithmetic() {
        // Chapter 16: 59 operations for each f32, so 14.7 a byte.
        let (bandwidth, peak) = (32.5e9, 477e9);
        for (what, operations, bytes) in WORK {
            let intensity = operations / bytes;
            let by_memory = limit(intensity, bandwidth, peak) < peak;
            assert_eq!(by_memory, intensity < 14.7, "{what}");
            assert_eq!(by_memory, !what.contains("train") && !what.contains("read"), "{what}");
        }
        // Two operations for 4 bytes: half of 32.5 thousand million a second.
        assert_eq!(limit(WORK[0].1 / WORK[0].2, bandwidth, peak), 16.25e9);
    }

    #[test]
    fn other_machines_have_other_roofs() {
        for (bandwidth, peak) in [(1e9, 1e9), (3e12, 9e14), (1.0, 1e15), (1e15, 1.0)] {
            let svg = roofline(bandwidth, peak);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
