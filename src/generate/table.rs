//! The candidates for one token as a table: what each knob did to them.
//!
//! ```text
//!       id    logit    model    top-k    top-p  token
//!      491    3.912   50.00%   62.50%   66.67%  " girl"  ##############
//! >     12    3.219   25.00%   31.25%   33.33%  " boy"   #######
//!       77    1.609    5.00%    6.25%  removed  " man"
//!       80    1.386    4.00%  removed           " dog"
//!      ...            16.00%    0.00%    0.00%  3828 others
//!     left              3832        3        2
//! ```
//!
//! Each column shows the probabilities after a knob, and what it removed; `>` marks the token that was chosen.
//! The bars show the last column, the longest being the likeliest token.
//!
//! [Chapter 8](crate::book::ch08_choosing_a_token) explains it.

use super::{Sampler, knobs};
use crate::kernels::softmax::softmax_row;
use crate::tokenizer::Tokenizer;

/// How many tokens are shown: those that the model finds likeliest.
const N_SHOWN: usize = 10;

/// One column of the table.
struct Column {
    name: &'static str,
    /// Which tokens are not removed at this point.
    left: Vec<bool>,
    probabilities: Vec<f32>,
}

impl Column {
    fn new(name: &'static str, logits: &[f32]) -> Column {
        let left: Vec<bool> = logits.iter().map(|&score| score > f32::NEG_INFINITY).collect();
        let mut probabilities = logits.to_vec();
        if left.contains(&true) {
            softmax_row(&mut probabilities);
        } else {
            probabilities.fill(0.0);
        }
        Column { name, left, probabilities }
    }
}

/// The ten likeliest tokens, and the chosen one if it is not among them, with their probabilities before and after
/// every knob of the sampler that is on. Lines are at most `width` characters long.
///
/// `logits` are `[n_vocab]`, as they come from the model; `before` is the text so far, and `early` are the end tokens that may
/// not come yet.
///
/// # Example: of three tokens, top-k keeps two
///
/// ```
/// use gpt60::generate::{Sampler, table};
///
/// let sampler = Sampler { top_k: 2, ..Sampler::new(1) };
/// let logits = [0.5_f32.ln(), 0.3_f32.ln(), 0.2_f32.ln()];
/// let table = table::render(&logits, &[], &sampler, &[], Some(1), None, 60);
/// let lines = [
///     "      id    logit    model    top-k",
///     "       0   -0.693   50.00%   62.50%  #######################",
///     ">      1   -1.204   30.00%   37.50%  ##############",
///     "       2   -1.609   20.00%  removed",
///     "    left                 3        2",
/// ];
/// assert_eq!(table.lines().collect::<Vec<_>>(), lines);
/// ```
pub fn render(
    logits: &[f32],
    before: &[u32],
    sampler: &Sampler,
    early: &[u32],
    chosen: Option<u32>,
    tokenizer: Option<&Tokenizer>,
    width: usize,
) -> String {
    let mut columns = vec![Column::new("model", logits)];
    let mut changed = logits.to_vec();
    if !early.is_empty() {
        knobs::no_end(&mut changed, early);
        columns.push(Column::new("min-tok.", &changed));
    }
    sampler.turn_knobs(&mut changed, before, |knob, now| columns.push(Column::new(heading(knob), now)));
    let last = &columns[columns.len() - 1].probabilities;

    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
    let (mut shown, others) = order.split_at(N_SHOWN.min(order.len()));
    let chosen = chosen.map(|id| id as usize).filter(|&id| id < logits.len());
    let with_chosen: Vec<usize>;
    let mut others = others.to_vec();
    if let Some(id) = chosen.filter(|id| others.contains(id)) {
        others.retain(|&other| other != id);
        with_chosen = [shown, &[id]].concat();
        shown = &with_chosen;
    }

    let names: Vec<String> = shown.iter().map(|&id| name(id, tokenizer)).collect();
    let name_width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(20);
    let mut lines = vec![format!("{:>8} {:>8}", "id", "logit")];
    lines[0].extend(columns.iter().map(|column| format!(" {:>8}", column.name)));
    if tokenizer.is_some() {
        lines[0] += "  token";
    }
    // The bars get the rest of the line, 40 characters at most.
    let used = 17 + 9 * columns.len() + if name_width > 0 { 2 + name_width } else { 0 } + 2;
    let bar_width = width.saturating_sub(used).min(40);
    let longest = shown.iter().map(|&id| last[id]).fold(0.0, f32::max);
    for (&id, name) in shown.iter().zip(&names) {
        let mark = if chosen == Some(id) { '>' } else { ' ' };
        let mut line = format!("{mark}{id:>7} {:>8.3}", logits[id]);
        let mut was_left = true;
        for Column { left, probabilities, .. } in &columns {
            line += &match (left[id], was_left) {
                (true, _) => format!(" {:>7.2}%", 100.0 * probabilities[id]),
                (false, true) => format!(" {:>8}", "removed"),
                (false, false) => " ".repeat(9),
            };
            was_left = left[id];
        }
        if name_width > 0 {
            let name: String = name.chars().take(name_width).collect();
            line += &format!("  {name:<name_width$}");
        }
        let share = if longest > 0.0 { last[id] / longest } else { 0.0 };
        line += &format!("  {}", "#".repeat((share * bar_width as f32).round() as usize));
        lines.push(line);
    }
    if !others.is_empty() {
        let mut line = format!("{:>8} {:>8}", "...", "");
        for column in &columns {
            let sum: f64 = others.iter().map(|&id| f64::from(column.probabilities[id])).sum();
            line += &format!(" {:>7.2}%", 100.0 * sum);
        }
        lines.push(line + &format!("  {} others", others.len()));
    }
    let mut line = format!("{:>8} {:>8}", "left", "");
    for column in &columns {
        line += &format!(" {:>8}", column.left.iter().filter(|&&left| left).count());
    }
    lines.push(line);
    let cut = |line: &String| line.chars().take(width).collect::<String>().trim_end().to_string() + "\n";
    lines.iter().map(cut).collect()
}

