//! `list`: all exercises, and what became of each.

use super::super::Guide;
use super::super::progress::now;
use super::super::stubs::{Header, Stub};
use super::super::verdict::{Checked, State, States};
use super::super::words::ago;
use gpt60::cli::{self, Outcome};

impl Guide {
    pub fn list(&self, stubs: &[Stub], as_markdown: bool) -> Outcome<bool> {
        if as_markdown {
            cli::print(&(markdown(stubs).join("\n") + "\n"))?;
            return Ok(true);
        }
        cli::print(&self.list_text(stubs, &self.judge(stubs, &[])?, now()))?;
        Ok(true)
    }

    pub fn list_text(&self, stubs: &[Stub], checked: &Checked, now: u64) -> String {
        let (states, since) = self.states(stubs, checked, now);
        let width = stubs.iter().map(|stub| stub.name.len()).max().unwrap_or(0).max(4);
        let mut text = format!("{:width$}  ch  level   min  state        title\n", "name");
        for stub in stubs {
            let Header { title, chapter, level, minutes } = &stub.header;
            let state = states.get(&stub.name).map_or("?", State::word);
            text += &format!("{:width$}  {chapter:2}  {level:6}  {minutes:3}  {state:11}  {title}\n", stub.name);
        }
        text + &since
    }

    /// The verdicts. If nothing can be checked, those that are remembered, and in words why, and how old they are.
    pub fn states(&self, stubs: &[Stub], checked: &Checked, now: u64) -> (States, String) {
        let broken = match checked {
            Checked::Built { states, .. } => return (states.clone(), String::new()),
            Checked::Broken(broken) => broken,
        };
        let (mut states, oldest) = self.progress().remembered(stubs);
        broken.names().iter().for_each(|name| drop(states.remove(name)));
        let mut text = format!("{} Mend that first: until then nothing is checked.\n", broken.why());
        if let Some(oldest) = oldest {
            text += &format!("What you see are the last verdicts, the oldest of {}.", ago(now, oldest));
        }
        if states.len() < stubs.len() {
            text += if oldest.is_some() { " " } else { "" };
            text += "A ? has changed since its last check, or has had none.";
        }
        (states, text.trim_end().to_string() + "\n")
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
