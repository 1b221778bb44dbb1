//! Where each token looks: the attention weights of a whole model, and of one head.
//!
//! A head's weights are a table with a row for each query and a column for each key; row `t` says how token `t` shares
//! out its attention among the tokens up to itself. Drawn in shades, it shows the head's habit at once. A dark diagonal
//! means that tokens look at themselves; a dark line one step beside it, that they look at the token before; a dark
//! first column, that they look at the first token.
//!
//! [Chapter 5](crate::book::ch05_attention) shows it.

use crate::lens::svg::{Align, COLORS, Svg, is_dark, shade};
use crate::{Gpt2, Pass, Probe, Result, Tensor};

/// The attention weights of every block for one text: for each block `[n_head, n_seq, n_seq]`.
///
/// # Example: every token shares out exactly its own attention
///
/// ```
/// use gpt60::lens::pictures::attention;
/// use gpt60::{Config, Gpt2, Rng};
///
/// let model = Gpt2::random(&Config::new(10, 8, 12, 3, 2), &mut Rng::new(1))?;
/// let weights = attention::weights(&model, &[5, 1, 7])?;
/// assert_eq!((weights.len(), weights[0].shape()), (2, [3, 3, 3].as_slice()));
/// assert!(weights[1].row_sum().data().iter().all(|sum| (sum - 1.0).abs() < 1e-5));
/// # Ok::<(), gpt60::Error>(())
/// ```
///
/// # Errors
///
/// If there are no tokens or more than `n_ctx`, or one is not in the vocabulary.
pub fn weights(model: &Gpt2, ids: &[u32]) -> Result<Vec<Tensor>> {
    let names: Vec<String> = (0..model.config.n_layer).map(|i| format!("h.{i}.attn.weights")).collect();
    let mut probe = Probe::only(&names.iter().map(String::as_str).collect::<Vec<_>>());
    model.hidden(ids, Pass::new(ids.len()).watched_by(&mut probe))?;
    Ok(probe.seen().iter().map(|(_, weights)| weights.clone()).collect())
}

/// What one head lets each token see: row `t` has the `t + 1` weights that are not masked.
fn rows(weights: &Tensor, head: usize) -> Vec<&[f32]> {
    let n_seq = weights.n_cols();
    (0..n_seq).map(|t| &weights.row(head * n_seq + t)[..=t]).collect()
}

/// The block and the head that looks most at the token just before: the largest mean weight there.
///
/// Nearly every trained GPT has such a head, and it is the easiest habit to recognize. Which one it is differs from
/// model to model, so the function searches for it.
fn looks_one_back(weights: &[Tensor]) -> (usize, usize) {
    let mut best = (f32::NEG_INFINITY, (0, 0));
    for (i, block) in weights.iter().enumerate() {
        for head in 0..block.shape()[0] {
            let sum: f32 = rows(block, head).iter().enumerate().skip(1).map(|(t, row)| row[t - 1]).sum();
            if sum > best.0 {
                best = (sum, (i, head));
            }
        }
    }
    best.1
}

/// One head, large, with its tokens and its weights in hundredths: the one that looks most at the token just before.
///
/// `weights` are those of [`weights`]; `labels` say what the tokens are.
///
/// # Example
///
/// ```
/// use gpt60::lens::pictures::attention;
/// use gpt60::{Config, Gpt2, Rng};
///
/// let model = Gpt2::random(&Config::new(10, 8, 12, 3, 2), &mut Rng::new(1))?;
/// let weights = attention::weights(&model, &[5, 1, 7])?;
/// let svg = attention::one_head(&weights, &["five", "one", "seven"].map(str::to_string));
/// assert!(svg.contains(">seven</text>") && svg.contains(">100</text>")); // the first token sees only itself
/// # Ok::<(), gpt60::Error>(())
/// ```
///
/// # Panics
///
/// If there are no blocks, or the numbers of labels and tokens differ.
pub fn one_head(weights: &[Tensor], labels: &[String]) -> String {
    let (block, head) = looks_one_back(weights);
    let rows = rows(&weights[block], head);
    assert_eq!(labels.len(), rows.len(), "a label for each token");
    let (left, top, cell) = (110.0, 116.0, 42.0);
    let size = cell * rows.len() as f64;
    let mut svg = Svg::new(left + size + 100.0, top + size + 50.0, "Where each token looks, in one attention head");
    svg.heading((20.0, 32.0), Align::Left, &format!("Block {block}, head {head}"));
    svg.note((20.0, 52.0), Align::Left, "of all heads, the one that looks most at the token just before");
    svg.note((20.0, 70.0), Align::Left, "a row for each query, a column for each key; weights in hundredths, rounded");
    svg.heat_map((left, top), cell, &rows);
    for (t, (row, label)) in rows.iter().zip(labels).enumerate() {
        let (x, y) = (left + cell * t as f64, top + cell * t as f64);
        svg.text((left - 10.0, y + cell / 2.0 + 5.0), Align::Right, label);
        // What is right of the diagonal is masked. That leaves room for the names of the columns.
        svg.note((x + 4.0, y - 6.0), Align::Left, label);
        for (key, &weight) in row.iter().enumerate() {
            let color = if is_dark(weight) { "#ffffff" } else { "#3c4654" };
            let middle = (left + cell * (key as f64 + 0.5), y + cell / 2.0 + 5.0);
            svg.colored_text(middle, Align::Middle, &format!("{:.0}", 100.0 * weight), color, 13.0);
        }
    }
    svg.note((left, top + size + 28.0), Align::Left, "Nothing right of the diagonal: no token looks ahead.");
    svg.finish()
}

