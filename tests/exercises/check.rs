//! Is a learner's function right? And if it is not: what went wrong, and why?
//!
//! A checker runs a function on several inputs (its *probes*) and compares each answer with the library's. What it finds is a
//! [`Verdict`]. When answers differ, it also tries the *known mistakes* of the exercise on the same inputs. If one of them
//! gives just the learner's numbers, that is the likely cause.

use crate::exercises::{NotStarted, parts};
use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::sync::{Arc, Once};
use std::time::Duration;

// ---------------------------------------------------------------------------------------------------------------------
// Answers
// ---------------------------------------------------------------------------------------------------------------------

/// One result of a function.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// A tensor, or a number: its shape and its numbers.
    Numbers(Vec<usize>, Vec<f32>),
    /// Token ids, counts, or anything else that must be exact.
    Integers(Vec<i64>),
    /// Text.
    Text(String),
    /// Pieces of text.
    Texts(Vec<String>),
    /// A function that may fail has failed; the message may be any.
    Error(String),
}

/// All results of a function, each with a name (empty if there is only one).
pub type Answer = Vec<(&'static str, Part)>;

/// A tensor as an answer.
pub fn tensor(x: &gpt60::Tensor) -> Part {
    Part::Numbers(x.shape().to_vec(), x.data().to_vec())
}

/// A list of numbers as an answer.
pub fn numbers(x: &[f32]) -> Part {
    Part::Numbers(vec![x.len()], x.to_vec())
}

/// A single number as an answer.
pub fn number(x: f32) -> Part {
    Part::Numbers(Vec::new(), vec![x])
}

/// Token ids as an answer.
pub fn ids(ids: &[u32]) -> Part {
    Part::Integers(ids.iter().map(|&id| i64::from(id)).collect())
}

/// The answer of a function with one result.
pub fn one(part: Part) -> Answer {
    vec![("", part)]
}

/// The answer of a function that may fail.
pub fn attempt<T>(result: gpt60::Result<T>, answer: impl FnOnce(T) -> Answer) -> Answer {
    match result {
        Ok(value) => answer(value),
        Err(error) => one(Part::Error(error.to_string())),
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Exercises
// ---------------------------------------------------------------------------------------------------------------------

/// A wrong solution, and what to tell whoever has written it.
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
    /// An input in words: `a table of 2 rows and 3 columns`.
    pub describe: fn(&I) -> String,
    /// The learner's function on an input.
    pub stub: fn(&I) -> Answer,
    /// The library's.
    pub library: fn(&I) -> Answer,
    /// How much numbers may differ: `max|a-b| / max|b|`.
    pub tolerance: f32,
    /// At least three.
    pub mistakes: Vec<Mistake<I>>,
}

/// An exercise of any kind of input.
pub trait Check {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Checks the learner's function.
    fn check(&self) -> Verdict;
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
    /// One is not.
    Wrong(Wrong),
}

/// The first wrong answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Wrong {
    /// The input, in words.
    pub input: String,
    /// What is wrong, a line each.
    pub problem: Vec<String>,
    /// For an exercise that is built from others: the first of them whose result differs from the library's.
    pub piece: Option<String>,
    /// The known mistake that gives the same.
    pub cause: Option<&'static str>,
}

impl<I: Send + Sync + 'static> Check for Exercise<I> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn check(&self) -> Verdict {
        self.judge(self.stub)
    }

    fn check_library(&self) -> Verdict {
        let Exercise { library, .. } = self;
        self.judge(*library)
    }

    fn check_mistakes(&self) -> Vec<(&'static str, Verdict)> {
        self.mistakes.iter().map(|mistake| (mistake.when, self.judge(mistake.answer))).collect()
    }
}

impl<I: Send + Sync + 'static> Exercise<I> {
    fn judge(&self, function: fn(&I) -> Answer) -> Verdict {
        let Exercise { library, .. } = self;
        let inputs = Arc::new((self.inputs)());
        let found = run_all(&inputs, function, PATIENCE);
        if found.iter().all(|(outcome, _)| *outcome == Outcome::NotStarted) {
            return Verdict::NotStarted;
        }
        let expected: Vec<Answer> = inputs.iter().map(library).collect();
        let problems: Vec<Option<Vec<String>>> = found
            .iter()
            .zip(&expected)
            .map(|((outcome, _), expected)| problem_of(outcome, expected, self.tolerance))
            .collect();
        let Some(first) = problems.iter().position(Option::is_some) else { return Verdict::Done };
        Verdict::Wrong(Wrong {
            input: (self.describe)(&inputs[first]),
            problem: problems[first].clone().unwrap_or_default(),
            piece: found[first].1.clone(),
            cause: self.cause_of(&inputs, &found, &expected, &problems),
        })
    }

    /// The known mistake that answers every probe as the learner does.
    fn cause_of(
        &self,
        inputs: &Arc<Vec<I>>,
        found: &[(Outcome, Option<String>)],
        expected: &[Answer],
        problems: &[Option<Vec<String>>],
    ) -> Option<&'static str> {
        // A mistake is compared by its values. Where no probe has one, there is nothing to compare.
        if !found.iter().any(|(outcome, _)| matches!(outcome, Outcome::Answer(_))) {
            return None;
        }
        // Wrong numbers have a cause of their own, whatever is done about inputs that do not fit: as long as there are
        // wrong numbers, the probes that must fail are left out.
        let must_fail = |answer: &Answer| answer.iter().any(|(_, part)| matches!(part, Part::Error(_)));
        let wrong_value = problems.iter().zip(expected).any(|(problem, e)| problem.is_some() && !must_fail(e));
        let gives_the_same = |mistake: &&Mistake<I>| {
            let answers = run_all(inputs, mistake.answer, PATIENCE);
            let mut all = answers.iter().zip(found).zip(expected);
            all.all(|((a, f), e)| (wrong_value && must_fail(e)) || same_outcome(&a.0, &f.0))
        };
        self.mistakes.iter().find(gives_the_same).map(|mistake| mistake.when)
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Running a function that may do anything
// ---------------------------------------------------------------------------------------------------------------------

