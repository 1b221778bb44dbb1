//! A small tree of texts, and what is left of it when only a few beams go on.
//!
//! [Chapter 9](crate::book::ch09_beam_search) shows it.

use super::slopes::{SLOPE_FILL, SLOPE_INK, VALUE_FILL};
use crate::lens::svg::{Align, COLORS, FAINT, INK, PANEL, Point, Svg};

/// The tokens of the small language.
const NAMES: [&str; 3] = ["a", "b", "c"];

/// What a search with so many beams keeps: the first tokens, and the texts of two tokens, the best first.
fn search(first: [f64; 3], then: [[f64; 3]; 3], n_beams: usize) -> (Vec<usize>, Vec<(usize, usize)>) {
    let mut begin: Vec<usize> = (0..3).collect();
    begin.sort_by(|&a, &b| first[b].total_cmp(&first[a]));
    begin.truncate(n_beams);
    let mut texts: Vec<(usize, usize)> = begin.iter().flat_map(|&i| (0..3).map(move |j| (i, j))).collect();
    texts.sort_by(|&(a, b), &(c, d)| (first[c] * then[c][d]).total_cmp(&(first[a] * then[a][b])));
    texts.truncate(n_beams);
    (begin, texts)
}

/// The tree of all texts of two tokens, of three, with what a search with so many beams keeps, drops and never sees.
///
/// `first` says how likely each token is at the beginning, and `then` how likely each is after each.
///
/// # Example: a tree in which the best text begins with the least likely token
///
/// ```
/// use gpt60::lens::pictures::beam_tree;
///
/// let then = [[0.40, 0.30, 0.30], [0.50, 0.30, 0.20], [0.90, 0.05, 0.05]];
/// let svg = beam_tree::tree([0.40, 0.35, 0.25], then, 2);
/// assert!(svg.contains("0.35 × 0.50 = 0.175") && svg.contains(">beam 1: found</text>"));
/// ```
pub fn tree(first: [f64; 3], then: [[f64; 3]; 3], n_beams: usize) -> String {
    let (begin, texts) = search(first, then, n_beams);
    let all = search(first, then, 9).1; // enough beams for everything
    let greedy = search(first, then, 1).1;
    let mut svg = Svg::new(740.0, 500.0, "A tree of nine texts, and the two beams that a search keeps at each step");
    for (x, heading, note) in [
        (176.0, "step 1", "3 candidates".to_string()),
        (356.0, "step 2", format!("{} candidates: those of the beams", 3 * begin.len())),
    ] {
        svg.heading((x, 30.0), Align::Left, heading);
        svg.note((x, 48.0), Align::Left, &format!("{note}; the best {n_beams} stay"));
    }
    let (row, group) = (36.0, 122.0);
    let node = |i: usize| (176.0, 116.0 + group * i as f64); // its upper left corner; 96 by 36
    let leaf = |i: usize, j: usize| (356.0, 80.0 + group * i as f64 + row * j as f64); // 216 by 30
    let root = (20.0, 238.0);

    // The branches, then what they lead to.
    for i in 0..3 {
        let kept = begin.contains(&i);
        let (from, tip) = ((root.0 + 92.0, root.1 + 18.0), (node(i).0, node(i).1 + 18.0));
        branch(&mut svg, from, tip, first[i], if kept { Fate::Kept } else { Fate::Dropped });
        for (j, &p) in then[i].iter().enumerate() {
            let (from, tip) = ((node(i).0 + 96.0, node(i).1 + 18.0), (leaf(i, j).0, leaf(i, j).1 + 15.0));
            let fate = if !kept {
                Fate::Unseen
            } else if texts.contains(&(i, j)) {
                Fate::Kept
            } else {
                Fate::Dropped
            };
            branch(&mut svg, from, tip, p, fate);
        }
    }
    svg.boxed(root, (92.0, 36.0), "#ffffff", "beginning");
    for i in 0..3 {
        let fate = if begin.contains(&i) { Fate::Kept } else { Fate::Dropped };
        place(&mut svg, node(i), (96.0, 36.0), &format!("{}: {:.2}", NAMES[i], first[i]), fate);
        for j in 0..3 {
            let rank = texts.iter().position(|&text| text == (i, j));
            let fate = match (begin.contains(&i), rank) {
                (false, _) => Fate::Unseen,
                (true, Some(0)) => Fate::Found,
                (true, Some(_)) => Fate::Kept,
                (true, None) => Fate::Dropped,
            };
            let (a, b) = (first[i], then[i][j]);
            let words = format!("{} {}: {a:.2} × {b:.2} = {}", NAMES[i], NAMES[j], short(a * b));
            place(&mut svg, leaf(i, j), (216.0, 30.0), &words, fate);
            let beside = (leaf(i, j).0 + 226.0, leaf(i, j).1 + 20.0);
            match rank {
                Some(0) => svg.colored_text(beside, Align::Left, "beam 1: found", SLOPE_INK, 14.0),
                Some(rank) => svg.text(beside, Align::Left, &format!("beam {}", rank + 1)),
                None if all[0] == (i, j) => svg.text(beside, Align::Left, "the best, not found"),
                None => {}
            }
            if greedy[0] == (i, j) && rank != Some(0) {
                svg.note((beside.0 + 54.0, beside.1), Align::Left, "(greedy choice)");
            }
        }
    }

    for (x, fate, words) in [
        (20.0, Fate::Kept, "kept"),
        (150.0, Fate::Dropped, "dropped: not among the best"),
        (412.0, Fate::Unseen, "never looked at: its beginning was dropped"),
    ] {
        place(&mut svg, (x, 460.0), (44.0, 22.0), "", fate);
        svg.note((x + 52.0, 475.0), Align::Left, words);
    }
    svg.finish()
}