/// Every head of every block, small: a column of maps for each block, a row for each head. The one that [`one_head`]
/// shows has a frame.
///
/// # Example
///
/// ```
/// use gpt60::lens::pictures::attention;
/// use gpt60::{Config, Gpt2, Rng};
///
/// let model = Gpt2::random(&Config::new(10, 8, 12, 3, 2), &mut Rng::new(1))?;
/// let svg = attention::all_heads(&attention::weights(&model, &[5, 1, 7])?);
/// assert!(svg.contains(">head 2</text>") && svg.contains(">block</text>") && svg.contains(">1</text>"));
/// # Ok::<(), gpt60::Error>(())
/// ```
///
/// # Panics
///
/// If there are no blocks.
pub fn all_heads(weights: &[Tensor]) -> String {
    let (n_head, n_seq) = (weights[0].shape()[0], weights[0].n_cols());
    let (left, top, gap) = (66.0, 96.0, 10.0);
    let room = (694.0 / weights.len() as f64).floor().min(84.0); // for a block
    let cell = ((room - gap) / n_seq as f64).floor().max(2.0);
    let map = cell * n_seq as f64;
    let column = room.max(map + gap);
    let bottom = top + (map + gap) * n_head as f64;
    let width = (left + column * weights.len() as f64).max(560.0); // the heading and the key are as wide as this
    let mut svg = Svg::new(width, bottom + 50.0, "Where each token looks, in all heads");
    svg.heading((20.0, 32.0), Align::Left, "The same text in every head");
    svg.note((20.0, 50.0), Align::Left, "in each map, queries from top to bottom and keys from left to right");
    for head in 0..n_head {
        let y = top + (map + gap) * head as f64;
        svg.note((left - 10.0, y + map / 2.0 + 4.0), Align::Right, &format!("head {head}"));
    }
    svg.note((left - 10.0, top - 12.0), Align::Right, "block");
    let chosen = looks_one_back(weights);
    for (i, block) in weights.iter().enumerate() {
        let x = left + column * i as f64;
        svg.note((x + map / 2.0, top - 12.0), Align::Middle, &i.to_string());
        for head in 0..n_head {
            let y = top + (map + gap) * head as f64;
            svg.heat_map((x, y), cell, &rows(block, head));
            if chosen == (i, head) {
                svg.frame((x - 4.0, y - 4.0), (map + 8.0, map + 8.0), COLORS[1], 2.0);
            }
        }
    }
    svg.note((left, bottom + 20.0), Align::Left, "weight  0");
    for tenth in 0..=10 {
        let x = left + 58.0 + 16.0 * f64::from(tenth);
        svg.rect((x, bottom + 8.0), (16.0, 16.0), &shade(tenth as f32 / 10.0));
    }
    svg.note((left + 240.0, bottom + 20.0), Align::Left, "1");
    svg.note((left + 276.0, bottom + 20.0), Align::Left, "framed: looks most at the token before");
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two blocks of two heads, for three tokens; each row is `first`, `before` or `itself`.
    fn habits() -> Vec<Tensor> {
        let first = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0];
        let before = [1.0, 0.0, 0.0, 0.9, 0.1, 0.0, 0.1, 0.8, 0.1];
        let itself = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let block = |a: [f32; 9], b: [f32; 9]| Tensor::new(&[2, 3, 3], [a, b].concat()).unwrap();
        vec![block(first, itself), block(before, first)]
    }

    #[test]
    fn the_head_that_looks_one_back_is_found() {
        assert_eq!(looks_one_back(&habits()), (1, 0));
    }

    #[test]
    fn a_head_is_drawn_without_what_is_masked() {
        let weights = habits();
        assert_eq!(rows(&weights[1], 0), [&[1.0][..], &[0.9, 0.1], &[0.1, 0.8, 0.1]]);
        let svg = one_head(&weights, &["a", "b", "c"].map(str::to_string));
        let numbers = ["100", "90", "80", "10"].map(|n| svg.matches(&format!(">{n}</text>")).count());
        assert_eq!(numbers, [1, 1, 1, 3]);
        assert!(svg.contains(">Block 1, head 0</text>"));
    }

    #[test]
    fn every_head_has_a_map_and_one_has_a_frame() {
        let svg = all_heads(&habits());
        // Every map has its own darkest shade, for its first token.
        assert_eq!(svg.matches(&format!("<path fill=\"{}\"", shade(1.0))).count(), 4);
        assert_eq!(svg.matches("fill=\"none\" stroke=").count(), 1);
    }
}
