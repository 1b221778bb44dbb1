//! A story longer than the context: the model goes on from a sentence in its last part.

use crate::{lines_of, sampler, session, turn_after, written_after};
use gpt60::storybook;

/// The N of "the model now remembers only the last N tokens of the story", which appears once.
pub fn remembered(stderr: &str) -> usize {
    assert_eq!(stderr.matches("remembers only").count(), 1, "{stderr}");
    let number = stderr.split("only the last ").nth(1).unwrap().split(' ').next().unwrap();
    number.parse().unwrap()
}

#[test]
fn a_story_past_the_context_is_read_from_a_sentence_in_its_last_part() {
    let story = storybook::load();
    let tokenizer = story.tokenizer.as_ref().unwrap();
    let line = "The fox ran to the river. There he saw a big bear, and the bear said, I am hungry. ".repeat(20);
    let line = line.trim_end();
    let ids = tokenizer.encode(line);
    assert!(ids.len() > 300, "{}", ids.len());
    let (stdout, stderr) = session(&["--tokens=20"], &format!("{line}\n"));
    let n = remembered(&stderr);
    // The context is 256, and 20 new tokens with 40 more for their sentence take 59 of it: the last one is not read.
    assert!((197 / 2..=197).contains(&n), "{n}");
    let read = &ids[ids.len() - n..];
    let text = tokenizer.decode(read).unwrap();
    assert!(text.starts_with(" The fox") || text.starts_with(" There he"), "{text}");
    let new = turn_after(&story, read, 20, sampler(42));
    assert_eq!(stdout, lines_of(&[&format!("{line}{}", tokenizer.decode(&new).unwrap())]));
}

#[test]
fn a_turn_longer_than_the_context_slides_on() {
    let story = storybook::load();
    let tokenizer = story.tokenizer.as_ref().unwrap();
    let ids = tokenizer.encode("Once upon a time");
    // From "Once" to the full context and one token more; then the rest, from the last part of that. The first seeds whose
    // texts do not end before.
    let n_first = 257 - ids.len();
    let seed = (1..).find(|&seed| !written_after(&story, &ids, n_first, sampler(seed)).1).unwrap();
    let (stdout, stderr) = session(&["--tokens=300", &format!("--seed={seed}"), "Once upon a time"], "");
    let (first, _) = written_after(&story, &ids, n_first, sampler(seed));
    let whole = [ids, first].concat();
    let n = remembered(&stderr);
    assert!((85..=170).contains(&n), "{n}"); // 300 - 253 and 40 are to come at most, and 86 of these are read
    let second = turn_after(&story, &whole[whole.len() - n..], 300 - n_first, sampler(seed + 1));
    assert_eq!(stdout, lines_of(&[&tokenizer.decode(&[whole, second].concat()).unwrap()]));
}
