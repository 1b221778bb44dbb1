//! The exercises as text: their titles, hints and solutions, and how they looked before anything was written.

use gpt60::cli::{Failure, Outcome};
use std::fs;
use std::path::Path;

/// An exercise, as its file in `src/exercises/` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stub {
    pub name: String,
    /// What is in the file; nothing if it is gone.
    pub text: String,
    pub header: Header,
}

/// The first line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub title: String,
    pub chapter: u32,
    pub level: String,
    pub minutes: u32,
}

impl Header {
    /// Reads `//! Exercise: TITLE. Chapter N. LEVEL, M minutes.`
    pub fn parse(text: &str) -> Option<Header> {
        let line = text.lines().next()?.strip_prefix("//! Exercise: ")?.strip_suffix(" minutes.")?;
        let (title, rest) = line.rsplit_once(". Chapter ")?;
        let (chapter, rest) = rest.split_once(". ")?;
        let (level, minutes) = rest.split_once(", ")?;
        let (chapter, minutes) = (chapter.parse().ok()?, minutes.parse().ok()?);
        Some(Header { title: title.to_string(), chapter, level: level.to_string(), minutes })
    }
}

/// The names of the exercises in the order of the book, which is that of the `pub mod` lines.
pub fn names(root: &Path) -> Outcome<Vec<String>> {
    let file = root.join("src/exercises/mod.rs");
    let text = fs::read_to_string(&file).map_err(|_| {
        let problem = format!("{} is not there: this program reads the exercises in the source", file.display());
        Failure::Failed(problem)
    })?;
    let names = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.trim_end().strip_suffix(';'));
    Ok(names.filter(|name| *name != "parts").map(str::to_string).collect())
}

/// All exercises. Whatever has become of one: the others are there all the same.
pub fn read(root: &Path) -> Outcome<Vec<Stub>> {
    let stub = |name: String| {
        let text = fs::read(root.join(format!("src/exercises/{name}.rs")));
        let title = if text.is_ok() { "(its first line is not as it was)" } else { "(its file is gone)" };
        let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
        let unknown = || Header { title: title.to_string(), chapter: 0, level: "?".to_string(), minutes: 0 };
        Stub { name, header: Header::parse(&text).unwrap_or_else(unknown), text }
    };
    Ok(names(root)?.into_iter().map(stub).collect())
}

/// The file of a chapter, and its title: what its first line, `# 4. Basic layers`, says.
pub fn chapter(root: &Path, number: u32) -> Option<(String, String)> {
    let files = fs::read_dir(root.join("docs")).ok()?.flatten();
    let mut names = files.filter_map(|file| file.file_name().into_string().ok());
    let name = names.find(|name| name.starts_with(&format!("{number:02}-")) && name.ends_with(".md"))?;
    let file = format!("docs/{name}");
    let text = fs::read_to_string(root.join(&file)).ok()?;
    let title = text.lines().next()?.strip_prefix(&format!("# {number}. "))?;
    Some((file, title.to_string()))
}

impl Stub {
    pub fn file(&self) -> String {
        format!("src/exercises/{}.rs", self.name)
    }

    /// The file and the line of the function.
    pub fn place(&self) -> String {
        let line = self.text.lines().position(|line| line.starts_with("pub fn ")).map_or(1, |i| i + 1);
        format!("{}:{line}", self.file())
    }

    /// The first paragraph after the header.
    pub fn task(&self) -> String {
        let docs = self.text.lines().skip(1).map_while(|line| line.strip_prefix("//!")).map(str::trim);
        let lines = docs.skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join(" ")
    }

    /// The hints at the end of the file, as lines.
    pub fn hints(&self) -> Vec<Vec<String>> {
        let mut hints: Vec<Vec<String>> = Vec::new();
        for line in self.text.lines().filter(|line| line.starts_with("//") && !line.starts_with("//!")) {
            let text = line.trim_start_matches('/');
            let text = text.strip_prefix(' ').unwrap_or(text).trim_end().to_string();
            if text.starts_with(&format!("Hint {}. ", hints.len() + 1)) {
                hints.push(vec![text]);
            } else if text.starts_with("Solution: ") {
                break;
            } else if let Some(hint) = hints.last_mut() {
                hint.push(text);
            }
        }
        for hint in &mut hints {
            while hint.last().is_some_and(String::is_empty) {
                hint.pop();
            }
        }
        hints
    }

