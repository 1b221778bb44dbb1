//! Attention in several heads: columns cut apart, a triangle of weights for each, put side by side again.
//!
//! [Chapter 5](crate::book::ch05_attention) shows it.

use super::slopes::{SLOPE_FILL, SLOPE_INK, VALUE_FILL};
use crate::Tensor;
use crate::lens::svg::{Align, FAINT, INK, Point, Svg, is_dark, shade};

/// The side of a cell of a triangle, and the room between two triangles.
const CELL: f64 = 24.0;
const GAP: f64 = 14.0;
/// The fill of every second part.
const OTHER_FILL: &str = "#f1f5fa";

/// All heads of one block: its queries, keys and values cut into as many parts as there are heads, the weights of each
/// head in hundredths, the results side by side, and `c_proj`, which mixes them. The way of one head is drawn in full.
///
/// `weights` are those of a block, `[n_head, n_seq, n_seq]`; `labels` say what the tokens are.
///
/// # Example
///
/// ```
/// use gpt60::lens::pictures::{attention, heads};
/// use gpt60::{Config, Gpt2, Rng};
///
/// let model = Gpt2::random(&Config::new(10, 8, 12, 3, 2), &mut Rng::new(1))?;
/// let weights = attention::weights(&model, &[5, 1, 7])?;
/// let svg = heads::heads(&weights[1], 1, 12, &["five", "one", "seven"].map(str::to_string));
/// assert!(svg.contains(">head 2</text>") && svg.contains("[3, 4]")); // 12 columns in 3 heads
/// # Ok::<(), gpt60::Error>(())
/// ```
///
/// # Panics
///
/// If the numbers of labels and tokens differ.
pub fn heads(weights: &Tensor, block: usize, n_embd: usize, labels: &[String]) -> String {
    let (n_head, n_seq) = (weights.shape()[0], weights.n_cols());
    assert_eq!(labels.len(), n_seq, "a label for each token");
    let head_size = n_embd / n_head;
    let map = CELL * n_seq as f64;
    let (left, total) = (84.0, ((map + GAP) * n_head as f64 - GAP).max(440.0));
    let pitch = (total + GAP) / n_head as f64; // from one triangle to the next
    let shown = n_head / 3; // the head whose way is drawn
    let shape = |n_cols: usize| format!("[{n_seq}, {n_cols}]");

    // From top to bottom: q, k and v; the triangles; the results; c_proj; the end.
    let (cut, top) = (96.0, 236.0);
    let results = top + map + 62.0;
    let mut svg = Svg::new(left + total + 18.0, results + 206.0, "Attention in several heads, side by side");
    svg.heading((20.0, 32.0), Align::Left, &format!("Block {block}: {n_head} heads of {head_size} columns each"));
    svg.note((20.0, 52.0), Align::Left, "a row for each token; the weights in hundredths, rounded");

    let third = (total - 48.0) / 3.0;
    let x_of_head = |head: usize| left + pitch * head as f64;
    let mut starts = [0.0; 3];
    for (which, name) in ["q", "k", "v"].into_iter().enumerate() {
        let x = left + (third + 24.0) * which as f64;
        svg.text((x, cut - 10.0), Align::Left, name);
        svg.note((x + third, cut - 10.0), Align::Right, &shape(n_embd));
        parts(&mut svg, (x, cut), (third, 44.0), n_head, shown, |head| head.to_string());
        starts[which] = x + third * (shown as f64 + 0.5) / n_head as f64;
    }

    // The way of one head: q and k make its weights, which average v.
    let (x, bottom) = (x_of_head(shown), cut + 44.0);
    let beside = x + map + GAP / 2.0;
    for (from, turn, to) in [(starts[0], 20.0, x + 0.3 * map), (starts[1], 34.0, x + 0.7 * map)] {
        let tip = (to, top - 26.0);
        svg.colored_arrow(&[(from, bottom), (from, bottom + turn), (to, bottom + turn), tip], SLOPE_INK, 1.6);
    }
    let join = top + map + 25.0;
    let way = [
        (starts[2], bottom),
        (starts[2], bottom + 20.0),
        (beside, bottom + 20.0),
        (beside, join),
        (x + map / 2.0 + 5.0, join),
    ];
    svg.colored_arrow(&way, SLOPE_INK, 1.6);

    for (t, label) in labels.iter().enumerate() {
        svg.text((left - 10.0, top + CELL * (t as f64 + 0.5) + 5.0), Align::Right, label);
    }
    for head in 0..n_head {
        let x = x_of_head(head);
        let color = if head == shown { SLOPE_INK } else { INK };
        svg.colored_text((x + map / 2.0, top - 9.0), Align::Middle, &format!("head {head}"), color, 13.0);
        triangle(&mut svg, (x, top), weights, head);
        svg.arrow(&[(x + map / 2.0, top + map + 4.0), (x + map / 2.0, results - 2.0)]);
    }
    svg.note((x + map / 2.0 - 8.0, join + 16.0), Align::Right, "weights·v");

    // The results have the places of their columns; here each stands under its triangle.
    for (line, words) in ["results,", "side by", "side"].into_iter().enumerate() {
        svg.note((left - 16.0, results + 12.0 + 15.0 * line as f64), Align::Right, words);
    }
    parts(&mut svg, (left - GAP / 2.0, results), (total + GAP, 44.0), n_head, shown, |_| shape(head_size));
    let middle = left + total / 2.0;
    svg.arrow(&[(middle, results + 44.0), (middle, results + 80.0)]);
    svg.note((middle + 12.0, results + 66.0), Align::Left, &shape(n_embd));
    svg.boxed((middle - 95.0, results + 82.0), (190.0, 36.0), "#ffffff", &format!("c_proj [{n_embd}, {n_embd}]"));
    svg.arrow(&[(middle, results + 118.0), (middle, results + 150.0)]);
    svg.note((middle + 12.0, results + 138.0), Align::Left, &shape(n_embd));
    svg.note((middle, results + 170.0), Align::Middle, "Before c_proj, a head's result is in its own columns alone.");
    svg.note((middle, results + 188.0), Align::Middle, "After it, each column may have something of every head.");
    svg.finish()
}

