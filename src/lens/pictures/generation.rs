//! How a function that rates the next token writes a text: once round the loop, and what the next rounds add.
//!
//! [Chapter 0](crate::book::ch00_what_is_a_gpt) shows it.

use super::slopes::{SLOPE_FILL, SLOPE_INK, VALUE_FILL};
use crate::lens::logit_lens;
use crate::lens::svg::{Align, COLORS, FAINT, INK, Point, Svg};
use crate::{Gpt2, Result, generate};

/// How many next tokens get a bar, and how many rounds are shown at the foot.
const N_BARS: usize = 6;
const N_ROUNDS: usize = 6;

/// Once round the loop: a text, its ids, the model, the likeliest next tokens as bars, and the likeliest of them at the
/// end of the list. Below stands what the first rounds add.
///
/// `ids` are those of `text`; `name` says what a token is.
///
/// # Example
///
/// ```
/// use gpt60::lens::pictures::generation;
/// use gpt60::{Config, Gpt2, Rng};
///
/// let model = Gpt2::random(&Config::new(50, 8, 12, 3, 2), &mut Rng::new(1))?;
/// let svg = generation::round(&model, &[5, 1, 7], "five one seven", |id| format!("<{id}>"))?;
/// assert!(svg.contains(">44 others</text>")); // of 50 tokens, 6 have a bar
/// # Ok::<(), gpt60::Error>(())
/// ```
///
/// # Errors
///
/// If there are no ids or more than `n_ctx`, or one is not in the vocabulary.
pub fn round(model: &Gpt2, ids: &[u32], text: &str, name: impl Fn(u32) -> String) -> Result<String> {
    let logits = model.logits(ids)?; // [n_seq, n_vocab]
    let last = logits.take_rows(&[ids.len() - 1])?; // [1, n_vocab]
    let guesses = logit_lens::readings(&last, &logit_lens::answers(&last), N_BARS).remove(0).guesses;
    let added = generate::greedy(model, ids, &[])?.take(N_ROUNDS).collect::<Result<Vec<u32>>>()?;

    let mut svg =
        Svg::new(740.0, 520.0, "Once round the loop: text, ids, GPT, the likeliest next tokens, one is chosen");
    svg.boxed((30.0, 24.0), (188.0, 36.0), "#ffffff", text);
    svg.note((232.0, 46.0), Align::Left, "the text so far");
    svg.arrow(&[(124.0, 60.0), (124.0, 110.0)]);
    svg.note((136.0, 88.0), Align::Left, "tokenizer");

    // The list, and the place for what comes.
    let (cell, top) = (72.0, 112.0);
    let at = |i: usize| (30.0 + cell * i as f64, top);
    for (i, &id) in ids.iter().enumerate() {
        token(&mut svg, at(i), cell, &name(id), &id.to_string(), false);
    }
    let place = at(ids.len());
    let end = (place.0 + cell, place.1 + 52.0);
    svg.dashed_line(&[place, (end.0, place.1), end, (place.0, end.1), place], SLOPE_INK, 1.6);
    if let Some(&id) = added.first() {
        svg.colored_text((place.0 + cell / 2.0, top + 22.0), Align::Middle, &name(id), SLOPE_INK, 14.0);
        svg.colored_text((place.0 + cell / 2.0, top + 43.0), Align::Middle, &id.to_string(), SLOPE_INK, 12.0);
    }

    // The model reads the list, and rates what may come next.
    let middle = 30.0 + cell * ids.len() as f64 / 2.0;
    svg.arrow(&[(middle, top + 52.0), (middle, 226.0)]);
    svg.note((middle + 12.0, 202.0), Align::Left, "the ids");
    svg.boxed((middle - 80.0, 228.0), (160.0, 110.0), VALUE_FILL, "GPT");
    svg.note((middle, 312.0), Align::Middle, "the same each time");
    svg.arrow(&[(middle + 80.0, 283.0), (392.0, 283.0)]);
    svg.note(((middle + 472.0) / 2.0, 274.0), Align::Middle, "a probability");
    svg.note(((middle + 472.0) / 2.0, 301.0), Align::Middle, "for each token");

    let (left, step) = (480.0, 25.0);
    let highest = f64::from(guesses[0].probability);
    let bar = |svg: &mut Svg, i: usize, name: &str, p: f64, color: &str| {
        let (y, length) = (208.0 + step * i as f64, (170.0 * p / highest).min(170.0));
        svg.bar((left, y), 18.0, &[(length.max(1.0), color)]);
        svg.note((left + length + 9.0, y + 14.0), Align::Left, &format!("{:.1}%", 100.0 * p));
        svg.text((left - 8.0, y + 14.0), Align::Right, name);
    };
    let mut rest = 1.0;
    for (i, guess) in guesses.iter().enumerate() {
        let p = f64::from(guess.probability);
        rest -= p;
        bar(&mut svg, i, &name(guess.id), p, if i == 0 { COLORS[1] } else { COLORS[0] });
    }
    svg.frame((left - 4.0, 204.0), (178.0, 26.0), SLOPE_INK, 1.6);
    let n_others = model.config.n_vocab.saturating_sub(guesses.len());
    if n_others > 0 {
        bar(&mut svg, guesses.len(), &format!("{n_others} others"), rest.max(0.0), COLORS[4]);
    }
    // One is chosen, and goes back into the list.
    svg.colored_arrow(&[(560.0, 204.0), (560.0, top + 26.0), (end.0 + 2.0, top + 26.0)], SLOPE_INK, 2.4);
    svg.colored_text((574.0, 134.0), Align::Left, "choose one: here", SLOPE_INK, 13.0);
    svg.colored_text((574.0, 151.0), Align::Left, "the likeliest. It goes", SLOPE_INK, 13.0);
    svg.colored_text((574.0, 168.0), Align::Left, "to the end of the list.", SLOPE_INK, 13.0);

    svg.line(&[(30.0, 412.0), (710.0, 412.0)], "#d5d9e0", 1.0);
    svg.note((30.0, 434.0), Align::Left, "Round after round, the list is one token longer:");
    let width = (680.0 / (ids.len() + added.len()).max(1) as f64).min(cell);
    for (i, &id) in ids.iter().chain(&added).enumerate() {
        let (x, is_new) = (30.0 + width * i as f64, i >= ids.len());
        let below = if is_new { format!("round {}", i + 1 - ids.len()) } else { String::new() };
        token(&mut svg, (x, 446.0), width, &name(id), &below, is_new);
    }
    Ok(svg.finish())
}

