//! Two drawings of how things are connected. They need no model: what they show is true of every GPT.
//!
//! [Chapter 5](crate::book::ch05_attention) shows the mask, [6](crate::book::ch06_mlp_and_block) the block.

use crate::lens::svg::{Align, COLORS, FAINT, INK, Svg, shade};

/// The causal mask of GPT beside BERT, which has none: who may look at whom.
///
/// # Example
///
/// ```
/// use gpt60::lens::pictures::diagrams;
///
/// assert!(diagrams::attention_mask().starts_with("<svg "));
/// ```
pub fn attention_mask() -> String {
    let tokens = ["The", " cat", " sat", " because", " it", " was"];
    let n = tokens.len();
    let (top, cell) = (96.0, 38.0);
    let size = cell * n as f64;
    let mut svg = Svg::new(720.0, top + size + 60.0, "The causal attention mask of GPT, and BERT, which has none");
    for (left, name, what, causal) in [
        (110.0, "GPT: causal", "each token sees itself and what is before it", true),
        (452.0, "BERT: no mask", "each token sees all", false),
    ] {
        svg.heading((left, 32.0), Align::Left, name);
        svg.note((left, 52.0), Align::Left, what);
        svg.note((left, top - 10.0), Align::Left, "keys");
        svg.arrow(&[(left + 34.0, top - 14.0), (left + 90.0, top - 14.0)]);
        for (i, token) in tokens.iter().enumerate() {
            let y = top + cell * i as f64;
            svg.text((left - 10.0, y + cell / 2.0 + 5.0), Align::Right, &format!("{token:?}"));
            for j in 0..n {
                let at = (left + cell * j as f64 + 1.5, y + 1.5);
                let side = (cell - 3.0, cell - 3.0);
                if causal && j > i {
                    svg.rect(at, side, "#f1f1ef");
                    svg.colored_text(
                        (at.0 + side.0 / 2.0, at.1 + side.1 / 2.0 + 4.0),
                        Align::Middle,
                        "-inf",
                        FAINT,
                        12.0,
                    );
                } else {
                    svg.rect(at, side, &shade(0.4));
                }
            }
        }
    }
    svg.note(
        (110.0, top + size + 26.0),
        Align::Left,
        "-inf: this score becomes minus infinity before softmax, and its weight 0.",
    );
    svg.note((110.0, top + size + 44.0), Align::Left, "A row is a query; a column is a key.");
    svg.finish()
}

/// The block with its layer norms in the branches (pre-LN: GPT-2) and in the stream (post-LN: 2017, GPT-1).
///
/// # Example
///
/// ```
/// use gpt60::lens::pictures::diagrams;
///
/// assert!(diagrams::block().contains("ln_1"));
/// ```
pub fn block() -> String {
    let mut svg = Svg::new(720.0, 560.0, "The transformer block with pre-LN and with post-LN");
    // Where the stream runs, where the branch's boxes stand, and how large they are.
    let (branch, width, height) = (110.0, 120.0, 38.0);
    let norm = "#fde9d0"; // what rescales stands out
    let part = "#dbe8f6";

    for (stream, name, formula, pre) in [
        (80.0, "pre-LN: GPT-2 and later", "x = x + attn(ln_1(x))", true),
        (430.0, "post-LN: 2017, GPT-1", "x = ln_1(x + attn(x))", false),
    ] {
        svg.heading((stream - 50.0, 32.0), Align::Left, name);
        svg.note((stream - 50.0, 52.0), Align::Left, formula);
        svg.text((stream, 86.0), Align::Middle, "x");
        let mut from = 94.0; // where the stream is now
        for (ln, name) in [("ln_1", "attn"), ("ln_2", "mlp")] {
            let boxes: &[(&str, &str)] = if pre { &[(ln, norm), (name, part)] } else { &[(name, part)] };
            let (leaves, x) = (from + 16.0, stream + branch);
            let mut y = leaves + 20.0;
            // The branch: out of the stream, through its boxes, and back to the sum.
            svg.arrow(&[(stream, leaves), (x, leaves), (x, y)]);
            for (i, (name, fill)) in boxes.iter().enumerate() {
                if i > 0 {
                    svg.arrow(&[(x, y), (x, y + 20.0)]);
                    y += 20.0;
                }
                svg.boxed((x - width / 2.0, y), (width, height), fill, name);
                y += height;
            }
            let sum = y + 26.0;
            svg.arrow(&[(x, y), (x, sum), (stream + 12.0, sum)]);
            // The stream itself.
            let color = if pre { COLORS[2] } else { INK };
            svg.line(&[(stream, from), (stream, sum - 12.0)], color, if pre { 4.0 } else { 1.4 });
            svg.dot((stream, sum), 12.0, INK);
            svg.dot((stream, sum), 10.8, "#ffffff");
            svg.text((stream, sum + 5.0), Align::Middle, "+");
            from = sum + 12.0;
            if !pre {
                svg.arrow(&[(stream, from), (stream, from + 22.0)]);
                svg.boxed((stream - 40.0, from + 22.0), (80.0, height), norm, ln);
                from += 22.0 + height;
            }
        }
        let color = if pre { COLORS[2] } else { INK };
        svg.line(&[(stream, from), (stream, from + 20.0)], color, if pre { 4.0 } else { 1.4 });
        svg.text((stream, from + 38.0), Align::Middle, "x");
        let below = if pre {
            ["The stream is touched by additions alone:", "a free way through all blocks."]
        } else {
            ["The norms stand in the stream: whatever passes", "is rescaled, twice in every block."]
        };
        svg.note((stream - 50.0, 516.0), Align::Left, below[0]);
        svg.note((stream - 50.0, 534.0), Align::Left, below[1]);
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_hides_what_comes_later_and_bert_has_none() {
        let svg = attention_mask();
        assert_eq!(svg.matches(">-inf</text>").count(), 6 * 5 / 2);
        assert_eq!(svg.matches(&shade(0.4)).count(), 6 * 7 / 2 + 6 * 6);
    }

    #[test]
    fn both_blocks_have_the_same_parts_in_another_order() {
        let svg = block();
        for part in ["ln_1", "attn", "ln_2", "mlp", "+"] {
            assert_eq!(svg.matches(&format!(">{part}</text>")).count(), if part == "+" { 4 } else { 2 });
        }
        // In post-LN the first norm comes after attention.
        let at = |part: &str, which: usize| svg.match_indices(&format!(">{part}</text>")).nth(which).unwrap().0;
        assert!(at("ln_1", 0) < at("attn", 0) && at("attn", 1) < at("ln_1", 1));
    }
}
