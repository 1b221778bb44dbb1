//! The guide through the exercises, `examples/exercises.rs`: its own tests, and what it says when it runs.
//!
//! `cargo test` does not run an example's own tests; included here, they run.

#[path = "common/examples.rs"]
mod examples;
#[allow(dead_code)] // its `main` is not called
#[path = "../examples/exercises.rs"]
mod guide;

use examples::{command, error_of, run, success};
use std::fs;
use std::path::Path;
use std::process::Output;

fn exercises(args: &[&str]) -> Output {
    run(&mut command(&std::env::temp_dir(), "exercises", args))
}

/// The names of the `pub mod` lines.
fn names() -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/exercises/mod.rs")).unwrap();
    let names = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    names.filter(|name| *name != "parts").map(str::to_string).collect()
}

#[test]
fn the_list_has_every_exercise_in_order_and_its_state() {
    let (stdout, _) = success(exercises(&["list"]));
    let lines: Vec<&str> = stdout.lines().skip(1).collect();
    let listed: Vec<&str> = lines.iter().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(listed, names());
    for line in lines {
        assert!(["  not started  ", "  done  ", "  wrong  "].iter().any(|state| line.contains(state)), "{line}");
    }
}

#[test]
fn a_status_says_what_a_check_says() {
    // No matter what the learner has done by now: the words and the status agree.
    for name in names().into_iter().take(2) {
        let output = exercises(&["check", &name]);
        let (stdout, is_done) = (String::from_utf8(output.stdout).unwrap(), output.status.success());
        assert_eq!(stdout.contains(&format!("{name}: done\n")), is_done, "{stdout}");
        assert!(is_done || output.status.code() == Some(1), "{stdout}");
    }
}

#[test]
fn a_hint_is_one_of_three() {
    let name = &names()[0];
    for n in ["1", "2", "3"] {
        let (stdout, stderr) = success(exercises(&["hint", &format!("src/exercises/{name}.rs"), n]));
        assert!(stdout.starts_with(&format!("Hint {n}. ")) && !stdout.contains("\n\n"), "{stdout}");
        assert!(stderr.starts_with(&format!("[hint {n} of 3")), "{stderr}");
    }
    assert!(error_of(exercises(&["hint", name, "4"]), 2).contains("1 to 3"));
}

#[test]
fn the_solution_is_not_shown_by_accident() {
    let (list, _) = success(exercises(&["list"]));
    let Some(line) = list.lines().find(|line| line.contains("  not started  ")) else { return };
    let name = line.split_whitespace().next().unwrap();
    assert!(error_of(exercises(&["solution", name]), 1).contains("--now"));
    let (stdout, _) = success(exercises(&["solution", name, "--now"]));
    let (place, _) = stdout.split_once(": ").unwrap();
    let (file, line) = place.rsplit_once(':').unwrap();
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    assert!(text.lines().nth(line.parse::<usize>().unwrap() - 1).unwrap().contains("fn "), "{stdout}");
}

#[test]
fn a_wrong_word_is_answered_with_the_right_one() {
    let wrong: &[(&[&str], &str)] = &[
        (&["chek"], "did you mean check?"),
        (&["softmax"], "check softmax"),
        (&["check", "sofmax"], "did you mean softmax?"),
        (&["hint", "xyzxyzxyz"], "\"list\" shows them all"),
        (&["hint"], "needs the name"),
        (&["reset"], "needs the name"),
        (&["list", "softmax"], "one word too many"),
        (&["list", "--now"], "--now only goes with \"solution\""),
        (&["--markdown"], "--markdown only goes with \"list\""),
    ];
    for (args, advice) in wrong {
        let error = error_of(exercises(args), 2);
        assert!(error.contains(advice), "{error}");
    }
}
