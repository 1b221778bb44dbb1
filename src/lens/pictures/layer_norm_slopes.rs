//! How one number of a row acts on the others in layer norm: directly, through the mean, and through the variance.
//!
//! [Chapter 12](crate::book::ch12_backpropagation) explains it.

use super::slopes::{SLOPE_FILL, SLOPE_INK, VALUE_FILL, label};
use crate::lens::svg::{Align, FAINT, INK, Point, Svg};

/// The three ways in which number `j` of a row acts on each `z_i`, without epsilon: directly, through the mean, and
/// through variance and scale.
fn ways(x: [f64; 4], j: usize) -> [[f64; 4]; 3] {
    let (mean, _, scale) = statistics(x);
    let z = x.map(|x| (x - mean) * scale);
    [0, 1, 2, 3]
        .map(|i| [if i == j { scale } else { 0.0 }, -scale / 4.0, -scale * z[i] * z[j] / 4.0])
        .iter()
        .enumerate()
        .fold([[0.0; 4]; 3], |mut ways, (i, of_i)| {
            (0..3).for_each(|way| ways[way][i] = of_i[way]);
            ways
        })
}

/// The mean of a row, its variance, and what layer norm multiplies by.
fn statistics(x: [f64; 4]) -> (f64, f64, f64) {
    let mean = x.iter().sum::<f64>() / 4.0;
    let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 4.0;
    (mean, variance, 1.0 / variance.sqrt())
}

/// The graph from `x_j` to `z_i` with the local slope on each arrow, and below it what the three ways come to for a row
/// of four numbers.
///
/// # Example: the row of chapter 12
///
/// ```
/// use gpt60::lens::pictures::layer_norm_slopes;
///
/// let svg = layer_norm_slopes::slopes([1.0, -1.0, 1.0, -1.0], 0);
/// assert!(svg.contains(">through the mean</text>") && svg.contains(">-0.25</text>")); // -scale / n
/// ```
///
/// # Panics
///
/// If `j` is not below 4.
pub fn slopes(x: [f64; 4], j: usize) -> String {
    let (mean, variance, scale) = statistics(x);
    let mut svg = Svg::new(760.0, 500.0, "The three ways in which a number of a row acts on another in layer norm");
    svg.heading((28.0, 32.0), Align::Left, "z = (x - mean) · scale, with scale = 1 / sqrt(variance)");
    svg.note((28.0, 52.0), Align::Left, "on each arrow its local slope; along a way slopes are multiplied, and the ways are added (epsilon is left out)");

    // Three lanes, from x_j on the left to z_i on the right.
    let (direct, through_mean, through_scale) = (104.0, 180.0, 276.0);
    let (left, right) = (128.0, 648.0);
    let mean_box = (326.0, through_mean - 20.0);
    let (variance_box, scale_box) = ((274.0, through_scale - 20.0), (460.0, through_scale - 20.0));
    svg.arrow(&[(left, direct), (right, direct)]);
    svg.arrow(&[(left, through_mean), (mean_box.0, through_mean)]);
    svg.arrow(&[(mean_box.0 + 124.0, through_mean), (right, through_mean)]);
    svg.arrow(&[(left, through_scale), (variance_box.0, through_scale)]);
    svg.arrow(&[(variance_box.0 + 116.0, through_scale), (scale_box.0, through_scale)]);
    svg.arrow(&[(scale_box.0 + 92.0, through_scale), (right, through_scale)]);
    svg.dashed_line(&[(350.0, mean_box.1 + 40.0), (350.0, variance_box.1)], FAINT, 1.4);
    svg.note((360.0, 232.0), Align::Left, "0: the sum of all -2·(x_i - mean) / n");
    tall(&mut svg, (28.0, 78.0), &format!("x_{j}"), &format!("= {}", x[j]), "x_j");
    tall(&mut svg, (right, 78.0), "z_i", "", "each z");
    for (at, width, words) in [
        (mean_box, 124.0, format!("mean = {}", short(mean))),
        (variance_box, 116.0, format!("variance = {}", short(variance))),
        (scale_box, 92.0, format!("scale = {}", short(scale))),
    ] {
        svg.rect(at, (width, 40.0), VALUE_FILL);
        svg.frame(at, (width, 40.0), INK, 1.2);
        svg.text((at.0 + width / 2.0, at.1 + 25.0), Align::Middle, &words);
    }
    label(&mut svg, (388.0, direct), "× scale");
    svg.note((388.0, direct - 15.0), Align::Middle, "on its own z alone: i = j");
    label(&mut svg, (225.0, through_mean), "× 1/n");
    label(&mut svg, (548.0, through_mean), "× -scale");
    for (x, words) in [(200.0, "× 2·(x_j - mean)/n"), (424.0, "× -scale³/2"), (598.0, "× (x_i - mean)")] {
        svg.colored_text((x, through_scale + 38.0), Align::Middle, words, SLOPE_INK, 14.0);
    }

    // What they come to.
    let row = x.map(|x| x.to_string()).join(", ");
    svg.text((28.0, 356.0), Align::Left, &format!("The row x = ({row}): how much x_{j} acts on each z"));
    let column = |i: usize| 486.0 + 72.0 * i as f64;
    for i in 0..4 {
        svg.heading((column(i), 356.0), Align::Right, &format!("z_{i}"));
    }
    let ways = ways(x, j);
    let names = [
        ("directly", "scale, if i = j"),
        ("through the mean", "-scale / n"),
        ("through variance and scale", "-scale·z_i·z_j / n"),
    ];
    for (way, (name, formula)) in names.into_iter().enumerate() {
        let y = 384.0 + 26.0 * way as f64;
        svg.text((28.0, y), Align::Left, name);
        svg.colored_text((238.0, y), Align::Left, formula, SLOPE_INK, 14.0);
        for (i, slope) in ways[way].iter().enumerate() {
            svg.text((column(i), y), Align::Right, &short(*slope));
        }
    }
    svg.rect((20.0, 446.0), (712.0, 32.0), SLOPE_FILL);
    svg.heading((28.0, 467.0), Align::Left, "together");
    for i in 0..4 {
        svg.heading((column(i), 467.0), Align::Right, &short(ways.iter().map(|way| way[i]).sum()));
    }
    svg.finish()
}

