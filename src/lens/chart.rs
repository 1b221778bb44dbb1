//! Charts: numbers along two axes, drawn with `svg.rs`.
//!
//! A [`Scale`] says where a number lies between the ends of an axis, [`ticks`] chooses the round numbers to write
//! beside it, and a [`Chart`] puts two scales and a rectangle together. A pair of numbers is then a point in the
//! drawing.
//!
//! [Chapter 15](crate::book::ch15_looking_inside) explains it.

use crate::lens::svg::{Align, FAINT, Point, Svg};

/// How numbers become places along an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    from: f64,
    to: f64,
    log: bool,
}

impl Scale {
    /// Equal steps are equally long.
    pub fn linear(from: f64, to: f64) -> Scale {
        Scale { from, to, log: false }
    }

    /// Equal factors are equally long: from 1 to 10 is as far as from 10 to 100.
    ///
    /// # Panics
    ///
    /// If an end is not above 0, because such a number has no place on it.
    pub fn log(from: f64, to: f64) -> Scale {
        assert!(from > 0.0 && to > 0.0, "a logarithmic scale from {from} to {to}");
        Scale { from, to, log: true }
    }

    /// Where a number is on the way from one end (0) to the other (1).
    ///
    /// # Example
    ///
    /// ```
    /// use gpt60::lens::chart::Scale;
    ///
    /// assert_eq!(Scale::linear(0.0, 8.0).place(2.0), 0.25);
    /// assert!((Scale::log(1.0, 10_000.0).place(10.0) - 0.25).abs() < 1e-9);
    /// ```
    pub fn place(&self, x: f64) -> f64 {
        if self.log {
            (x / self.from).ln() / (self.to / self.from).ln()
        } else {
            (x - self.from) / (self.to - self.from)
        }
    }
}

/// Round numbers from `from` to `to` for the ticks of a linear axis, `at_most` of them or a few fewer, each with its
/// label. They are multiples of 1, 2 or 5 times a power of ten.
///
/// # Example
///
/// ```
/// use gpt60::lens::chart::ticks;
///
/// let labels: Vec<String> = ticks(2.9, 8.3, 7).into_iter().map(|(_, label)| label).collect();
/// assert_eq!(labels, ["3", "4", "5", "6", "7", "8"]);
/// ```
///
/// # Panics
///
/// If `from` is not below `to`.
pub fn ticks(from: f64, to: f64, at_most: usize) -> Vec<(f64, String)> {
    assert!(from < to, "ticks from {from} to {to}");
    let mut power = 10f64.powf(((to - from) / at_most.max(2) as f64).log10().floor());
    loop {
        for step in [1.0, 2.0, 5.0].map(|factor| factor * power) {
            let (first, last) = ((from / step).ceil() as i64, (to / step).floor() as i64);
            if last - first < at_most.max(2) as i64 {
                let decimals = (-power.log10().round()).max(0.0) as usize;
                let tick = |i: i64| (i as f64 * step, format!("{:.decimals$}", i as f64 * step));
                return (first..=last).map(tick).collect();
            }
        }
        power *= 10.0;
    }
}

/// A chart: the rectangle that its axes span, and what they mean.
///
/// # Example: a straight line
///
/// ```
/// use gpt60::lens::chart::{Chart, Scale, ticks};
/// use gpt60::lens::svg::{COLORS, Svg};
///
/// let mut svg = Svg::new(300.0, 200.0, "A straight line");
/// let chart = Chart {
///     at: (60.0, 20.0),
///     size: (200.0, 120.0),
///     x: Scale::linear(0.0, 10.0),
///     y: Scale::linear(0.0, 1.0),
/// };
/// chart.axes(&mut svg, &ticks(0.0, 10.0, 6), &ticks(0.0, 1.0, 6), "steps", "how far");
/// chart.curve(&mut svg, &[(0.0, 0.0), (10.0, 1.0)], COLORS[0], 2.0);
/// assert!(svg.finish().contains("points=\"60,140 260,20\"")); // from the lower left to the upper right
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chart {
    /// The upper left corner.
    pub at: Point,
    /// Width and height.
    pub size: Point,
    /// From left to right.
    pub x: Scale,
    /// From bottom to top.
    pub y: Scale,
}

impl Chart {
    /// Where a pair of numbers is in the drawing. What lies outside is moved to the nearest edge.
    pub fn point(&self, x: f64, y: f64) -> Point {
        let (across, up) = (self.x.place(x).clamp(0.0, 1.0), self.y.place(y).clamp(0.0, 1.0));
        (self.at.0 + across * self.size.0, self.at.1 + (1.0 - up) * self.size.1)
    }

    /// Draws the axes: a line across the chart with its label at each tick, and the axes' names.
    pub fn axes(
        &self,
        svg: &mut Svg,
        x_ticks: &[(f64, String)],
        y_ticks: &[(f64, String)],
        x_name: &str,
        y_name: &str,
    ) {
        let (left, top) = self.at;
        let (right, bottom) = (left + self.size.0, top + self.size.1);
        let grid = "#e3e6ea";
        for (tick, label) in x_ticks {
            let x = left + self.x.place(*tick) * self.size.0;
            svg.line(&[(x, top), (x, bottom)], grid, 1.0);
            svg.note((x, bottom + 18.0), Align::Middle, label);
        }
        for (tick, label) in y_ticks {
            let y = bottom - self.y.place(*tick) * self.size.1;
            svg.line(&[(left, y), (right, y)], grid, 1.0);
            svg.note((left - 8.0, y + 4.0), Align::Right, label);
        }
        svg.line(&[(left, top), (left, bottom), (right, bottom)], FAINT, 1.2);
        svg.note(((left + right) / 2.0, bottom + 38.0), Align::Middle, x_name);
        svg.upward_note((left - 44.0, (top + bottom) / 2.0), y_name);
    }

    /// A line through pairs of numbers.
    pub fn curve(&self, svg: &mut Svg, points: &[Point], color: &str, thickness: f64) {
        let points: Vec<Point> = points.iter().map(|&(x, y)| self.point(x, y)).collect();
        svg.line(&points, color, thickness);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_outside_a_chart_is_drawn_at_its_edge() {
        let (x, y) = (Scale::linear(0.0, 1.0), Scale::log(1.0, 100.0));
        let chart = Chart { at: (10.0, 10.0), size: (100.0, 100.0), x, y };
        assert_eq!(chart.point(0.5, 10.0), (60.0, 60.0));
        assert_eq!(chart.point(-1.0, 1000.0), (10.0, 10.0));
        assert_eq!(chart.point(2.0, 0.0), (110.0, 110.0)); // the logarithm of 0 is minus infinity
    }

    #[test]
    fn ticks_are_round_and_not_too_many() {
        let labels = |from, to, n| ticks(from, to, n).into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels(0.0, 6000.0, 7), ["0", "1000", "2000", "3000", "4000", "5000", "6000"]);
        assert_eq!(labels(1.0, 30.0, 7), ["5", "10", "15", "20", "25", "30"]);
        assert_eq!(labels(0.1, 0.31, 5), ["0.10", "0.15", "0.20", "0.25", "0.30"]);
        assert_eq!(labels(-1.0, 1.0, 3), ["-1", "0", "1"]);
    }

    #[test]
    #[should_panic(expected = "logarithmic")]
    fn a_logarithmic_scale_cannot_begin_at_zero() {
        Scale::log(0.0, 1.0);
    }
}
