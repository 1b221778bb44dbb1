//! A small graph of numbers: the values that go through it forward, and the slopes that come back.
//!
//! The graph is `end = (a·b + c)·a`, in which `a` is used twice. A tape computes both the values and the slopes.
//!
//! [Chapter 12](crate::book::ch12_backpropagation) begins with it.

use crate::lens::svg::{Align, INK, PANEL, Point, Svg};
use crate::tape::{Tape, Value};

/// The colour of the words about slopes: the orange of the book, dark enough to be read.
pub(super) const SLOPE_INK: &str = "#a4560a";
/// Behind a value, and behind a slope.
pub(super) const VALUE_FILL: &str = "#dbe8f6";
pub(super) const SLOPE_FILL: &str = "#fde9d0";
/// How large a box is: half of its height is for the value, and half for the slope.
const SIZE: Point = (124.0, 60.0);

/// The graph of `end = (a·b + c)·a` for these `[a, b, c]`: in each box a value and the slope of the end, on each arrow the local slope.
///
/// # Example: the numbers of chapter 12
///
/// ```
/// use gpt60::lens::pictures::slopes;
///
/// let svg = slopes::slopes([3.0, 2.0, -1.0]);
/// assert!(svg.contains("end = v·a = 15") && svg.contains("slope 5 + 6 = 11")); // `a` moves the end in two ways
/// ```
pub fn slopes(numbers: [f64; 3]) -> String {
    let mut tape = Tape::new();
    let [a, b, c] = numbers.map(|x| tape.leaf(x));
    let u = tape.mul(a, b);
    let v = tape.add(u, c);
    let end = tape.mul(v, a);
    let slopes = tape.backward(end);
    // Each number, its name, and the upper left corner of its box.
    let boxes = [
        (a, "a", (28.0, 92.0)),
        (b, "b", (28.0, 184.0)),
        (c, "c", (28.0, 276.0)),
        (u, "u = a·b", (252.0, 146.0)),
        (v, "v = u + c", (452.0, 196.0)),
        (end, "end = v·a", (640.0, 92.0)),
    ];
    let corner = |value: Value| boxes.iter().find(|(of, ..)| *of == value).map_or((0.0, 0.0), |(.., at)| *at);

    let mut svg = Svg::new(792.0, 364.0, "A graph of six numbers, with their values and their slopes");
    svg.heading((28.0, 34.0), Align::Left, "end = (a·b + c)·a");
    svg.rect((28.0, 50.0), (14.0, 14.0), VALUE_FILL);
    svg.note((48.0, 62.0), Align::Left, "value: from left to right");
    svg.rect((212.0, 50.0), (14.0, 14.0), SLOPE_FILL);
    svg.note((232.0, 62.0), Align::Left, "slope of the end: from right to left, times what stands on the arrow");

    // From which number to which, and how far below the upper corners the arrow leaves and arrives.
    let arrows = [
        (a, u, (46.0, 14.0)),
        (b, u, (16.0, 46.0)),
        (u, v, (30.0, 16.0)),
        (c, v, (30.0, 46.0)),
        (v, end, (16.0, 46.0)),
        (a, end, (16.0, 16.0)),
    ];
    for (from, to, (leaves, arrives)) in arrows {
        let (start, tip) = (corner(from), corner(to));
        let (start, tip) = ((start.0 + SIZE.0, start.1 + leaves), (tip.0, tip.1 + arrives));
        svg.arrow(&[start, tip]);
        let local = local_slope(&tape, from, to);
        label(&mut svg, ((start.0 + tip.0) / 2.0, (start.1 + tip.1) / 2.0), &format!("× {local}"));
    }
    for (value, name, at) in boxes {
        svg.rect(at, (SIZE.0, SIZE.1 / 2.0), VALUE_FILL);
        svg.rect((at.0, at.1 + SIZE.1 / 2.0), (SIZE.0, SIZE.1 / 2.0), SLOPE_FILL);
        svg.frame(at, SIZE, INK, 1.2);
        let middle = at.0 + SIZE.0 / 2.0;
        svg.heading((middle, at.1 + 20.0), Align::Middle, &format!("{name} = {}", tape.value(value)));
        // The shares that came from each number that was made from this one, the last one first.
        let users =
            boxes.iter().rev().filter(|(of, ..)| tape.nodes[of.0].inputs.iter().any(|&input| is_use(input, value)));
        let shares: Vec<String> =
            users.map(|&(of, ..)| (slopes[of.0] * local_slope(&tape, value, of)).to_string()).collect();
        let sum = match shares.len() {
            0 | 1 => format!("slope {}", slopes[value.0]),
            _ => format!("slope {} = {}", shares.join(" + "), slopes[value.0]),
        };
        svg.colored_text((middle, at.1 + 50.0), Align::Middle, &sum, SLOPE_INK, 14.0);
    }
    svg.finish()
}

/// Whether this input of a node is that number. An input that is not used has the slope 0.
fn is_use((place, local): (usize, f64), value: Value) -> bool {
    place == value.0 && local != 0.0
}

/// How much `to` moves for a step of `from`, which it was made from.
fn local_slope(tape: &Tape, from: Value, to: Value) -> f64 {
    tape.nodes[to.0].inputs.iter().filter(|&&input| is_use(input, from)).map(|(_, local)| local).sum()
}

/// A few letters on a line, with something light behind them.
pub(super) fn label(svg: &mut Svg, at: Point, text: &str) {
    let width = 8.0 * text.chars().count() as f64 + 4.0;
    svg.rect((at.0 - width / 2.0, at.1 - 10.0), (width, 20.0), PANEL);
    svg.colored_text((at.0, at.1 + 5.0), Align::Middle, text, SLOPE_INK, 14.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_formula() {
        // end = (4 * -2 + 5) * 4 = -12. Its slopes: v: a = 4; u and c: 4; b: 4 * a = 16; a: v + 4 * b = -3 - 8 = -11.
        let svg = slopes([4.0, -2.0, 5.0]);
        for words in
            ["u = a·b = -8", "v = u + c = -3", "end = v·a = -12", "slope 16<", "slope -3 + -8 = -11<", "slope 1<"]
        {
            assert!(svg.contains(words), "{words}: {svg}");
        }
        assert_eq!(svg.matches("slope 4<").count(), 3); // c, u and v
    }

    #[test]
    fn each_of_the_six_arrows_has_its_local_slope() {
        let svg = slopes([3.0, 2.0, -1.0]);
        let labels: Vec<&str> = svg.lines().filter_map(|line| line.split_once("× ")?.1.split('<').next()).collect();
        // du/da = b, du/db = a, dv/du and dv/dc = 1, dend/dv = a, dend/da = v = 5.
        assert_eq!(labels, ["2", "3", "1", "1", "3", "5"]);
    }
}
