//! Is a learner's function right? And if not: what went wrong, and why?
//!
//! A checker runs a function on several inputs (its *probes*, `probe.rs`) and compares each answer (`answer.rs`) with the
//! library's (`compare.rs`). What it finds is a [`Verdict`]. When answers differ, it also tries the *known mistakes* of the
//! exercise on the same inputs. If one of them gives just the learner's numbers, that is the likely cause.

mod answer;
mod compare;
mod probe;

pub use answer::{Answer, Part, attempt, ids, number, numbers, one, repeated, tensor};
pub use compare::endless;
pub use probe::{patience, set_patience};

use crate::apart::records;
use compare::{problem_of, same_outcome, wrong_row};
use gpt60::Tensor;
use probe::{Outcome, run_all};
use std::sync::Arc;

/// A wrong solution, and what to tell its author.
pub struct Mistake<I> {
    /// Completes "this is what you get when ...".
    pub when: &'static str,
    /// The wrong solution, run on an input.
    pub answer: fn(&I) -> Answer,
}

/// An exercise: its inputs, the learner's function, the library's, and known mistakes.
pub struct Exercise<I: 'static> {
    /// Also the name of its file in `src/exercises/`.
    pub name: &'static str,
    /// The inputs. Each mistake must differ from the library on at least one, and from the other mistakes.
    pub inputs: fn() -> Vec<I>,
    /// An input in words: `a table of 2 rows and 3 columns`. Made by [`with_rows`] if it ends with a table of which the
    /// wrong row is to be shown.
    pub describe: fn(&I) -> String,
    /// The learner's function on an input.
    pub stub: fn(&I) -> Answer,
    /// The library's.
    pub library: fn(&I) -> Answer,
    /// How much numbers may differ: `max|a-b| / max|b|`.
    pub tolerance: f32,
    /// Three or more.
    pub mistakes: Vec<Mistake<I>>,
}

/// An exercise of any kind of input.
pub trait Check {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Checks the learner's function.
    fn check(&self) -> Verdict;
    /// An input in words.
    fn describe_input(&self, n: usize) -> Option<String>;
    /// Checks the library's function: it must be `Done`.
    fn check_library(&self) -> Verdict;
    /// Checks each known mistake: what it is, and what the checker says.
    fn check_mistakes(&self) -> Vec<(&'static str, Verdict)>;
}

/// What a checker says.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Every probe met `not_started()`.
    NotStarted,
    /// Every answer is right.
    Done,
    /// At least one answer is wrong.
    Wrong(Wrong),
}

/// The first wrong answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Wrong {
    /// The input, in words.
    pub input: String,
    /// What is wrong, a line each.
    pub problem: Vec<String>,
    /// For an exercise that is built from others: the first of those whose result differs from the library's.
    pub piece: Option<String>,
    /// The known mistake that gives the same.
    pub cause: Option<&'static str>,
    /// Whether there was no answer at all: the function is still at it.
    pub is_endless: bool,
}

/// What is said of answers that vary, see [`repeated`].
pub const LUCK: &str = "the answer depends on the order of a `HashMap`, which is another one in every new map";

/// A description that ends with this table. Its rows follow, a line each: the verdict shows one of them.
pub fn with_rows(words: String, table: &Tensor) -> String {
    (0..table.n_rows()).fold(words, |lines, i| format!("{lines}\n{}", in_short(table.row(i))))
}

/// The numbers of a row, or the first of them.
fn in_short(row: &[f32]) -> String {
    match row.get(..20) {
        Some(first) if row.len() > 20 => format!("{}, ...]", format!("{first:?}").trim_end_matches(']')),
        _ => format!("{row:?}"),
    }
}

/// A description with one of its rows.
fn with_row(description: &str, row: usize) -> String {
    let (words, rows) = description.split_once('\n').unwrap_or((description, ""));
    match (row, rows.lines().nth(row)) {
        (0, Some(numbers)) => format!("{words}, whose first row is {numbers}"),
        (_, Some(numbers)) => format!("{words}, whose row {row} (counted from 0) is {numbers}"),
        (_, None) => words.to_string(),
    }
}

