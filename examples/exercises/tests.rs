//! `tests/exercise_guide.rs` runs these.

#[path = "tests/filled.rs"]
mod filled;
#[path = "tests/misbehaving.rs"]
mod misbehaving;

use super::checks::Checks;
use super::commands::list::markdown;
use super::commands::overview::next_after;
use super::commands::page::{Story, page_text};
use super::commands::watch::{Known, changes, check_waiting, snapshot, what_next};
use super::names::{find, unknown_command};
use super::stubs::{self, Stub};
use super::verdict::{Broken, Checked, State, States};
use super::words::{ago, date, duration};
use super::{Guide, RUN};
use gpt60::cli::{Failure, Outcome};
use std::fs;

const STUB: &str = "//! Exercise: halves. Chapter 2. Easy, 40 minutes.\n//!\n//! Halve it.\n\n/// Half.\n\
                    pub fn half(x: f32) -> f32 {\n    not_started()\n}\n\n// Solution: src/half.rs, half\n";

/// A project of its own, with exercises of these names.
fn guide(name: &str, exercises: &[&str]) -> Guide {
    let root = std::env::temp_dir().join(format!("gpt60-guide-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(root.join("src/exercises")).unwrap();
    fs::create_dir_all(root.join("docs")).unwrap();
    fs::write(root.join("docs/02-tokens.md"), "# 2. Tokens, and a title that is much too long for a line\n").unwrap();
    let lines: String = exercises.iter().map(|name| format!("pub mod {name};\n")).collect();
    fs::write(root.join("src/exercises/mod.rs"), format!("pub mod parts;\n\n{lines}")).unwrap();
    for exercise in exercises {
        fs::write(root.join(format!("src/exercises/{exercise}.rs")), STUB).unwrap();
    }
    let target = root.join("target");
    let (own_dir, mine) = (target.join("exercises"), root.join("mine"));
    Guide { own_dir, mine, checks: Checks { root: root.clone(), target, is_release: false }, root }
}

fn usage<T>(outcome: Outcome<T>) -> String {
    match outcome {
        Err(Failure::Usage(problem)) => problem,
        _ => panic!("expected a usage error"),
    }
}

#[test]
fn an_exercise_is_found_by_its_name_its_file_or_its_path() {
    let guide = guide("names", &["layer_norm", "linear"]);
    let stubs = stubs::read(&guide.root).unwrap();
    for word in ["layer_norm", "layer_norm.rs", "src/exercises/layer_norm.rs", "./layer_norm", "Layer-Norm"] {
        assert_eq!(find(&stubs, word).unwrap().name, "layer_norm");
    }
    assert!(usage(find(&stubs, "liner")).contains("did you mean linear?"));
    assert!(usage(find(&stubs, "norm")).contains("did you mean layer_norm?"));
    assert!(!usage(find(&stubs, "xyzxyz")).contains("did you mean"));
    assert!(unknown_command(&stubs, "linear").contains("check linear"));
    assert!(unknown_command(&stubs, "lits").contains("did you mean list?"));
    fs::remove_dir_all(&guide.root).unwrap();
}

#[test]
fn a_file_that_is_gone_or_damaged_does_not_hide_the_others() {
    let guide = guide("gone", &["one", "two", "three"]);
    fs::remove_file(guide.root.join("src/exercises/one.rs")).unwrap();
    fs::write(guide.root.join("src/exercises/two.rs"), b"\xff\n").unwrap();
    let stubs = stubs::read(&guide.root).unwrap();
    let titles: Vec<&str> = stubs.iter().map(|stub| stub.header.title.as_str()).collect();
    assert_eq!(titles, ["(its file is gone)", "(its first line is not as it was)", "halves"]);
    fs::remove_dir_all(&guide.root).unwrap();
    assert!(stubs::read(&guide.root).is_err());
}

#[test]
fn the_picture_fits_a_terminal() {
    let names: Vec<String> = (0..35).map(|i| format!("exercise_{i}")).collect();
    let guide = guide("picture", &names.iter().map(String::as_str).collect::<Vec<_>>()[..5]);
    let mut stubs = stubs::read(&guide.root).unwrap();
    let mut states = States::from([("exercise_0".to_string(), State::Done)]);
    states.insert("exercise_1".to_string(), State::Wrong(Vec::new()));
    states.extend((2..5).map(|i| (format!("exercise_{i}"), State::NotStarted)));
    let picture = guide.picture(&stubs, &states);
    assert!(picture.contains("[#x...]     1 of 5\n"), "{picture}");
    assert!(picture.ends_with("\n[#x...]  1 of 5, about 2 h 40 min to go\n"), "{picture}");
    assert!(guide.picture(&stubs, &States::new()).contains("[?????]"));
    stubs = names.iter().map(|name| Stub { name: name.clone(), ..stubs[0].clone() }).collect();
    for (i, stub) in stubs.iter_mut().enumerate() {
        stub.header.chapter = 2 + i as u32 / 4;
    }
    let picture = guide.picture(&stubs, &states);
    assert!(picture.lines().all(|line| line.chars().count() < 80), "{picture}");
    fs::remove_dir_all(&guide.root).unwrap();
}

#[test]
fn what_comes_next_is_the_first_that_is_not_done_and_after_the_last_the_first_again() {
    let guide = guide("next", &["one", "two", "three"]);
    let stubs = stubs::read(&guide.root).unwrap();
    let mut states = States::from([("two".to_string(), State::Done)]);
    let next = |states: &States, after| next_after(&stubs, states, after).map(|stub| stub.name.clone());
    assert_eq!(next(&states, None).as_deref(), Some("one"));
    assert_eq!(next(&states, Some("one")).as_deref(), Some("three"));
    states.insert("three".to_string(), State::Done);
    assert_eq!(next(&states, Some("two")).as_deref(), Some("one"));
    states.insert("one".to_string(), State::Done);
    assert_eq!(next(&states, Some("one")), None);
    fs::remove_dir_all(&guide.root).unwrap();
}

#[test]
fn the_next_exercise_is_shown_with_its_chapter_its_task_and_how_many_are_done() {
    let guide = guide("next_words", &["one", "two", "three"]);
    let stubs = stubs::read(&guide.root).unwrap();
    let mut states = States::from(["one", "three"].map(|name| (name.to_string(), State::Done)));
    let expected =
        "  2 of 3 done\n  next is two: halves. Chapter 2. Easy, 40 minutes.\n    Half.\n    src/exercises/two.rs:6\n";
    assert_eq!(what_next(&stubs, &states, "three"), expected);
    let introduction = guide.introduction(&stubs, &stubs[1], &states);
    let expected = "\nNext is two: halves. Chapter 2. Easy, 40 minutes.\n  src/exercises/two.rs:6    (2 of 3 done)\n\n  Halve it.\n";
    assert!(introduction.starts_with(expected), "{introduction}");
    states.insert("two".to_string(), State::Done);
    assert!(what_next(&stubs, &states, "two").contains("all exercises are done"));
    fs::remove_dir_all(&guide.root).unwrap();
}

fn because_of(piece: &str) -> State {
    State::Wrong(vec![format!("  It begins in a piece that this one calls: `{piece}` is wrong. Mend that first.")])
}

/// What `watch` says when the checks answer like this, and what it asks.
fn watch_once(stubs: &[Stub], known: &mut Known, state_of: &dyn Fn(&str) -> State) -> (String, Vec<String>) {
    let (mut said, asked) = (String::new(), std::cell::RefCell::new(Vec::new()));
    let judge = |names: &[String]| {
        asked.borrow_mut().push(names.join(" "));
        let states = names.iter().map(|name| (name.clone(), state_of(name))).collect();
        Ok(Checked::Built { states, printed: String::new(), warnings: Vec::new() })
    };
    let mut say = |text: &str| {
        said += text;
        Ok(())
    };
    check_waiting(stubs, known, &judge, &mut say).unwrap();
    (said, asked.into_inner())
}

#[test]
fn what_had_failed_because_of_a_piece_is_looked_at_again_when_it_is_mended() {
    let guide = guide("again", &["a", "b", "c", "d"]);
    let stubs = stubs::read(&guide.root).unwrap();
    let wrong = State::Wrong(vec!["for a reason of its own".to_string()]);
    let states = [("a", wrong.clone()), ("b", because_of("a")), ("c", because_of("b")), ("d", wrong.clone())];
    let states: States = states.map(|(name, state)| (name.to_string(), state)).into();
    let mut known = Known { states, waiting: ["a".to_string()].into() };
    // As long as `a` is wrong, nothing else is looked at.
    let (said, asked) = watch_once(&stubs, &mut known, &|_| wrong.clone());
    assert_eq!((said.as_str(), asked), ("\na: wrong\n  for a reason of its own\n", vec!["a".to_string()]));
    // `b` was wrong because of `a`, and `c` because of `b`; `d` was not.
    known.waiting = ["a".to_string()].into();
    let (said, asked) = watch_once(&stubs, &mut known, &|_| State::Done);
    assert_eq!(asked, ["a", "b", "c"]);
    let expected = "\na: done\n  b had failed because of a: looked at again\nb: done\n\
                    \x20 c had failed because of b: looked at again\nc: done\n  3 of 4 done\n  next is d: halves.";
    assert!(said.starts_with(expected), "{said}");
    assert!(known.waiting.is_empty());
    // And at the end it says that all are done.
    known.waiting = ["d".to_string()].into();
    let (said, _) = watch_once(&stubs, &mut known, &|_| State::Done);
    assert!(said.starts_with("\nd: done\n  That was the last one: all exercises are done."), "{said}");
    fs::remove_dir_all(&guide.root).unwrap();
}

#[test]
fn while_one_exercise_does_not_compile_the_others_keep_their_last_verdicts_with_their_age() {
    let guide = guide("last", &["one", "two", "three", "four"]);
    let write = |name: &str, body: &str| {
        fs::write(guide.root.join(format!("src/exercises/{name}.rs")), STUB.replace("not_started()", body)).unwrap();
    };
    ["one", "two", "three"].iter().for_each(|name| write(name, "x / 2.0"));
    let mut stubs = stubs::read(&guide.root).unwrap();
    let states: States = ["one", "two", "three"].map(|name| (name.to_string(), State::Done)).into();
    guide.remember(&stubs, &states, 10_000);
    // `one` has a syntax error now, `two` was changed; `three` is as it was, and `four` not begun.
    write("one", "x /");
    write("two", "x / 3.0");
    stubs = stubs::read(&guide.root).unwrap();
    let said = "error: expected expression\n --> src/exercises/one.rs:7:8\n";
    let text = guide.list_text(&stubs, &Checked::Broken(Broken::new(said)), 10_000 + 12 * 60);
    let state = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap()[23..36].trim().to_string();
    assert_eq!(["one", "two", "three", "four"].map(state), ["?", "?", "done", "not started"], "{text}");
    let expected = "src/exercises/one.rs:7 does not compile. Mend that first: until then nothing is checked.\n\
                    What you see are the last verdicts, the oldest of 12 minutes ago. \
                    A ? has changed since its last check, or has had none.\n";
    assert!(text.ends_with(expected), "{text}");
    assert_eq!(guide.last_verdicts(&stubs, 10_000 + 7200), "  three was done 2 hours ago\n");
    fs::remove_dir_all(&guide.root).unwrap();
}

#[test]
fn the_page_to_keep_has_the_text_and_each_exercise_with_its_tries_and_dates() {
    let guide = guide("page", &["one", "two"]);
    let file = guide.root.join("src/exercises/one.rs");
    let states = |one: State, two: State| States::from([("one".to_string(), one), ("two".to_string(), two)]);
    // Two tries on two days; 86,400 seconds are a day.
    for (day, body, state) in [(1, "x", State::Wrong(Vec::new())), (2, "x / 2.0", State::Done)] {
        fs::write(&file, STUB.replace("not_started()", body)).unwrap();
        let stubs = stubs::read(&guide.root).unwrap();
        guide.remember(&stubs, &states(state, State::NotStarted), day * 86_400);
    }
    let stubs = stubs::read(&guide.root).unwrap();
    let story = Story { text: "Once <a> time & more".to_string(), notes: vec!["written by your gelu".to_string()] };
    let page = |states: &States| page_text(&stubs, states, &guide.progress(), &story, 3 * 86_400);
    let text = page(&states(State::Done, State::NotStarted));
    for part in [
        "<h1>On the way to a GPT</h1>\n<p>1 of 2 exercises are done, 1970-01-04.</p>",
        "<blockquote>Once &lt;a&gt; time &amp; more</blockquote>\n<p>written by your gelu</p>",
        "<td>halves</td><td>2</td><td>done</td><td>2</td><td>1970-01-02</td><td>1970-01-03</td>",
        "<td>halves</td><td>2</td><td>not started</td><td></td><td></td><td></td>",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(page(&states(State::Done, State::Done)).contains("<h1>I have written a GPT</h1>"));
    fs::remove_dir_all(&guide.root).unwrap();
}

#[test]
fn hints_come_one_after_the_other_for_each_exercise() {
    let guide = guide("hints", &["one", "two"]);
    let calls = ["one", "one", "two", "one", "one", "two"].map(|name| guide.next_hint(name, 3).unwrap());
    assert_eq!(calls, [1, 2, 1, 3, 1, 2]);
    fs::write(guide.own_dir.join("hints.txt"), "one\ntwo x\n\u{0} 7\n").unwrap();
    assert_eq!(guide.next_hint("one", 3).unwrap(), 1);
    fs::remove_dir_all(&guide.root).unwrap();
}

#[test]
fn reset_keeps_a_copy_each_time_and_begins_the_hints_again() {
    let guide = guide("reset", &["one", "two"]);
    let file = guide.root.join("src/exercises/one.rs");
    let copy = |n: usize| fs::read_to_string(guide.mine.join(format!("one-{n}.rs"))).unwrap();
    let reset = || guide.begin_again(&stubs::read(&guide.root).unwrap()[0]).unwrap();
    assert_eq!(reset(), None);
    assert!(!guide.own_dir.exists() && !guide.mine.exists());
    assert!(!guide.mine.starts_with(&guide.checks.target), "`cargo clean` would empty it");
    for (n, body) in [(1, "x / 2.0"), (2, "x / 2.0 {{{"), (3, "x / 2.0")] {
        guide.next_hint("one", 3).unwrap();
        fs::write(&file, STUB.replace("not_started()", body)).unwrap();
        assert_eq!(reset(), Some(guide.mine.join(format!("one-{n}.rs"))));
        assert_eq!(fs::read_to_string(&file).unwrap(), STUB);
        assert_eq!(copy(n), STUB.replace("not_started()", body));
    }
    assert_eq!(copy(1), STUB.replace("not_started()", "x / 2.0"));
    assert_eq!(guide.next_hint("one", 3).unwrap(), 1);
    let names = fs::read_dir(guide.root.join("src/exercises")).unwrap();
    assert_eq!(names.count(), 3, "something was left behind");
    fs::remove_dir_all(&guide.root).unwrap();
}

#[test]
fn every_way_to_save_is_seen() {
    let guide = guide("saves", &["one", "two"]);
    let dir = guide.root.join("src/exercises");
    let mut before = snapshot(&dir);
    let mut changed = || {
        let after = snapshot(&dir);
        let changed = changes(&before, &after);
        before = after;
        changed
    };
    assert_eq!(changed(), [""; 0]);
    fs::write(dir.join("one.rs"), "longer, and in place").unwrap();
    assert_eq!(changed(), ["one.rs"]);
    fs::write(dir.join("one.rs~"), "a backup").unwrap();
    fs::write(dir.join(".one.rs"), "an editor's own").unwrap();
    assert_eq!(changed(), [""; 0]);
    fs::rename(dir.join("one.rs~"), dir.join("one.rs")).unwrap();
    assert_eq!(changed(), ["one.rs"]);
    fs::rename(dir.join("one.rs"), dir.join("three.rs")).unwrap();
    assert_eq!(changed(), ["one.rs", "three.rs"]);
    fs::remove_file(dir.join("two.rs")).unwrap();
    assert_eq!(changed(), ["two.rs"]);
    fs::remove_dir_all(&guide.root).unwrap();
    assert_eq!(changed(), ["mod.rs", "three.rs"]);
}

#[test]
fn the_table_in_the_book_is_that_of_the_files() {
    let guide = Guide::new();
    // A learner may have changed the first line of an exercise: that changes nothing in the book.
    let stubs = stubs::read(&guide.root).unwrap();
    let (known, unknown): (Vec<Stub>, Vec<Stub>) = stubs.into_iter().partition(|stub| stub.header.chapter > 0);
    let book = fs::read_to_string(guide.root.join("docs/exercises.md")).unwrap();
    let is_row = |line: &&str| line.starts_with("| ") && line.contains("](../src/exercises/");
    let is_known = |line: &&str| !unknown.iter().any(|stub| line.contains(&stub.file()));
    let rows: Vec<&str> = book.lines().filter(is_row).filter(is_known).collect();
    assert_eq!(rows, markdown(&known), "`{RUN} list --markdown` prints the rows as they must be");
}

#[test]
fn times_are_said_in_words() {
    let times = [0, 59, 60, 3599, 3600, 86_399, 172_800].map(|seconds| ago(1_000_000 + seconds, 1_000_000));
    assert_eq!(times[..4], ["a moment ago", "a moment ago", "1 minute ago", "59 minutes ago"]);
    assert_eq!(times[4..], ["1 hour ago", "23 hours ago", "2 days ago"]);
    // `date -u -d @SECONDS +%F` of GNU coreutils 9.1 says the same.
    let days = [0, 951_782_400, 951_868_800, 1_764_547_199, 4_107_542_400].map(date);
    assert_eq!(days, ["1970-01-01", "2000-02-29", "2000-03-01", "2025-11-30", "2100-03-01"]);
    assert_eq!([0, 59, 60, 125].map(duration), ["0 minutes", "59 minutes", "1 h", "2 h 05 min"]);
}
