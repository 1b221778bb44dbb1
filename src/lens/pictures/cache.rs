//! What the KV cache keeps: of each token that was read, in each block, its key and its value, and nothing else.
//!
//! [Chapter 10](crate::book::ch10_kv_cache) shows it.

use super::slopes::{SLOPE_FILL, SLOPE_INK};
use crate::Config;
use crate::lens::svg::{Align, COLORS, FAINT, INK, Point, Svg};

/// What a token has in a block, and how wide its place is.
const PARTS: [(&str, f64); 4] = [("q", 32.0), ("k", 32.0), ("v", 32.0), ("MLP", 48.0)];

/// A row for each token, a column for each block: what is kept, what is computed for the newest token, and what is
/// never needed again.
///
/// The last label is that of the new token; the others have been read.
///
/// # Example
///
/// ```
/// use gpt60::Config;
/// use gpt60::lens::pictures::cache;
///
/// let svg = cache::cache(&Config::gpt2(), &["The", " cat", " sat"].map(str::to_string));
/// assert!(svg.contains("73,728 bytes")); // 2 * 12 * 768 numbers of 4 bytes
/// ```
pub fn cache(config: &Config, labels: &[String]) -> String {
    let (left, top, row, block_width, gap) = (100.0, 104.0, 46.0, 144.0, 22.0);
    let n_past = labels.len().saturating_sub(1);
    let new = top + row * n_past as f64 + 16.0; // where the new token's row begins
    let mut svg = Svg::new(740.0, new + 170.0, "What the KV cache keeps of each token, in each block");
    svg.heading((20.0, 32.0), Align::Left, "One more token, with the cache");
    svg.note((20.0, 52.0), Align::Left, "a row for each token, a column for each block");

    let last = config.n_layer.saturating_sub(1);
    let columns = [(left, "block 0".to_string()), (left + block_width + gap, "block 1".to_string())];
    let end = left + 2.0 * (block_width + gap) + 44.0;
    for (x, name) in columns.iter().cloned().chain([(end, format!("block {last}"))]) {
        svg.heading((x + block_width / 2.0, 80.0), Align::Middle, &name);
        for t in 0..n_past {
            let mut x = x;
            for (part, width) in PARTS {
                cell(
                    &mut svg,
                    (x, top + row * t as f64),
                    width,
                    part,
                    if matches!(part, "k" | "v") { Fate::Kept } else { Fate::Past },
                );
                x += width;
            }
        }
        let mut part_x = x;
        for (part, width) in PARTS {
            cell(&mut svg, (part_x, new), width, part, Fate::New);
            part_x += width;
        }
        // What the new query looks at: all keys and values of its block.
        svg.frame((x + 30.5, top - 6.0), (64.0, new + 42.0 - top + 6.0), SLOPE_INK, 2.0);
        svg.colored_arrow(&[(x + 16.0, new), (x + 16.0, new - 14.0), (x + 30.0, new - 14.0)], SLOPE_INK, 1.6);
    }
    let dots = left + 2.0 * (block_width + gap);
    for y in (0..=n_past).map(|t| if t < n_past { top + row * t as f64 } else { new }) {
        svg.text((dots + 12.0, y + 23.0), Align::Middle, "...");
    }
    for (x, tip) in [
        (left + block_width, left + block_width + gap),
        (left + 2.0 * block_width + gap, dots),
        (end - 20.0, end),
        (end + block_width - 2.0, 640.0),
    ] {
        svg.colored_arrow(&[(x + 2.0, new + 18.0), (tip - 2.0, new + 18.0)], INK, 1.4);
    }
    for (t, label) in labels.iter().enumerate() {
        let y = if t < n_past { top + row * t as f64 } else { new };
        svg.text((left - 12.0, y + 23.0), Align::Right, label);
        if t < n_past {
            past(&mut svg, (640.0, y), 84.0, "guess");
        } else {
            svg.rect((640.0, y), (84.0, 36.0), SLOPE_FILL);
            svg.frame((640.0, y), (84.0, 36.0), SLOPE_INK, 1.4);
            svg.text((682.0, y + 23.0), Align::Middle, "next guess");
        }
    }
    svg.note((left - 12.0, new + 40.0), Align::Right, "new");

    let foot = new + 66.0;
    svg.rect((20.0, foot), (32.0, 22.0), COLORS[0]);
    let bytes = 2 * config.n_layer * config.n_embd * 4;
    let sum = format!(
        "kept: k and v. 2 · {} blocks · {} numbers · 4 bytes = {} bytes for each token",
        config.n_layer,
        config.n_embd,
        thousands(bytes)
    );
    svg.text((62.0, foot + 16.0), Align::Left, &sum);
    svg.rect((20.0, foot + 32.0), (32.0, 22.0), SLOPE_FILL);
    svg.frame((20.0, foot + 32.0), (32.0, 22.0), SLOPE_INK, 1.4);
    svg.text(
        (62.0, foot + 48.0),
        Align::Left,
        "computed now: one row. Its q meets every k of the frame, and averages every v",
    );
    past(&mut svg, (20.0, foot + 57.0), 32.0, "");
    svg.text((62.0, foot + 80.0), Align::Left, "never needed again: what it was needed for is done");
    svg.finish()
}

