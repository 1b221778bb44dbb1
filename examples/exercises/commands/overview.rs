//! No command: where you are, and what comes next.

use super::super::progress::now;
use super::super::stubs::{self, Header, Stub};
use super::super::verdict::{Checked, State, States};
use super::super::words::duration;
use super::super::{Guide, RUN};
use gpt60::cli::{self, Outcome};
use std::collections::BTreeSet;

impl Guide {
    /// No command: where you are, what comes next, and what to type.
    pub fn start(&self, stubs: &[Stub]) -> Outcome<bool> {
        let name = match self.overview(stubs)? {
            // Its file is the one that does not compile, if it is an exercise.
            Checked::Broken(broken) => broken.names().into_iter().next(),
            Checked::Built { states, .. } => next_after(stubs, &states, None).map(|stub| stub.name.clone()),
        };
        if let Some(name) = name {
            cli::print(&format!("\nTo type:\n  {RUN} check {name}\n  {RUN} hint {name}\n"))?;
            cli::print(&format!("  {RUN} watch    (checks whenever you save)\n"))?;
        }
        Ok(true)
    }

    /// A picture of all exercises, and the next one. Returns what it found.
    pub fn overview(&self, stubs: &[Stub]) -> Outcome<Checked> {
        let checked = self.judge(stubs, &[])?;
        let (states, since) = self.states(stubs, &checked, now());
        cli::print(&self.picture(stubs, &states))?;
        if let Checked::Broken(_) = &checked {
            cli::print(&format!("\n{since}"))?;
            return Ok(checked);
        }
        match next_after(stubs, &states, None) {
            Some(stub) => cli::print(&self.introduction(stubs, stub, &states))?,
            None => cli::print(&format!(
                "\nAll exercises are done: what you have written is a GPT.\n  To keep: {RUN} page\n"
            ))?,
        }
        Ok(checked)
    }

    /// A line for each chapter, with a mark for each exercise.
    pub fn picture(&self, stubs: &[Stub], states: &States) -> String {
        let chapters: BTreeSet<u32> = stubs.iter().map(|stub| stub.header.chapter).collect();
        let is_done = |stub: &&Stub| states.get(&stub.name) == Some(&State::Done);
        let n_done = |stubs: &[&Stub]| {
            let n = stubs.iter().copied().filter(is_done).count();
            if states.is_empty() { "?".to_string() } else { n.to_string() }
        };
        let mark = |stub: &Stub| states.get(&stub.name).map_or('?', State::mark);
        let mut text = format!("{:30}# done   x wrong   . not started\n", "chapter");
        for chapter in chapters {
            let here: Vec<&Stub> = stubs.iter().filter(|stub| stub.header.chapter == chapter).collect();
            let marks: String = here.iter().map(|stub| mark(stub)).collect();
            let n_done = n_done(&here);
            let title = stubs::chapter(&self.root, chapter).map_or(String::new(), |(_, title)| title);
            text += &format!("{chapter:2}  {title:24.24}  {:12}{n_done} of {}\n", format!("[{marks}]"), here.len());
        }
        let n_done = n_done(&stubs.iter().collect::<Vec<_>>());
        let minutes: u32 = stubs.iter().filter(|stub| !is_done(stub)).map(|stub| stub.header.minutes).sum();
        let all: String = stubs.iter().map(mark).take(40).collect();
        let left = if minutes > 0 && !states.is_empty() {
            format!(", about {} to go", duration(minutes))
        } else {
            String::new()
        };
        text + &format!("\n[{all}]  {n_done} of {}{left}\n", stubs.len())
    }

    /// The next exercise.
    pub fn introduction(&self, stubs: &[Stub], stub: &Stub, states: &States) -> String {
        let is_begun = matches!(states.get(&stub.name), Some(State::Wrong(_)));
        let Header { title, chapter, level, minutes } = &stub.header;
        let next = if is_begun { "Go on with" } else { "Next is" };
        let mut text = format!("\n{next} {}: {title}. Chapter {chapter}. {level}, {minutes} minutes.\n", stub.name);
        text += &format!("  {}    ({} done)\n\n", stub.place(), n_of_all(stubs, states));
        cli::wrap(&stub.task(), 76).iter().for_each(|line| text += &format!("  {line}\n"));
        let advice = match (is_begun, stubs::chapter(&self.root, *chapter)) {
            (true, _) => "It is not right yet: the check says why.".to_string(),
            (_, Some((file, _))) => format!("Read {file}; then put your code in the place of not_started()."),
            (_, None) => "Put your code in the place of not_started().".to_string(),
        };
        text + &format!("\n{advice}\n")
    }
}

/// How many are done, and of how many: `3 of 38`.
pub fn n_of_all(stubs: &[Stub], states: &States) -> String {
    let n_done = stubs.iter().filter(|stub| states.get(&stub.name) == Some(&State::Done)).count();
    format!("{n_done} of {}", stubs.len())
}

/// The first exercise that is not done. The search begins after `name`, or at the start, and wraps around.
pub fn next_after<'a>(stubs: &'a [Stub], states: &States, name: Option<&str>) -> Option<&'a Stub> {
    let start = name.and_then(|name| stubs.iter().position(|stub| stub.name == name)).map_or(0, |i| i + 1);
    let in_order = stubs[start..].iter().chain(&stubs[..start]);
    in_order.into_iter().find(|stub| states.get(&stub.name) != Some(&State::Done))
}
