//! Checks the exercises in `src/exercises/`, and checks the checkers.
//!
//! An exercise that nobody has begun is *ignored*, so `cargo test` is green on a fresh copy; a right one is *ok*, and a
//! wrong one fails, with what went wrong and, if it is a known mistake, why. Then each checker gets the library's
//! function, which must pass, and every known mistake, which must be rejected and called by its name.
//!
//! The test runner of the standard library cannot call a test ignored after it has run. That is why this file is a
//! small runner, which prints in the same way and understands the same flags where they make sense here.

#[path = "../../src/exercises/mod.rs"]
mod exercises;

mod check;
mod checkers;

use check::{Check, Verdict, Wrong};
use std::process::ExitCode;
use std::time::Instant;

/// What became of a test.
enum Outcome {
    Passed,
    Ignored,
    /// What to print at the end.
    Failed(Vec<String>),
}

struct Test {
    name: String,
    run: Box<dyn Fn() -> Outcome>,
}

fn main() -> ExitCode {
    // The inputs are tiny: starting a thread would take longer than the work, and on a busy machine much longer.
    gpt60::kernels::threads::set(1);
    let mut filters = Vec::new();
    let (mut exact, mut list, mut only_ignored, mut status) = (false, false, false, false);
    let mut skip = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--exact" => exact = true,
            "--list" => list = true,
            "--ignored" => only_ignored = true,
            "--status" => status = true,
            "--skip" => skip.extend(args.next()),
            "--test-threads" | "--color" | "--format" | "--logfile" | "-Z" => drop(args.next()),
            flag if flag.starts_with('-') => {} // a flag of the usual runner that changes nothing here
            filter => filters.push(filter.to_string()),
        }
    }
    if status {
        return print_status(&filters);
    }
    let matches = |name: &str, filter: &String| if exact { name == filter } else { name.contains(filter.as_str()) };
    let mut tests = tests();
    let n_all = tests.len();
    tests.retain(|test| filters.is_empty() || filters.iter().any(|filter| matches(&test.name, filter)));
    tests.retain(|test| !skip.iter().any(|filter| matches(&test.name, filter)));
    if list {
        tests.iter().for_each(|test| println!("{}: test", test.name));
        return ExitCode::SUCCESS;
    }
    if only_ignored {
        tests.clear(); // what is ignored here cannot be run: it does not exist yet
    }
    run(tests, n_all)
}

/// Runs the tests and prints what becomes of them, as the usual runner does.
fn run(tests: Vec<Test>, n_all: usize) -> ExitCode {
    let start = Instant::now();
    let n_tests = tests.len();
    println!("\nrunning {n_tests} test{}", if n_tests == 1 { "" } else { "s" });
    let (mut n_passed, mut n_ignored, mut failures) = (0, 0, Vec::new());
    for test in tests {
        match (test.run)() {
            Outcome::Passed => {
                n_passed += 1;
                println!("test {} ... ok", test.name);
            }
            Outcome::Ignored => {
                n_ignored += 1;
                println!("test {} ... ignored, not started", test.name);
            }
            Outcome::Failed(lines) => {
                println!("test {} ... FAILED", test.name);
                failures.push((test.name, lines));
            }
        }
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

/// For `examples/exercises.rs`: a line for each exercise, `name`, a tab, and `not started`, `done` or `wrong`; after a
/// wrong one what is wrong, each line after a tab. With names, only those exercises.
fn print_status(names: &[String]) -> ExitCode {
    for exercise in checkers::all() {
        if !names.is_empty() && !names.iter().any(|name| name == exercise.name()) {
            continue;
        }
        match exercise.check() {
            Verdict::NotStarted => println!("{}\tnot started", exercise.name()),
            Verdict::Done => println!("{}\tdone", exercise.name()),
            Verdict::Wrong(wrong) => {
                println!("{}\twrong", exercise.name());
                report(exercise.name(), &wrong).iter().for_each(|line| println!("\t{line}"));
            }
        }
    }
    ExitCode::SUCCESS
}

fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    for exercise in checkers::all() {
        let name = exercise.name().to_string();
        let run = move || match exercise.check() {
            Verdict::NotStarted => Outcome::Ignored,
            Verdict::Done => Outcome::Passed,
            Verdict::Wrong(wrong) => Outcome::Failed(report(exercise.name(), &wrong)),
        };
        tests.push(Test { name, run: Box::new(run) });
    }
    for exercise in checkers::all() {
        let name = format!("checker::{}", exercise.name());
        tests.push(Test { name, run: Box::new(move || check_the_checker(exercise.as_ref())) });
    }
    tests
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
        lines.push(format!("  It begins in a piece that this one calls: `{piece}` is wrong. Mend that first."));
    }
    if let Some(cause) = wrong.cause {
        lines.push(format!("  The likely cause: this is what you get when {cause}."));
    }
    lines
}

/// The stub's file and the line of its function.
fn place_of(name: &str) -> String {
    let file = format!("src/exercises/{name}.rs");
    let text = std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap_or_default();
    let line = text.lines().position(|line| line.starts_with("pub fn ")).map_or(1, |i| i + 1);
    format!("{file}:{line}")
}