/// A box that is as tall as the three lanes.
fn tall(svg: &mut Svg, at: Point, name: &str, value: &str, note: &str) {
    let (width, height) = (if value.is_empty() { 84.0 } else { 100.0 }, 226.0);
    svg.rect(at, (width, height), VALUE_FILL);
    svg.frame(at, (width, height), INK, 1.2);
    let middle = at.0 + width / 2.0;
    svg.heading((middle, at.1 + 112.0), Align::Middle, &format!("{name} {value}"));
    svg.note((middle, at.1 + 134.0), Align::Middle, note);
}

/// A number with at most four decimals.
fn short(x: f64) -> String {
    let rounded = (x * 1e4).round() / 1e4;
    (rounded + 0.0).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_together_are_the_measured_slopes() {
        let x = [1.0, 2.0, 3.0, 6.0];
        let z = |x: [f64; 4]| {
            let (mean, _, scale) = statistics(x);
            x.map(|x| (x - mean) * scale)
        };
        for j in 0..4 {
            let (mut up, mut down) = (x, x);
            (up[j], down[j]) = (x[j] + 1e-5, x[j] - 1e-5);
            for i in 0..4 {
                let measured = (z(up)[i] - z(down)[i]) / 2e-5;
                let sum: f64 = ways(x, j).iter().map(|way| way[i]).sum();
                assert!((sum - measured).abs() < 1e-8, "x_{j} on z_{i}: {sum}, measured {measured}");
            }
        }
    }

    #[test]
    fn the_numbers_of_the_chapter_stand_in_the_table() {
        // 1 - 1/4 - 1/4, 0 - 1/4 + 1/4, 0 - 1/4 - 1/4, 0 - 1/4 + 1/4.
        let svg = slopes([1.0, -1.0, 1.0, -1.0], 0);
        let bold: Vec<&str> = svg.lines().filter(|line| line.contains("y=\"467\"")).collect();
        for (line, sum) in bold[1..].iter().zip(["0.5", "0", "-0.5", "0"]) {
            assert!(line.contains(&format!(">{sum}</text>")), "{line}");
        }
        assert!(svg.contains("mean = 0<") && svg.contains("variance = 1<") && svg.contains("scale = 1<"));
        // Row 1, 2, 3, 6 of chapter 4: mean 3, variance 3.5, 1 / 1.8708 = 0.5345.
        let svg = slopes([1.0, 2.0, 3.0, 6.0], 3);
        assert!(svg.contains("mean = 3<") && svg.contains("variance = 3.5<") && svg.contains("scale = 0.5345<"));
    }
}
