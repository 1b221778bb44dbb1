//! The example `story`: the story contains exactly what was written, and nothing is lost.
//!
//! Sessions are scripts here, and the library says what the model must have written in them.

#[path = "../common/examples.rs"]
mod examples;

// The parts of the example; their unit tests run here.
#[path = "../../examples/story/author.rs"]
#[allow(dead_code)] // its only user, `main`, is not here
mod author;
#[path = "../../examples/story/sentence.rs"]
mod sentence;
#[path = "../../examples/story/text.rs"]
#[allow(dead_code)] // the same
mod text;

mod changing;
mod commands;
mod lines;
mod long_stories;
mod odd_models;
mod saving;
mod writing;

use examples::{command, run_with_input, success};
use gpt60::checkpoint::Checkpoint;
use gpt60::generate::Sampler;
use std::path::Path;

/// Runs a session with the lines of `script`, in `dir`: the story, and what was said about it.
fn session_in(dir: &Path, args: &[&str], script: &str) -> (String, String) {
    success(run_with_input(&mut command(dir, "story", args), script.as_bytes()))
}

/// The same, for a session that writes no file.
fn session(args: &[&str], script: &str) -> (String, String) {
    session_in(&std::env::temp_dir(), args, script)
}

/// What was said, without the advice at the end on how to get the real GPT-2, and whether the model ended its text.
fn notes(stderr: &str) -> Vec<&str> {
    let other = |line: &&str| !line.contains("the real GPT-2") && !line.starts_with("[the model ended");
    stderr.lines().filter(other).collect()
}

/// A story as it is printed: with a line break at the end, unless it has one.
fn lines_of(stories: &[&str]) -> String {
    stories.iter().map(|story| if story.ends_with('\n') { story.to_string() } else { format!("{story}\n") }).collect()
}

/// A story and the line that was added to it. The rule has unit tests of its own.
fn joined(story: &str, line: &str) -> String {
    format!("{story}{}{line}", text::joint(story, line))
}

/// The default knobs of a story.
fn sampler(seed: u64) -> Sampler {
    Sampler { temperature: 0.8, top_p: 0.95, ..Sampler::new(seed) }
}

/// What the storybook writes after ids, and whether it ended its text.
fn written_after(story: &Checkpoint, ids: &[u32], n_tokens: usize, sampler: Sampler) -> (Vec<u32>, bool) {
    let tokens = story.model.generate(ids, sampler).unwrap().until(&story.end_ids).take(n_tokens);
    let mut ids: Vec<u32> = tokens.map(|id| id.unwrap()).collect();
    let is_end = ids.last().is_some_and(|id| story.end_ids.contains(id));
    if is_end {
        ids.pop();
    }
    (ids, is_end)
}

/// What it writes in a turn: these tokens, and at most 40 more to the end of the sentence. The rule for that has unit tests of
/// its own.
fn turn_after(story: &Checkpoint, ids: &[u32], n_tokens: usize, sampler: Sampler) -> Vec<u32> {
    let mut new = written_after(story, ids, n_tokens + 40, sampler).0;
    let text = |ids: &[u32]| story.tokenizer.as_ref().unwrap().decode(ids).unwrap();
    let is_end = |&n: &usize| sentence::ends_between(&text(&new[..n]), &text(&new[n..=n]));
    if let Some(n) = (n_tokens..new.len()).find(is_end) {
        new.truncate(n);
    }
    new
}

/// What it writes in a turn after a text that is not longer than its context.
fn piece(story: &Checkpoint, text: &str, n_tokens: usize, sampler: Sampler) -> String {
    let tokenizer = story.tokenizer.as_ref().unwrap();
    tokenizer.decode(&turn_after(story, &tokenizer.encode(text), n_tokens, sampler)).unwrap()
}
