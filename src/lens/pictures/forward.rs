//! The whole forward pass, with a shape at every arrow, and one block opened up.
//!
//! [Chapter 7](crate::book::ch07_the_whole_model) shows it.

use super::slopes::{SLOPE_FILL, VALUE_FILL};
use crate::Config;
use crate::lens::svg::{Align, COLORS, FAINT, INK, Point, Svg};

/// The fill of what only rescales or bends, and has few parameters or none.
const PLAIN: &str = "#ffffff";

/// From the ids to the logits for a model of this size, and beside it the inside of a block.
///
/// # Example
///
/// ```
/// use gpt60::Config;
/// use gpt60::lens::pictures::forward;
///
/// assert!(forward::pass(&Config::gpt2()).contains(">[n_seq, 3072]</text>")); // the middle of the MLP
/// ```
pub fn pass(config: &Config) -> String {
    let Config { n_vocab, n_embd, n_head, n_layer, n_inner, .. } = *config;
    let rows = |n_cols: usize| format!("[n_seq, {n_cols}]");
    let mut svg =
        Svg::new(740.0, 800.0, "The forward pass from ids to logits with its shapes, and the inside of a block");

    // The pass: each box, what it is, its fill, and the shape of what leaves it.
    svg.heading((24.0, 32.0), Align::Left, "The forward pass");
    let boxes = [
        ("wte[ids] + wpe".to_string(), VALUE_FILL, rows(n_embd)),
        ("block 0".to_string(), SLOPE_FILL, rows(n_embd)),
        ("block 1".to_string(), SLOPE_FILL, rows(n_embd)),
        (String::new(), "", rows(n_embd)),
        (format!("block {}", n_layer.saturating_sub(1)), SLOPE_FILL, rows(n_embd)),
        ("ln_f".to_string(), PLAIN, rows(n_embd)),
        ("head: x·wteᵀ".to_string(), VALUE_FILL, rows(n_vocab)),
    ];
    let (middle, step, width) = (110.0, 92.0, 156.0);
    svg.text((middle, 66.0), Align::Middle, "ids");
    down(&mut svg, (middle, 74.0), 108.0, "[n_seq]");
    for (i, (name, fill, shape)) in boxes.iter().enumerate() {
        let y = 108.0 + step * i as f64;
        if name.is_empty() {
            let blocks = format!("{n_layer} in all");
            for dot in 0..3 {
                svg.dot((middle, y + 6.0 + 12.0 * f64::from(dot)), 2.2, INK);
            }
            svg.note((middle + 14.0, y + 22.0), Align::Left, &blocks);
        } else {
            svg.boxed((middle - width / 2.0, y), (width, 38.0), fill, name);
        }
        down(&mut svg, (middle, y + 38.0), y + step, shape);
    }
    svg.text((middle, 108.0 + step * 7.0 + 18.0), Align::Middle, "logits");

    // The block: the stream runs down on the left, and both branches add to it.
    let (left, top, bottom) = (292.0, 108.0, 724.0);
    svg.dashed_line(&[(middle + width / 2.0, 108.0 + 2.0 * step), (left, top)], FAINT, 1.0);
    svg.dashed_line(&[(middle + width / 2.0, 146.0 + 2.0 * step), (left, bottom)], FAINT, 1.0);
    svg.rect((left, top), (424.0, bottom - top), "#ffffff");
    svg.frame((left, top), (424.0, bottom - top), FAINT, 1.0);
    svg.heading((left, 76.0), Align::Left, "One block, opened up");
    svg.note(
        (left, 96.0),
        Align::Left,
        &format!("{n_head} heads of {} columns; all blocks are alike", config.head_size()),
    );

    let (stream, branch, wide) = (left + 40.0, left + 196.0, 216.0);
    let attention = [
        ("ln_1".to_string(), PLAIN, rows(n_embd)),
        (format!("c_attn [{n_embd}, {}]", 3 * n_embd), VALUE_FILL, format!("{} q, k, v", rows(3 * n_embd))),
        (format!("{n_head} heads: weights [n_seq, n_seq]"), SLOPE_FILL, format!("{} all heads", rows(n_embd))),
        (format!("c_proj [{n_embd}, {n_embd}]"), VALUE_FILL, rows(n_embd)),
    ];
    let mlp = [
        ("ln_2".to_string(), PLAIN, rows(n_embd)),
        (format!("c_fc [{n_embd}, {n_inner}]"), VALUE_FILL, rows(n_inner)),
        ("GELU".to_string(), PLAIN, rows(n_inner)),
        (format!("c_proj [{n_inner}, {n_embd}]"), VALUE_FILL, rows(n_embd)),
    ];
    let mut from = top;
    for (parts, name) in [(attention, "attention"), (mlp, "MLP")] {
        let leaves = from + 18.0;
        let first = leaves + 18.0;
        svg.arrow(&[(stream, leaves), (branch, leaves), (branch, first)]);
        svg.note((branch + 12.0, leaves + 4.0), Align::Left, &rows(n_embd));
        svg.heading((left + 410.0, leaves + 6.0), Align::Right, name);
        let mut y = first;
        for (i, (words, fill, shape)) in parts.iter().enumerate() {
            svg.boxed((branch - wide / 2.0, y), (wide, 32.0), fill, words);
            y += 32.0;
            if i + 1 < parts.len() {
                down(&mut svg, (branch, y), y + 30.0, shape);
                y += 30.0;
            } else {
                let sum = y + 26.0;
                svg.arrow(&[(branch, y), (branch, sum), (stream + 12.0, sum)]);
                svg.note((branch + 12.0, sum + 4.0), Align::Left, shape);
                svg.line(&[(stream, from), (stream, sum - 12.0)], COLORS[2], 4.0);
                svg.dot((stream, sum), 12.0, INK);
                svg.dot((stream, sum), 10.8, "#ffffff");
                svg.text((stream, sum + 5.0), Align::Middle, "+");
                from = sum + 12.0;
            }
        }
    }
    svg.line(&[(stream, from), (stream, bottom)], COLORS[2], 4.0);
    svg.note((stream + 12.0, bottom - 10.0), Align::Left, &format!("the stream: {} all the way", rows(n_embd)));

    svg.rect((left, 744.0), (14.0, 14.0), VALUE_FILL);
    svg.frame((left, 744.0), (14.0, 14.0), FAINT, 1.0);
    svg.note((left + 22.0, 756.0), Align::Left, "a product with a matrix of weights, or a row of one");
    svg.rect((left, 768.0), (14.0, 14.0), SLOPE_FILL);
    svg.frame((left, 768.0), (14.0, 14.0), FAINT, 1.0);
    svg.note((left + 22.0, 780.0), Align::Left, "where tokens look at each other, or what contains it");
    svg.finish()
}

