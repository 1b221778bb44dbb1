//! Checks the exercises in `src/exercises/`, and checks the checkers.
//!
//! An exercise that nobody has begun is *ignored*, so `cargo test` is green on a fresh copy; a right one is *ok*, and a
//! wrong one fails, with what went wrong and, if it is a known mistake, why. Then each checker gets the library's
//! function, which must pass, and every known mistake, which must be rejected and called by its name. Last, the checks
//! themselves do what they claim (`claims.rs`).
//!
//! A learner's function runs in a program of its own (`apart/`): if it ends that program, fills its memory or never
//! comes to an end, its exercise fails, and says so.
//!
//! The test runner of the standard library cannot call a test ignored after it has run. That is why this file is a
//! small runner, which prints in the same way and understands the same flags where they make sense here. It has three
//! flags of its own: `--status`, for `examples/exercises.rs`; `--patience SECONDS`, how long a function may take for one
//! input; `--child FILE`, for itself.

#[path = "../../src/exercises/mod.rs"]
mod exercises;

mod apart;
mod check;
mod checkers;
mod claims;

use apart::Checked;
use apart::records::State;
use check::{Check, Verdict, Wrong, patience, set_patience};
use claims::Claim;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What became of a test.
enum Outcome {
    Passed,
    Ignored,
    /// What to print at the end.
    Failed(Vec<String>),
}

fn main() -> ExitCode {
    // The inputs are tiny: starting a thread would take longer than the work, and on a busy machine much longer.
    gpt60::kernels::threads::set(1);
    let mut filters = Vec::new();
    let (mut exact, mut list, mut only_ignored, mut status) = (false, false, false, false);
    let mut skip = Vec::new();
    let mut child = None;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--exact" => exact = true,
            "--list" => list = true,
            "--ignored" => only_ignored = true,
            "--status" => status = true,
            "--skip" => skip.extend(args.next()),
            "--child" => child = args.next(),
            "--patience" => {
                if let Some(seconds) = args.next().and_then(|seconds| seconds.parse().ok()) {
                    set_patience(Duration::from_secs(seconds));
                }
            }
            "--test-threads" | "--color" | "--format" | "--logfile" | "-Z" => drop(args.next()),
            flag if flag.starts_with('-') => {} // a flag of the usual runner that changes nothing here
            filter => filters.push(filter.to_string()),
        }
    }
    if let Some(file) = child {
        return apart::child::main(&file, &filters);
    }
    if status {
        return print_status(&filters);
    }
    let matches = |name: &str, filter: &String| if exact { name == filter } else { name.contains(filter.as_str()) };
    let is_chosen = |name: &str| {
        (filters.is_empty() || filters.iter().any(|filter| matches(name, filter)))
            && !skip.iter().any(|filter| matches(name, filter))
            && !only_ignored // what is ignored here cannot be run: it does not exist yet
    };
    let exercises = checkers::all();
    let claims = claims::all();
    let n_all = 2 * exercises.len() + claims.len();
    let names: Vec<&'static str> = exercises.iter().map(|exercise| exercise.name()).collect();
    let chosen: Vec<&'static str> = names.into_iter().filter(|name| is_chosen(name)).collect();
    let checkers: Vec<(String, Box<dyn Check>)> = exercises
        .into_iter()
        .map(|exercise| (format!("checker::{}", exercise.name()), exercise))
        .filter(|(name, _)| is_chosen(name))
        .collect();
    let claims: Vec<Claim> = claims.into_iter().filter(|(name, _)| is_chosen(name)).collect();
    if list {
        chosen.iter().for_each(|name| println!("{name}: test"));
        checkers.iter().for_each(|(name, _)| println!("{name}: test"));
        claims.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    run(&chosen, &checkers, &claims, n_all)
}