/// How long a probe may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came of one probe.
#[derive(Debug, Clone, PartialEq)]
enum Outcome {
    Answer(Answer),
    NotStarted,
    /// Where, and the message.
    Panic(String, String),
    Endless,
}

thread_local! {
    /// Where the last panic of this thread was, and what it said.
    static LAST_PANIC: RefCell<(String, String)> = RefCell::default();
    /// Whether this thread runs a probe, whose panics are kept and not printed.
    static QUIET: RefCell<bool> = const { RefCell::new(false) };
}

/// Makes panics of probes silent: their place and message become a part of the verdict.
fn keep_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.with_borrow(|quiet| *quiet) {
                return usual(info);
            }
            let place = info.location().map_or(String::new(), |l| format!("{}:{}:{}", l.file(), l.line(), l.column()));
            let place = place.replace("tests/exercises/../../", ""); // the stubs are included from there
            LAST_PANIC.set((place, message_of(info.payload())));
        }));
    });
}

fn message_of(payload: &dyn Any) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_string())
}

/// Runs the function on every input, in a thread of its own that can be given up: an endless loop cannot be ended. After one,
/// the remaining probes are not tried.
fn run_all<I: Send + Sync + 'static>(
    inputs: &Arc<Vec<I>>,
    function: fn(&I) -> Answer,
    patience: Duration,
) -> Vec<(Outcome, Option<String>)> {
    keep_panics();
    let (sender, receiver) = mpsc::channel();
    let (n, inputs) = (inputs.len(), inputs.clone());
    std::thread::spawn(move || {
        QUIET.set(true);
        for input in inputs.iter() {
            let (result, piece) = parts::watch(|| catch_unwind(AssertUnwindSafe(|| function(input))));
            let outcome = match result {
                Ok(answer) => Outcome::Answer(answer),
                Err(payload) if payload.is::<NotStarted>() => Outcome::NotStarted,
                Err(_) => LAST_PANIC.with_borrow(|(place, message)| Outcome::Panic(place.clone(), message.clone())),
            };
            if sender.send((outcome, piece)).is_err() {
                return;
            }
        }
    });
    let mut outcomes = Vec::new();
    while outcomes.len() < n {
        match receiver.recv_timeout(patience) {
            Ok(outcome) => outcomes.push(outcome),
            Err(_) => {
                outcomes.push((Outcome::Endless, None));
                break;
            }
        }
    }
    outcomes
}

// ---------------------------------------------------------------------------------------------------------------------
// Comparing
// ---------------------------------------------------------------------------------------------------------------------

/// What is wrong with an outcome, a line each; `None` if nothing is.
fn problem_of(outcome: &Outcome, expected: &Answer, tolerance: f32) -> Option<Vec<String>> {
    match outcome {
        Outcome::NotStarted => Some(vec![
            "not_started() was reached for this input, though not for all: is it still in one of the branches?".into(),
        ]),
        Outcome::Panic(place, message) => {
            let mut lines = vec![format!("it panicked at {place}:"), format!("  {message}")];
            if let Some((_, Part::Error(message))) = expected.first() {
                lines.extend(["where an error was expected; the library says:".into(), format!("  {message}")]);
            }
            Some(lines)
        }
        Outcome::Endless => {
            Some(vec![format!("no answer after {} seconds: does a loop never end?", PATIENCE.as_secs())])
        }
        Outcome::Answer(found) => {
            if found.len() != expected.len() {
                // Only a function that may fail has answers of different kinds.
                return part_problem("", found.first().map(|(_, p)| p), expected.first().map(|(_, p)| p), tolerance);
            }
            found
                .iter()
                .zip(expected)
                .find_map(|((name, found), (_, expected))| part_problem(name, Some(found), Some(expected), tolerance))
        }
    }
}

