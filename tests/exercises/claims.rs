//! What the checks claim of themselves, apart from any exercise: shown on a toy exercise.

use crate::check::{Answer, Check, Exercise, LUCK, Mistake, Part, Verdict, Wrong};
use crate::check::{attempt, one, repeated, tensor, with_rows};
use gpt60::{Error, Tensor};
use std::collections::HashMap;

/// Its name, and how to find out whether it is true: what is wrong, if anything.
pub type Claim = (&'static str, fn() -> Option<String>);

/// All of them.
pub fn all() -> Vec<Claim> {
    vec![
        ("check::the_row_that_is_wrong_is_shown", the_row_that_is_wrong_is_shown),
        ("check::answers_that_vary_are_named", answers_that_vary_are_named),
        ("check::a_row_that_is_not_there_has_the_line_of_the_caller", a_missing_row_has_the_line_of_the_caller),
        ("check::a_mistake_is_known_whether_it_panics_or_returns_an_error", a_failure_is_a_failure),
    ]
}

/// A function that should return its table as it is.
fn toy(stub: fn(&Tensor) -> Answer) -> Exercise<Tensor> {
    Exercise {
        name: "toy",
        inputs: || {
            let tables = [vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], vec![7.0, 8.0]];
            tables.map(|numbers| Tensor::new(&[numbers.len() / 2, 2], numbers).expect("pairs")).into()
        },
        describe: |x| with_rows(format!("x of shape {:?}", x.shape()), x),
        stub,
        library: |x| one(tensor(x)),
        tolerance: 0.0,
        mistakes: vec![Mistake {
            when: "the result is doubled, and a short table is refused",
            answer: |x| match x.n_rows() {
                1 => {
                    attempt(Err::<Tensor, _>(Error::shape("toy", &[x.shape()], "it is too short")), |y| one(tensor(&y)))
                }
                _ => one(tensor(&x.scale(2.0))),
            },
        }],
    }
}

/// `None` if the verdict is as it should be.
fn judged(stub: fn(&Tensor) -> Answer, is_right: fn(&Wrong) -> bool) -> Option<String> {
    match toy(stub).check() {
        Verdict::Wrong(wrong) if is_right(&wrong) => None,
        other => Some(format!("the verdict is {other:?}")),
    }
}

fn the_row_that_is_wrong_is_shown() -> Option<String> {
    fn negated(x: &Tensor, row: usize) -> Answer {
        let mut y = x.clone();
        y.row_mut(row).iter_mut().for_each(|y| *y = -*y);
        one(tensor(&y))
    }
    let of_the_last = judged(
        |x| negated(x, x.n_rows() - 1),
        |wrong| wrong.input == "x of shape [3, 2], whose row 2 (counted from 0) is [5.0, 6.0]",
    );
    let of_the_first =
        || judged(|x| negated(x, 0), |wrong| wrong.input == "x of shape [3, 2], whose first row is [1.0, 2.0]");
    of_the_last.or_else(of_the_first)
}

fn answers_that_vary_are_named() -> Option<String> {
    judged(
        |_| {
            repeated(|| {
                let map: HashMap<i64, ()> = (0..40).map(|key| (key, ())).collect();
                one(Part::Integers(map.into_keys().take(2).collect()))
            })
        },
        |wrong| {
            wrong.problem.len() == 3
                && wrong.problem[0] == "two calls with the same input gave different answers:"
                && wrong.cause == Some(LUCK)
        },
    )
}

fn a_missing_row_has_the_line_of_the_caller() -> Option<String> {
    let is_here = |wrong: &Wrong| wrong.problem[0].starts_with(concat!("it panicked at ", file!(), ":"));
    let read = judged(|x| one(Part::Text(format!("{:?}", x.row(3)))), is_here);
    let written = || {
        judged(
            |x| {
                let mut y = x.clone();
                y.row_mut(3)[0] = 1.0;
                one(tensor(&y))
            },
            is_here,
        )
    };
    read.or_else(written)
}

fn a_failure_is_a_failure() -> Option<String> {
    judged(
        |x| {
            assert!(x.n_rows() > 1, "it is too short");
            one(tensor(&x.scale(2.0)))
        },
        |wrong| wrong.cause == Some("the result is doubled, and a short table is refused"),
    )
}