/// What became of a candidate.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Found,
    Kept,
    Dropped,
    Unseen,
}

/// A branch with its probability.
fn branch(svg: &mut Svg, from: Point, tip: Point, p: f64, fate: Fate) {
    match fate {
        Fate::Found | Fate::Kept => svg.line(&[from, tip], COLORS[0], 3.0),
        Fate::Dropped => svg.line(&[from, tip], FAINT, 1.0),
        Fate::Unseen => svg.dashed_line(&[from, tip], "#b9c0cb", 1.0),
    }
    let (x, y) = (from.0 + 0.62 * (tip.0 - from.0), from.1 + 0.62 * (tip.1 - from.1));
    svg.rect((x - 15.0, y - 8.0), (30.0, 16.0), PANEL);
    svg.note((x, y + 4.0), Align::Middle, &format!("{p:.2}"));
}

/// A box with a candidate: struck out if it was dropped, dashed if it was never looked at.
fn place(svg: &mut Svg, at: Point, size: Point, text: &str, fate: Fate) {
    let end = (at.0 + size.0, at.1 + size.1);
    let middle = (at.0 + size.0 / 2.0, at.1 + size.1 / 2.0);
    let (fill, edge, ink) = match fate {
        Fate::Found => (SLOPE_FILL, SLOPE_INK, INK),
        Fate::Kept => (VALUE_FILL, COLORS[0], INK),
        Fate::Dropped | Fate::Unseen => ("#ffffff", FAINT, FAINT),
    };
    svg.rect(at, size, fill);
    match fate {
        Fate::Unseen => svg.dashed_line(&[at, (end.0, at.1), end, (at.0, end.1), at], "#b9c0cb", 1.0),
        Fate::Dropped => svg.frame(at, size, "#b9c0cb", 1.0),
        _ => svg.frame(at, size, edge, 2.0),
    }
    svg.colored_text((middle.0, middle.1 + 5.0), Align::Middle, text, ink, 14.0);
    if fate == Fate::Dropped {
        svg.line(&[(at.0 + 6.0, middle.1), (end.0 - 6.0, middle.1)], FAINT, 1.2);
    }
}

/// A probability with three digits, or with four if it needs them.
fn short(p: f64) -> String {
    let text = format!("{p:.4}");
    text.strip_suffix('0').map_or(text.clone(), str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: [f64; 3] = [0.40, 0.35, 0.25];
    const THEN: [[f64; 3]; 3] = [[0.40, 0.30, 0.30], [0.50, 0.30, 0.20], [0.90, 0.05, 0.05]];

    #[test]
    fn two_beams_find_the_second_best_text_and_drop_the_beginning_of_the_best() {
        assert_eq!(search(FIRST, THEN, 2), (vec![0, 1], vec![(1, 0), (0, 0)]));
        assert_eq!(search(FIRST, THEN, 3).1[0], (2, 0));
        let svg = tree(FIRST, THEN, 2);
        // 0.4 * 0.4, 0.35 * 0.5, 0.25 * 0.9 and 0.25 * 0.05, by hand.
        for text in ["a a: 0.40 × 0.40 = 0.160<", "b a: 0.35 × 0.50 = 0.175<", "c a: 0.25 × 0.90 = 0.225<", "= 0.0125<"]
        {
            assert!(svg.contains(text), "{text}");
        }
        let after = |text: &str| svg[svg.find(text).unwrap()..].lines().nth(1).unwrap().to_string();
        assert!(after("b a: 0").contains(">beam 1: found<"));
        assert!(after("a a: 0").contains(">beam 2<") && svg.contains(">(greedy choice)<"));
        assert!(after("c a: 0").contains(">the best, not found<"));
        // Struck out: c, four texts, and the sample below.
        assert_eq!(svg.matches(&format!("stroke=\"{FAINT}\" stroke-width=\"1.2\" stroke-linejoin")).count(), 1 + 4 + 1);
    }

    #[test]
    fn three_beams_find_the_best() {
        let svg = tree(FIRST, THEN, 3);
        assert!(!svg.contains("the best, not found"));
        assert!(svg[svg.find("c a: 0").unwrap()..].lines().nth(1).unwrap().contains(">beam 1: found<"));
    }
}
