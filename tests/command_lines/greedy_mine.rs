//! `greedy_mine`: the model from the reader's own functions.

use crate::examples::{error_of, success};
use crate::{UNWRITTEN, example};

#[test]
fn greedy_mine_writes_what_greedy_writes_or_says_in_one_line_what_is_missing() {
    let output = example(UNWRITTEN, &["--tokens", "5", "--strict"]);
    if output.status.success() {
        assert_eq!(output.stdout, example("greedy", &["--tokens", "5"]).stdout);
    } else {
        // Not begun, or begun and wrong: the checks of the exercises say more.
        assert!(!error_of(output, 1).contains("panicked at"));
    }
}

#[test]
fn without_strict_the_library_fills_the_gaps_and_it_says_who_has_written() {
    let output = example(UNWRITTEN, &["--tokens", "5"]);
    if !output.status.success() {
        assert!(!error_of(output, 1).contains("panicked at")); // a learner's function that has an error of its own
        return;
    }
    let (stdout, stderr) = success(output);
    assert!(stderr.contains("[written by "), "{stderr}");
    if !stderr.contains("[wrong: ") {
        assert_eq!(stdout.as_bytes(), example("greedy", &["--tokens", "5"]).stdout);
    }
}
