//! One distribution, and what the knobs make of it: temperature, top-k and top-p.
//!
//! [Chapter 8](crate::book::ch08_choosing_a_token) shows it.

use crate::generate::Sampler;
use crate::lens::svg::{Align, COLORS, Svg};
use crate::{Error, Result};

/// How many tokens get a bar of their own.
const N_SHOWN: usize = 9;

/// The probabilities of the token after a text, side by side: as the model gives them, and after each of several knobs.
///
/// `logits` are `[n_vocab]`; `prompt` is the text, for the heading; `label` says what a token is. All bars have the
/// same scale. All but the likeliest tokens share one bar: the tail.
///
/// # Example
///
/// ```
/// use gpt60::lens::pictures::knobs;
///
/// let logits: Vec<f32> = (0..20).map(|id| -(id as f32)).collect(); // each token e times likelier than the next
/// let svg = knobs::knobs(&logits, "a b", |id| format!("token {id}"))?;
/// assert!(svg.contains(">token 0</text>") && svg.contains(">63.2%</text>")); // 1 - 1/e
/// # Ok::<(), gpt60::Error>(())
/// ```
///
/// # Errors
///
/// If there are no logits, or they are not numbers.
pub fn knobs(logits: &[f32], prompt: &str, label: impl Fn(u32) -> String) -> Result<String> {
    if logits.is_empty() {
        return Err(Error::argument("knobs", "there are no logits"));
    }
    let off = Sampler::new(0);
    let columns = [
        ("the model", off.clone()),
        ("temperature 0.5", Sampler { temperature: 0.5, ..off.clone() }),
        ("temperature 1.5", Sampler { temperature: 1.5, ..off.clone() }),
        ("top-k 5", Sampler { top_k: 5, ..off.clone() }),
        ("top-p 0.7", Sampler { top_p: 0.7, ..off }),
    ];
    let mut distributions = Vec::new();
    for (_, sampler) in &columns {
        distributions.push(sampler.probabilities(logits, &[])?); // [n_vocab]
    }
    let mut ids: Vec<usize> = (0..logits.len()).collect();
    ids.sort_by(|&a, &b| logits[b].total_cmp(&logits[a])); // stable: of equals, the smaller id first
    let shown = &ids[..N_SHOWN.min(ids.len())];
    let others = &ids[shown.len()..];
    // The tail is a sum of thousands of small numbers: in f64, and in the order of the ids' probabilities.
    let tail = |p: &[f32]| others.iter().map(|&id| f64::from(p[id])).sum::<f64>();
    let highest = |p: &Vec<f32>| shown.iter().map(|&id| f64::from(p[id])).fold(tail(p), f64::max);
    let highest = distributions.iter().map(highest).fold(0.0, f64::max);

    let (left, top, step, width) = (112.0, 96.0, 26.0, 128.0);
    let n_rows = (shown.len() + usize::from(!others.is_empty())) as f64;
    let mut svg = Svg::new(
        left + width * columns.len() as f64 + 8.0,
        top + step * n_rows + 34.0,
        "What the knobs make of one distribution",
    );
    svg.heading((20.0, 32.0), Align::Left, &format!("After {prompt:?}"));
    let note = "probabilities of the next token; grey: all other tokens together, the tail";
    svg.note((20.0, 52.0), Align::Left, note);
    for (i, &id) in shown.iter().enumerate() {
        svg.text((left - 12.0, top + step * i as f64 + 14.0), Align::Right, &label(id as u32));
    }
    if !others.is_empty() {
        let y = top + step * shown.len() as f64 + 22.0;
        svg.note((left - 12.0, y), Align::Right, &format!("{} others", others.len()));
    }
    for (c, ((name, _), p)) in columns.iter().zip(&distributions).enumerate() {
        let x = left + width * c as f64;
        svg.heading((x, top - 16.0), Align::Left, name);
        let mut row = |y: f64, p: f64, is_left: bool, color: &str| {
            if !is_left {
                return svg.note((x, y + 13.0), Align::Left, "removed");
            }
            let length = 72.0 * p / highest;
            svg.bar((x, y), 18.0, &[(length.max(1.0), color)]);
            svg.note((x + length + 5.0, y + 13.0), Align::Left, &format!("{:.1}%", 100.0 * p));
        };
        for (i, &id) in shown.iter().enumerate() {
            row(top + step * i as f64, f64::from(p[id]), p[id] > 0.0, COLORS[0]);
        }
        if !others.is_empty() {
            let y = top + step * shown.len() as f64 + 8.0;
            row(y, tail(p), tail(p) > 0.0, COLORS[4]);
        }
    }
    Ok(svg.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knobs_that_remove_say_so_and_the_tail_is_one_bar() {
        // Twelve tokens: 0.32, 0.2, and ten of 0.048.
        let logits: Vec<f32> = (0..12).map(|id| [0.32f32, 0.2, 0.048][id.min(2)].ln()).collect();
        let svg = knobs(&logits, "a", |id| format!("<{id}>")).unwrap();
        assert!(svg.contains(">3 others</text>") && svg.contains(">&lt;8&gt;</text>"));
        assert!(svg.contains(">32.0%</text>") && svg.contains(">14.4%</text>")); // the model: the first, and the tail
        // Top-p 0.7 keeps 0.32, 0.2 and four of 0.048, which is 0.712: of ten rows, three single tokens and the tail
        // are gone. Top-k 5 keeps all: they are as likely as the fifth.
        assert_eq!(svg.matches(">removed</text>").count(), 4);
    }

    #[test]
    fn scores_that_are_not_numbers_are_refused() {
        assert!(knobs(&[f32::NAN], "a", |_| String::new()).is_err());
        assert!(knobs(&[], "a", |_| String::new()).is_err());
        assert!(knobs(&[1.0], "a", |_| String::new()).unwrap().contains(">100.0%</text>"));
    }
}
