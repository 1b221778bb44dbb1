//! `hint`: one more hint each time. A small file remembers the last one.

use super::super::hints;
use super::super::stubs::Stub;
use super::super::{Guide, RUN, make_dir};
use gpt60::checkpoint::write_beside;
use gpt60::cli::{self, Failure, Outcome};
use std::collections::BTreeMap;
use std::fs;

impl Guide {
    pub fn hint(&self, stub: &Stub, level: Option<&str>) -> Outcome<bool> {
        let hints = hints::read(&self.root, stub);
        let n = hints.len();
        if n == 0 {
            let file = hints::file(&stub.name);
            let problem = format!("{file} has no hints; `git checkout {file}` brings them back as they were committed");
            return Err(Failure::Failed(problem));
        }
        let level = match level {
            Some(word) => match word.parse() {
                Ok(level) if (1..=n).contains(&level) => level,
                _ => {
                    return Err(Failure::Usage(format!("{word:?} is not a hint of {}; there are 1 to {n}", stub.name)));
                }
            },
            None => self.next_hint(&stub.name, n)?,
        };
        cli::print(&(hints[level - 1].join("\n") + "\n"))?;
        if level < n {
            cli::note(&format!("[hint {level} of {n}; the next one: {RUN} hint {}]", stub.name));
        } else {
            cli::note(&format!("[hint {level} of {n}: that was all. Done? {RUN} solution {}]", stub.name));
        }
        Ok(true)
    }

    /// The hint after the last one shown; after the last hint, the first again. A small file remembers.
    pub fn next_hint(&self, name: &str, n: usize) -> Outcome<usize> {
        let mut shown = self.shown_hints();
        let level = shown.get(name).map_or(1, |last| last % n + 1);
        shown.insert(name.to_string(), level);
        self.remember_hints(&shown)?;
        Ok(level)
    }

    pub fn shown_hints(&self) -> BTreeMap<String, usize> {
        let text = fs::read_to_string(self.own_dir.join("hints.txt")).unwrap_or_default();
        let line = |line: &str| line.split_once(' ').and_then(|(name, n)| Some((name.to_string(), n.parse().ok()?)));
        text.lines().filter_map(line).collect()
    }

    pub fn remember_hints(&self, shown: &BTreeMap<String, usize>) -> Outcome<()> {
        let text: String = shown.iter().map(|(name, level)| format!("{name} {level}\n")).collect();
        make_dir(&self.own_dir)?;
        Ok(write_beside(self.own_dir.join("hints.txt"), text.as_bytes())?)
    }
}