/// What becomes of a part.
enum Fate {
    Kept,
    Past,
    New,
}

fn cell(svg: &mut Svg, at: Point, width: f64, part: &str, fate: Fate) {
    let (size, middle) = ((width - 3.0, 36.0), (at.0 + width / 2.0 - 1.5, at.1 + 23.0));
    match fate {
        Fate::Kept => {
            svg.rect(at, size, COLORS[0]);
            svg.colored_text(middle, Align::Middle, part, "#ffffff", 14.0);
        }
        Fate::Past => past(svg, at, width - 3.0, part),
        Fate::New => {
            svg.rect(at, size, SLOPE_FILL);
            svg.frame(at, size, SLOPE_INK, 1.4);
            svg.text(middle, Align::Middle, part);
        }
    }
}

/// A place that is empty by now: dashed, and its name in grey.
fn past(svg: &mut Svg, at: Point, width: f64, part: &str) {
    let height = if part.is_empty() { 22.0 } else { 36.0 };
    let (x, y) = (at.0, at.1 + (36.0 - height) / 2.0);
    svg.dashed_line(&[(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)], "#b9c0cb", 1.0);
    svg.colored_text((x + width / 2.0, y + 23.0), Align::Middle, part, FAINT, 14.0);
}

/// A whole number with a comma before each three digits.
fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let with_comma = |i: usize| if i > 0 && (digits.len() - i).is_multiple_of(3) { "," } else { "" };
    digits.char_indices().map(|(i, digit)| format!("{}{digit}", with_comma(i))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gpt2, KvCache, Rng};

    #[test]
    fn keys_and_values_of_old_tokens_are_kept_and_all_of_the_new_one_is_computed() {
        let svg = cache(&Config::new(9, 8, 6, 2, 4), &["x", "y", "z"].map(str::to_string));
        let count = |text: &str| svg.matches(text).count();
        // Three blocks are shown, and two old tokens: 6 keys kept, 6 queries not, 3 of each for the new token.
        assert_eq!(count("fill=\"#ffffff\" font-size=\"14\">k<"), 6);
        assert_eq!(count(&format!("fill=\"{FAINT}\" font-size=\"14\">q<")), 6);
        assert_eq!([count(">q<"), count(">k<"), count(">v<"), count(">MLP<")], [9; 4]);
        assert!(svg.contains(">block 3<"));
    }

    #[test]
    fn the_bytes_are_those_of_a_real_cache() {
        let config = Config::new(9, 8, 600, 2, 3);
        let model = Gpt2::random(&config, &mut Rng::new(1)).unwrap();
        let mut real = KvCache::new(&config, 1);
        model.next_logits(&[5], &mut real).unwrap();
        let svg = cache(&config, &["x", "y"].map(str::to_string));
        assert!(svg.contains(&format!("= {} bytes for", thousands(real.bytes()))), "{}", real.bytes());
        assert_eq!([0, 999, 1000, 73_728, 1_234_567].map(thousands), ["0", "999", "1,000", "73,728", "1,234,567"]);
    }
}