/// An arrow straight down, with a shape beside it.
fn down(svg: &mut Svg, from: Point, to: f64, shape: &str) {
    svg.arrow(&[from, (from.0, to)]);
    svg.note((from.0 + 12.0, (from.1 + to) / 2.0 + 3.0), Align::Left, shape);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gpt2, Pass, Probe, Rng};

    #[test]
    fn the_shapes_are_those_of_a_real_pass() {
        let config = Config::new(50, 8, 12, 3, 2);
        let svg = pass(&config);
        let model = Gpt2::random(&config, &mut Rng::new(1)).unwrap();
        let mut probe = Probe::everything();
        let hidden = model.hidden(&[5, 1, 7], Pass::new(3).watched_by(&mut probe)).unwrap();
        let written = |shape: &[usize]| format!("[n_seq, {}]", shape[1]);
        for name in
            ["embd", "h.0.ln_1", "h.0.attn.heads", "h.0.attn.out", "h.0.mid", "h.0.mlp.fc", "h.0.mlp.act", "ln_f"]
        {
            assert!(svg.contains(&format!(">{}", written(probe.get(name).unwrap().shape()))), "{name}");
        }
        assert!(svg.contains(&format!(">{}<", written(model.head(&hidden).unwrap().shape()))));
        let matrix = |name: &str, shape: &[usize]| format!(">{name} [{}, {}]<", shape[0], shape[1]);
        let block = &model.h[0];
        assert!(svg.contains(&matrix("c_attn", block.attn.c_attn.weight.shape())));
        assert!(svg.contains(&matrix("c_proj", block.attn.c_proj.weight.shape())));
        assert!(svg.contains(&matrix("c_fc", block.mlp.c_fc.weight.shape())));
        assert!(svg.contains(&matrix("c_proj", block.mlp.c_proj.weight.shape())));
    }

    #[test]
    fn the_smallest_gpt2_has_twelve_blocks_and_a_large_vocabulary() {
        let svg = pass(&Config::gpt2());
        for words in [">12 in all<", ">block 11<", ">[n_seq, 50257]<", ">[n_seq]<", "[768, 2304]", "[3072, 768]"] {
            assert!(svg.contains(words), "{words}");
        }
    }
}
