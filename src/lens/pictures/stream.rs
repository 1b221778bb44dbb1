//! The residual stream as a river: how long one token's vector is, and how long what flows into it.
//!
//! [Chapter 6](crate::book::ch06_mlp_and_block) shows it.

use super::slopes::{SLOPE_FILL, VALUE_FILL};
use crate::lens::svg::{Align, COLORS, INK, Point, Svg};
use crate::{Error, Gpt2, Pass, Probe, Result};

/// The lengths of one block: what attention adds, the stream then, what the MLP adds, the stream then.
type Lengths = [f64; 4];

/// The length of the last token's vector after the embedding, and the lengths in each block.
fn lengths(model: &Gpt2, ids: &[u32]) -> Result<(f64, Vec<Lengths>)> {
    let mut probe = Probe::everything();
    model.hidden(ids, Pass::new(ids.len()).watched_by(&mut probe))?;
    let length = |name: &str| -> Result<f64> {
        let tensor = probe.get(name).ok_or_else(|| Error::argument("stream", format!("the model shows no {name}")))?;
        Ok(tensor.row(ids.len() - 1).iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt())
    };
    let mut blocks = Vec::new();
    for i in 0..model.h.len() {
        let of = |name: &str| length(&format!("h.{i}.{name}"));
        blocks.push([of("attn.out")?, of("mid")?, of("mlp.out")?, of("out")?]);
    }
    Ok((length("embd")?, blocks))
}

/// The last token of `ids` on its way through the blocks. The river is as wide as its vector is long; attention flows
/// in from above, the MLP from below, and all widths have the same scale.
///
/// # Example
///
/// ```
/// use gpt60::lens::pictures::stream;
/// use gpt60::{Config, Gpt2, Rng};
///
/// let model = Gpt2::random(&Config::new(10, 8, 12, 3, 2), &mut Rng::new(1))?;
/// let svg = stream::river(&model, &[5, 1, 7], "seven")?;
/// assert!(svg.contains(">block</text>") && svg.contains(">1</text>"));
/// # Ok::<(), gpt60::Error>(())
/// ```
///
/// # Errors
///
/// If there are no ids or more than `n_ctx`, or one is not in the vocabulary.
pub fn river(model: &Gpt2, ids: &[u32], label: &str) -> Result<String> {
    let (embedding, blocks) = lengths(model, ids)?;
    let longest = blocks.iter().flatten().fold(embedding, |most, &length| most.max(length));
    let scale = 96.0 / longest.max(1e-9); // pixels for a length of 1
    let (source, first, middle) = (30.0, 84.0, 250.0);
    let width = 640.0 / blocks.len().max(1) as f64;

    let mut svg = Svg::new(760.0, 452.0, "The residual stream of one token as a river through the blocks of the model");
    svg.heading((20.0, 32.0), Align::Left, &format!("The vector of {label} on its way"));
    svg.note(
        (20.0, 52.0),
        Align::Left,
        "width and number: the length of a vector. Lengths do not simply add up, because the directions differ.",
    );

    // The banks of the river, from left to right: where, and how long the vector is there.
    let mut banks: Vec<(f64, f64)> = vec![(source, embedding), (first, embedding)];
    let mut before = embedding;
    svg.note((source, 84.0), Align::Left, "block");
    for (i, &[_, mid, _, out]) in blocks.iter().enumerate() {
        let x = first + width * i as f64;
        svg.note((x + width / 2.0, 84.0), Align::Middle, &i.to_string());
        svg.dashed_line(&[(x, 74.0), (x, 412.0)], "#cfd4dc", 1.0);
        for (from, to, at) in [(before, mid, 0.02), (mid, out, 0.46)] {
            for step in 0..=8 {
                let t = f64::from(step) / 8.0;
                let smooth = t * t * (3.0 - 2.0 * t);
                banks.push((x + width * (at + 0.4 * t), from + (to - from) * smooth));
            }
        }
        before = out;
    }
    banks.push((first + width * blocks.len() as f64, before));

    // What flows in, first, so that the river covers its end.
    for (i, &[attn, _, mlp, _]) in blocks.iter().enumerate() {
        let x = first + width * i as f64;
        inflow(&mut svg, (x + 0.25 * width, 120.0), middle, attn * scale, COLORS[0]);
        svg.note((x + 0.25 * width, 113.0), Align::Middle, &format!("{attn:.1}"));
        inflow(&mut svg, (x + 0.7 * width, 380.0), middle, mlp * scale, COLORS[1]);
        svg.note((x + 0.7 * width, 396.0), Align::Middle, &format!("{mlp:.1}"));
    }
    let bank = |side: f64| banks.iter().map(move |&(x, length)| (x, middle + side * (length * scale / 2.0).max(0.8)));
    svg.area(&bank(-1.0).chain(bank(1.0).rev()).collect::<Vec<Point>>(), "#bfe0cd");
    svg.line(&bank(-1.0).collect::<Vec<Point>>(), COLORS[2], 1.4);
    svg.line(&bank(1.0).collect::<Vec<Point>>(), COLORS[2], 1.4);
    svg.note((source, 232.0), Align::Left, "embedding");
    svg.heading((source, 270.0), Align::Left, &format!("{embedding:.1}"));
    for (i, &[.., out]) in blocks.iter().enumerate() {
        let x = first + width * (i as f64 + 0.94);
        svg.heading((x, middle + 5.0), Align::Right, &format!("{out:.1}"));
    }

    for (x, color, fill, words) in [
        (84.0, COLORS[0], VALUE_FILL, "what attention adds, from above"),
        (330.0, COLORS[1], SLOPE_FILL, "what the MLP adds, from below"),
        (566.0, COLORS[2], "#bfe0cd", "the stream after a block"),
    ] {
        svg.rect((x, 424.0), (14.0, 14.0), if color == COLORS[2] { fill } else { color });
        svg.frame((x, 424.0), (14.0, 14.0), color, 1.0);
        svg.colored_text((x + 20.0, 436.0), Align::Left, words, INK, 12.0);
    }
    Ok(svg.finish())
}

