//! `:retry`, `:undo` and `:choose`: the story changes, and what was printed stays where it is.

use crate::{joined, lines_of, notes, piece, sampler, session};
use gpt60::generate::Sampler;
use gpt60::{Rng, storybook};

#[test]
fn retry_writes_another_piece_with_the_next_seed() {
    let story = storybook::load();
    let [first, second, third] =
        [42, 43, 44].map(|seed| format!("The fox{}", piece(&story, "The fox", 12, sampler(seed))));
    assert!(first != second && second != third && third != first);
    // What was printed stays, and the story starts again on the next line.
    let (stdout, stderr) = session(&["--tokens=12"], "The fox\n:retry\n:retry\n");
    assert_eq!(stdout, lines_of(&[&first, &second, &third]));
    assert_eq!(notes(&stderr), [""; 0]);
    // The seed of a piece gives that piece again.
    let (stdout, _) = session(&["--tokens=12"], "The fox\n:retry\n:seed 42\n:retry\n");
    assert!(stdout.ends_with(&lines_of(&[&second, &first])), "{stdout}");
}

#[test]
fn retry_is_never_the_same_again() {
    let story = storybook::load();
    // A turn of one token, with the rest of its sentence. The rule says: the first of ten seeds with another piece, else the
    // old one stays.
    for sampler in [sampler(42), Sampler { top_k: 2, ..sampler(42) }, Sampler { top_k: 1, ..sampler(42) }] {
        let one = |seed| piece(&story, "The little", 1, Sampler { rng: Rng::new(seed), ..sampler.clone() });
        let first = one(42);
        let other = (43..53).map(one).find(|other| *other != first && !other.is_empty());
        let (stdout, stderr) = session(&["--tokens=1", &format!("--top-k={}", sampler.top_k)], "The little\n:retry\n");
        match sampler.top_k {
            0 => assert!(other.is_some()),
            1 => assert_eq!(other, None), // one candidate has no alternative
            _ => {}
        }
        match other {
            Some(other) => {
                assert_eq!(stdout, lines_of(&[&format!("The little{first}"), &format!("The little{other}")]));
            }
            None => {
                assert_eq!(stdout, lines_of(&[&format!("The little{first}")]));
                assert!(stderr.contains("try a higher :temperature"), "{stderr}");
            }
        }
    }
}

#[test]
fn undo_drops_piece_after_piece_yours_and_the_models() {
    let story = storybook::load();
    let first = format!("The fox{}", piece(&story, "The fox", 8, sampler(42)));
    let yours = joined(&first, "and");
    let second = format!("{yours}{}", piece(&story, &yours, 8, sampler(43)));
    let undone = |n: usize| session(&["--tokens=8"], &format!("The fox\nand\n{}", ":undo\n".repeat(n))).0;
    assert_eq!(undone(0), lines_of(&[&second]));
    assert_eq!(undone(1), lines_of(&[&second, &yours]));
    assert_eq!(undone(2), lines_of(&[&second, &first]));
    assert_eq!(undone(3), lines_of(&[&second, "The fox"]));
    assert_eq!(undone(4), lines_of(&[&second])); // nothing is left, so there is nothing to print
    let (stdout, stderr) = session(&["--tokens=8"], &format!("The fox\n{}", ":undo\n".repeat(3)));
    assert_eq!(stdout, lines_of(&[&first]));
    let notes = notes(&stderr);
    assert_eq!(notes[..2], ["[the story now ends: \"The fox\"]", "[the story is empty now]"]);
    assert!(notes[2].contains("nothing to undo") && notes.len() == 3, "{notes:?}");
    // After it, the story goes on from what is left. Your line is not a piece of the model's that could be retried.
    let (stdout, stderr) = session(&["--tokens=8"], "The fox\n:undo\n:retry\nand a bear\n");
    let after = piece(&story, "The fox and a bear", 8, sampler(43));
    assert_eq!(stdout, lines_of(&[&first, &format!("The fox and a bear{after}")]));
    assert!(stderr.contains("not the model's"), "{stderr}");
}

#[test]
fn choose_offers_and_takes_what_is_picked() {
    let story = storybook::load();
    let first = format!("The fox{}", piece(&story, "The fox", 10, sampler(42)));
    let offered: Vec<String> = (43..46).map(|seed| piece(&story, &first, 10, sampler(seed))).collect();
    assert!(offered[0] != offered[1] && offered[1] != offered[2] && offered[2] != offered[0]);
    for (n, piece) in (1..).zip(&offered) {
        let (stdout, stderr) = session(&["--tokens=10"], &format!("The fox\n:choose 3\n{n}\n"));
        assert_eq!(stdout, lines_of(&[&format!("{first}{piece}")]));
        let lines: Vec<&str> = stderr.lines().collect();
        for ((n, line), piece) in (1..).zip(&lines[..3]).zip(&offered) {
            let text = format!("{n}: {}", piece.trim().replace('\n', "\\n"));
            assert!(line.strip_prefix(&text).is_some_and(|rest| rest.is_empty() || rest == " [its text ends here]"));
        }
    }
    // None of them; and anything that is not a number is explained.
    for none in ["0", ""] {
        assert_eq!(session(&["--tokens=10"], &format!("The fox\n:choose\n{none}\n")).0, lines_of(&[&first]));
    }
    let (stdout, stderr) = session(&["--tokens=10"], "The fox\n:choose\nthe second\n4\n-1\n:more\n2\n");
    assert_eq!(stdout, lines_of(&[&format!("{first}{}", offered[1])]));
    assert_eq!(stderr.matches("[choose first: a number from 1 to 3, or 0 for none of them]").count(), 4, "{stderr}");
    // The end of the input, and :quit, choose nothing. The piece that was picked is the model's.
    assert_eq!(session(&["--tokens=10"], "The fox\n:choose\n").0, lines_of(&[&first]));
    assert_eq!(session(&["--tokens=10"], "The fox\n:choose\n:quit\nmore\n").0, lines_of(&[&first]));
    let (stdout, _) = session(&["--tokens=10"], "The fox\n:choose\n1\n:undo\n");
    assert_eq!(stdout, lines_of(&[&format!("{first}{}", offered[0]), &first]));
    // A number is a line of the story when nothing is to be chosen.
    assert!(session(&["--tokens=10"], "The fox\n2\n").0.starts_with(&joined(&first, "2")));
}