/// A knob's name, short enough for a column.
fn heading(knob: &'static str) -> &'static str {
    match knob {
        "repetition penalty" => "penalty",
        "no-repeat n-gram" => "n-gram",
        "temperature" => "temper.",
        "typical-p" => "typical",
        "epsilon cutoff" => "epsilon",
        other => other,
    }
}

/// A token to look at: in quotes, because many begin with a space; empty without a vocabulary.
fn name(id: usize, tokenizer: Option<&Tokenizer>) -> String {
    match tokenizer {
        None => String::new(),
        // A table of weights may have more rows than the vocabulary has tokens.
        Some(tokenizer) => tokenizer.token_bytes(id as u32).map_or("(none)".to_string(), visible),
    }
}

/// Bytes to look at, in quotes: anything but plain letters and signs is written as Rust would write it, and a byte that
/// is only part of a character as `\xE2`.
///
/// # Example: a line break, and the first two bytes of a crab
///
/// ```
/// use gpt60::generate::table::visible;
///
/// assert_eq!(visible(b" the"), r#"" the""#);
/// assert_eq!(visible(b"\n\xF0\x9F"), r#""\n\xF0\x9F""#);
/// ```
pub fn visible(bytes: &[u8]) -> String {
    let mut text = String::from('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            // Latin letters and typographic quotes take one column on every terminal. Other characters may not.
            let is_plain =
                matches!(c, ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{24f}' | '\u{2013}'..='\u{2026}');
            match c {
                '\'' => text.push(c),
                _ if is_plain => text.extend(c.escape_debug()),
                '\n' | '\r' | '\t' => text.extend(c.escape_default()),
                _ => text.extend(c.escape_unicode()),
            }
        }
        chunk.invalid().iter().for_each(|byte| text += &format!("\\x{byte:02X}"));
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn what_an_eye_cannot_see_is_written_out() {
        assert_eq!(visible("it's \"é\" – ü".as_bytes()), r#""it's \"é\" – ü""#);
        assert_eq!(visible("\r\t\0\u{7f}\u{1b}[31m".as_bytes()), r#""\r\t\u{0}\u{7f}\u{1b}[31m""#);
        assert_eq!(visible("語\u{301}\u{200b}\u{a0}".as_bytes()), r#""\u{8a9e}\u{301}\u{200b}\u{a0}""#);
        assert_eq!(visible(b"\\\xC3"), r#""\\\xC3""#);
    }

    #[test]
    fn every_knob_that_is_on_has_a_column_and_says_what_it_removed() {
        let sampler = Sampler {
            repetition_penalty: 2.0,
            no_repeat_ngram: 1,
            temperature: 0.5,
            top_k: 2,
            top_p: 0.5,
            ..Sampler::new(1)
        };
        // Weights 8 (used, so removed), 4, 2, 1. Temperature 0.5: 16, 4, 1. Top-k: 16, 4. Top-p: 16 of 20 is enough.
        let logits = [8f32, 4.0, 2.0, 1.0].map(f32::ln);
        let table = render(&logits, &[0], &sampler, &[], Some(1), None, 200);
        let words: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[0], ["id", "logit", "model", "penalty", "n-gram", "temper.", "top-k", "top-p"]);
        // The penalty halves ln 8, so the weights are 2.828, 4, 2, 1: together 9.828.
        assert_eq!(words[1], ["0", "2.079", "53.33%", "28.78%", "removed"]);
        assert_eq!(words[2][..8], [">", "1", "1.386", "26.67%", "40.70%", "57.14%", "76.19%", "80.00%"]);
        assert_eq!(words[2][8..], ["100.00%", &"#".repeat(40)]);
        assert_eq!(words[3], ["2", "0.693", "13.33%", "20.35%", "28.57%", "19.05%", "20.00%", "removed"]);
        assert_eq!(words[4], ["3", "0.000", "6.67%", "10.17%", "14.29%", "4.76%", "removed"]);
        assert_eq!(words[5], ["left", "4", "4", "3", "3", "2", "1"]);
    }

    #[test]
    fn the_new_knobs_have_columns_too_and_an_end_that_is_too_early_is_removed_first() {
        let sampler = Sampler { min_p: 0.3, typical_p: 0.5, epsilon_cutoff: 0.6, ..Sampler::new(1) };
        // Weights 8 (the end), 4, 2, 1. Without the end 4, 2, 1, and 1 is less than 0.3 of 4. The entropy of 2/3 and 1/3 is
        // 0.637; the surprises are 0.405 and 1.099: the first is nearer, and 2/3 is enough for 0.5.
        let logits = [8f32, 4.0, 2.0, 1.0].map(f32::ln);
        let table = render(&logits, &[], &sampler, &[0], Some(1), None, 200);
        let words: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[0], ["id", "logit", "model", "min-tok.", "min-p", "typical", "epsilon"]);
        assert_eq!(words[1], ["0", "2.079", "53.33%", "removed"]);
        assert_eq!(words[2][..8], [">", "1", "1.386", "26.67%", "57.14%", "66.67%", "100.00%", "100.00%"]);
        assert_eq!(words[3], ["2", "0.693", "13.33%", "28.57%", "33.33%", "removed"]);
        assert_eq!(words[4], ["3", "0.000", "6.67%", "14.29%", "removed"]);
    }

    #[test]
    fn the_chosen_token_is_shown_wherever_it_stands_and_the_rest_is_added_up() {
        let logits: Vec<f32> = (0..30).map(|i| if i < 10 { 2f32.ln() } else { 0.0 }).collect(); // 20 + 20 = 40
        let table = render(&logits, &[], &Sampler::new(1), &[], Some(25), None, 80);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 1 + 11 + 2);
        assert!(lines[11].starts_with(">     25    0.000    2.50%"), "{table}");
        assert_eq!(lines[12].trim(), "...            47.50%  19 others"); // 19 of 40
        assert_eq!(table.matches('>').count(), 1);
        // A token that does not exist is not shown.
        assert!(!render(&logits, &[], &Sampler::new(1), &[], Some(99), None, 80).contains('>'));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let tokenizer = Tokenizer::gpt2();
        let mut rng = Rng::new(1);
        let logits: Vec<f32> = (0..50_300).map(|_| 4.0 * rng.normal() as f32).collect();
        let sampler = Sampler { temperature: 0.7, top_k: 40, top_p: 0.9, ..Sampler::new(1) };
        for width in [0, 1, 10, 40, 60, 80, 100, 1000] {
            let table = render(&logits, &[5], &sampler, &[], Some(50_299), Some(&tokenizer), width);
            assert!(table.lines().all(|line| line.chars().count() <= width), "{width}: {table}");
            assert_eq!(table.lines().count(), 1 + 11 + 2);
            assert_eq!(table.contains('#'), width >= 80, "{table}");
        }
    }

    #[test]
    fn a_table_of_nothing_is_no_panic() {
        let picky = Sampler { no_repeat_ngram: 1, ..Sampler::new(1) };
        assert!(render(&[1.0, 2.0], &[0, 1], &picky, &[], None, None, 80).contains("removed"));
        assert!(render(&[], &[], &picky, &[], Some(0), None, 80).contains("left"));
        assert!(render(&[f32::NAN; 3], &[], &Sampler::new(1), &[], None, None, 80).contains("NaN"));
        assert!(render(&[f32::NEG_INFINITY; 3], &[], &Sampler::greedy(), &[], None, None, 80).contains("removed"));
    }
}
