//! The tests of sense of the example `judge` are tested themselves: on short texts where anyone sees the right score, and on
//! texts that would fool a simpler rule. They stand beside the rules, in `examples/judge`.

#[allow(dead_code)] // the example uses the rest
#[path = "../examples/judge/report.rs"]
mod report;
#[path = "../examples/judge/sense/mod.rs"]
mod sense;
#[allow(dead_code)]
#[path = "../examples/judge/table.rs"]
mod table;

use sense::people::Child;
use sense::{Passage, Thing, Verdict, scores};

/// A story in which all is well, and the same with one fault after the other: each fault lowers its own score, and no other.
#[test]
fn each_fault_lowers_its_own_score_and_no_other() {
    let mary = Child { name: "Mary", is_girl: true };
    let boat = Thing { name: "boat", plural: "boats", is_alive: false };
    let good = "She took the boat to the sea. The wind was strong. \"Oh!\" she cried. Then Mary sailed home.";
    let values = |text: &str| {
        let introduced = Some((mary, boat));
        let passage = Passage { text, introduced, is_cut_before: false, is_cut_after: false, is_full: true };
        let scores = scores(&[Verdict::of(&passage, &table::children())]);
        scores.into_iter().map(|score| (score.name, score.value())).collect::<Vec<_>>()
    };
    let long = "and on ".repeat(31);
    let faults = [
        ("the name comes back", good.replace("Mary", "nobody")),
        ("all pronouns agree", good.replace("she", "he")),
        ("the thing comes back", good.replace("boat", "coat")),
        ("quotations closed", good.replace("Oh!\"", "Oh!")),
        ("every sentence ends", good.replace("the sea", &format!("the sea {long}"))),
        ("repeated rows of four", good.replace("Then", "The wind was strong. Then")),
    ];
    let whole = values(good);
    // 7 + 4 + 3 + 4 words, of which `the` stands three times and `she` twice.
    let expected = [1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 18.0, 15.0, 0.0].map(Some);
    assert_eq!(whole.iter().map(|(_, value)| *value).collect::<Vec<_>>(), expected);
    for (name, text) in &faults {
        assert_ne!(text, good);
        for ((found, before), (_, after)) in whole.iter().zip(values(text)) {
            let is_own = found == name || (*name == "every sentence ends" && *found == "repeated rows of four");
            // How many words there are is no fault.
            if !found.ends_with("words") {
                assert_eq!(*before != after, is_own, "{name}: {found} was {before:?} and is {after:?}");
            }
        }
    }
}

/// The caution of chapter 11: what a program can count, a text without sense can have.
#[test]
fn nonsense_can_have_every_score() {
    let introduced =
        Some((Child { name: "Mary", is_girl: true }, Thing { name: "boat", plural: "boats", is_alive: false }));
    let text = "She green the boat under seven. Up was never blue. \"Spoon!\" she ran. Because Mary sleeps loud home.";
    let passage = Passage { text, introduced, is_cut_before: false, is_cut_after: false, is_full: true };
    for score in scores(&[Verdict::of(&passage, &table::children())]) {
        let best = match score.name {
            "repeated rows of four" | "quotations carried on" => 0.0,
            "words" => 18.0,           // 6 + 4 + 3 + 5
            "different words" => 17.0, // `she` stands twice
            _ => 1.0,
        };
        assert_eq!(score.value(), Some(best), "{}", score.name);
    }
}
