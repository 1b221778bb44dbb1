//! The story itself: one text, kept in the pieces that its two authors wrote. The last pieces can be dropped again.

use gpt60::checkpoint::write_beside;
use std::path::{Path, PathBuf};

/// Who wrote a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    You,
    Model,
}

/// One text, in the pieces in which it was written.
#[derive(Default)]
pub struct Story {
    pieces: Vec<(String, By)>,
    is_saved: bool,
}

impl Story {
    pub fn text(&self) -> String {
        self.pieces.iter().map(|(text, _)| text.as_str()).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether nothing would be lost if the program ended now.
    pub fn is_saved(&self) -> bool {
        self.is_saved || self.is_empty()
    }

    /// Adds a piece at the end. An empty text adds none.
    pub fn push(&mut self, piece: String, by: By) {
        if !piece.is_empty() {
            self.pieces.push((piece, by));
            self.is_saved = false;
        }
    }

    /// Drops the last piece.
    pub fn pop(&mut self) -> Option<String> {
        self.is_saved = false;
        self.pieces.pop().map(|(piece, _)| piece)
    }

    /// The last piece, if the model wrote it.
    pub fn models_last(&self) -> Option<&str> {
        self.pieces.last().filter(|(_, by)| *by == By::Model).map(|(piece, _)| piece.as_str())
    }

    /// Shows the last words of the story in one line.
    pub fn ending(&self) -> String {
        let text = self.text();
        if text.is_empty() {
            return "the story is empty now".to_string();
        }
        let n_chars = text.chars().count();
        let dots = if n_chars > 60 { "..." } else { "" };
        let end: String = text.chars().skip(n_chars.saturating_sub(60)).collect();
        format!("the story now ends: {dots}{end:?}")
    }

    /// Saves the story as the file `name`. It overwrites an existing file only if `over` is true.
    ///
    /// The error says in one line what would be right.
    pub fn save(&mut self, name: &str, over: bool) -> Result<(), String> {
        let path = Path::new(name);
        if self.is_empty() {
            return Err("there is nothing to save: the story is empty".to_string());
        }
        if name.is_empty() {
            return Err("a name is missing: try :save story.txt".to_string());
        }
        if is_there(path) && !path.is_file() {
            return Err(format!("{name} exists and is not a file: choose another name"));
        }
        if is_there(path) && !over {
            return Err(format!("{name} already exists: choose another name, or overwrite it with :save! {name}"));
        }
        // A link stays a link: the file behind it is written.
        let path = path.canonicalize().unwrap_or(path.to_path_buf());
        if is_there(&beside(&path)) {
            return Err(format!(
                "{name}.tmp, which is used while saving, already exists: move it, or choose another name"
            ));
        }
        let text = self.text();
        let end = if text.ends_with('\n') { "" } else { "\n" };
        write_beside(&path, format!("{text}{end}").as_bytes()).map_err(|error| error.to_string())?;
        self.is_saved = true;
        Ok(())
    }
}

/// The first of `story-1.txt`, `story-2.txt`, ... that does not exist.
pub fn free_name() -> String {
    let mut n = 1;
    loop {
        let name = format!("story-{n}.txt");
        if !is_there(Path::new(&name)) && !is_there(&beside(Path::new(&name))) {
            return name;
        }
        n += 1;
    }
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok() // also for a link that leads nowhere
}

/// The name that `write_beside` writes to before it renames.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(".tmp");
    PathBuf::from(name)
}

/// What goes between the story and the next line: a space, but none after white space, none before a comma and the
/// like, and none after an opening quote.
///
/// The quotes on a keyboard look the same on both sides. One with white space before it opens, one with white space
/// after it closes.
pub fn joint(story: &str, line: &str) -> &'static str {
    let is_space = |c: Option<char>| c.is_none_or(char::is_whitespace);
    let mut end = story.chars().rev();
    let opens = match end.next() {
        Some('"' | '\'') => is_space(end.next()),
        Some(c) if "([{\u{201c}\u{2018}".contains(c) => true,
        c => is_space(c),
    };
    let mut start = line.chars();
    let closes = match start.next() {
        Some('"' | '\'' | ':') => is_space(start.next()),
        Some(c) if ",.;!?)]}\u{2026}\u{201d}".contains(c) => true,
        c => is_space(c),
    };
    if opens || closes { "" } else { " " }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_joined_by_a_space_and_marks_by_none() {
        let joined = |story: &str, line: &str| format!("{story}{}{line}", joint(story, line));
        assert_eq!(joined("the fox", "ran"), "the fox ran");
        assert_eq!(joined("", "The fox"), "The fox");
        for (story, line) in [("the fox ", "ran"), ("the fox\n", "ran"), ("the fox", " ran"), ("the fox", "\tran")] {
            assert_eq!(joined(story, line), format!("{story}{line}"));
        }
        assert_eq!(joined("the fox", ", who ran"), "the fox, who ran");
        assert_eq!(joined("the fox", "... and"), "the fox... and");
        assert_eq!(joined("He said, \"", "Run!"), "He said, \"Run!");
        assert_eq!(joined("He said, \"Run!\"", "She ran."), "He said, \"Run!\" She ran.");
        assert_eq!(joined("\"Run", "\" he said"), "\"Run\" he said");
        assert_eq!(joined("He said,", "\"Run!\""), "He said, \"Run!\"");
        assert_eq!(joined("He was glad", ":)"), "He was glad :)");
    }

    #[test]
    fn pieces_come_off_in_the_order_in_which_they_were_put_on() {
        let mut story = Story::default();
        story.push("The fox".to_string(), By::You);
        story.push(" ran".to_string(), By::Model);
        story.push(String::new(), By::You);
        assert_eq!((story.text().as_str(), story.models_last()), ("The fox ran", Some(" ran")));
        assert_eq!(story.pop().as_deref(), Some(" ran"));
        assert_eq!((story.text().as_str(), story.models_last()), ("The fox", None));
        assert_eq!(story.pop().as_deref(), Some("The fox"));
        assert_eq!(story.pop(), None);
    }
}
