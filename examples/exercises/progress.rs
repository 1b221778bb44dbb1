//! What became of the exercises so far: a small text file in `mine/`, which git ignores and `cargo clean` leaves alone.
//!
//! ```text
//! softmax  done  3  1764470100  1764466500  1764470100  9ae16a3b2f90404f
//! ```
//!
//! The name, the last verdict, the number of tries, and three times in seconds since 1970: of the last check, of the first
//! try, and of the first time that it was done (`-`: never). The last number stands for the text that was checked.

use super::stubs::Stub;
use super::verdict::{State, States};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// What is known about an exercise that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The last verdict, without its details.
    pub state: State,
    /// How many different texts were checked.
    pub tries: u32,
    /// When it was checked last, in seconds since 1970.
    pub checked: u64,
    pub first: u64,
    pub done: Option<u64>,
    /// The [`mark_of`] the text that was checked.
    text: u64,
}

/// All exercises that were begun.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Progress(pub BTreeMap<String, Entry>);

impl Progress {
    /// A missing file knows nothing; a damaged line is passed over.
    pub fn read(file: &Path) -> Progress {
        let text = fs::read_to_string(file).unwrap_or_default();
        Progress(text.lines().filter_map(entry).collect())
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let done = |entry: &Entry| entry.done.map_or("-".to_string(), |done| done.to_string());
        let line = |(name, entry): (&String, &Entry)| {
            let Entry { state, tries, checked, first, text, .. } = entry;
            format!("{name}\t{}\t{tries}\t{checked}\t{first}\t{}\t{text:016x}\n", state.word(), done(entry))
        };
        self.0.iter().map(line).collect()
    }

    /// Notes the verdicts of a check at this time. Whoever has not begun is not noted.
    pub fn note(&mut self, stubs: &[Stub], states: &States, now: u64) {
        for stub in stubs {
            let Some(state) = states.get(&stub.name) else { continue };
            let is_begun = *state != State::NotStarted;
            if !is_begun && !self.0.contains_key(&stub.name) {
                continue;
            }
            let new = Entry { state: State::NotStarted, tries: 0, checked: now, first: now, done: None, text: 0 };
            let entry = self.0.entry(stub.name.clone()).or_insert(new);
            let text = mark_of(&stub.text);
            if is_begun && entry.text != text {
                entry.tries += 1;
            }
            entry.done = match state {
                State::Done => entry.done.or(Some(now)),
                State::Wrong(_) => entry.done,
                State::NotStarted => None, // it was reset
            };
            (entry.state, entry.text, entry.checked) = (bare(state), text, now);
        }
    }

    /// What is still known when nothing can be checked: the last verdicts on texts that have not changed since, and that
    /// nobody has begun what is as it was in the beginning. Also when the oldest of these verdicts was given.
    pub fn remembered(&self, stubs: &[Stub]) -> (States, Option<u64>) {
        let (mut states, mut oldest) = (States::new(), None);
        for stub in stubs {
            match self.0.get(&stub.name).filter(|entry| entry.text == mark_of(&stub.text)) {
                Some(entry) => {
                    states.insert(stub.name.clone(), entry.state.clone());
                    oldest = Some(oldest.map_or(entry.checked, |oldest: u64| oldest.min(entry.checked)));
                }
                None if stub.fresh().is_some_and(|fresh| fresh == stub.text) => {
                    states.insert(stub.name.clone(), State::NotStarted);
                }
                None => {}
            }
        }
        (states, oldest)
    }
}

fn entry(line: &str) -> Option<(String, Entry)> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [name, word, tries, checked, first, done, text] = fields[..] else { return None };
    let states = [State::NotStarted, State::Done, State::Wrong(Vec::new())];
    let entry = Entry {
        state: states.into_iter().find(|state| state.word() == word)?,
        tries: tries.parse().ok()?,
        checked: checked.parse().ok()?,
        first: first.parse().ok()?,
        done: if done == "-" { None } else { Some(done.parse().ok()?) },
        text: u64::from_str_radix(text, 16).ok()?,
    };
    Some((name.to_string(), entry))
}

/// Without what was wrong.
fn bare(state: &State) -> State {
    if matches!(state, State::Wrong(_)) { State::Wrong(Vec::new()) } else { state.clone() }
}

/// A number for a text: other texts have, almost surely, another one (FNV-1a, the same in every version of Rust).
fn mark_of(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |mark, byte| (mark ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::super::stubs::tests::{STUB, stub};
    use super::*;

    fn states(state: State) -> States {
        [("twice".to_string(), state)].into()
    }

    #[test]
    fn a_try_is_a_new_text_and_the_first_time_that_it_was_done_stays() {
        let texts = ["1", "1", "2", "3", "3"].map(|body| STUB.replacen("not_started()", body, 1));
        let wrong = || State::Wrong(vec!["why".to_string()]);
        let verdicts = [wrong(), wrong(), State::Done, wrong(), State::Done];
        let mut progress = Progress::default();
        progress.note(&[stub(STUB)], &states(State::NotStarted), 90);
        assert_eq!(progress, Progress::default(), "nobody has begun");
        for (i, (text, verdict)) in texts.iter().zip(verdicts).enumerate() {
            progress.note(&[stub(text)], &states(verdict), 100 + i as u64);
        }
        let entry = &progress.0["twice"];
        assert_eq!((entry.tries, entry.first, entry.done, entry.checked), (3, 100, Some(102), 104));
        progress.note(&[stub(STUB)], &states(State::NotStarted), 200);
        assert_eq!((progress.0["twice"].tries, progress.0["twice"].done), (3, None));
    }

    #[test]
    fn the_file_gives_back_what_was_noted_and_passes_over_damage() {
        let mut progress = Progress::default();
        progress.note(&[stub(STUB)], &states(State::Wrong(vec!["why".to_string()])), 7);
        let file = std::env::temp_dir().join(format!("gpt60-progress-{}", std::process::id()));
        assert_eq!(Progress::read(&file), Progress::default());
        fs::write(&file, format!("softmax\tdone\n{}x\tdone\t1\t2\t3\t4\tzz\n", progress.text())).unwrap();
        assert_eq!(Progress::read(&file), progress);
        fs::remove_file(&file).unwrap();
    }

    #[test]
    fn only_a_verdict_on_the_text_as_it_is_now_is_remembered() {
        let begun = stub(&STUB.replacen("not_started()", "1", 1));
        let mut progress = Progress::default();
        progress.note(std::slice::from_ref(&begun), &states(State::Done), 50);
        assert_eq!(progress.remembered(&[begun]), (states(State::Done), Some(50)));
        let changed = stub(&STUB.replacen("not_started()", "2", 1));
        assert_eq!(progress.remembered(&[changed]), (States::new(), None));
        assert_eq!(progress.remembered(&[stub(STUB)]), (states(State::NotStarted), None));
    }
}
