//! Comparing an outcome with the library's answer, and two outcomes with each other; and what is wrong, in words.

use super::answer::{Answer, Part};
use super::probe::{Outcome, patience};
use std::time::Duration;

/// What is wrong with an outcome, one line each; `None` if nothing is wrong.
pub fn problem_of(outcome: &Outcome, expected: &Answer, tolerance: f32) -> Option<Vec<String>> {
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
        Outcome::ThreadPanic(place, message) => {
            Some(vec![format!("a thread that it started panicked at {place}:"), format!("  {message}")])
        }
        Outcome::Endless => Some(vec![endless(patience())]),
        Outcome::Answer(found) => {
            if found.len() != expected.len() {
                // Only a function that may fail, or whose answers vary, has answers of different kinds.
                return part_problem("", found.first().map(|(_, p)| p), expected.first().map(|(_, p)| p), tolerance);
            }
            found
                .iter()
                .zip(expected)
                .find_map(|((name, found), (_, expected))| part_problem(name, Some(found), Some(expected), tolerance))
        }
    }
}

/// What to say of a function that does not come to its end.
pub fn endless(patience: Duration) -> String {
    format!("no answer after {} seconds: does a loop never end, or take too long?", patience.as_secs())
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
        (Part::Varying(one, another), _) => Some(vec![
            "two calls with the same input gave different answers:".into(),
            format!("  once  {one}"),
            format!("  later {another}"),
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

/// Shapes first; then how many numbers differ, and the first and the worst.
fn numbers_problem(
    what: &str,
    (shape, found): (&[usize], &[f32]),
    (expected_shape, expected): (&[usize], &[f32]),
    tolerance: f32,
) -> Option<Vec<String>> {
    if shape != expected_shape {
        return Some(vec![format!("{what} has shape {shape:?}, expected {expected_shape:?}")]);
    }
    let differing = differing(found, expected, tolerance);
    let first = *differing.first()?;
    let error = |i: usize| error(found[i], expected[i]);
    let worst = differing.iter().copied().fold(first, |worst, i| if error(i) > error(worst) { i } else { worst });
    if expected_shape.is_empty() {
        return Some(vec![format!("{what} is {}, expected {}", found[0], expected[0])]);
    }
    let mut lines = vec![format!("{} of {} numbers of {what} differ", differing.len(), expected.len())];
    let kinds = [("NaN", f32::is_nan as fn(f32) -> bool), ("infinite", f32::is_infinite)];
    for (kind, is) in kinds {
        let n = differing.iter().filter(|&&i| is(found[i])).count();
        if n > 0 {
            lines.push(format!("  {n} of them {} {kind}", if n == 1 { "is" } else { "are" }));
        }
    }
    let show = |i: usize| format!("at {:?} expected {} and got {}", place(i, expected_shape), expected[i], found[i]);
    lines.push(format!("  first {}", show(first)));
    if worst != first {
        lines.push(format!("  worst {}", show(worst)));
    }
    Some(lines)
}

/// The places of the numbers that differ.
fn differing(found: &[f32], expected: &[f32], tolerance: f32) -> Vec<usize> {
    let largest = expected.iter().filter(|x| x.is_finite()).fold(0.0f32, |most, x| most.max(x.abs()));
    (0..expected.len()).filter(|&i| error(found[i], expected[i]) > tolerance * largest).collect()
}

fn error(found: f32, expected: f32) -> f32 {
    if found == expected || (found.is_nan() && expected.is_nan()) {
        0.0
    } else if found.is_finite() && expected.is_finite() {
        (found - expected).abs()
    } else {
        f32::INFINITY
    }
}

/// The row of the input to which the first wrong number belongs. A table has a row of results for each, and a list that
/// is the only result has a number for each. Anything else belongs to the whole input: then it is row 0.
pub fn wrong_row(outcome: &Outcome, expected: &Answer, tolerance: f32) -> usize {
    let Outcome::Answer(found) = outcome else { return 0 };
    let is_wrong = |((name, found), (_, expected)): &(&(&'static str, Part), &(&'static str, Part))| {
        part_problem(name, Some(found), Some(expected), tolerance).is_some()
    };
    match found.iter().zip(expected).find(is_wrong) {
        Some(((_, Part::Numbers(shape, data)), (_, Part::Numbers(expected_shape, expected_data))))
            if shape == expected_shape =>
        {
            let first = differing(data, expected_data, tolerance).first().copied().unwrap_or(0);
            match shape[..] {
                [_] if found.len() == 1 => first,
                [_, .., n_cols] => first / n_cols,
                _ => 0,
            }
        }
        _ => 0,
    }
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

/// Whether two outcomes are the same, up to rounding. NaN equals NaN here: both went wrong in the same way.
pub fn same_outcome(a: &Outcome, b: &Outcome) -> bool {
    match (a, b) {
        (Outcome::Answer(a), Outcome::Answer(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((_, a), (_, b))| same_part(a, b))
        }
        (Outcome::Panic(..), Outcome::Panic(..)) | (Outcome::Endless, Outcome::Endless) => true,
        // The same mistake may be met by an error in one function, and by a panic in another.
        (Outcome::Panic(..), Outcome::Answer(answer)) | (Outcome::Answer(answer), Outcome::Panic(..)) => {
            matches!(answer[..], [(_, Part::Error(_))])
        }
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
