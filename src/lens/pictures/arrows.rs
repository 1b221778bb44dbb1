//! Vectors of two numbers as arrows on squared paper: lengths, angles, dot products.
//!
//! [Chapter 3](crate::book::ch03_embeddings) shows it.

use crate::lens::svg::{Align, COLORS, FAINT, INK, Point, Svg};

/// The side of a square of the paper.
const SQUARE: f64 = 46.0;

/// The numbers of chapter 3.
pub const VECTORS: [[f64; 2]; 4] = [[3.0, 4.0], [4.0, 3.0], [-1.0, 0.0], [30.0, 40.0]];

fn dot(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

fn length(a: [f64; 2]) -> f64 {
    dot(a, a).sqrt()
}

/// The cosine of the angle between two vectors, and the angle in degrees.
fn angle(a: [f64; 2], b: [f64; 2]) -> (f64, f64) {
    let cosine = dot(a, b) / (length(a) * length(b));
    (cosine, cosine.clamp(-1.0, 1.0).acos().to_degrees())
}

/// The vectors `a`, `b` and `c` on one sheet, `a` and the far longer `d` on another whose squares are ten times as
/// large, and a table of what the chapter compares.
///
/// # Example
///
/// ```
/// use gpt60::lens::pictures::arrows;
///
/// let svg = arrows::arrows(arrows::VECTORS);
/// assert!(svg.contains(">0.96</text>") && svg.contains(">16.3°</text>"));
/// ```
pub fn arrows([a, b, c, d]: [[f64; 2]; 4]) -> String {
    let mut svg = Svg::new(740.0, 536.0, "Four vectors as arrows on squared paper, with their lengths and angles");
    svg.heading((40.0, 32.0), Align::Left, "a, b and c");
    svg.note((40.0, 50.0), Align::Left, "a square is 1 by 1");
    svg.heading((470.0, 32.0), Align::Left, "a and d");
    svg.note((470.0, 50.0), Align::Left, "a square is 10 by 10");

    let origin = (40.0 + 2.0 * SQUARE, 66.0 + 5.0 * SQUARE);
    paper(&mut svg, origin, [-2, 5], [-1, 5], 1);
    let turn = |v: [f64; 2]| v[1].atan2(v[0]);
    arc(&mut svg, origin, 116.0, turn(b), turn(a), &format!("{:.1}°", angle(a, b).1), (150.0, 0.0));
    arc(&mut svg, origin, 36.0, turn(a), turn(c), &format!("{:.1}°", angle(a, c).1), (62.0, 0.3));
    for (v, name, color, shift) in
        [(a, "a", COLORS[0], (-10.0, -10.0)), (b, "b", COLORS[1], (16.0, -8.0)), (c, "c", COLORS[3], (4.0, 34.0))]
    {
        arrow(&mut svg, origin, v, SQUARE, name, color, shift);
    }
    let far = (470.0, 66.0 + 5.0 * SQUARE);
    paper(&mut svg, far, [0, 5], [-1, 5], 10);
    arrow(&mut svg, far, d, SQUARE / 10.0, "d", COLORS[2], (-14.0, -10.0));
    arrow(&mut svg, far, a, SQUARE / 10.0, "a", COLORS[0], (54.0, 6.0));

    let columns = [40.0, 270.0, 380.0, 500.0, 620.0];
    let top = 392.0;
    for (x, name) in columns.iter().zip(["pair", "lengths", "dot", "cosine", "angle"]) {
        let align = if *x == 40.0 { Align::Left } else { Align::Right };
        svg.note((x + if *x == 40.0 { 0.0 } else { 60.0 }, top), align, name);
    }
    svg.line(&[(40.0, top + 8.0), (700.0, top + 8.0)], "#d5d9e0", 1.0);
    for (i, (other, name, words)) in [
        (b, "a and b", "nearly the same direction"),
        (c, "a and c", "rather the opposite"),
        (d, "a and d", "exactly the same, ten times as long"),
    ]
    .into_iter()
    .enumerate()
    {
        let y = top + 32.0 + 38.0 * i as f64;
        let (cosine, degrees) = angle(a, other);
        svg.heading((columns[0], y), Align::Left, name);
        svg.note((columns[0], y + 16.0), Align::Left, words);
        for (x, text) in columns[1..].iter().zip([
            format!("{}, {}", length(a), length(other)),
            dot(a, other).to_string(),
            cosine.to_string(),
            format!("{degrees:.1}°"),
        ]) {
            svg.text((x + 60.0, y), Align::Right, &text);
        }
    }
    svg.finish()
}

/// Squared paper around the point where all numbers are 0, with the numbers on both axes.
fn paper(svg: &mut Svg, origin: Point, across: [i32; 2], up: [i32; 2], each: i32) {
    let x = |i: i32| origin.0 + SQUARE * f64::from(i);
    let y = |i: i32| origin.1 - SQUARE * f64::from(i);
    for i in across[0]..=across[1] {
        let (color, thickness) = if i == 0 { (FAINT, 1.4) } else { ("#dde2ea", 1.0) };
        svg.line(&[(x(i), y(up[0])), (x(i), y(up[1]))], color, thickness);
        if i != 0 {
            svg.note((x(i), origin.1 + 15.0), Align::Middle, &(i * each).to_string());
        }
    }
    for i in up[0]..=up[1] {
        let (color, thickness) = if i == 0 { (FAINT, 1.4) } else { ("#dde2ea", 1.0) };
        svg.line(&[(x(across[0]), y(i)), (x(across[1]), y(i))], color, thickness);
        if i > 0 {
            svg.note((origin.0 - 6.0, y(i) + 4.0), Align::Right, &(i * each).to_string());
        }
    }
}

/// A vector from the origin, with its name, its numbers and its length at the tip.
fn arrow(svg: &mut Svg, origin: Point, v: [f64; 2], unit: f64, name: &str, color: &str, shift: Point) {
    let tip = (origin.0 + unit * v[0], origin.1 - unit * v[1]);
    svg.colored_arrow(&[origin, tip], color, 3.0);
    let words = format!("{name} = ({}, {})", v[0], v[1]);
    svg.heading((tip.0 + shift.0, tip.1 + shift.1), Align::Middle, &words);
}

/// An arc from one direction to another, in radians from the x axis, with a note beside its middle.
fn arc(svg: &mut Svg, origin: Point, radius: f64, from: f64, to: f64, text: &str, (distance, more): Point) {
    let at = |turn: f64, radius: f64| (origin.0 + radius * turn.cos(), origin.1 - radius * turn.sin());
    let points: Vec<Point> = (0..=24).map(|i| at(from + (to - from) * f64::from(i) / 24.0, radius)).collect();
    svg.line(&points, INK, 1.2);
    let (x, y) = at((from + to) / 2.0 + more, distance);
    svg.colored_text((x, y + 4.0), Align::Middle, text, INK, 13.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_angles_and_products_are_those_of_the_chapter() {
        let svg = arrows(VECTORS);
        // 3*4 + 4*3, 24 / 25; 3*(-1), -3 / 5; 3*30 + 4*40, 250 / 250. acos(0.96) is 16.26 degrees, acos(-0.6) 126.87.
        for text in
            [">24<", ">-3<", ">250<", ">0.96<", ">-0.6<", ">1<", ">16.3°<", ">126.9°<", ">0.0°<", ">5, 5<", ">5, 50<"]
        {
            assert!(svg.contains(text), "{text}");
        }
        assert_eq!((svg.matches(">16.3°<").count(), svg.matches(">a = (3, 4)<").count()), (2, 2));
    }

    #[test]
    fn an_arrow_ends_where_its_numbers_say() {
        // From the origin at (132, 296), b is 4 squares of 46 to the right and 3 up.
        assert!(arrows(VECTORS).contains("points=\"316,158 "));
    }
}