/// A stream straight up or down, from a point to a height, with a notch where it begins: it flows away from there.
fn inflow(svg: &mut Svg, from: Point, to: f64, thickness: f64, color: &str) {
    let half = thickness.max(1.0) / 2.0;
    let notch = (from.0, from.1 + (half / 2.0).min(9.0) * (to - from.1).signum());
    let corners = [(from.0 - half, from.1), notch, (from.0 + half, from.1), (from.0 + half, to), (from.0 - half, to)];
    svg.area(&corners, color);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Rng, Tensor};

    #[test]
    fn the_lengths_are_those_of_the_vectors_and_stand_in_the_picture() {
        // Weights of 0: no block adds anything but the bias of its last layer. Attention adds (3, 4), the MLP (0, 5).
        let mut model = Gpt2::zeros(&Config::new(3, 4, 2, 1, 2)).unwrap();
        model.wpe = Tensor::full(&[4, 2], 0.0);
        model.wte = Tensor::new(&[3, 2], vec![0.0, 0.0, 6.0, 8.0, 0.0, 0.0]).unwrap().into();
        for block in &mut model.h {
            block.attn.c_proj.bias = Tensor::new(&[2], vec![3.0, 4.0]).unwrap();
            block.mlp.c_proj.bias = Tensor::new(&[2], vec![0.0, 5.0]).unwrap();
        }
        let (embedding, blocks) = lengths(&model, &[0, 1]).unwrap();
        // (6, 8), then (9, 12), (9, 17), (12, 21), (12, 26).
        let root = |x: f64| x.sqrt();
        assert_eq!(embedding, 10.0);
        assert_eq!(blocks, [[5.0, 15.0, 5.0, root(370.0)], [5.0, root(585.0), 5.0, root(820.0)]]);
        let svg = river(&model, &[0, 1], "it").unwrap();
        for length in [">10.0<", ">19.2<", ">28.6<"] {
            assert_eq!(svg.matches(length).count(), 1, "{length}");
        }
        assert_eq!(svg.matches(">5.0<").count(), 4);
    }

    #[test]
    fn a_text_is_needed() {
        let model = Gpt2::random(&Config::new(9, 4, 6, 2, 1), &mut Rng::new(3)).unwrap();
        assert!(river(&model, &[], "").is_err() && river(&model, &[9], "").is_err());
    }
}