/// A cell of the list: what the token is, and a note under it.
fn token(svg: &mut Svg, at: Point, width: f64, name: &str, below: &str, is_new: bool) {
    let (fill, edge) = if is_new { (SLOPE_FILL, SLOPE_INK) } else { (VALUE_FILL, FAINT) };
    svg.rect(at, (width, 52.0), fill);
    svg.frame(at, (width, 52.0), edge, 1.0);
    svg.colored_text((at.0 + width / 2.0, at.1 + 22.0), Align::Middle, name, INK, 14.0);
    svg.note((at.0 + width / 2.0, at.1 + 43.0), Align::Middle, below);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Rng};

    #[test]
    fn the_bars_are_the_models_probabilities_and_the_rounds_its_greedy_text() {
        // A vocabulary of four, all with the same vector but one that is the opposite: logits l, l, -l, l.
        let mut model = Gpt2::random(&Config::new(4, 12, 6, 2, 1), &mut Rng::new(3)).unwrap();
        let row: Vec<f32> = model.wte.row(0).iter().copied().collect();
        let opposite: Vec<f32> = row.iter().map(|x| -x).collect();
        for (id, vector) in [(1, &row), (2, &opposite), (3, &row)] {
            model.wte.tensor_mut().unwrap().row_mut(id).copy_from_slice(vector);
        }
        let logits = model.logits(&[3, 0]).unwrap();
        let (l, other) = (f64::from(logits.row(1)[0]), f64::from(logits.row(1)[2]));
        let p = l.exp() / (3.0 * l.exp() + other.exp());
        let svg = round(&model, &[3, 0], "hello", |id| format!("n{id}")).unwrap();
        assert_eq!(svg.matches(&format!(">{:.1}%</text>", 100.0 * p)).count(), 3);
        assert!(svg.contains(&format!(">{:.1}%</text>", 100.0 * (1.0 - 3.0 * p))) && !svg.contains("others"));
        // Of equals, the smaller id: round after round token 0, or the opposite one.
        let first = if l > other { "n0" } else { "n2" };
        assert!(svg.contains(&format!("font-size=\"14\">{first}</text>")) && svg.contains(">round 6</text>"));
    }

    #[test]
    fn a_full_context_ends_the_rounds() {
        let model = Gpt2::random(&Config::new(9, 4, 6, 2, 1), &mut Rng::new(3)).unwrap();
        let svg = round(&model, &[3, 0], "hello", |id| id.to_string()).unwrap();
        assert!(svg.contains(">round 2</text>") && !svg.contains(">round 4</text>"));
        assert!(round(&model, &[], "", |_| String::new()).is_err());
    }
}
