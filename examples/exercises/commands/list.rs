//! `list`: all exercises, and what became of each.

use super::super::Guide;
use super::super::stubs::{Header, Stub};
use super::super::verdict::{Checked, State};
use gpt60::cli::{self, Outcome};

impl Guide {
    pub fn list(&self, stubs: &[Stub], as_markdown: bool) -> Outcome<bool> {
        if as_markdown {
            cli::print(&(markdown(stubs).join("\n") + "\n"))?;
            return Ok(true);
        }
        let checked = self.checks.judge(&[])?;
        let states = checked.states();
        let width = stubs.iter().map(|stub| stub.name.len()).max().unwrap_or(0).max(4);
        let mut text = format!("{:width$}  ch  level   min  state        title\n", "name");
        for stub in stubs {
            let Header { title, chapter, level, minutes } = &stub.header;
            let state = states.get(&stub.name).map_or("?", State::word);
            text += &format!("{:width$}  {chapter:2}  {level:6}  {minutes:3}  {state:11}  {title}\n", stub.name);
        }
        cli::print(&text)?;
        if let Checked::Broken(broken) = &checked {
            cli::print(&format!("? because {}\n", broken.why()))?;
        }
        Ok(true)
    }
}

/// The rows of the table in `docs/exercises.md`.
pub fn markdown(stubs: &[Stub]) -> Vec<String> {
    let row = |stub: &Stub| {
        let Header { title, chapter, level, minutes } = &stub.header;
        format!("| {title} | {chapter} | [`{}`](../{}) | {level} | {minutes} |", stub.name, stub.file())
    };
    stubs.iter().map(row).collect()
}
