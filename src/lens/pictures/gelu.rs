//! GELU beside ReLU: two bends, from -4 to 4.
//!
//! [Chapter 4](crate::book::ch04_basic_layers) shows it.

use crate::layers::gelu;
use crate::lens::chart::{Chart, Scale, ticks};
use crate::lens::svg::{Align, COLORS, FAINT, INK, Point, Svg};

/// The curve of GELU from `from` to `to`, both in hundredths, at every so many hundredths.
fn curve(from: i32, to: i32, step: usize) -> Vec<Point> {
    (from..=to).step_by(step).map(|hundredths| f64::from(hundredths) / 100.0).map(|x| (x, gelu(x))).collect()
}

/// GELU of one number, as GPT-2 computes it.
fn gelu(x: f64) -> f64 {
    f64::from(gelu::gelu(x as f32))
}

/// Two charts: GELU and ReLU from -4 to 4, and the dip of GELU below 0, enlarged. A few values are marked.
///
/// # Example
///
/// ```
/// use gpt60::lens::pictures::gelu;
///
/// assert!(gelu::curves().contains("gelu(1) = 0.8412"));
/// ```
pub fn curves() -> String {
    let mut svg = Svg::new(740.0, 420.0, "GELU beside ReLU from -4 to 4, and the dip of GELU below 0, enlarged");
    svg.line(&[(64.0, 27.0), (100.0, 27.0)], COLORS[0], 3.0);
    svg.text((108.0, 32.0), Align::Left, "GELU: a smooth bend");
    svg.dashed_line(&[(290.0, 27.0), (326.0, 27.0)], INK, 1.6);
    svg.text((334.0, 32.0), Align::Left, "ReLU: negative numbers become 0, the others stay");

    let (x, y) = (Scale::linear(-4.0, 4.0), Scale::linear(-0.5, 4.0));
    let whole = Chart { at: (64.0, 62.0), size: (352.0, 298.0), x, y };
    whole.axes(&mut svg, &ticks(-4.0, 4.0, 9), &ticks(-0.5, 4.0, 6), "x", "what comes out");
    let (x, y) = (Scale::linear(-3.0, 0.5), Scale::linear(-0.2, 0.1));
    let dip = Chart { at: (490.0, 62.0), size: (224.0, 298.0), x, y };
    dip.axes(&mut svg, &ticks(-3.0, 0.5, 4), &ticks(-0.2, 0.1, 4), "x", "");
    svg.note((602.0, 54.0), Align::Middle, "the dip, enlarged");
    // The part of the left chart that the right one shows.
    let (corner, end) = (whole.point(-3.0, 0.1), whole.point(0.5, -0.2));
    svg.frame(corner, (end.0 - corner.0, end.1 - corner.1), FAINT, 1.0);
    svg.dashed_line(&[(end.0, corner.1), (452.0, 104.0)], "#b9c0cb", 1.0);
    svg.dashed_line(&[end, (452.0, 356.0)], "#b9c0cb", 1.0);

    whole.curve(&mut svg, &curve(-400, 400, 5), COLORS[0], 3.0);
    svg.dashed_line(&[whole.point(-4.0, 0.0), whole.point(0.0, 0.0), whole.point(4.0, 4.0)], INK, 1.6);
    let shown: Vec<Point> = curve(-300, 50, 3).into_iter().filter(|&(_, y)| y <= 0.1).collect();
    dip.curve(&mut svg, &shown, COLORS[0], 3.0);
    svg.dashed_line(&[dip.point(-3.0, 0.0), dip.point(0.0, 0.0), dip.point(0.1, 0.1)], INK, 1.6);

    for x in [1.0, 2.0, 3.0] {
        let at = whole.point(x, gelu(x));
        svg.dot(at, 4.0, COLORS[0]);
        svg.note((at.0 - 9.0, at.1 - 3.0), Align::Right, &format!("gelu({x}) = {:.4}", gelu(x)));
    }
    for (x, align, across, up) in
        [(-2.0, Align::Right, -8.0, -8.0), (-1.0, Align::Right, -9.0, 4.0), (-0.5, Align::Left, 9.0, 4.0)]
    {
        let at = dip.point(x, gelu(x));
        svg.dot(at, 4.0, COLORS[0]);
        svg.note((at.0 + across, at.1 - up + 8.0), align, &format!("{:.4}", gelu(x)));
    }
    let (x, y) = lowest();
    let at = dip.point(x, y);
    svg.dot(at, 4.0, COLORS[0]);
    svg.note((at.0, at.1 + 20.0), Align::Middle, &format!("lowest: {y:.4} at {x}"));
    svg.finish()
}

/// The lowest of the points of [`curve`].
fn lowest() -> Point {
    curve(-400, 400, 1).into_iter().fold((0.0, f64::MAX), |low, point| if point.1 < low.1 { point } else { low })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marked_values_are_those_of_the_normal_distribution() {
        // x * P(a normal number < x), from a table of the normal distribution; GPT-2's formula is within 0.0005 of it.
        let table = [(1.0, 0.8413), (2.0, 1.9545), (3.0, 2.9960), (-2.0, -0.0455), (-1.0, -0.1587), (-0.5, -0.1543)];
        let svg = curves();
        for (x, expected) in table {
            let written = format!("{:.4}</text>", gelu(x));
            assert!(svg.contains(&written) && (gelu(x) - expected).abs() < 5e-4, "{x}: {written}");
        }
        // The slope of x * P(x) is 0 at -0.7518, where it is -0.1700.
        let (x, y) = lowest();
        assert!((x + 0.7518).abs() < 0.011 && (y + 0.17).abs() < 1e-3, "{x} {y}");
        assert!(svg.contains(&format!("lowest: {y:.4} at {x}")));
    }

    #[test]
    fn relu_bends_at_zero() {
        // From (-4, 0) over (0, 0) to (4, 4): left, middle and right of a chart from 64 to 416, and its upper edge.
        // 0 lies a ninth of its 298 pixels above its lower edge: 360 - 298 * 0.5 / 4.5 = 326.9.
        assert!(curves().contains("points=\"64,326.9 240,326.9 416,62\""));
    }
}