/// A table cut into parts, one for each head; the one of the shown head stands out.
fn parts(svg: &mut Svg, at: Point, size: Point, n_head: usize, shown: usize, label: impl Fn(usize) -> String) {
    let width = size.0 / n_head as f64;
    for head in 0..n_head {
        let x = at.0 + width * head as f64;
        let fill = if head == shown { SLOPE_FILL } else { [VALUE_FILL, OTHER_FILL][head % 2] };
        svg.rect((x, at.1), (width, size.1), fill);
        svg.frame((x, at.1), (width, size.1), FAINT, 1.0);
        let color = if head == shown { SLOPE_INK } else { INK };
        svg.colored_text((x + width / 2.0, at.1 + size.1 / 2.0 + 5.0), Align::Middle, &label(head), color, 13.0);
    }
}

/// The weights of one head, up to the diagonal.
fn triangle(svg: &mut Svg, at: Point, weights: &Tensor, head: usize) {
    let n_seq = weights.n_cols();
    for t in 0..n_seq {
        for (key, &weight) in weights.row(head * n_seq + t)[..=t].iter().enumerate() {
            let corner = (at.0 + CELL * key as f64, at.1 + CELL * t as f64);
            svg.rect(corner, (CELL - 1.0, CELL - 1.0), &shade(weight));
            let color = if is_dark(weight) { "#ffffff" } else { "#3c4654" };
            let middle = (corner.0 + CELL / 2.0 - 0.5, corner.1 + CELL / 2.0 + 4.0);
            svg.colored_text(middle, Align::Middle, &format!("{:.0}", 100.0 * weight), color, 12.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_weight_that_is_not_masked_stands_in_its_triangle() {
        let two = vec![1.0, 0.0, 0.25, 0.75, 1.0, 0.0, 0.9, 0.1]; // two heads, two tokens
        let svg = heads(&Tensor::new(&[2, 2, 2], two).unwrap(), 3, 6, &["a", "b"].map(str::to_string));
        for (number, count) in [("100", 2), ("25", 1), ("75", 1), ("90", 1), ("10", 1)] {
            assert_eq!(svg.matches(&format!(">{number}</text>")).count(), count, "{number}");
        }
        // q, k and v have 6 columns, and so has what goes into c_proj and comes out; a head has 3.
        assert_eq!((svg.matches(">[2, 6]<").count(), svg.matches(">[2, 3]<").count()), (5, 2));
        assert!(svg.contains(">Block 3: 2 heads of 3 columns each<") && svg.contains(">c_proj [6, 6]<"));
    }
}
