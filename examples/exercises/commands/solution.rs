//! `solution`: where the library does it, once your own passes.

use super::super::Guide;
use super::super::stubs::{Stub, line_of};
use super::super::verdict::{Checked, State};
use gpt60::cli::{self, Failure, Outcome};
use std::fs;

impl Guide {
    pub fn solution(&self, stubs: &[Stub], stub: &Stub, now: bool) -> Outcome<bool> {
        let Some((file, item)) = stub.solution() else {
            let problem =
                format!("{} does not say where: at its end, `// Solution: FILE, FUNCTION` is missing", stub.file());
            return Err(Failure::Failed(problem));
        };
        if !now {
            let names = [stub.name.clone()];
            let checked = self.judge(stubs, &names)?;
            let state = match &checked {
                Checked::Broken(broken) => broken.why(),
                Checked::Built { states, .. } => match states.get(&stub.name) {
                    Some(State::Done) => String::new(),
                    state => format!("yours is {}.", state.map_or("not checked", State::word)),
                },
            };
            if !state.is_empty() {
                let problem = format!("not yet: {state} \"solution {} --now\" shows it all the same", stub.name);
                return Err(Failure::Failed(problem));
            }
        }
        let text = fs::read_to_string(self.root.join(&file)).unwrap_or_default();
        match line_of(&text, &item) {
            Some(line) => cli::print(&format!("{file}:{line}: {item}\n"))?,
            None => cli::print(&format!("{file}: {item}\n"))?,
        }
        Ok(true)
    }
}
