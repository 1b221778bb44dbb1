//! All rungs of the ladder learn the same: the page's losses, step by step, and those of `microgpt.py`.

#[allow(dead_code)] // its `main`
#[path = "../examples/ladder.rs"]
mod ladder;

#[path = "common/examples.rs"]
mod examples;
#[path = "common/microgpt.rs"]
mod microgpt;

use examples::{command, error_of, run, success};
use ladder::rungs::{Lesson, RUNGS, Rung, apart, n_lines};

/// All rungs but one compute in f64 and add in another order: some 1e-16 for each step. In f32 it is some 1e-7.
fn tolerance(rung: &Rung) -> f64 {
    if rung.bits == Some(32) { 5e-6 } else { 1e-12 }
}

#[test]
fn every_rung_has_the_losses_of_the_page_step_by_step() {
    // 60 steps: names of 2 to 11 letters among them, and weights that have moved by much more than they began with.
    let lesson = Lesson::new(60, 7);
    let lengths: Vec<usize> = lesson.names.iter().map(|ids| ids.len() - 2).collect();
    assert!(lengths.iter().any(|&n| n <= 4) && lengths.iter().any(|&n| n >= 9), "{lengths:?}");
    let page = lesson.learn(&mut (RUNGS[0].start)(&lesson).unwrap()).unwrap();
    assert!(page[..10].iter().sum::<f64>() > page[50..].iter().sum::<f64>() + 2.0, "{page:?}");
    let mut n_rungs = 0;
    for rung in RUNGS.iter().filter(|rung| rung.bits.is_some()) {
        let losses = lesson.learn(&mut (rung.start)(&lesson).unwrap()).unwrap();
        assert!(apart(&losses, &page) < tolerance(rung), "{}: {}", rung.name, apart(&losses, &page));
        n_rungs += 1;
    }
    assert_eq!(n_rungs, RUNGS.len() - 1);
}

#[test]
fn every_rung_has_the_losses_of_microgpt() {
    let names: Vec<Vec<usize>> = microgpt::steps().into_iter().map(|(ids, _)| ids).collect();
    let expected: Vec<f64> = microgpt::steps().into_iter().map(|(_, loss)| loss).collect();
    let lesson = Lesson { seed: 0, weights: microgpt::weights(), names };
    for rung in RUNGS.iter().filter(|rung| rung.bits.is_some()) {
        let mut learn = (rung.start)(&lesson).unwrap();
        // The rate falls as in a run of 1000 steps, of which these are the first.
        let rate = |step: usize| 0.01 * (1.0 - step as f64 / 1000.0);
        let losses = lesson.names.iter().enumerate().map(|(step, ids)| learn(ids, step, rate(step)).unwrap());
        let losses: Vec<f64> = losses.collect();
        assert_eq!(losses.len(), 50);
        assert!(apart(&losses, &expected) < tolerance(rung).max(1e-11), "{}: {}", rung.name, apart(&losses, &expected));
    }
}

#[test]
fn a_word_that_fills_the_context_and_one_that_does_not_fit_are_learnt_alike_on_every_rung() {
    // One letter and the end; 15 letters and the end; and 40 letters, of which 16 are read.
    let ids = |n: usize| [vec![0], (0..n).map(|i| 1 + i * 7 % 26).collect(), vec![0]].concat();
    let mut lesson = Lesson::new(1, 3);
    lesson.names = vec![ids(0), ids(1), ids(15), ids(16), ids(17), ids(40), ids(2), ids(40), ids(15)];
    let page = lesson.learn(&mut (RUNGS[0].start)(&lesson).unwrap()).unwrap();
    for rung in RUNGS.iter().filter(|rung| rung.bits.is_some()) {
        let losses = lesson.learn(&mut (rung.start)(&lesson).unwrap()).unwrap();
        assert!(apart(&losses, &page) < tolerance(rung), "{}: {losses:?} and {page:?}", rung.name);
    }
}

#[test]
fn the_real_gpt2_learns_too() {
    let lesson = Lesson::new(300, 1);
    let losses = lesson.learn(&mut (RUNGS[7].start)(&lesson).unwrap()).unwrap();
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    assert!((losses[0] - 27f64.ln()).abs() < 0.3, "{}", losses[0]);
    assert!(mean(&losses[250..]) < 2.7, "{}", mean(&losses[250..]));
}

#[test]
fn what_differs_is_found() {
    assert_eq!(apart(&[1.0, 2.0], &[1.0, 2.0]), 0.0);
    assert_eq!(apart(&[1.0, 3.0], &[1.0, 2.0]), 0.5);
    assert!(apart(&[f64::NAN, 2.0], &[1.0, 2.0]).is_nan() && apart(&[1.0, 2.0], &[f64::NAN, 2.0]).is_nan());
    assert_eq!(n_lines("//! a\n\nuse b; // c\n    // d\n}\n"), 2);
}

#[test]
fn the_table_has_a_line_for_each_rung() {
    let dir = std::env::temp_dir();
    let (stdout, _) = success(run(&mut command(&dir, "ladder", &["--steps", "30", "--runs", "2"])));
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 1 + RUNGS.len() + 2, "{stdout}");
    for (i, (line, rung)) in lines[1..].iter().zip(&RUNGS).enumerate() {
        let numbers = line.strip_prefix(rung.name).unwrap().split_whitespace();
        let numbers: Vec<f64> = numbers.map(|number| number.parse().unwrap()).collect();
        // Milliseconds, the gain over the rung below, the gain over all, lines of code, the mean loss of the last
        // steps.
        assert_eq!(numbers.len(), if i == 0 { 4 } else { 5 }, "{line}");
        let [.., in_all, n_lines, loss] = numbers[..] else { panic!("{line}") };
        assert!(numbers[0] > 0.0 && in_all > 0.0 && n_lines > 20.0 && loss > 2.0 && loss < 3.4, "{line}");
    }
    let n_lines = n_lines(include_str!("../examples/one_page.rs"));
    assert!(lines[1].split_whitespace().any(|word| word == n_lines.to_string()), "{stdout}");
    // Behind an empty line: how far the losses are apart.
    let end = lines[10].strip_prefix("losses of all 30 steps: (a) to (e) are the same to ").unwrap();
    let (in_64, in_32) = end.split_once(", (f) to ").unwrap();
    assert!(in_64.parse::<f64>().unwrap() < 1e-12 && in_32.parse::<f64>().unwrap() < 5e-6, "{stdout}");
    assert_eq!(lines[9], "");
}

#[test]
fn numbers_out_of_range_are_one_line() {
    for (flag, largest, default) in [("--steps", 100_000, 1000), ("--runs", 100, 3)] {
        for wrong in ["0".to_string(), (largest + 1).to_string()] {
            let error = error_of(run(&mut command(&std::env::temp_dir(), "ladder", &[flag, &wrong])), 2);
            assert_eq!(error, format!("error: {flag} must be from 1 to {largest} (default: {default}) (see --help)\n"));
        }
    }
}
