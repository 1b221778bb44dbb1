//! `watch`: checks again whenever a file is saved.
//!
//! It reads the folder again and again, and compares it with the last time. An operating system can also report each
//! change, but every system does so in its own way. A production program would use the `notify` crate.

use super::super::stubs::{self, Header, Stub};
use super::super::verdict::{Checked, State, States, verdict};
use super::super::{Guide, RUN};
use super::overview::{n_of_all, next_after};
use gpt60::cli::{self, Failure, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// How often to look for saved files.
const POLL: Duration = Duration::from_millis(200);
/// How long the files must be still before a check: an editor may write in several steps.
const SETTLE: Duration = Duration::from_millis(50);

/// The Rust files of a folder: when each was written, and how long it is.
type Snapshot = BTreeMap<String, (Option<SystemTime>, u64)>;

/// What is known about the exercises from one save to the next.
pub struct Known {
    pub states: States,
    /// Saved, but not checked yet: something does not compile.
    pub waiting: BTreeSet<String>,
}

/// Checks the exercises with these names.
pub type Judge<'a> = &'a dyn Fn(&[String]) -> Outcome<Checked>;
/// Says something as soon as it is known.
pub type Say<'a> = &'a mut dyn FnMut(&str) -> Outcome<()>;

impl Guide {
    pub fn watch(&self, stubs: &[Stub]) -> Outcome<bool> {
        let dir = self.root.join("src/exercises");
        let mut seen = snapshot(&dir);
        let first = self.overview(stubs)?;
        let mut known = Known { states: States::new(), waiting: BTreeSet::new() };
        match first {
            Checked::Built { states, .. } => known.states = states,
            Checked::Broken(broken) => cli::note_part(&broken.output),
        }
        cli::note("\n[watching src/exercises: save a file, and it is checked; Ctrl-C ends this]");
        loop {
            std::thread::sleep(POLL);
            let now = snapshot(&dir);
            if now == seen {
                continue;
            }
            let start = Instant::now();
            let now = settled(&dir, now);
            let changed = changes(&seen, &now);
            seen = now;
            let stubs = match stubs::read(&self.root) {
                Ok(stubs) => stubs,
                Err(Failure::Failed(problem)) => {
                    cli::note(&problem);
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            for file in changed {
                if seen.contains_key(&file) {
                    known.is_saved(&file, &stubs);
                } else {
                    cli::print(&format!("\n{}\n", stubs::gone(&format!("src/exercises/{file}"))))?;
                    known.waiting.remove(file.trim_end_matches(".rs"));
                }
            }
            if !known.waiting.is_empty() {
                check_waiting(&stubs, &mut known, &|names| self.judge(&stubs, names), &mut |text| cli::print(text))?;
                cli::note(&format!("[{:.1} s]", start.elapsed().as_secs_f64()));
            }
        }
    }
}

/// Checks what is waiting, then what had failed because of it, and says what comes next.
pub fn check_waiting(stubs: &[Stub], known: &mut Known, judge: Judge, say: Say) -> Outcome<()> {
    let mut names: Vec<String> = known.waiting.iter().cloned().collect();
    say("\n")?;
    // If nothing has compiled so far, nothing is known about the other exercises either: ask for all.
    let mut checked = judge(if known.states.is_empty() { &[] } else { &names })?;
    let mut seen = BTreeSet::from_iter(names.iter().cloned());
    let mut last_done = None;
    loop {
        let (new, printed, warnings) = match checked {
            Checked::Built { states, printed, warnings } => (states, printed, warnings),
            Checked::Broken(broken) => {
                cli::note_part(&broken.output);
                return say(&broken.verdict(&names));
            }
        };
        known.waiting.retain(|name| !names.contains(name));
        known.states.extend(new.clone());
        say(&printed)?;
        for name in &names {
            say(&verdict(name, new.get(name), &warnings))?;
        }
        let mended: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| new.get(*name) == Some(&State::Done)).collect();
        last_done = mended.last().map(|name| name.to_string()).or(last_done);
        // Each is looked at once: the next round is of others.
        let had_failed =
            |(name, state): &(&String, &State)| !seen.contains(*name) && mended.iter().any(|piece| state.blames(piece));
        let again: Vec<String> = known.states.iter().filter(had_failed).map(|(name, _)| name.clone()).collect();
        if again.is_empty() {
            return last_done.map_or(Ok(()), |name| say(&what_next(stubs, &known.states, &name)));
        }
        say(&format!("  {} had failed because of {}: looked at again\n", again.join(", "), mended.join(", ")))?;
        known.waiting.extend(again.iter().cloned()); // until there is a verdict
        checked = judge(&again)?;
        seen.extend(again.iter().cloned());
        names = again;
    }
}

/// What to do after an exercise that is done.
pub fn what_next(stubs: &[Stub], states: &States, done: &str) -> String {
    let Some(stub) = next_after(stubs, states, Some(done)) else {
        return format!("  That was the last one: all exercises are done. To keep: {RUN} page\n");
    };
    let Header { title, chapter, level, minutes } = &stub.header;
    let mut text = format!("  {} done\n", n_of_all(stubs, states));
    text += &format!("  next is {}: {title}. Chapter {chapter}. {level}, {minutes} minutes.\n", stub.name);
    text += &stub.task_line().map_or(String::new(), |line| format!("    {line}\n"));
    text + &format!("    {}\n", stub.place())
}

impl Known {
    /// A saved exercise waits for its check. Any other file may be used by all exercises that are begun.
    fn is_saved(&mut self, file: &str, stubs: &[Stub]) {
        let name = file.trim_end_matches(".rs");
        if stubs.iter().any(|stub| stub.name == name) {
            self.waiting.insert(name.to_string());
        } else {
            let begun = self.states.iter().filter(|(_, state)| **state != State::NotStarted);
            self.waiting.extend(begun.map(|(name, _)| name.clone()));
        }
    }
}

/// The folder, once it has been still for a moment.
fn settled(dir: &Path, mut now: Snapshot) -> Snapshot {
    loop {
        std::thread::sleep(SETTLE);
        let later = snapshot(dir);
        if later == now {
            return now;
        }
        now = later;
    }
}

pub fn snapshot(dir: &Path) -> Snapshot {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let file = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        // An editor's own files begin with a dot.
        let is_source = name.ends_with(".rs") && !name.starts_with('.');
        let data = fs::metadata(entry.path()).ok().filter(|data| is_source && data.is_file())?;
        Some((name, (data.modified().ok(), data.len())))
    };
    entries.filter_map(file).collect()
}

/// The files that were added, changed or deleted.
pub fn changes(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let files: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    files.into_iter().filter(|file| before.get(*file) != after.get(*file)).cloned().collect()
}
