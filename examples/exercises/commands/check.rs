//! `check`: is it right?

use super::super::names::find;
use super::super::progress::now;
use super::super::stubs::Stub;
use super::super::verdict::{Checked, State, verdict};
use super::super::words::ago;
use super::super::{Guide, RUN};
use gpt60::cli::{self, Outcome};

impl Guide {
    pub fn check(&self, stubs: &[Stub], words: &[&str]) -> Outcome<bool> {
        let found = words.iter().map(|word| find(stubs, word)).collect::<Outcome<Vec<&Stub>>>()?;
        let names: Vec<String> = found.iter().map(|stub| stub.name.clone()).collect();
        match self.judge(stubs, &names)? {
            Checked::Broken(broken) => {
                cli::note_part(&broken.output);
                cli::print(&broken.verdict(&names))?;
                let broken = broken.names();
                let others: Vec<Stub> =
                    found.into_iter().filter(|stub| !broken.contains(&stub.name)).cloned().collect();
                cli::print(&self.last_verdicts(&others, now()))?;
                Ok(false)
            }
            Checked::Built { states, printed, warnings } => {
                cli::print(&printed)?;
                for name in &names {
                    cli::print(&verdict(name, states.get(name), &warnings))?;
                    if states.get(name) == Some(&State::Done) {
                        cli::note(&format!("[where the library does it: {RUN} solution {name}]"));
                    }
                }
                Ok(names.iter().all(|name| states.get(name) == Some(&State::Done)))
            }
        }
    }

    /// What the last verdicts on these exercises were, if they have not changed since.
    pub fn last_verdicts(&self, stubs: &[Stub], now: u64) -> String {
        let progress = self.progress();
        let (states, _) = progress.remembered(stubs);
        let begun = stubs.iter().filter_map(|stub| Some((&stub.name, progress.0.get(&stub.name)?)));
        let known = begun.filter(|(name, entry)| entry.state != State::NotStarted && states.contains_key(*name));
        known
            .map(|(name, entry)| format!("  {name} was {} {}\n", entry.state.word(), ago(now, entry.checked)))
            .collect()
    }

    /// Checks what has been begun. If nothing has, nothing is wrong.
    pub fn check_all(&self, stubs: &[Stub]) -> Outcome<bool> {
        match self.judge(stubs, &[])? {
            Checked::Broken(broken) => {
                cli::note_part(&broken.output);
                cli::print(&format!("nothing can be checked: {}\n", broken.why()))?;
                cli::print(&self.last_verdicts(stubs, now()))?;
                Ok(false)
            }
            Checked::Built { states, printed, warnings } => {
                cli::print(&printed)?;
                let is_begun = |stub: &&Stub| states.get(&stub.name).is_some_and(|state| *state != State::NotStarted);
                let begun: Vec<&Stub> = stubs.iter().filter(is_begun).collect();
                for stub in &begun {
                    cli::print(&verdict(&stub.name, states.get(&stub.name), &warnings))?;
                }
                let n_done = begun.iter().filter(|stub| states[&stub.name] == State::Done).count();
                let n_wrong = begun.len() - n_done;
                cli::print(&format!("{n_done} done, {n_wrong} wrong, {} not started\n", stubs.len() - begun.len()))?;
                Ok(n_wrong == 0)
            }
        }
    }
}