impl<I: Send + Sync + 'static> Check for Exercise<I> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn check(&self) -> Verdict {
        self.judge(self.stub)
    }

    fn describe_input(&self, n: usize) -> Option<String> {
        (self.inputs)().get(n).map(|input| with_row(&(self.describe)(input), 0))
    }

    fn check_library(&self) -> Verdict {
        let Exercise { library, .. } = self;
        self.judge(*library)
    }

    fn check_mistakes(&self) -> Vec<(&'static str, Verdict)> {
        self.mistakes.iter().map(|mistake| (mistake.when, self.judge(mistake.answer))).collect()
    }
}

/// What a trained model of the learner's writes is worth seeing when it is right, too.
fn show_texts(found: &[(Outcome, Option<String>)]) {
    let answers = found.iter().filter(|_| records::is_child()).filter_map(|(outcome, _)| match outcome {
        Outcome::Answer(answer) => Some(answer),
        _ => None,
    });
    for (name, part) in answers.flatten() {
        if let (true, Part::Text(text)) = (name.starts_with("what the trained model writes"), part) {
            println!("{name}: {text}");
        }
    }
}

impl<I: Send + Sync + 'static> Exercise<I> {
    fn judge(&self, function: fn(&I) -> Answer) -> Verdict {
        let Exercise { library, .. } = self;
        let inputs = Arc::new((self.inputs)());
        let found = run_all(&inputs, function, records::note_probe);
        if found.iter().all(|(outcome, _)| *outcome == Outcome::NotStarted) {
            return Verdict::NotStarted;
        }
        let expected: Vec<Answer> = inputs.iter().map(library).collect();
        let problems: Vec<Option<Vec<String>>> = found
            .iter()
            .zip(&expected)
            .map(|((outcome, _), expected)| problem_of(outcome, expected, self.tolerance))
            .collect();
        // Of several functions some may not be started: what is written and wrong is said first.
        let is_written = |i: &usize| problems[*i].is_some() && found[*i].0 != Outcome::NotStarted;
        let first = (0..problems.len()).find(is_written).or_else(|| problems.iter().position(Option::is_some));
        let Some(first) = first else {
            show_texts(&found);
            return Verdict::Done;
        };
        // What is only not started has no cause. What has not come to an end may still be filling the memory, and is not looked
        // into any further.
        let has_ended = ![Outcome::NotStarted, Outcome::Endless].contains(&found[first].0);
        Verdict::Wrong(Wrong {
            input: with_row(
                &(self.describe)(&inputs[first]),
                wrong_row(&found[first].0, &expected[first], self.tolerance),
            ),
            problem: problems[first].clone().unwrap_or_default(),
            piece: found[first].1.clone(),
            cause: if has_ended { self.cause_of(&inputs, &found, &expected, &problems) } else { None },
            is_endless: found[first].0 == Outcome::Endless,
        })
    }

    /// The known mistake that answers every probe as the learner does, where the learner's function is started.
    fn cause_of(
        &self,
        inputs: &Arc<Vec<I>>,
        found: &[(Outcome, Option<String>)],
        expected: &[Answer],
        problems: &[Option<Vec<String>>],
    ) -> Option<&'static str> {
        // Mistakes are compared by their values. If no probe has one, there is nothing to compare.
        if !found.iter().any(|(outcome, _)| matches!(outcome, Outcome::Answer(_))) {
            return None;
        }
        let varies = |outcome: &Outcome| matches!(outcome, Outcome::Answer(parts) if matches!(parts[..], [(_, Part::Varying(..))]));
        if found.iter().any(|(outcome, _)| varies(outcome)) {
            return Some(LUCK); // no known mistake can give the same
        }
        let is_started = |outcome: &Outcome| *outcome != Outcome::NotStarted;
        // Wrong numbers have their own cause, no matter how inputs that do not fit are handled: as long as there are
        // wrong numbers, the probes that must fail are left out.
        let must_fail = |answer: &Answer| answer.iter().any(|(_, part)| matches!(part, Part::Error(_)));
        let mut all = problems.iter().zip(expected).zip(found);
        let wrong_value = all.any(|((problem, e), f)| problem.is_some() && !must_fail(e) && is_started(&f.0));
        let gives_the_same = |mistake: &&Mistake<I>| {
            let answers = run_all(inputs, mistake.answer, |_| ()); // the learner's last call stays the one that is noted
            let mut all = answers.iter().zip(found).zip(expected);
            all.all(|((a, f), e)| (wrong_value && must_fail(e)) || !is_started(&f.0) || same_outcome(&a.0, &f.0))
        };
        self.mistakes.iter().find(gives_the_same).map(|mistake| mistake.when)
    }
}