    /// The library's file and function, from the last line: `// Solution: src/layers/mlp.rs, Mlp::forward`.
    pub fn solution(&self) -> Option<(String, String)> {
        let line = self.text.lines().rev().find_map(|line| line.strip_prefix("// Solution: "))?;
        line.trim_end().split_once(", ").map(|(file, item)| (file.to_string(), item.to_string()))
    }

    /// The file as it was before anything was written; `None` if it has no function any more.
    ///
    /// There is no second copy of it anywhere. But what an exercise consists of can be told by how its lines begin: comments
    /// `//!`, `use`, items that are `pub`, and the hints. All else is the learner's, and goes; and the body of every `pub fn`
    /// becomes `not_started()` again. Braces are not counted: in the middle of work, they may not match.
    pub fn fresh(&self) -> Option<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut above = Vec::new(); // comments and attributes, which belong to the item under them
        let mut rest = self.text.lines().peekable();
        let (mut has_function, mut in_hints) = (false, false);
        while let Some(line) = rest.next() {
            in_hints = in_hints || line.starts_with("// Hint 1.");
            if in_hints || line.starts_with("//!") {
                if line.is_empty() || line.starts_with("//") {
                    lines.push(line.to_string());
                }
            } else if line.starts_with("//") || line.starts_with("#[") {
                above.push(line.to_string());
            } else if line.starts_with("pub fn ") {
                has_function = true;
                lines.append(&mut above);
                // The signature goes on to the first opening brace.
                let mut line = line;
                while !line.contains('{') {
                    lines.push(line.to_string());
                    line = rest.next_if(|line| !begins_an_item(line))?;
                }
                let signature = line.split('{').next().unwrap_or(line);
                lines.extend([format!("{signature}{{"), "    not_started()".to_string(), "}".to_string()]);
                while rest.next_if(|line| !begins_an_item(line)).is_some() {}
                lines.push(String::new());
            } else if line.starts_with("pub ") || line.starts_with("use ") {
                lines.append(&mut above);
                lines.push(line.to_string());
                while let Some(line) = rest.next_if(|line| !begins_an_item(line)) {
                    lines.push(line.to_string());
                }
            } else if line.is_empty() {
                above.clear();
                lines.push(String::new());
            } else {
                // An item of the learner's, or the inside of one.
                above.clear();
            }
        }
        // One empty line where several have met.
        lines.dedup_by(|a, b| a.is_empty() && b.is_empty());
        has_function.then(|| lines.join("\n").trim_end().to_string() + "\n")
    }
}

/// Whether a line stands at the left and begins something new.
fn begins_an_item(line: &str) -> bool {
    let inside = [' ', '\t', '}', ')', ']'];
    !line.is_empty() && !line.starts_with(inside) && !line.starts_with("where")
}

/// The line of a function, or of a method: `Mlp::forward`.
pub fn line_of(text: &str, item: &str) -> Option<usize> {
    let (owner, function) = item.rsplit_once("::").map_or((None, item), |(owner, function)| (Some(owner), function));
    let lines: Vec<&str> = text.lines().collect();
    let start = match owner {
        Some(owner) => {
            let heads = [format!("impl {owner} "), format!("impl<'a> {owner}<'a> "), format!("impl {owner}<")];
            lines.iter().position(|line| heads.iter().any(|head| line.starts_with(head)))?
        }
        None => 0,
    };
    let heads = [format!("fn {function}("), format!("fn {function}<")];
    let is_head = |line: &&str| heads.iter().any(|head| line.contains(head) && !line.trim_start().starts_with("//"));
    lines[start..].iter().position(is_head).map(|i| start + i + 1)
}