/// Runs the tests and prints what becomes of them, as the usual runner does.
fn run(exercises: &[&'static str], checkers: &[(String, Box<dyn Check>)], claims: &[Claim], n_all: usize) -> ExitCode {
    let start = Instant::now();
    let n_tests = exercises.len() + checkers.len() + claims.len();
    println!("\nrunning {n_tests} test{}", if n_tests == 1 { "" } else { "s" });
    let (mut n_passed, mut n_ignored, mut failures) = (0, 0, Vec::new());
    let mut note = |name: &str, outcome: Outcome| match outcome {
        Outcome::Passed => {
            n_passed += 1;
            println!("test {name} ... ok");
        }
        Outcome::Ignored => {
            n_ignored += 1;
            println!("test {name} ... ignored, not started");
        }
        Outcome::Failed(lines) => {
            println!("test {name} ... FAILED");
            failures.push((name.to_string(), lines));
        }
    };
    apart::check(exercises, patience(), |checked| note(checked.name, outcome_of(&checked)));
    checkers.iter().for_each(|(name, exercise)| note(name, check_the_checker(exercise.as_ref())));
    for (name, problem) in claims {
        note(name, problem().map_or(Outcome::Passed, |problem| Outcome::Failed(vec![problem])));
    }
    if !failures.is_empty() {
        println!("\nfailures:");
        for (name, lines) in &failures {
            println!("\n---- {name} ----\n{}", lines.join("\n"));
        }
        println!("\nfailures:");
        failures.iter().for_each(|(name, _)| println!("    {name}"));
    }
    let word = if failures.is_empty() { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {n_passed} passed; {} failed; {n_ignored} ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
        failures.len(),
        n_all - n_tests,
        start.elapsed().as_secs_f64()
    );
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

/// As for any other test, what was printed is shown if it fails.
fn outcome_of(checked: &Checked) -> Outcome {
    match &checked.state {
        State::NotStarted => Outcome::Ignored,
        State::Done => Outcome::Passed,
        State::Wrong(lines) => {
            let mut lines = lines.clone();
            if !checked.printed.is_empty() {
                lines.push("It printed:".to_string());
                lines.extend(checked.printed.iter().map(|line| format!("  {line}")));
            }
            Outcome::Failed(lines)
        }
    }
}

/// For `examples/exercises.rs`: a line for each exercise, `name`, a tab, and `not started`, `done` or `wrong`; after a
/// wrong one what is wrong, each line after a tab; before it what it printed, each line after a `|`. With names, only
/// those exercises.
fn print_status(names: &[String]) -> ExitCode {
    let all = checkers::all().into_iter().map(|exercise| exercise.name());
    let chosen: Vec<&'static str> = all.filter(|name| names.is_empty() || names.iter().any(|n| n == name)).collect();
    apart::check(&chosen, patience(), |checked| {
        checked.printed.iter().for_each(|line| println!("|{line}"));
        match checked.state {
            State::NotStarted => println!("{}\tnot started", checked.name),
            State::Done => println!("{}\tdone", checked.name),
            State::Wrong(lines) => {
                println!("{}\twrong", checked.name);
                lines.iter().for_each(|line| println!("\t{line}"));
            }
        }
    });
    ExitCode::SUCCESS
}

/// The library's function must pass; every known mistake must be rejected, and named.
fn check_the_checker(exercise: &dyn Check) -> Outcome {
    let mut problems = Vec::new();
    let library = exercise.check_library();
    if library != Verdict::Done {
        problems.push(format!("the library's function is not accepted: {library:?}"));
    }
    let mistakes = exercise.check_mistakes();
    if mistakes.len() < 3 {
        problems.push(format!("only {} mistakes are known", mistakes.len()));
    }
    for (when, verdict) in mistakes {
        match verdict {
            Verdict::Wrong(Wrong { cause: Some(cause), .. }) if cause == when => {}
            Verdict::Wrong(wrong) => {
                problems.push(format!("{when:?} is rejected, but its cause is said to be {:?}", wrong.cause))
            }
            other => problems.push(format!("{when:?} is not rejected: {other:?}")),
        }
    }
    if problems.is_empty() { Outcome::Passed } else { Outcome::Failed(problems) }
}

/// What to tell the learner.
fn report(name: &str, wrong: &Wrong) -> Vec<String> {
    let mut lines = vec![format!("{}, with {}:", place_of(name), wrong.input)];
    lines.extend(wrong.problem.iter().map(|line| format!("  {line}")));
    if let Some(piece) = wrong.piece.as_ref().filter(|piece| *piece != name) {
        lines.push(format!("  {}", begins_in(piece)));
    }
    if let Some(cause) = wrong.cause {
        lines.push(format!("  The likely cause: this is what you get when {cause}."));
    }
    lines
}

/// What to say of an exercise that is wrong because one of its pieces is.
fn begins_in(piece: &str) -> String {
    format!("It begins in a piece that this one calls: `{piece}` is wrong. Mend that first.")
}

/// What to say of an exercise that is wrong for no known reason, if the check of one of its pieces rejects that piece.
fn may_begin_in(piece: &str) -> String {
    format!("It may begin in a piece that this one calls: `{piece}` is wrong, as its own check finds. Mend that first.")
}

/// What to say of an exercise that does not come to an end because one of its pieces does not.
fn still_in(piece: &str) -> String {
    format!("It was in a piece that this one calls: `{piece}`, {}. Mend that first.", place_of(piece))
}

/// The stub's file and the line of its function.
fn place_of(name: &str) -> String {
    let file = format!("src/exercises/{name}.rs");
    let text = std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap_or_default();
    let line = text.lines().position(|line| line.starts_with("pub fn ")).map_or(1, |i| i + 1);
    format!("{file}:{line}")
}
