//! `page`: something to keep. The text that the learner's own GPT has written, and what became of each exercise.

use super::super::progress::{Progress, now};
use super::super::stubs::Stub;
use super::super::verdict::{Checked, State, States};
use super::super::words::date;
use super::super::{Guide, RUN, make_dir};
use super::overview::n_of_all;
use gpt60::checkpoint::write_beside;
use gpt60::cli::{self, Failure, Outcome};

/// What `greedy_mine` says.
pub struct Story {
    /// Prompt and continuation, or why there is none.
    pub text: String,
    /// Whose the pieces were: its notes that tell.
    pub notes: Vec<String>,
}

const PROMPT: &str = "Once upon a time";

impl Guide {
    pub fn page(&self, stubs: &[Stub]) -> Outcome<bool> {
        let states = match self.judge(stubs, &[])? {
            Checked::Built { states, .. } => states,
            Checked::Broken(broken) => {
                cli::note_part(&broken.output);
                return Err(Failure::Failed(format!("no page is written: {}", broken.why().trim_end_matches('.'))));
            }
        };
        if states.values().all(|state| *state == State::NotStarted) {
            return Err(Failure::Failed(format!("nothing is begun yet, so there is nothing to keep: try `{RUN}`")));
        }
        let story = self.story()?;
        let file = self.mine.join("page.html");
        make_dir(&self.mine)?;
        write_beside(&file, page_text(stubs, &states, &self.progress(), &story, now()).as_bytes())?;
        cli::print(&format!("{}: {} done; open it in a browser\n", file.display(), n_of_all(stubs, &states)))?;
        Ok(true)
    }

    /// Lets the learner's functions write.
    fn story(&self) -> Outcome<Story> {
        let output = self.checks.run_example("greedy_mine", &["--tokens", "60", PROMPT])?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let notes = said.lines().filter_map(|line| {
            // The prompt stands in the same line as the first note, where standard output is not a terminal.
            let note = line[line.find("[written by ").or(line.find("[wrong: "))?..].to_string();
            Some(note.trim_matches(['[', ']']).to_string())
        });
        let text = if output.status.success() {
            format!("{PROMPT}{}", String::from_utf8_lossy(&output.stdout))
        } else {
            let error = said.lines().find(|line| line.contains("error: ")).unwrap_or("greedy_mine has failed");
            format!("(no text yet: {error})")
        };
        Ok(Story { text: text.trim_end().to_string(), notes: notes.collect() })
    }
}

/// The page.
pub fn page_text(stubs: &[Stub], states: &States, progress: &Progress, story: &Story, now: u64) -> String {
    let are_all_done = stubs.iter().all(|stub| states.get(&stub.name) == Some(&State::Done));
    let title = if are_all_done { "I have written a GPT" } else { "On the way to a GPT" };
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n<style>\n\
         body {{ font-family: serif; max-width: 50em; margin: 3em auto; padding: 0 1em; line-height: 1.5; }}\n\
         blockquote {{ white-space: pre-wrap; font-size: 1.2em; border-left: 3px solid; padding-left: 1em; }}\n\
         td, th {{ text-align: left; padding-right: 1.5em; }}\n</style></head><body>\n<h1>{title}</h1>\n\
         <p>{} exercises are done, {}.</p>\n<blockquote>{}</blockquote>\n",
        n_of_all(stubs, states),
        date(now),
        escaped(&story.text)
    );
    story.notes.iter().for_each(|note| text += &format!("<p>{}</p>\n", escaped(note)));
    text += "<table>\n<tr><th>exercise</th><th>chapter</th><th></th><th>tries</th><th>begun</th><th>done</th></tr>\n";
    for stub in stubs {
        let entry = progress.0.get(&stub.name);
        let tries = entry.map_or(String::new(), |entry| entry.tries.to_string());
        let begun = entry.map_or(String::new(), |entry| date(entry.first));
        let state = states.get(&stub.name);
        let done =
            entry.and_then(|entry| entry.done).filter(|_| state == Some(&State::Done)).map_or(String::new(), date);
        let cells = [
            escaped(&stub.header.title),
            stub.header.chapter.to_string(),
            state.map_or("", State::word).to_string(),
            tries,
            begun,
            done,
        ];
        let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
        text += &format!("<tr>{cells}</tr>\n");
    }
    text + "</table>\n<p>Days are counted in UTC.</p>\n</body></html>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
