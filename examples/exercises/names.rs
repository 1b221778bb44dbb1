//! Which exercise is meant, and what to answer if the name is unknown.

use super::COMMANDS;
use super::stubs::{self, Stub};
use gpt60::cli::{Failure, Outcome, near};

/// The exercise that the second word names.
pub fn named<'a>(stubs: &'a [Stub], words: &[&str]) -> Outcome<&'a Stub> {
    match words.get(1) {
        Some(word) => {
            let stub = find(stubs, word)?;
            if stub.text.is_empty() { Err(Failure::Failed(stubs::gone(&stub.file()))) } else { Ok(stub) }
        }
        None => Err(Failure::Usage(format!("{} needs the name of an exercise; \"list\" shows them all", words[0]))),
    }
}

/// The exercise of this name. A file name or a path is understood too.
pub fn find<'a>(stubs: &'a [Stub], word: &str) -> Outcome<&'a Stub> {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    let name = name.strip_suffix(".rs").unwrap_or(name).to_lowercase().replace('-', "_");
    stubs.iter().find(|stub| stub.name == name).ok_or_else(|| {
        let near = near(&name, stubs.iter().map(|stub| stub.name.as_str()));
        let advice = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) };
        Failure::Usage(format!("there is no exercise {word:?}{advice} (\"list\" shows them all)"))
    })
}

pub fn unknown_command(stubs: &[Stub], word: &str) -> String {
    if let Ok(stub) = find(stubs, word) {
        return format!("{:?} is an exercise; say what to do with it: check {0}, hint {0}", stub.name);
    }
    let near = near(word, COMMANDS.into_iter());
    let advice = if near.is_empty() { String::new() } else { format!("did you mean {}? ", near.join(" or ")) };
    format!("there is no command {word:?}; {advice}the commands are {}", COMMANDS.join(" "))
}
