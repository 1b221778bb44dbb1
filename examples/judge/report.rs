//! How the scores are shown: a table, plain lines, or an answer with what is said of it.

use super::sense::people::Pronouns;
use super::sense::{Kind, Score, Verdict};
use super::table::Prompt;

/// The scores of one model, or of a person's texts.
pub struct Column {
    pub name: String,
    pub n_passages: usize,
    pub scores: Vec<Score>,
}

/// How wide a column is: `12.3 % of 200`.
const WIDTH: usize = 18;

/// A line a score, a column a model.
pub fn table(columns: &[Column]) -> String {
    let line = |name: &str, cells: Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!("{cell:>WIDTH$}")).collect();
        format!("{name:<22}{cells}\n")
    };
    let mut text = line("", columns.iter().map(|column| shortened(&column.name)).collect());
    text += &line("answers or pieces", columns.iter().map(|column| column.n_passages.to_string()).collect());
    let n_scores = columns.first().map_or(0, |column| column.scores.len());
    for i in 0..n_scores {
        text += &line(columns[0].scores[i].name, columns.iter().map(|column| cell(&column.scores[i])).collect());
    }
    text
}

/// A name that fits into its column.
fn shortened(name: &str) -> String {
    let n = name.chars().count();
    if n < WIDTH { name.to_string() } else { format!("…{}", name.chars().skip(n + 2 - WIDTH).collect::<String>()) }
}

fn cell(score: &Score) -> String {
    match (score.value(), score.kind) {
        (None, _) => "-".to_string(),
        (Some(value), Kind::Share) => format!("{:.1} % of {}", 100.0 * value, score.of),
        (Some(value), Kind::Mean) => format!("{value:.1} in {}", score.of),
    }
}

/// For a program: a line a score and column. A score without anything to judge has no line.
pub fn plain(columns: &[Column]) -> String {
    let lines = columns.iter().flat_map(|column| {
        column.scores.iter().filter_map(move |score| {
            let (column, name) = (column.name.replace(char::is_whitespace, "-"), score.name.replace(' ', "-"));
            Some(format!("{column} {name} {:.4} {}\n", score.value()?, score.of))
        })
    });
    lines.collect()
}

/// An answer with its prompt, and what each test says of it.
pub fn answer(model: &str, i: usize, prompt: &Prompt, text: &str, verdict: &Verdict) -> String {
    let yes = |found: Option<bool>| match found {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not judged",
    };
    let pronouns = match verdict.pronouns {
        Some(Pronouns { right, wrong }) => format!("{right} agree, {wrong} do not"),
        None => "not judged".to_string(),
    };
    let (quotations, variety) = (verdict.quotations, verdict.variety);
    let said = [
        ("the name comes back", yes(verdict.name).to_string()),
        ("pronouns", pronouns),
        ("the thing comes back", yes(verdict.thing).to_string()),
        (
            "quotations",
            format!(
                "{} closed, {} not; {} went on in the next paragraph",
                quotations.closed, quotations.broken, quotations.continued
            ),
        ),
        ("every sentence ends", yes(Some(verdict.sentences_end)).to_string()),
        ("words", format!("{}, {} different", variety.n_words, variety.n_different)),
        ("rows of four", format!("{}, {} repeated", variety.n_fours, variety.n_repeated)),
    ];
    let said: String = said.iter().map(|(name, found)| format!("  {name:<22}{found}\n")).collect();
    format!("=== {model}, prompt {}: {}\n{}\n\n{said}\n", i + 1, prompt.text, text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sense::scores;

    #[test]
    fn a_table_has_a_line_a_score_and_a_dash_where_nothing_was_judged() {
        let share = Score { name: "share", kind: Kind::Share, sum: 1, of: 8 };
        let mean = Score { name: "a mean", kind: Kind::Mean, sum: 5, of: 2 };
        let column = |name: &str, score| Column { name: name.to_string(), n_passages: 8, scores: vec![score, mean] };
        let columns = [column("one", share), column("a person", Score { of: 0, sum: 0, ..share })];
        let lines: Vec<Vec<String>> =
            table(&columns).lines().map(|line| line.split_whitespace().map(str::to_string).collect()).collect();
        assert_eq!(lines[0], ["one", "a", "person"]);
        assert_eq!(lines[2], ["share", "12.5", "%", "of", "8", "-"]);
        assert_eq!(lines[3], ["a", "mean", "2.5", "in", "2", "2.5", "in", "2"]);
        assert_eq!(plain(&columns), "one share 0.1250 8\none a-mean 2.5000 2\na-person a-mean 2.5000 2\n");
        assert!(scores(&[]).iter().all(|score| cell(score) == "-" && score.name.len() <= 22));
        assert_eq!(shortened(&"x".repeat(40)).chars().count(), WIDTH - 1);
    }
}