fn part_problem(name: &str, found: Option<&Part>, expected: Option<&Part>, tolerance: f32) -> Option<Vec<String>> {
    let what = if name.is_empty() { "the result".to_string() } else { format!("`{name}`") };
    let (found, expected) = (found?, expected?);
    match (found, expected) {
        (Part::Error(_), Part::Error(_)) => None,
        (Part::Error(message), _) => Some(vec![format!("it returned an error: {message}")]),
        (_, Part::Error(message)) => Some(vec![
            "it returned a result where an error was expected; the library says:".into(),
            format!("  {message}"),
        ]),
        (Part::Numbers(shape, data), Part::Numbers(expected_shape, expected_data)) => {
            numbers_problem(&what, (shape, data), (expected_shape, expected_data), tolerance)
        }
        (Part::Integers(found), Part::Integers(expected)) => {
            list_problem(&what, found, expected, |x| x.to_string(), ", ")
        }
        (Part::Texts(found), Part::Texts(expected)) => list_problem(&what, found, expected, |x| format!("{x:?}"), ", "),
        (Part::Text(found), Part::Text(expected)) if found != expected => {
            Some(vec![format!("{what} differs:"), format!("  expected {expected:?}"), format!("  got      {found:?}")])
        }
        _ => None,
    }
}

/// Shapes first; then how many numbers differ, the first and the worst.
fn numbers_problem(
    what: &str,
    (shape, found): (&[usize], &[f32]),
    (expected_shape, expected): (&[usize], &[f32]),
    tolerance: f32,
) -> Option<Vec<String>> {
    if shape != expected_shape {
        return Some(vec![format!("{what} has shape {shape:?}, expected {expected_shape:?}")]);
    }
    let largest = expected.iter().filter(|x| x.is_finite()).fold(0.0f32, |most, x| most.max(x.abs()));
    let error = |i: usize| {
        let (f, e) = (found[i], expected[i]);
        if f == e || (f.is_nan() && e.is_nan()) {
            0.0
        } else if f.is_finite() && e.is_finite() {
            (f - e).abs()
        } else {
            f32::INFINITY
        }
    };
    let differing: Vec<usize> = (0..expected.len()).filter(|&i| error(i) > tolerance * largest).collect();
    let first = *differing.first()?;
    let worst = differing.iter().copied().fold(first, |worst, i| if error(i) > error(worst) { i } else { worst });
    if expected_shape.is_empty() {
        return Some(vec![format!("{what} is {}, expected {}", found[0], expected[0])]);
    }
    let mut lines = vec![format!("{} of {} numbers of {what} differ", differing.len(), expected.len())];
    let kinds = [("NaN", f32::is_nan as fn(f32) -> bool), ("infinite", f32::is_infinite)];
    for (kind, is) in kinds {
        let n = differing.iter().filter(|&&i| is(found[i])).count();
        if n > 0 {
            lines.push(format!("  {n} of them are {kind}"));
        }
    }
    let show = |i: usize| format!("at {:?} expected {} and got {}", place(i, expected_shape), expected[i], found[i]);
    lines.push(format!("  first {}", show(first)));
    if worst != first {
        lines.push(format!("  worst {}", show(worst)));
    }
    Some(lines)
}

/// The index of the `i`-th number, one for each dimension.
fn place(mut i: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (at, &n) in index.iter_mut().zip(shape).rev() {
        (*at, i) = (i % n, i / n);
    }
    index
}

fn list_problem<T: PartialEq>(
    what: &str,
    found: &[T],
    expected: &[T],
    show: impl Fn(&T) -> String,
    between: &str,
) -> Option<Vec<String>> {
    if found == expected {
        return None;
    }
    let line = |list: &[T]| {
        let shown: Vec<String> = list.iter().take(40).map(&show).collect();
        format!("[{}{}]", shown.join(between), if list.len() > 40 { " ..." } else { "" })
    };
    let first = found.iter().zip(expected).position(|(a, b)| a != b).unwrap_or(found.len().min(expected.len()));
    let lengths = if found.len() == expected.len() {
        String::new()
    } else {
        format!(", and has length {}, expected {}", found.len(), expected.len())
    };
    Some(vec![
        format!("{what} differs from index {first} on{lengths}"),
        format!("  expected {}", line(expected)),
        format!("  got      {}", line(found)),
    ])
}

/// Whether two outcomes are the same, up to rounding. NaN is the same as NaN here: both went wrong in the same way.
fn same_outcome(a: &Outcome, b: &Outcome) -> bool {
    match (a, b) {
        (Outcome::Answer(a), Outcome::Answer(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((_, a), (_, b))| same_part(a, b))
        }
        (Outcome::Panic(..), Outcome::Panic(..)) | (Outcome::Endless, Outcome::Endless) => true,
        _ => false,
    }
}

fn same_part(a: &Part, b: &Part) -> bool {
    match (a, b) {
        (Part::Numbers(s, a), Part::Numbers(t, b)) => s == t && numbers_problem("", (s, a), (t, b), 1e-4).is_none(),
        (Part::Error(_), Part::Error(_)) => true,
        _ => a == b,
    }
}
